"""Ranks or scores of all answers in one cell: a list, an object by answer, a text such as `2>1>3`, `B>C=A`,
`1,3,2` or `2 1 3`."""

import re

from django.utils.translation import gettext as _

from corpus.readers import turns
from corpus.readers.errors import RowRefused
from corpus.readers.judgements import judging, naming
from corpus.readers.judgements.scales import IN_ORDER

_BETWEEN = re.compile(r"\s*[,，、;；|]\s*|\s+")
_FIGURE = re.compile(r"[+-]?\d+(\.\d+)?")


def is_list(value) -> bool:
    """Whether a text lists a number for each answer (`1,3,2`, `2 1 3`)."""
    if not isinstance(value, str):
        return False
    parts = _BETWEEN.split(value.strip())
    return len(parts) > 1 and all(_FIGURE.fullmatch(part) for part in parts)


def looks_like_one(value, names: list[str], *, ranked: bool) -> bool:
    """Whether a cell says something of each answer, and not one thing of the row."""
    if isinstance(value, (list, dict)) or is_list(value):
        return True
    if not isinstance(value, str) or len(value) > 200:
        return False
    if value.lstrip()[:1] in ("[", "{") or (
        ranked and (naming.BETTER.search(value) or naming.WORSE.search(value))
    ):
        return True
    try:
        return numbers(value, names, "", ranked=ranked) is not None
    except RowRefused:
        return False


def permutation(value, many: int) -> list[int] | None:
    """The numbers of a text that lists each of 1 … `many` once: ranks of the answers, or the answers in their
    order."""
    if not is_list(value):
        return None
    found = [float(part) for part in _BETWEEN.split(value.strip())]
    return [int(n) for n in found] if sorted(found) == list(range(1, many + 1)) else None


def differs(ranks: list[int]) -> bool:
    """Whether a permutation means another thing as ranks than as an order."""
    return any(ranks[n - 1] != i for i, n in enumerate(ranks, 1))


def numbers(
    value, names: list[str], column: str, *, models=(), scale: str = "", ranked: bool = True
) -> list[float | None]:
    """A rank (or, not `ranked`, a score) for each of the answers called `names`, None where nothing is said
    of it. `models`: whose they are; `scale` "in-order": numbers name the answers, best first. RowRefused for
    what is not understood."""
    if judging.is_unsaid(value):
        return [None] * len(names)
    value = turns.from_json(value, column)
    index = naming.named(names, list(range(len(names))))
    for at, model in enumerate(models):
        if isinstance(model, str) and list(models).count(model) == 1:
            index.setdefault(model.casefold(), at)
    if isinstance(value, str):
        value = _of_text(value, index, column, ranked=ranked)
    if isinstance(value, dict):
        return _of_object(value, index, len(names), column)
    if not isinstance(value, list):
        raise _refused(value, column, ranked=ranked)
    if ranked and (scale == IN_ORDER or _names_answers(value, index)):
        return _of_order(value, index, len(names), column)
    if len(value) != len(names):
        raise RowRefused(column, "length", _("There must be one entry for each answer."))
    if any(isinstance(one, (list, dict)) for one in value):
        raise _refused(value, column, ranked=ranked)
    return [judging.number(one, column) for one in value]


def _of_text(text: str, index: dict, column: str, *, ranked: bool):
    """The text as a list: of names in groups, of names, or of numbers."""
    word = text.strip()
    if ranked and any(sign.search(word) for sign in (naming.BETTER, naming.WORSE, naming.EQUAL)):
        found = naming.groups(word, index)
        if found is not None and not any(at is None for group in found for at in group):
            return found
        raise _refused(text, column, ranked=ranked)
    parts = _BETWEEN.split(word)
    if len(parts) > 1 and all(_FIGURE.fullmatch(part) or judging.is_unsaid(part) for part in parts):
        return parts
    if ranked and len(parts) > 1 and all(naming.find(part, index) is not None for part in parts):
        return parts
    if (
        ranked
        and word.isalpha()
        and 1 < len(word) == len(set(index.values()))
        and all(naming.find(letter, index) is not None for letter in word)
    ):
        return list(word)
    raise _refused(text, column, ranked=ranked)


def _names_answers(value: list, index: dict) -> bool:
    """Whether a list holds the answers themselves, alone or in groups, and not a number for each."""
    if any(isinstance(one, list) for one in value):
        return True
    return all(
        isinstance(one, str) and not _FIGURE.fullmatch(one.strip()) and naming.find(one, index) is not None
        for one in value
    ) and bool(value)


def _of_order(value: list, index: dict, many: int, column: str) -> list[float | None]:
    flat = [name for one in value for name in (one if isinstance(one, list) else [one])]
    whole = [int(name) if isinstance(name, float) and name.is_integer() else name for name in flat]
    # among numbers that name answers
    from_zero = "0" not in index and any(str(name) == "0" for name in whole)
    out: list[float | None] = [None] * many
    for rank, one in enumerate(value, 1):
        for name in one if isinstance(one, list) else [one]:
            at = _answer(name, index, from_zero=from_zero)
            if at is None or out[at] is not None:
                raise _refused(value, column, ranked=True)
            out[at] = rank
    return out


def _answer(name, index: dict, *, from_zero: bool) -> int | None:
    if isinstance(name, float) and name.is_integer():
        name = int(name)
    if isinstance(name, bool) or not isinstance(name, (str, int)):
        return None
    name = str(name)
    if from_zero and name.strip().isdigit():
        name = str(int(name) + 1)
    return naming.find(name, index)


def _of_object(value: dict, index: dict, many: int, column: str) -> list[float | None]:
    out: list[float | None] = [None] * many
    said = set()
    for name, one in value.items():
        at = naming.find(str(name), index)
        if at is None or at in said:
            raise RowRefused(
                column,
                "order",
                _("There is no answer %(name)s here, or it is named twice.") % {"name": str(name)[:40]},
            )
        said.add(at)
        if isinstance(one, (list, dict)):
            raise RowRefused(
                column,
                "number",
                _("A number is needed here, not %(value)s.") % {"value": turns.type_name(one)},
            )
        out[at] = judging.number(one, column)
    return out


def _refused(value, column: str, *, ranked: bool) -> RowRefused:
    shown = {"value": str(value)[:40]}
    if ranked:
        reason = (
            _(
                "These ranks are not understood: %(value)s. Give a number for each answer, or the "
                "answers from the best on (2>1>3)."
            )
            % shown
        )
    else:
        reason = _("These scores are not understood: %(value)s. Give a number for each answer.") % shown
    return RowRefused(column, "order", reason)
