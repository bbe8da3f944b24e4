"""Reading: scrolling together by keys, what counts as read, and what the first Enter does about the rest."""

import pytest

from annotation.models import Assignment
from tests.annotation.bench.bench_items import (
    open_bench,
    press,
    ranking_project,
    submitted,
    until,
    versions,
)
from tests.cast import make_item, make_member, make_project

pytestmark = pytest.mark.browser

TOPS = "[...document.querySelectorAll('.answer-body')].map((b) => Math.round(b.scrollTop))"
PARTS = (
    "[...document.querySelectorAll('.answer-body')].map((b) => "
    "b.scrollTop / (b.scrollHeight - b.clientHeight))"
)


def long_item(lengths=(60, 90, 120, 60), n=1):
    project = make_project("long")
    for _i in range(n):
        make_item(project, [f"{_i}{k} " + "房颤患者需要抗凝治疗。\n\n" * m for k, m in enumerate(lengths)])
    return project, make_member(project, "annotator")


def frames(page, n=3):
    for _i in range(n):
        page.evaluate("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")


def hold(page, key, n):
    for _i in range(n):
        page.keyboard.down(key)  # Playwright repeats a key that is down
        frames(page, 1)
    page.keyboard.up(key)


def test_scrolling_together_with_keys_held_down(live_site, open_page):
    project, expert = long_item()
    page = open_bench(open_page, expert, project)
    press(page, "w")
    hold(page, "ArrowDown", 10)
    assert page.evaluate(TOPS)[0] == 600
    assert page.evaluate(PARTS) == pytest.approx([page.evaluate(PARTS)[0]] * 4, abs=0.01)
    hold(page, "ArrowUp", 5)
    assert page.evaluate(TOPS)[0] == 300
    hold(page, "PageDown", 2)
    frames(page)
    page_height = page.evaluate("document.querySelector('.answer-body').clientHeight * 0.85")
    assert page.evaluate(TOPS)[0] == pytest.approx(300 + 2 * page_height, abs=2)
    press(page, "End")
    frames(page)
    assert page.evaluate(PARTS) == pytest.approx([1] * 4, abs=0.01)
    press(page, "Home")
    frames(page)
    assert page.evaluate(TOPS) == [0] * 4


def test_a_follower_scrolled_by_hand_leads(live_site, open_page):
    project, expert = long_item()
    page = open_bench(open_page, expert, project)
    press(page, "w")
    hold(page, "ArrowDown", 3)
    page.locator("answer-card[data-letter=C] .answer-body").hover()
    page.mouse.wheel(0, 500)
    until(page, lambda: page.evaluate(TOPS)[2] > 400, "the wheel")
    frames(page)
    parts = page.evaluate(PARTS)
    assert parts == pytest.approx([parts[2]] * 4, abs=0.01)


def test_together_a_short_answer_in_focus_stops_nothing(live_site, open_page):
    project, expert = long_item((1, 60, 90, 60))
    short = "answer-card:has(.answer-body:not(:has(p:nth-of-type(9))))"
    page = open_bench(open_page, expert, project)
    page.click(f"{short} .answer-body")
    press(page, "w")
    hold(page, "ArrowDown", 5)
    assert sorted(page.evaluate(TOPS))[1] > 0


def test_home_and_end_scroll_the_answer_in_focus(live_site, open_page):
    project, expert = long_item()
    page = open_bench(open_page, expert, project)
    press(page, "ArrowRight End")
    assert page.evaluate(PARTS)[0] == 0
    assert page.evaluate(PARTS)[1] == pytest.approx(1, abs=0.01)
    press(page, "Home")
    assert page.evaluate(TOPS)[1] == 0


def test_the_first_enter_goes_to_what_is_unread_and_the_second_sends(live_site, open_page):
    project, expert = long_item()
    page = open_bench(open_page, expert, project)
    press(page, "a b c d Enter")
    assert page.evaluate(PARTS) == pytest.approx([1] * 4, abs=0.01)
    said = page.inner_text("#notice")
    assert "Now scrolled to the end: A, B, C, D." in said and "Submit again to send it." in said
    assert "warn" not in page.get_attribute("#notice", "class")
    assert versions(expert) == []
    page.wait_for_timeout(800)  # read
    press(page, "Enter")
    assert "not_read" not in submitted(page, expert, 1)[0].document


def test_what_was_on_screen_for_a_moment_only_is_not_called_read(live_site, open_page):
    project, expert = long_item()
    page = open_bench(open_page, expert, project)
    press(page, "a b c d")
    enter = "document.body.dispatchEvent(new KeyboardEvent('keydown', {key: 'Enter', bubbles: true}));"
    page.evaluate(enter + enter)
    assert sorted(submitted(page, expert, 1)[0].document["not_read"]) == [0, 1, 2, 3]


def test_a_cut_off_line_or_two_is_not_unread(live_site, open_page):
    project, expert = ranking_project(items=2)
    page = open_bench(open_page, expert, project)
    # each answer's end lies one line and its margin under the edge
    page.evaluate(
        "for (const node of document.querySelectorAll('.answer-body > div')) "
        "Object.assign(node.style, {height: 'calc(100% + 2.5rem)', overflow: 'hidden'})"
    )
    frames(page)
    assert page.evaluate(
        "[...document.querySelectorAll('.answer-body')].every((b) => b.scrollHeight > b.clientHeight + 20)"
    )
    press(page, "a b c d Enter")
    assert "not_read" not in submitted(page, expert, 1)[0].document


def test_on_a_phone_the_first_enter_tells_what_it_showed_from_what_is_left(live_site, open_page):
    project, expert = long_item()
    page = open_bench(open_page, expert, project, phone=True)
    press(page, "a b c d Enter")
    said = page.inner_text("#notice")
    assert "Now scrolled to the end: A." in said
    assert "Not read to the end yet: B, C, D." in said
    assert "Submit again to send it all the same." in said
    page.wait_for_timeout(800)  # A is read
    press(page, "Enter")
    (version,) = submitted(page, expert, 1)
    assert sorted(version.document["not_read"]) == sorted(version.order[1:])


@pytest.mark.parametrize("end", ["submit", "skip"])
def test_nothing_of_the_last_item_is_left_on_the_done_page(live_site, open_page, end):
    project, expert = long_item()
    page = open_bench(open_page, expert, project)
    press(page, "a b c d Enter")
    assert page.is_visible("#notice")
    if end == "submit":
        press(page, "Enter")
    else:
        press(page, "s 1 Enter")
    page.get_by_role("heading", name="Nothing left").wait_for()
    assert not page.is_visible("#notice")
    assert Assignment.objects.get().state == {"submit": "submitted", "skip": "skipped"}[end]
