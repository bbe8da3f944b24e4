"""What the inbox lists: one row for each word in force, found again by everything it can be asked for."""

import uuid
from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from annotation.models import Item
from annotation.promotion import by_hand
from corpus.models import ModelVersion
from feedback.inbox import looks, replies, rows
from feedback.models import ChatSettings, Choice, Message, Reaction, Signal
from feedback.reactions import actions as reactions
from tests.annotation.promotion.promoted_talks import (
    make_answer,
    make_chat,
    make_end_user,
    make_talk,
    score,
    thumb,
)
from tests.cast import make_cast

pytestmark = pytest.mark.django_db


@pytest.fixture
def cast(db):
    cast = make_cast("clinic", overlap=2)
    make_chat(cast.project)
    return cast


def correct(answer, text, who=None):
    return reactions.react(
        project=answer.project,
        end_user=who or answer.conversation.end_user,
        kind="correction",
        text=text,
        message=answer,
    )


def make_choice(project, verdict="better", chosen=0, question="Which dose?", who=None):
    """Two drafts and a choice between them, by the real verb."""
    asked = make_talk(project, (question, "draft a"), who=who)[0].parent
    group = uuid.uuid4()
    Message.objects.filter(parent=asked).update(draft_group=group)
    make_answer(asked, "draft b", draft_group=group, position=1)
    drafts = list(Message.objects.filter(parent=asked).order_by("position"))
    return reactions.choose(
        project=project,
        end_user=asked.conversation.end_user,
        parent=asked,
        verdict=verdict,
        chosen=drafts[chosen] if verdict == "better" else None,
    )


def found(cast, user=None, **asked):
    return rows.listed(cast.project, asked, user=user or cast.alice).rows


def test_what_a_person_says_of_an_answer_is_one_row(cast):
    answer = make_talk(cast.project)[0]
    said = thumb(answer, -1, "wrong dose")
    correct(answer, "5 mg")
    thumb(make_talk(cast.project)[0], 0)
    alone = correct(make_talk(cast.project)[0], "another")
    rated = score(make_talk(cast.project)[0], 2)
    chosen = make_choice(cast.project)
    assert found(cast) == [chosen, rated, alone, said]
    assert found(cast, about="correction")[0] == alone and len(found(cast, about="correction")) == 2
    score(answer, 3)
    assert said in found(cast) and len(found(cast)) == 4 and len(found(cast, about="score")) == 2
    thumb(chosen.chosen, 1)  # the choice stands in the row of the thumb now
    assert chosen not in found(cast) and found(cast, about="choice") == [chosen]


def test_a_changed_mind_and_another_project_are_not_listed(cast):
    answer = make_talk(cast.project)[0]
    thumb(answer, -1)
    last = thumb(answer, 1)
    other = make_cast_elsewhere()
    assert found(cast) == [last] and other not in found(cast)


def make_cast_elsewhere():
    from tests.cast import make_project

    project = make_project("elsewhere")
    make_chat(project)
    return thumb(make_talk(project)[0], -1)


def test_each_filter_finds_what_it_says(cast):
    project = cast.project
    down = thumb(make_talk(project, ("儿童的剂量？", "每次五毫克"))[0], -1, "剂量错误", reasons=["wrong"])
    up = thumb(make_talk(project, ("How much?", "Five mg"))[0], 1, source="widget")
    second = make_talk(project, ("More?", "None"))[0]
    Message.objects.filter(pk=second.pk).update(
        model_version=ModelVersion.objects.create(project=project, name="second")
    )
    other = thumb(second, -1, reasons=["unclear"])
    correct(second, "Some")
    model = Message.objects.get(pk=second.pk).model_version_id
    assert found(cast, thumb="up") == [up]
    assert found(cast, thumb="down") == [other, down]
    assert found(cast, reason="wrong") == [down]
    assert found(cast, reason="no_such") == []
    assert found(cast, model=str(model)) == [other]
    assert found(cast, has="comment") == [down]
    assert found(cast, has="correction") == [other]
    assert found(cast, language="zh") == [down]
    assert found(cast, language="other") == [other, up]
    assert found(cast, source="widget") == [up]
    assert found(cast, q="五毫克") == [down] and found(cast, q="剂量错") == [down]
    assert found(cast, q="HOW MUCH") == [up]
    assert found(cast, person=down.end_user_id) == [down]
    today = timezone.now().date()
    assert len(found(cast, start=today, end=today)) == 3
    assert found(cast, end=today - timedelta(days=1)) == []
    Message.objects.filter(pk=up.message_id).update(created_at=timezone.now() - timedelta(days=9))
    assert found(cast, by="answered", end=today - timedelta(days=1)) == [up]


