"""Servers that speak the protocol in their own way: what passes, and what is kept of it."""

import json
import threading
import time

import pytest
from django.test import Client

from feedback.models import Choice, OtherName, Reaction
from feedback.proxy import log as proxy_log
from inference.answers import Answer
from tests.feedback.ingest.ingesting import Sender, choice, thumb
from tests.feedback.proxy.proxied import behind, texts
from tests.inference import faulty

pytestmark = pytest.mark.django_db(transaction=True)
LONG = "很长的回答。" * 20_000


def azure(h) -> None:
    """A first chunk about filters, without an id."""
    h.begin()
    h.event(
        {
            "choices": [],
            "created": 0,
            "id": "",
            "model": "",
            "object": "",
            "prompt_filter_results": [{"prompt_index": 0, "content_filter_results": {}}],
        }
    )
    for delta in ({"role": "assistant", "content": ""}, {"content": "Hello"}):
        h.event(h.chunk(delta) | {"id": "chatcmpl-azure"})
    h.event(h.chunk({}, "stop") | {"id": "chatcmpl-azure"})
    h.done()


def one_event(h) -> None:
    """The whole answer in one event, its id behind the text."""
    h.begin()
    h.event(
        {
            "object": "chat.completion.chunk",
            "choices": [{"index": 0, "delta": {"content": LONG}, "finish_reason": "stop"}],
            "id": "chatcmpl-long",
        }
    )
    h.done()


def keep_alive(h) -> None:
    """Comments while it thinks, as long as the test says."""
    h.begin()
    h.send(b": processing\n\n")
    h.server.thinking.wait(10)
    for delta, finish in (({"content": "Done."}, None), ({}, "stop")):
        choices = [{"index": i, "delta": delta, "finish_reason": finish} for i in range(h.body.get("n") or 1)]
        h.event(h.chunk() | {"id": "chatcmpl-slow", "choices": choices})
    h.done()


def one_index(h) -> None:
    """Three answers, all of index 0 (or without one: `none`)."""
    index = {} if "none" in h.model else {"index": 0}
    said = ["First.", "Second.", "Third."]
    if not h.body.get("stream"):
        choices = [
            index | {"message": {"role": "assistant", "content": text}, "finish_reason": "stop"}
            for text in said
        ]
        h.json(200, {"id": f"c-{h.count}", "model": h.model, "choices": choices})
        return
    h.begin()
    h.event(
        h.chunk()
        | {
            "id": f"c-{h.count}",
            "choices": [index | {"delta": {"content": text}, "finish_reason": None} for text in said],
        }
    )
    h.event(
        h.chunk()
        | {"id": f"c-{h.count}", "choices": [index | {"delta": {}, "finish_reason": "stop"} for _ in said]}
    )
    h.done()


def function_call(h) -> None:
    """The protocol's old form, its arguments in pieces."""
    call = {"name": "lookup", "arguments": '{"city": "深圳"}'}
    if not h.body.get("stream"):
        message = {"role": "assistant", "content": None, "function_call": call}
        h.json(
            200,
            {
                "id": f"c-{h.count}",
                "model": h.model,
                "choices": [{"index": 0, "message": message, "finish_reason": "function_call"}],
            },
        )
        return
    h.begin()
    for piece in ({"name": "lookup", "arguments": ""}, {"arguments": '{"city": '}, {"arguments": '"深圳"}'}):
        h.event(h.chunk({"function_call": piece}))
    h.event(h.chunk({}, "function_call"))
    h.done()


@pytest.fixture(scope="module")
def server():
    with faulty.serve() as running:
        running.behaviours |= {
            "azure": azure,
            "one-event": one_event,
            "keep-alive": keep_alive,
            "one-index": one_index,
            "none-index": one_index,
        }
        running.behaviours |= {"function-call": function_call}
        yield running


@pytest.fixture
def here(server, settings):
    settings.ENDPOINT_HOSTS = [f"127.0.0.1:{server.port}"]
    server.counts.clear()
    server.thinking = threading.Event()
    proxy_log._seen.clear()
    return behind(server.url)


