"""A turn of the chat against a real model server: what is sent up, what comes down, what is kept."""

import json

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from core.models import Event
from core.rendering import markdown
from feedback.chat import arms, streaming
from feedback.models import ChatSettings, Conversation, Message, Signal
from tests.cast import make_member
from tests.feedback.talks import *  # noqa: F403
from tests.feedback.talks import Browser, end_of, make_arm, make_chat, new_key, said, settle, text_of
from tests.threads import at_once

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def project(model_server):
    return make_chat("clinic", server=model_server, system="Be brief.")


@pytest.fixture
def browser(project):
    return Browser(project, make_member(project, "user"))


def test_a_first_turn_is_streamed_and_kept(browser, project, model_server):
    lines = browser.turn("What now?")
    begin, end = lines[0], end_of(lines)
    answer = model_server.answer("ok", "What now?")
    assert begin["e"] == "begin" and lines[-1] == {"e": "done"}
    assert (
        begin["title"] == "What now?"
        and not begin["drafts"]
        and not begin["regenerated"]
        and not begin["practice"]
    )
    assert text_of(lines) == answer and end["state"] == "complete" and end["error"] == end["message"] == ""
    assert end["html"] == markdown.render(answer)
    blocks = [line for line in lines if line["e"] == "block"]
    assert end["html"].startswith("".join(b["html"] for b in blocks)) and blocks[-1]["upto"] < len(answer)
    user, message = Message.objects.order_by("pk")
    arm = project.arms.get()
    assert (user.role, user.text, user.parent, user.state) == ("user", "What now?", None, "complete")
    assert (message.text, message.state, message.parent, message.draft_group) == (
        answer,
        "complete",
        user,
        None,
    )
    assert (message.arm, message.model_version) == (arm, arm.endpoint.model_version)
    assert message.first_token_ms <= message.total_ms < 20_000
    assert message.event_id == Event.objects.get(verb="chat.answer").pk > user.event_id
    conversation = Conversation.objects.get()
    assert (conversation.title, conversation.system, conversation.head, conversation.source) == (
        "What now?",
        "Be brief.",
        message,
        "chat",
    )
    sent = model_server.requests[-1].body
    assert sent["messages"] == [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "What now?"},
    ]


def test_the_path_to_the_turn_is_sent_up_and_nothing_beside_it(browser, model_server):
    first = browser.turn("One")
    talk, answer = first[0]["conversation"], first[0]["answers"][0]["id"]
    browser.turn("Two", conversation=talk, parent=answer)
    browser.turn("Two, but better", conversation=talk, parent=answer)
    asked = model_server.requests[-1].body["messages"]
    assert [m["content"] for m in asked] == [
        "Be brief.",
        "One",
        model_server.answer("ok", "One"),
        "Two, but better",
    ]
    edited = list(Message.objects.filter(parent=answer).order_by("pk"))
    assert [m.text for m in edited] == ["Two", "Two, but better"]
    shown = browser.talk(talk)["messages"]
    assert [m["text"] for m in shown][2] == "Two, but better" and shown[2]["siblings"] == [
        m.pk for m in edited
    ]
    other = browser.post(f"conversations/{talk}/branch/", message=edited[0].pk).json()
    assert other["messages"][2]["id"] == edited[0].pk and len(other["messages"]) == 4
    assert browser.talk(talk)["messages"][2]["id"] == edited[0].pk  # the branch last looked at


def test_text_is_sacred_all_the_way(browser, model_server):
    text = "  两行\r\n\n缩进 e\u0301 \u202e 10⁹\t\u200b🧑‍⚕️ "
    lines = browser.turn(text)
    assert (
        Message.objects.get(role="user").text
        == text
        == model_server.requests[-1].body["messages"][-1]["content"]
    )
    assert text_of(lines) == model_server.answer("ok", text) == Message.objects.get(role="assistant").text


def test_the_same_key_is_the_same_turn(browser, model_server):
    key = new_key()
    first, second = browser.turn("Once", key=key), browser.turn("Once", key=key)
    assert Message.objects.count() == 2 and len(model_server.requests) == 1
    assert first[0] == second[0] and text_of(first) == text_of(second) and end_of(first) == end_of(second)
    refused = browser.post("turn/", conversation=None, parent=None, text="Something else", client_key=key)
    assert refused.status_code == 409 and refused.json()["error"]["code"] == "key_used"


def test_the_same_key_twice_at_once_is_one_turn(browser, project):
    key = new_key()
    got = []

    def one():
        other = Browser(project)
        other.client.cookies = browser.client.cookies
        got.append(other.turn("Once", key=key))

    browser.turn("so that the person is known")
    assert at_once(one, one, one) == []
    assert Message.objects.filter(role="user", text="Once").count() == 1
    assert {line[0]["user"] for line in got} == {Message.objects.get(text="Once").pk}
    assert len({text_of(lines) for lines in got}) == 1


