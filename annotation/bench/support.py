"""Which sentence of a source a claim may rest on: a suggestion by the words they share, never a judgement."""

import math
import re
import unicodedata
from collections import Counter, defaultdict
from dataclasses import dataclass
from difflib import SequenceMatcher

_HAN = "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
_RUNS = re.compile(rf"\d+(?:[.,]\d+)*|[{_HAN}]+|[^\W\d_{_HAN}]+")
ENOUGH = 0.3  # share of what a claim says, by weight, that a sentence must say too
MOST_CLAIMS, MOST_SENTENCES = 300, 3000  # beyond, nothing is suggested
MOST_SHARED = 3  # runs that are named as the reason


@dataclass(frozen=True)
class Suggestion:
    """`sentence`: its number, from 1. `shared`: what it has in common with the claim, the longest first."""

    sentence: int
    shared: list[str]


def _terms(text: str) -> set[str]:
    """Words and numbers in lower case, of Chinese each two neighbouring characters."""
    out: set[str] = set()
    for run in _RUNS.findall(unicodedata.normalize("NFKC", text).lower()):
        if "\u3400" <= run[0] <= "\uf9ff" and len(run) > 1:
            out.update(run[i : i + 2] for i in range(len(run) - 1))
        else:
            out.add(run)
    return out


def suggest(claims: list[str], found: list[str]) -> list[Suggestion | None]:
    """For each of `claims` the one of the sentences `found` that says most of it, or None where none says
    ENOUGH. A term weighs the more the fewer sentences have it; of equals the first is taken."""
    if not found or len(claims) > MOST_CLAIMS or len(found) > MOST_SENTENCES:
        return [None] * len(claims)
    terms = [_terms(sentence) for sentence in found]
    has: dict[str, list[int]] = defaultdict(list)
    for i, those in enumerate(terms):
        for term in those:
            has[term].append(i)
    return [_best(claim, found, has) for claim in claims]


def _best(claim: str, found: list[str], has: dict[str, list[int]]) -> Suggestion | None:
    wanted = _terms(claim)
    weight = {term: math.log(1 + len(found) / (1 + len(has.get(term, ())))) for term in wanted}
    total = sum(weight.values())
    scores: Counter[int] = Counter()
    for term in wanted:
        for i in has.get(term, ()):
            scores[i] += weight[term]  # type: ignore[assignment]  # a float counts as well
    if not scores or not total:
        return None
    best = min(scores, key=lambda i: (-round(scores[i], 9), i))
    if scores[best] < ENOUGH * total:
        return None
    return Suggestion(best + 1, _shared(claim, found[best]))


def _shared(claim: str, sentence: str) -> list[str]:
    claim, sentence = claim[:1000], sentence[:1000]
    blocks = SequenceMatcher(None, claim, sentence, autojunk=False).get_matching_blocks()
    runs = {claim[b.a : b.a + b.size].strip(" ，。；、,.;:：") for b in blocks}
    return sorted((run for run in runs if len(run) > 1), key=lambda run: (-len(run), run))[:MOST_SHARED]
