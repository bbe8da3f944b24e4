"""The work statement per person and period, and its CSV."""

import csv
import io
import re
from datetime import date, timedelta
from html import unescape

import pytest
from django.test import Client
from django.utils import timezone

from annotation.models import DailyFigure
from core import local_time
from tests.cast import make_annotator, make_member, make_project, make_user

pytestmark = pytest.mark.django_db


@pytest.fixture
def cast():
    project = make_project("p", pay_per_item="2.50")
    manager = make_member(project, "manager")
    people = {}
    for name in ("ann", "=cmd|calc", "王医生"):
        user = make_user(first_name=name)
        make_member(project, "annotator", user)
        people[name] = user
        annotator = make_annotator(project, user)
        for day, submitted in ((date(2026, 3, 1), 3), (date(2026, 3, 31), 4), (date(2026, 4, 1), 100)):
            DailyFigure.objects.create(
                project=project,
                annotator=annotator,
                day=day,
                submitted=submitted,
                skipped=1,
                corrections=2,
                active_ms=90_000,
            )
    make_annotator(project, source="imported", name="gpt")
    return project, manager, people


def signed_in(user):
    client = Client()
    client.force_login(user)
    return client


def test_sums_the_days_of_the_period_both_ends_included(cast):
    _project, manager, _people = cast
    response = signed_in(manager).get("/p/p/work/?start=2026-03-01&end=2026-03-31")
    row = next(r for r in response.context["rows"] if r["name"] == "ann")
    assert (row["submitted"], row["skipped"], row["corrections"], row["active_ms"], str(row["pay"])) == (
        7,
        2,
        4,
        180_000,
        "17.50",
    )
    assert response.context["totals"]["submitted"] == 21
    assert "52.50" in response.content.decode()


def test_this_month_when_nothing_is_asked(cast):
    project, manager, people = cast
    annotator = people["ann"].annotators.get()
    today = timezone.now().date()
    DailyFigure.objects.create(project=project, annotator=annotator, day=today, submitted=9)
    DailyFigure.objects.create(
        project=project, annotator=annotator, day=today.replace(day=1) - timedelta(days=1), submitted=50
    )
    rows = signed_in(manager).get("/p/p/work/").context["rows"]
    assert [(r["name"], r["submitted"]) for r in rows] == [("ann", 9)]


def test_last_month_is_one_click_away(cast):
    """On the first days of a month, when people are paid, the month that is shown is all but empty."""
    project, manager, people = cast
    annotator = people["ann"].annotators.get()
    last = local_time.today(project).replace(day=1) - timedelta(days=1)
    DailyFigure.objects.create(project=project, annotator=annotator, day=last, submitted=50)
    client = signed_in(manager)
    html = client.get("/p/p/work/").content.decode()
    [href] = re.findall(r'href="([^"]*)">Last month<', html)
    page = client.get("/p/p/work/" + unescape(href))
    assert [(r["name"], r["submitted"]) for r in page.context["rows"]] == [("ann", 50)]
    assert (page.context["start"], page.context["end"]) == (last.replace(day=1), last)


def test_the_csv_opens_in_a_spreadsheet_without_running_anything(cast):
    _project, manager, _people = cast
    response = signed_in(manager).get("/p/p/work/?start=2026-03-01&end=2026-03-31&format=csv")
    assert response["Content-Type"].startswith("text/csv")
    assert "attachment" in response["Content-Disposition"]
    raw = response.content
    assert raw.startswith(b"\xef\xbb\xbf")
    table = list(csv.DictReader(io.StringIO(raw.decode("utf-8-sig"))))
    names = [row["name"] for row in table]
    assert "王医生" in names
    assert "'=cmd|calc" in names
    assert "=cmd|calc" not in names
    ann = next(row for row in table if row["name"] == "ann")
    assert (ann["submitted"], ann["active_minutes"], ann["pay"]) == ("7", "3.0", "17.50")


def test_annotators_and_reviewers_see_their_own_line_only(cast):
    project, _manager, people = cast
    response = signed_in(people["ann"]).get("/p/p/work/?start=2026-03-01&end=2026-03-31")
    assert [r["name"] for r in response.context["rows"]] == ["ann"]
    assert "王医生" not in response.content.decode()
    csv_text = (
        signed_in(people["ann"]).get("/p/p/work/?start=2026-03-01&end=2026-03-31&format=csv").content.decode()
    )
    assert "王医生" not in csv_text
    assert (
        signed_in(make_member(project, "reviewer")).get("/p/p/work/?start=2026-03-01").context["rows"] == []
    )
    assert signed_in(make_member(project, "user")).get("/p/p/work/").status_code == 403
    assert signed_in(make_user()).get("/p/p/work/").status_code == 404


@pytest.mark.parametrize(
    "query",
    ["start=2026-04-01&end=2026-03-01", "start=yesterday", "start=0001-01-01", "end=9999-12-31&start=x"],
)
def test_an_odd_period_is_told_not_a_crash(cast, query):
    _project, manager, _people = cast
    client = signed_in(manager)
    assert client.get(f"/p/p/work/?{query}").status_code == 200
    assert client.get(f"/p/p/work/?{query}&format=csv").status_code == 200


def test_costs_the_same_for_many_people(cast, django_assert_num_queries):
    _project, manager, _people = cast
    client = signed_in(manager)
    # session, person, membership, figures, pay, the newest judgements of either state, switcher, whether
    # there is a chat
    with django_assert_num_queries(9):
        client.get("/p/p/work/?start=2026-03-01&end=2026-03-31")