def test_regenerate_adds_a_sibling(browser, model_server):
    first = browser.turn("One")
    old = first[0]["answers"][0]["id"]
    key = new_key()
    lines = browser.again(old, key=key)
    new = lines[0]["answers"][0]["id"]
    assert lines[0]["user"] == first[0]["user"] and not lines[0]["regenerated"]
    assert [m["content"] for m in model_server.requests[-1].body["messages"]] == ["Be brief.", "One"]
    shown = browser.talk(first[0]["conversation"])["messages"][-1]
    assert shown["id"] == new and shown["siblings"] == [old, new]
    assert browser.again(old, key=key)[0]["answers"][0]["id"] == new and Message.objects.count() == 3
    assert Signal.objects.get().message_id == old
    ChatSettings.objects.update(drafts="regenerate")
    assert browser.again(new)[0]["regenerated"]


@pytest.mark.parametrize(
    ("change", "status", "code"),
    [
        ({"text": ""}, 400, "empty"),
        ({"text": " \n\u3000"}, 400, "empty"),
        ({"text": "x" * 100_001}, 400, "long_text"),
        ({"text": 5}, 400, "bad_value"),
        ({"client_key": "short"}, 400, "bad_key"),
        ({"client_key": None}, 400, "bad_value"),
        ({"conversation": 10**9}, 404, "not_found"),
        ({"conversation": "1"}, 400, "bad_value"),
        ({"conversation": True}, 400, "bad_value"),
        ({"parent": 10**9}, 404, "not_found"),
        ({"parent": 2**63}, 400, "bad_value"),
    ],
)
def test_what_is_no_turn_is_refused_and_leaves_nothing(browser, change, status, code):
    response = browser.post(
        "turn/", **{"conversation": None, "parent": None, "text": "Hello", "client_key": new_key()} | change
    )
    assert (response.status_code, response.json()["error"]["code"]) == (status, code)
    assert not Message.objects.exists() and not Conversation.objects.exists() and streaming.reading() == 0


@pytest.mark.parametrize(
    "raw",
    [
        b'{"text": "a\\u0000b"}',
        b'{"text": "\\ud800"}',
        b"[1]",
        b"{",
        b"\xff",
        b'{"text": NaN}',
        b'{"a": 1, "a": 2}',
    ],
)
def test_nul_and_half_characters_are_refused_at_the_door(browser, raw):
    response = browser.client.post(browser.base + "api/turn/", raw, content_type="application/json")
    assert response.status_code == 400 and response.json()["error"]["code"] == "bad_json"


def test_a_body_too_large_is_refused(browser):
    response = browser.post("turn/", text="x" * (3 * 1024 * 1024 + 1))
    assert response.status_code == 413 and response.json()["error"]["code"] == "too_large"


def test_no_model_no_turn(browser, project):
    project.arms.update(active=False)
    response = browser.post("turn/", conversation=None, parent=None, text="Hello", client_key=new_key())
    assert (response.status_code, response.json()["error"]["code"]) == (503, "no_model")
    assert not Message.objects.exists() and streaming.reading() == 0


def test_a_full_process_says_so_and_gives_its_places_back(browser, monkeypatch):
    monkeypatch.setattr(streaming, "MOST", 1)
    ChatSettings.objects.update(drafts="always")
    response = browser.post("turn/", conversation=None, parent=None, text="Hello", client_key=new_key())
    assert (response.status_code, response.json()["error"]["code"]) == (503, "busy")
    assert not Message.objects.exists() and streaming.reading() == 0
    ChatSettings.objects.update(drafts="never")
    assert end_of(browser.turn("Hello"))["state"] == "complete"


def test_turns_per_minute_are_a_persons(browser, project):
    ChatSettings.objects.update(turns_per_minute=2)
    assert [
        browser.post("turn/", conversation=None, parent=None, text="a", client_key=new_key()).status_code
        for _ in range(3)
    ] == [200, 200, 429]
    refused = browser.post("turn/", conversation=None, parent=None, text="a", client_key=new_key())
    assert int(refused["Retry-After"]) >= 1 and refused.json()["error"]["code"] == "too_many"
    assert end_of(Browser(project, make_member(project, "user")).turn("somebody else"))["state"] == "complete"


