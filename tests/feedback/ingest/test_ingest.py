"""POST /api/v1/feedback/: what is sent is what is stored, once."""

import json
from datetime import UTC, datetime

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from core.api.auth import new_key
from core.models import Event, Member
from corpus.models import ModelVersion
from feedback.conversations import end_users
from feedback.ingest import parse as ingest_rows
from feedback.models import ChatSettings, Choice, Conversation, EndUser, Message, Reaction, Received
from tests.cast import make_project
from tests.feedback.ingest.ingesting import Sender, choice, talk, thumb

pytestmark = pytest.mark.django_db


# Reactions


def test_a_thumb_waits_for_its_answer_and_is_joined():
    sender = Sender()
    status, answer = sender.post(
        thumb(value="down", comment=" 剂量\r\n不对 ", reasons=["wrong"], tags=["dose"])
    )
    assert (status, answer["status"], answer["waiting"]) == (201, "accepted", True)
    row = Reaction.objects.get()
    assert (row.kind, row.value, row.text, row.reasons, row.tags, row.source, row.current) == (
        "thumb",
        -1,
        " 剂量\r\n不对 ",
        ["wrong"],
        ["dose"],
        "api",
        True,
    )
    assert (row.message, row.conversation, row.target_external) == (None, None, "a1")
    assert row.end_user == end_users.of_key(sender.project, "zhang")
    sender.taken(talk("q", "a"))
    row.refresh_from_db()
    assert row.message == Message.objects.get(role="assistant")


def test_a_score_finds_its_conversation_by_either_id():
    sender = Sender()
    for target in ("c1", "a1"):
        sender.taken(thumb(kind="score", value=4, target=target, user=f"early {target}"))
    sender.taken(talk("q", "a", conversation="c1"))
    for target in ("c1", "a1"):
        answer = sender.taken(thumb(kind="score", value=2, target=target, user=f"late {target}"))
        assert "waiting" not in answer
    assert set(Reaction.objects.values_list("conversation", flat=True)) == {Conversation.objects.get().pk}
    assert Reaction.objects.filter(current=True).count() == 4


def test_our_own_numbers_are_targets_too():
    sender = Sender()
    pk = sender.taken(talk("q", "a"))["conversation"]
    answer = Message.objects.get(role="assistant")
    sender.taken({"type": "reaction", "kind": "correction", "text": "better", "message": answer.pk})
    sender.taken({"type": "reaction", "kind": "score", "value": 1, "conversation": pk})
    # Nobody said who: then it was the one whose talk it is.
    assert [
        (r.kind, r.message_id, r.conversation_id, r.end_user_id) for r in Reaction.objects.order_by("pk")
    ] == [
        ("correction", answer.pk, None, EndUser.objects.get().pk),
        ("score", None, pk, EndUser.objects.get().pk),
    ]
    other = Sender()
    for bad in (
        {"message": answer.pk},
        {"message": 10**15},
        {"message": Message.objects.get(role="user").pk},
    ):
        for one in (sender, other) if bad.get("message") != answer.pk else (other,):
            status, said = one.post({"type": "reaction", "kind": "thumb", "value": 1} | bad)
            assert status == 400 and said["error"]["code"] in {"unknown_target", "not_an_answer"}
    status, said = other.post({"type": "reaction", "kind": "score", "value": 1, "conversation": pk})
    assert (status, said["error"]["code"], said["error"]["field"]) == (400, "unknown_target", "conversation")