def test_the_id_behind_an_empty_first_one_is_the_answers(here):
    here.endpoint("azure")
    response, data = here.post(Client(), model="azure", stream=True)
    (answer,) = here.answers()
    assert answer.external_id == "chatcmpl-azure"
    Sender(here.project).taken(
        [thumb(target=response["X-Touchstone-Message"], user="a"), thumb(target="chatcmpl-azure", user="b")]
    )
    assert [r.message for r in Reaction.objects.all()] == [answer] * 2
    assert (answer.text, answer.state) == (texts(data), "complete") == ("Hello", "complete")


def test_an_answer_in_one_long_event_is_kept_whole_and_found_by_both_its_ids(here):
    here.endpoint("one-event")
    response, data = here.post(Client(), model="one-event", stream=True)
    (answer,) = here.answers()
    assert (answer.text, answer.state, answer.external_id) == (LONG, "complete", "chatcmpl-long") and texts(
        data
    ) == LONG
    sender = Sender(here.project)
    sender.taken(
        [thumb(target=response["X-Touchstone-Message"], user="a"), thumb(target="chatcmpl-long", user="b")]
    )
    assert list(Reaction.objects.values_list("message", flat=True)) == [answer.pk] * 2


@pytest.mark.parametrize("words", ["first", "afterwards"])
def test_comments_pass_at_once_and_feedback_by_either_id_finds_the_answer(here, server, words):
    here.endpoint("keep-alive", first_token_seconds=10)
    sender = Sender(here.project)
    asked = {"model": "keep-alive", "stream": True, "messages": [{"role": "user", "content": "Hello"}]}
    begun = time.monotonic()
    response = Client().post(
        "/v1/chat/completions", json.dumps(asked), content_type="application/json", **here.headers
    )
    stream = iter(response.streaming_content)
    assert next(stream) == b": processing\n\n"
    assert time.monotonic() - begun < 5 and not server.thinking.is_set(), (
        "the comment was out before the model said anything"
    )
    name = response["X-Touchstone-Message"]

    def speak():
        sender.taken(
            [
                thumb(target=name, user="a"),
                thumb(target="chatcmpl-slow", user="b"),
                {**thumb(target=name, user="a"), "kind": "correction", "value": None, "text": "So."},
            ]
        )
        sender.taken(thumb(target=name, user="c"))

    if words == "first":
        speak()
    server.thinking.set()
    assert texts(b"".join(stream)) == "Done."
    response.close()
    assert proxy_log.writer.flush(20)
    if words == "afterwards":
        speak()
    (answer,) = here.answers()
    assert answer.external_id == "chatcmpl-slow" != name
    assert list(Reaction.objects.filter(current=True).values_list("message", flat=True)) == [answer.pk] * 4
    # The same person by the other id: a change of mind, not a second mind.
    sender.taken(thumb(target="chatcmpl-slow", user="a", value="down"))
    assert [
        r.value
        for r in Reaction.objects.filter(
            current=True, kind="thumb", end_user__key_hash=Reaction.objects.earliest("pk").end_user.key_hash
        )
    ] == [-1]


@pytest.mark.parametrize("words", ["first", "afterwards"])
def test_drafts_are_chosen_by_their_second_names_too(here, server, words):
    here.endpoint("keep-alive", first_token_seconds=10)
    sender = Sender(here.project)
    asked = {
        "model": "keep-alive",
        "stream": True,
        "n": 2,
        "messages": [{"role": "user", "content": "Hello"}],
        "user": "zhang",
    }
    response = Client().post(
        "/v1/chat/completions", json.dumps(asked), content_type="application/json", **here.headers
    )
    name = response["X-Touchstone-Message"]
    row = choice(drafts=[{"id": name}, {"id": f"{name}:1"}], chosen=f"{name}:1", messages=None)
    if words == "first":
        assert sender.taken(row)["waiting"]
    server.thinking.set()
    b"".join(response.streaming_content)
    response.close()
    assert proxy_log.writer.flush(20)
    if words == "afterwards":
        assert not sender.taken(row).get("waiting")
    first, second = here.answers()
    (made,) = Choice.objects.filter(current=True)
    assert (made.chosen, made.parent, [s["message"] for s in made.shown]) == (
        second,
        first.parent,
        [first.pk, second.pk],
    )
    assert OtherName.objects.count() == 2


