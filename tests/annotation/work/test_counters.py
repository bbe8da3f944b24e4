"""The counters kept on an item are what its rows say, after any sequence of verbs."""

import random
from datetime import timedelta

import pytest
from django.utils import timezone

from annotation import erasure
from annotation.models import Annotation, Assignment, Item
from annotation.projects import actions as projects
from annotation.statistics import agreement
from annotation.statistics import project as figures
from annotation.work import queue, review, submit, take_back
from core.erasure import Person
from core.errors import DomainError
from tests.cast import make_item, make_member, make_project

pytestmark = pytest.mark.django_db


def recounted(item: Item) -> dict:
    """The counters of `item` from its rows, and whether it is done."""
    assignments = {a.annotator_id: a for a in Assignment.objects.filter(item=item)}
    counted = list(
        Annotation.objects.filter(
            item=item, annotator__source="person", state__in=["submitted", "accepted"]
        ).select_related("head")
    )
    in_slot = [a for a in counted if assignments[a.annotator_id].slot is not None]
    return {
        "held": sum(a.slot is not None for a in assignments.values()),
        "submitted": len(in_slot),
        "extras": len(counted) - len(in_slot),
        "agreement": agreement.of_documents(item.kind, [a.head.document for a in counted], item.slot_count),
        "done": len(in_slot) >= item.overlap,
    }


def kept(item: Item) -> dict:
    return {name: getattr(item, name) for name in ("held", "submitted", "extras", "agreement")} | {
        "done": item.state == "done"
    }


class Bench:
    """A small project and everything that may happen to it, at random."""

    def __init__(self, seed):
        self.rng = random.Random(seed)
        self.project = make_project(overlap=self.rng.choice([1, 2, 3]))
        self.people = [make_member(self.project, "annotator") for _i in range(4)]
        self.rex, self.lead = make_member(self.project, "reviewer"), make_member(self.project, "manager")
        for _i in range(3):
            make_item(self.project)
        self.n = 0

    def assignment(self, *states):
        rows = list(
            Assignment.objects.filter(
                project=self.project, state__in=states, annotator__user__isnull=False
            ).order_by("pk")
        )
        return self.rng.choice(rows) if rows else None

    def annotation(self):
        rows = list(Annotation.objects.filter(project=self.project).order_by("pk"))
        return self.rng.choice(rows) if rows else None

    def claim(self):
        queue.claim(project=self.project, user=self.rng.choice(self.people), reserve=self.rng.random() < 0.3)

    def submit(self):
        if a := self.assignment("open", "open", "reserved", "submitted", "expired", "released"):
            letters = list("ABC")
            self.rng.shuffle(letters)
            self.n += 1
            submit.submit(
                user=a.annotator.user,
                pk=a.pk,
                given={"ranking": [[x] for x in letters]},
                client_key=f"k{self.n}",
            )

    def undo(self):
        if a := self.assignment("submitted"):
            submit.undo(user=a.annotator.user, pk=a.pk)

    def skip(self):
        if a := self.assignment("open", "reserved", "expired"):
            queue.skip(user=a.annotator.user, pk=a.pk, reason="unclear")

    def unskip(self):
        if a := self.assignment("skipped"):
            take_back.unskip(user=a.annotator.user, pk=a.pk)

    def release(self):
        if a := self.assignment("open", "reserved"):
            queue.release(user=a.annotator.user, pk=a.pk)

    def renew(self):
        if a := self.assignment("open", "expired", "released"):
            queue.renew(user=a.annotator.user, pk=a.pk)

    def expire(self):
        if a := self.assignment("open", "reserved"):
            Assignment.objects.filter(pk=a.pk).update(lease_until=timezone.now() - timedelta(seconds=1))
            queue.expire()

    def accept(self):
        if one := self.annotation():
            review.accept(annotation=one, reviewer=self.rex)

    def return_(self):
        if one := self.annotation():
            review.return_(annotation=one, reviewer=self.rex, comment="Again, please.")

    def settle(self):
        if one := self.annotation():
            review.settle(item=one.item, version=one.head, reviewer=self.rex)

    def unsettle(self):
        if one := self.annotation():
            review.unsettle(item=one.item, reviewer=self.rex)

    def hide(self):
        queue.report(
            user=self.rng.choice(self.people),
            item=self.rng.choice(list(Item.objects.filter(project=self.project).order_by("pk"))),
        )

    def restore(self):
        for item in Item.objects.filter(project=self.project, hidden=True):
            queue.restore(user=self.lead, item=item)

    def settings(self):
        projects.change(
            project=self.project,
            actor=self.lead,
            title="T",
            description="",
            archived=False,
            overlap=self.rng.randint(1, 4),
        )

    def erase(self):
        if self.rng.random() < 0.2 and len(self.people) > 2:
            erasure.erase(Person(self.project, user=self.people.pop()))

    VERBS = (
        claim,
        claim,
        claim,
        submit,
        submit,
        submit,
        undo,
        skip,
        unskip,
        release,
        renew,
        expire,
        accept,
        return_,
        settle,
        unsettle,
        hide,
        restore,
        settings,
        erase,
    )


