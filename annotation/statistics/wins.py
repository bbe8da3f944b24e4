"""Wins, losses and ties of models, and their share of wins with its interval. Pure.

The share counts a tie as half a win. Comparisons on one prompt hang together, so prompts are the units of its
interval (feedback.quality.intervals.clustered_counts). Where every prompt says the same that interval would
have no width, as if nothing were uncertain: then it is the exact one of so many prompts (`exact`)."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from annotation.statistics.bradley_terry import PairCounts
from feedback.quality.intervals import Share, clustered_counts, exact

# {what one prompt says of its pairs: how many prompts say just that}
Prompts = Mapping[tuple[PairCounts, ...], int]


def share_of(prompts: Iterable[tuple[float, int, int]]) -> Share | None:
    """The share over prompts [(hits, n, how many prompts have these)] with its interval; none from a single
    prompt. None of nothing."""
    units = [unit for unit in prompts if unit[1]]
    share = clustered_counts(units)
    if share is None or share.low is None or share.value not in (0, 1):
        return share
    m = sum(count for _hits, _n, count in units)
    whole = exact(m if share.value else 0, m)
    return whole and Share(share.value, whole.low, whole.high, share.n)


@dataclass
class Wins:
    """Comparisons of one model, against another or all: as it saw them."""

    wins: int = 0
    losses: int = 0
    ties: int = 0
    units: dict[tuple[float, int], int] = field(default_factory=dict)  # {(hits, comparisons): prompts}

    @property
    def n(self) -> int:
        return self.wins + self.losses + self.ties

    @property
    def share(self) -> Share | None:
        return share_of((hits, n, count) for (hits, n), count in self.units.items())

    def add(self, wins: int, losses: int, ties: int, count: int) -> None:
        """`count` prompts, each with so many comparisons."""
        self.wins += wins * count
        self.losses += losses * count
        self.ties += ties * count
        unit = (wins + ties / 2, wins + losses + ties)
        self.units[unit] = self.units.get(unit, 0) + count


def of_pairs(prompts: Prompts) -> dict[tuple[int, int], Wins]:
    """{(model, other): comparisons as the model saw them}, each pair from both sides."""
    return _summed(prompts, lambda mine, other: (mine, other))


def of_models(prompts: Prompts) -> dict[int, Wins]:
    """{model: its comparisons with all others}."""
    return _summed(prompts, lambda mine, _other: mine)


def _summed(prompts: Prompts, key: Callable) -> dict:
    out: dict = {}
    for pairs, count in prompts.items():
        here: dict = {}
        for a, b, wins, losses, ties in pairs:
            for of, won, lost in ((key(a, b), wins, losses), (key(b, a), losses, wins)):
                before = here.get(of, (0, 0, 0))
                here[of] = (before[0] + won, before[1] + lost, before[2] + ties)
        for of, counts in here.items():
            out.setdefault(of, Wins()).add(*counts, count)
    return out