def test_the_state_goes_from_new_to_answered(cast):
    ChatSettings.objects.filter(project=cast.project).update(replies="written")
    said = thumb(make_talk(cast.project)[0], -1)
    answer = Message.objects.select_related("project", "conversation").get(pk=said.message_id)
    drafts = make_choice(cast.project, "all_bad")

    def states():
        return [name for name in ("new", "looked", "sent", "answered") if said in found(cast, state=name)]

    assert states() == ["new"]
    assert looks.look(project=cast.project, user=cast.dan, messages=[answer.pk]) == 1
    assert looks.look(project=cast.project, user=cast.dan, messages=[answer.pk]) == 0
    assert states() == ["looked"]
    by_hand.send(project=cast.project, actor=cast.alice, messages=[answer.pk])
    assert states() == ["sent"]
    assert said in found(cast, promoted="yes") and said not in found(cast, promoted="no")
    replies.write(message=answer, author=cast.dan, text="Five milligrams.")
    assert states() == ["answered"]
    assert drafts in found(cast, state="new") and drafts in found(cast, promoted="no")
    by_hand.send(project=cast.project, actor=cast.alice, messages=[drafts.shown[0]["message"]])
    assert found(cast, state="sent") == [drafts]


def test_pages_go_on_where_the_last_ended(cast, monkeypatch):
    monkeypatch.setattr(rows, "PAGE", 4)
    moment = timezone.now()
    for i in range(11):
        if i % 3 == 0:
            make_choice(cast.project)
        else:
            thumb(make_talk(cast.project)[0], 1)
    Reaction.objects.update(created_at=moment)  # one file
    Choice.objects.update(created_at=moment)
    seen, after, n = [], None, 0
    while True:
        page = rows.listed(cast.project, {}, user=cast.alice, after=after)
        seen += [(type(row), row.pk) for row in page.rows]
        n += 1
        after = rows.Key.read(str(page.next)) if page.next else None
        if after is None:
            break
    assert len(seen) == len(set(seen)) == 11 and n == 3
    assert rows.listed(cast.project, {}, user=cast.alice).count == 11


def test_a_page_looks_through_a_window_and_says_so(cast, monkeypatch):
    monkeypatch.setattr(rows, "WINDOW", 5)
    rare = thumb(make_talk(cast.project)[0], -1)
    for _i in range(12):
        thumb(make_talk(cast.project)[0], 1)
    pages, after = [], None
    for _i in range(3):
        page = rows.listed(cast.project, {"thumb": "down"}, user=cast.alice, after=after)
        pages.append((page.rows, page.further))
        after = page.next
    assert pages == [([], True), ([], True), ([rare], False)] and after is None


def test_whoever_has_yet_to_judge_an_item_does_not_see_what_was_said_of_it(cast, client):
    from annotation.work import queue

    said = thumb(make_talk(cast.project)[0], -1, "secret words")
    by_hand.send(project=cast.project, actor=cast.alice, messages=[said.message_id])
    assert queue.claim(project=cast.project, user=cast.dan) is not None
    assert found(cast, user=cast.dan) == [] and found(cast) == [said]
    client.force_login(cast.dan)
    assert client.get(reverse("inbox_answer", args=["clinic", said.message_id])).status_code == 404
    assert "secret words" not in client.get(reverse("inbox", args=["clinic"])).content.decode()


def test_masked_texts_are_masked_here_and_not_found_by_what_is_masked(cast, client):
    ChatSettings.objects.filter(project=cast.project).update(masking="promotion")
    thumb(make_talk(cast.project, ("Call 13800138000?", "No"))[0], -1, "mine is 13800138000")
    client.force_login(cast.dan)
    text = client.get(reverse("inbox", args=["clinic"])).content.decode()
    assert "13800138000" not in text and "mine is" in text
    assert found(cast, q="138001") == [] and len(found(cast, q="mine is")) == 1


