"""Taking back what was done, one step after the other; own done and left; what the done page says."""

import pytest

from annotation.models import Annotation, Assignment
from annotation.work import queue, review
from tests.annotation.bench.bench_items import (
    open_bench,
    press,
    ranking_project,
    read_all,
    submitted,
    until,
    until_prefetched,
    versions,
)
from tests.cast import make_item, make_member, make_project, make_prompt

pytestmark = pytest.mark.browser


def numbered(n=3, **bench):
    """(project, expert): items asking "Question 0?" … with three short answers."""
    project = make_project("undo", **bench)
    for i in range(n):
        make_item(project, prompt=make_prompt(project, f"Question {i}?"))
    return project, make_member(project, "annotator")


def shows(page, n):
    page.locator("prompt-panel").get_by_text(f"Question {n}?").filter(visible=True).first.wait_for()


def states(user):
    return list(
        Assignment.objects.filter(annotator__user=user).order_by("pk").values_list("state", flat=True)
    )


def skip(page, user, n):
    press(page, "s 1 Enter")
    until(page, lambda: states(user).count("skipped") == n, "the skip")


def judge(page, user, n):
    press(page, "a b c Enter")
    submitted(page, user, n)


def test_submits_and_skips_are_taken_back_one_after_the_other(live_site, open_page):
    project, expert = numbered(3)
    page = open_bench(open_page, expert, project)
    judge(page, expert, 1)
    shows(page, 1)
    corner = page.locator("#saved")
    corner.get_by_text("last item submitted").wait_for()
    skip(page, expert, 1)
    shows(page, 2)
    corner.get_by_text("last item skipped").wait_for()
    press(page, "u")
    shows(page, 1)
    assert "last item" not in corner.inner_text()
    banner = page.locator("#banner")
    assert banner.inner_text() == "You took back your skip. The item is yours again."
    assert "You took back your skip" in page.inner_text("#live")
    until(page, lambda: states(expert)[:2] == ["submitted", "open"], "the second step")
    press(page, "u")
    shows(page, 0)
    assert "You took back what you submitted here." in banner.inner_text()
    assert page.inner_text(".chips").split() == ["A", "›", "B", "›", "C"]
    until(page, lambda: page.is_disabled(".menu-body [data-action=undo]"), "nothing being left to take back")
    page.reload()
    shows(page, 0)
    assert "You took back what you submitted here." in banner.inner_text()  # still so
    press(page, "Enter")
    until(page, lambda: versions(expert)[-1].action == "submit", "submitting again")
    shows(page, 1)
    assert not banner.is_visible()


def test_after_a_reload_the_offer_to_take_back_is_true(live_site, open_page):
    project, expert = numbered(2)
    page = open_bench(open_page, expert, project)
    assert page.is_disabled(".menu-body [data-action=undo]")
    judge(page, expert, 1)
    shows(page, 1)
    skip(page, expert, 1)
    page.get_by_role("heading", name="Nothing left").wait_for()
    other = make_member(project, "annotator")
    assert queue.claim(project=project, user=other).item_id  # the skipped one is somebody else's now
    page.reload()
    page.get_by_role("heading", name="Nothing left").wait_for()
    page.click("section [data-action=undo]")  # so this is about the submit
    shows(page, 0)
    page.reload()
    shows(page, 0)
    assert page.is_disabled(".menu-body [data-action=undo]")


def test_a_skip_that_went_to_somebody_else_is_said_to_have(live_site, open_page):
    project, expert = numbered(2)
    page = open_bench(open_page, expert, project)
    skip(page, expert, 1)
    shows(page, 1)
    queue.claim(project=project, user=make_member(project, "annotator"))
    press(page, "u")
    page.locator("#notice", has_text="Somebody else has taken this item meanwhile.").wait_for()
    shows(page, 1)


def test_what_was_written_before_a_skip_is_there_again(live_site, open_page):
    project, expert = numbered(2)
    page = open_bench(open_page, expert, project)
    press(page, "c b m")
    page.keyboard.type("unsure")
    page.keyboard.press("Escape")
    skip(page, expert, 1)
    shows(page, 1)
    press(page, "u")
    shows(page, 0)
    assert page.inner_text(".chips").split() == ["C", "›", "B"]
    assert page.input_value("#comment") == "unsure"


def test_own_done_and_left_are_right_to_the_end(live_site, open_page):
    project, expert = numbered(3, overlap=2)
    page = open_bench(open_page, expert, project)
    count = page.locator("#progress-text")
    assert count.inner_text() == "0 done · 3 left"
    judge(page, expert, 1)
    count.get_by_text("1 done · 2 left").wait_for()
    shows(page, 1)
    skip(page, expert, 1)
    count.get_by_text("1 done · 1 left").wait_for()
    press(page, "u")
    count.get_by_text("1 done · 2 left").wait_for()
    for n in (2, 3):
        until_prefetched(page, expert) if n == 2 else None
        judge(page, expert, n)
    page.get_by_role("heading", name="Nothing left").wait_for()
    count.get_by_text("3 done · 0 left").wait_for()


def test_the_done_page_sums_the_session_up(live_site, open_page):
    project, expert = ranking_project(items=2, overlap=2)
    page = open_bench(open_page, expert, project)
    for n in (1, 2):
        read_all(page)
        page.keyboard.press("k")
        page.locator("text-editor textarea").fill("Better.")
        press(page, "Escape a b c" + (" d" if n == 1 else "") + " Enter")
        submitted(page, expert, n)
        if n == 1:
            page.get_by_text("Residential Tenancies").filter(visible=True).first.wait_for()
    page.get_by_role("heading", name="Nothing left").wait_for()
    summary = page.locator("#summary")
    summary.get_by_text("2 items in 1 minute").wait_for()
    assert "not reviewed yet: 2" in summary.inner_text()
    assert "Settled" not in summary.inner_text()
    reviewer = make_member(project, "reviewer")
    one, two = Annotation.objects.order_by("pk")
    review.accept(annotation=one, reviewer=reviewer)
    review.settle(item=one.item, version=one.head, reviewer=reviewer)
    review.return_(annotation=two, reviewer=reviewer, comment="No.")
    page.click("[data-reload]")
    summary.get_by_text("accepted: 1 · returned: 1").wait_for()
    assert "Same as settled: 1 of your 1 judgements · agreement 1.00" in summary.inner_text()
