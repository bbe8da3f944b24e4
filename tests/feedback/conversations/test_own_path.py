"""The identity of a turn: one hash along its own path of parents, whichever door it came by, so that equal
talks are known to be equal."""

import json
from importlib import import_module

import pytest
from django.apps import apps

from core.erasure import Person
from feedback import erasure
from feedback.conversations import end_users
from feedback.conversations.record_exchange import record_exchange
from feedback.conversations.tree import context_hash, context_of
from feedback.models import ChatSettings, Choice, Conversation, Message, Reaction
from feedback.proxy.answers import Heard
from feedback.proxy.log import Exchange, write
from tests.cast import make_member, make_project
from tests.feedback.ingest.ingesting import Sender, talk, thumb
from tests.feedback.talks import Browser, make_chat, model_server, settle  # noqa: F401 - a fixture

pytestmark = pytest.mark.django_db


def chained(row: dict) -> dict:
    """The same conversation with an id and a parent on each message."""
    before = ""
    for i, message in enumerate(row["messages"]):
        message |= {"id": message.get("id") or f"m{i}"} | ({"parent": before} if before else {})
        before = message["id"]
    return row


def hashes(project) -> list[str]:
    return list(Message.objects.filter(project=project).order_by("pk").values_list("context_hash", flat=True))


def own_paths(project) -> list[str]:
    """What the hashes must be: each computed from the rows of its own path."""
    return [
        context_hash(project, context_of(m))
        for m in Message.objects.filter(project=project).order_by("pk").select_related("conversation")
    ]


def test_parents_in_so_many_words_change_nothing():
    sender = Sender()
    turns = ("q1", "a1", "q2", "a2")
    sender.taken(
        [
            talk(*turns, system="S", user="ann"),
            chained(talk(*turns, system="S", user="bob", conversation="t"))
            | {
                "messages": [
                    m | {"id": "b" + m["id"]} | ({"parent": "b" + m["parent"]} if "parent" in m else {})
                    for m in chained(talk(*turns))["messages"]
                ]
            },
        ]
    )
    found = hashes(sender.project)
    assert found[:4] == found[4:] == own_paths(sender.project)[:4] and len(set(found)) == 4


def test_each_branch_hashes_along_its_own_path():
    sender = Sender()
    question = {"role": "user", "content": "q", "id": "q1"}
    drafts = [{"role": "assistant", "content": name, "id": name, "parent": "q1"} for name in ("a1", "b1")]
    after = [
        {"role": "user", "content": "more", "parent": "a1", "id": "q2"},
        {"role": "assistant", "content": "so", "id": "c1"},
    ]
    sender.taken(
        {"type": "conversation", "conversation": "t", "user": "ann", "messages": [question, *drafts, *after]}
    )
    # A turn sent by itself, after the message it names; then without ids, known by its words.
    alone = [
        {"role": "user", "content": "again", "parent": "b1"},
        {"role": "assistant", "content": "yes", "id": "d1"},
    ]
    for _time in range(2):
        sender.taken({"type": "conversation", "conversation": "t", "user": "ann", "messages": alone})
    row = {
        "type": "choice",
        "user": "ann",
        "verdict": "better",
        "chosen": 0,
        "conversation": "t",
        "drafts": [{"text": "x"}, {"text": "y"}],
    }
    sender.taken(row | {"messages": [{"role": "user", "content": "which?", "parent": "d1"}]})
    assert Message.objects.count() == 10 and Conversation.objects.count() == 1
    found = hashes(sender.project)
    assert found == own_paths(sender.project) and len(set(found)) == 10


def test_a_parent_that_comes_later_is_refused():
    sender = Sender()
    messages = [
        {"role": "user", "content": "q", "parent": "a1", "id": "q1"},
        {"role": "assistant", "content": "a", "id": "a1"},
    ]
    status, answer = sender.post(
        {"type": "conversation", "conversation": "t", "user": "ann", "messages": messages}
    )
    assert (status, answer["error"]["code"], answer["error"]["field"]) == (
        400,
        "bad_parent",
        "messages.0.parent",
    )
    assert not Message.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_every_door_gives_the_same_hashes(model_server):  # noqa: F811
    project = make_chat(server=model_server, system="S")
    browser = Browser(project, make_member(project, "user"))
    lines = browser.turn("q1")
    begin = lines[0]
    browser.turn("q2", conversation=begin["conversation"], parent=begin["answers"][0]["id"])
    settle()
    turns = [m.text for m in Message.objects.order_by("pk")]
    assert len(turns) == 4 and all(turns)
    sender = Sender(project)
    sender.taken(talk(*turns, system="S", user="ann"))
    said = [{"role": "assistant" if i % 2 else "user", "content": text} for i, text in enumerate(turns)]
    record_exchange(
        project=project,
        end_user=end_users.of_key(project, "bob"),
        messages=[{"role": "system", "content": "S"}, *said[:3]],
        answer=turns[3],
    )
    found = hashes(project)
    assert found[:4] == found[4:8] == found[8:] == own_paths(project)[:4]


