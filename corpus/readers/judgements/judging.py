"""Judgements as they stand in files (labels, ranks, scores, "A>B") → annotation documents over answer indexes."""

import math
import re

from django.utils.translation import gettext as _

from corpus.canonical import same_text
from corpus.readers.errors import RowRefused
from corpus.readers.turns import type_name

_GOOD = {
    "true", "1", "1.0", "+1", "yes", "y", "good", "like", "liked", "up", "thumbs_up", "thumbsup", "thumb_up", "positive", "desirable", "chosen", "accept",
    "accepted", "赞", "点赞", "好", "是", "对", "真", "喜欢", "满意", "有用", "合格", "👍",
}  # fmt: skip
_BAD = {
    "false", "0", "0.0", "-1", "no", "n", "bad", "dislike", "disliked", "down", "thumbs_down", "thumbsdown", "thumb_down", "negative", "undesirable",
    "rejected", "reject", "踩", "点踩", "差", "坏", "否", "错", "假", "不喜欢", "不满意", "没用", "无用", "不合格", "👎",
}  # fmt: skip
_TIE = {
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
    "c",
}
_TIE_GOOD = {"both good", "both_good", "tie (bothgood)", "bothgood", "都好"}
_TIE_BAD = {"tie (bothbad)", "both bad", "both_bad", "bothbad", "都差", "都不好", "neither"}
_UNSAID = {"", "nan", "none", "null", "n/a", "na", "-", "—", "/", "skip", "skipped", "未标", "未标注", "跳过"}
_WORDS = re.compile(r"(?:answer|response|output|model|option|assistant|reply|回答|答案|选项|模型|human_ref)[_ ]?")
_WHOLE = re.compile(r"(\d+)\.0")  # as data frames write whole numbers beside empty cells


def label(value, column: str) -> bool:
    """Good (True) or bad (False) from true/false, 1/0, -1, their texts in any case, yes/no, 赞/踩 … RowRefused for anything else:
    "False" is false, and an empty label is no label."""
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
    raise RowRefused(column, "label", _("The label must be true or false (or 1/0, yes/no, 赞/踩), not %(value)s.") % {"value": shown or '""'})


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
    raise RowRefused(column, "number", _("A number is needed here, not %(value)s.") % {"value": str(value)[:40]})


def ranking_by(numbers: list[float | None], texts: list[str], column: str, *, low_is_best: bool) -> dict | None:
    """The document of a ranking: equal numbers tie, None is unranked; None when fewer than two are ranked. RowRefused where equal texts
    stand at different places."""
    if len(numbers) - numbers.count(None) < 2:
        return None
    places = sorted({n for n in numbers if n is not None}, reverse=not low_is_best)
    groups = [[i for i, n in enumerate(numbers) if n == place] for place in places]
    return checked(groups, texts, column)


def by_strength(value, texts: list[str], column: str) -> dict | None:
    """The document over two answers for one signed number: -3 the first much better … 0 equal … 3 the second much better; None for an empty
    one. (HelpSteer2-Preference, arXiv 2410.01257.)"""
    sign = number(value, column)
    if sign is None:
        return None
    if sign not in (-3, -2, -1, 0, 1, 2, 3):
        raise RowRefused(column, "number", _("A whole number from -3 to 3 is needed here, not %(value)s.") % {"value": str(value)[:40]})
    document = checked([[0, 1]] if sign == 0 else [[0], [1]] if sign < 0 else [[1], [0]], texts, column)
    return document if sign == 0 or document is None else document | {"strength": [int(abs(sign))]}


def checked(groups: list[list[int]], texts: list[str], column: str) -> dict | None:
    if sum(len(g) for g in groups) < 2:
        return None
    place = {i: g for g, group in enumerate(groups) for i in group}
    for i in place:
        for j in place:
            if i < j and place[i] != place[j] and same_text(texts[i], texts[j]):
                raise RowRefused(
                    column, "same_answers", _("Answers %(a)d and %(b)d are the same text, but one is ranked above the other.") % {"a": i + 1, "b": j + 1}
                )
    return {"ranking": groups}


