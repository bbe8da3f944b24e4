"""What the proxy keeps of an exchange, and what happens when it cannot."""

import json
import threading
from datetime import timedelta

import pytest
from django.db import OperationalError, connection
from django.test import Client
from django.utils import timezone

from feedback.models import Conversation, EndUser, Lost, Message
from feedback.proxy import log as proxy_log
from feedback.proxy.log import Exchange, Writer, writer
from feedback.reactions import actions as reactions
from tests.cast import make_item
from tests.feedback.proxy.proxied import behind, texts
from tests.inference import faulty

pytestmark = pytest.mark.django_db(transaction=True)


def several(h) -> None:
    """Three answers at once, woven into each other; ids of their own."""
    key = f"chatcmpl-several-{h.count}"
    if not h.body.get("stream"):
        message = {"role": "assistant"}
        choices = [
            {"index": i, "message": message | {"content": f"Answer {i} 高"}, "finish_reason": "stop"}
            for i in range(3)
        ]
        h.json(
            200, {"id": key, "object": "chat.completion", "created": 1, "model": h.model, "choices": choices}
        )
        return
    h.begin()
    for word in ("Answer", " ", None, " 高"):
        h.event(
            h.chunk()
            | {
                "id": key,
                "choices": [
                    {"index": i, "delta": {"content": word or str(i)}, "finish_reason": None}
                    for i in (2, 0, 1)
                ],
            }
        )
    for i in range(3):
        h.event(h.chunk() | {"id": key, "choices": [{"index": i, "delta": {}, "finish_reason": "stop"}]})
    h.done()


def own_id(h) -> None:
    """As `ok`, with an id like a real server's."""
    plain = h.chunk
    h.chunk = lambda *args, **kwargs: plain(*args, **kwargs) | {"id": f"chatcmpl-{h.count}"}
    faulty.ok(h)


@pytest.fixture(scope="module")
def server():
    with faulty.serve() as running:
        running.behaviours |= {"several": several, "own-id": own_id}
        yield running


@pytest.fixture
def here(server, settings):
    settings.ENDPOINT_HOSTS = [f"127.0.0.1:{server.port}"]
    server.counts.clear()
    proxy_log._seen.clear()
    return behind(server.url)


def say(text):
    return {"role": "user", "content": text}


def test_an_exchange_is_kept_value_by_value(here, server):
    here.endpoint("own-id", version="Clinic-7B v3", weight=1)
    messages = [{"role": "system", "content": "Be brief."}, say("血压 150/95, ok?\r\n")]
    tools = [{"type": "function", "function": {"name": "f", "parameters": {}}}]
    response, data = here.post(
        Client(),
        model="own-id",
        messages=messages,
        tools=tools,
        stream=True,
        user="patient-7",
        temperature=0.3,
        max_tokens=50,
        metadata={"x": "private"},
    )
    (answer,) = here.answers()
    assert answer.text == texts(data) == server.answer("own-id", "血压 150/95, ok?\r\n")
    assert (answer.state, answer.error, answer.sources, answer.seen) == ("complete", "", [], True)
    assert (answer.model_version.name, answer.arm.endpoint.name) == ("Clinic-7B v3", "own-id")
    assert answer.parameters == {"temperature": 0.3, "max_tokens": 50}
    assert answer.external_id == "chatcmpl-1" == response["X-Touchstone-Message"]
    assert 0 <= answer.first_token_ms <= answer.total_ms < 5000
    talk = answer.conversation
    assert (talk.source, talk.system, talk.tools, talk.keep) == ("proxy", "Be brief.", tools, True)
    assert (answer.parent.role, answer.parent.text, answer.parent.parent) == (
        "user",
        "血压 150/95, ok?\r\n",
        None,
    )
    assert talk.end_user == EndUser.objects.get() and "patient-7" not in str(EndUser.objects.values())


def test_the_next_turn_goes_on_in_the_same_conversation(here, server):
    here.endpoint("own-id")
    first, client = say("One?"), Client()
    here.post(client, model="own-id", messages=[first], user="p")
    said = here.answers()[0].text
    here.post(
        client,
        model="own-id",
        messages=[first, {"role": "assistant", "content": said}, say("Two?")],
        user="p",
        stream=True,
    )
    here.post(
        client,
        model="own-id",
        messages=[first, {"role": "assistant", "content": said}, say("Two?")],
        user="q",
        stream=True,
    )
    assert Conversation.objects.count() == 2, "another person's talk is another one, whatever its words"
    assert Message.objects.filter(conversation=here.answers()[0].conversation).count() == 4
    assert here.answers()[1].parent.parent == here.answers()[0]


