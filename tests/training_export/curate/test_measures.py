"""What of a row can be counted, and how far two counts are apart."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.distance import jensenshannon

from training_export.curate.examples import Answer, EvalQuestion, PromptOnly, RankedList, Sft
from training_export.curate.measures import best_answer_of, characters, divergence, marks_of, question_of

TURNS = [
    {"role": "system", "content": "你是药师"},
    {"role": "user", "content": "一天几次?"},
    {"role": "assistant", "content": None},
    {"role": "user", "content": "Why?"},
]


def test_characters_are_those_of_all_turns_and_answers():
    tool = {"role": "tool", "content": "123"}
    assert characters(Sft(TURNS, "g", target=Answer("两次", turns=(tool,)))) == 4 + 5 + 4 + 2 + 3
    assert characters(EvalQuestion(TURNS, "g", reference="ab")) == 15
    assert characters(PromptOnly(TURNS, "g")) == 13
    ranked = RankedList(TURNS, "g", groups=((Answer("a"), Answer("bb")), (Answer("ccc"),)))
    assert characters(ranked) == 19 and best_answer_of(ranked) == "a"
    assert question_of(ranked) == "一天几次?\nWhy?"
    assert (
        best_answer_of(PromptOnly(TURNS, "g")) is None
        and best_answer_of(EvalQuestion([], "", reference="r")) == "r"
    )


@pytest.mark.parametrize(
    ("text", "marks"),
    [
        ("- one\n- two", {"list"}),
        ("First:\n  2) two", {"list"}),
        ("1、先停药", {"list"}),
        ("1. one", {"list"}),
        ("1.5 mg a day, -5 °C, 10) ", set()),
        ("3.5 倍", set()),
        ("```python\nx = 1\n```", {"code"}),
        ("call `f(x)` now", {"code"}),
        ("**禁用** 2 * 3 * 4", {"bold"}),
        ("2 ** 3", set()),
        ("## 用法\n#hashtag", {"heading"}),
        ("#hashtag", set()),
        ("| a | b |\n|---|:-:|\n| 1 | 2 |", {"table"}),
        ("a | b\n--|--\n1 | 2", {"table"}),
        ("a | b, no table\n---", set()),
    ],
)
def test_marks_of_markdown(text, marks):
    assert marks_of(text) == marks


def test_divergence_by_hand():
    """Of (1, 0) and (1/2, 1/2) the middle is (3/4, 1/4): H = 0.8113 bits, less half of 0 and of 1 bit."""
    assert divergence({"a": 7}, {"a": 4, "b": 4}) == pytest.approx(0.8112781245 - 0.5)
    assert divergence({"a": 1, "b": 2}, {"a": 20, "b": 40}) == pytest.approx(0, abs=1e-12)
    assert divergence({"a": 1, "b": 2}, {"c": 5}) == pytest.approx(1)
    assert divergence({"a": 1}, {}) is divergence({"a": 0}, {"a": 1}) is None


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 50), st.integers(0, 50)), min_size=1, max_size=8))
def test_divergence_is_the_square_of_scipys_distance(counts):
    one, other = ({str(n): pair[i] for n, pair in enumerate(counts)} for i in (0, 1))
    if any(one.values()) and any(other.values()):
        expected = jensenshannon(list(one.values()), list(other.values()), base=2) ** 2
        assert divergence(one, other) == pytest.approx(expected, abs=1e-9)
        assert divergence(one, other) == divergence(other, one)
