"""Claim, reserve, renew, expire, release, skip, report: who holds what."""

from datetime import timedelta

import pytest
from django.utils import timezone

from annotation.models import Annotator, Assignment, Item
from annotation.work import queue, submit, take_back
from core.errors import Conflict, DomainError
from tests.cast import make_item, make_member, make_project

pytestmark = pytest.mark.django_db


@pytest.fixture
def project():
    return make_project(overlap=1)


@pytest.fixture
def alice(project):
    return make_member(project, "annotator")


@pytest.fixture
def bob(project):
    return make_member(project, "annotator")


def claim(project, user, **kwargs):
    return queue.claim(project=project, user=user, **kwargs)


def ranked(assignment, **more):
    letters = "ABCDEFGHIJ"[: assignment.item.slot_count]
    return {"ranking": [[x] for x in letters], **more}


def done(project, user, key="k"):
    a = claim(project, user)
    submit.submit(user=user, pk=a.pk, given=ranked(a), client_key=key)
    return a


def run_out(assignment):
    Assignment.objects.filter(pk=assignment.pk).update(lease_until=timezone.now() - timedelta(seconds=1))


def test_items_come_in_queue_order_and_only_once(project, alice):
    first, second = make_item(project, position=10), make_item(project, position=5)
    assert [done(project, alice).item_id, done(project, alice).item_id] == [second.pk, first.pk]
    assert claim(project, alice) is None


def test_asking_again_gives_the_same_item_with_a_longer_lease(project, alice):
    make_item(project)
    a = claim(project, alice)
    Assignment.objects.filter(pk=a.pk).update(lease_until=timezone.now() + timedelta(seconds=5))
    again = claim(project, alice)
    assert again.pk == a.pk and again.lease_until > timezone.now() + timedelta(seconds=1000)
    assert Item.objects.get().held == 1


def test_overlap_one_gives_an_item_to_one_person(project, alice, bob):
    make_item(project)
    assert claim(project, alice) is not None
    assert claim(project, bob) is None


def test_overlap_two_gives_each_their_own_order_and_slot(alice, bob, project):
    item = make_item(project, overlap=2)
    slots = {claim(project, alice).slot, claim(project, bob).slot}
    assert slots == {0, 1}
    item.refresh_from_db()
    assert item.held == 2 and item.frozen


def test_order_shown_is_shuffled_between_people():
    project = make_project(overlap=16)
    make_item(project, answers=[f"answer {i}" for i in range(6)])
    orders = {tuple(claim(project, make_member(project, "annotator")).order) for _i in range(12)}
    assert len(orders) > 6 and all(sorted(o) == list(range(6)) for o in orders)


def test_reserve_holds_the_next_and_starts_no_clock(project, alice):
    make_item(project)
    make_item(project)
    now = claim(project, alice)
    ahead = claim(project, alice, reserve=True)
    assert ahead.pk != now.pk and ahead.state == "reserved" and ahead.opened_at is None
    assert ahead.lease_until < timezone.now() + timedelta(seconds=121)
    assert claim(project, alice, reserve=True).pk == ahead.pk
    submit.submit(user=alice, pk=now.pk, given=ranked(now), client_key="k")
    opened = claim(project, alice)
    assert opened.pk == ahead.pk and opened.state == "open" and opened.opened_at is not None


def test_an_expired_lease_frees_the_place_and_the_draft_stays(project, alice, bob):
    item = make_item(project)
    a = claim(project, alice)
    submit.save_draft(user=alice, pk=a.pk, draft={"comment": "half done"}, revision=0)
    run_out(a)
    b = claim(project, bob)
    assert b.item_id == item.pk and b.slot == 0
    a.refresh_from_db()
    assert (a.state, a.slot, a.draft) == ("expired", None, {"comment": "half done"})
    item.refresh_from_db()
    assert item.held == 1


def test_late_work_is_kept_as_an_extra(project, alice, bob):
    item = make_item(project)
    a = claim(project, alice)
    run_out(a)
    b = claim(project, bob)
    late = submit.submit(user=alice, pk=a.pk, given=ranked(a), client_key="late")
    assert late.late and late.annotation.head.document["ranking"]
    submit.submit(user=bob, pk=b.pk, given=ranked(b), client_key="k")
    item.refresh_from_db()
    assert (item.submitted, item.extras, item.held, item.state) == (1, 1, 1, "done")
    assert Assignment.objects.filter(item=item, slot__isnull=False).count() == 1


def test_late_work_takes_its_place_back_while_it_is_free(project, alice):
    item = make_item(project)
    a = claim(project, alice)
    run_out(a)
    assert queue.expire() == 1
    assert not submit.submit(user=alice, pk=a.pk, given=ranked(a), client_key="k").late
    item.refresh_from_db()
    assert (item.submitted, item.extras, item.held, item.state) == (1, 0, 1, "done")


