"""Create, clone and set a project; its overview."""

import re
from datetime import date, timedelta

import pytest
from django.core.cache import cache
from django.test import Client
from django.utils import timezone

from annotation.models import Annotation, BenchSettings, DailyFigure, Item
from annotation.projects import actions as projects
from annotation.statistics import project as figures
from annotation.work import queue, submit
from core.errors import DomainError
from core.models import Event, Job, Project
from tests.cast import make_annotator, make_item, make_member, make_project, make_user

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _fresh_figures():
    cache.clear()


def signed_in(user) -> Client:
    client = Client()
    client.force_login(user)
    return client


NEW = {
    "title": "心脏病 heart",
    "slug": "heart",
    "kind": "ranking",
    "overlap": "3",
    "ratings": "all",
    "ratings_share": "50",
    "lease_minutes": "20",
}


def test_a_manager_makes_a_project_with_guidelines_and_annotators():
    manager = make_member(make_project(), "manager")
    client = signed_in(manager)
    response = client.post("/projects/new/", NEW | {"guidelines": "# Read\r\n first ", "names": "李医生"})
    assert response.status_code == 200
    assert response.context["added"][0]["password"] in response.content.decode()
    project = Project.objects.get(slug="heart")
    bench = project.bench
    assert (bench.kind, bench.overlap, bench.ratings, bench.ratings_share, bench.lease_seconds) == (
        "ranking",
        3,
        "all",
        50,
        1200,
    )
    assert bench.guideline.text == "# Read\n first "
    assert [c["key"] for c in bench.criteria.criteria] == ["correctness", "compliance", "safety", "fluency"]
    assert sorted(project.members.values_list("user__username", "role")) == sorted(
        [(manager.username, "manager"), ("李医生", "annotator")]
    )
    assert client.get("/p/heart/").status_code == 200


def test_an_address_is_made_when_none_is_given():
    client = signed_in(make_user(is_superuser=True))
    for _i in range(2):
        assert client.post("/projects/new/", NEW | {"slug": "", "title": "Heart & lungs"}).status_code == 302
    slugs = list(Project.objects.order_by("pk").values_list("slug", flat=True))
    assert slugs[0] == "heart-lungs"
    assert slugs[1].startswith("heart-lungs-") and len(slugs) == 2


@pytest.mark.parametrize(
    ("title", "address"),
    [
        ("心血管内科 问答", "xin-xue-guan-nei-ke-wen-da"),
        ("合同审查2026", "he-tong-shen-cha-2026"),
        ("Große Fragen", "grosse-fragen"),
        ("…？！", "project-"),
        ("心" * 80, "xin-xin-"),
    ],
)
def test_a_title_in_any_script_makes_an_address(title, address):
    made = signed_in(make_user(is_superuser=True)).post("/projects/new/", NEW | {"slug": "", "title": title})
    project = Project.objects.get()
    assert made.status_code == 302 and project.slug.startswith(address), project.slug
    assert len(project.slug) <= 60 and (project.slug == address or address.endswith("-"))


def test_others_make_none():
    for user in (make_user(), make_member(make_project(), "reviewer")):
        assert signed_in(user).get("/projects/new/").status_code == 403
        assert signed_in(user).post("/projects/new/", NEW).status_code == 403
        with pytest.raises(DomainError):
            projects.create(actor=user, slug="heart", title="T", kind="qa")
    assert not Project.objects.filter(slug="heart").exists()


@pytest.mark.parametrize(
    ("change", "field"), [({"slug": "A b"}, "slug"), ({"slug": "taken"}, "slug"),
     ({"overlap": "17"}, "overlap"), ({"overlap": "0"}, "overlap"), ({"kind": "x"}, "kind"),
     ({"title": ""}, "title"), ({"names": "bad name!"}, "names")],
)  # fmt: skip
def test_bad_settings_are_refused_by_field_and_leave_nothing(change, field):
    make_project("taken")
    client = signed_in(make_user(is_superuser=True))
    response = client.post("/projects/new/", NEW | change)
    assert response.status_code == 400
    assert response.context["form"].errors[field]
    assert Project.objects.count() == 1


def test_a_clone_has_settings_and_members_but_no_data():
    source = projects.create(
        actor=None,
        slug="a",
        title="A",
        kind="qa",
        overlap=2,
        ratings="ends",
        guidelines="G",
        pay_per_item="1.25",
    )
    manager, annotator = make_member(source, "manager"), make_member(source, "annotator")
    make_item(source, answers=["x"])
    assert (
        signed_in(manager).post("/p/a/clone/", {"title": "B", "slug": "b", "members": "on"}).status_code
        == 302
    )
    clone = Project.objects.get(slug="b")
    bench = BenchSettings.objects.get(project=clone)
    assert (bench.kind, bench.overlap, bench.ratings, bench.guideline.text, str(bench.pay_per_item)) == (
        "qa",
        2,
        "ends",
        "G",
        "1.25",
    )
    assert bench.criteria.criteria == projects.DEFAULT_CRITERIA
    assert dict(clone.members.values_list("user__username", "role")) == {
        manager.username: "manager",
        annotator.username: "annotator",
    }
    assert not clone.items.exists()
    assert bytes(clone.hash_key) != bytes(source.hash_key)
    signed_in(manager).post("/p/a/clone/", {"title": "C", "slug": "c"})
    assert Project.objects.get(slug="c").members.count() == 1


