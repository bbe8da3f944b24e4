"""Many people at once on one real database: no item is given out twice, nothing deadlocks, every submit
counts once."""

import contextlib

import pytest
from django.db import DatabaseError, connection
from django.db.models import Count, F

from annotation.bench import payload
from annotation.models import Annotation, Assignment, Item
from annotation.work import queue, sql, submit
from core.db import one_go
from core.errors import Conflict
from core.models import Event
from tests.cast import make_item, make_member, make_project
from tests.threads import at_once

pytestmark = pytest.mark.django_db(transaction=True)


def test_eight_people_drain_a_queue_of_overlap_two():
    project = make_project(overlap=2)
    for i in range(30):
        make_item(project, position=i)
    people = [make_member(project, "annotator") for _i in range(8)]

    def drain(user):
        n = 0
        while (a := queue.claim(project=project, user=user)) is not None:
            n += 1
            if n % 7 == 0:
                queue.release(user=user, pk=a.pk)
                continue
            submit.submit(user=user, pk=a.pk, given={"ranking": [["A"], ["B"], ["C"]]}, client_key="k")

    assert at_once(*(lambda u=u: drain(u) for u in people)) == []
    # Whoever met an empty queue while another still held an item has left; one more walk finds what was let
    # go at the end.
    for user in people:
        drain(user)
    over = Assignment.objects.filter(slot__isnull=False).values("item").annotate(n=Count("pk")).exclude(n=2)
    assert not over.exists()
    assert Item.objects.filter(state="done", submitted=2, held=2).count() == 30
    assert Annotation.objects.count() == 60


def test_one_person_in_many_windows_gets_one_item():
    project = make_project(overlap=2)
    for _i in range(5):
        make_item(project)
    user = make_member(project, "annotator")
    got = []
    errors = at_once(*(lambda: got.append(queue.claim(project=project, user=user).pk) for _i in range(6)))
    assert errors == [] and len(set(got)) == 1
    assert Assignment.objects.filter(state="open").count() == 1


def test_one_submit_sent_many_times_counts_once():
    project = make_project()
    make_item(project)
    user = make_member(project, "annotator")
    a = queue.claim(project=project, user=user)
    errors = at_once(
        *(
            lambda: submit.submit(user=user, pk=a.pk, given={"ranking": [["A"], ["B"]]}, client_key="once")
            for _i in range(6)
        )
    )
    assert errors == []
    item = Item.objects.get()
    assert (item.submitted, item.held, Annotation.objects.get().versions.count()) == (1, 1, 1)


def test_expiry_against_submit_and_heartbeat_never_loses_or_doubles():
    project = make_project(overlap=1)
    for i in range(12):
        make_item(project, position=i)
    people = [make_member(project, "annotator") for _i in range(4)]

    def work(user):
        while (a := queue.claim(project=project, user=user)) is not None:
            Assignment.objects.filter(pk=a.pk).update(lease_until="2020-01-01T00:00:00Z")
            with contextlib.suppress(Conflict):
                queue.renew(user=user, pk=a.pk)
            Assignment.objects.filter(pk=a.pk, state="open").update(lease_until="2020-01-01T00:00:00Z")
            submit.submit(user=user, pk=a.pk, given={"ranking": [["A"], ["B"]]}, client_key="k")

    def sweep():
        for _i in range(40):
            queue.expire()

    assert at_once(*(lambda u=u: work(u) for u in people), sweep) == []
    assert not Item.objects.exclude(held=F("submitted")).exists()
    assert not Item.objects.filter(submitted__gt=F("overlap")).exists()
    assert (
        sum(Item.objects.values_list("submitted", flat=True))
        + sum(Item.objects.values_list("extras", flat=True))
        == Annotation.objects.count()
    )
    assert connection.vendor in ("sqlite", "postgresql")


def test_lost_plans_lose_nothing():
    """A pooler between us and PostgreSQL may hand every transaction another connection, which knows nothing
    of what was prepared."""
    if connection.vendor != "postgresql":
        pytest.skip("only PostgreSQL keeps plans")
    project = make_project()
    for _i in range(4):
        make_item(project)
    user = make_member(project, "annotator")

    def judge(forget):
        a = queue.claim(project=project, user=user)
        forget()
        done = submit.submit(user=user, pk=a.pk, given={"ranking": [["A"], ["B"]]}, client_key="k")
        forget()
        assert (
            payload.of(queue.own(user=user, pk=a.pk))["assignment"]["annotation"]["version"]
            == done.version.number
        )

    def forget():
        one_go._plans_are_kept = True
        connection.cursor().execute("DO $$ BEGIN EXECUTE 'DEALLOCATE ALL'; END $$")

    try:
        judge(lambda: None)
        judge(forget)
        connection.cursor().execute("DO $$ BEGIN EXECUTE 'DEALLOCATE ALL'; END $$")
        judge(lambda: None)
        assert one_go._plans_are_kept is False
        judge(lambda: None)
    finally:
        one_go._plans_are_kept = True
    assert Item.objects.filter(state="done", submitted=1, held=1).count() == 4


def test_a_claim_that_fails_in_mid_go_leaves_nothing_behind(monkeypatch):
    """BEGIN and COMMIT travel with the statements; what goes wrong between them is undone all the same."""
    project = make_project()
    make_item(project)
    user = make_member(project, "annotator")
    wrong = (
        "SELECT 1 / 0" if connection.vendor == "postgresql" else "SELECT no_such_column FROM annotation_item",
        [],
    )
    whole = sql.hold
    monkeypatch.setattr(sql, "hold", lambda a: [*whole(a), wrong])
    with pytest.raises(DatabaseError):
        queue.claim(project=project, user=user)
    assert (Assignment.objects.count(), Item.objects.get().held) == (0, 0)
    monkeypatch.undo()
    a = queue.claim(project=project, user=user)
    closed = sql.judgement
    monkeypatch.setattr(sql, "judgement", lambda *args, **kw: [*closed(*args, **kw), wrong])
    with pytest.raises(DatabaseError):
        submit.submit(user=user, pk=a.pk, given={"ranking": [["A"], ["B"]]}, client_key="k")
    monkeypatch.undo()
    assert (
        Annotation.objects.count(),
        Assignment.objects.get().state,
        Event.objects.filter(verb="submit").count(),
    ) == (0, "open", 0)
    assert (
        submit.submit(user=user, pk=a.pk, given={"ranking": [["A"], ["B"]]}, client_key="k").version.number
        == 1
    )
