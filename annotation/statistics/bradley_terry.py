"""Strengths of models from who beat whom. Pure; numpy and scipy are imported at first use.

The model of Bradley & Terry (1952, Biometrika 39:324): a beats b with probability 1 / (1 + exp(βb − βa)). A
tie counts as half a win for each side. The strengths are those of greatest likelihood, their mean is 0. They
exist only if no group of models never lost to the rest (Ford 1957, Am. Math. Monthly 64:28); else nothing is
given.

Comparisons on one prompt hang together, so prompts are the units of the interval: the sandwich estimator
(White 1982, Econometrica 50:1; clustered: Liang & Zeger 1986, Biometrika 73:13), with the factor m/(m−1) and
Student's t on m−1 degrees of freedom, as for shares. The Chatbot Arena reports the same estimator (Chiang et
al. 2024, arXiv 2403.04132)."""

from collections.abc import Iterable, Mapping
from math import log, sqrt
from typing import NamedTuple

POINTS = 400 / log(10)  # of a strength of 1: who is 400 points ahead wins ten times as often as not
STEPS = 100
ENOUGH = 1e-10


class Strength(NamedTuple):
    """In points around the mean of all models, with its 95 % interval; no interval from one prompt."""

    value: float
    low: float | None
    high: float | None


# What one prompt says of a pair a < b: (a, b, wins of a, wins of b, ties).
PairCounts = tuple[int, int, int, int, int]


def groups(pairs: Iterable[PairCounts]) -> list[set[int]]:
    """The models in groups within which each has, over some chain, won or tied against each: one group, and
    strengths exist."""
    beats: dict[int, set[int]] = {}
    for a, b, wins, losses, ties in pairs:
        beats.setdefault(a, set()).update({b} if wins or ties else ())
        beats.setdefault(b, set()).update({a} if losses or ties else ())
    reach = {model: _reached(model, beats) for model in beats}
    out: list[set[int]] = []
    for model in sorted(beats):
        if not any(model in group for group in out):
            out.append({other for other in reach[model] if model in reach[other]})
    return out


def _reached(model: int, beats: Mapping[int, set[int]]) -> set[int]:
    seen, todo = {model}, [model]
    while todo:
        for other in beats[todo.pop()] - seen:
            seen.add(other)
            todo.append(other)
    return seen


def strengths(prompts: Mapping[tuple[PairCounts, ...], int]) -> dict[int, Strength] | None:
    """{model: its strength} from `prompts` {what a prompt says: how many prompts say just that}; None where
    there is none of greatest likelihood, or fewer than two models."""
    import numpy as np
    from scipy.special import stdtrit

    sums: dict[tuple[int, int], list[int]] = {}
    for pairs, count in prompts.items():
        for a, b, *counts in pairs:
            have = sums.setdefault((a, b), [0, 0, 0])
            for i, n in enumerate(counts):
                have[i] += n * count
    found = groups((a, b, w, n, t) for (a, b), (w, n, t) in sums.items())
    if len(found) != 1 or len(found[0]) < 2:
        return None
    models = sorted(found[0])
    at = {model: i for i, model in enumerate(models)}
    won = np.zeros((len(models), len(models)))
    for (a, b), (wins, losses, ties) in sums.items():
        won[at[a], at[b]] += wins + ties / 2
        won[at[b], at[a]] += losses + ties / 2
    beta, inverse = _fitted(won)
    chance = 1 / (1 + np.exp(beta[None, :] - beta[:, None]))
    meat = np.zeros_like(won)
    for pairs, count in prompts.items():
        pull = np.zeros(len(models))
        for a, b, wins, losses, ties in pairs:
            over = wins + ties / 2 - (wins + losses + ties) * chance[at[a], at[b]]
            pull[at[a]] += over
            pull[at[b]] -= over
        meat += count * np.outer(pull, pull)
    m = sum(prompts.values())
    if m < 2:
        return {model: Strength(float(beta[i] * POINTS), None, None) for i, model in enumerate(models)}
    variance = np.diag(inverse @ meat @ inverse) * m / (m - 1)
    t = float(stdtrit(m - 1, 0.975))
    out = {}
    for i, model in enumerate(models):
        value, half = float(beta[i]), t * sqrt(max(0.0, float(variance[i])))
        out[model] = Strength(value * POINTS, (value - half) * POINTS, (value + half) * POINTS)
    return out


def _fitted(won):
    """(strengths with mean 0, pseudo-inverse of the information there) of a matrix of wins, by Newton's
    method; the likelihood is concave, and a step that would lower it is halved."""
    import numpy as np

    n = won + won.T

    def likelihood(beta):
        return -(won * np.logaddexp(0, beta[None, :] - beta[:, None])).sum()

    def information(beta):
        chance = 1 / (1 + np.exp(beta[None, :] - beta[:, None]))
        off = n * chance * (1 - chance)
        return chance, np.diag(off.sum(axis=1)) - off

    beta = np.zeros(len(won))
    for _step in range(STEPS):
        chance, curved = information(beta)
        step = np.linalg.pinv(curved, hermitian=True) @ (won - n * chance).sum(axis=1)
        here = likelihood(beta)
        while likelihood(beta + step) < here - 1e-9 * abs(here) and abs(step).max() > ENOUGH:
            step = step / 2
        beta = beta + step - (beta + step).mean()
        if abs(step).max() < ENOUGH:
            break
    return beta, np.linalg.pinv(information(beta)[1], hermitian=True)
