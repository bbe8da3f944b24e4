"""Pairs that contradict each other, go in a circle, or lean on length, place or one person."""

from collections import Counter
from itertools import combinations, permutations

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.training_export.steps.rows_made import label, pair, run, sft
from training_export.curate.examples import Answer
from training_export.steps import Means


def kept_as(rows: list) -> list[tuple]:
    return [
        (row.example.context[-1]["content"], row.example.chosen.text, row.example.rejected.text)
        for row in rows
    ]


def test_both_ways_of_two_answers_go_whoever_said_them_and_however_often():
    rows = [
        pair("q", "A", "B"),
        pair("q", "A", "B"),
        pair("q", "B", "A"),
        pair("q", "A", "C"),
        pair("other", "B", "A"),
    ]
    kept, report = run("preference-hygiene", rows)
    assert kept_as(kept) == [("q", "A", "C"), ("other", "B", "A")]
    assert report.dropped == {"contradiction": 3}
    assert [place["detail"] for place in report.samples["contradiction"]] == ["2:1", "2:1", "1:2"]
    assert run("preference-hygiene", rows, contradictions=False, cycles=False)[1].dropped.total() == 0


def test_a_pair_that_is_dropped_for_itself_contradicts_nobody():
    rows = [pair("q", "A", "B", n_for=3), pair("q", "B", "A", n_for=1, n_against=1)]
    kept, report = run("preference-hygiene", rows, min_agreement=0.6)
    assert kept_as(kept) == [("q", "A", "B")] and report.dropped == {"low_agreement": 1}
    assert report.samples["low_agreement"][0]["detail"] == "1:1"


def test_only_the_pairs_inside_a_circle_go():
    circle = [pair("q", "A", "B"), pair("q", "B", "C"), pair("q", "C", "A")]
    tails = [pair("q", "X", "A"), pair("q", "C", "Y"), pair("q", "X", "Y")]
    elsewhere = [pair("r", "A", "B"), pair("r", "B", "C"), pair("s", "C", "A")]  # no circle: two questions
    kept, report = run("preference-hygiene", [*circle, *tails, *elsewhere])
    assert kept_as(kept) == kept_as([*tails, *elsewhere])
    assert report.dropped == {"cycle": 3} and report.samples["cycle"][0]["detail"] == "3"


@settings(max_examples=60, deadline=None)
@given(st.lists(st.sampled_from(list(permutations("ABCDE", 2))), max_size=14))
def test_what_goes_is_what_lies_on_a_circle(said):
    """Against reachability counted out (Warshall): A over B goes exactly where B reaches A."""
    reaches = {(a, b): (a, b) in said for a in "ABCDE" for b in "ABCDE"}
    for k in "ABCDE":
        for a in "ABCDE":
            for b in "ABCDE":
                reaches[a, b] |= reaches[a, k] and reaches[k, b]
    kept, _report = run("preference-hygiene", [pair("q", a, b) for a, b in said], contradictions=False)
    assert [(a, b) for _q, a, b in kept_as(kept)] == [(a, b) for a, b in said if not reaches[b, a]]
    both = [(a, b) for a, b in said if (b, a) in said]
    _kept, report = run("preference-hygiene", [pair("q", a, b) for a, b in said], cycles=False)
    assert report.dropped.total() == len(both)


def test_equal_answers_margins_and_lengths():
    rows = [
        pair("1", "Ｙes ", "yes"),
        pair("2", "a" * 30, "b" * 10, margin=0.5),
        pair("3", "a" * 31, "b" * 10, margin=0.49),
        pair("4", "b" * 10, "a" * 31),
        pair("5", "", "a"),
        pair("6", "10 mg", "100 mg"),
    ]
    kept, report = run("preference-hygiene", rows, min_margin=0.5, max_length_ratio=3)
    assert kept_as(kept) == kept_as([rows[1], rows[5]])
    assert report.dropped == {"identical_answers": 1, "low_margin": 1, "length_ratio": 2}
    assert [place["detail"] for place in report.samples["length_ratio"]] == ["3.1", "inf"]
    assert report.notes == [("no_margin", "4")]
    with_turns = pair("q", "yes", "yes")
    with_turns.example.rejected = Answer("yes", turns=({"role": "tool", "content": "x"},))
    assert len(run("preference-hygiene", [with_turns])[0]) == 1


def lengths(rows: list) -> Counter:
    return Counter((len(r.example.chosen.text) > len(r.example.rejected.text)) for r in rows)


def leaning(n: int, longer: bool, first: bool | None):
    long, short = f"{n} the longer answer", f"{n} short"
    positions = {} if first is None else {"positions": [[0, 1] if first else [1, 0]]}
    said = {"provenance": {"annotators": ["a"]} | positions}
    return pair(f"q{n}", *((long, short) if longer else (short, long)), **said)


