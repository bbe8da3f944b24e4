"""The room: the prompt beside, above or folded, one answer over the whole width, a corrected column that
folds back."""

import pytest

from tests.annotation.bench.bench_items import (
    ANSWERS,
    letter_of,
    open_bench,
    press,
    ranking_project,
    read_all,
    saved,
    submitted,
    until,
)
from tests.cast import make_item, make_member, make_project

pytestmark = pytest.mark.browser

LINES_OF = """(cell) => {
  const range = document.createRange();
  range.selectNodeContents(cell);
  return new Set([...range.getClientRects()].map((box) => Math.round(box.top))).size;
}"""
BAR_OVERLAPS = """(() => {
  const shown = [...document.querySelectorAll(
    ".bar .brand, .bar > .menu, .bench-progress, #saved, .bench-tools, .bar > .bar-tools"
  )].map((node) => [node.className || node.id, node.getBoundingClientRect()]).filter(([, box]) => box.width);
  shown.sort(([, a], [, b]) => a.left - b.left);
  return shown.slice(1).filter(([, box], i) => box.left < shown[i][1].right - 1).map(([name]) => name);
})()"""


def width(page, letter="A"):
    return page.locator(f"answer-card[data-letter={letter}]").bounding_box()["width"]


def test_the_prompt_gives_its_width_to_the_answers_and_stays_so(live_site, open_page):
    project, expert = ranking_project()
    page = open_bench(open_page, expert, project)
    beside = width(page)
    page.get_by_role("button", name="Prompt above the answers").click()
    assert width(page) > beside + 80
    assert page.get_by_text("心房颤动").first.is_visible()
    assert page.inner_text("#live") == "Prompt above the answers"
    press(page, "y")
    assert page.locator(".prompt-line").is_visible()
    assert not page.locator(".prompt-scroll").is_visible()
    assert page.locator(".prompt-line").bounding_box()["height"] < 60
    page.reload()
    page.wait_for_selector("#desk > *")
    assert page.locator("desk-ranking, .desk-ranking").get_attribute("data-prompt") == "folded"
    page.click(".prompt-line")  # back to where it was
    assert page.locator(".desk-ranking").get_attribute("data-prompt") == "above"
    press(page, "y y")
    assert page.locator(".desk-ranking").get_attribute("data-prompt") == "beside"
    assert width(page) == beside


def test_how_the_page_is_laid_out_is_nothing_unsent(live_site, open_page):
    project, expert = ranking_project()
    page = open_bench(open_page, expert, project)
    press(page, "y")
    module = page.evaluate(
        "performance.getEntriesByType('resource').map((one) => one.name).find((name) => "
        "name.endsWith('core/store.js'))"
    )
    assert page.evaluate("Object.keys(localStorage).some((key) => key.endsWith(':view:prompt'))")
    assert page.evaluate(f"import({module!r}).then((store) => store.unsentHere())") is False


def test_one_answer_over_the_whole_width_and_back(live_site, open_page):
    project, expert = ranking_project()
    page = open_bench(open_page, expert, project)
    shown = (
        "[...document.querySelectorAll('answer-card')].filter((c) => c.clientWidth)"
        ".map((c) => c.letter).join('')"
    )
    press(page, "ArrowRight z")
    assert page.evaluate(shown) == "B"
    assert width(page, "B") > 1400
    press(page, "ArrowRight")
    assert page.evaluate(shown) == "C"
    page.click(".letter-tab[data-tab=A]")
    assert page.evaluate(shown) == "A"
    press(page, "c a")  # ranked all the same
    press(page, "z")
    assert page.evaluate(shown) == "ABCD"
    press(page, "z Escape")
    assert page.evaluate(shown) == "ABCD"
    assert page.inner_text(".chips").split() == ["C", "›", "A"]


def test_the_first_enter_shows_the_unread_also_out_of_one_answer(live_site, open_page):
    project, expert = ranking_project(items=2)
    page = open_bench(open_page, expert, project, viewport={"width": 1440, "height": 520})
    press(page, "z a b c d Enter")
    assert "Now scrolled to the end" in page.inner_text("#notice")
    page.wait_for_timeout(800)
    press(page, "Enter")
    assert "not_read" not in submitted(page, expert, 1)[0].document


def test_a_corrected_column_folds_back_when_it_is_left(live_site, open_page):
    project, expert = ranking_project()
    page = open_bench(open_page, expert, project)
    read_all(page)
    usual, letter = width(page), letter_of(expert, 2)
    card = page.locator(f"answer-card[data-letter={letter}]")
    card.get_by_role("button", name="Correct").click()
    assert width(page, letter) > usual * 1.5
    card.locator("textarea").fill(ANSWERS[2].replace("300 mg", "100 mg"))
    card.get_by_label("Evidence").fill("指南 4.2")  # still in the card
    assert card.locator("textarea").is_visible()
    other = "B" if letter == "A" else "A"
    page.click(f"answer-card[data-letter={other}] .answer-body")
    until(page, lambda: width(page, letter) == pytest.approx(usual, abs=1), "folding back")
    assert card.locator(".correction-folded del").inner_text() == "300"
    assert card.locator(".correction-folded ins").inner_text() == "100"
    assert "指南 4.2" in card.inner_text()
    saved(page)
    page.reload()
    page.wait_for_selector("#desk > *")
    assert width(page, letter) == pytest.approx(usual, abs=1)
    assert card.locator(".correction-folded ins").inner_text() == "100"
    card.get_by_role("button", name="Correct").click()
    assert card.locator("textarea").input_value() == ANSWERS[2].replace("300 mg", "100 mg")
    card.get_by_role("button", name="Take the correction back").click()
    assert not card.locator(".correction-folded").count()
    assert width(page, letter) == pytest.approx(usual, abs=1)


