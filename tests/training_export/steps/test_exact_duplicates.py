"""Rows that say the same, but for how it is typed."""

import pytest

from core.errors import DomainError
from tests.training_export.steps.rows_made import asked, pair, run, sft
from training_export.curate.examples import Answer, PromptOnly, RankedList, Sft
from training_export.steps import STEPS, Row


def test_width_case_and_blanks_make_no_difference_digits_do():
    rows = [
        sft("一天 最多吃多少?", "不超过4克"),
        sft("一天 最多吃多少?", "不超过4克"),
        sft("一天  最多吃多少?", "不超过4克"),
        sft("How much MG a day?", "5 mg"),
        sft("how much mg a day?", "5 mg"),
        sft("how much mg a day?", "50 mg"),
    ]
    kept, report = run("exact-duplicates", rows)
    assert kept == [rows[0], rows[3], rows[5]] and report.dropped == {"exact_duplicate": 3}


def test_the_twin_that_is_judged_best_stays_in_its_place():
    raw, settled = (
        sft("q", "a", provenance={"status": status, "annotators": ["x"]}) for status in ("raw", "settled")
    )
    other = sft("other", "b")
    assert run("exact-duplicates", [raw, other, settled])[0] == [other, settled]
    assert run("exact-duplicates", [raw, other, settled], keep="first")[0] == [raw, other]


def test_rows_of_one_prompt_are_twins_only_where_the_prompt_is_asked_for():
    rows = [sft("q", "a"), sft("q", "a longer one"), pair("q", "a", "b")]
    assert run("exact-duplicates", rows)[0] == rows
    assert run("exact-duplicates", rows, over="prompt", keep="longest")[0] == rows[1:]
    assert run("exact-duplicates", [sft("q", "a"), sft("other", "a")], over="answer")[1].dropped.total() == 1


def test_the_two_ways_of_a_pair_are_no_twins():
    rows = [pair("q", "a", "b"), pair("q", "b", "a")]
    assert run("exact-duplicates", rows)[0] == rows


@pytest.mark.parametrize(("given", "field"), [({"over": "all"}, "over"), ({"keeps": "first"}, "keeps")])
def test_parameters_are_checked(given, field):
    with pytest.raises(DomainError) as refused:
        STEPS["exact-duplicates"].parameters_of(given)
    assert refused.value.field == field


def test_calls_passages_and_ties_tell_rows_apart():
    calls = []
    for name in "ab":
        turns = ({"role": "assistant", "content": "", "tool_calls": [{"function": {"name": name}}]},)
        calls.append(Row(Sft(asked("q"), "q", target=Answer("", turns))))
    documents = [sft("q", "a", sources=[{"title": t, "text": t}]) for t in ("one", "two")]
    a, b = Answer("a"), Answer("b")
    ranked = [
        Row(RankedList(asked("q"), "q", groups=groups)) for groups in (((a,), (b,)), ((a, b),), ((b,), (a,)))
    ]
    for rows in (calls, documents, ranked):
        assert run("exact-duplicates", rows)[0] == rows
    assert run("exact-duplicates", documents, over="prompt")[0] == documents
    prompts = [Row(PromptOnly(asked(text), text)) for text in ("one", "two")]
    assert run("exact-duplicates", prompts, over="answer")[0] == prompts