@pytest.mark.parametrize("seed", range(30))
def test_stored_counters_are_what_the_rows_say(seed):
    bench, done = Bench(seed), []
    for _step in range(60):
        verb = bench.rng.choice(Bench.VERBS)
        done.append(verb.__name__)
        try:
            verb(bench)
        except DomainError as exc:
            done[-1] += f" ({exc.code})"
        for item in Item.objects.filter(project=bench.project):
            truth, stored = recounted(item), kept(item)
            if item.state == "settled":
                stored["done"] = truth["done"]
            assert stored == truth, f"item {item.pk} after {done[-12:]}"


def test_a_return_ends_the_dispute_of_which_one_side_is_left():
    project = make_project(overlap=2)
    item = make_item(project)
    for n in range(2):
        user = make_member(project, "annotator")
        a = queue.claim(project=project, user=user)
        slots = [[0], [1], [2]] if n else [[2], [1], [0]]
        letters = [["ABC"[a.order.index(slot)] for slot in group] for group in slots]
        made = submit.submit(user=user, pk=a.pk, given={"ranking": letters}, client_key="k")
    rex = make_member(project, "reviewer")
    assert figures.attention(project)["disputes"] == 1
    review.return_(annotation=made.annotation, reviewer=rex, comment="Look again.")
    figures.clear(project)
    assert figures.attention(project)["disputes"] == 0
    item.refresh_from_db()
    assert item.agreement is None


@pytest.mark.parametrize("end", ["expire", "release", "skip", "report"])
def test_an_extra_that_was_undone_gives_no_place_back_when_it_is_let_go(end):
    """It never had one: somebody else had taken it meanwhile."""
    project = make_project(overlap=1)
    item = make_item(project)
    late, quick = make_member(project, "annotator"), make_member(project, "annotator")
    a = queue.claim(project=project, user=late)
    Assignment.objects.filter(pk=a.pk).update(lease_until=timezone.now() - timedelta(seconds=1))
    given = {"ranking": [["A"], ["B"], ["C"]]}
    b = queue.claim(project=project, user=quick)
    submit.submit(user=quick, pk=b.pk, given=given, client_key="k")
    assert submit.submit(user=late, pk=a.pk, given=given, client_key="k").late
    submit.undo(user=late, pk=a.pk)
    if end == "expire":
        Assignment.objects.filter(pk=a.pk).update(lease_until=timezone.now() - timedelta(seconds=1))
        assert queue.expire() == 1
    elif end == "report":
        queue.report(user=quick, item=item)
    else:
        getattr(queue, end)(user=late, pk=a.pk, **({"reason": "unclear"} if end == "skip" else {}))
    item.refresh_from_db()
    assert kept(item) == recounted(item) and item.held == 1


def test_what_was_stored_wrong_before_is_set_right_by_the_migration():
    from importlib import import_module

    from django.apps import apps
    from django.db import connection

    project = make_project(overlap=2)
    items = [make_item(project) for _i in range(3)]
    made = []
    for _n in range(2):
        user = make_member(project, "annotator")
        a = queue.claim(project=project, user=user)
        made.append(
            submit.submit(user=user, pk=a.pk, given={"ranking": [["A"], ["B"], ["C"]]}, client_key="k")
        )
    review.return_(annotation=made[0].annotation, reviewer=make_member(project, "reviewer"), comment="Again.")
    Item.objects.filter(pk=items[0].pk).update(agreement=-1, held=1)
    Item.objects.filter(pk=items[2].pk).update(held=1)

    class Editor:
        pass

    Editor.connection = connection
    import_module("annotation.migrations.0006_counters_as_the_rows_say").recount(apps, Editor)
    assert [
        kept(item) == recounted(item) for item in Item.objects.filter(project=project).order_by("pk")
    ] == [True] * 3
    assert list(Item.objects.filter(project=project).order_by("pk").values_list("held", flat=True)) == [
        2,
        0,
        0,
    ]
