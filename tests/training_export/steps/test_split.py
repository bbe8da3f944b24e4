"""Sides of a split: nothing on two of them, and growth moves no row."""

from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.training_export.steps.rows_made import asked, run, sft
from training_export.curate.examples import Answer, Sft
from training_export.curate.overlap import jaccard, shingles
from training_export.curate.splits import BY, Splitter, keys_of
from training_export.steps import Means, Row

NAMES = st.lists(st.sampled_from("abcdef"), max_size=2)
KEYS = st.fixed_dictionaries(dict.fromkeys(BY, NAMES))
QUESTIONS = st.sampled_from(
    [
        f"{a} may I {b} the {c}?"
        for a, b, c in product(
            ("When", "Where"), ("sign", "sign off", "read"), ("deed", "deeds", "long lease of the flat")
        )
    ]
)
ROWS = st.lists(st.tuples(QUESTIONS, KEYS), max_size=14)
RULES = st.sampled_from(["every", "first"])


def rows_of(said, start: int = 0) -> list[Row]:
    return [sft(question, f"answer {start + n}", keys=keys) for n, (question, keys) in enumerate(said)]


def sides_of(rows: list[Row], **parameters) -> dict[str, str]:
    """{answer: side} of what is kept; every row has an answer of its own."""
    kept, _report = run("split", rows, shares="50,25,25", **parameters)
    return {row.example.target.text: row.split for row in kept}


@settings(max_examples=150, deadline=None)
@given(ROWS, RULES, st.sets(st.sampled_from(BY), min_size=1), st.booleans())
def test_no_key_stands_on_two_sides(said, rule, by, near):
    rows = rows_of(said)
    kept, _report = run("split", rows, shares="50,25,25", rule=rule, by=sorted(by), near=near, similarity=0.6)
    sides: dict[tuple, set] = {}
    for row in kept:
        for kind in by:
            for key in row.keys[kind]:
                sides.setdefault((kind, key), set()).add(row.split)
        if "prompt" in by:
            sides.setdefault(("question", row.example.context[-1]["content"]), set()).add(row.split)
    assert all(len(found) == 1 for found in sides.values())
    for one in kept if near else ():
        for other in kept:
            if one.split != other.split:
                questions = (row.example.context[-1]["content"] for row in (one, other))
                assert jaccard(*map(shingles, questions)) < 0.6


@settings(max_examples=150, deadline=None)
@given(ROWS, ROWS, RULES, st.booleans())
def test_rows_that_come_after_change_nothing(old, new, rule, near):
    before = rows_of(old)
    first = sides_of(before, rule=rule, near=near)
    after = sides_of(before + rows_of(new, len(old)), rule=rule, near=near)
    assert {answer: side for answer, side in after.items() if int(answer.split()[1]) < len(old)} == first


@settings(max_examples=150, deadline=None)
@given(ROWS, ROWS, st.randoms(use_true_random=False), RULES)
def test_rows_that_come_between_move_none(old, new, rng, rule):
    """With a side for ever for each key none is even left out that was not before."""
    before, mixed = rows_of(old), rows_of(old) + rows_of(new, len(old))
    first = sides_of(before, rule=rule)
    rng.shuffle(mixed)
    after = sides_of(mixed, rule=rule)
    assert all(after[answer] == side for answer, side in first.items() if answer in after)
    if rule == "every":
        assert set(first) <= set(after)


def test_sides_are_those_of_an_export():
    """As in test_splits: written down for ever."""
    rows = [sft(f"question {n}", "a", keys={"prompt": [f"prompt question {n}"]}) for n in range(8)]
    kept, report = run("split", rows, Means(seed=7), shares=[60, 20, 20])
    assert [row.split for row in kept] == [
        "train", "train", "train", "validation", "train", "train", "test", "train",
    ]  # fmt: skip
    assert report.figures["rows"] == {"train": 6, "validation": 1, "test": 1} and report.changed == 8
    assert rows[0].split == ""
    bare = [sft(f"question {n}", "a", keys={"prompt": [f"question {n}"]}) for n in range(8)]
    none = [sft(f"Question  {n}", "a", keys={}) for n in range(8)]
    for same in (bare, none):
        assert [r.split for r in run("split", same, Means(seed=7), shares=[60, 20, 20])[0]] == [
            r.split for r in kept
        ]


