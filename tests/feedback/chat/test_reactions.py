"""What people say of answers: thumbs, corrections, scores, choices with their exposure, signals; with a
history where the mind changes."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from core.errors import DomainError
from core.models import Event
from feedback.conversations import end_users
from feedback.models import ChatSettings, Choice, Conversation, Message, Reaction, Signal
from feedback.reactions import actions as reactions
from tests.cast import make_member
from tests.feedback.talks import Browser, make_chat, make_message, make_talk
from tests.threads import at_once

pytestmark = pytest.mark.django_db


@pytest.fixture
def project():
    return make_chat("clinic")


@pytest.fixture
def user(project):
    return make_member(project, "user")


@pytest.fixture
def browser(project, user):
    return Browser(project, user)


@pytest.fixture
def talk(project, user):
    return make_talk(project, "高血压怎么办？", "少吃盐。", end_user=end_users.of_member(project, user))


@pytest.fixture
def drafts(talk):
    """Three drafts under a question that nobody has decided on."""
    question = talk[0]
    talk[1].delete()
    group = "11111111-1111-4111-8111-111111111111"
    made = [
        make_message(question.conversation, f"Draft {i}", parent=question, draft_group=group, position=i)
        for i in range(3)
    ]
    Conversation.objects.update(head=question)
    return question, made


def test_a_thumb_with_reasons_and_a_comment(browser, talk, project):
    said = browser.post(
        f"messages/{talk[1].pk}/react/",
        kind="thumb",
        value=-1,
        reasons=["wrong", "unclear"],
        text="盐不是唯一的原因",
    )
    assert said.json() == {
        "thumb": {"value": -1, "reasons": ["wrong", "unclear"], "text": "盐不是唯一的原因"},
        "correction": None,
    }
    row = Reaction.objects.get()
    assert (row.kind, row.value, row.reasons, row.text, row.message, row.current, row.source) == (
        "thumb", -1, ["wrong", "unclear"], "盐不是唯一的原因", talk[1], True, "chat",
    )  # fmt: skip
    event = Event.objects.get(verb="reaction.thumb")
    assert row.event_id == event.pk and event.target_id == talk[1].pk and "盐" not in str(event.data)


def test_a_change_of_mind_keeps_history(browser, talk):
    for value, reasons in ((1, []), (1, ["clear"]), (-1, []), (0, [])):
        browser.post(f"messages/{talk[1].pk}/react/", kind="thumb", value=value, reasons=reasons, text="")
    rows = list(Reaction.objects.order_by("pk").values_list("value", "reasons", "current"))
    assert rows == [(1, [], False), (1, ["clear"], False), (-1, [], False), (0, [], True)]
    shown = browser.talk(talk[0].conversation_id)["messages"][1]
    assert shown["thumb"] is None
    browser.post(f"messages/{talk[1].pk}/react/", kind="thumb", value=0, reasons=[], text="")
    assert Reaction.objects.count() == 4  # the same again is nothing new


def test_a_correction_stands_beside_the_thumb(browser, talk):
    browser.post(f"messages/{talk[1].pk}/react/", kind="thumb", value=-1, reasons=[], text="")
    both = browser.post(f"messages/{talk[1].pk}/react/", kind="correction", text="少吃盐，\n多运动。 ").json()
    assert both == {"thumb": {"value": -1, "reasons": [], "text": ""}, "correction": "少吃盐，\n多运动。 "}
    shown = browser.talk(talk[0].conversation_id)["messages"][1]
    assert (shown["thumb"]["value"], shown["correction"]) == (-1, "少吃盐，\n多运动。 ")
    assert (
        browser.post(f"messages/{talk[1].pk}/react/", kind="correction", text="").json()["correction"] is None
    )
    assert Reaction.objects.filter(kind="correction").count() == 2


def test_a_score_is_of_the_conversation(browser, talk):
    pk = talk[0].conversation_id
    assert browser.post(f"conversations/{pk}/score/", value=4, text="gut").json() == {
        "score": {"value": 4, "text": "gut"}
    }
    assert browser.post(f"conversations/{pk}/score/", value=2, text="").json()["score"]["value"] == 2
    assert (
        browser.talk(pk)["score"] == {"value": 2, "text": ""}
        and browser.get("conversations/").json()["conversations"][0]["score"] == 2
    )
    assert browser.post(f"conversations/{pk}/score/", value=0, text="").json() == {"score": None}
    assert list(Reaction.objects.order_by("pk").values_list("value", "current")) == [
        (4, False),
        (2, False),
        (0, True),
    ]


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"value": 2}, "bad_value"),
        ({"value": True}, "bad_value"),
        ({"value": "1"}, "bad_value"),
        ({"value": None}, "bad_value"),
        ({"value": 1.0}, "bad_value"),
        ({"kind": "score"}, "bad_value"),
        ({"kind": 1}, "bad_value"),
        ({"reasons": ["clear"]}, "bad_reason"),
        ({"reasons": ["wrong", "wrong"]}, "bad_reason"),
        ({"reasons": [1]}, "bad_reason"),
        ({"reasons": "wrong"}, "bad_value"),
        ({"value": 0, "reasons": ["wrong"]}, "bad_reason"),
        ({"text": "x" * 20_001}, "long_text"),
        ({"text": 1}, "bad_value"),
        ({"kind": "correction", "text": "x" * 200_001}, "long_text"),
    ],
)
def test_what_is_no_reaction_is_refused(browser, talk, body, code):
    answer = browser.post(
        f"messages/{talk[1].pk}/react/", **{"kind": "thumb", "value": -1, "reasons": [], "text": ""} | body
    )
    assert (
        answer.status_code == 400 and answer.json()["error"]["code"] == code and not Reaction.objects.exists()
    )


def test_questions_are_not_judged(browser, talk):
    assert (
        browser.post(f"messages/{talk[0].pk}/react/", kind="thumb", value=1, reasons=[], text="").json()[
            "error"
        ]["code"]
        == "bad_target"
    )


def test_the_verb_refuses_what_is_another_projects(project, talk):
    other = make_chat("other")
    for values in ({"message": talk[1]}, {"message": talk[1], "conversation": talk[1].conversation}, {}):
        with pytest.raises(DomainError):
            reactions.react(project=other, end_user=None, kind="thumb", value=1, **values)
    with pytest.raises(DomainError):
        reactions.choose(project=other, end_user=None, parent=talk[0], verdict="same")
    with pytest.raises(DomainError):
        reactions.signal(project=other, end_user=None, message=talk[1], name="copy")


def test_what_is_known_by_an_id_of_the_deployments_own(project, talk):
    """A target that is there is found at once; another is waited for."""
    Message.objects.filter(pk=talk[1].pk).update(external_id="chatcmpl-1")
    thumb = reactions.react(
        project=project,
        end_user=talk[1].conversation.end_user,
        kind="thumb",
        value=1,
        target_external="chatcmpl-1",
    )
    score = reactions.react(
        project=project,
        end_user=talk[1].conversation.end_user,
        kind="score",
        value=5,
        target_external="chatcmpl-1",
    )
    later = reactions.react(
        project=project, end_user=None, kind="thumb", value=1, target_external="chatcmpl-2"
    )
    assert (thumb.message, score.conversation, score.message) == (talk[1], talk[1].conversation, None)
    assert (later.message, later.conversation, later.target_external) == (None, None, "chatcmpl-2")


def test_nobody_in_particular_changes_nobodys_mind(project, talk):
    for value in (1, -1, 1):
        reactions.react(project=project, end_user=None, kind="thumb", value=value, message=talk[1])
    assert Reaction.objects.filter(current=True).count() == 3


@pytest.mark.django_db(transaction=True)
def test_two_windows_at_once_leave_one_current_thumb(project, user, talk):
    person = end_users.of_member(project, user)

    def thumb(value):
        return lambda: reactions.react(
            project=project,
            end_user=person,
            kind="thumb",
            value=value,
            message=Message.objects.get(pk=talk[1].pk),
        )

    assert at_once(*[thumb(v) for v in (1, -1, 1, -1, 0, 1)]) == []
    assert Reaction.objects.filter(current=True).count() == 1


def test_a_reaction_asks_few_questions_of_the_database(browser, talk):
    browser.post(f"messages/{talk[1].pk}/react/", kind="thumb", value=1, reasons=["clear"], text="")
    with CaptureQueriesContext(connection) as queries:
        browser.post(f"messages/{talk[1].pk}/react/", kind="thumb", value=-1, reasons=["wrong"], text="")
    asked = [
        q["sql"]
        for q in queries
        if not (q["sql"] or "").startswith(("BEGIN", "COMMIT", "SAVEPOINT", "RELEASE"))
    ]
    assert len(asked) <= 13, "\n".join(sql[:140] for sql in asked)


# Choices.


def test_a_choice_keeps_what_was_on_screen(browser, drafts, project):
    question, (a, b, c) = drafts
    Message.objects.filter(pk=c.pk).update(state="failed")
    shown = [
        {"message": a.pk, "seen": True},
        {"message": b.pk, "seen": False},
        {"message": c.pk, "seen": True, "complete": True, "position": 9},
    ]
    on = browser.post("choose/", user=question.pk, verdict="better", chosen=b.pk, shown=shown).json()
    assert on["id"] == b.pk and on["text"] == "Draft 1"
    choice = Choice.objects.get()
    assert choice.shown == [
        {"message": a.pk, "position": 0, "complete": True, "seen": True},
        {"message": b.pk, "position": 1, "complete": True, "seen": False},
        {"message": c.pk, "position": 2, "complete": False, "seen": True},
    ]
    assert (choice.verdict, choice.chosen, choice.regenerated, choice.current) == ("better", b, False, True)
    assert choice.event_id == Event.objects.get(verb="choice").pk
    talk = browser.talk(question.conversation_id)
    assert [m["id"] for m in talk["messages"]] == [question.pk, b.pk] and talk["messages"][0]["choice"] == {
        "verdict": "better",
        "chosen": b.pk,
    }
    assert "answers" not in talk["messages"][0] and talk["messages"][1]["siblings"] == [a.pk, b.pk, c.pk]


@pytest.mark.parametrize("verdict", ["same", "all_bad"])
def test_no_draft_is_better(browser, drafts, verdict):
    question, (a, b, c) = drafts
    Message.objects.filter(pk=a.pk).update(state="failed")
    shown = [{"message": m.pk, "seen": True} for m in (a, b, c)]
    on = browser.post("choose/", user=question.pk, verdict=verdict, chosen=None, shown=shown).json()
    assert on["id"] == b.pk  # the first that is complete
    assert (Choice.objects.get().verdict, Choice.objects.get().chosen) == (verdict, None)
    assert browser.talk(question.conversation_id)["messages"][-1]["id"] == b.pk


def test_another_choice_replaces_the_first(browser, drafts):
    question, made = drafts
    shown = [{"message": m.pk, "seen": True} for m in made]
    for chosen in (made[0], made[0], made[2]):
        browser.post("choose/", user=question.pk, verdict="better", chosen=chosen.pk, shown=shown)
    assert list(Choice.objects.order_by("pk").values_list("chosen", "current")) == [
        (made[0].pk, False),
        (made[2].pk, True),
    ]


def test_old_against_new_is_a_choice_of_its_own(browser, talk):
    old = talk[1]
    new = make_message(old.conversation, "More.", parent=talk[0])
    newest = make_message(old.conversation, "Most.", parent=talk[0])
    both = [{"message": old.pk, "seen": True}, {"message": new.pk, "seen": True}]
    assert (
        browser.post("choose/", user=talk[0].pk, verdict="better", chosen=old.pk, shown=both).json()["id"]
        == old.pk
    )
    later = [{"message": new.pk, "seen": True}, {"message": newest.pk, "seen": True}]
    assert (
        browser.post("choose/", user=talk[0].pk, verdict="same", chosen=None, shown=later).json()["id"]
        == newest.pk
    )
    rows = list(Choice.objects.order_by("pk").values_list("regenerated", "current", "verdict"))
    assert rows == [(True, True, "better"), (True, True, "same")]
    browser.post("choose/", user=talk[0].pk, verdict="better", chosen=new.pk, shown=both)
    assert list(Choice.objects.order_by("pk").values_list("current", flat=True)) == [False, True, True]


@pytest.mark.parametrize(
    "case",
    ["none chosen", "chosen for same", "one answer", "twice", "foreign", "question", "verdict", "bool"],
)
def test_what_is_no_choice_is_refused(browser, drafts, case):
    question, (a, b, _c) = drafts
    shown = [{"message": a.pk}, {"message": b.pk}]
    verdict, chosen = "better", a.pk
    if case == "none chosen":
        chosen = None
    elif case == "chosen for same":
        verdict = "same"
        assert (
            browser.post("choose/", user=question.pk, verdict=verdict, chosen=chosen, shown=shown).status_code
            == 200
        )
        assert Choice.objects.get().chosen is None  # where the talk goes on is no verdict
        return
    elif case == "one answer":
        shown = shown[:1]
    elif case == "twice":
        shown = [shown[0], shown[0]]
    elif case == "foreign":
        shown = [*shown, {"message": 10**9}]
    elif case == "question":
        shown = [*shown, {"message": question.pk}]
    elif case == "bool":
        shown = [{"message": True}, {"message": b.pk}]
    else:
        verdict = "fine"
    assert (
        browser.post("choose/", user=question.pk, verdict=verdict, chosen=chosen, shown=shown).status_code
        == 400
    )
    assert not Choice.objects.exists()


def test_a_choice_without_a_list_is_between_the_drafts(project, user, drafts):
    question, made = drafts
    Message.objects.filter(pk=made[0].pk).update(seen=True)
    choice = reactions.choose(
        project=project, end_user=end_users.of_member(project, user), parent=question, verdict="all_bad"
    )
    assert [(e["message"], e["seen"]) for e in choice.shown] == [
        (made[0].pk, True),
        (made[1].pk, False),
        (made[2].pk, False),
    ]


# Signals, and what was seen.


def test_signals_are_no_reactions(browser, talk):
    for _ in range(3):
        assert browser.post(f"messages/{talk[1].pk}/signal/", name="copy").json() == {"name": "copy"}
    assert Signal.objects.count() == 1 and not Reaction.objects.exists()
    assert browser.post(f"messages/{talk[1].pk}/signal/", name="like").json()["error"]["code"] == "bad_signal"


def test_what_was_seen_is_noted(browser, talk):
    assert browser.post("messages/seen/", ids=[talk[1].pk, talk[0].pk, 10**9]).json() == {"seen": 1}
    assert Message.objects.get(pk=talk[1].pk).seen
    assert (
        browser.post("messages/seen/", ids=["1"]).status_code
        == browser.post("messages/seen/", ids=5).status_code
        == 400
    )


def test_no_text_of_reactions_where_none_is_kept(browser, talk):
    ChatSettings.objects.update(keep="ids")
    browser.post(f"messages/{talk[1].pk}/react/", kind="thumb", value=-1, reasons=["wrong"], text="secret")
    browser.post(f"messages/{talk[1].pk}/react/", kind="correction", text="secret")
    browser.post(f"conversations/{talk[1].conversation_id}/score/", value=1, text="secret")
    assert list(Reaction.objects.values_list("text", flat=True)) == [
        "",
        "",
        "",
    ] and Reaction.objects.first().reasons == ["wrong"]


def test_masking_before_storage_masks_reactions_too(browser, talk):
    ChatSettings.objects.update(masking="storage")
    browser.post(f"messages/{talk[1].pk}/react/", kind="correction", text="打 13812345678 问")
    assert "13812345678" not in Reaction.objects.get().text and Reaction.objects.get().text.startswith("打 [")


def test_a_person_acts_so_often_in_a_minute(browser, talk, monkeypatch):
    from feedback.chat import requests as chat_requests

    monkeypatch.setattr(chat_requests, "ACTS", 3)
    answers = [browser.post("messages/seen/", ids=[]).status_code for _ in range(5)]
    assert answers == [200, 200, 200, 429, 429]


# Own history.


def test_own_talks_newest_first_and_searched(browser, project, user, talk):
    person = end_users.of_member(project, user)
    make_talk(project, "Is 100% of it salt_free?", "No.", end_user=person)
    make_talk(project, "somebody else's 血压", "…")
    found = browser.get("conversations/").json()["conversations"]
    assert [c["title"] for c in found] == ["Is 100% of it salt_free?", "高血压怎么办？"] and set(
        found[0]
    ) == {"id", "title", "updated_at", "score", "replied"}

    def titles(words):
        return [c["title"] for c in browser.get("conversations/", q=words).json()["conversations"]]

    assert titles("血压") == titles("少吃") == titles(" 吃盐 ") == ["高血压怎么办？"]
    assert titles("SALT_free") == titles("0% of") == ["Is 100% of it salt_free?"] and titles("%") == [
        "Is 100% of it salt_free?"
    ]
    assert titles("else") == titles("nothing of that") == []
    for bad in ("a\0b", "x" * 101):
        assert browser.get("conversations/", q=bad).status_code == 400


def test_long_histories_come_in_pages(browser, project, user):
    person = end_users.of_member(project, user)
    Conversation.objects.bulk_create(
        Conversation(project=project, end_user=person, title=str(i)) for i in range(130)
    )
    first = browser.get("conversations/").json()
    assert len(first["conversations"]) == 100 and first["more"]
    second = browser.get("conversations/", before=first["conversations"][-1]["id"]).json()
    assert len(second["conversations"]) == 30 and not second["more"]
    assert len({c["id"] for c in first["conversations"] + second["conversations"]}) == 130
    assert browser.get("conversations/", before="x").status_code == 400


def test_a_deleted_talk_is_gone(browser, talk, drafts):
    question, made = drafts
    shown = [{"message": m.pk, "seen": True} for m in made]
    browser.post("choose/", user=question.pk, verdict="better", chosen=made[0].pk, shown=shown)
    browser.post(f"messages/{made[0].pk}/react/", kind="thumb", value=1, reasons=[], text="t")
    browser.post(f"messages/{made[0].pk}/signal/", name="copy")
    browser.post(f"conversations/{question.conversation_id}/score/", value=1, text="t")
    assert browser.post(f"conversations/{question.conversation_id}/delete/").json() == {"deleted": True}
    assert not any(model.objects.exists() for model in (Conversation, Message, Reaction, Choice, Signal))
    event = Event.objects.get(verb="chat.delete")
    assert event.target_id == question.conversation_id and set(event.data) == {"end_user"}
    assert browser.get(f"conversations/{question.conversation_id}/").status_code == 404
    assert browser.post(f"conversations/{question.conversation_id}/delete/").status_code == 404


def test_a_talk_whose_texts_were_dropped_is_not_gone_on_with(browser, talk):
    from django.utils import timezone

    Conversation.objects.update(dropped_at=timezone.now())
    body = {
        "conversation": talk[0].conversation_id,
        "parent": talk[1].pk,
        "text": "More",
        "client_key": "a-key-of-this",
    }
    refused = browser.post("turn/", **body)
    assert refused.status_code == 409 and refused.json()["error"]["code"] == "dropped"
    assert browser.talk(talk[0].conversation_id)["dropped"]