def test_several_answers_of_one_exchange_have_their_own():
    project = make_project()
    heard = Heard(1000, streamed=False)
    choices = [
        {"index": i, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}
        for i, text in enumerate(("one", "two"))
    ]
    heard.feed(json.dumps({"id": "x", "choices": choices}).encode())
    heard.end()
    asked = {"messages": [{"role": "system", "content": "S"}, {"role": "user", "content": "q"}]}
    write(Exchange(project.pk, "ann", asked, 10, None, None, heard))
    assert hashes(project) == own_paths(project) and len(set(hashes(project))) == 3


def test_what_is_masked_before_storage_hashes_as_it_is_stored():
    """Two people who differ only in what is masked asked the same."""
    project = make_project()
    ChatSettings.objects.create(project=project, masking="storage")
    sender = Sender(project)
    for name, number in (("ann", "13812345678"), ("bob", "13987654321")):
        sender.taken(
            {
                "type": "conversation",
                "user": name,
                "messages": [
                    {"role": "user", "content": f"Call {number}"},
                    {"role": "assistant", "content": "Yes"},
                ],
            }
        )
        record_exchange(
            project=project,
            end_user=end_users.of_key(project, name),
            messages=[{"role": "user", "content": f"Dial {number}"}],
            answer="Yes",
        )
    assert "138" not in "".join(Message.objects.values_list("text", flat=True))
    assert hashes(project) == own_paths(project) and len(set(hashes(project))) == 4
    # The talk is found again, though what is sent still has the number.
    ann = end_users.of_key(project, "ann")
    sent = [
        {"role": "user", "content": "Dial 13812345678"},
        {"role": "assistant", "content": "Yes"},
        {"role": "user", "content": "Thanks"},
    ]
    later = record_exchange(project=project, end_user=ann, messages=sent, answer="Sure")
    assert later.parent.parent.text == "Yes" and Conversation.objects.count() == 4


def test_an_answer_that_says_nothing_adds_nothing():
    """A model is not given it either: whoever asks after it asks the same as somebody without it."""
    project = make_project()
    sender = Sender(project)
    broken = {"role": "assistant", "content": "", "state": "failed"}
    sender.taken(
        [
            {
                "type": "conversation",
                "conversation": "1",
                "user": "ann",
                "messages": [{"role": "user", "content": "q"}, broken, {"role": "user", "content": "r"}],
            },
            {
                "type": "conversation",
                "conversation": "2",
                "user": "bob",
                "messages": [{"role": "user", "content": "q"}, {"role": "user", "content": "r"}],
            },
        ]
    )
    found = {m.text: set() for m in Message.objects.exclude(text="")}
    for m in Message.objects.exclude(text=""):
        found[m.text].add(m.context_hash)
    assert all(len(of) == 1 for of in found.values()) and hashes(project) == own_paths(project)
    cem = end_users.of_key(project, "cem")
    first = record_exchange(
        project=project, end_user=cem, messages=[{"role": "user", "content": "q"}], answer="", state="failed"
    )
    again = record_exchange(
        project=project, end_user=cem, messages=[{"role": "user", "content": "q"}], answer="now"
    )
    sent = [
        {"role": "user", "content": "q"},
        {"role": "assistant", "content": ""},
        {"role": "user", "content": "r"},
    ]
    after = record_exchange(project=project, end_user=cem, messages=sent, answer="well")
    assert again.parent_id == first.parent_id and after.parent.parent_id == first.pk
    assert hashes(project) == own_paths(project)


def test_a_conversation_grows_whatever_is_said_of_its_system_text():
    sender = Sender()
    sender.taken(talk("q1", "a1", conversation="t", system="S"))
    more = [
        {"role": "user", "content": "q1"},
        {"role": "assistant", "content": "a1"},
        {"role": "user", "content": "q2"},
    ]
    sender.taken({"type": "conversation", "conversation": "t", "user": "zhang", "messages": more})
    sender.taken(
        {
            "type": "conversation",
            "conversation": "t",
            "user": "zhang",
            "messages": more,
            "system": "It is Monday.",
        }
    )
    who = end_users.of_key(sender.project, "zhang")
    sent = [{"role": "system", "content": "It is Tuesday."}, *more]
    record_exchange(
        project=sender.project, end_user=who, messages=sent, answer="a2", conversation_external="t"
    )
    assert [m.text for m in Message.objects.order_by("pk")] == ["q1", "a1", "q2", "a2"]
    assert Conversation.objects.get().system == "S" and hashes(sender.project) == own_paths(sender.project)


