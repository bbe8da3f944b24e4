"""A text in clauses: nothing lost, each one thing that can be true or not."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.rendering import clauses


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", []),
        (
            "试用期最长二个月，工资不得低于百分之八十；只能约定一次。",
            ["试用期最长二个月，", "工资不得低于百分之八十；", "只能约定一次。"],
        ),
        ("如果合同满三年，试用期不得超过六个月。", ["如果合同满三年，试用期不得超过六个月。"]),
        ("因此，应当换药，并复查肝功能。", ["因此，应当换药，", "并复查肝功能。"]),
        (
            "阿司匹林（每日 100 mg，口服）不够，应当抗凝。",
            ["阿司匹林（每日 100 mg，口服）不够，", "应当抗凝。"],
        ),
        (
            "在服药期间出现出血时，立即停药，并就诊检查。",
            ["在服药期间出现出血时，立即停药，", "并就诊检查。"],
        ),
        (
            "The notice is 60 days, and the form is N9; the tenant pays nothing.",
            ["The notice is 60 days, ", "and the form is N9; ", "the tenant pays nothing."],
        ),
        ("如果满三年，可以更长，但不得超过六个月。", ["如果满三年，可以更长，", "但不得超过六个月。"]),
        ("If you give notice, you may leave.", ["If you give notice, you may leave."]),
        ("Use apples, pears, and plums.", ["Use apples, pears, and plums."]),
        ("It costs 1,000 dollars, which is much.", ["It costs 1,000 dollars, ", "which is much."]),
        ("- 第一条很重要，必须遵守。\n- 第二条", ["- 第一条很重要，", "必须遵守。\n", "- 第二条"]),
    ],
)
def test_clauses_of_both_languages(text, expected):
    assert clauses.split(text) == expected


@given(st.text(alphabet="试用期。，；如果（）“”a b,;.\n1andbut", max_size=80))
def test_nothing_is_lost(text):
    assert "".join(clauses.split(text)) == text
