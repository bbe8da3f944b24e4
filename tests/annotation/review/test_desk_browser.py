"""The reviewer's desk in Chromium: keys, no page load between items, everything in view."""

import pytest
from playwright.sync_api import expect

from annotation.models import Annotation, Consensus, Review
from tests.annotation.review.test_pages import judge
from tests.cast import make_cast, make_item

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

LONG = "肌酐清除率低于 30 时应停用二甲双胍，并复查乳酸。" * 40


@pytest.fixture
def desk(live_site, open_page):
    cast = make_cast(overlap=2)
    items = [
        make_item(cast.project, [f"{name} {n} {LONG}" for name in "甲乙丙丁"], overlap=2) for n in range(3)
    ]
    for item, groups in zip(
        items, ([[3], [2], [1], [0]], [[1], [0], [2], [3]], [[0], [1], [2], [3]]), strict=True
    ):
        judge(cast.project, cast.bob, [[0], [1], [2], [3]])
        judge(cast.project, cast.carol, groups)
        item.refresh_from_db()
    page = open_page(cast.dan, viewport={"width": 1440, "height": 900})
    page.goto(f"/p/ward/review/{items[0].pk}/")
    page.evaluate("window.loaded = 'once'")
    return cast, items, page


def at_item(page, pk: int) -> None:
    """Wait until item `pk` lies on the desk, without the page having been loaded again."""
    page.locator(f"#desk[data-title$=' {pk}']").wait_for()
    assert page.evaluate("window.loaded") == "once" and page.url.endswith(f"/review/{pk}/")


def test_two_judges_take_one_key_or_two_and_no_page_load(desk):
    _cast, items, page = desk
    page.keyboard.press("Shift+A")
    at_item(page, items[1].pk)
    assert Annotation.objects.filter(item=items[0], state="accepted").count() == 2
    page.keyboard.press("a")
    expect(page.locator(".work[data-open]")).to_have_count(1)
    page.keyboard.press("a")
    at_item(page, items[2].pk)
    assert Annotation.objects.filter(item=items[1], state="accepted").count() == 2
    page.keyboard.press("Shift+A")
    page.wait_for_url("**/p/ward/review/")  # nothing is left: back to the list
    assert page.get_by_text("Nothing to review at the moment").is_visible()


def test_return_choose_settle_and_go_back_and_forth_on_keys(desk):
    cast, items, page = desk
    page.keyboard.press("n")
    at_item(page, items[1].pk)
    page.keyboard.press("p")
    at_item(page, items[0].pk)
    page.keyboard.press("2")
    page.keyboard.press("r")
    page.keyboard.type("请看第二条指南")
    page.keyboard.press("Control+Enter")
    expect(page.locator(".work[data-open]")).to_have_count(1)
    assert Review.objects.get().comment == "请看第二条指南"
    assert Annotation.objects.get(item=items[0], state="returned").annotator.user == cast.carol
    page.keyboard.press("s")
    at_item(page, items[1].pk)
    assert Consensus.objects.get().version.annotation.annotator.user == cast.bob
    page.keyboard.press("o")
    page.keyboard.type("bacd")
    page.keyboard.press("Control+Enter")
    at_item(page, items[2].pk)
    assert Consensus.objects.order_by("-pk").first().version.annotation.annotator.user == cast.dan


def test_after_a_return_the_keys_act_on_the_work_that_is_marked(desk):
    cast, items, page = desk
    for key in ("2", "r"):
        page.keyboard.press(key)
    page.keyboard.type("Again, please.")
    page.keyboard.press("Control+Enter")
    expect(page.locator(".work[data-open]")).to_have_count(1)
    expect(page.locator(".work.current")).to_have_attribute("data-judge", "1")
    expect(page.locator(".work.current")).to_be_focused()
    page.keyboard.press("a")
    at_item(page, items[1].pk)
    assert Annotation.objects.get(item=items[0], state="accepted").annotator.user == cast.bob


def test_a_key_leads_back_to_what_was_just_decided(desk):
    _cast, items, page = desk
    page.keyboard.press("Shift+A")
    at_item(page, items[1].pk)
    expect(page.locator(".desk-said")).to_contain_text(f"Item {items[0].pk}")
    page.keyboard.press("b")
    at_item(page, items[0].pk)
    page.keyboard.press("n")
    at_item(page, items[1].pk)


def test_a_manager_reveals_on_keys_and_the_question_names_no_key(desk, open_page):
    cast, items, _page = desk
    page = open_page(cast.alice, viewport={"width": 1440, "height": 900})
    page.goto(f"/p/ward/review/{items[0].pk}/")
    page.keyboard.press("v")
    yes = page.locator("dialog[open] button.primary")
    expect(yes).to_have_text("Reveal names and models")
    page.keyboard.press("Shift+Tab")
    page.keyboard.press("Enter")
    expect(page.get_by_text("Names are shown on this one page")).to_be_visible()


def test_a_fault_stays_on_the_desk_and_esc_leaves_a_field(desk):
    _cast, items, page = desk
    page.keyboard.press("o")
    page.keyboard.type("b ? a")
    page.keyboard.press("Control+Enter")
    page.locator(".ruling [role=alert]").wait_for()
    assert page.input_value("#ruling") == "b ? a" and page.evaluate("window.loaded") == "once"
    page.locator("#ruling").focus()
    page.keyboard.press("Escape")
    page.keyboard.press("Shift+A")
    at_item(page, items[1].pk)


def test_all_is_in_view_at_once(desk):
    _cast, _items, page = desk
    assert page.evaluate("document.documentElement.scrollHeight") <= 960
    for button in page.locator(".work [data-key=A]").all():
        box = button.bounding_box()
        assert box["y"] >= 0 and box["y"] + box["height"] <= 900
    for answer in page.locator("article.answer h3").all():
        assert answer.bounding_box()["y"] < 500


def test_nothing_scrolls_sideways_on_a_phone(desk):
    _cast, _items, page = desk
    page.set_viewport_size({"width": 390, "height": 844})
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


def test_the_keys_of_the_desk_are_told_under_a_question_mark(desk):
    """Every key that the desk shows is in the list, and none acts while the list is open."""
    _cast, items, page = desk
    shown = set(page.locator("#desk [data-key]").evaluate_all("n => n.map((e) => e.dataset.key)"))
    page.keyboard.press("?")
    told = page.locator("#desk-keys[open] kbd")
    expect(told.first).to_be_visible()
    assert {key[-1] for key in shown} - {"?"} <= set(told.all_inner_texts())
    page.keyboard.press("a")
    page.keyboard.press("Escape")
    expect(page.locator("#desk-keys[open]")).to_have_count(0)
    assert not Annotation.objects.filter(item=items[0], state="accepted").exists()
    page.keyboard.press("Shift+A")
    at_item(page, items[1].pk)