def test_a_talk_without_texts_is_listed_without_them(cast, client):
    answer = make_talk(cast.project, ("Q", "A"), keep=False)[0]
    Message.objects.filter(conversation=answer.conversation).update(text="")
    thumb(answer, -1)
    client.force_login(cast.dan)
    assert "Its text is not kept." in client.get(reverse("inbox", args=["clinic"])).content.decode()


def test_what_waits_and_signals_are_lists_of_their_own(cast):
    waiting = reactions.react(
        project=cast.project, end_user=make_end_user(cast.project), kind="thumb", value=1, target_external="x"
    )
    answer = make_talk(cast.project)[0]
    signal = Signal.objects.create(
        project=cast.project, message=answer, end_user=answer.conversation.end_user, name="copy"
    )
    assert found(cast) == []
    assert found(cast, about="waiting") == [waiting]
    assert found(cast, about="signal") == found(cast, about="signal", signal="copy") == [signal]


@pytest.mark.parametrize("name", ["alice", "dan"])
def test_the_page_asks_as_often_for_much_as_for_little(cast, client, name):
    client.force_login(getattr(cast, name))
    page = reverse("inbox", args=["clinic"])

    def queries():
        with CaptureQueriesContext(connection) as found:
            assert client.get(page).status_code == 200
        return len(found)

    def fill():
        for _i in range(6):
            answer = make_talk(cast.project, ("a?", "b"), ("c?", "d"))[1]
            thumb(answer, -1, "words", reasons=["wrong"])
            correct(answer, "better")
            score(answer, 2)
            make_choice(cast.project)
            looks.look(project=cast.project, user=cast.dan, messages=[answer.pk])
            by_hand.send(project=cast.project, actor=cast.alice, messages=[answer.pk])

    fill()
    queries()
    before = queries()
    fill()
    fill()
    assert queries() == before
    assert before < 40


def test_only_reviewers_and_managers_come_in(cast, client):
    said = thumb(make_talk(cast.project)[0], -1)
    pages = [
        reverse("inbox", args=["clinic"]),
        reverse("inbox_answer", args=["clinic", said.message_id]),
    ]
    for person, status in (("alice", 200), ("dan", 200), ("bob", 403), ("ute", 403), ("eve", 404)):
        client.force_login(getattr(cast, person))
        assert [client.get(page).status_code for page in pages] == [status, status], person
    client.force_login(cast.dan)
    assert (
        client.post(reverse("promotion_send", args=["clinic"]), {"message": said.message_id}).status_code
        == 403
    )
    assert Item.objects.count() == 0


@pytest.mark.parametrize(
    "asked",
    [
        "before=x",
        "before=1-2-3",
        "before=999999999999999999-9-9",
        "model=abc",
        "start=x",
        "person=-1",
        "about=no",
        "reason=" + "x" * 90,
        "place=0",
        "expert=x",
        "score=9",
        "thumb=sideways",
        "end=9999-12-31",
        "start=0001-01-01",
    ],
)
def test_an_address_that_makes_no_sense_is_answered(cast, client, asked):
    thumb(make_talk(cast.project)[0], -1)
    client.force_login(cast.dan)
    assert client.get(reverse("inbox", args=["clinic"]) + "?" + asked).status_code == 200


@pytest.mark.parametrize(
    "asked", [{}, {"thumb": "down"}, {"about": "choice"}, {"state": "new"}, {"about": "signal"}]
)
def test_the_list_goes_by_its_own_index_and_sorts_nothing(cast, asked):
    thumb(make_talk(cast.project)[0], -1)
    after = rows.Key(timezone.now(), 9, 9)
    names = {rows.REACTIONS: "reaction_inbox", rows.CHOICES: "choice_inbox", rows.SIGNALS: "signal_inbox"}
    for table in rows._tables(cast.project, asked, []):
        for found in (table.before(table.every, after), table.within(after, None)):
            plan = found.order_by(*rows.ORDER).values_list("created_at", "id").explain()
            if connection.vendor == "sqlite":
                assert names[table.rank] in plan and "ORDER BY" not in plan, plan
