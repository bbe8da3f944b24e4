"""Ranking in the browser: by keyboard alone, by drag, by touch; what arrives is checked value by value."""

import re

import pytest

from annotation.models import Assignment
from tests.annotation.bench.bench_items import (
    ANSWERS,
    ASPIRIN,
    drafted,
    letter_of,
    open_bench,
    press,
    ranking_project,
    read_all,
    saved,
    slots,
    submitted,
    until,
    until_prefetched,
    versions,
)
from tests.cast import make_item, make_member, make_project

pytestmark = pytest.mark.browser


@pytest.mark.parametrize("language", ["en", "zh"])
def test_an_item_is_ranked_with_the_keyboard_alone(live_site, open_page, language):
    project, expert = ranking_project()
    page = open_bench(open_page, expert, project, language=language)
    assert page.inner_text("#submit-label").isascii() == (language == "en")
    letter = slots(expert)
    read_all(page)
    press(page, "b a Shift+D l c")
    assert page.inner_text(".chips").split() == ["B", "›", "A", "=", "D", "C"]
    page.keyboard.press("Enter")
    (version,) = submitted(page, expert, 1)
    b, a, d, c = (letter[x] for x in "BADC")
    assert version.document == {"schema": 1, "ranking": [[b], [a, d], [c]], "acceptable": 2}
    assert version.order == [letter[x] for x in "ABCD"]
    page.wait_for_selector("text=Residential Tenancies")  # the next item is there
    assert page.locator(".chips .hint").is_visible()  # and nothing ranked on it


def test_the_next_item_is_there_before_the_server_has_answered(live_site, open_page):
    project, expert = ranking_project()
    page = open_bench(open_page, expert, project)
    read_all(page)
    until_prefetched(page, expert)
    page.route("**/submit/", lambda route: (page.wait_for_timeout(1500), route.continue_()))
    press(page, "a b c d Enter")
    assert page.get_by_text("Residential Tenancies").first.is_visible()
    submitted(page, expert, 1)
    until(
        page,
        lambda: Assignment.objects.filter(annotator__user=expert, state="open").exists(),
        "opening the next",
    )


def test_backspace_takes_back_and_a_letter_pressed_again_comes_out(live_site, open_page):
    project, expert = ranking_project()
    page = open_bench(open_page, expert, project)
    press(page, "b a l Backspace Backspace")
    assert page.inner_text(".chips").split() == ["B"]
    press(page, "c Shift+A b")
    assert page.inner_text(".chips").split() == ["C", "=", "A"]
    press(page, "Backspace Backspace Backspace")
    assert page.inner_text(".chips").startswith("Type or tap")
    page.keyboard.press("Enter")  # nothing said yet: not sent, and told why
    assert "Rank at least one answer" in page.inner_text("#notice")
    assert versions(expert) == []


@pytest.mark.parametrize(
    ("keys", "expected"),
    [
        ("b r Enter", lambda s: {"ranking": [[s["B"]]], "rest": "worse"}),
        ("l Enter", lambda s: {"acceptable": 0}),
        ("l a b Enter Enter", lambda s: {"ranking": [[s["A"]], [s["B"]]], "acceptable": 0}),
        ("d a o Enter Enter", lambda s: {"ranking": [[s["D"]], [s["A"]]], "acceptable": 0}),
        ("d c l Enter Enter", lambda s: {"ranking": [[s["D"]], [s["C"]]], "acceptable": 2}),
        ("a b c v Enter Enter", lambda s: {"ranking": [[s["A"]], [s["B"]], [s["C"]]], "strength": [1, 1]}),
    ],
)
def test_partial_rankings_and_the_line(live_site, open_page, keys, expected):
    project, expert = ranking_project()
    page = open_bench(open_page, expert, project)
    letter = slots(expert)
    read_all(page)
    press(page, keys)
    (version,) = submitted(page, expert, 1)
    assert version.document == {"schema": 1} | expected(letter)


