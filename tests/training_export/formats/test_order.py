"""Keeping rows of one prompt apart, and finding rows that say the same or the opposite."""

from array import array
from collections import Counter
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from training_export.formats import ledger as ledgers
from training_export.formats import order as orders
from training_export.formats.ledger import Ledger
from training_export.formats.order import Spacing, apart


@given(st.lists(st.integers(0, 5), max_size=40))
@settings(deadline=None, max_examples=300)
def test_neighbours_differ_and_as_few_as_possible_are_left(prompts):
    order, left = apart(array("q", prompts))
    assert sorted([*order, *left]) == list(range(len(prompts)))
    assert all(prompts[a] != prompts[b] for a, b in pairwise(order))
    most = max(Counter(prompts).values(), default=0)
    assert len(left) == max(0, most - (len(prompts) - most) - 1)


def test_rows_of_one_prompt_stand_far_apart():
    """In a batch of 16 that the trainer turns round, the first row meets the last one's answer, too."""
    prompts = [group for group in range(200) for _ in range(1 + group % 4)]
    order, left = apart(array("q", prompts))
    assert not left
    last, nearest = {}, len(prompts)
    for at, row in enumerate(order):
        nearest = min(nearest, at - last.get(prompts[row], -(10**6)))
        last[prompts[row]] = at
    assert nearest >= 16


@given(st.lists(st.integers(0, 5), max_size=60), st.integers(1, 20), st.integers(1, 30))
@settings(deadline=None, max_examples=300)
def test_in_windows_every_row_comes_once_and_it_is_told_when_neighbours_meet(prompts, rows, size):
    out = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(orders, "WINDOW_ROWS", rows)
        patch.setattr(orders, "WINDOW_BYTES", size)
        spacing = Spacing(lambda row, prompt: out.append((*row, prompt)))
        for number, prompt in enumerate(prompts):
            spacing.add((number,), prompt, 1)
        spacing.close()
    assert sorted(out) == list(enumerate(prompts))
    assert spacing.met == any(a[1] == b[1] for a, b in pairwise(out))


def test_windows_of_a_large_file_hold_its_rows_apart():
    prompts = [group for group in range(4000) for _ in range(1 + group % 4)]
    out = []
    spacing = Spacing(lambda row, prompt: out.append(prompt))
    for prompt in prompts:
        spacing.add((), prompt, 2000)
    spacing.close()
    assert not spacing.met and sorted(out) == prompts
    last, nearest = {}, len(prompts)
    for at, prompt in enumerate(out):
        nearest = min(nearest, at - last.get(prompt, -(10**6)))
        last[prompt] = at
    assert nearest > 64


@given(st.lists(st.tuples(st.sampled_from(["a", "b"]), st.integers(1, 6), st.booleans()), max_size=30))
@settings(deadline=None, max_examples=300)
def test_the_ledger_finds_every_repetition(rows):
    ledger = Ledger()
    for part, judged, way in rows:
        ledger.add(part, judged * 1000, way)
    parts = list(ledger.parts)
    expected, seen = {}, set()
    index = Counter()
    placed = []
    for part, judged, way in rows:
        placed.append((parts.index(part), index[part], part, judged, way))
        index[part] += 1
    ways = {judged: {w for _, j, w in rows if j == judged} for _, judged, _ in rows}
    for _, at, part, judged, _ in sorted(placed):
        if len(ways[judged]) == 2:
            expected.setdefault(part, {})[at] = "contradiction"
        elif judged in seen:
            expected.setdefault(part, {})[at] = "duplicate"
        seen.add(judged)
    assert ledger.conflicts() == expected


def test_rows_not_compared_never_conflict():
    ledger = Ledger()
    for _ in range(3):
        ledger.part("a").append(0)
    assert ledger.conflicts() == {}


def test_large_ledgers_are_looked_at_in_shares(monkeypatch):
    monkeypatch.setattr(ledgers, "_AT_ONCE", 50)
    monkeypatch.setattr(ledgers, "_FEW", 500)
    ledger = Ledger()
    for judged in range(1, 400):
        ledger.add("a" if judged % 2 else "b", judged * 2**40 + judged * 6)
    assert ledger._all_differ() and ledger.conflicts() == {}
    ledger.add("b", 398 * 2**40 + 398 * 6)
    assert not ledger._all_differ() and ledger.conflicts() == {"b": {199: "duplicate"}}
