"""The client against a server that does everything wrong a server can do."""

import logging
import threading
import time
from types import SimpleNamespace

import pytest

from inference import allowlist, client, transport
from inference.client import UpstreamError, open_raw, stream_chat
from tests.inference import faulty

ASK = [{"role": "user", "content": "Was tun? 你好"}]
QUIET = 0.25  # seconds a limit may be overdrawn on a busy machine


def drain(up, **kwargs):
    """(pieces, error or None, seconds)."""
    begun, pieces = time.monotonic(), []
    try:
        for piece in stream_chat(up, ASK, **kwargs):
            pieces.append(piece)
    except UpstreamError as exc:
        return pieces, exc, time.monotonic() - begun
    return pieces, None, time.monotonic() - begun


def text_of(pieces) -> str:
    return "".join(p.text for p in pieces)


@pytest.mark.parametrize("name", ["ok", "instant", "bytes", "cr", "crlf", "bom", "json"])
def test_every_way_to_say_it_is_understood(model, upstream, name):
    pieces, error, _seconds = drain(upstream(name))
    assert error is None and text_of(pieces) == model.answer(name, ASK[0]["content"])
    assert [p.finish for p in pieces if p.finish] == ["stop"]
    assert (pieces[0].model, pieces[0].id) == (name, "chatcmpl-1")


def test_what_is_sent(model, upstream):
    drain(
        upstream("ok", parameters={"temperature": 0.2, "top_p": 1, "stream": False, "model": "x", "n": 5}),
        tools=[{"type": "function"}],
        parameters={"top_p": 0.5},
    )
    seen = model.requests[0]
    assert (seen.method, seen.path) == ("POST", "/v1/chat/completions")
    assert seen.body == {
        "model": "ok",
        "messages": ASK,
        "stream": True,
        "temperature": 0.2,
        "top_p": 0.5,
        "tools": [{"type": "function"}],
    }
    assert (
        seen.headers["authorization"] == "Bearer sk-secret-1234"
        and seen.headers["accept-encoding"] == "identity"
    )
    assert seen.headers["host"] == f"127.0.0.1:{model.port}"
    drain(upstream("ok", key=""))
    assert "authorization" not in model.requests[1].headers


@pytest.mark.parametrize(
    ("name", "code", "text", "least", "most"),
    [
        ("slow-headers", "timeout_first", "", 0.5, 0.5),
        ("drip", "timeout_first", "", 0.5, 0.5),
        ("stall-first", "timeout_first", "", 0.5, 0.5),
        ("comments", "timeout_first", "", 0.5, 0.5),
        ("stall-middle", "timeout_idle", "One two three", 0.4, 0.4),
        ("die", "cut", "One two three", 0, 0.1),
        ("die-clean", "cut", "One two three", 0, 0),
        ("cut", "cut", "One two three", 0, 0),
        ("empty", "cut", "", 0, 0),
        ("malformed", "malformed", "One two three", 0, 0),
        ("error", "failed", "One two three", 0, 0),
        ("endless-line", "malformed", "", 0, 0.2),
        ("many-headers", "malformed", "", 0, 0.2),
        ("html", "malformed", "", 0, 0),
        ("gzip", "malformed", "", 0, 0),
        ("redirect", "refused", "", 0, 0),
        ("400", "refused", "", 0, 0),
        ("401", "refused", "", 0, 0),
        ("404", "refused", "", 0, 0),
        ("500", "failed", "", 0, 0),
        ("502", "failed", "", 0, 0),
    ],
)
def test_each_fault_has_its_code_and_keeps_what_came_before(upstream, name, code, text, least, most):
    pieces, error, seconds = drain(upstream(name))
    assert (error.code, text_of(pieces)) == (code, text)
    assert least <= seconds <= most + QUIET, f"{seconds:.2f} s"


