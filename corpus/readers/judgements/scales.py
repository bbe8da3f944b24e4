"""What the numbers of a column of judgements stand for: one vocabulary for command line, API and page.

A mapping may name the scale behind the column, `winner=label:0-first`. A column has one scale,
whatever the row.

  which answer wins (winner, annotator_NAME; strength has the last three)
    0-first      numbers count the answers from 0; the number after the last is a tie
    1-first      1 says that the first of two is better, 0 that the second is; or the numbers count from 1
    0-tie        numbers count from 1, and 0 is a tie (3-tie: 3 is, and so on)
    minus-first  below 0 the first of two is better, above 0 the second; the further, the more
    plus-first   the other way round
    1-to-5       from 1, the first of two is much better, to 5, the second is; the middle is a tie
                 (also 5-to-1, 0-to-4 …)
  ranks and scores (ranks, rank_N, scores, score_N, and answers that carry scores)
    low-best, high-best
    in-order     (ranks) the answers themselves, best first"""

import re

from django.utils.translation import gettext as _

from corpus.readers import fields
from corpus.records import FileRefused

NAMING = ("0-first", "1-first", "0-tie")
SIGNED = ("minus-first", "plus-first")
STEPS = ("1-to-3", "3-to-1", "1-to-5", "5-to-1")
SIZES = ("low-best", "high-best")
IN_ORDER = "in-order"
TIE = -1  # where an answer's place would stand
_TIE_AT, _STEPS = re.compile(r"(\d{1,2})-tie"), re.compile(r"(\d)-to-(\d)")


def kind_of(ours: str) -> str:
    """What a scale of our field says: "which" answer wins, by how much ("strength"), the "ranks" or the
    "scores" of answers; "" for a field without scales."""
    key = fields.normal(ours)
    if key == "strength":
        return key
    if key == "winner" or fields.is_annotator(ours):
        return "which"
    if key == "ranks" or re.fullmatch(r"rank_.+", key):
        return "ranks"
    return "scores" if key in ("scores", "answers") or re.fullmatch(r"score_.+", key) else ""


def offered(ours: str) -> tuple[str, ...]:
    """The scales to choose from for our field."""
    kind = kind_of(ours)
    known = {
        "which": (*NAMING, *SIGNED, *STEPS),
        "strength": (*SIGNED, *STEPS),
        "ranks": (*SIZES, IN_ORDER),
        "scores": SIZES,
    }
    return known.get(kind, ())


def is_scale(name: str, ours: str) -> bool:
    """Whether our field may have the scale `name`."""
    kind = kind_of(ours)
    if name in offered(ours) or (kind in ("which", "strength") and steps(name)):
        return True
    return kind == "which" and tie_at(name) is not None


def steps(scale: str) -> tuple[int, int] | None:
    """(from, to) of a scale such as 1-to-5; None for any other. Both ends are apart by an even number: there
    is a middle."""
    found = _STEPS.fullmatch(scale)
    ends = (int(found[1]), int(found[2])) if found else (0, 0)
    return ends if ends[0] != ends[1] and (ends[0] - ends[1]) % 2 == 0 else None


def tie_at(scale: str) -> int | None:
    """The number that is a tie in a scale such as 0-tie."""
    found = _TIE_AT.fullmatch(scale)
    return int(found[1]) if found else None


def place(number: int, scale: str, many: int) -> int | None:
    """Which of `many` answers the number names (0 the first), TIE, or None where it says nothing; `scale` ""
    counts from 1."""
    if scale == "0-first":
        return number if 0 <= number < many else TIE if number == many else None
    if scale == "1-first":
        return 1 - number if number in (0, 1) and many == 2 else None
    if number == tie_at(scale):
        return TIE
    return number - 1 if 1 <= number <= many else None


def amount(number: float, scale: str) -> float | None:
    """How far a number of minus-first, plus-first or 1-to-5 lies from the middle: below 0 on the side of the
    first answer. None for a number outside of the scale, and for other scales."""
    ends = steps(scale)
    if ends is None:
        sign = {"minus-first": 1, "plus-first": -1}.get(scale)
        return sign * number if sign and -3 <= number <= 3 and number == int(number) else None
    if not min(ends) <= number <= max(ends) or number != int(number):
        return None
    return (number - (ends[0] + ends[1]) / 2) * (1 if ends[1] > ends[0] else -1)


def is_amount(scale: str) -> bool:
    """Whether numbers of this scale say how much better one of two answers is."""
    return scale in SIGNED or steps(scale) is not None


def told(scale: str, names: list[str], numbers=()) -> str:
    """The scale in words, where the answers of a row are called `names`; of its numbers those in `numbers`,
    if any are given."""
    if scale in SIZES:
        return (
            _("the smallest number is the best")
            if scale == "low-best"
            else _("the largest number is the best")
        )
    if scale == IN_ORDER:
        return _("the answers themselves, best first")
    if scale in SIGNED:
        first, second = names[:2] if scale == "minus-first" else names[1::-1]
        return _("below 0 = %(a)s wins, 0 = tie, above 0 = %(b)s wins") % {"a": first, "b": second}
    if ends := steps(scale):
        low, high = names[:2] if ends[0] < ends[1] else names[1::-1]
        given = {"low": min(ends), "a": low, "middle": sum(ends) // 2, "high": max(ends), "b": high}
        return _("%(low)d = %(a)s is much better, %(middle)d = tie, %(high)d = %(b)s is much better") % given
    parts = []
    for number in sorted(numbers) or range(max(len(names), tie_at(scale) or 0) + 1):
        at = place(number, scale, len(names))
        if at is not None:
            tie = at == TIE
            parts.append(
                _("%(number)d = tie") % {"number": number}
                if tie
                else _("%(number)d = %(answer)s wins") % {"number": number, "answer": names[at]}
            )
    return ", ".join(parts)


def names_of(mapping: dict[str, str], many: int) -> list[str]:
    """How the `many` answers of a row are called in sentences: by their columns, where `mapping` has so many,
    else by number."""
    columns = fields.answer_columns(mapping)
    return (
        [column for _suffix, column in columns]
        if len(columns) == many
        else [_("answer %(n)d") % {"n": i} for i in range(1, many + 1)]
    )


def split(mapping: dict[str, str], columns) -> tuple[dict[str, str], dict[str, str]]:
    """({our field: column}, {column: scale}) of a mapping whose columns may have a scale behind them.
    FileRefused for a scale that the field does not have."""
    plain, found = {}, {}
    for ours, given in mapping.items():
        column, colon, scale = given.rpartition(":")
        if given in columns or not colon or column not in columns or not kind_of(ours):
            plain[ours] = given
            continue
        if not is_scale(scale, ours):
            names = ", ".join(offered(ours))
            raise FileRefused(
                "mapping",
                _("There is no scale %(name)s for %(field)s. Scales: %(names)s")
                % {"name": scale[:60], "field": ours, "names": names},
            )
        plain[ours] = column
        found[column] = scale
    return plain, found


def without(mapping: dict[str, str]) -> dict[str, str]:
    """The mapping without its scales, before the columns of the file are known."""
    out = {}
    for ours, given in mapping.items():
        column, _colon, scale = given.rpartition(":")
        out[ours] = column if column and is_scale(scale, ours) else given
    return out