def test_a_turn_asks_few_questions_of_the_database(browser, model_server):
    first = browser.turn("One")
    body = {"conversation": first[0]["conversation"], "parent": first[0]["answers"][0]["id"], "text": "Two"}
    settle()
    with CaptureQueriesContext(connection) as queries:
        response = browser.post("turn/", **body, client_key=new_key())
    # transaction marks of SQLite are counted as queries, PostgreSQL's are not
    asked = [
        q["sql"]
        for q in queries
        if not (q["sql"] or "").startswith(("BEGIN", "COMMIT", "SAVEPOINT", "RELEASE"))
    ]
    said(response)
    assert len(asked) <= 15, "\n".join(sql[:160] for sql in asked)


def test_nothing_names_the_model(browser, project, model_server):
    """Blind: neither in the lines nor in the talk nor on the page."""
    make_arm(project, model_server.url, "ok", name="secret-endpoint", version="secret-version", weight=1000)
    ChatSettings.objects.update(drafts="always", draft_from_arms=True, assign="turn")
    model_server.answer = lambda model, text: "The same answer."
    lines = browser.turn("Who are you?")
    talk = browser.talk(lines[0]["conversation"])
    page = browser.client.get(browser.base, HTTP_ACCEPT="text/html").content.decode()
    told = json.dumps([lines, talk]) + page
    assert Message.objects.filter(model_version__name="secret-version").exists()
    for word in (
        "secret",
        "version of",
        "model_version",
        '"arm"',
        "endpoint",
        "parameters",
        model_server.url,
        "temperature",
    ):
        assert word not in told, word


def test_drafts_lie_side_by_side_in_a_random_order(browser, project, model_server):
    make_arm(project, model_server.url, "instant")
    ChatSettings.objects.update(drafts="always", draft_from_arms=True, draft_count=2)
    first_places = []
    for i in range(12):
        lines = browser.turn(f"Question {i}")
        begin = lines[0]
        assert begin["drafts"] and [a["position"] for a in begin["answers"]] == [0, 1]
        rows = list(Message.objects.filter(pk__in=[a["id"] for a in begin["answers"]]).order_by("position"))
        assert len({m.draft_group for m in rows}) == 1 and rows[0].draft_group
        assert {m.arm.endpoint.model_name for m in rows} == {"ok", "instant"}
        first_places.append(rows[0].arm.endpoint.model_name)
        assert all(
            end_of(lines, a)["state"] == "complete" and text_of(lines, a) == rows[a].text for a in (0, 1)
        )
    assert len(set(first_places)) == 2  # once in 2,000 runs this is chance
    talk = browser.talk(lines[0]["conversation"])
    assert [m["role"] for m in talk["messages"]] == ["user"]  # the drafts wait
    waiting = talk["messages"][0]["answers"]
    assert [m["position"] for m in waiting] == [0, 1] and talk["messages"][0]["choice"] is None


def test_drafts_of_one_model_are_sampled(browser, project, model_server):
    project.endpoints.update(parameters={"temperature": 0, "seed": 7})
    ChatSettings.objects.update(drafts="always", draft_count=3)
    browser.turn("Hello")
    settle()
    sent = [r.body for r in model_server.requests]
    assert {b["temperature"] for b in sent} == {arms.SAMPLED} and {b["seed"] for b in sent} == {7, 8, 9}
    assert {m.parameters["seed"] for m in Message.objects.filter(role="assistant")} == {7, 8, 9}


def test_writing_on_without_a_choice_takes_the_first_complete_draft(browser, project, model_server):
    ChatSettings.objects.update(drafts="always")
    lines = browser.turn("Hello")
    ChatSettings.objects.update(drafts="never")
    first = Message.objects.get(pk=lines[0]["answers"][0]["id"])
    Message.objects.filter(pk=first.pk).update(state="failed")
    on = browser.turn("And then?", conversation=lines[0]["conversation"], parent=lines[0]["user"])
    assert Message.objects.get(pk=on[0]["user"]).parent_id == lines[0]["answers"][1]["id"]
    assert not project.choices.exists()
    talk = browser.talk(lines[0]["conversation"])
    assert [m["id"] for m in talk["messages"]][:2] == [
        lines[0]["user"],
        lines[0]["answers"][1]["id"],
    ] and "answers" not in talk["messages"][0]


def test_no_draft_to_go_on_from(browser, project):
    ChatSettings.objects.update(drafts="always")
    lines = browser.turn("Hello")
    Message.objects.filter(role="assistant").update(state="failed", text="")
    body = {
        "conversation": lines[0]["conversation"],
        "parent": lines[0]["user"],
        "text": "More",
        "client_key": new_key(),
    }
    response = browser.post("turn/", **body)
    assert (response.status_code, response.json()["error"]["code"]) == (409, "choose_first")
