"""What one ranking says of the models whose answers it ranks: comparisons, one for each two of them. Pure.

A comparison is of two different models on two different answers of which the judgement says which is better,
or that neither is. Answers left unjudged give none; "the rest is worse" makes one last group of equals, as
for agreement. Models with the same text stand on one answer, so they are not compared with each other."""

from collections.abc import Mapping
from typing import NamedTuple

from annotation.document import Judgement, ranks_of


class Comparison(NamedTuple):
    """`a` < `b` are models. `result`: 1 a won, -1 b won, 0 a tie. `longer` and `first`: 1 if a's answer was
    the longer, was shown first; -1 if b's; 0 if neither, or not known."""

    a: int
    b: int
    result: int
    longer: int
    first: int


def comparisons(
    judgement: Judgement, order: list[int], models: Mapping[int, set[int]], lengths: Mapping[int, int]
) -> list[Comparison]:
    """The comparisons in a `judgement` by slots. `order`: the slots as they were shown ([]: not known);
    `models`: who gave the answer of each slot; `lengths`: its characters."""
    ranks = ranks_of(judgement, max(models, default=-1) + 1)
    slots = sorted(slot for slot in ranks if models.get(slot))
    places = {slot: i for i, slot in enumerate(order)}
    out = []
    for i, x in enumerate(slots):
        for y in slots[i + 1 :]:
            for mine in models[x]:
                for other in models[y] - {mine}:
                    a, b, m, n = (mine, other, x, y) if mine < other else (other, mine, y, x)
                    known = m in places and n in places
                    first = _sign(places[n] - places[m]) if known else 0
                    longer = _sign(lengths.get(m, 0) - lengths.get(n, 0))
                    out.append(Comparison(a, b, _sign(ranks[n] - ranks[m]), longer, first))
    return sorted(out)


def facets(judgement: Judgement) -> list[str]:
    """The names of what `judgement` has, each once: "correction", "comment", "verdict:keep", "reason:…",
    "flag:…" (of the item or of one of its answers)."""
    out = []
    if judgement.has_corrections():
        out.append("correction")
    if judgement.comment().strip():
        out.append("comment")
    verdict = judgement.verdict()
    if verdict:
        out.append(f"verdict:{verdict}")
    if verdict == "drop":
        out += [f"reason:{name}" for name in sorted(set(judgement.reasons()))]
    flags = {*judgement.flags(), *(name for names in judgement.answer_flags().values() for name in names)}
    return out + [f"flag:{name}" for name in sorted(flags)]


def _sign(n: float) -> int:
    return (n > 0) - (n < 0)