def test_a_balance_takes_from_the_larger_side_by_seed():
    rows = [leaning(n, longer=n % 3 > 0, first=None) for n in range(60)]  # 40 longer, 20 shorter
    rows.insert(7, pair("even", "same", "size"))
    kept, report = run("preference-hygiene", rows, balance_length=True)
    assert lengths(kept) == {True: 20, False: 21} and rows[7] in kept
    assert report.dropped == {"length_balance": 20}
    assert report.figures["before"]["length"] == {"longer": 40, "equal": 1, "shorter": 20}
    assert report.figures["after"]["length"] == {"longer": 20, "equal": 1, "shorter": 20}
    assert run("preference-hygiene", rows, Means(seed=0), balance_length=True)[0] == kept
    assert run("preference-hygiene", rows[::-1], balance_length=True)[0] == kept[::-1]
    assert run("preference-hygiene", rows, Means(seed=1), balance_length=True)[0] != kept


def test_two_balances_at_once_hold_both():
    many = {
        (True, True): 30,
        (True, False): 5,
        (False, True): 12,
        (False, False): 9,
        (True, None): 4,
        (False, None): 6,
    }
    rows = [leaning(100 * n + i, *lean) for n, (lean, count) in enumerate(many.items()) for i in range(count)]
    _kept, report = run("preference-hygiene", rows, balance_length=True, balance_position=True)
    # by hand: min(30, 9) of the first and fourth, min(5, 12) of the next two, min(4, 6) without a place
    assert report.figures["after"] == {
        "pairs": 36,
        "length": {"longer": 18, "equal": 0, "shorter": 18},
        "position": {"first": 14, "unknown": 8, "later": 14},
    }
    assert report.dropped.total() == 30 and report.notes == [("no_position", "10")]


def test_places_are_those_that_most_people_saw():
    rows = [leaning(n, longer=True, first=True) for n in range(3)]
    rows[0].example.provenance["positions"] = [[0, 1], [2, 0], [3, 1]]  # 1 first, 2 later
    rows[1].example.provenance["positions"] = [[0, None], [1, 0], [0, 1]]  # even
    _kept, report = run("preference-hygiene", rows)
    assert report.figures["before"]["position"] == {"first": 1, "unknown": 1, "later": 1}


def by(person: str, n: int):
    return pair(f"{person}{n}", f"a{n}", f"b{n}", provenance={"annotators": person.split("+")})


def test_caps_hold_and_what_they_keep_stays_as_rows_come():
    rows = [pair("q", f"a{n}", f"b{n}", weight=1 / 9) for n in range(9)]
    kept, report = run("preference-hygiene", rows, per_prompt=3)
    assert len(kept) == 3 and report.dropped == {"prompt_cap": 6}
    assert {row.example.weight for row in kept} == {1 / 3} and report.changed == 3
    smaller = set(kept_as(run("preference-hygiene", rows[:6], per_prompt=3)[0]))
    assert set(kept_as(kept)) <= smaller | set(kept_as(rows[6:]))  # only new rows take a place
    rows = (
        [by("zhao", n) for n in range(20)]
        + [by("qian", n) for n in range(2)]
        + [by("anonymous", n) for n in range(9)]
    )
    kept, report = run("preference-hygiene", rows, per_annotator=5)
    assert Counter(row.example.provenance["annotators"][0] for row in kept) == {
        "zhao": 5,
        "qian": 2,
        "anonymous": 9,
    }
    assert report.dropped == {"annotator_cap": 15}


@settings(max_examples=40, deadline=None)
@given(st.lists(st.sampled_from(["a", "b", "c", "a+b", "b+c"]), max_size=25), st.integers(1, 4))
def test_nobody_has_more_pairs_than_the_cap(people, cap):
    kept, _report = run("preference-hygiene", [by(p, n) for n, p in enumerate(people)], per_annotator=cap)
    found = Counter(person for row in kept for person in row.example.provenance["annotators"])
    assert all(count <= cap for count in found.values())
    for person in {one for p in people for one in p.split("+")}:
        alone = sum(p == person for p in people)
        assert found[person] >= min(cap, alone) or any(found[o] == cap for o in "abc" if o != person)


def test_weights_are_shared_out_among_what_is_left():
    three = [pair("q", a, b, weight=1 / 3) for a, b in combinations("ABC", 2)]
    rows = [*three, pair("q", "C", "A", weight=1 / 3), sft("q", "A", weight=0.25)]
    kept, report = run("preference-hygiene", rows)
    assert [row.example.weight for row in kept] == [0.5, 0.5, 0.25] and report.changed == 2
    assert three[0].example.weight == 1 / 3  # the row that came in is as it was
    assert [r.example.weight for r in run("preference-hygiene", rows, share_weight=False)[0]] == [
        1 / 3,
        1 / 3,
        0.25,
    ]


def test_other_rows_pass():
    rows = [sft("q", "a"), label("q", "a", True), label("q", "a", False)]
    kept, report = run("preference-hygiene", rows, per_prompt=1, balance_length=True)
    assert kept == rows and report.figures["after"]["pairs"] == 0