def test_the_whole_takes_no_longer_than_allowed(upstream):
    pieces, error, seconds = drain(upstream("never", total_seconds=0.8))
    assert error.code == "timeout_total" and len(pieces) > 5 and 0.8 <= seconds <= 0.8 + QUIET


def test_a_limit_does_not_run_while_the_caller_works(upstream):
    pieces = []
    for piece in stream_chat(upstream("ok:0.01"), ASK):
        if not pieces:
            time.sleep(0.6)  # longer than idle_seconds
        pieces.append(piece)
    assert pieces[-1].finish == "stop"


def test_100000_tokens_are_broken_off_at_the_limit(upstream):
    pieces, error, seconds = drain(upstream("long", max_characters=20_000, total_seconds=20))
    assert error.code == "too_long" and text_of(pieces) == ("token " * 4000)[:20_000] and seconds < 3


def test_100000_tokens_are_read_where_they_are_allowed(upstream):
    pieces, error, _seconds = drain(upstream("long", max_characters=700_000, total_seconds=30))
    assert error is None and len(text_of(pieces)) == 600_000 and pieces[-1].finish == "length"


def test_busy_servers_are_asked_again_when_they_say(model, upstream):
    pieces, error, seconds = drain(upstream("429-then-ok", first_token_seconds=5))
    assert error is None and text_of(pieces).startswith("You said") and seconds >= 0.3
    times = [seen.at for seen in model.requests]
    assert len(times) == 2 and times[1] - times[0] >= 0.3
    pieces, error, _seconds = drain(upstream("503-then-ok", first_token_seconds=5))
    assert error is None


def test_busy_servers_are_not_asked_for_ever(model, upstream):
    _pieces, error, _seconds = drain(upstream("429", retries=2, first_token_seconds=5))
    assert (error.code, error.status, error.retry_after) == ("busy", 429, 0.1) and len(model.requests) == 3
    _pieces, error, _seconds = drain(upstream("429", retries=0))
    assert len(model.requests) == 4
    model.behaviours["later"] = faulty.status(429, **{"Retry-After": "3600"})
    _pieces, error, seconds = drain(upstream("later"))
    # nobody waits for what cannot be in time
    assert (error.code, error.retry_after) == ("busy", 3600) and seconds < QUIET


def test_nothing_is_asked_again_once_something_was_said(model, upstream):
    for name in ("die", "cut", "stall-middle", "500"):
        drain(upstream(name))
    assert len(model.requests) == 4


def test_a_connection_closed_before_any_byte_is_tried_again(model, upstream):
    _pieces, error, _seconds = drain(upstream("die-first", retries=1, first_token_seconds=5))
    assert error.code == "unreachable" and len(model.requests) == 2


def test_nobody_listens(upstream, model):
    up = upstream("ok", retries=1, first_token_seconds=3)
    model.shutdown()
    model.server_close()
    _pieces, error, seconds = drain(up)
    assert error.code == "unreachable" and seconds < 2


@pytest.mark.parametrize(
    "name", ["slow-headers", "stall-first", "stall-middle", "comments", "never", "429-slow", "drip"]
)
def test_a_cancel_is_heard_while_waiting(model, upstream, name):
    model.behaviours["429-slow"] = faulty.status(429, **{"Retry-After": "2"})
    cancel, set_at = threading.Event(), []
    up = upstream(name, first_token_seconds=20, idle_seconds=20)
    timer = threading.Timer(0.3, lambda: (set_at.append(time.monotonic()), cancel.set()))
    timer.start()
    _pieces, error, _seconds = drain(up, cancel=cancel)
    assert error.code == "cancelled" and time.monotonic() - set_at[0] < 0.2 + QUIET
    end = time.monotonic() + 2
    while model.open and time.monotonic() < end:
        time.sleep(0.02)
    assert not model.open, "the server was told"


def test_closing_the_iterator_ends_the_request(model, upstream):
    pieces = stream_chat(upstream("never"), ASK)
    next(pieces)
    pieces.close()
    end = time.monotonic() + 2
    while model.open and time.monotonic() < end:
        time.sleep(0.02)
    assert not model.open