def test_a_change_of_mind_keeps_history_and_the_same_again_adds_nothing():
    sender = Sender()
    for value in ("up", "up", "down", "none"):
        sender.taken(thumb(value=value))
    sender.taken(thumb(kind="correction", value=None, text="t"))
    sender.taken(thumb(user="li", value="down"))
    rows = Reaction.objects.order_by("pk").values_list("kind", "value", "current")
    assert list(rows) == [
        ("thumb", 1, False),
        ("thumb", -1, False),
        ("thumb", 0, True),
        ("correction", None, True),
        ("thumb", -1, True),
    ]
    sender.taken(talk("q", "a"))
    assert list(Reaction.objects.order_by("pk").values_list("kind", "value", "current")) == list(rows)
    sender.taken([thumb(value="up"), thumb(value="down"), thumb(value="down")])
    of_zhang = Reaction.objects.filter(kind="thumb", end_user=end_users.of_key(sender.project, "zhang"))
    assert list(of_zhang.order_by("pk").values_list("value", "current")) == [
        (1, False),
        (-1, False),
        (0, False),
        (1, False),
        (-1, True),
    ]


def test_what_nobody_in_particular_says_stands_side_by_side():
    sender = Sender()
    row = thumb()
    del row["user"]
    sender.taken([row, row])
    assert Reaction.objects.filter(current=True, end_user=None).count() == 2


def test_an_old_one_that_comes_late_does_not_count():
    sender = Sender()
    sender.taken(thumb(value="down"))
    sender.taken(thumb(value="up", at="2026-01-31T09:30:00+08:00"))
    rows = Reaction.objects.order_by("pk").values_list("value", "current", "created_at")
    assert [r[:2] for r in rows] == [(-1, True), (1, False)]
    assert rows[1][2] == datetime(2026, 1, 31, 1, 30, tzinfo=UTC)


def test_reasons_are_the_projects_own():
    sender = Sender()
    ChatSettings.objects.create(
        project=sender.project, up_reasons=[{"key": "good"}], down_reasons=[{"key": "bad"}]
    )
    assert sender.post(thumb(reasons=["good"]))[0] == 201
    status, answer = sender.post(thumb(reasons=["bad"]))
    assert (status, answer["error"]["code"], answer["error"]["field"]) == (400, "bad_reason", "reasons")
    assert "good" in answer["error"]["message"]


# Conversations


def test_a_conversation_comes_whole():
    sender = Sender()
    call = [{"id": "c1", "type": "function", "function": {"name": "look", "arguments": '{"q": 1.50}'}}]
    row = {
        "type": "conversation",
        "conversation": "c1",
        "user": "zhang",
        "model": "M1",
        "title": "T",
        "tools": [{"name": "look"}],
        "at": "2026-01-01T00:00:00Z",
        "messages": [
            {"role": "system", "content": "S\u2028"},
            {"role": "user", "content": "  问 ", "id": "u1"},
            {"role": "assistant", "content": None, "tool_calls": call},
            {"role": "tool", "content": "42", "tool_call_id": "c1", "name": "look"},
            {
                "role": "assistant",
                "content": "答",
                "id": "a1",
                "model": "M2",
                "sources": [{"title": "t", "text": "x"}],
                "state": "stopped",
                "reactions": [
                    {"kind": "thumb", "value": False, "comment": "no"},
                    {"kind": "correction", "text": "", "user": "li"},
                ],
            },
        ],
        "reactions": [{"kind": "score", "value": 5}],
    }
    answer = sender.taken(row)
    talk_row = Conversation.objects.get(pk=answer["conversation"])
    assert (talk_row.external_id, talk_row.source, talk_row.title, talk_row.system, talk_row.tools) == (
        "c1",
        "api",
        "T",
        "S\u2028",
        [{"name": "look"}],
    )
    assert talk_row.created_at == datetime(2026, 1, 1, tzinfo=UTC)
    rows = list(talk_row.messages.order_by("pk"))
    assert [
        (m.role, m.text, m.extra, m.external_id, m.model_version and m.model_version.name, m.state)
        for m in rows
    ] == [
        ("user", "  问 ", None, "u1", None, "complete"),
        ("assistant", "", {"tool_calls": call}, "", "M1", "complete"),
        ("tool", "42", {"tool_call_id": "c1", "name": "look"}, "", None, "complete"),
        ("assistant", "答", None, "a1", "M2", "stopped"),
    ]
    assert [m.parent_id for m in rows] == [None, rows[0].pk, rows[1].pk, rows[2].pk]
    assert (rows[3].sources, talk_row.head_id) == ([{"title": "t", "text": "x"}], rows[3].pk)
    said = [
        (r.kind, r.value, r.text, r.message_id, r.conversation_id) for r in Reaction.objects.order_by("pk")
    ]
    assert said == [
        ("thumb", -1, "no", rows[3].pk, None),
        ("correction", None, "", rows[3].pk, None),
        ("score", 5, "", None, talk_row.pk),
    ]
    assert EndUser.objects.count() == 2
    event = Event.objects.get(verb="feedback.ingest")
    assert event.data == {"source": "api", "conversations": 1, "messages": 4, "reactions": 3}
    assert {
        *Message.objects.values_list("event_id", flat=True),
        *Reaction.objects.values_list("event_id", flat=True),
    } == {event.pk}


