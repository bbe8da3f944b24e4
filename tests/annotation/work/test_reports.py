"""Reports of personal data: one hides at once, many of one person do not empty the bench."""

import pytest

from annotation.models import Assignment, Item, ItemFlag
from annotation.work import queue
from tests.cast import make_item

pytestmark = pytest.mark.django_db


@pytest.fixture
def ward(cast):
    for _i in range(8):
        make_item(cast.project, overlap=2)
    return cast


def report_next(ward) -> Item:
    found = queue.claim(project=ward.project, user=ward.bob)
    queue.report(user=ward.bob, item=found.item)
    found.item.refresh_from_db()
    return found.item


def test_after_some_undecided_reports_nothing_more_is_hidden(ward, client):
    items = [report_next(ward) for _i in range(7)]
    assert [item.hidden for item in items] == [True] * queue.UNDECIDED_REPORTS + [False] * 2
    assert len({item.pk for item in items}) == 7, "the reporter does not meet a reported item again"
    assert ItemFlag.objects.filter(resolved_at=None).count() == 7
    assert not Assignment.objects.filter(annotator__user=ward.bob, state__in=("open", "reserved")).exists()
    met = queue.claim(project=ward.project, user=ward.carol).item
    assert met in items[5:] or not met.reports.exists(), "others still see it"
    client.force_login(ward.alice)
    page = client.get("/p/ward/items/?hidden=on")
    assert {row.pk for row in page.context["rows"]} == {item.pk for item in items}
    assert client.get("/p/ward/").context["todo"]["to_decide"] == 7
    one = client.get(f"/p/ward/items/{items[6].pk}/").content.decode()
    assert "still seen by everyone" in one
    client.post(f"/p/ward/items/{items[6].pk}/decide/", {"decision": "restore"})
    assert not items[6].reports.filter(resolved_at=None).exists()


def test_decided_reports_count_no_more_and_managers_always_hide(ward):
    for _i in range(queue.UNDECIDED_REPORTS):
        queue.restore(user=ward.alice, item=report_next(ward))
    assert report_next(ward).hidden
    for item in Item.objects.filter(hidden=False):
        queue.report(user=ward.alice, item=item)
    assert not Item.objects.filter(hidden=False).exists()