def test_answers_left_unranked_are_named_before_a_second_enter_sends_it(live_site, open_page):
    project, expert = ranking_project()
    page = open_page(expert, phone=True)

    def with_chinese_comma(route):
        response = route.fetch()
        route.fulfill(
            response=response, body=response.text().replace('"list_comma": ", "', '"list_comma": "、"')
        )

    page.route("**/bench/", with_chinese_comma)
    page.goto(f"/p/{project.slug}/bench/")
    page.wait_for_selector("#desk > *")
    letter = slots(expert)
    press(page, "b c Enter")
    said = page.inner_text("#notice")
    assert "Not ranked: A、D. Rank them, or say that the rest is worse." in said
    # the hints stand together
    assert re.search(r"Now scrolled to the end: \w\.\nNot read to the end yet: \w(、\w)+\.", said)
    assert versions(expert) == []
    press(page, "Enter")
    assert submitted(page, expert, 1)[0].document["ranking"] == [[letter["B"]], [letter["C"]]]


def test_how_much_better_is_set_on_the_step(live_site, open_page):
    project, expert = ranking_project()
    page = open_bench(open_page, expert, project)
    read_all(page)
    press(page, "a v")
    assert "Rank two answers" in page.inner_text("#notice")
    press(page, "v b c v")
    assert "Press › between two answers" in page.inner_text("#notice")
    assert page.get_attribute(".menu-body [data-action=strength]", "aria-pressed") == "true"
    page.locator(".step.strength").nth(1).click()
    assert not page.is_visible("#notice")
    page.locator(".step.strength").nth(1).click()
    press(page, "Enter Enter")
    assert submitted(page, expert, 1)[0].document["strength"] == [1, 3]


def test_an_item_is_ranked_by_dragging(live_site, open_page):
    project, expert = ranking_project()
    page = open_bench(open_page, expert, project)
    letter = slots(expert)
    read_all(page)

    def drag(what, x, y):
        box = page.locator(f"rank-sentence [data-what='{what}']").bounding_box()
        page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
        page.mouse.down()
        page.mouse.move(x - 20, y, steps=4)
        page.mouse.move(x, y, steps=4)
        page.mouse.up()

    def middle(what):
        box = page.locator(f".chips [data-what='{what}']").bounding_box()
        return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2

    chips = page.locator(".chips").bounding_box()
    drag("C", chips["x"] + 10, chips["y"] + 15)  # out of the tray into the empty sentence
    x, y = middle("C")
    drag("A", x - 25, y)  # before it
    assert page.inner_text(".chips").split() == ["A", "›", "C"]
    drag("D", *middle("C"))  # onto it: a tie
    assert page.inner_text(".chips").split() == ["A", "›", "C", "=", "D"]
    x, y = middle("D")
    drag("B", x + 24, y)
    x, y = middle("B")
    drag("A", x + 30, y)  # from the front to the end
    assert page.inner_text(".chips").split() == ["C", "=", "D", "›", "B", "›", "A"]
    page.click(".dock [data-action=line]")
    line_x, line_y = page.locator(".rank-line").bounding_box()["x"], y
    x, y = middle("B")
    page.mouse.move(line_x + 10, line_y)
    page.mouse.down()
    page.mouse.move(x - 18, y, steps=8)
    page.mouse.up()
    page.keyboard.press("Enter")
    (version,) = submitted(page, expert, 1)
    assert version.document == {
        "schema": 1,
        "ranking": [[letter["C"], letter["D"]], [letter["B"]], [letter["A"]]],
        "acceptable": 1,
    }