def test_the_column_that_is_corrected_is_wholly_on_screen(live_site, open_page):
    project, expert = ranking_project()
    page = open_bench(open_page, expert, project, viewport={"width": 1440, "height": 900})
    page.click("answer-card[data-letter=D] button:text('Correct')")
    box = page.locator("answer-card[data-letter=D]").bounding_box()
    assert box["x"] + box["width"] <= 1440
    assert page.locator("answer-card[data-letter=D] textarea").evaluate("(n) => n === document.activeElement")


def test_a_correction_written_anew_is_shown_as_it_will_be_read(live_site, open_page):
    project, expert = ranking_project()
    page = open_bench(open_page, expert, project)
    page.click("answer-card[data-letter=A] button:text('Correct')")
    page.locator("answer-card[data-letter=A] textarea").fill("**Call the emergency number.** Nothing else.")
    page.click("answer-card[data-letter=B] .answer-body")
    page.locator(".correction-folded .markdown strong", has_text="Call the emergency number.").wait_for()
    assert "**" not in page.locator(".correction-folded .markdown").inner_text()


def test_a_narrow_column_of_chinese_in_a_table_is_no_column_of_single_characters(live_site, open_page):
    project = make_project("tables")
    rows = "".join(f"| {name} | > 7 mmol/L 或舒张压 | 8.2 | 1 |\n" for name in ("意识障碍", "利伐沙班"))
    table = f"| 项目 | 标准 | 本例 | 得分 |\n| --- | --- | --- | ---: |\n{rows}"
    make_item(project, [table, *("按表格计分，共三分，应当住院治疗。" * n for n in (1, 2, 3))])
    expert = make_member(project, "annotator")
    page = open_bench(open_page, expert, project, viewport={"width": 1440, "height": 900})
    first, head = page.locator("tbody td:first-child").first, page.locator("thead th").last
    assert first.evaluate(LINES_OF) == 1
    assert head.evaluate(LINES_OF) == 1


def test_a_button_pressed_while_a_column_folds_is_pressed(live_site, open_page):
    project, expert = ranking_project()
    page = open_bench(open_page, expert, project)
    page.keyboard.press("k")
    page.locator("text-editor textarea").fill("Better.")
    page.locator("answer-card[data-letter=D] .letter").click()
    assert page.inner_text(".chips").split() == ["D"]
    until(page, lambda: not page.locator("text-editor").count(), "folding back")
    # written anew: the new text is read at once, what changed is folded
    assert page.inner_text(".correction-folded :is(.text, .markdown)") == "Better."
    assert not page.locator(".correction-folded .diff").is_visible()


def test_while_one_writes_a_chinese_phrase_written_anew_is_one_change(live_site, open_page):
    project, expert = ranking_project()
    page = open_bench(open_page, expert, project)
    old = "男性评分 2 分，建议您尽快到医院就诊，以免延误病情。每日一次随餐服用。"
    new = "男性评分 2 分，请您立即去医院看病，否则会耽误治疗。每日两次随餐服用。"
    found = page.evaluate(
        "([old, other]) => import(performance.getEntriesByType('resource').map((one) => one.name)"
        ".find((name) => name.endsWith('bench/diff.js'))).then((it) => it.diff(old, other))",
        [old, new],
    )
    assert [tuple(one) for one in found] == [
        ("=", "男性评分 2 分，"),
        ("-", "建议您尽快到医院就诊，以免延误病情"),
        ("+", "请您立即去医院看病，否则会耽误治疗"),
        ("=", "。每日"),
        ("-", "一"),
        ("+", "两"),
        ("=", "次随餐服用。"),
    ]


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize(
    ("text", "width"), [("", 1440), ("1", 1366), ("2", 1280), ("3", 1440), ("3", 1100), ("", 820)]
)
def test_nothing_of_the_bar_lies_over_anything_whatever_the_text_size(
    live_site, open_page, language, text, width
):
    project, expert = ranking_project("a-cardiology-project-of-long-title")
    page = open_bench(open_page, expert, project, language=language, viewport={"width": width, "height": 900})
    page.evaluate("(text) => (document.documentElement.dataset.text = text)", text)
    until(page, lambda: page.evaluate(BAR_OVERLAPS) == [], "room in the bar")
    press(page, "a")
    page.locator("#saved", has_text=":").wait_for()
    until(page, lambda: page.evaluate(BAR_OVERLAPS) == [], "room for what is said")
    buttons, tools = (page.locator(what).bounding_box() for what in (".dock-buttons", ".dock-tools"))
    assert buttons["x"] + buttons["width"] <= tools["x"]
    page.context.set_offline(True)
    press(page, "b")
    page.locator("#saved.warn").wait_for()
    until(page, lambda: page.evaluate(BAR_OVERLAPS) == [], "room for the warning")
    assert page.locator("#saved").evaluate("(node) => node.scrollWidth <= node.clientWidth")  # all of it
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
