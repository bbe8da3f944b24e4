"""Shares with their uncertainty. Pure; scipy is imported at first use, since pages that need no interval need
not load it.

- `wilson`: the score interval (Wilson 1927, J. Am. Stat. Assoc. 22:209), right also near 0 and 1 and for
  small counts.
- `exact`: the interval of Clopper & Pearson (1934, Biometrika 26:404); never too short.
- `clustered`, `difference`: one person's thumbs hang together, so people are the units. The share is a
  ratio of sums over people, and its variance
  is that of the linearised ratio with the factor m/(m−1) (Cochran 1977, Sampling Techniques, ch. 6 and 9;
  the sandwich estimator of Liang & Zeger
  1986 is the same), with Student's t on m−1 degrees of freedom."""

from collections.abc import Iterable, Mapping
from math import sqrt
from typing import NamedTuple

from core.text import percent

Z = 1.959963984540054  # two-sided 95 %


class Share(NamedTuple):
    """`value` with its 95 % interval, all between 0 and 1 (a difference: −1 … 1); no interval where it cannot
    be had. `n`: of how many."""

    value: float
    low: float | None
    high: float | None
    n: int


def wilson(hits: int, n: int) -> Share | None:
    """The share `hits` of `n`; None of nothing."""
    if n <= 0:
        return None
    p, zz = hits / n, Z * Z
    middle = (p + zz / (2 * n)) / (1 + zz / n)
    half = Z / (1 + zz / n) * sqrt(p * (1 - p) / n + zz / (4 * n * n))
    low = 0.0 if hits == 0 else max(0.0, middle - half)
    return Share(p, low, 1.0 if hits == n else min(1.0, middle + half), n)


def exact(hits: int, n: int) -> Share | None:
    """The share `hits` of `n` with the interval of Clopper and Pearson; None of nothing."""
    if n <= 0:
        return None
    from scipy.special import betaincinv

    low = 0.0 if hits == 0 else float(betaincinv(hits, n - hits + 1, 0.025))
    high = 1.0 if hits == n else float(betaincinv(hits + 1, n - hits, 0.975))
    return Share(hits / n, low, high, n)


def clustered(people: Iterable[tuple[int, int]]) -> Share | None:
    """The share over `people` [(hits, n)]; no interval for fewer than two people. None of nothing."""
    return clustered_counts((h, n, 1) for h, n in people)


def clustered_counts(units: Iterable[tuple[float, float, int]]) -> Share | None:
    """The same over units of which many are alike: [(hits, n, how many units have these)]. A hit may be a
    half."""
    rows = [(h, n, count) for h, n, count in units if n and count]
    total = sum(n * count for _h, n, count in rows)
    if not total:
        return None
    p = sum(h * count for h, _n, count in rows) / total
    pulls = ((((h - p * n) / total) ** 2, count) for h, n, count in rows)
    squares = sum(square * count for square, count in pulls)
    return _within(p, squares, sum(count for _h, _n, count in rows), int(total), (0.0, 1.0))


def difference(a: Mapping, b: Mapping) -> Share | None:
    """The share of `a` less that of `b`, each {person: (hits, n)}; a person may be in both, and is one unit
    then. None if either is empty."""
    sums = [(sum(h for h, _n in side.values()), sum(n for _h, n in side.values())) for side in (a, b)]
    if not sums[0][1] or not sums[1][1]:
        return None
    (hits_a, n_a), (hits_b, n_b) = sums
    p_a, p_b = hits_a / n_a, hits_b / n_b
    pulls = []
    for person in a.keys() | b.keys():
        (ha, na), (hb, nb) = a.get(person, (0, 0)), b.get(person, (0, 0))
        pulls.append((ha - p_a * na) / n_a - (hb - p_b * nb) / n_b)
    return _around(p_a - p_b, pulls, n_a + n_b, (-1.0, 1.0))


def _around(value: float, pulls: list[float], n: int, bounds: tuple[float, float]) -> Share:
    """`value` with the interval that the influence of each unit gives."""
    return _within(value, sum(x * x for x in pulls), len(pulls), n, bounds)


def _within(value: float, squares: float, m: int, n: int, bounds: tuple[float, float]) -> Share:
    """`value` with the interval that the squares of the influence of `m` units give, summed."""
    if m < 2:
        return Share(value, None, None, n)
    from scipy.special import stdtrit

    half = float(stdtrit(m - 1, 0.975)) * sqrt(m / (m - 1) * squares)
    return Share(value, max(bounds[0], value - half), min(bounds[1], value + half), n)


def shown(share: Share | None) -> str:
    """ "62% (55–69)": a share with its interval."""
    if share is None:
        return "–"
    if share.low is None or share.high is None:
        return percent(share.value)
    return f"{percent(share.value)} ({100 * share.low:.0f}–{100 * share.high:.0f})"


def points(share: Share | None) -> str:
    """ "+4 (−2 … +10)": a difference in percentage points."""
    if share is None:
        return "–"

    def signed(x):
        return f"{100 * x:+.0f}".replace("-", "−")

    return (
        signed(share.value)
        if share.low is None
        else f"{signed(share.value)} ({signed(share.low)} … {signed(share.high)})"
    )