def test_where_no_texts_are_kept_a_talk_is_still_found_by_its_words():
    project = make_project()
    ChatSettings.objects.create(project=project, keep="ids")
    sender = Sender(project)
    for rows in (("q1", "a1"), ("q1", "a1", "q2", "a2")):
        row = talk(*rows, conversation="t", system="S")
        for message in row["messages"]:
            message.pop("id", None)
        sender.taken(row)
    assert Message.objects.count() == 4 and not Message.objects.exclude(text="").exists()


def test_an_id_is_taken_by_the_message_that_had_none():
    sender = Sender()
    bare = talk("q", "a", conversation="t")
    bare["messages"][1].pop("id")
    sender.taken([bare, thumb(target="a1")])
    before = Reaction.objects.get()
    assert before.message is None
    sender.taken(talk("q", "a", conversation="t"))
    after = Reaction.objects.get()
    assert (
        Message.objects.count() == 2
        and after.message.external_id == "a1"
        and after.event_id > before.event_id
    )
    # Another answer of the same words, under an id of its own, is another one.
    again = talk("q", "a", conversation="t")
    again["messages"][1]["id"] = "b1"
    sender.taken(again)
    assert Message.objects.filter(role="assistant", text="a").count() == 2


def test_erasure_finds_who_else_asked_the_same_after_the_same_talk():
    sender = Sender()
    sender.taken(
        [
            chained(talk("q1", "a1", "q2", "a2", user="ann")),
            talk("q1", "x", "q2", "a2", user="bob")
            | {
                "messages": [
                    m | {"id": f"b{i}"} for i, m in enumerate(talk("q1", "a1", "q2", "a2")["messages"])
                ]
            },
        ]
    )
    mine = {m.text: m.pk for m in Message.objects.filter(external_id__in=["a1", "a2"])}
    theirs = {m.text: m.pk for m in Message.objects.filter(external_id__in=["b1", "b3"])}
    person = Person(sender.project, end_users=[end_users.of_key(sender.project, "ann").pk])
    erasure.find(person)
    assert person.same == {mine[text]: theirs[text] for text in ("a1", "a2")}


def test_rows_without_a_hash_get_theirs():
    """What stood in the database before: messages that named their parents, answers of the chat, and hashes
    of what was masked only afterwards."""
    sender = Sender()
    second = talk("q", "b", user="bob", conversation="b")
    second["messages"][1]["id"] = "b1"
    turns = [f"{role}{i}" for i in range(20) for role in "qa"]
    sender.taken([chained(talk(*turns, system="S", conversation="t")), second])
    right = hashes(sender.project)
    Message.objects.filter(conversation__external_id="t").update(context_hash="")
    dropped = Sender(make_project("dropped"))
    dropped.taken(talk("q", "a"))
    Message.objects.filter(project=dropped.project).update(context_hash="", text="")
    Conversation.objects.filter(project=dropped.project).update(keep=False)
    other = Sender(make_project("other"))
    other.taken(talk("q", "a"))
    Message.objects.filter(project=other.project).update(context_hash="of what was not masked")
    migration = import_module("feedback.migrations.0008_own_path_and_latest_word")
    migration.hashes(apps, None)
    assert hashes(sender.project) == right
    assert hashes(dropped.project) == ["", ""]  # nothing to compute it from
    assert hashes(other.project) == own_paths(other.project)


def test_words_in_force_are_put_right():
    sender = Sender()
    sender.taken(
        [talk("q", "a"), thumb(at="2026-01-02T00:00:00Z"), thumb(value="down", at="2026-01-03T00:00:00Z")]
    )
    for number in range(2):
        row = {
            "type": "choice",
            "user": "ann",
            "verdict": "better",
            "chosen": number,
            "conversation": "t",
            "drafts": [{"text": "x"}, {"text": "y"}],
        }
        sender.taken(
            row
            | {"messages": [{"role": "user", "content": "which?"}], "at": f"2026-01-0{number + 1}T00:00:00Z"}
        )
    right = [list(model.objects.order_by("pk").values_list("pk", "current")) for model in (Reaction, Choice)]
    for model in (Reaction, Choice):
        rows = list(model.objects.order_by("pk"))
        for row in rows:
            model.objects.filter(pk=row.pk).update(current=not row.current)
    import_module("feedback.migrations.0008_own_path_and_latest_word").words(apps, None)
    assert [
        list(model.objects.order_by("pk").values_list("pk", "current")) for model in (Reaction, Choice)
    ] == right