def test_sent_again_it_grows_by_what_is_new():
    sender = Sender()
    first = sender.taken(talk("q", "a", conversation="c1"))
    assert sender.taken(talk("q", "a", conversation="c1")) == {
        "index": 0,
        "status": "duplicate",
        "duplicate": True,
        "conversation": first["conversation"],
    }
    more = talk("q", "a", "q2", "b", conversation="c1")
    more["messages"][3]["reactions"] = [{"kind": "thumb", "value": 1}]
    assert sender.taken(more)["status"] == "accepted"
    assert sender.taken(more)["status"] == "duplicate"
    assert [(m.text, m.parent and m.parent.text) for m in Message.objects.order_by("pk")] == [
        ("q", None),
        ("a", "q"),
        ("q2", "a"),
        ("b", "q2"),
    ]
    assert (Conversation.objects.get().head.text, Reaction.objects.count()) == ("b", 1)


def test_a_branch_names_its_parent():
    sender = Sender()
    row = talk("q", "a", "more", "b", conversation="c1")
    row["messages"] += [
        {"role": "user", "content": "other", "parent": "a1"},
        {"role": "assistant", "content": "c"},
    ]
    sender.taken(row)
    sender.taken(
        talk("late", conversation="c1") | {"messages": [{"role": "user", "content": "late", "parent": "a2"}]}
    )
    found = {m.text: m.parent and m.parent.text for m in Message.objects.all()}
    assert found == {"q": None, "a": "q", "more": "a", "b": "more", "other": "a", "c": "other", "late": "b"}


def test_ids_of_another_talk_or_person_are_refused_and_leave_nothing():
    sender = Sender()
    sender.taken(talk("q", "a", conversation="c1"))
    for row, field, code in [
        (talk("q", "a", conversation="c2"), "messages.1.id", "id_taken"),
        (talk("q", conversation="c1", user="li"), "user", "other_person"),
        (
            talk("q", conversation="c9") | {"messages": [{"role": "user", "content": "x", "parent": "a1"}]},
            "messages.0.parent",
            "bad_parent",
        ),
    ]:
        status, answer = sender.post(row)
        assert (status, answer["error"]["field"], answer["error"]["code"]) == (400, field, code)
    assert (Conversation.objects.count(), Message.objects.count()) == (1, 2)


# Choices


def test_drafts_as_texts():
    sender = Sender()
    row = choice(
        drafts=[
            {"text": "first", "model": "A"},
            {"text": "second", "id": "d2", "seen": False},
            {"text": "th", "complete": False},
        ],
        chosen="d2",
    )
    answer = sender.taken(row | {"model": "B"})
    made = Choice.objects.get(pk=answer["choice"])
    drafts = list(Message.objects.filter(role="assistant").order_by("position"))
    assert [(d.text, d.model_version.name, d.position, d.state, d.seen) for d in drafts] == [
        ("first", "A", 0, "complete", True),
        ("second", "B", 1, "complete", False),
        ("th", "B", 2, "stopped", True),
    ]
    assert len({d.draft_group for d in drafts} - {None}) == 1
    assert (made.parent.text, made.chosen, made.verdict, made.regenerated) == (
        "q",
        drafts[1],
        "better",
        False,
    )
    assert made.shown == [
        {"message": drafts[0].pk, "position": 0, "complete": True, "seen": True},
        {"message": drafts[1].pk, "position": 1, "complete": True, "seen": False},
        {"message": drafts[2].pk, "position": 2, "complete": False, "seen": True},
    ]
    assert made.parent.conversation.head == drafts[1]


