"""What annotators are told of their own work."""

from datetime import timedelta

import pytest
from django.utils import timezone

from annotation.models import AnnotationVersion
from annotation.statistics import own_work
from annotation.work import queue, review, submit
from tests.cast import make_cast, make_item

pytestmark = pytest.mark.django_db


@pytest.fixture
def cast():
    return make_cast(overlap=2)


def judge(cast, user, slots, key, active_ms=60_000, **more):
    a = queue.claim(project=cast.project, user=user)
    given = {"ranking": [["ABC"[a.order.index(slot)]] for slot in slots], **more}
    return submit.submit(user=user, pk=a.pk, given=given, client_key=key, active_ms=active_ms)


def test_a_session_ends_with_a_pause_of_an_hour(cast):
    for _i in range(4):
        make_item(cast.project)
    made = [judge(cast, cast.bob, [0, 1, 2], f"k{i}", active_ms=(i + 1) * 1000) for i in range(4)]
    now = timezone.now()
    for done, minutes in zip(made, (200, 130, 75, 20), strict=True):
        at = now - timedelta(minutes=minutes)
        AnnotationVersion.objects.filter(pk=done.version.pk).update(created_at=at)
    bob = made[0].annotation.annotator
    assert own_work.summary(bob)["session"] == {"judged": 3, "active_ms": 9000}
    submit.undo(user=cast.bob, pk=made[3].annotation.item.assignments.get().pk)
    assert own_work.summary(bob)["session"] == {"judged": 2, "active_ms": 5000}


def test_agreement_is_with_what_was_settled_last(cast):
    for _i in range(3):
        make_item(cast.project)
    mine = [judge(cast, cast.bob, [0, 1, 2], f"k{i}") for i in range(3)]
    theirs = [judge(cast, cast.carol, order, f"c{i}") for i, order in enumerate(([0, 1, 2], [2, 1, 0]))]
    bob = mine[0].annotation.annotator
    assert own_work.summary(bob)["settled"] == {"items": 0, "agreement": None, "same": 0}
    for done in theirs:
        review.settle(item=done.annotation.item, version=done.version, reviewer=cast.dan)
    assert own_work.summary(bob)["settled"] == {"items": 2, "agreement": 0.0, "same": 1}
    review.unsettle(item=theirs[1].annotation.item, reviewer=cast.dan)
    review.settle(item=theirs[1].annotation.item, version=mine[1].version, reviewer=cast.dan)
    assert own_work.summary(bob)["settled"] == {"items": 2, "agreement": 1.0, "same": 2}
    review.unsettle(item=theirs[0].annotation.item, reviewer=cast.dan)
    assert own_work.summary(bob)["settled"] == {"items": 1, "agreement": 1.0, "same": 1}


def test_what_came_of_the_corrections(cast):
    for _i in range(4):
        make_item(cast.project)
    fix = {"target": "response", "answer": "A", "text": "Better.", "wording_only": False}
    made = [judge(cast, cast.bob, [0, 1, 2], f"k{i}", corrections=[fix]) for i in range(3)]
    judge(cast, cast.bob, [0, 1, 2], "plain")
    judge(cast, cast.carol, [0, 1, 2], "carol", corrections=[fix])
    review.accept(annotation=made[0].annotation, reviewer=cast.dan)
    review.return_(annotation=made[1].annotation, reviewer=cast.dan, comment="No.")
    summary = own_work.summary(made[0].annotation.annotator)
    assert summary["corrections"] == {"accepted": 1, "returned": 1, "waiting": 1}


def test_the_summary_is_asked_for_over_http(cast, client):
    make_item(cast.project)
    client.force_login(cast.bob)
    address = f"/api/v1/projects/{cast.project.slug}/progress/"
    assert "summary" not in client.get(address, {"summary": 1}).json()  # nothing done yet
    judge(cast, cast.bob, [0, 1, 2], "k", active_ms=90_000)
    found = client.get(address, {"summary": 1}).json()
    assert found["summary"]["session"] == {"judged": 1, "active_ms": 90_000}
    assert (found["mine"], found["left"]) == (1, 0)
