"""What two texts have in common: tokens, runs, near-copies."""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from training_export.curate.overlap import NearTexts, Runs, jaccard, shingles, tokens, without_blanks


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("Take ２ tablets—twice a DAY!", ["take", "2", "tablets", "twice", "a", "day"]),
        ("对乙酰氨基酚500mg,一天", [*"对乙酰氨基酚", "500mg", *"一天"]),
        ("コーヒー", list("コーヒー")),
        ("약을 먹다", ["약을", "먹다"]),
        ("¿¡…—__", []),
    ],
)
def test_words_and_characters_without_blanks_are_tokens(text, found):
    assert tokens(text) == found


def test_scripts_without_blanks():
    assert without_blanks(tokens("请解释 metformin 的作用"))
    assert not without_blanks(tokens("Explain 二甲 in plain words, please"))
    assert not without_blanks([])


def test_shingles_are_three_letters_or_two_characters():
    """By hand. "ab cd": "ab ", "b c", " cd". "一天2次": 一天, 天2, 2次. "不可以": 不可, 可以."""
    assert shingles("Ab, cd") == {hash("ab "), hash("b c"), hash(" cd")}
    assert shingles("一天２次。") == {hash("一天"), hash("天2"), hash("2次")}
    assert jaccard(shingles("可以吃"), shingles("不可以吃")) == 2 / 3
    assert shingles("好") == {hash("好")} and shingles("ab") == {hash("ab")} and shingles("?!") == frozenset()
    assert jaccard(shingles(""), shingles("")) == 0


ALPHABET = st.frozensets(st.integers(-6, 6), max_size=9)


@settings(max_examples=200, deadline=None)
@given(
    st.lists(ALPHABET, max_size=8),
    ALPHABET,
    st.sampled_from([0.3, 0.5, 2 / 3, 0.7, 0.8, 1.0]),
    st.dictionaries(st.integers(-6, 6), st.integers(1, 3)),
)
def test_near_copies_are_those_found_by_measuring_all(known, asked, threshold, frequency):
    near: NearTexts[int] = NearTexts(threshold, frequency)
    for n, one in enumerate(known):
        near.add(n, one)
    expected = {n: len(one & asked) / len(one | asked) for n, one in enumerate(known) if one & asked}
    expected = {n: similarity for n, similarity in expected.items() if similarity >= threshold - 1e-9}
    assert near.near(asked) == pytest.approx(expected)
    best = max(expected.values(), default=0)
    assert near.nearest(asked) == next(((n, s) for n, s in expected.items() if s == best), None)


def test_a_run_is_found_inside_another_text_and_one_token_less_is_not():
    words = [f"w{n}" for n in range(20)]
    found: Runs[str, int] = Runs(words=13, characters=10)
    found.add("exam", 1, " ".join(words[:13]))
    found.add("exam", 2, "甲乙丙丁戊己庚辛壬癸子丑")
    found.close()
    assert found.find("so: " + " ".join(words) + " …") == ("exam", 1, 13)
    assert found.find(" ".join(words[1:])) is None
    assert found.find("a long text in English that asks about 乙丙丁戊己庚辛壬癸子") == ("exam", 2, 10)
    assert found.find("乙丙丁戊己庚辛壬癸") is None


def test_a_short_question_is_a_run_of_its_own_from_eight_tokens_on():
    found: Runs[str, int] = Runs(13, 13)
    found.add("exam", 1, "May I sign for my brother then?", whole=True)
    found.add("exam", 2, "May I sign for my brother?", whole=True)
    found.add("exam", 3, "she may not sign it for him herself")
    found.close()
    assert found.find("seven: may i sign for my brother ???") is None
    assert found.find("He asked: MAY I SIGN FOR MY BROTHER THEN") is None  # 7 tokens
    found.add("exam", 4, "And may I sign for my brother then?", whole=True)
    assert found.find("He asked: AND MAY I SIGN FOR MY BROTHER THEN") == ("exam", 4, 8)
    assert found.find("she may not sign it for him herself") is None


def test_what_a_whole_set_begins_with_is_no_evidence():
    start = "answer the question by one letter and give no reason for your choice at all"
    rng = random.Random(5)
    found: Runs[str, int] = Runs(13, 13)
    for n in range(5):
        own = " ".join(rng.choice(["red", "green", "blue"]) + str(rng.random()) for _ in range(13))
        found.add("exam", n, f"{start} {own}")
        found.add("exam", n, f"{start} {own}")  # twice in one item counts once
    assert found.find(start) == ("exam", 0, 13)
    assert found.close(5) == 0 and found.find(start)
    again: Runs[str, int] = Runs(13, 13)
    for n in range(5):
        again.add("exam", n, f"{start} {n}")
    assert again.close(4) == 3  # 15 words hold three runs of 13
    assert again.find(start) is None
