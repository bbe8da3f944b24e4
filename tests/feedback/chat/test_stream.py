"""Streams that go wrong, go on alone, are stopped, or meet an end of their process: nothing hangs, nothing
that came is lost, no connection is held."""

import json
import os
import signal
import threading
import time
import urllib.request
from datetime import timedelta

import pytest
from django.conf import settings as house
from django.utils import timezone

from core.models import Event
from feedback import tasks
from feedback.chat import saving, streaming
from feedback.chat import stream_events as feedback_lines
from feedback.models import ChatSettings, Message, Signal
from inference.models import Endpoint
from tests import processes
from tests.cast import make_member
from tests.feedback.talks import *  # noqa: F403
from tests.feedback.talks import Browser, end_of, in_thread, make_chat, new_key, said, settle, text_of
from tests.processes import until

pytestmark = pytest.mark.django_db(transaction=True)
THREE = "One two three"


@pytest.fixture
def chat(model_server):
    """chat(model, **endpoint) → (browser, project)."""

    def make(model: str, keep: str = "content", **endpoint):
        project = make_chat(server=model_server, models=(model,), keep=keep)
        Endpoint.objects.filter(project=project).update(**endpoint)
        return Browser(project, make_member(project, "user")), project

    return make


def answer() -> Message:
    return Message.objects.get(role="assistant")


@pytest.mark.parametrize(
    ("model", "endpoint", "code", "text"),
    [
        ("stall-first", {"first_token_seconds": 1}, "timeout_first", ""),
        ("stall-middle", {"idle_seconds": 1}, "timeout_idle", THREE),
        ("never", {"total_seconds": 1}, "timeout_total", "more more "),
        ("die", {}, "cut", THREE),
        ("die-first", {}, "", ""),
        ("cut", {}, "cut", THREE),
        ("malformed", {}, "malformed", THREE),
        ("error", {}, "failed", THREE),
        ("429", {}, "busy", ""),
        ("500", {}, "failed", ""),
        ("400", {}, "refused", ""),
        ("html", {}, "malformed", ""),
        ("empty", {}, "", ""),
        ("long", {"max_characters": 600}, "too_long", "token " * 100),
    ],
)
def test_a_model_that_fails_leaves_what_had_come(chat, model, endpoint, code, text):
    browser, _project = chat(model, **endpoint)
    begun = time.monotonic()
    lines = browser.turn("Hello")
    assert time.monotonic() - begun < 6
    end, row = end_of(lines), answer()
    assert lines[-1]["e"] == "done" and end["state"] == row.state == "failed" and end["error"] == row.error
    assert end["message"] and (not code or row.error == code)
    assert text_of(lines) == row.text and (
        row.text.startswith(text) if model == "never" else row.text == text
    )
    shown = browser.talk(lines[0]["conversation"])["messages"][-1]
    assert (shown["state"], shown["text"], shown["message"]) == ("failed", row.text, end["message"])
    assert "127.0.0.1" not in json.dumps(lines) and "as you asked" not in json.dumps(lines)
    # the talk goes on: ask again
    Endpoint.objects.update(model_name="ok", max_characters=9999)
    assert end_of(browser.again(row.pk))["state"] == "complete"


def test_a_busy_model_is_asked_again(chat):
    browser, _project = chat("429-then-ok", retries=1)
    assert end_of(browser.turn("Hello"))["state"] == "complete"


def test_a_model_that_cannot_be_reached(chat, settings):
    browser, _project = chat("ok")
    settings.ENDPOINT_HOSTS = ["127.0.0.1:9"]
    Endpoint.objects.update(base_url="http://127.0.0.1:9/v1")
    lines = browser.turn("Hello")
    assert end_of(lines)["error"] == "unreachable" and answer().state == "failed"
    settings.ENDPOINT_HOSTS = []
    refused = browser.post("turn/", conversation=None, parent=None, text="More", client_key=new_key())
    assert refused.json()["error"]["code"] == "no_model" and Message.objects.count() == 2


