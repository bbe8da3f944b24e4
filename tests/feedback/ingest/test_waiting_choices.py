"""A choice may come before its drafts, as a thumb may before its answer: it waits, and counts from when they
are there."""

from importlib import import_module

import pytest
from django.apps import apps

from core import erasure
from core.models import Event
from feedback.conversations import end_users
from feedback.conversations.record_exchange import record_exchange
from feedback.ingest import batch as ingest
from feedback.models import Choice, Message, Reaction, WaitingDraft
from feedback.quality import beside
from tests.cast import make_project
from tests.feedback.ingest.ingesting import Sender, choice, thumb
from tests.threads import at_once

pytestmark = pytest.mark.django_db


def pick(*names: str, **fields) -> dict:
    """A choice between drafts that are named only; the first is better unless said otherwise."""
    row = choice(drafts=[{"id": name} for name in names], chosen=names[0]) | fields
    del row["messages"]
    return row


def arrive(project, name: str, words: str = "q", **fields) -> Message:
    """An answer to `words`, logged by the proxy: always the same person, so always the same turn."""
    who = end_users.of_key(project, "zhang")
    question = [{"role": "user", "content": words}]
    return record_exchange(
        project=project, end_user=who, messages=question, answer=f"answer {name}", external_id=name, **fields
    )


def test_it_is_joined_when_the_last_draft_arrives():
    sender = Sender()
    row = pick(
        "b1", "a1", "c1", id="k", user=None, drafts=[{"id": "b1"}, {"id": "a1", "seen": False}, {"id": "c1"}]
    )
    status, answer = sender.post(row)
    assert (status, answer["status"], answer["waiting"]) == (201, "accepted", True)
    waiting = Choice.objects.get(pk=answer["choice"])
    assert (waiting.parent, waiting.chosen, waiting.end_user, waiting.current, waiting.place) == (
        None,
        None,
        None,
        False,
        0,
    )
    assert beside.waiting(sender.project) == {"n": 1, "oldest": waiting.created_at}
    a, b = arrive(sender.project, "a1"), arrive(sender.project, "b1")
    assert Choice.objects.get().parent is None
    c = arrive(sender.project, "c1", state="stopped")
    made = Choice.objects.get()
    assert (made.pk, made.parent, made.chosen, made.verdict, made.current, made.place) == (
        waiting.pk,
        a.parent,
        b,
        "better",
        True,
        0,
    )
    assert made.end_user == a.conversation.end_user  # nobody was named: the one whose talk it is
    assert made.shown == [
        {"message": b.pk, "position": 0, "complete": True, "seen": True},
        {"message": a.pk, "position": 1, "complete": True, "seen": False},
        {"message": c.pk, "position": 2, "complete": False, "seen": True},
    ]
    assert WaitingDraft.objects.count() == 0 and beside.waiting(sender.project)["n"] == 0
    assert sender.post(row) == (
        200,
        {"index": 0, "status": "duplicate", "choice": made.pk, "id": "k", "duplicate": True},
    )


def test_a_conversation_brings_the_drafts():
    sender = Sender()
    sender.taken(pick("b1", "a1", verdict="all_bad", chosen=None))
    question = {"role": "user", "content": "q", "id": "q1"}
    drafts = [{"role": "assistant", "content": name, "id": name, "parent": "q1"} for name in ("a1", "b1")]
    sender.taken(
        {"type": "conversation", "conversation": "c", "user": "zhang", "messages": [question, *drafts]}
    )
    made = Choice.objects.get()
    assert (made.parent.text, made.chosen, made.verdict, made.current) == ("q", None, "all_bad", True)
    assert beside.waiting(sender.project)["n"] == 0


