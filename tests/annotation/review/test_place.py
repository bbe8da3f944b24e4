"""The way through the reviewer's list: a decision is told with the item it was about and the way back to it,
and work that goes back to its author costs the reviewer no place on the list."""

import pytest

from annotation.models import Item
from tests.annotation.review.test_pages import judge, signed_in
from tests.cast import make_cast, make_item, make_member

pytestmark = pytest.mark.django_db


@pytest.fixture
def disputed():
    """Three items, the first the least agreed; (project, reviewer's client, items, the first item's work)."""
    cast = make_cast(overlap=2)
    items = [make_item(cast.project, [f"{name} {n}" for name in "甲乙丙"], overlap=2) for n in range(3)]
    rows = []
    for groups in ([[2], [1], [0]], [[1], [0], [2]], [[0], [1], [2]]):
        rows += [judge(cast.project, cast.bob, [[0], [1], [2]]), judge(cast.project, cast.carol, groups)]
    for item in items:
        item.refresh_from_db()
    return cast, signed_in(cast.dan), items, rows[:2]


def test_after_a_return_the_next_item_is_still_the_next_one(disputed):
    _cast, client, items, (first, second) = disputed
    url = f"/p/ward/review/{items[0].pk}/"
    answer = client.post(f"{url}{second.pk}/return/", {"comment": "again, please", "next": "1"})
    assert Item.objects.get(pk=items[0].pk).agreement is None
    assert answer["Location"].startswith(url + "?place=")
    page = client.get(answer["Location"])
    assert page.context["next"] == items[1].pk and page.context["previous"] is None
    accept = f"{url}{first.pk}/accept/{page.context['here']}"
    assert accept.replace("&", "&amp;") in page.content.decode()
    assert client.post(accept, {"next": "1"})["Location"] == f"/p/ward/review/{items[1].pk}/"


def test_what_was_decided_names_its_item_and_leads_back_to_it(disputed):
    _cast, client, items, (first, second) = disputed
    url = f"/p/ward/review/{items[0].pk}/"
    stays = client.post(f"{url}{first.pk}/accept/", {"next": "1"}, follow=True).content.decode()
    assert 'data-key="B"' not in stays
    gone = client.post(f"{url}{second.pk}/accept/", {"next": "1"}, follow=True).content.decode()
    assert f'<a href="{url}" data-key="B">Item {items[0].pk} <kbd>B</kbd></a> · Accepted.' in gone


@pytest.mark.parametrize("place", ["x", "9", "nan", "1e9", "-inf"])
def test_a_place_that_is_none_changes_nothing(disputed, place):
    _cast, client, items, _work = disputed
    page = client.get(f"/p/ward/review/{items[0].pk}/?place={place}")
    assert page.status_code == 200 and page.context["next"] == items[1].pk


def test_the_overview_counts_the_rows_of_the_list_it_leads_to(disputed):
    _cast, client, items, _work = disputed
    page = client.get("/p/ward/")
    assert page.context["todo"]["submitted"] == len(items)
    listed = client.get(page.context["to"]["review"])
    assert len(listed.context["rows"]) == len(items)


def test_a_reviewers_projects_lead_to_what_waits(disputed):
    cast, client, items, _work = disputed
    assert 'href="/p/ward/review/?people=on"' in client.get("/").content.decode()
    Item.objects.filter(pk__in=[item.pk for item in items]).update(state="settled")
    assert "review/?people=on" not in client.get("/").content.decode()
    lead = signed_in(make_member(cast.project, "manager"))
    assert "review/?people=on" not in lead.get("/").content.decode()