@pytest.mark.parametrize("stream", [True, False])
def test_several_answers_are_a_group_of_drafts(here, stream):
    here.endpoint("several", version="V")
    response, _data = here.post(Client(), model="several", n=3, stream=stream)
    rows = here.answers()
    assert [m.text for m in rows] == ["Answer 0 高", "Answer 1 高", "Answer 2 高"]
    assert (
        [m.position for m in rows] == [0, 1, 2]
        and len({m.draft_group for m in rows}) == 1
        and rows[0].draft_group
    )
    assert (
        len({m.parent_id for m in rows}) == 1
        and {m.state for m in rows} == {"complete"}
        and {m.model_version.name for m in rows} == {"V"}
    )
    key = response["X-Touchstone-Message"]
    assert [m.external_id for m in rows] == [key, f"{key}:1", f"{key}:2"]
    assert len({m.context_hash for m in rows}) == 3 and all(m.context_hash and m.event_id for m in rows)


@pytest.mark.parametrize("stream", [True, False])
def test_tool_calls_are_kept_whole(here, stream):
    here.endpoint("tools")
    here.post(Client(), model="tools", stream=stream)
    (answer,) = here.answers()
    calls = answer.extra["tool_calls"]
    assert [c["id"] for c in calls] == ["call_a", "call_b"]
    assert json.loads(calls[0]["function"]["arguments"]) == {"city": "深圳", "days": 2}
    assert answer.text == "" and answer.state == "complete"


def test_feedback_by_either_id_finds_the_answer(here):
    """The server's own id, and the header's: the same, or, where the server's is no use, ours."""
    here.endpoint("own-id")
    here.endpoint("ok")  # gives every answer the same id
    before = reactions.react(
        project=here.project, end_user=None, kind="thumb", value=1, target_external="chatcmpl-1"
    )
    response, data = here.post(Client(), model="own-id", stream=True)
    assert (
        json.loads(data.decode().split("\n")[0][6:])["id"] == response["X-Touchstone-Message"] == "chatcmpl-1"
    )
    before.refresh_from_db()
    assert before.message == here.answers()[0]
    ids = [here.post(Client(), model="ok", stream=i % 2 == 0)[0]["X-Touchstone-Message"] for i in range(3)]
    assert len(set(ids)) == 3
    assert [m.external_id for m in here.answers()[1:]] == ids
    proxy_log._seen.clear()  # as after a restart: the header's promise cannot be kept, the exchange is
    here.post(Client(), model="ok")
    assert len({m.external_id for m in here.answers()}) == 5


def test_where_no_texts_are_kept_none_is(server, settings):
    settings.ENDPOINT_HOSTS = [f"127.0.0.1:{server.port}"]
    for slug, chat in (("ids", {"keep": "ids"}), ("masked", {"masking": "storage"})):
        here = behind(server.url, slug, **chat)
        here.endpoint("several")
        here.post(
            Client(),
            model="several",
            n=3,
            messages=[say("My mobile is 13812345678, call me")],
            user="13812345678",
        )
        assert len(here.answers()) == 3
        kept = str(list(Message.objects.filter(project=here.project).values())) + str(
            list(Conversation.objects.filter(project=here.project).values())
        )
        assert "13812345678" not in kept
        assert ("Answer 1" in kept) == (slug == "masked")


def test_a_reader_who_goes_away_leaves_what_passed(here, server):
    here.endpoint("never")
    body = json.dumps({"model": "never", "messages": [say("Hello")], "stream": True})
    response = Client().post("/v1/chat/completions", body, content_type="application/json", **here.headers)
    stream = iter(response.streaming_content)
    for _i in range(4):
        next(stream)
    response.close()
    assert writer.flush(10)
    (answer,) = here.answers()
    assert answer.state == "stopped" and answer.text and answer.error == ""
    for _i in range(100):
        if not server.open:
            break
        threading.Event().wait(0.02)
    assert server.open == 0, "the model has been told"


