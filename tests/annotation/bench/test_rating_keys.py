"""Digits after the letters: the best answer is rated first, and what ratings say against the rank is told."""

import pytest

from tests.annotation.bench.bench_items import (
    open_bench,
    press,
    ranking_project,
    read_all,
    slots,
    submitted,
    versions,
)
from tests.cast import make_item

pytestmark = pytest.mark.browser


def rated(page, user, n=1) -> dict:
    """{letter: the values of its criteria, in order} of the newest version."""
    version = submitted(page, user, n)[-1]
    letter = {slot: "ABCDEFGHIJ"[i] for i, slot in enumerate(version.order)}
    return {letter[int(slot)]: list(given.values()) for slot, given in version.document["ratings"].items()}


def test_digits_rate_the_best_answer_first_then_the_worst(live_site, open_page):
    project, expert = ranking_project(ratings="ends")
    page = open_bench(open_page, expert, project)
    read_all(page)
    press(page, "c a b d 5 5 5 5 1 1 1 1 Enter")
    assert rated(page, expert) == {"C": [5, 5, 5, 5], "D": [1, 1, 1, 1]}


@pytest.mark.parametrize(
    ("ratings", "digits", "expected"),
    [
        ("overall", "5 4 3 1", {"B": [5], "A": [4], "D": [3], "C": [1]}),
        ("all", "5 5 5 5 2 2 2 2", {"B": [5] * 4, "A": [2] * 4}),
    ],
)
def test_digits_follow_the_ranking(live_site, open_page, ratings, digits, expected):
    project, expert = ranking_project(ratings=ratings)
    page = open_bench(open_page, expert, project)
    read_all(page)
    press(page, "ArrowRight ArrowRight b a d c")  # wherever one was reading before
    press(page, f"{digits} Enter Enter")
    assert rated(page, expert) == expected


def test_an_answer_gone_to_after_the_ranking_is_rated_there(live_site, open_page):
    project, expert = ranking_project(ratings="overall")
    page = open_bench(open_page, expert, project)
    read_all(page)
    press(page, "a b c d ArrowRight ArrowRight 2 Enter Enter")
    assert rated(page, expert) == {"C": [2]}


def test_ranked_and_rated_by_turns(live_site, open_page):
    project, expert = ranking_project(ratings="overall")
    page = open_bench(open_page, expert, project)
    read_all(page)
    press(page, "b 5 d 4 a 3 c 1 Enter")
    assert rated(page, expert) == {"B": [5], "D": [4], "A": [3], "C": [1]}


@pytest.mark.parametrize(
    ("ratings", "keys", "said"),
    [
        ("overall", "b a c d 1 5 5 5", ["B stands above A but is rated lower."]),
        ("ends", "b a c d 1 2 1 1 5 5 5 1", ["B stands above D but is rated lower."]),
        ("ends", "b r 1 1 1 1 2 2 2 2", ["B stands above A but is rated lower."]),
        ("all", "b a c d 3 3 3 3 3 3 3 4", ["B stands above A but is rated lower."]),
        ("all", "b l a 2 1 2 1 4 5 4 4", ["B is good enough by the line, but rated 2 or lower."]),
        ("ends", "b l a 3 3 3 3 4 5 4 4", ["A is not good enough by the line, but rated 4 or higher."]),
    ],
)
def test_ratings_against_the_rank_are_pointed_out_in_every_mode(live_site, open_page, ratings, keys, said):
    project, expert = ranking_project(ratings=ratings)
    page = open_bench(open_page, expert, project)
    read_all(page)
    press(page, f"{keys} Enter")
    for sentence in said:
        assert sentence in page.inner_text("#notice")
    assert versions(expert) == []
    press(page, "Enter")
    submitted(page, expert, 1)


def test_one_criterion_may_be_lower_in_the_better_answer(live_site, open_page):
    project, expert = ranking_project(ratings="ends")
    page = open_bench(open_page, expert, project)
    read_all(page)
    press(page, "b a c d 5 4 4 2 1 2 2 4 Enter")
    assert rated(page, expert) == {"B": [5, 4, 4, 2], "D": [1, 2, 2, 4]}


def test_what_was_rated_stays_in_sight_when_the_ranking_changes(live_site, open_page):
    project, expert = ranking_project(ratings="ends")
    page = open_bench(open_page, expert, project)
    press(page, "b a c d 5 5 5 5")
    press(page, "Backspace Backspace Backspace Backspace a c d b")
    assert page.locator("answer-card[data-letter=B] .rating-row:visible").count() == 4
    assert page.locator("answer-card[data-letter=C] .rating-row:visible").count() == 0


# ── how many keys a judgement takes ───────────────────────────────────────────────────────────────────


def long_answers(ratings="none"):
    project, expert = ranking_project(ratings=ratings, items=0)
    for n in range(2):
        make_item(project, [f"{n}{i} " + "房颤患者需要抗凝治疗。\n\n" * 80 for i in range(4)])
    return project, expert


def overflows(page):
    return page.evaluate(
        "[...document.querySelectorAll('.answer-body')].map((b) => b.scrollHeight > b.clientHeight)"
    )


def test_four_answers_and_the_line_take_seven_keys_also_when_they_overflow(live_site, open_page):
    project, expert = long_answers()
    page = open_bench(open_page, expert, project)
    assert overflows(page) == [True] * 4
    letter, keys = slots(expert), "c a l b d Enter Enter"
    assert len(keys.split()) <= 7
    press(page, keys)
    (version,) = submitted(page, expert, 1)
    assert version.document["ranking"] == [[letter[x]] for x in "CABD"]
    assert version.document["acceptable"] == 2


@pytest.mark.parametrize(
    ("keys", "best", "worst"),
    [
        ("c a l b d 5 4 q 2 1 q Enter Enter", [5, 4, 4, 4], [2, 1, 1, 1]),
        ("c a l b d 5 q 1 q Enter Enter", [5] * 4, [1] * 4),
        ("c a l b 5 4 4 3 2 1 2 3 Enter", [5, 4, 4, 3], [2, 1, 2, 3]),
    ],
)
def test_with_criteria_for_best_and_worst_thirteen_keys(live_site, open_page, keys, best, worst):
    project, expert = (
        long_answers("ends") if keys.endswith("Enter Enter") else ranking_project(ratings="ends")
    )
    page = open_bench(open_page, expert, project)
    if keys.endswith("Enter Enter"):
        assert overflows(page) == [True] * 4
    else:
        read_all(page)
    assert len(keys.split()) <= 13
    press(page, keys)
    assert rated(page, expert) == {"C": best, "D": worst}


def test_the_one_that_is_left_takes_its_place_only_before_the_first_rating(live_site, open_page):
    """Somebody who takes an answer out again afterwards means it."""
    project, expert = ranking_project(ratings="ends")
    page = open_bench(open_page, expert, project)
    read_all(page)
    placed = page.locator("rank-sentence .chips [data-what]")
    press(page, "c a b 5 5 5 5")
    assert placed.all_inner_texts() == ["C", "A", "B", "D"]
    press(page, "d 4")
    assert placed.all_inner_texts() == ["C", "A", "B"]