def test_drafts_known_by_id():
    sender = Sender()
    sender.taken(talk("q", "a", conversation="c1"))
    again = {"role": "user", "content": "q"}, {"role": "assistant", "content": "b", "id": "b1"}
    sender.taken({"type": "conversation", "conversation": "c1", "user": "zhang", "messages": list(again)})
    one = choice(drafts=[{"id": "b1"}, {"id": "a1"}], chosen="b1", regenerated=True)
    del one["messages"]
    sender.taken(one)
    sender.taken(one | {"verdict": "all_bad", "chosen": None})
    rows = Choice.objects.order_by("pk")
    assert [
        (c.verdict, c.chosen and c.chosen.text, c.parent.text, c.regenerated, c.current) for c in rows
    ] == [("better", "b", "q", True, False), ("all_bad", None, "q", True, True)]
    assert [c.place for c in rows] == [0, None]


# Idempotency


def test_a_row_with_an_id_is_taken_once():
    sender = Sender()
    for row in (thumb(id="k1"), talk("q", "a", id="k2"), choice(id="k3")):
        first = sender.post(row)
        again = sender.post(dict(reversed(row.items())))
        assert first[0] == 201
        assert again == (
            200,
            {k: v for k, v in first[1].items() if k != "waiting"}
            | {"status": "duplicate", "duplicate": True},
        )
        status, answer = sender.post(row | {"user": "li"})
        assert (status, answer["error"]["code"], answer["error"]["field"]) == (409, "other_body", "id")
    assert (
        Reaction.objects.count(),
        Choice.objects.count(),
        Conversation.objects.count(),
        Received.objects.count(),
    ) == (1, 1, 2, 3)


def test_the_header_is_an_id_too():
    sender = Sender()
    assert sender.post(thumb(), **{"Idempotency-Key": "h1"})[0] == 201
    assert sender.post(thumb(), **{"Idempotency-Key": "h1"})[0] == 200
    assert sender.post(thumb(id="h1"))[1]["duplicate"] is True
    assert sender.post(thumb(id="h2"), **{"Idempotency-Key": "h1"})[1]["error"]["code"] == "two_ids"


def test_another_projects_id_is_another():
    one, two = Sender(), Sender()
    assert one.post(thumb(id="k"))[0] == two.post(thumb(id="k", value="down"))[0] == 201


# Batches


def test_good_rows_are_kept_and_bad_ones_named():
    sender = Sender()
    rows = [
        thumb(id="1"),
        thumb(id="2", value="Up"),
        5,
        thumb(id="1"),
        thumb(id="1", value="down"),
        talk("q", "a"),
        thumb(id="7", value="down"),
        {"type": "x"},
    ]
    status, answer = sender.post(rows)
    assert status == 200
    assert (answer["accepted"], answer["duplicates"]) == (3, 1)
    assert [(e["index"], e["field"], e["code"], e.get("id")) for e in answer["errors"]] == [
        (1, "value", "bad_value", "2"),
        (2, "", "not_an_object", None),
        (4, "id", "other_body", "1"),
        (7, "type", "bad_type", None),
    ]
    assert all(e["message"] for e in answer["errors"])
    assert [r["status"] for r in answer["results"]] == [
        "accepted",
        "refused",
        "refused",
        "duplicate",
        "refused",
        "accepted",
        "accepted",
        "refused",
    ]
    again = sender.post(rows)[1]
    assert (again["accepted"], again["duplicates"], len(again["errors"])) == (0, 4, 4)