def test_tool_calls_are_put_together_by_index(upstream):
    pieces, _error, _seconds = drain(upstream("tools"))
    assert pieces[-1].finish == "tool_calls" and text_of(pieces) == ""
    assert pieces[-1].tool_calls == [
        {
            "id": "call_a",
            "type": "function",
            "function": {"name": "weather", "arguments": '{"city": "深圳", "days": 2}'},
        },
        {"id": "call_b", "type": "function", "function": {"name": "clock", "arguments": "{}"}},
    ]


def test_thoughts_are_no_text_and_nulls_no_trouble(upstream):
    assert text_of(drain(upstream("reasoning"))[0]) == "Forty-two."
    pieces, error, _seconds = drain(upstream("null"))
    assert error is None and text_of(pieces) == "One two"
    pieces, _error, _seconds = drain(upstream("refusal"))
    assert text_of(pieces) == "I cannot help with that." and pieces[-1].finish == "content_filter"


def test_the_end_may_be_said_in_several_ways(upstream):
    assert drain(upstream("no-done"))[0][-1].finish == "stop"
    assert drain(upstream("length"))[0][-1].finish == "length"
    pieces, error, _seconds = drain(upstream("late-usage"))
    assert error is None and pieces[-1].usage == {
        "prompt_tokens": 3,
        "completion_tokens": 3,
        "total_tokens": 6,
    }
    assert [p.finish for p in pieces if p.finish] == ["stop"]


def events(model, *deltas, done=True):
    """A behaviour made of raw `data:` payloads."""

    def answer(h):
        h.begin()
        for delta in deltas:
            h.send(b"data: " + delta + b"\n\n")
        if done:
            h.send(b"data: [DONE]\n\n")
        h.end()

    model.behaviours["raw"] = answer


def content(escaped: str) -> bytes:
    return b'{"choices": [{"delta": {"content": "' + escaped.encode() + b'"}}]}'


def test_a_character_cut_in_two_escapes_is_one(model, upstream):
    events(model, content("a\\ud83d"), content("\\ude00b"))
    pieces, error, _seconds = drain(upstream("raw"))
    assert error is None and text_of(pieces) == "a😀b"


@pytest.mark.parametrize("bad", ["\\ud83d", "\\ude00", "a\\u0000b"])
def test_what_cannot_be_stored_is_no_answer(model, upstream, bad):
    events(model, content("good "), content(bad), content("x"))
    pieces, error, _seconds = drain(upstream("raw"))
    assert error.code == "malformed" and text_of(pieces) == "good "


@pytest.mark.parametrize(
    "data",
    [
        b"[]",
        b"5",
        b"null",
        b'"x"',
        b"[" * 100_000,
        b'{"choices": [{"delta": {"content": 5}}]}',
        b"\xff",
        b"{}}",
    ],
)
def test_chunks_that_are_none(model, upstream, data):
    events(model, content("good"), data)
    pieces, error, _seconds = drain(upstream("raw"))
    assert error.code == "malformed" and text_of(pieces) == "good"


@pytest.mark.parametrize(
    "data",
    [
        b"{}",
        b'{"choices": null}',
        b'{"choices": [null]}',
        b'{"choices": [{"delta": null}]}',
        b'{"choices": [{"index": 1, "delta": {"content": "other"}}]}',
        b'{"choices": [{"delta": {"content": [{"type": "thinking", "thinking": "x"}]}}]}',
        b'{"usage": {"prompt_tokens": "many"}, "id": 5, "model": []}',
    ],
)
def test_chunks_that_say_nothing_are_passed_over(model, upstream, data):
    events(model, content("good"), data)
    pieces, error, _seconds = drain(upstream("raw"))
    assert error is None and text_of(pieces) == "good" and pieces[-1].finish == "stop"