def test_an_item_is_ranked_by_touch_on_a_phone(live_site, open_page):
    project, expert = ranking_project()
    page = open_bench(open_page, expert, project, phone=True)
    letter = slots(expert)
    for what in "DB":
        page.tap(f".tray [data-what={what}]")
    page.tap(".dock [data-action=line]")
    page.tap(".letter-tab[data-tab=C]")
    left = "document.querySelector('answer-card[data-letter=C]').getBoundingClientRect().left"
    until(page, lambda: abs(page.evaluate(left)) <= 2, "scrolling to the answer")
    page.tap("answer-card[data-letter=C] .letter")
    page.tap(".dock-buttons button[aria-pressed]:has-text('=')")
    page.tap(".tray [data-what=A]")
    assert page.inner_text(".chips").split() == ["D", "›", "B", "C", "=", "A"]
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    page.tap("#submit")
    assert "Now scrolled to the end" in page.inner_text("#notice")  # a soft hint: the second tap sends
    page.tap("#submit")
    (version,) = submitted(page, expert, 1)
    assert version.document["ranking"] == [[letter["D"]], [letter["B"]], [letter["C"], letter["A"]]]
    assert version.document["acceptable"] == 2
    assert set(version.document["not_read"]) <= {0, 1, 2, 3}


def test_dragging_a_chip_with_a_finger(live_site, open_page):
    project, expert = ranking_project()
    page = open_bench(open_page, expert, project, phone=True)
    for what in "AB":
        page.tap(f".tray [data-what={what}]")
    box = page.locator(".chips [data-what=B]").bounding_box()
    goal = page.locator(".chips [data-what=A]").bounding_box()
    touch = page.context.new_cdp_session(page)
    x, y = box["x"] + 20, box["y"] + 20

    def send(kind, x=None):
        touch.send(
            "Input.dispatchTouchEvent", {"type": kind, "touchPoints": [] if x is None else [{"x": x, "y": y}]}
        )

    send("touchStart", x)
    for step in range(1, 9):
        send("touchMove", x + (goal["x"] + 4 - x) * step / 8)
    send("touchEnd")
    until(page, lambda: page.inner_text(".chips").split() == ["B", "›", "A"], "the new order")


def test_ratings_follow_the_digits_cell_by_cell(live_site, open_page):
    project, expert = ranking_project(ratings="all")
    page = open_bench(open_page, expert, project)
    letter = slots(expert)
    read_all(page)
    press(page, "a b c d")
    press(page, "5 4 3 2")  # the four criteria of A
    press(page, "1 ArrowRight 5")  # B's first, then over to C
    # C's row of the cell in focus was "instruction"
    assert page.get_attribute(".rating-cell.current", "data-key") == "safety"
    press(page, "Enter")
    assert "Not rated yet" in page.inner_text("#notice")
    press(page, "Enter")
    (version,) = submitted(page, expert, 1)
    assert version.document["ratings"] == {
        str(letter["A"]): {"correctness": 5, "instruction": 4, "safety": 3, "fluency": 2},
        str(letter["B"]): {"correctness": 1},
        str(letter["C"]): {"instruction": 5},
    }


def test_ratings_of_the_ends_only(live_site, open_page):
    project, expert = ranking_project(ratings="ends")
    page = open_bench(open_page, expert, project)
    assert page.locator(".rating-row:visible").count() == 0
    press(page, "b a c d")
    assert page.locator("answer-card[data-letter=B] .rating-row:visible").count() == 4
    assert page.locator("answer-card[data-letter=D] .rating-row:visible").count() == 4
    assert page.locator("answer-card[data-letter=A] .rating-row:visible").count() == 0
    assert page.locator(".ratings:visible").count() == 2  # no empty strip under the others


def test_on_a_phone_all_criteria_are_in_sight(live_site, open_page):
    project, expert = ranking_project(ratings="all")
    page = open_bench(open_page, expert, project, phone=True)
    assert page.locator("answer-card[data-letter=A] .ratings").evaluate(
        "(node) => node.scrollHeight <= node.clientHeight"
    )