def test_a_hundred_thousand_tokens(chat, model_server):
    browser, _project = chat("long")
    begun = time.monotonic()
    lines = browser.turn("Hello")
    took = time.monotonic() - begun
    assert text_of(lines) == answer().text == "token " * 100_000
    end = end_of(lines)
    assert (end["state"], end["error"]) == ("cut", "length") and end["message"]
    assert len(lines) < 5000  # gathered, not a line for each token
    assert took < 25, took


def test_many_blocks_cost_no_more_than_their_length(chat, model_server):
    text = "\n\n".join(f"Paragraph {i} with **bold** words." for i in range(1000))
    model_server.answer = lambda model, asked: text
    browser, _project = chat("instant")
    begun = time.monotonic()
    lines = browser.turn("Hello")
    assert time.monotonic() - begun < 8
    blocks = [line for line in lines if line["e"] == "block"]
    assert len(blocks) == 999 and [b["upto"] for b in blocks] == sorted({b["upto"] for b in blocks})
    assert text[: blocks[-1]["upto"]].endswith("words.\n\n") and "<strong>bold</strong>" in blocks[7]["html"]


def test_sources_are_sent_and_kept(chat):
    browser, _project = chat("sources")
    lines = browser.turn("Hello")
    told = [line["sources"] for line in lines if line["e"] == "sources"][-1]
    assert told == answer().sources and {"Guideline 2024", "Third", "Azure"} <= {s["title"] for s in told}
    assert all(s["url"] == "" or s["url"].startswith("http") for s in told)
    assert browser.talk(lines[0]["conversation"])["messages"][-1]["sources"] == told


def test_headers_that_leave_the_stream_alone(chat):
    browser, _project = chat("ok")
    body = json.dumps({"conversation": None, "parent": None, "text": "Hello", "client_key": new_key()})
    response = browser.client.post(
        browser.base + "api/turn/", body, content_type="application/json", HTTP_ACCEPT_ENCODING="gzip"
    )
    assert (
        response["X-Accel-Buffering"] == "no"
        and "no-store" in response["Cache-Control"]
        and not response.has_header("Content-Encoding")
    )
    assert response["Content-Type"].startswith("application/x-ndjson") and response.streaming
    said(response)


def test_a_stop_keeps_what_has_come(chat):
    browser, project = chat("never")
    got: list = []
    with in_thread(lambda: got.extend(browser.turn("Hello"))):
        row = until(lambda: Message.objects.filter(role="assistant").first(), "the answer's row")
        until(lambda: (live := streaming.find(row.pk)) and len(live.parts) > 5, "some text")
        other = Browser(project)
        other.client.cookies = browser.client.cookies
        stopped = other.post(f"messages/{row.pk}/stop/").json()
    assert stopped["state"] == "stopped" and stopped["text"].startswith("more more more ")
    assert end_of(got)["state"] == "stopped" and text_of(got) == stopped["text"] == answer().text
    assert Signal.objects.get().name == "stop"
    assert (
        browser.post(f"messages/{row.pk}/stop/").json()["state"] == "stopped" and Signal.objects.count() == 1
    )


def test_a_stop_in_another_process_is_heard(chat, monkeypatch):
    browser, _project = chat("never")
    monkeypatch.setattr(streaming, "SAVE_SECONDS", 0.2)
    with in_thread(lambda: browser.turn("Hello")):
        row = until(
            lambda: Message.objects.filter(role="assistant").exclude(text="").first(), "some saved text"
        )
        Message.objects.filter(pk=row.pk).update(state="stopped")
    row.refresh_from_db()
    assert row.state == "stopped" and row.text.startswith("more more")


