"""A project's own clock: its days begin and end by its time zone, wherever a page says "today"."""

from datetime import UTC, date, datetime, timedelta

import pytest
from django.test import Client
from django.utils import timezone, translation

from annotation.items.filter import ItemFilter
from annotation.models import DailyFigure, Promotion, PromotionRule
from annotation.projects import actions as projects
from annotation.promotion import panel, rules
from annotation.statistics import progress
from annotation.statistics import project as statistics
from annotation.work import queue, submit
from core import local_time
from core.errors import DomainError
from core.models import Project
from feedback.conversations import end_users
from feedback.conversations.record_exchange import record_exchange
from feedback.models import Message
from feedback.quality import figures
from tests.cast import make_cast, make_item, make_user

pytestmark = pytest.mark.django_db
SHANGHAI, BERLIN = "Asia/Shanghai", "Europe/Berlin"
LATE = datetime(2026, 3, 9, 23, 30, tzinfo=UTC)  # the 10th in Shanghai, 07:30


@pytest.fixture
def at(monkeypatch):
    """Set the clock of the machine."""

    def set_to(moment: datetime):
        monkeypatch.setattr(timezone, "now", lambda: moment)

    return set_to


def cast_in(zone: str):
    cast = make_cast("ward")
    Project.objects.filter(pk=cast.project.pk).update(time_zone=zone)
    cast.project.refresh_from_db()
    return cast


def judged(cast):
    """Bob submits one item and skips another."""
    for _n in range(2):
        make_item(cast.project)
    a = queue.claim(user=cast.bob, project=cast.project)
    given = {"ranking": [["A"], ["B"], ["C"]]}
    done = submit.submit(user=cast.bob, pk=a.pk, given=given, client_key="k1")
    b = queue.claim(user=cast.bob, project=cast.project)
    queue.skip(user=cast.bob, pk=b.pk, reason="unclear")
    return a, done


def text_of(user, address: str, **extra) -> str:
    client = Client()
    client.force_login(user)
    page = client.get(address, **extra)
    assert page.status_code == 200
    return page.content.decode()


@pytest.mark.parametrize(("zone", "day"), [(SHANGHAI, date(2026, 3, 10)), ("UTC", date(2026, 3, 9))])
def test_a_submit_late_in_the_utc_day_counts_for_the_projects_day_everywhere(at, zone, day):
    at(LATE)
    cast = cast_in(zone)
    a, done = judged(cast)
    figure = DailyFigure.objects.get()
    assert (figure.day, figure.submitted, figure.skipped) == (day, 1, 1)
    annotator = done.annotation.annotator
    assert progress.for_annotator(cast.project, annotator, exact=True)["mine_today"] == 1
    shown = statistics.daily(cast.project)
    assert shown["days"][-1] == day and shown["total"][-1] == 1
    (row,) = statistics.work(cast.project, day, day)
    assert row["submitted"] == 1
    # what the number leads to is what it counts
    for did, n in (("submitted", 1), ("skipped", 1)):
        asked = {"annotator": annotator.pseudonym, "did": did, "start": day, "end": day}
        assert ItemFilter(**asked).items(cast.project, cast.alice).count() == n
        asked |= {"start": day - timedelta(days=1), "end": day - timedelta(days=1)}
        assert ItemFilter(**asked).items(cast.project, cast.alice).count() == 0
    csv = text_of(cast.alice, "/p/ward/work/?format=csv")
    assert f"2026-03-01,{day}" in csv and ",1,1," in csv
    # an hour later it is still today there; by the next project day it is not
    at(datetime(2026, 3, 10, 0, 30, tzinfo=UTC))
    today = progress.for_annotator(cast.project, annotator, exact=True)["mine_today"]
    assert today == (1 if zone == SHANGHAI else 0)
    # taken back, it leaves the day it was counted on
    submit.undo(user=cast.bob, pk=a.pk)
    assert DailyFigure.objects.get().submitted == 0


def test_daily_caps_of_rules_begin_with_the_projects_day(at):
    at(datetime(2026, 3, 9, 15, 30, tzinfo=UTC))  # 23:30 in Shanghai
    cast = cast_in(SHANGHAI)
    rule = PromotionRule.objects.create(project=cast.project, name="r", daily_cap=1)
    Promotion.objects.create(project=cast.project, rule=rule, outcome="item", message_id=1)
    assert rules.taken_today(cast.project) == {rule.pk: 1} and rules._Room(rule).full
    at(datetime(2026, 3, 9, 16, 30, tzinfo=UTC))  # the next day there, the same in UTC
    assert rules.taken_today(cast.project) == {} and not rules._Room(rule).full


def answer_at(project, moment: datetime, n: int) -> None:
    person = end_users.of_key(project, f"u{n}")
    asked = [{"role": "user", "content": f"Question {n}"}]
    kept = record_exchange(project=project, end_user=person, messages=asked, answer="A", external_id=f"m{n}")
    Message.objects.filter(pk=kept.pk).update(created_at=moment)


def test_figures_of_feedback_go_by_the_projects_day():
    cast = cast_in(SHANGHAI)
    answer_at(cast.project, LATE, 1)
    answer_at(cast.project, datetime(2026, 3, 9, 15, 59, tzinfo=UTC), 2)
    scope = figures.Scope(cast.project, date(2026, 3, 9), date(2026, 3, 10))
    days = {day: one.answers for (day, _model), one in figures.daily(scope).items()}
    assert days == {date(2026, 3, 9): 1, date(2026, 3, 10): 1}
    assert panel.figures(cast.project, date(2026, 3, 10), date(2026, 3, 10))["answers"] == 1