def test_tool_calls_without_an_index(model, upstream):
    part = b'{"choices": [{"delta": {"tool_calls": [%s]}}]}'
    events(
        model,
        part % b'{"id": "a", "function": {"name": "f", "arguments": "{"}}',
        part % b'{"function": {"arguments": "}"}}',
        part % b'{"id": "b", "function": {"name": "g"}}',
        b'{"choices": [{"delta": {}, "finish_reason": "tool_calls"}]}',
    )
    calls = drain(upstream("raw"))[0][-1].tool_calls
    assert [(c["id"], c["function"]["name"], c["function"]["arguments"]) for c in calls] == [
        ("a", "f", "{}"),
        ("b", "g", ""),
    ]


def test_connections_are_used_again_and_dead_ones_replaced(model, upstream):
    for _ in range(5):
        assert drain(upstream("ok"))[1] is None
    assert model.connections == 1
    kept = next(iter(transport._idle.values()))[0]
    kept.channel.socket.shutdown(2)  # as a server that has had enough
    assert drain(upstream("ok"))[1] is None and model.connections == 2


def test_a_connection_closed_under_our_hands_is_no_try(model, upstream):
    """The server closes a kept connection at the very moment it is used again."""
    drain(upstream("ok"))
    model.behaviours["once"] = lambda h: h.reset() if h.count == 1 else faulty.ok(h)
    pieces, error, _seconds = drain(upstream("once", retries=0))
    assert error is None and text_of(pieces)


def test_streams_do_not_disturb_each_other(model, upstream):
    answers, errors = {}, []

    def ask(number):
        try:
            answers[number] = text_of(
                stream_chat(
                    upstream("ok", total_seconds=30, first_token_seconds=10, idle_seconds=10),
                    [{"role": "user", "content": f"#{number}"}],
                )
            )
        except UpstreamError as exc:
            errors.append(exc)

    threads = [threading.Thread(target=ask, args=(n,)) for n in range(40)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not errors and answers == {n: model.answer("ok", f"#{n}") for n in range(40)}


def test_a_key_is_never_told(upstream, caplog):
    caplog.set_level(logging.DEBUG)
    up = upstream("401")
    _pieces, error, _seconds = drain(up)
    assert "as you asked" in error.message and "sk-secret" not in error.message
    for shown in (repr(up), str(error), repr(error), repr(error.__dict__), caplog.text):
        assert "sk-secret" not in shown


def test_proxies_of_the_environment_are_not_asked(model, upstream, monkeypatch):
    with faulty.serve() as proxy:
        for name in ("http_proxy", "HTTP_PROXY", "https_proxy", "all_proxy", "ALL_PROXY"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{proxy.port}")
        assert drain(upstream("ok"))[1] is None and not proxy.connections


# Pass-through, as the proxy uses it.


def body(name: str, stream=True) -> bytes:
    return b'{"model": "%s", "stream": %s, "messages": [{"role": "user", "content": "hi"}]}' % (
        name.encode(),
        b"true" if stream else b"false",
    )


def test_raw_answers_come_as_they_are(model, upstream):
    raw = open_raw(
        upstream("ok"),
        "/chat/completions",
        body=body("ok"),
        headers={"X-Own": "1", "Authorization": "Bearer theirs", "Cookie": "a=b", "Connection": "close"},
    )
    data = b"".join(raw.chunks())
    assert (
        raw.status == 200
        and data.endswith(b"data: [DONE]\n\n")
        and ("Content-Type", "text/event-stream") in raw.headers
    )
    assert not {name.lower() for name, _value in raw.headers} & {
        "transfer-encoding",
        "connection",
        "keep-alive",
    }
    sent = model.requests[0].headers
    assert (sent["x-own"], sent["authorization"]) == ("1", "Bearer sk-secret-1234") and "cookie" not in sent
    raw = open_raw(upstream("404"), "/chat/completions", body=body("404"))
    assert raw.status == 404 and b"as you asked" in b"".join(raw.chunks())
    raw = open_raw(upstream("x"), "/models", method="GET")
    assert raw.status == 200 and b'"object": "list"' in b"".join(raw.chunks())
    assert model.connections == 1


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("die", "cut"),
        ("die-clean", "cut"),
        ("stall-middle", "timeout_idle"),
        ("stall-first", "timeout_first"),
    ],
)
def test_raw_answers_that_break(upstream, name, code):
    raw, data = open_raw(upstream(name), "/chat/completions", body=body(name)), b""
    with pytest.raises(UpstreamError) as caught:
        for chunk in raw.chunks():
            data += chunk
    assert caught.value.code == code and (b"three" in data) == (name != "stall-first")