def test_a_row_without_a_source_goes_by_its_question_alone():
    messages = asked("Who may sign?")
    keys = {kind: sorted(keys_of(kind, messages=messages, sources=[])) for kind in BY}
    rows = [Row(Sft(messages, "g", target=Answer("a")), keys)]
    for seed in range(20):
        kept, _report = run("split", rows, Means(seed=seed))
        assert kept[0].split == Splitter((80, 10, 10), seed).side(keys["prompt"])


def test_a_question_that_a_correction_made_is_a_key_too():
    """Keys are of the prompt that was judged; its corrected question may be another prompt's."""
    corrected = [
        sft("Who signs?", f"a{n}", keys={"prompt": [f"prompt who sings in case {n}?"]}) for n in range(40)
    ]
    kept, report = run("split", [sft("who  signs?", "a"), *corrected])
    assert len({row.split for row in kept}) == 1 and 0 < report.dropped["split_bridge"] < 20


def apart(rule: str, rows: int = 3000):
    """Rows of two kinds of keys that nothing ties together."""
    made = [sft(f"q{n}", "a", keys={"prompt": [f"q{n}"], "user": [f"u{n}"]}) for n in range(rows)]
    return run("split", made, rule=rule)


def test_what_either_rule_leaves_out():
    """Of two keys with a side each, 0.8² + 0.1² + 0.1² = 66 % stand together."""
    kept, report = apart("every")
    assert abs(len(kept) / 3000 - 0.66) < 0.03
    assert report.notes == [("many_bridges", f"{report.dropped['split_bridge']} / 3000")]
    kept, report = apart("first")
    assert len(kept) == 3000 and not report.notes
    assert abs(report.figures["rows"]["test"] / 3000 - 0.1) < 0.02


def test_with_the_main_key_a_question_follows_who_asked_it_first():
    side = {user: Splitter((50, 50, 0), 0).side([f"user {user}"]) for user in "abcdefgh"}
    here, there = next((a, b) for a in side for b in side if side[a] != side[b])
    rows = [
        sft("q", f"a{n}", keys={"prompt": ["q"], "user": [user]})
        for n, user in enumerate([here, there, here])
    ]
    kept, report = run("split", rows, shares="50,50,0", rule="first")
    assert [row.split for row in kept] == [side[here]] * 2 and report.dropped == {"split_bridge": 1}
    kept, _report = run("split", rows[1:], shares="50,50,0", rule="first")
    assert [row.split for row in kept] == [side[there]]


def test_nearly_equal_questions_do_not_stand_on_two_sides():
    rows = [sft(f"Who may sign the deed of the house in case {n}?", f"{n}") for n in range(30)]
    assert len(run("split", rows)[0]) == 30
    kept, report = run("split", rows, near=True)
    assert len({row.split for row in kept}) == 1 and report.dropped["split_near"] == 30 - len(kept) > 0
    assert {code for code, _detail in report.notes} == {"empty_side"}
    assert len(run("split", rows, near=True, similarity=1)[0]) == 30


def test_the_mix_of_each_side_is_told():
    rows = [
        sft(f"q{n}", "a", language="zh" if n % 3 else "en", tags=("law",) if n % 2 else ()) for n in range(90)
    ]
    _kept, report = run("split", rows, shares="50,50,0")
    mix = report.figures["mix"]
    assert sum(mix["language"]["en"].values()) == 30 and sum(mix["language"]["zh"].values()) == 60
    assert sum(mix["tag"]["law"].values()) == sum(mix["tag"][""].values()) == 45
    assert {name: sum(found[name] for found in mix["kind"].values()) for name in ("train", "validation")} == (
        report.figures["rows"]
    )


@pytest.mark.parametrize("shares", ["0,0,0", "80,20", [1, -1, 1]])
def test_shares_are_checked(shares):
    with pytest.raises(Exception, match="shares"):
        run("split", [], shares=shares)
