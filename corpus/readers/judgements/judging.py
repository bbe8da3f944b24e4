"""Judgements as they stand in files (labels, ranks, scores, "A>B") → annotation documents over answer
indexes.

What one cell says is read in verdict.py (which answer wins) and orders.py (ranks or scores of all
answers)."""

import math

from django.utils.translation import gettext as _

from corpus.canonical import same_text
from corpus.readers.errors import RowRefused
from corpus.readers.judgements import scales
from corpus.readers.turns import type_name

_GOOD = {
    "true",
    "1",
    "1.0",
    "+1",
    "yes",
    "y",
    "good",
    "like",
    "liked",
    "up",
    "thumbs_up",
    "thumbsup",
    "thumb_up",
    "positive",
    "desirable",
    "chosen",
    "accept",
    "accepted",
    "赞",
    "点赞",
    "好",
    "是",
    "对",
    "真",
    "喜欢",
    "满意",
    "有用",
    "合格",
    "👍",
}
_BAD = {
    "false",
    "0",
    "0.0",
    "-1",
    "no",
    "n",
    "bad",
    "dislike",
    "disliked",
    "down",
    "thumbs_down",
    "thumbsdown",
    "thumb_down",
    "negative",
    "undesirable",
    "rejected",
    "reject",
    "踩",
    "点踩",
    "差",
    "坏",
    "否",
    "错",
    "假",
    "不喜欢",
    "不满意",
    "没用",
    "无用",
    "不合格",
    "👎",
}
TIE = {
    "tie",
    "ties",
    "tied",
    "=",
    "==",
    "equal",
    "same",
    "draw",
    "both",
    "neutral",
    "平",
    "平局",
    "平手",
    "一样",
    "相同",
    "相等",
    "持平",
    "差不多",
    "都一样",
    "打平",
    "无差别",
    "no preference",
    "c",
}
TIE_GOOD = {
    "both good",
    "both_good",
    "tie (bothgood)",
    "bothgood",
    "both are good",
    "都好",
    "两个都好",
    "都行",
}
TIE_BAD = {
    "tie (bothbad)",
    "both bad",
    "both_bad",
    "bothbad",
    "both are bad",
    "都差",
    "都不好",
    "两个都差",
    "两个都不好",
    "neither",
}
_UNSAID = {"", "nan", "none", "null", "n/a", "na", "-", "—", "/", "skip", "skipped", "未标", "未标注", "跳过"}


def label(value, column: str) -> bool:
    """Good (True) or bad (False) from true/false, 1/0, -1, their texts in any case, yes/no, 赞/踩 …
    RowRefused for anything else: "False" is false, and an empty label is no label."""
    if isinstance(value, bool):
        return value
    if isinstance(value, (int, float)) and value in (0, 1, -1):
        return value == 1
    if isinstance(value, str):
        word = value.strip().casefold()
        if word in _GOOD:
            return True
        if word in _BAD:
            return False
    shown = type_name(value) if value is None or isinstance(value, (list, dict)) else str(value)[:40]
    raise RowRefused(
        column,
        "label",
        _("The label must be true or false (or 1/0, yes/no, 赞/踩), not %(value)s.")
        % {"value": shown or '""'},
    )


def is_label(value) -> bool:
    try:
        label(value, "")
    except RowRefused:
        return False
    return True


def number(value, column: str) -> float | None:
    """A rank or score: a number or its text; None where nothing is said (null or empty)."""
    if value is None or (isinstance(value, str) and value.strip().casefold() in _UNSAID):
        return None
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return value
    if isinstance(value, str):
        try:
            made = float(value.strip())
        except ValueError:
            made = math.nan
        if math.isfinite(made) and "_" not in value:
            return made
    raise RowRefused(
        column, "number", _("A number is needed here, not %(value)s.") % {"value": str(value)[:40]}
    )


def ranking_by(
    numbers: list[float | None], texts: list[str], column: str, *, low_is_best: bool
) -> dict | None:
    """The document of a ranking: equal numbers tie, None is unranked; None when fewer than two are ranked.
    RowRefused where equal texts stand at different places."""
    if len(numbers) - numbers.count(None) < 2:
        return None
    places = sorted({n for n in numbers if n is not None}, reverse=not low_is_best)
    groups = [[i for i, n in enumerate(numbers) if n == place] for place in places]
    return checked(groups, texts, column)


def by_strength(value, texts: list[str], column: str, scale: str = "minus-first") -> dict | None:
    """The document over two answers for one number that says which is better and how much, on a `scale` of
    scales.amount; None for an empty one. (HelpSteer2-Preference, arXiv 2410.01257: -3 the first much
    better … 0 equal … 3 the second much better.)"""
    given = number(value, column)
    if given is None:
        return None
    far = scales.amount(given, scale)
    if far is None:
        least, most = sorted(scales.steps(scale) or (-3, 3))
        shown = {"least": least, "most": most, "value": str(value)[:40]}
        raise RowRefused(
            column,
            "number",
            _("A whole number from %(least)d to %(most)d is needed here, not %(value)s.") % shown,
        )
    document = checked([[0, 1]] if far == 0 else [[0], [1]] if far < 0 else [[1], [0]], texts, column)
    return document if far == 0 or document is None else document | {"strength": [min(3, int(abs(far)))]}


def checked(groups: list[list[int]], texts: list[str], column: str) -> dict | None:
    if sum(len(g) for g in groups) < 2:
        return None
    place = {i: g for g, group in enumerate(groups) for i in group}
    for i in place:
        for j in place:
            if i < j and place[i] != place[j] and same_text(texts[i], texts[j]):
                raise RowRefused(
                    column,
                    "same_answers",
                    _("Answers %(a)d and %(b)d are the same text, but one is ranked above the other.")
                    % {"a": i + 1, "b": j + 1},
                )
    return {"ranking": groups}


def is_unsaid(value) -> bool:
    """Whether a cell of an annotator's column says nothing."""
    return value is None or (isinstance(value, str) and value.strip().casefold() in _UNSAID)


def is_tie(value) -> bool:
    """Whether a cell says in words that no answer is better."""
    return isinstance(value, str) and value.strip().casefold() in TIE | TIE_GOOD | TIE_BAD