SAME = {
    "title": "T",
    "kind": "ranking",
    "overlap": "1",
    "ratings": "none",
    "ratings_share": "100",
    "lease_minutes": "30",
}


def test_settings_change_and_are_logged():
    project = make_project("p")
    client = signed_in(make_member(project, "manager"))
    assert (
        client.post(
            "/p/p/settings/", SAME | {"ratings": "overall", "pay_per_item": "2.5", "archived": "on"}
        ).status_code
        == 302
    )
    bench = BenchSettings.objects.get(project=project)
    assert (bench.ratings, str(bench.pay_per_item)) == ("overall", "2.50")
    project.refresh_from_db()
    assert project.archived
    assert Event.objects.get(verb="project.settings").data["changed"] == ["pay_per_item", "ratings"]
    assert client.post("/p/p/settings/", SAME | {"overlap": "99"}).status_code == 400


def test_a_raised_overlap_gives_more_people_the_open_items_and_a_lowered_one_finishes_them():
    project = make_project("p", overlap=1)
    manager = make_member(project, "manager")
    first, second = make_member(project, "annotator"), make_member(project, "annotator")
    items = [make_item(project) for _i in range(2)]
    ranked = {"ranking": [["A"], ["B"], ["C"]]}
    a = queue.claim(project=project, user=first)
    queue.claim(project=project, user=second)
    assert queue.claim(project=project, user=make_member(project, "annotator")) is None
    projects.change(project=project, actor=manager, title="T", description="", archived=False, overlap=2)
    third = make_member(project, "annotator")
    assert queue.claim(project=project, user=third) is not None
    submit.submit(user=first, pk=a.pk, given=ranked, client_key="1")
    assert Item.objects.get(pk=items[0].pk).state == "open"
    projects.change(project=project, actor=manager, title="T", description="", archived=False, overlap=1)
    done = Item.objects.get(pk=items[0].pk)
    assert done.state == "done" or done.held > done.submitted, "whoever is at work keeps the place"
    assert Item.objects.get(pk=items[1].pk).overlap >= 1


def test_criteria_become_versions():
    project = projects.create(actor=None, slug="p", title="P", kind="ranking")
    client = signed_in(make_member(project, "manager"))
    form = {
        "criteria-TOTAL_FORMS": "3",
        "criteria-INITIAL_FORMS": "0",
        "criteria-0-key": "empathy",
        "criteria-0-en": "Empathy",
        "criteria-0-zh": "共情",
        "criteria-1-key": "depth",
        "criteria-1-en": "",
        "criteria-1-zh": "深度",
    }
    assert client.post("/p/p/settings/criteria/", form).status_code == 302
    bench = BenchSettings.objects.get(project=project)
    assert bench.criteria.number == 2
    assert bench.criteria.criteria == [
        {"key": "empathy", "en": "Empathy", "zh": "共情"},
        {"key": "depth", "en": "深度", "zh": "深度"},
    ]
    client.post("/p/p/settings/criteria/", form)
    assert project.criteria_versions.count() == 2, "the same again makes no version"
    for bad in (
        {"criteria-0-key": "Overall!"},
        {"criteria-0-key": "overall"},
        {"criteria-1-key": "empathy"},
        {"criteria-1-zh": ""},
    ):
        response = client.post("/p/p/settings/criteria/", form | bad)
        assert response.status_code == 400
        assert response.context["criteria_error"]
    assert project.criteria_versions.count() == 2
    assert client.get("/p/p/settings/").status_code == 200


def test_pace_tells_the_day_it_is_done():
    today = date(2026, 3, 10)
    known = {"wanted": 100, "submitted": 40}
    assert figures.pace(known, [0] * 7 + [0, 0, 0, 0, 0, 10, 20], today) == {
        "per_day": 15,
        "done_on": today + timedelta(days=4),
        "left": 60,
    }
    assert figures.pace(known, [0] * 14, today)["done_on"] is None
    assert figures.pace({"wanted": 5, "submitted": 7}, [1] * 14, today) == {
        "per_day": 1,
        "done_on": None,
        "left": 0,
    }