def test_heartbeat_prolongs_takes_back_and_tells_when_lost(project, alice, bob):
    make_item(project)
    a = claim(project, alice)
    run_out(a)
    queue.expire()
    assert queue.renew(user=alice, pk=a.pk, active_ms=4000).state == "open"
    run_out(a)
    claim(project, bob)
    with pytest.raises(Conflict) as lost:
        queue.renew(user=alice, pk=a.pk)
    assert lost.value.code == "lease_lost"


def test_heartbeat_of_a_reserve_keeps_its_short_term(project, alice):
    make_item(project)
    ahead = claim(project, alice, reserve=True)
    assert queue.renew(user=alice, pk=ahead.pk).lease_until < timezone.now() + timedelta(seconds=121)


def test_a_released_item_comes_back_to_the_same_person_with_draft_and_order(project, alice):
    make_item(project)
    a = claim(project, alice)
    submit.save_draft(user=alice, pk=a.pk, draft={"comment": "x"}, revision=0)
    queue.release(user=alice, pk=a.pk)
    assert Item.objects.get().held == 0
    again = claim(project, alice)
    assert (again.pk, again.draft, again.order) == (a.pk, {"comment": "x"}, a.order)


def test_a_skipped_item_goes_to_somebody_else_only(project, alice, bob):
    make_item(project)
    a = claim(project, alice)
    with pytest.raises(DomainError):
        queue.skip(user=alice, pk=a.pk, reason="no such reason")
    with pytest.raises(DomainError):
        queue.skip(user=alice, pk=a.pk, reason="other")
    queue.skip(user=alice, pk=a.pk, reason="not_my_field")
    assert claim(project, alice) is None
    assert claim(project, bob) is not None


def test_reporting_personal_data_hides_from_everyone_at_once(project, alice, bob):
    item = make_item(project, overlap=2)
    a, b = claim(project, alice), claim(project, bob)
    queue.report(user=alice, item=item)
    item.refresh_from_db()
    assert item.hidden and item.held == 0 and item.reports.get().reporter == alice
    assert claim(project, bob) is None
    for user, assignment in ((alice, a), (bob, b)):
        with pytest.raises(Conflict) as refused:
            submit.submit(user=user, pk=assignment.pk, given=ranked(assignment), client_key="k")
        assert refused.value.code == "item_hidden"
    manager = make_member(project, "manager")
    queue.restore(user=manager, item=item)
    assert claim(project, bob).pk == b.pk


def test_others_assignments_are_not_found(project, alice, bob):
    make_item(project)
    a = claim(project, alice)
    for act in (
        lambda: queue.renew(user=bob, pk=a.pk),
        lambda: queue.release(user=bob, pk=a.pk),
        lambda: queue.skip(user=bob, pk=a.pk, reason="unclear"),
        lambda: take_back.unskip(user=bob, pk=a.pk),
        lambda: submit.submit(user=bob, pk=a.pk, given=ranked(a), client_key="k"),
        lambda: submit.save_draft(user=bob, pk=a.pk, draft={}, revision=0),
        lambda: submit.undo(user=bob, pk=a.pk),
    ):
        with pytest.raises(DomainError) as refused:
            act()
        assert refused.value.status == 404
    a.refresh_from_db()
    assert a.state == "open"


def test_waiting_and_hidden_items_are_not_given(project, alice):
    make_item(project, answers=["only one"])
    make_item(project, hidden=True)
    assert claim(project, alice) is None


def test_the_mark_passes_finished_work_and_comes_back_when_an_item_is_freed(project, alice, bob):
    items = [make_item(project, position=i, overlap=2) for i in range(40)]
    held = claim(project, bob)
    assert held.item_id == items[0].pk
    for i in range(36):
        done(project, alice, key=f"k{i}")
    mark = Annotator.objects.get(user=alice).queue_mark
    assert 15 <= mark < 36
    carol = make_member(project, "annotator")  # Bob and Alice hold both places of item 0
    assert claim(project, carol).item_id == items[1].pk
    queue.freed([items[3]])
    assert Annotator.objects.get(user=alice).queue_mark == 2


def test_an_item_freed_behind_the_mark_is_found_again(project, alice, bob):
    items = [make_item(project, position=i, overlap=1) for i in range(34)]
    held = claim(project, bob)
    for i in range(33):
        done(project, alice, key=f"k{i}")
    assert Annotator.objects.get(user=alice).queue_mark > 0
    assert claim(project, alice) is None
    queue.release(user=bob, pk=held.pk)
    assert claim(project, alice).item_id == items[0].pk