@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize("model", ["one-index", "none-index"])
def test_several_answers_under_one_index_are_several(here, model, stream):
    here.endpoint(model)
    here.post(Client(), model=model, n=3, stream=stream)
    assert [(m.text, m.state, m.position) for m in here.answers()] == [
        ("First.", "complete", 0),
        ("Second.", "complete", 1),
        ("Third.", "complete", 2),
    ]


@pytest.mark.parametrize("stream", [True, False])
def test_the_old_function_call_is_a_tool_call(here, stream):
    here.endpoint("function-call")
    here.post(Client(), model="function-call", stream=stream)
    (answer,) = here.answers()
    (call,) = answer.extra["tool_calls"]
    assert (call["function"]["name"], json.loads(call["function"]["arguments"]), answer.state) == (
        "lookup",
        {"city": "深圳"},
        "complete",
    )


def calls_of(*deltas, whole=False):
    answer = Answer(10_000)
    for delta in deltas:
        answer.take({"choices": [{"index": 0, "message" if whole else "delta": {"tool_calls": delta}}]})
    piece = answer.take({"choices": [{"index": 0, "delta": {}, "finish_reason": "tool_calls"}]})
    return [(c["id"], c["function"]["name"], c["function"]["arguments"]) for c in piece.tool_calls]


def part(name=None, arguments="", id=None, index: int | None = 0):
    function = {k: v for k, v in (("name", name), ("arguments", arguments)) if v is not None}
    return {k: v for k, v in (("index", index), ("id", id), ("function", function)) if v is not None}


def test_calls_under_one_index_are_told_apart():
    two = [("a", "f", '{"x": 1}'), ("b", "g", '{"y": 2}')]
    assert calls_of([part("f", '{"x": 1}', "a"), part("g", '{"y": 2}', "b")]) == two
    assert (
        calls_of(
            [part("f", '{"x": ', "a")], [part(None, "1}")], [part("g", '{"y": ', "b")], [part(None, "2}")]
        )
        == two
    )
    assert calls_of([part("f", '{"x": 1}', None), part("g", '{"y": 2}', None)]) == [
        ("", *call[1:]) for call in two
    ]
    assert calls_of([part("f", '{"x": 1}', None)], [part("g", '{"y": 2}', None)]) == [
        ("", *call[1:]) for call in two
    ]
    assert calls_of([part("f", '{"x": 1}', "a"), part("g", '{"y": 2}', "b"), part("h", "{}", "c")])[2] == (
        "c",
        "h",
        "{}",
    )


def test_one_call_in_pieces_stays_one():
    one = [("a", "f", '{"x": 12}')]
    assert calls_of([part("f", '{"x": ', "a")], [part("f", "12", "a")], [part("f", "}", "a")]) == one, (
        "the name with every piece"
    )
    assert (
        calls_of([part("f", '{"x": ', "a")], [part(None, "12", "other")], [part(None, "}", "another")]) == one
    ), "a new id with every piece"
    assert (
        calls_of(
            [part("f", '{"x": ', "a", index=None)],
            [part(None, "12", index=None)],
            [part(None, "}", index=None)],
        )
        == one
    )


def test_arguments_may_be_an_object():
    assert calls_of([part("f", {"city": "深圳", "days": 2}, "a")], whole=True) == [
        ("a", "f", '{"city": "深圳", "days": 2}')
    ]


def test_a_history_with_old_and_odd_calls_is_kept_and_recognised(here):
    here.endpoint("ok")
    old = {"role": "assistant", "content": None, "function_call": {"name": "f", "arguments": {"x": 1}}}
    history = [{"role": "user", "content": "Go."}, old, {"role": "function", "name": "f", "content": "2"}]
    here.post(Client(), model="ok", messages=history, user="p")
    new = {
        "role": "assistant",
        "content": None,
        "tool_calls": [{"type": "function", "function": {"name": "f", "arguments": '{"x": 1}'}}],
    }
    here.post(
        Client(),
        model="ok",
        messages=[history[0], new, history[2], here_said(here), {"role": "user", "content": "On."}],
        user="p",
    )
    first, second = here.answers()[0], here.answers()[-1]
    assert first.extra["tool_calls"] == new["tool_calls"]
    assert first.conversation == second.conversation and first.conversation.messages.count() == 6


def here_said(here) -> dict:
    return {"role": "assistant", "content": here.answers()[-1].text}
