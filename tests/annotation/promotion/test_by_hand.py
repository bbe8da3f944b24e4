"""Sending by hand: what is told before is what happens, and each turn is sent once."""

import pytest
from django.urls import reverse

from annotation.models import Item, ItemTag, Promotion
from annotation.promotion import by_hand
from annotation.promotion import rules as promotion
from core.errors import DomainError
from core.models import Event
from feedback.models import Message
from tests.annotation.promotion.promoted_talks import make_chat, make_talk, thumb
from tests.cast import make_cast

pytestmark = pytest.mark.django_db


@pytest.fixture
def cast(db):
    cast = make_cast("clinic", overlap=2)
    make_chat(cast.project)
    return cast


@pytest.fixture
def answers(cast):
    """Two new turns, an equal one, one that was sent before, one that broke off."""
    turns = [("One?", "1"), ("Two?", "2"), ("Two?", "2"), ("Old?", "0"), ("Broken?", "half")]
    found = [make_talk(cast.project, turn)[0] for turn in turns]
    for answer in found:
        thumb(answer, -1)
    by_hand.send(project=cast.project, actor=cast.alice, messages=[found[3].pk])
    Message.objects.filter(pk=found[4].pk).update(state="failed")
    return [m.pk for m in found]


def test_what_is_told_before_is_what_happens(cast, answers, client):
    client.force_login(cast.alice)
    page = reverse("promotion_send", args=["clinic"])
    events = Event.objects.count()
    back = reverse("inbox", args=["clinic"]) + "?thumb=down"
    text = client.post(page, {"message": answers, "back": back}).content.decode()
    assert (Item.objects.count(), Promotion.objects.count(), Event.objects.count()) == (1, 1, events)
    for words in (
        "2 new items.",
        "2 people judge each.",
        "That is 4 judgements.",
        "2 answers will be sent",
        "1 joins an existing item",
        "1 was sent before",
        "1 cannot be judged",
        "The answer broke off.",
    ):
        assert words in text, words
    answer = client.post(page, {"message": answers[:3], "back": back, "sure": "1"}, follow=True)
    assert answer.redirect_chain[0][0] == back
    assert "2 new items are with the experts." in answer.content.decode()
    made = dict(Promotion.objects.values_list("message_id", "outcome"))
    assert made == {answers[0]: "item", answers[1]: "item", answers[2]: "known", answers[3]: "item"}
    assert Item.objects.count() == 3 and set(Promotion.objects.values_list("by_hand", flat=True)) == {True}
    assert set(ItemTag.objects.values_list("name", flat=True)) == {"feedback", "feedback:by_hand"}


def test_sent_by_hand_is_taken_by_no_rule_and_the_other_way_round(cast, answers):
    rule = promotion.create(project=cast.project, actor=None, name="Downs", kind="down")
    report = promotion.run(cast.project, rule)
    assert (report["item"], report["known"], report["refused"]) == (2, 1, 1)
    again = by_hand.send(project=cast.project, actor=cast.alice, messages=answers)
    assert all(row.before for row in again.rows) and Promotion.objects.count() == 5


def test_caps_of_rules_do_not_bind_a_person(cast, answers):
    promotion.create(project=cast.project, actor=None, name="Downs", kind="down", daily_cap=1)
    found = by_hand.send(project=cast.project, actor=cast.alice, messages=answers[:2])
    assert found.new_items == 2


def test_another_projects_answer_is_gone_and_strangers_send_nothing(cast, answers):
    from tests.cast import make_project

    other = make_project("elsewhere")
    make_chat(other)
    theirs = make_talk(other)[0].pk
    found = by_hand.send(project=cast.project, actor=cast.alice, messages=[theirs])
    assert found.rows[0].reason == "gone" and Item.objects.filter(project=other).count() == 0
    for person in (cast.bob, cast.dan, cast.eve):
        with pytest.raises(DomainError):
            by_hand.send(project=cast.project, actor=person, messages=answers)


@pytest.mark.parametrize("given", [[], list(range(1, 200)), ["x"], ["99999999999999999999"]])
def test_nothing_and_too_much_are_told(cast, client, given):
    client.force_login(cast.alice)
    page = client.post(reverse("promotion_send", args=["clinic"]), {"message": given}, follow=True)
    assert page.status_code == 200 and 'role="alert"' in page.content.decode()


def test_the_log_says_that_it_was_sent_by_hand(cast, answers, client):
    client.force_login(cast.alice)
    assert "sent by hand" in client.get(reverse("promotion", args=["clinic"])).content.decode()
