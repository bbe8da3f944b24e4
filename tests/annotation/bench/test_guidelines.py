"""The guidelines on the bench: opened until a person has seen the version in force, with what changed."""

import pytest
from django.test import Client

from annotation.bench import guidelines
from annotation.models import Annotator
from annotation.projects import actions as projects
from annotation.work import queue
from core.rendering import markdown
from tests.annotation.bench.bench_items import (
    GUIDELINES,
    open_bench,
    press,
    ranking_project,
    submitted,
    until,
    until_prefetched,
)
from tests.cast import make_member

FIRST = "# Guide\n\nRead *all* of it.\n\n- doses first\n- then words\n\nRefusals rank last.\n"
SECOND = (
    "# Guide\n\nRead *all* of it, twice.\n\n- doses first\n- then words\n\n| a | b |\n|---|---|\n| 1 | 2 |\n"
)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", []),
        (" \n\t", []),
        ("one\ntwo\n\nthree", ["one\ntwo", "three"]),
        ("```\na\n\nb\n```\nafter", ["```\na\n\nb\n```", "after"]),
        ("- a\n\n  more\n- b\n\n1. c", ["- a\n\n  more\n- b", "1. c"]),
        ("a\r\n\r\nb", ["a", "b"]),
        ("> " * 100 + "x", ["> " * 100 + "x"]),
    ],
)
def test_blocks_are_those_of_the_page(text, expected):
    assert markdown.blocks(text) == expected


def test_what_changed_is_said_by_block():
    found = [(c.kind, c.text.split("\n")[0]) for c in guidelines.changes(FIRST, SECOND)]
    assert found == [
        ("same", "# Guide"),
        ("changed", "Read *all* of it, twice."),
        ("same", "- doses first"),
        ("new", "| a | b |"),
        ("gone", "Refusals rank last."),
    ]
    assert all(c.kind == "same" for c in guidelines.changes(FIRST, FIRST + "\n\n"))
    assert [c.kind for c in guidelines.changes("", "甲。\n\n乙。")] == ["new", "new"]


def test_what_is_not_gone_makes_the_new_version_and_what_is_not_new_the_old_one():
    before = "\n\n".join(f"Rule {i}: look at point {i * 7} of the list." for i in range(40))
    after = "\n\n".join(f"Rule {i}: look at point {i * 7 + i % 3} of the list." for i in range(2, 44))
    found = guidelines.changes(before, after)
    assert [c.text for c in found if c.kind != "gone"] == markdown.blocks(after)
    old = [c.before or c.text for c in found if c.kind != "new"]
    assert sorted(old) == sorted(markdown.blocks(before))


@pytest.fixture
def project(db):
    return projects.create(actor=None, slug="p", title="P", kind="ranking", guidelines=FIRST)


def _client(user):
    client = Client()
    client.force_login(user)
    return client


def test_they_are_unseen_until_put_away_and_again_with_each_version(project):
    user = make_member(project, "annotator")
    client = _client(user)
    shown = client.get("/p/p/bench/").context["guidelines"]
    assert (shown["unseen"], shown["since"], shown["blocks"]) == (True, 0, [])
    assert client.post("/p/p/bench/guidelines/seen/", {"number": "1"}).json() == {"seen": 1}
    page = client.get("/p/p/bench/")
    assert page.context["guidelines"]["unseen"] is False
    assert "data-unseen" not in page.content.decode()
    projects.save_guidelines(project=project, actor=None, text=SECOND)
    html = client.get("/p/p/bench/").content.decode()
    assert "data-unseen" in html
    assert "since version 1" in html
    assert "change gone" in html and "change new" in html and "change changed" in html
    # an older version or none of the project's takes nothing back and gives nothing
    for number in ("1", "7", "²", "9" * 30, "-1", ""):
        assert client.post("/p/p/bench/guidelines/seen/", {"number": number}).json() == {"seen": 1}
    client.post("/p/p/bench/guidelines/seen/", {"number": "2"})
    assert client.post("/p/p/bench/guidelines/seen/", {"number": "1"}).json() == {"seen": 2}