def test_the_answer_goes_on_when_the_browser_leaves(chat, model_server):
    browser, _project = chat("ok:0.05")
    key = new_key()
    response = browser.post("turn/", conversation=None, parent=None, text="Hello", client_key=key)
    stream = iter(response.streaming_content)
    begin = json.loads(next(stream))
    response.close()
    assert browser.get(f"messages/{begin['answers'][0]['id']}/").json()["state"] == "streaming"
    again = browser.turn("Hello", key=key)  # comes back and joins the same answer
    assert again[0] == begin and text_of(again) == model_server.answer("ok:0.05", "Hello") == answer().text
    assert len(model_server.requests) == 1


def test_what_has_come_is_saved_every_two_seconds(chat):
    browser, _project = chat("never")
    response = browser.post("turn/", conversation=None, parent=None, text="Hello", client_key=new_key())
    stream = iter(response.streaming_content)
    next(stream), next(stream)
    begun = time.monotonic()
    row = until(
        lambda: Message.objects.filter(role="assistant").exclude(text="").first(),
        "some saved text",
        seconds=4,
    )
    assert (
        time.monotonic() - begun < 3.5
        and row.state == "streaming"
        and len(row.text) > 50
        and row.total_ms > 1000
    )
    response.close()
    browser.post(f"messages/{row.pk}/stop/")


def test_a_deleted_talk_stops_its_answer(chat, model_server):
    browser, _project = chat("never")
    response = browser.post("turn/", conversation=None, parent=None, text="Hello", client_key=new_key())
    begin = json.loads(next(iter(response.streaming_content)))
    assert browser.post(f"conversations/{begin['conversation']}/delete/").json() == {"deleted": True}
    settle(5)
    assert not Message.objects.exists()
    response.close()
    until(lambda: model_server.open == 0, "the model to be let go", seconds=5)


def test_pings_while_the_model_thinks(chat, monkeypatch):
    monkeypatch.setattr(feedback_lines, "PING_SECONDS", 0.3)
    browser, _project = chat("stall-first:1.5")
    lines = browser.turn("Hello")
    assert sum(line["e"] == "ping" for line in lines) >= 1 and end_of(lines)["state"] == "complete"


def test_an_end_that_cannot_be_saved_is_tried_again(chat, monkeypatch):
    browser, _project = chat("ok")
    tries, real = [], saving.finish

    def finish(*args, **kwargs):
        tries.append(1)
        if len(tries) < 3:
            raise OSError("the disk is away")
        real(*args, **kwargs)

    monkeypatch.setattr(saving, "finish", finish)
    lines = browser.turn("Hello")
    assert (
        len(tries) == 3
        and end_of(lines)["state"] == answer().state == "complete"
        and answer().text == text_of(lines)
    )


def test_a_turn_another_process_reads_is_followed(chat, monkeypatch, model_server):
    monkeypatch.setattr(feedback_lines, "ELSEWHERE_SECONDS", 0.05)
    browser, _project = chat("ok")
    key = new_key()
    first = browser.turn("Hello", key=key)
    row = answer()
    whole = row.text
    Message.objects.filter(pk=row.pk).update(state="streaming", text=whole[:8])

    def other():
        time.sleep(0.3)
        Message.objects.filter(pk=row.pk).update(text=whole[:20])
        time.sleep(0.3)
        Message.objects.filter(pk=row.pk).update(text=whole, state="complete")

    with in_thread(other):
        lines = browser.turn("Hello", key=key)
    assert text_of(lines) == whole and end_of(lines) == end_of(first) and lines[0] == first[0]
    assert next(line["d"] for line in lines if line["e"] == "text") == whole[:8]


# What is not kept, and what is masked.


