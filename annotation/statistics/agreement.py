"""How far annotators agree: per item (kept on the row at submit) and per project (for the lead's page).

Imported annotators count in neither unless asked. The functions on plain rankings are pure."""

import random
from itertools import combinations
from math import fsum
from typing import NamedTuple

from annotation.document import VERDICTS, Judgement, ranks_of
from annotation.models import Annotation, Annotator, Item, Kind

_IN_FORCE = (Annotation.State.SUBMITTED, Annotation.State.ACCEPTED)


def tau_b(a: dict[int, float], b: dict[int, float]) -> float | None:
    """Kendall's tau-b over the slots both judged (Kendall 1945); None for fewer than two. Where one side ties
    everything there is no order to agree with: 1 if both do, else 0."""
    common = sorted(set(a) & set(b))
    if len(common) < 2:
        return None
    concordant = ties_a = ties_b = pairs = 0
    for i, x in enumerate(common):
        for y in common[i + 1 :]:
            da, db = a[x] - a[y], b[x] - b[y]
            pairs += 1
            ties_a += da == 0
            ties_b += db == 0
            concordant += (da * db > 0) - (da * db < 0)
    if pairs in (ties_a, ties_b):
        return 1.0 if ties_a == ties_b else 0.0
    return concordant / ((pairs - ties_a) * (pairs - ties_b)) ** 0.5


def kendall_w(rankings: list[dict[int, float]]) -> float | None:
    """Kendall's W with the correction for ties (Kendall & Smith 1939) over the slots all judged; None when
    undefined (fewer than two annotators or slots, or everybody ties everything)."""
    if len(rankings) < 2:
        return None
    common = sorted(set.intersection(*(set(r) for r in rankings)))
    m, n = len(rankings), len(common)
    if n < 2:
        return None
    reranked = [_mid_ranks([r[s] for s in common]) for r in rankings]
    sums = [sum(r[i] for r in reranked) for i in range(n)]
    mean = sum(sums) / n
    spread = sum((s - mean) ** 2 for s in sums)
    ties = sum(sum(t**3 - t for t in (r.count(v) for v in set(r))) for r in reranked)
    most = m * m * (n**3 - n) - m * ties
    return 12 * spread / most if most else None


def _mid_ranks(values: list[float]) -> list[float]:
    ordered = sorted(values)
    return [ordered.index(v) + (ordered.count(v) + 1) / 2 for v in values]


def of_documents(kind: str, documents: list[dict], slot_count: int) -> float | None:
    """Mean agreement over all pairs of annotators, −1 … 1 for rankings (tau-b), 0 … 1 for QA verdicts; None
    when nothing compares. The same to the last digit in whatever order the documents come."""
    judgements = [Judgement(document) for document in documents]
    if kind == Kind.RANKING:
        ranks = [ranks_of(judgement, slot_count) for judgement in judgements]
        values = [v for a, b in combinations(ranks, 2) if (v := tau_b(a, b)) is not None]
    elif kind == Kind.QA:
        verdicts = [judgement.verdict() for judgement in judgements]
        values = [1.0 if a == b else 0.0 for a, b in combinations(verdicts, 2)]
    else:
        values = []
    return fsum(values) / len(values) if values else None


def of_item(item: Item, *, mine: tuple[int, dict | None] | None = None) -> float | None:
    """Agreement of `item` from the heads in force. `mine` = (annotator id, document) stands in for that
    annotator's stored head (None: withdrawn), so that a submit needs one query."""
    others = Annotation.objects.filter(
        item=item, annotator__source=Annotator.Source.PERSON, ruling=False, state__in=_IN_FORCE
    )
    documents = []
    if mine is not None:
        others = others.exclude(annotator=mine[0])
        documents = [mine[1]] if mine[1] is not None else []
    documents += others.values_list("head__document", flat=True)
    return of_documents(item.kind, documents, item.slot_count)


NEWEST = 400  # items that agreement is measured over


