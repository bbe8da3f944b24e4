"""The QA check and the demonstration in the browser."""

import pytest

from core.rendering.sentences import split
from tests.annotation.bench.bench_items import (
    QA_ANSWER,
    QA_QUESTION,
    QA_SOURCE,
    demonstration_project,
    open_bench,
    press,
    qa_project,
    saved,
    submitted,
    until,
    versions,
)

pytestmark = pytest.mark.browser
SENTENCES = [one for one in split(QA_SOURCE) if one.strip()]
FIXED = QA_ANSWER.replace("三个月", "二个月").replace("用人单位可以与同一劳动者约定两次试用期。", "")


def next_one(page, n):
    """Wait for the n-th following pair (they are numbered in their questions)."""
    page.get_by_text(f"（{n}）").filter(visible=True).first.wait_for()


def test_pairs_are_kept_fixed_and_dropped_with_the_keyboard_alone(live_site, open_page):
    project, expert = qa_project()
    page = open_bench(open_page, expert, project)
    press(page, "k")  # one key keeps
    next_one(page, 1)
    press(page, "x")
    assert page.evaluate("document.activeElement.value") == QA_ANSWER  # in the answer's field at once
    press(page, "Control+A")
    page.keyboard.insert_text(FIXED)
    page.locator(".qa-answer .diff del", has_text="三").wait_for()
    press(page, "Control+Enter")
    next_one(page, 2)
    press(page, "r Enter")
    assert "Say why" in page.inner_text("#notice")
    press(page, "1 4 Enter")  # the answer is wrong; the source does not support it
    kept, fixed, dropped = submitted(page, expert, 3)
    assert kept.document == {"schema": 1, "verdict": "keep"}
    assert fixed.document == {
        "schema": 1,
        "verdict": "fix",
        "corrections": [{"target": "response", "answer": 0, "text": FIXED, "wording_only": False}],
    }
    assert dropped.document == {"schema": 1, "verdict": "drop", "reasons": ["wrong_answer", "unsupported"]}
    page.get_by_role("heading", name="Nothing left to do here for now").wait_for()


def test_question_and_answer_are_fixed_with_evidence(live_site, open_page):
    project, expert = qa_project(items=1)
    page = open_bench(open_page, expert, project)
    page.click("[data-verdict=fix]")
    page.get_by_label("Correct the question").fill(QA_QUESTION + "（2024 年）")
    page.get_by_label("Correct the answer").fill(FIXED)
    page.locator(".qa-answer").get_by_label("Evidence").fill("第十九条")
    page.locator(".qa-question").get_by_label("Wording only").check()
    page.click("#submit")
    document = submitted(page, expert, 1)[0].document
    assert document["verdict"] == "fix"
    assert document["corrections"] == [
        {"target": "response", "answer": 0, "text": FIXED, "wording_only": False, "evidence": "第十九条"},
        {"target": "question", "text": QA_QUESTION + "（2024 年）", "wording_only": True},
    ]


def test_a_changed_pair_is_neither_kept_nor_dropped_by_mistake(live_site, open_page):
    project, expert = qa_project(items=1)
    page = open_bench(open_page, expert, project)
    press(page, "x")
    page.keyboard.insert_text("!")
    press(page, "Escape k")
    assert "You changed the pair" in page.inner_text("#notice")
    press(page, "r")
    assert versions(expert) == []
    page.locator(".qa-answer").get_by_text("Take the correction back").click()
    press(page, "k")
    assert submitted(page, expert, 1)[0].document == {"schema": 1, "verdict": "keep"}


def test_nothing_changed_is_no_fix(live_site, open_page):
    project, expert = qa_project(items=1)
    page = open_bench(open_page, expert, project)
    press(page, "x Control+Enter")
    assert "Nothing was changed yet" in page.inner_text("#notice")
    assert versions(expert) == []


def test_claims_rest_on_numbered_sentences(live_site, open_page):
    project, expert = qa_project(items=1)
    page = open_bench(open_page, expert, project)
    numbers = page.locator(".sentence-number").all_inner_texts()
    assert numbers == [str(i + 1) for i in range(len(numbers))]
    assert len(numbers) >= 3
    # the first contradicted by a chosen sentence, the second supported by the suggested one
    press(page, "l 1 b a")
    page.locator("[data-claim='0']").focus()
    # focusing one lights up the other
    assert page.locator(".source-sentence.lit").get_attribute("data-n") == "1"
    page.click(".source-sentence[data-n='2']")  # and a click chooses another
    assert page.locator(".source-sentence.lit").get_attribute("data-n") == "2"
    page.locator("[data-claim='0']").focus()
    press(page, "1")
    page.locator("[data-claim='2']").focus()
    press(page, "c")
    page.click("[data-verdict=drop]")
    press(page, "1")
    saved(page)
    page.click("#submit")
    document = submitted(page, expert, 1)[0].document
    sentence = next(i for i, text in enumerate(SENTENCES, 1) if "百分之八十" in text)
    assert document["claims"] == [
        {"text": "试用期最长不得超过三个月。", "state": "contradicted", "sentence": 1},
        {"text": "试用期工资不得低于合同约定工资的百分之八十。", "state": "supported", "sentence": sentence},
        {"text": "用人单位可以与同一劳动者约定两次试用期。", "state": "not_found", "sentence": None},
    ]