def test_an_empty_list_and_too_long_ones():
    sender = Sender()
    assert sender.post([])[1] == {"accepted": 0, "duplicates": 0, "errors": [], "results": []}
    status, answer = sender.post([thumb()] * 1001)
    assert (status, answer["error"]["code"]) == (413, "too_many_rows")
    status, answer = sender.post(None, raw=b'[{"type": "' + b"x" * (8 * 1024 * 1024) + b'"}]')
    assert (status, answer["error"]["code"]) == (413, "too_large")


def test_statements_do_not_grow_with_rows():
    sender = Sender()
    sender.taken([talk("q", "a")])

    def statements(data) -> int:
        with CaptureQueriesContext(connection) as seen:
            sender.taken(data)
        return len([q for q in seen if "SAVEPOINT" not in (q["sql"] or "")])  # in a pipeline no text is known

    assert statements(thumb(user="zhang")) <= 9
    assert statements(thumb(user="zhang", id="k1", value="down")) <= 12

    def rows(n, start):
        out = [thumb(id=f"{i}-{start}", user=f"p{i}-{start}", target=f"t{i}", value="down") for i in range(n)]
        for i in range(n):
            out.append(talk("q", "a", conversation=f"c{i}-{start}"))
            out[-1]["messages"][1]["id"] = f"{start}-{i}"
        return out

    few, many = statements(rows(10, "few")), statements(rows(300, "many"))
    assert many == few <= 25


# Keys


def test_only_a_key_made_for_it_opens_the_door():
    sender = Sender()
    assert sender.client.post("/api/v1/feedback/", "{}", content_type="application/json").status_code == 401
    sender.client.force_login(sender.user)
    assert sender.client.post("/api/v1/feedback/", "{}", content_type="application/json").status_code == 401
    assert Sender(scope="all").post(thumb())[0] == 201
    assert Sender(scope="proxy").post(thumb())[0] == 403
    assert Sender(role="annotator", scope="all").post(thumb())[0] == 403
    status, answer = sender.post(thumb(), Authorization="Bearer tsk_no_key")
    assert (status, answer["error"]["code"]) == (401, "authentication_failed")
    Member.objects.filter(user=sender.user).delete()
    assert sender.post(thumb())[0] == 403
    assert Reaction.objects.count() == 1


def test_a_key_does_nothing_in_another_project():
    one, two = Sender(), Sender()
    one.taken(talk("q", "a", conversation="c1"))
    two.taken(
        [thumb(), talk("q", "a", conversation="c1"), choice(drafts=[{"id": "a1"}, {"text": "z"}], chosen=0)]
    )
    assert Message.objects.filter(project=one.project).count() == 2
    assert not Reaction.objects.filter(project=one.project).exists()
    assert Reaction.objects.get().message.project == two.project
    assert EndUser.objects.values("key_hash").distinct().count() == 2


def test_rows_a_minute_are_limited(settings):
    settings.INGEST_ROWS_PER_MINUTE = 5
    sender = Sender()
    assert sender.post([thumb(user=str(i)) for i in range(5)])[0] == 200
    response = sender.client.post(
        "/api/v1/feedback/",
        json.dumps(thumb()),
        content_type="application/json",
        headers={"Authorization": f"Bearer {sender.key}"},
    )
    assert (response.status_code, response.json()["error"]["code"]) == (429, "too_many")
    assert int(response["Retry-After"]) > 0


# What is stored of people


def test_who_it_was_is_nowhere_in_clear():
    sender = Sender()
    sender.taken([thumb(user="zhang.san@hospital", id="k"), talk("q", "a", user="zhang.san@hospital")])
    assert len(EndUser.objects.get().key_hash) == 64
    for model in (EndUser, Conversation, Message, Reaction, Received, Event):
        assert "zhang.san" not in str(list(model.objects.values()))