def test_a_reader_who_leaves_after_the_last_word_has_heard_all(here):
    here.endpoint("instant")
    body = json.dumps({"model": "instant", "messages": [say("Hello")], "stream": True})
    response = Client().post("/v1/chat/completions", body, content_type="application/json", **here.headers)
    next(iter(response.streaming_content))
    response.close()
    assert writer.flush(10)
    assert here.answers()[0].state == "complete"


def test_when_the_log_fails_the_answer_is_out_and_the_loss_counted(here, server, monkeypatch):
    here.endpoint("ok")
    real = proxy_log.record_exchange
    monkeypatch.setattr(proxy_log, "TRIES", (0, 0))
    for failure in (OperationalError("database is locked"), ValueError("x"), MemoryError()):

        def fail(failure=failure, **kwargs):
            raise failure

        monkeypatch.setattr(proxy_log, "record_exchange", fail)
        response, data = here.post(Client(), model="ok", stream=True)
        assert response.status_code == 200 and texts(data) == server.answer("ok", "Hello")
    monkeypatch.setattr(proxy_log, "record_exchange", real)
    assert here.answers() == []
    assert list(Lost.objects.values_list("project", "day", "count")) == [
        (here.project.pk, timezone.localdate(), 3)
    ]
    here.post(Client(), model="ok")
    assert len(here.answers()) == 1 and Lost.objects.get().count == 3


def test_a_busy_database_is_asked_again(here, monkeypatch):
    here.endpoint("ok")
    real, failures = proxy_log.record_exchange, [OperationalError("locked"), OperationalError("locked")]

    def sometimes(**kwargs):
        if failures:
            raise failures.pop()
        return real(**kwargs)

    monkeypatch.setattr(proxy_log, "TRIES", (0, 0, 0))
    monkeypatch.setattr(proxy_log, "record_exchange", sometimes)
    here.post(Client(), model="ok")
    assert len(here.answers()) == 1 and not Lost.objects.exists()


def test_a_loss_is_counted_once_the_database_is_back(here, monkeypatch):
    here.endpoint("ok")

    def down(*args, **kwargs):
        raise OperationalError("gone")

    with monkeypatch.context() as away:
        away.setattr(proxy_log, "TRIES", ())
        away.setattr(proxy_log, "record_exchange", down)
        away.setattr(type(Lost.objects), "get_or_create", down)
        here.post(Client(), model="ok")
        here.post(Client(), model="ok")
    assert not Lost.objects.exists()
    here.post(Client(), model="ok")
    assert Lost.objects.get().count == 2 and len(here.answers()) == 1


def test_a_prompt_without_messages_is_a_loss_not_a_crash(here):
    here.endpoint("ok")
    response = Client().post(
        "/v1/chat/completions", '{"model": "ok"}', content_type="application/json", **here.headers
    )
    assert response.status_code == 200
    response.getvalue()
    response.close()
    assert writer.flush(10)
    assert Lost.objects.get().count == 1


def test_what_waits_is_bounded(here, monkeypatch):
    gate = threading.Event()
    monkeypatch.setattr(proxy_log, "write", lambda exchange: gate.wait(10))
    monkeypatch.setattr(proxy_log, "MOST_WAITING", 3)
    own = Writer()

    def one():
        from feedback.proxy.answers import Heard

        return Exchange(here.project.pk, "", {"messages": []}, 10, None, None, Heard(10, streamed=True))

    for _i in range(5):
        own.put(one())
    gate.set()
    assert own.flush(10)
    own.put(one())
    assert own.flush(10)
    assert Lost.objects.get().count == 2


def test_the_writer_leaves_no_connection_behind(here):
    here.endpoint("ok")
    here.post(Client(), model="ok")
    assert connection.vendor  # this thread's own
    states = []
    thread = writer._thread
    thread.submit(lambda: states.append(connection.connection)).result(5)
    assert states == [None]


def test_managers_see_what_was_lost(here):
    project = here.project
    make_item(project)
    client = Client()
    client.force_login(here.manager)
    assert "could not be logged" not in client.get("/p/clinic/").content.decode()
    Lost.objects.create(project=project, day=timezone.localdate() - timedelta(days=30), count=100)
    Lost.objects.create(project=project, day=timezone.localdate(), count=7)
    page = client.get("/p/clinic/").content.decode()
    assert (
        '<span class="chip bad">7</span> exchanges of the last 7 days were answered by the proxy but '
        "could not be logged" in page
    )
    assert proxy_log.lost_lately(behind(here.url, "other").project) == 0