def test_figures_go_right_over_a_change_of_the_clocks():
    """Berlin goes from +1 to +2 on 29 March 2026 at 01:00 UTC."""
    cast = cast_in(BERLIN)
    assert [m for _until, m in local_time.offsets(cast.project, date(2026, 3, 20), date(2026, 4, 2))] == [
        60,
        120,
    ]
    assert local_time.offsets(cast.project, date(2026, 3, 20), date(2026, 4, 2))[0][0] == datetime(
        2026, 3, 29, 1, tzinfo=UTC
    )
    assert len(local_time.offsets(cast.project, date(2021, 1, 1), date(2025, 12, 31))) == 11
    for n, moment in enumerate(
        (
            datetime(2026, 3, 28, 22, 59, tzinfo=UTC),  # the 28th
            datetime(2026, 3, 28, 23, 1, tzinfo=UTC),  # the 29th, +1
            datetime(2026, 3, 29, 21, 59, tzinfo=UTC),  # the 29th, +2
            datetime(2026, 3, 29, 22, 1, tzinfo=UTC),  # the 30th
        )
    ):
        answer_at(cast.project, moment, n)
    scope = figures.Scope(cast.project, date(2026, 3, 28), date(2026, 3, 30))
    days = {day.day: one.answers for (day, _model), one in figures.daily(scope).items()}
    assert days == {28: 1, 29: 2, 30: 1}


def test_pages_show_the_projects_clock_and_say_which(at):
    at(LATE)
    cast = cast_in(SHANGHAI)
    judged(cast)
    mine = text_of(cast.bob, "/p/ward/mine/")
    assert 'datetime="2026-03-10T07:30:00+08:00"' in mine and "Asia/Shanghai (UTC+08:00)" in mine
    assert "23:30" not in mine
    items = text_of(cast.alice, "/p/ward/items/")
    assert 'datetime="2026-03-10T07:30:00+08:00"' in items
    # no clock of one project is left over for the page of another, or of none
    assert timezone.get_current_timezone_name() == "UTC"


def test_a_project_has_its_makers_time_zone_and_keeps_it_until_it_is_changed(settings):
    settings.TIME_ZONE = "UTC"
    cast = make_cast("ward")
    client = Client()
    client.force_login(cast.alice)
    data = {
        "title": "Heart",
        "kind": "ranking",
        "overlap": 1,
        "ratings": "none",
        "ratings_share": 100,
        "lease_minutes": 30,
    }
    for language, sent, kept in (
        ("en", "America/New_York", "America/New_York"),
        ("en", "", "UTC"),
        ("zh-hans", "", SHANGHAI),
        ("en", "Etc/Unknown", "UTC"),
    ):
        slug = f"heart-{language}-{len(sent)}"
        client.cookies["django_language"] = language
        made = client.post("/projects/new/", data | {"slug": slug, "time_zone": sent})
        assert made.status_code == 302
        assert Project.objects.get(slug=slug).time_zone == kept
    client.cookies["django_language"] = "en"
    page = client.get("/p/ward/settings/").content.decode()
    assert 'value="UTC"' in page and '<option value="Asia/Shanghai">' in page
    refused = client.post("/p/ward/settings/", data | {"time_zone": "Mars/Olympus"})
    assert refused.status_code == 400 and "no time zone of this name" in refused.content.decode()
    assert client.post("/p/ward/settings/", data | {"time_zone": SHANGHAI}).status_code == 302
    assert Project.objects.get(slug="ward").time_zone == SHANGHAI
    copy = projects.clone(source=Project.objects.get(slug="ward"), actor=cast.alice, slug="w2", title="W")
    assert copy.time_zone == SHANGHAI


def test_a_project_made_by_a_command_has_the_installations(settings):
    settings.TIME_ZONE = BERLIN
    with translation.override("zh-hans"):
        made = projects.create(actor=None, slug="c", title="C", kind="ranking")
    assert made.time_zone == BERLIN
    with pytest.raises(DomainError):
        projects.create(actor=None, slug="d", title="D", kind="ranking", time_zone="Nowhere")


def test_a_zone_that_this_machine_does_not_know_is_utc():
    project = make_cast("ward").project
    project.time_zone = "Mars/Olympus"
    assert local_time.today(project) == timezone.now().astimezone(UTC).date()


def test_strangers_see_no_projects_clock(client):
    client.force_login(make_user("someone"))
    assert "Times and days" not in client.get("/").content.decode()


@pytest.mark.browser
def test_the_form_takes_the_browsers_zone_and_asks_nobody_about_it(live_site, open_page):
    lead = make_cast("ward").alice
    page = open_page(lead, timezone_id="Asia/Tokyo")
    page.goto("/projects/new/")
    page.locator("[data-browser-zone]").wait_for(state="attached")
    page.wait_for_function("document.querySelector('[data-browser-zone]').value === 'Asia/Tokyo'")
    asked = []
    page.on("dialog", lambda dialog: (asked.append(dialog.type), dialog.accept()))
    page.click("h1")
    page.goto("/")
    assert asked == []
    page.goto("/projects/new/")
    page.fill("[name=title]", "Tokyo ward")
    page.locator("form.stack button.primary").click()
    page.wait_for_url("**/p/tokyo-ward/**")
    assert Project.objects.get(slug="tokyo-ward").time_zone == "Asia/Tokyo"
    assert "Asia/Tokyo" in page.inner_text(".zone")