def test_ids_only_means_no_texts():
    sender = Sender()
    ChatSettings.objects.create(project=sender.project, keep="ids")
    sender.taken(
        [
            talk(
                "secret", "secret", title="secret", system="secret", tools=[{"a": "secret"}], conversation="c"
            ),
            thumb(comment="secret"),
            choice(system="secret"),
        ]
    )
    for model in (Conversation, Message, Reaction, Choice, Received, Event, ModelVersion):
        assert "secret" not in str(list(model.objects.values()))
    assert Reaction.objects.get().message.external_id == "a1"
    assert not Conversation.objects.filter(keep=True).exists()


# Bad requests


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"{",
        b"nonsense",
        b"\xff\xfe",
        b'{"type": NaN}',
        b'{"type": 1, "type": 2}',
        b'{"a": "\\u0000"}',
        b'{"a": "\\ud800"}',
        b'["\\udc00\\ud800"]',
        b"[" * 100_000,
        b'{"\\u0000": 1}',
        b'"reaction"',
        b"5",
        b"null",
        b"9" * 5000,
    ],
)
def test_what_is_no_json_is_refused(raw):
    status, answer = Sender().post(None, raw=raw)
    assert status == 400
    assert answer["error"]["code"] in {"invalid_json", "not_an_object", "bad_type"}


@pytest.mark.parametrize(
    ("row", "field", "code"),
    [
        (thumb(kind="like"), "kind", "bad_kind"),
        (thumb(kind=None), "kind", "bad_kind"),
        (thumb(value="good"), "value", "bad_value"),
        (thumb(value=2), "value", "bad_value"),
        (thumb(value=1.0), "value", "bad_value"),
        (thumb(value=None), "value", "bad_value"),
        (thumb(value="False"), "value", "bad_value"),
        (thumb(kind="score", value=6), "value", "bad_value"),
        (thumb(kind="score", value=True), "value", "bad_value"),
        (thumb(kind="score", value="5"), "value", "bad_value"),
        (thumb(kind="correction", value=1, text="x"), "value", "bad_value"),
        (thumb(kind="correction", value=None), "text", "bad_text"),
        (thumb(kind="correction", value=None, text="x", comment="y"), "comment", "unknown_field"),
        (thumb(text="x"), "text", "unknown_field"),
        (thumb(coment="x"), "coment", "unknown_field"),
        (thumb(comment=5), "comment", "bad_text"),
        (thumb(comment="x" * 20_001), "comment", "long_text"),
        (thumb(user=""), "user", "bad_user"),
        (thumb(user=7), "user", "bad_user"),
        (thumb(user="x" * 301), "user", "bad_user"),
        (thumb(id=7), "id", "bad_id"),
        (thumb(id="x" * 101), "id", "bad_id"),
        (thumb(target=None), "target", "bad_target"),
        (thumb(target=""), "target", "bad_target"),
        (thumb(target="x" * 201), "target", "bad_target"),
        (thumb(message=1), "target", "bad_target"),
        (thumb(target=None, message="1"), "message", "bad_target"),
        (thumb(target=None, message=2**63), "message", "bad_target"),
        (thumb(target=None, conversation=1), "conversation", "bad_target"),
        (thumb(reasons="wrong"), "reasons", "bad_reason"),
        (thumb(reasons=["Not A Key"]), "reasons", "bad_reason"),
        (thumb(reasons=["a", "a"]), "reasons", "bad_reason"),
        (thumb(value="none", reasons=["a"]), "reasons", "bad_reason"),
        (thumb(tags=["x" * 61]), "tags", "bad_tag"),
        (thumb(tags=[""]), "tags", "bad_tag"),
        (thumb(at="yesterday"), "at", "bad_time"),
        (thumb(at="2026-01-31T09:30:00"), "at", "bad_time"),
        (thumb(at="1999-01-31T09:30:00Z"), "at", "bad_time"),
        (thumb(at="2999-01-31T09:30:00Z"), "at", "bad_time"),
        (thumb(at=5), "at", "bad_time"),
        (talk(), "messages", "no_messages"),
        (talk("q") | {"messages": "q"}, "messages", "bad_list"),
        (talk("q") | {"messages": [{"role": "bot", "content": "x"}]}, "messages.0.role", "bad_role"),
        (talk("q") | {"messages": [{"role": "user"}]}, "messages.0.content", "bad_content"),
        (talk("q") | {"messages": [{"role": "user", "content": [5]}]}, "messages.0.content", "bad_content"),
        (
            talk("q") | {"messages": [{"role": "user", "content": "x", "extra": 1}]},
            "messages.0.extra",
            "unknown_field",
        ),
        (
            talk("q")
            | {"messages": [{"role": "user", "content": "x", "reactions": [{"kind": "thumb", "value": 1}]}]},
            "messages.0.reactions.0",
            "bad_target",
        ),
        (talk("q", "a") | {"reactions": [{"kind": "thumb", "value": 1}]}, "reactions.0.kind", "bad_kind"),
        (talk("q", "a") | {"reactions": [{"kind": "score", "value": 9}]}, "reactions.0.value", "bad_value"),
        (talk("q", "a", tools=[5]), "tools", "bad_tools"),
        (talk("q", "a", tools=[{"a": 10**30}]), "tools", "bad_number"),
        (talk("q", "a", conversation=5), "conversation", "bad_conversation"),
        (talk("q", "a", system=5), "system", "bad_text"),
        (choice(verdict="first"), "verdict", "bad_verdict"),
        (choice(chosen=None), "chosen", "bad_chosen"),
        (choice(chosen=2), "chosen", "bad_chosen"),
        (choice(chosen=True), "chosen", "bad_chosen"),
        (choice(verdict="same"), "chosen", "bad_chosen"),
        (choice(drafts=[{"text": "x"}]), "drafts", "bad_drafts"),
        (choice(drafts=[{"text": "x"}, {}]), "drafts.1", "bad_drafts"),
        (choice(drafts=[{"text": "x", "id": "d"}, {"text": "y", "id": "d"}]), "drafts", "bad_drafts"),
        (choice(messages=[]), "messages", "no_messages"),
        (choice(messages=[{"role": "assistant", "content": "x"}]), "messages", "bad_messages"),
        (choice(regenerated="no"), "regenerated", "bad_value"),
    ],
)
def test_each_wrong_field_is_named(row, field, code):
    with pytest.raises(ingest_rows.RowError) as refused:
        ingest_rows.parse(row, ingest_rows.Rules())
    assert (refused.value.field, refused.value.code) == (field, code)
    assert str(refused.value)