def test_raw_answers_are_waited_for_when_they_come_whole(upstream):
    up = upstream("slow-headers:0.8")
    with pytest.raises(UpstreamError) as caught:
        open_raw(up, "/chat/completions", body=body("slow-headers:0.8", False))
    assert caught.value.code == "timeout_first"
    raw = open_raw(up, "/chat/completions", body=body("slow-headers:0.8", False), stream=False)
    assert b"You said" in b"".join(raw.chunks())


def test_fewer_bytes_than_promised_are_a_cut(model, upstream):
    def short(h):
        h.send_response(200)
        h.send_header("Content-Length", "100")
        h.end_headers()
        h.wfile.write(b"x" * 10)
        h.hang_up()

    model.behaviours["short"] = short
    raw = open_raw(upstream("short"), "/chat/completions", body=body("short"))
    with pytest.raises(UpstreamError) as caught:
        b"".join(raw.chunks())
    assert caught.value.code == "cut"


def test_closing_from_another_thread(model, upstream):
    raw = open_raw(upstream("never", idle_seconds=20), "/chat/completions", body=body("stall-middle"))
    threading.Timer(0.2, raw.close).start()
    begun = time.monotonic()
    with pytest.raises(UpstreamError) as caught:
        list(raw.chunks())
    assert caught.value.code == "cancelled" and time.monotonic() - begun < 0.4 + QUIET


@pytest.mark.parametrize("path", ["/x y", "/x\r\nX: y", "/ü"])
def test_a_path_smuggles_nothing(model, upstream, path):
    with pytest.raises(UpstreamError):
        open_raw(upstream("ok"), path, method="GET")
    with pytest.raises((UpstreamError, ValueError)):
        open_raw(upstream("ok"), "/models", method="GET", headers={"X": "a\r\nY: b"})
    assert not model.requests


def test_an_endpoint_becomes_an_upstream(settings, model):
    settings.ENDPOINT_HOSTS = [f"127.0.0.1:{model.port}"]
    row = SimpleNamespace(
        base_url=model.url,
        address="127.0.0.1",
        model_name="ok",
        secret=None,
        secret_variable="",
        parameters={},
        first_token_seconds=1,
        idle_seconds=1,
        total_seconds=5,
        retries=0,
        max_characters=1000,
        practice=False,
    )
    assert text_of(stream_chat(client.upstream_of(row), ASK))
    for change in ({"address": "169.254.169.254"}, {"address": ""}, {"base_url": "http://127.0.0.1:1/v1"}):
        with pytest.raises(UpstreamError) as caught:
            client.upstream_of(SimpleNamespace(**(vars(row) | change)))
        assert caught.value.code == "not_allowed"


def test_the_pinned_address_is_called_wherever_the_name_leads(model, monkeypatch):
    """What the name means now is not even asked."""
    import socket

    def never(*args, **kwargs):
        raise AssertionError("a name was resolved")

    monkeypatch.setattr(socket, "getaddrinfo", never)
    up = client.Upstream(allowlist.Target("http", "models.example", model.port, "127.0.0.1", "/v1"), "ok")
    assert (
        text_of(stream_chat(up, ASK)) and model.requests[0].headers["host"] == f"models.example:{model.port}"
    )