@pytest.fixture
def busy():
    project = make_project("p", overlap=2)
    reviewer = make_member(project, "reviewer")
    for i in range(3):
        user = make_member(project, "annotator")
        annotator = make_annotator(project, user, pseudonym=f"A-{i}")
        for days in range(5):
            DailyFigure.objects.create(
                project=project,
                annotator=annotator,
                day=timezone.now().date() - timedelta(days=days),
                submitted=2,
            )
    item = make_item(project, agreement=-0.4, submitted=2, state="done")
    Annotation.objects.create(project=project, item=item, annotator=annotator, state="submitted")
    make_item(project, hidden=True)
    make_item(project, answers=["only one"])
    Job.objects.create(project=project, kind="import", state="failed", error="not a file of ours")
    return project, reviewer


def test_the_overview_says_what_needs_somebody(busy, django_assert_max_num_queries):
    project, _reviewer = busy
    client = signed_in(make_member(project, "manager"))
    client.get("/p/p/")
    cache.clear()
    with django_assert_max_num_queries(20):
        html = client.get("/p/p/").content.decode()
    assert "1 of 1 items done" in html
    disputed = "/p/p/items/?state=unsettled&amp;shown=on&amp;agreed_below=0.2"
    for link in ("/p/p/items/?hidden=on", disputed, "/p/p/items/?state=waiting&amp;shown=on"):
        assert link in html
    assert "not a file of ours" in html
    assert re.search(r"<text[^>]*>today</text>", html)  # whose low point is no fall
    assert "A-0" in html
    assert "<svg" in html
    assert html.count("<svg") >= 4


def test_what_is_to_review_leaves_out_ones_own_work(busy):
    project, reviewer = busy
    other = signed_in(make_member(project, "reviewer"))
    mine = make_annotator(project, reviewer, pseudonym="R")
    Annotation.objects.create(project=project, item=make_item(project), annotator=mine, state="submitted")
    assert other.get("/p/p/").context["todo"]["submitted"] == 2
    assert signed_in(reviewer).get("/p/p/").context["todo"]["submitted"] == 1


def test_the_overview_counts_what_the_desk_lists(busy):
    """Items, not judgements: one with two of them is one, and a settled one none."""
    project, reviewer = busy
    for state in ("done", "settled"):
        item = make_item(project, state=state)
        for name in "xy":
            who = make_annotator(project, pseudonym=f"{state}-{name}")
            Annotation.objects.create(project=project, item=item, annotator=who, state="submitted")
    client = signed_in(reviewer)
    todo = client.get("/p/p/").context["todo"]
    assert todo["submitted"] == len(client.get("/p/p/review/").context["rows"]) == 2
    assert todo["returned"] == 0


def test_a_reviewer_sees_no_hidden_items_on_the_overview(busy):
    _project, reviewer = busy
    assert "hidden=on" not in signed_in(reviewer).get("/p/p/").content.decode()


def test_the_overview_costs_the_same_for_many_items_and_people(busy):
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    project, reviewer = busy
    client = signed_in(reviewer)

    def cost():
        cache.clear()
        with CaptureQueriesContext(
            connection,
        ) as queries:
            client.get("/p/p/")
        return len(queries)

    before = cost()
    for i in range(10):
        annotator = make_annotator(project, make_member(project, "annotator"))
        DailyFigure.objects.create(
            project=project, annotator=annotator, day=timezone.now().date(), submitted=i
        )
        make_item(project, agreement=0.1)
    assert cost() == before


def test_agreement_is_a_fragment_with_an_interval_or_says_that_there_is_none_yet(busy):
    project, reviewer = busy
    client = signed_in(reviewer)
    assert "Not enough judgements yet" in client.get("/p/p/agreement/").content.decode()
    cache.clear()
    people = [make_member(project, "annotator") for _i in range(2)]
    for _i in range(12):
        make_item(project, overlap=2)
    for n, user in enumerate(people):
        for i in range(12):
            a = queue.claim(project=project, user=user)
            letters = {slot: "ABC"[k] for k, slot in enumerate(a.order)}
            ranks = [0, 1, 2] if (i + n) % 4 else [1, 0, 2]
            submit.submit(
                user=user, pk=a.pk, given={"ranking": [[letters[s]] for s in ranks]}, client_key="k"
            )
    html = client.get("/p/p/agreement/").content.decode()
    assert "alpha" in html
    assert "95%" in html
    assert "/p/p/review/" in html


def test_an_annotator_is_sent_to_the_bench_and_an_end_user_to_the_chat():
    project = make_project("p")
    assert signed_in(make_member(project, "annotator")).get("/p/p/")["Location"] == "/p/p/bench/"
    assert signed_in(make_member(project, "user")).get("/p/p/")["Location"] == "/chat/p/"
    assert signed_in(make_user()).get("/p/p/").status_code == 404


@pytest.mark.parametrize("path", ["settings/", "clone/"])
def test_settings_are_the_managers(path):
    project = make_project("p")
    assert signed_in(make_member(project, "manager")).get(f"/p/p/{path}").status_code == 200
    assert signed_in(make_member(project, "reviewer")).get(f"/p/p/{path}").status_code == 403
    assert signed_in(make_user()).get(f"/p/p/{path}").status_code == 404