def test_a_rating_against_the_rank_is_pointed_out_softly(live_site, open_page):
    project, expert = ranking_project(ratings="overall")
    page = open_bench(open_page, expert, project)
    read_all(page)
    press(page, "a b c d 2 5 3 3 Enter")
    assert "A stands above B but is rated lower." in page.inner_text("#notice")
    page.keyboard.press("Enter")
    submitted(page, expert, 1)


def test_corrections_with_their_difference_wording_and_evidence(live_site, open_page):
    project, expert = ranking_project()
    page = open_bench(open_page, expert, project)
    read_all(page)
    wrong = letter_of(expert, 2)
    corrected = ANSWERS[2].replace("300 mg", "100 mg")
    page.click(f"answer-card[data-letter={wrong}] button:text('Correct')")
    area = page.locator(f"answer-card[data-letter={wrong}] textarea")
    assert area.input_value() == ANSWERS[2]
    area.fill(corrected)
    page.locator("answer-card .diff del").wait_for()  # drawn with the next frame
    assert page.locator("answer-card .diff del").all_inner_texts() == ["300"]
    assert page.locator("answer-card .diff ins").all_inner_texts() == ["100"]
    page.get_by_label("Evidence").fill("指南 2021, 4.2")
    page.click("text=Correct this turn")
    turn = page.locator("prompt-panel textarea")
    turn.fill(ASPIRIN[1]["content"] + "（有误）")
    page.locator("prompt-panel").get_by_label("Wording only").check()
    page.keyboard.press("Escape")
    saved(page)
    turn.focus()
    page.keyboard.press("Escape")
    press(page, "a b c d Enter")
    document = submitted(page, expert, 1)[0].document
    assert document["corrections"] == [
        {
            "target": "response",
            "answer": 2,
            "text": corrected,
            "wording_only": False,
            "evidence": "指南 2021, 4.2",
        },
        {"target": "turn", "turn": 1, "text": ASPIRIN[1]["content"] + "（有误）", "wording_only": True},
    ]


def test_a_correction_set_back_to_the_original_is_none(live_site, open_page):
    project, expert = ranking_project()
    page = open_bench(open_page, expert, project)
    read_all(page)
    page.keyboard.press("k")  # the answer in focus
    area = page.locator("text-editor textarea")
    original = area.input_value()
    area.fill(original + "!")
    area.fill(original)
    page.keyboard.press("Escape")
    press(page, "a b c d Enter")
    assert "corrections" not in submitted(page, expert, 1)[0].document


def test_a_correction_keeps_the_line_ends_of_its_original(live_site, open_page):
    project = make_project("crlf")
    make_item(project, ["one\r\ntwo\r\nthree", "other"])
    expert = make_member(project, "annotator")
    page = open_bench(open_page, expert, project)
    page.click(f"answer-card[data-letter={letter_of(expert, 0)}] button:text('Correct')")
    page.locator("text-editor textarea").fill("one\ntwo\nfour")
    page.keyboard.press("Control+Enter")  # nothing ranked yet
    page.keyboard.press("Escape")
    press(page, "a b Enter")
    assert submitted(page, expert, 1)[0].document["corrections"][0]["text"] == "one\r\ntwo\r\nfour"


def test_comment_and_flags(live_site, open_page):
    project, expert = ranking_project()
    page = open_bench(open_page, expert, project)
    letter = slots(expert)
    read_all(page)
    page.keyboard.press("m")
    page.keyboard.type("a b 都不完整")  # letters in a field are letters
    page.keyboard.press("Escape")
    page.click("answer-card[data-letter=C] details.menu summary")
    page.get_by_role("region", name="Answer C").get_by_label("Harmful").check()
    page.keyboard.press("Escape")
    page.keyboard.press("p")
    page.get_by_label("Needs a second opinion").check()
    page.keyboard.press("Enter")
    press(page, "b a Enter Enter")
    document = submitted(page, expert, 1)[0].document
    assert document["comment"] == "a b 都不完整"
    assert document["answer_flags"] == {str(letter["C"]): ["harmful"]}
    assert document["flags"] == ["needs_second_opinion"]
    assert document["ranking"] == [[letter["B"]], [letter["A"]]]