def test_each_person_sees_for_themselves_and_strangers_nothing(project):
    one, two, reader = (make_member(project, role) for role in ("annotator", "annotator", "user"))
    _client(one).post("/p/p/bench/guidelines/seen/", {"number": "1"})
    assert _client(two).get("/p/p/bench/guidelines/").json()["html"].count("data-unseen") == 1
    assert _client(one).get("/p/p/bench/guidelines/").json()["html"].count("data-unseen") == 0
    assert _client(reader).get("/p/p/bench/guidelines/").status_code == 403
    assert _client(reader).post("/p/p/bench/guidelines/seen/", {"number": "1"}).status_code == 403
    assert not Annotator.objects.filter(user=reader).exists()
    assert Client().post("/p/p/bench/guidelines/seen/", {"number": "1"}).status_code in (302, 401, 403)


def test_empty_guidelines_open_for_nobody(db):
    project = projects.create(actor=None, slug="q", title="Q", kind="ranking", guidelines="  \n")
    assert b"data-unseen" not in _client(make_member(project, "annotator")).get("/p/q/bench/").content


def test_what_changed_costs_one_query_more(project, django_assert_max_num_queries):
    user = make_member(project, "annotator")
    client = _client(user)
    client.get("/p/p/bench/")
    client.post("/p/p/bench/guidelines/seen/", {"number": "1"})
    projects.save_guidelines(project=project, actor=None, text=SECOND)
    with django_assert_max_num_queries(14):
        client.get("/p/p/bench/")


def test_what_managers_wrote_is_never_markup(project):
    user = make_member(project, "annotator")
    queue.annotator_for(project=project, user=user)
    Annotator.objects.filter(user=user).update(guideline_seen=1)
    projects.save_guidelines(
        project=project, actor=None, text="<img src=x onerror=alert(1)>\n\nRead *all* of <script>it</script>."
    )
    html = _client(user).get("/p/p/bench/").content.decode()
    assert "<img src=x" not in html
    assert "<script>it" not in html


# ── in the browser ──────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.browser
@pytest.mark.parametrize("way", ["Enter", "Escape", "button"])
def test_they_open_before_the_first_item_and_once(live_site, open_page, way):
    project, expert = ranking_project(guideline_seen=0)
    page = open_bench(open_page, expert, project)
    assert page.locator("#guidelines strong", has_text="先看对错").is_visible()
    press(page, "b a n s")  # nothing is judged behind it
    assert page.locator(".chips .rank-chip").count() == 0
    assert page.evaluate("document.querySelectorAll('dialog[open]').length") == 1
    if way == "button":
        page.click(".guidelines-read [data-close]")
    else:
        press(page, way)
    assert not page.locator("#guidelines").is_visible()
    until(page, lambda: Annotator.objects.get(user=expert).guideline_seen == 1, "remembering")
    press(page, "b")  # the keys are the bench's again
    assert page.inner_text(".chips").split() == ["B"]
    press(page, "n b")  # and the panel stands beside the work, as ever
    assert page.locator("#guidelines.panel strong").first.is_visible()
    page.reload()
    page.wait_for_selector("#desk > *")
    assert not page.locator("#guidelines").is_visible()


@pytest.mark.browser
def test_a_version_that_comes_meanwhile_is_read_in_place(live_site, open_page):
    project, expert = ranking_project(items=3)
    page = open_bench(open_page, expert, project)
    projects.save_guidelines(project=project, actor=None, text=GUIDELINES + "\n新的一段：先看剂量。\n")
    until_prefetched(page, expert)  # with the old number
    press(page, "b a r Enter Enter")
    submitted(page, expert, 1)
    page.wait_for_timeout(300)
    press(page, "b a r Enter Enter")
    page.click("#notice button:has-text('Read what changed')")
    page.locator(".change.new", has_text="先看剂量").wait_for()
    press(page, "Enter")
    until(page, lambda: Annotator.objects.get(user=expert).guideline_seen == 2, "remembering")


@pytest.mark.browser
@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize("phone", [False, True])
def test_axe_finds_nothing(live_site, open_page, dark, phone):
    from axe_playwright_python.sync_playwright import Axe

    project, expert = ranking_project()
    changed = GUIDELINES.replace("1. **先看对错**", "1. **先看安全**") + "\n新的一段。\n"
    projects.save_guidelines(project=project, actor=None, text=changed)
    page = open_bench(open_page, expert, project, phone=phone, dark=dark)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    found = [v for v in Axe().run(page).response["violations"] if v["impact"] != "minor"]
    assert not found, [(v["id"], [n["html"][:200] for n in v["nodes"]][:3]) for v in found]
