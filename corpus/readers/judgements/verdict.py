"""What one cell of an annotator's column says: which answer wins."""

import re

from django.utils.translation import gettext as _

from corpus.canonical import same_text
from corpus.readers.errors import RowRefused
from corpus.readers.judgements import judging, naming, orders, scales

_WHOLE = re.compile(r"([+-]?\d+)\.0(?!\d)")  # as data frames write whole numbers beside empty cells
_NUMBER = re.compile(r"[+-]?\d+(\.\d+)?")


def verdict(
    value,
    names: list[str],
    places: list[int | None],
    texts: list[str],
    column: str,
    *,
    scale: str = "",
    models=(),
) -> dict | None:
    """The document for one cell of an annotator's column: an answer's name, "tie", "A>B=C", a rank for each
    answer; None when the cell is empty. `names`: how the answer columns end ("a", "b" or "1", "2"); `places`:
    where each stands in `texts`, None for an answer that is missing; `models`: whose texts they are. `scale`:
    what bare numbers in this column stand for. RowRefused for a value that names no answer."""
    if isinstance(value, bool):
        raise _not_understood(value, column)
    if judging.is_unsaid(value):
        return None
    if isinstance(value, (list, dict)):
        given = orders.numbers(
            value, names, column, models=[models[at] if models and at is not None else None for at in places]
        )
        ranks: list[float | None] = [None] * len(texts)
        for one, place in zip(given, places, strict=True):
            if place is not None:
                ranks[place] = one
        return judging.ranking_by(ranks, texts, column, low_is_best=True)
    word = _WHOLE.sub(r"\1", str(value).strip().casefold())
    if scales.is_amount(scale) and _NUMBER.fullmatch(word):
        if len(names) != 2:
            raise _not_understood(value, column)
        return judging.by_strength(value, texts, column, scale)
    index = naming.named(names, places, scale)
    called = [m.casefold() if m else "" for m in models]
    for place, model in enumerate(called):
        if model and called.count(model) == 1:
            index.setdefault(model, place)
    everything = list(range(len(texts)))
    if (word in judging.TIE and word not in index) or index.get(word) == scales.TIE:
        return judging.checked([everything], texts, column)
    if word in judging.TIE_GOOD:
        return {"ranking": [everything], "acceptable": 1}
    if word in judging.TIE_BAD:
        return {"ranking": [everything], "acceptable": 0}
    groups = naming.groups(word, index)
    seen = {at for group in groups or () for at in group}
    if groups is None or None in seen or scales.TIE in seen or len(seen) != sum(map(len, groups)):
        raise _not_understood(value, column)
    if len(seen) == 1 and len(texts) == 2:
        groups.append([i for i in everything if i not in seen])
    elif len(seen) == 1:
        doc = {"ranking": groups, "rest": "worse"}
        winner = groups[0][0]
        if any(i != winner and same_text(texts[i], texts[winner]) for i in everything):
            raise RowRefused(
                column, "same_answers", _("Two answers are the same text, but one is ranked above the other.")
            )
        return doc
    return judging.checked(groups, texts, column)


def _not_understood(value, column: str) -> RowRefused:
    return RowRefused(
        column, "verdict", _("This judgement is not understood: %(value)s") % {"value": str(value)[:40]}
    )


def is_verdict(value) -> bool:
    """Whether a cell looks like a judgement over answers A and B by its letters or words (bare numbers do
    not)."""
    if not isinstance(value, str) or value.strip().isdigit():
        return False
    try:
        return verdict(value, ["a", "b"], [0, 1], ["x", "y"], "") is not None
    except RowRefused:
        return False