def test_a_claim_is_judged_and_its_sentence_chosen_without_the_mouse(live_site, open_page):
    project, expert = qa_project(items=1)
    page = open_bench(open_page, expert, project)
    press(page, "l")
    where = [page.locator(f"[data-claim='{i}'] .claim-where") for i in range(3)]
    assert "?" in where[1].inner_text()  # suggested, and marked in the source
    page.locator("[data-claim='1']").focus()
    assert page.locator(".source-sentence.maybe").count() == 1
    assert "both say" in where[1].get_attribute("title")
    press(page, "0")
    assert where[1].inner_text() == "Which sentence?"
    press(page, "9 2")  # there is no ninth
    assert where[1].inner_text() == "rests on sentence 2"
    # a number alone presumes support; the same letter keeps it then
    press(page, "a")
    assert page.locator("[data-claim='1'] [data-state=supported]").get_attribute("aria-checked") == "true"
    # Tab: the claim, its state, its sentence; Enter leads into the source and back
    page.locator("[data-claim='1']").focus()
    press(page, "Tab Tab Enter")
    assert page.evaluate("document.activeElement.className") == "sentence-number"
    press(page, "ArrowDown Enter")
    assert page.evaluate("document.activeElement.dataset.claim") == "1"
    assert where[1].inner_text() == "rests on sentence 3"
    assert page.evaluate("document.querySelectorAll('.sentence-number[tabindex=\"0\"]').length") == 1
    saved(page)
    page.reload()
    page.wait_for_selector(".claim")
    assert where[1].inner_text() == "rests on sentence 3"


def test_a_pair_is_checked_by_touch_on_a_phone(live_site, open_page):
    project, expert = qa_project(items=1)
    page = open_bench(open_page, expert, project, phone=True)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    page.tap("[data-verdict=drop]")
    page.get_by_label("The question is unclear or wrong").tap()
    page.tap("#submit")
    assert submitted(page, expert, 1)[0].document == {
        "schema": 1,
        "verdict": "drop",
        "reasons": ["bad_question"],
    }


def test_a_demonstration_is_written(live_site, open_page):
    project, expert = demonstration_project()
    page = open_bench(open_page, expert, project)
    page.keyboard.type("应当改用口服抗凝药。")  # the field has the focus
    press(page, "Enter Enter")
    page.keyboard.type("- 利伐沙班 20 mg  ")
    press(page, "Control+Enter")
    assert submitted(page, expert, 1)[0].document == {
        "schema": 1,
        "demonstration": "应当改用口服抗凝药。\n\n- 利伐沙班 20 mg  ",
    }


def test_an_empty_demonstration_is_not_sent(live_site, open_page):
    project, expert = demonstration_project()
    page = open_bench(open_page, expert, project)
    page.keyboard.type("  ")
    press(page, "Control+Enter")
    assert "Write the answer" in page.inner_text("#notice")
    until(page, lambda: page.inner_text("#saved").startswith("saved"), "saving the draft")
    assert versions(expert) == []


def test_by_touch_a_claim_leads_to_the_source_and_back(live_site, open_page):
    project, expert = qa_project(items=1)
    page = open_bench(open_page, expert, project, phone=True, viewport={"width": 390, "height": 500})
    page.tap("[data-action=claims]")
    assert "Tap the state of each" in page.inner_text(".claims")
    where = page.locator(".claim.current .claim-where")
    where.tap()
    sentence = page.locator(".sentence-number", has_text="2").first
    until(page, lambda: on_screen(page, sentence), "the source")
    sentence.tap()
    until(
        page,
        lambda: where.inner_text() == "rests on sentence 2" and on_screen(page, where),
        "the claim again",
    )
    page.locator(".claim.current [data-state=contradicted]").tap()
    until(page, lambda: on_screen(page, where), "the claim still")
    saved(page)


def on_screen(page, locator):
    box, desk = locator.bounding_box(), page.locator("#desk").bounding_box()
    return desk["y"] <= box["y"] and box["y"] + box["height"] <= desk["y"] + desk["height"]