def project_agreement(project, *, limit: int = NEWEST, resamples: int = 100) -> dict:
    """Agreement of a project over its newest `limit` items with two or more annotators: {"items": n,
    "kendall_w": mean W or None, "alpha": Krippendorff's alpha or None, "varies": whether what two or more
    people judged has more than one value (else there is no alpha; None where they judged nothing in
    common), "interval": [low, high] or None}.

    alpha (Krippendorff 2011) is ordinal over (item, answer) units for rankings and nominal over items for
    QA, from the `krippendorff` library; the interval is the middle 95 % of a bootstrap over items."""
    rows = (
        Annotation.objects.filter(
            project=project,
            annotator__source=Annotator.Source.PERSON,
            ruling=False,
            state__in=_IN_FORCE,
            item__agreement__isnull=False,
        )
        .order_by("-item_id")
        .values_list("item_id", "annotator_id", "head__document", "item__slot_count", "item__kind")[
            : limit * 4
        ]
    )
    items: dict[int, list[Judged]] = {}
    for item_id, annotator_id, document, slot_count, kind in rows:
        judged = Judged(annotator_id, Judgement(document), slot_count, kind)
        items.setdefault(item_id, []).append(judged)
    shared = [v for v in items.values() if len(v) > 1][:limit]
    ws = [
        w
        for v in shared
        if v[0].kind == Kind.RANKING
        and (w := kendall_w([ranks_of(j.judgement, j.slots) for j in v])) is not None
    ]
    data = _reliability(shared)
    alpha = _alpha(shared)
    rng = random.Random(0)
    draws = sorted(
        a
        for _i in range(resamples if alpha is not None and len(shared) >= 10 else 0)
        if (a := _alpha(rng.choices(shared, k=len(shared)))) is not None
    )
    return {
        "items": len(shared),
        "kendall_w": fsum(ws) / len(ws) if ws else None,
        "alpha": alpha,
        "varies": _varies(data) if data.size else None,
        "interval": [draws[int(0.025 * len(draws))], draws[int(0.975 * len(draws)) - 1]] if draws else None,
    }


class Judged(NamedTuple):
    """One person's judgement of an item with so many distinct answers."""

    annotator: int
    judgement: Judgement
    slots: int
    kind: str


def _alpha(shared: list[list[Judged]]) -> float | None:
    """Krippendorff's alpha over `shared`, the judgements item by item; None where undefined: fewer than two
    units with two values or more, or all of them the same (then no disagreement is expected, and 0 / 0 says
    nothing)."""
    import krippendorff

    data = _reliability(shared)
    if data.shape[1] < 2 or not _varies(data):
        return None
    return float(
        krippendorff.alpha(
            reliability_data=data,
            level_of_measurement="ordinal" if shared[0][0].kind == Kind.RANKING else "nominal",
        )
    )


def _varies(data) -> bool:
    """Whether there is more than one value in `data`."""
    return len({value for value in data.ravel().tolist() if value == value}) > 1


def _reliability(shared: list[list[Judged]]):
    """The values of `shared` as a table, a row a person and a column a unit; NaN where somebody said nothing.
    Without the units that fewer than two people judged, which alpha leaves out of account."""
    import numpy as np

    rankings = bool(shared) and shared[0][0].kind == Kind.RANKING
    people = {a: i for i, a in enumerate(sorted({one.annotator for of_item in shared for one in of_item}))}
    places: dict[str | None, int] = {verdict: place for place, verdict in enumerate(VERDICTS)}
    columns = []
    for judged in shared:
        if rankings:
            ranks = {one.annotator: ranks_of(one.judgement, one.slots) for one in judged}
            units = [{a: r[s] for a, r in ranks.items() if s in r} for s in range(judged[0].slots)]
        else:
            units = [{one.annotator: places.get(one.judgement.verdict()) for one in judged}]
        for unit in units:
            said = {people[a]: value for a, value in unit.items() if value is not None}
            if len(said) > 1:
                column = np.full(len(people), np.nan)
                column[list(said)] = list(said.values())
                columns.append(column)
    return np.array(columns).reshape(len(columns), len(people)).T