def test_in_one_batch_the_order_does_not_matter():
    sender = Sender()
    question = {"role": "user", "content": "q", "id": "q1"}
    drafts = [{"role": "assistant", "content": name, "id": name, "parent": "q1"} for name in ("a1", "b1")]
    answer = sender.taken(
        [
            pick("a1", "b1"),
            {"type": "conversation", "conversation": "c", "user": "zhang", "messages": [question, *drafts]},
        ]
    )
    assert [r.get("waiting") for r in answer["results"]] == [None, None]
    assert Choice.objects.get().chosen.text == "a1"


def test_answers_to_two_questions_never_make_a_choice():
    sender = Sender()
    sender.taken(pick("a1", "b1"))
    arrive(sender.project, "a1"), arrive(sender.project, "b1", "another question")
    assert Choice.objects.get().parent is None
    assert beside.waiting(sender.project)["n"] == 1
    status, answer = sender.post(pick("a1", "b1", "c1"))
    assert (status, answer["error"]["code"]) == (400, "bad_drafts")
    status, answer = sender.post(choice(drafts=[{"id": "new"}, {"text": "beside it"}]))
    assert (status, answer["error"]["code"], answer["error"]["field"]) == (400, "unknown_draft", "drafts.0")
    assert Choice.objects.count() == 1 and Message.objects.count() == 4


def test_of_one_person_the_latest_counts_whenever_it_is_joined():
    sender = Sender()
    early, late = "2026-01-01T00:00:00Z", "2026-01-02T00:00:00Z"
    sender.taken([pick("a1", "b1", "c1", at=late), pick("b1", "a1", at=early)])
    for name in ("a1", "b1", "c1"):
        arrive(sender.project, name)
    assert [(c.chosen.text, c.current) for c in Choice.objects.order_by("created_at")] == [
        ("answer b1", False),
        ("answer a1", True),
    ]
    sender.taken(pick("c1", "a1"))
    assert [c.chosen.text for c in Choice.objects.filter(current=True)] == ["answer c1"]


def test_what_waited_counts_from_its_answers_on():
    """An export of how things stood before the answers came finds nothing of it, also later."""
    sender = Sender()
    sender.taken([pick("a1", "b1"), thumb(target="a1", value="down")])
    before = Event.objects.latest("pk").pk
    first = arrive(sender.project, "a1")
    last = arrive(sender.project, "b1")
    assert (
        before
        < Reaction.objects.get().event_id
        == first.event_id
        < Choice.objects.get().event_id
        == last.event_id
    )


@pytest.mark.django_db(transaction=True)
def test_it_goes_with_its_person():
    sender = Sender()
    sender.taken([pick("a1", "b1", id="k"), pick("a1", "b1", user="li")])
    zhang = end_users.of_key(sender.project, "zhang")
    erasure.erase(erasure.Person(sender.project, end_users=[zhang.pk]), actor=None)
    assert [c.end_user.key_hash for c in Choice.objects.all()] == [
        end_users.external_hash(sender.project, "li")
    ]
    assert WaitingDraft.objects.count() == 2
    assert sender.post(pick("a1", "b1", id="k"))[0] == 201


def test_places_of_earlier_choices_are_found():
    sender = Sender()
    sender.taken(choice(chosen=1))
    sender.taken(choice(verdict="same", chosen=None, user="li"))
    Choice.objects.update(place=None)
    import_module("feedback.migrations.0006_choice_place").places(apps, None)
    assert list(Choice.objects.order_by("pk").values_list("place", flat=True)) == [1, None]


@pytest.mark.django_db(transaction=True)
def test_a_choice_and_its_drafts_never_miss_each_other():
    project = make_project()
    end_users.of_key(project, "zhang")
    for i in range(8):
        names = [f"{name}{i}" for name in "abc"]
        jobs = [lambda name=name, i=i: arrive(project, name, f"q{i}") for name in names]
        jobs += [
            lambda names=names, user=user: ingest.take(project=project, rows=[pick(*names, user=user)])
            for user in ("zhang", "li")
        ]
        assert at_once(*jobs) == []
    assert Choice.objects.count() == 16
    assert (
        not Choice.objects.filter(parent=None).exists() and Choice.objects.filter(current=True).count() == 16
    )