def test_an_input_method_that_composes_does_not_rank(live_site, open_page):
    project, expert = ranking_project()
    page = open_bench(open_page, expert, project)
    for extra in ("isComposing: true", "keyCode: 229", "repeat: true"):
        page.evaluate(
            f"document.body.dispatchEvent(new KeyboardEvent('keydown', {{key: 'b', code: 'KeyB', "
            f"bubbles: true, {extra}}}))"
        )
    page.evaluate(
        "document.body.dispatchEvent(new KeyboardEvent('keydown', {key: 'Process', code: 'KeyB', "
        "bubbles: true}))"
    )
    assert page.inner_text(".chips").startswith("Type or tap")
    # A Cyrillic layout types "и" on the key of B: there the place of the key counts.
    page.evaluate(
        "document.body.dispatchEvent(new KeyboardEvent('keydown', {key: 'и', code: 'KeyB', bubbles: true}))"
    )
    assert page.inner_text(".chips").split() == ["B"]
    # Composing in the comment: its Enter and Escape end the composition only.
    page.keyboard.press("m")
    ime = page.context.new_cdp_session(page)
    ime.send("Input.imeSetComposition", {"text": "gao", "selectionStart": 3, "selectionEnd": 3})
    page.evaluate(
        "document.activeElement.dispatchEvent(new KeyboardEvent('keydown', {key: 'Escape', bubbles: "
        "true, isComposing: true}))"
    )
    assert page.evaluate("document.activeElement.id") == "comment"
    ime.send("Input.insertText", {"text": "高"})
    assert page.input_value("#comment") == "高"
    assert page.inner_text(".chips").split() == ["B"]


def test_enter_belongs_to_the_control_in_focus(live_site, open_page):
    project, expert = ranking_project()
    page = open_bench(open_page, expert, project)
    read_all(page)
    press(page, "a b c d")
    page.focus(".dock [data-action=line]")
    page.keyboard.press("Enter")
    page.wait_for_timeout(300)
    assert versions(expert) == []
    assert page.locator(".rank-line").count() == 1


@pytest.mark.parametrize("ratings", ["none", "overall"])
def test_the_key_to_rate_is_named_where_there_are_ratings(live_site, open_page, ratings):
    project, expert = ranking_project(ratings=ratings)
    page = open_bench(open_page, expert, project)
    press(page, "?")
    page.locator("#keys-dialog").wait_for()
    assert page.get_by_text("Tie with the one before").is_visible()
    assert page.get_by_text("Rate the cell in focus").is_visible() == (ratings != "none")


def test_keys_are_changed_kept_and_switched_off(live_site, open_page):
    project, expert = ranking_project()
    page = open_bench(open_page, expert, project)
    page.keyboard.press("?")
    page.click("[data-remap=line]")
    page.keyboard.press("x")
    assert page.inner_text("[data-remap=line]") == "X"
    until(
        page,
        lambda: type(expert).objects.get(pk=expert.pk).keys == {"off": False, "keys": {"line": "X"}},
        "keeping the keys",
    )
    page.keyboard.press("Escape")
    press(page, "a x")
    assert page.locator(".rank-line").count() == 1
    page.reload()
    page.wait_for_selector("#desk > *")
    press(page, "x")
    assert page.locator(".rank-line").count() == 0
    page.keyboard.press("?")
    page.uncheck("[name=off]")
    until(page, lambda: type(expert).objects.get(pk=expert.pk).keys["off"], "switching off")
    page.keyboard.press("Escape")
    press(page, "c")
    assert page.inner_text(".chips").split() == ["A"]