def is_unsaid(value) -> bool:
    """Whether a cell of an annotator's column says nothing."""
    return value is None or (isinstance(value, str) and value.strip().casefold() in _UNSAID)


def _named(names: list[str], places: list[int | None], *, from_zero: bool) -> dict[str, int | None]:
    """{how an answer may be called: where it stands}: as its column ends; where columns end with numbers also by letter, and the reverse; where
    with neither, by letter and number in their order. `from_zero`: numbers count from 0; letters go by the columns."""
    index = {name.casefold(): place for name, place in zip(names, places, strict=True)}
    first = 0 if from_zero or "0" in index else 1
    if all(name.isdigit() for name in index):
        lowest = 0 if "0" in index else 1
        more = {"abcdefghij"[int(name) - lowest]: place for name, place in index.items() if 0 <= int(name) - lowest < 10}
        if from_zero and "0" not in index:
            index = {str(int(name) - 1): place for name, place in index.items()}
    elif all(len(name) == 1 and "a" <= name <= "j" for name in index):
        more = {str("abcdefghij".index(name) + first): place for name, place in index.items()}
    else:
        more = {key: place for i, (letter, place) in enumerate(zip("abcdefghij", places, strict=False)) for key in (letter, str(i + first))}
    return more | index


def verdict(value, names: list[str], places: list[int | None], texts: list[str], column: str, *, from_zero: bool = False, models=()) -> dict | None:
    """The document for one cell of an annotator's column: an answer's name, "tie", "A>B=C"; None when the cell is empty. `names`: how the answer
    columns end ("a", "b" or "1", "2"); `places`: where each stands in `texts`, None for an answer that is missing; `models`: whose texts they are.
    `from_zero`: bare numbers in this column count from 0. RowRefused for a value that names no answer."""
    if isinstance(value, list):  # a rank for each answer
        if len(value) != len(names):
            raise RowRefused(column, "length", _("There must be one entry for each answer."))
        ranks: list[float | None] = [None] * len(texts)
        for one, place in zip(value, places, strict=True):
            if place is not None:
                ranks[place] = number(one, column)
        return ranking_by(ranks, texts, column, low_is_best=True)
    if isinstance(value, (bool, dict)):
        raise RowRefused(column, "verdict", _("This judgement is not understood: %(value)s") % {"value": str(value)[:40]})
    if is_unsaid(value):
        return None
    word = _WHOLE.sub(r"\1", str(value).strip().casefold())
    index = _named(names, places, from_zero=from_zero)
    called = [m.casefold() if m else "" for m in models]
    for place, model in enumerate(called):
        if model and called.count(model) == 1:
            index.setdefault(model, place)
    everything = list(range(len(texts)))
    if word in _TIE and word not in index:
        return checked([everything], texts, column)
    if word in _TIE_GOOD:
        return {"ranking": [everything], "acceptable": 1}
    if word in _TIE_BAD:
        return {"ranking": [everything], "acceptable": 0}
    groups, seen = [], set()
    for part in re.split(r"[>＞≻]+", word):
        group = []
        for name in re.split(r"[=＝~]+", part):
            name = name.strip()
            at = index[name] if name in index else index.get(_WORDS.sub("", name, count=1).strip())
            if at is None or at in seen:
                raise RowRefused(column, "verdict", _("This judgement is not understood: %(value)s") % {"value": str(value)[:40]})
            seen.add(at)
            group.append(at)
        groups.append(group)
    if len(seen) == 1 and len(texts) == 2:
        groups.append([i for i in everything if i not in seen])
    elif len(seen) == 1:
        doc = {"ranking": groups, "rest": "worse"}
        winner = groups[0][0]
        if any(i != winner and same_text(texts[i], texts[winner]) for i in everything):
            raise RowRefused(column, "same_answers", _("Two answers are the same text, but one is ranked above the other."))
        return doc
    return checked(groups, texts, column)


def is_verdict(value) -> bool:
    """Whether a cell looks like a judgement over answers A and B by its letters or words (bare numbers do not)."""
    if not isinstance(value, str) or value.strip().isdigit():
        return False
    try:
        return verdict(value, ["a", "b"], [0, 1], ["x", "y"], "") is not None
    except RowRefused:
        return False