def test_a_large_number_in_free_json_does_no_harm():
    sender = Sender()
    status, answer = sender.post(
        None, raw=b'{"type":"conversation","tools":[{"a":1e999}],"messages":[{"role":"user","content":"x"}]}'
    )
    assert (status, answer["error"]["code"]) == (400, "bad_number")
    deep = b'{"a":' * 200 + b"1" + b"}" * 200
    status, answer = sender.post(
        None,
        raw=b'{"type":"conversation","tools":[' + deep + b'],"messages":[{"role":"user","content":"x"}]}',
    )
    assert (status, answer["error"]["code"]) == (400, "too_deep")


def test_the_document_names_it():
    schema = Sender().client.get("/api/schema/?format=json").json()
    operation = schema["paths"]["/api/v1/feedback/"]["post"]
    assert {"200", "201", "400", "409", "413", "429"} <= set(operation["responses"])
    assert {"Reaction", "Choice", "Conversation"} <= set(schema["components"]["schemas"])


def test_a_project_of_its_own_key(django_assert_max_num_queries):
    project = make_project()
    sender = Sender(project)
    _row, key = new_key(user=sender.user, project=project, role="manager", scope="ingest")
    with django_assert_max_num_queries(14):
        assert sender.post(thumb(), Authorization=f"Bearer {key}")[0] == 201