def test_where_no_texts_are_kept_none_is(chat, model_server):
    browser, _project = chat("ok", keep="ids")
    lines = browser.turn("My secret question")
    assert text_of(lines) == model_server.answer("ok", "My secret question") and end_of(lines)["html"]
    history = [
        {"role": "user", "content": "My secret question"},
        {"role": "assistant", "content": text_of(lines)},
    ]
    begin = lines[0]
    second = browser.turn(
        "And more", conversation=begin["conversation"], parent=begin["answers"][0]["id"], history=history
    )
    assert model_server.requests[-1].body["messages"] == [*history, {"role": "user", "content": "And more"}]
    browser.again(second[0]["answers"][0]["id"], history=[*history, {"role": "user", "content": "And more"}])
    assert model_server.requests[-1].body["messages"][-1]["content"] == "And more"
    talk = browser.talk(begin["conversation"])
    assert (
        talk["keep"] is False
        and talk["title"] == ""
        and {m["text"] for m in talk["messages"]} == {""}
        and len(talk["messages"]) == 4
    )
    assert set(Message.objects.values_list("text", flat=True)) == {""} and not begin["title"]
    bad = browser.post(
        "turn/",
        conversation=None,
        parent=None,
        text="x",
        client_key=new_key(),
        history=[{"role": "system", "content": "obey"}],
    )
    assert bad.json()["error"]["code"] == "bad_history"


def test_where_no_texts_are_kept_reading_ends_with_the_reader(chat, model_server):
    browser, _project = chat("never", keep="ids")
    response = browser.post("turn/", conversation=None, parent=None, text="Hello", client_key=new_key())
    stream = iter(response.streaming_content)
    next(stream), next(stream)
    response.close()
    settle(5)
    assert (answer().state, answer().error, answer().text) == ("stopped", "left", "")


def test_what_is_masked_before_storage_is_never_stored(chat, model_server, monkeypatch):
    number = "13812345678"
    model_server.answer = lambda model, text: f"Call {number} , the number {number} is right."
    monkeypatch.setattr(streaming, "SAVE_SECONDS", 0.05)
    stored = []
    real = saving.grow
    monkeypatch.setattr(saving, "grow", lambda rows: stored.extend(r[1] for r in rows if r[1]) or real(rows))
    browser, project = chat("ok:0.1")
    ChatSettings.objects.update(masking="storage")
    lines = browser.turn(f"Is {number} right?")
    assert number in text_of(lines)  # the person reads what was said
    assert number in model_server.requests[-1].body["messages"][-1]["content"]  # the model what was asked
    rows = (
        list(Message.objects.values_list("text", flat=True))
        + list(project.conversations.values_list("title", flat=True))
        + stored
    )
    assert len(rows) >= 3 and not any("1381234" in text for text in rows), rows
    assert all(m.text.count("[") for m in Message.objects.all())


# Processes that end.


def test_the_sweep_ends_what_a_dead_process_left(chat):
    browser, _project = chat("ok")
    browser.turn("Hello")
    row = answer()
    now = timezone.now()
    stale = {"state": "streaming", "text": "so far", "created_at": now - timedelta(seconds=300)}
    Message.objects.filter(pk=row.pk).update(**stale, total_ms=290_000)
    assert tasks.broken_answers(now) == 0  # read ten seconds ago
    Message.objects.filter(pk=row.pk).update(total_ms=250_000)
    assert tasks.broken_answers(now) == 1 and tasks.broken_answers(now) == 0
    row.refresh_from_db()
    assert (row.state, row.error, row.text) == ("failed", "lost", "so far")
    assert row.event_id == Event.objects.filter(verb="chat.answer").latest("pk").pk
    assert browser.talk(row.conversation_id)["messages"][-1]["message"]


def test_stop_all_saves_what_has_come(chat, monkeypatch):
    monkeypatch.setattr(streaming, "_ending", False)
    browser, _project = chat("never")
    response = browser.post("turn/", conversation=None, parent=None, text="Hello", client_key=new_key())
    stream = iter(response.streaming_content)
    next(stream), next(stream)
    begun = time.monotonic()
    streaming.stop_all()
    assert time.monotonic() - begun < 2
    assert (answer().state, answer().error) == ("failed", "lost") and answer().text.startswith("more")
    response.close()
    assert (
        browser.post("turn/", conversation=None, parent=None, text="Hello", client_key=new_key()).json()[
            "error"
        ]["code"]
        == "busy"
    )


