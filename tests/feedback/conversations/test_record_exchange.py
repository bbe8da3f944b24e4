"""Exchanges as they went by the proxy: each turn is kept once, in the tree it belongs to."""

import pytest

from core.errors import DomainError
from corpus.models import ModelVersion
from feedback.conversations import end_users
from feedback.conversations.record_exchange import record_exchange
from feedback.models import ChatSettings, Conversation, Message, Reaction
from tests.cast import make_project

pytestmark = pytest.mark.django_db


def user(text):
    return {"role": "user", "content": text}


def said(text):
    return {"role": "assistant", "content": text}


def test_a_talk_grows_by_what_is_new():
    project = make_project()
    zhang = end_users.of_key(project, "zhang")
    system = {"role": "system", "content": "你是医生。"}
    first = record_exchange(
        project=project,
        end_user=zhang,
        messages=[system, user("头疼\r\n怎么办？ ")],
        answer="多休息。",
        external_id="a1",
    )
    sent = [system, user([{"type": "text", "text": "头疼\n怎么办？ "}]), said("多休息。"), user("还疼")]
    second = record_exchange(
        project=project, end_user=zhang, messages=sent, answer="去医院。", external_id="a2"
    )
    assert second.conversation_id == first.conversation_id
    talk = Conversation.objects.get()
    assert (talk.system, talk.source, talk.head_id, talk.title) == (
        "你是医生。",
        "proxy",
        second.pk,
        "头疼 怎么办？",
    )
    rows = list(Message.objects.order_by("pk").values_list("role", "text", "parent_id"))
    assert rows == [
        ("user", "头疼\r\n怎么办？ ", None),
        ("assistant", "多休息。", first.parent_id),
        ("user", "还疼", first.pk),
        ("assistant", "去医院。", second.parent_id),
    ]


def test_asked_again_and_edited_turns_are_branches():
    project = make_project()
    zhang = end_users.of_key(project, "zhang")
    one = record_exchange(project=project, end_user=zhang, messages=[user("q")], answer="a")
    again = record_exchange(project=project, end_user=zhang, messages=[user("q")], answer="b")
    edited = record_exchange(
        project=project, end_user=zhang, messages=[user("q"), said("a"), user("other")], answer="c"
    )
    assert one.parent_id == again.parent_id
    assert edited.parent.parent_id == one.pk
    assert Conversation.objects.count() == 1


def test_people_do_not_share_a_talk():
    project = make_project()
    rows = [
        record_exchange(
            project=project, end_user=end_users.of_key(project, name), messages=[user("hi")], answer="hello"
        )
        for name in "ab"
    ]
    nobody = [
        record_exchange(project=project, end_user=None, messages=[user("hi")], answer="hello")
        for _ in range(2)
    ]
    assert len({r.conversation_id for r in rows + nobody}) == 4
    later = record_exchange(
        project=project, end_user=None, messages=[user("hi"), said("hello"), user("more")], answer="ok"
    )
    assert later.conversation_id == nobody[1].conversation_id
    mine = record_exchange(
        project=project, end_user=None, messages=[user("x")], answer="y", conversation_external="t1"
    )
    other = record_exchange(
        project=project,
        end_user=end_users.of_key(project, "a"),
        messages=[user("x")],
        answer="y",
        conversation_external="t1",
    )
    assert mine.conversation_id != other.conversation_id


def test_tools_and_sources_are_kept():
    project = make_project()
    call = [{"id": "c1", "type": "function", "function": {"name": "look", "arguments": '{"q": "血压"}'}}]
    tools = [{"type": "function", "function": {"name": "look", "parameters": {}}}]
    model = ModelVersion.objects.create(project=project, name="m")
    record_exchange(
        project=project,
        end_user=None,
        messages=[user("q")],
        answer={"content": None, "tool_calls": call},
        tools=tools,
    )
    sent = [
        user("q"),
        {"role": "assistant", "content": None, "tool_calls": call},
        {"role": "tool", "content": "120/80", "tool_call_id": "c1"},
    ]
    row = record_exchange(
        project=project,
        end_user=None,
        messages=sent,
        answer="正常",
        model_version=model,
        sources=[{"text": "x"}],
        parameters={"temperature": 0.5},
        state="stopped",
        error="cut",
        first_token_ms=12,
        total_ms=340,
    )
    assert Conversation.objects.get().tools == tools
    assert [m.extra for m in Message.objects.order_by("pk")] == [
        None,
        {"tool_calls": call},
        {"tool_call_id": "c1"},
        None,
    ]
    assert (row.sources, row.parameters, row.model_version) == ([{"text": "x"}], {"temperature": 0.5}, model)
    assert (row.state, row.error) == ("stopped", "cut")
    assert (row.first_token_ms, row.total_ms) == (12, 340)


def test_an_id_is_kept_once_and_takes_what_waited_for_it():
    project = make_project()
    zhang = end_users.of_key(project, "zhang")
    early = [
        Reaction.objects.create(
            project=project, kind="thumb", value=v, target_external="a1", current=v == -1, end_user=zhang
        )
        for v in (1, -1)
    ]
    other = Reaction.objects.create(project=project, kind="thumb", value=1, target_external="a2")
    score = Reaction.objects.create(project=project, kind="score", value=2, target_external="a1")
    row = record_exchange(project=project, end_user=zhang, messages=[user("q")], answer="a", external_id="a1")
    assert (
        record_exchange(
            project=project, end_user=zhang, messages=[user("q")], answer="a", external_id="a1"
        ).pk
        == row.pk
    )
    for r in (*early, other, score):
        r.refresh_from_db()
    assert [(r.message_id, r.current) for r in early] == [(row.pk, False), (row.pk, True)]
    assert (other.message_id, other.conversation_id) == (None, None)
    assert (score.message_id, score.conversation_id, score.end_user_id) == (
        None,
        row.conversation_id,
        zhang.pk,
    )
    assert Message.objects.count() == 2


def test_only_what_the_project_keeps_is_kept():
    project = make_project()
    chat = ChatSettings.objects.create(project=project, masking="storage")
    row = record_exchange(
        project=project,
        end_user=None,
        messages=[user("我是13812345678")],
        answer="好的，13812345678",
        external_id="x 13812345678",
    )
    assert (row.text, row.parent.text, row.conversation.title) == (
        "好的，[mobile]",
        "我是[mobile]",
        "我是[mobile]",
    )
    assert "1381" not in row.external_id
    more = record_exchange(
        project=project,
        end_user=None,
        messages=[user("我是13812345678"), said("好的，13812345678"), user("x")],
        answer="y",
        external_id="z",
    )
    assert more.conversation_id == row.conversation_id
    chat.keep = "ids"
    chat.save()
    row = record_exchange(
        project=project,
        end_user=None,
        messages=[user("secret")],
        answer="also",
        sources=[{"text": "s"}],
        parameters={"stop": "s"},
    )
    assert (row.text, row.parent.text, row.sources, row.parameters, row.conversation.keep) == (
        "",
        "",
        [],
        None,
        False,
    )


def test_what_no_database_keeps_is_refused():
    project = make_project()
    for bad in ("a\0b", "half \ud83d"):
        with pytest.raises(DomainError):
            record_exchange(project=project, end_user=None, messages=[user(bad)], answer="a")
        with pytest.raises(DomainError):
            record_exchange(project=project, end_user=None, messages=[user("a")], answer=bad)
    assert not Message.objects.exists()