def test_columns_are_sorted_on_demand_only(live_site, open_page):
    project, expert = ranking_project()
    page = open_bench(open_page, expert, project)
    order = "[...document.querySelectorAll('answer-card')].map((card) => card.dataset.letter).join('')"
    press(page, "d b")
    assert page.evaluate(order) == "ABCD"
    press(page, "t")
    assert page.evaluate(order) == "DBAC"
    assert (
        page.evaluate("[...document.querySelectorAll('.letter-tab')].map((tab) => tab.dataset.tab).join('')")
        == "DBAC"
    )


def test_more_than_four_answers_scroll_sideways_and_stay_readable(live_site, open_page):
    project = make_project("seven")
    make_item(project, [f"{i} " + text for i, text in enumerate((ANSWERS * 2)[:7])])
    expert = make_member(project, "annotator")
    page = open_bench(open_page, expert, project)
    widths = page.evaluate(
        "[...document.querySelectorAll('answer-card')].map((card) => card.getBoundingClientRect().width)"
    )
    assert len(widths) == 7
    assert min(widths) >= 320
    page.click(".letter-tab[data-tab=G]")
    until(
        page,
        lambda: (
            (box := page.locator("answer-card[data-letter=G]").bounding_box())
            and box["x"] + box["width"] <= 1441
        ),
        "scrolling to the answer",
    )
    assert page.locator("answer-card[data-letter=G] .letter").is_visible()


def test_what_happens_is_said_to_screen_readers(live_site, open_page):
    project, expert = ranking_project()
    page = open_bench(open_page, expert, project)
    press(page, "b Shift+A")
    assert page.inner_text("#live") == "A ranked. B = A"
    press(page, "l")
    assert "acceptability line" in page.inner_text("#live")


def test_answers_scroll_alone_or_together(live_site, open_page):
    project = make_project("long")
    make_item(project, ["first\n\n" * 80, "second\n\n" * 120])
    expert = make_member(project, "annotator")
    page = open_bench(open_page, expert, project)
    parts = (
        "[...document.querySelectorAll('.answer-body')].map((b) => b.scrollTop / (b.scrollHeight - "
        "b.clientHeight))"
    )
    half = (
        "(() => { const b = document.querySelector('.answer-body'); b.scrollTop = (b.scrollHeight - "
        "b.clientHeight) / 2; })()"
    )
    page.evaluate(half)
    page.wait_for_timeout(200)
    assert page.evaluate(parts)[1] == 0
    page.evaluate(half.replace("/ 2", "* 0"))
    press(page, "w")
    page.evaluate(half)
    until(page, lambda: page.evaluate(parts) == pytest.approx([0.5, 0.5], abs=0.02), "scrolling together")


def test_guidelines_are_at_hand(live_site, open_page):
    project, expert = ranking_project()
    page = open_bench(open_page, expert, project)
    press(page, "n")
    assert page.locator("#guidelines strong", has_text="先看对错").is_visible()
    press(page, "b")  # one reads and ranks
    assert page.inner_text(".chips").split() == ["B"]
    press(page, "Escape")
    assert not page.locator("#guidelines").is_visible()


def test_chips_are_moved_with_the_arrow_keys(live_site, open_page):
    project, expert = ranking_project()
    page = open_bench(open_page, expert, project)
    press(page, "a b l c")
    page.focus(".chips [data-what=C]")
    press(page, "ArrowLeft ArrowLeft")  # past the line, past B; the focus goes along
    assert page.inner_text(".chips").split() == ["A", "›", "C", "›", "B"]
    assert page.inner_text("#live") == "A › C › B , acceptability line,"
    press(page, "Delete")
    assert page.inner_text(".chips").split() == ["A", "›", "B"]


def test_digits_of_a_french_keyboard_rate(live_site, open_page):
    project, expert = ranking_project(ratings="overall")
    page = open_bench(open_page, expert, project)
    page.evaluate(
        "document.body.dispatchEvent(new KeyboardEvent('keydown', {key: '\"', code: 'Digit3', "
        "bubbles: true}))"
    )
    saved(page)
    assert drafted(expert) == {"ratings": {"A": {"overall": 3}}}