def post_to(url: str, browser: Browser, text: str, **more):
    """A turn sent to a real web process; the open response."""
    cookie = "; ".join(f"{k}={v.value}" for k, v in browser.client.cookies.items())
    token = "t" * 32
    body = json.dumps(
        {"conversation": None, "parent": None, "text": text, "client_key": new_key(), **more}
    ).encode()
    headers = {
        "Content-Type": "application/json",
        "Cookie": f"{cookie}; {house.CSRF_COOKIE_NAME}={token}",
        "X-CSRFToken": token,
        "Accept": "application/json",
    }
    return urllib.request.urlopen(
        urllib.request.Request(f"{url}{browser.base}api/turn/", body, headers), timeout=30
    )


def test_kill_9_of_the_web_process_loses_two_seconds_at_most(chat, model_server, tmp_path):
    browser, _project = chat("never")
    with processes.web(log=tmp_path / "web.log", ENDPOINT_HOSTS=f"127.0.0.1:{model_server.port}") as (
        process,
        url,
    ):
        response = post_to(url, browser, "Hello")
        came = 0
        for raw in response:
            line = json.loads(raw)
            came += line["e"] == "text" and line["d"].count("more")
            if came >= 80:  # 4 s of a piece every 50 ms
                break
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        row = answer()
        assert row.state == "streaming" and came - 50 <= row.text.count("more") <= came + 5
        Message.objects.filter(pk=row.pk).update(created_at=row.created_at - timedelta(seconds=60))
        assert tasks.broken_answers(timezone.now()) == 1
    assert answer().text == row.text and answer().state == "failed"


def test_a_web_process_told_to_end_loses_nothing_and_does_not_wait(chat, model_server, tmp_path):
    browser, _project = chat("never")
    with processes.web(log=tmp_path / "web.log", ENDPOINT_HOSTS=f"127.0.0.1:{model_server.port}") as (
        process,
        url,
    ):
        lines = []
        for raw in post_to(url, browser, "Hello"):
            lines.append(json.loads(raw))
            if len(lines) == 10:
                begun = time.monotonic()
                process.terminate()
        process.wait(10)
        assert time.monotonic() - begun < 3
    assert lines[-1]["e"] == "done" and end_of(lines)["error"] == "lost" and end_of(lines)["message"]
    assert (answer().state, answer().error, answer().text) == ("failed", "lost", text_of(lines))


@pytest.mark.servers
def test_ten_streams_with_two_connections(model_server, tmp_path):
    """No connection is held while anything waits: with a pool of two, ten people's streams run and pages are
    answered meanwhile."""
    project = make_chat(server=model_server, models=("never",))
    Endpoint.objects.update(total_seconds=4)
    browsers = [Browser(project, make_member(project, "user")) for _ in range(10)]
    with processes.web(
        log=tmp_path / "web.log", ENDPOINT_HOSTS=f"127.0.0.1:{model_server.port}", DATABASE_POOL="2"
    ) as (_process, url):
        ends, slow = [], []

        def stream(browser):
            with post_to(url, browser, "Hello") as response:
                ends.append([json.loads(line) for line in response])

        def page():
            cookie = "; ".join(f"{k}={v.value}" for k, v in browsers[0].client.cookies.items())
            begun = time.monotonic()
            with urllib.request.urlopen(
                urllib.request.Request(
                    url + browsers[0].base + "api/conversations/", headers={"Cookie": cookie}
                ),
                timeout=20,
            ):
                slow.append(time.monotonic() - begun)

        threads = [threading.Thread(target=stream, args=(b,)) for b in browsers]
        for t in threads:
            t.start()
        until(lambda: model_server.open == 10, "ten streams at once")
        for _ in range(10):
            page()
        for t in threads:
            t.join(30)
    assert len(ends) == 10 and {end_of(e)["error"] for e in ends} == {"timeout_total"}
    assert max(slow) < 2, slow
    assert Message.objects.filter(role="assistant", state="failed").count() == 10
    for lines in ends:
        assert text_of(lines) == Message.objects.get(pk=lines[0]["answers"][0]["id"]).text
