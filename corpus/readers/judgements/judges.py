"""Which columns hold somebody's judgement, by what stands in them: names alone would take a count or a remark
for one."""

import re

from corpus.readers import turns
from corpus.readers.aliases import KNOWN
from corpus.readers.errors import RowRefused
from corpus.readers.fields import ABOUT, ALIASES, Columns, is_judge, normal, resolve
from corpus.readers.judgements import deciding, judging, orders, verdict

SENTENCE = re.compile(r"[。！？；，：]|[.!?;,]\s")
_FIGURE = re.compile(r"[+-]?\d+(\.\d+)?")


def found(rows: list[dict], given: dict[str, str], join: str | None) -> dict[str, str]:
    """What `rows` add to a mapping `given` by hand: columns named after a person; the column in which a
    letter says which answer was chosen; one whose signed numbers say how strongly; and ("" for a column)
    what is named like a judgement and is none."""
    out: dict[str, str] = {}
    for look in (_chosen_by_name, _label_by_name, _one_hot, _signed, _named, _remarks, _of_all):
        columns = _columns(rows, given | out, join)
        if columns is None:
            return out
        out |= look(rows, given, columns)
    return out


def _columns(rows: list[dict], given: dict[str, str], join: str | None) -> Columns | None:
    every = tuple(dict.fromkeys(column for row in rows for column in row))
    for names in (every, tuple(rows[0])):  # rows that spell a column in two ways have no common meaning
        try:
            return resolve(names, tuple(given.items()), join)
        except RowRefused:
            continue
    return None


def _said(rows: list[dict], column: str) -> list:
    """The cells of a column that say something."""
    return [v for v in (row.get(column) for row in rows) if not judging.is_unsaid(v)]


def _numbers(values: list) -> bool:
    return bool(values) and all(deciding.whole(v) is not None for v in values)


def _how_many(rows: list[dict], columns: Columns) -> int:
    """How many answers a row has at most."""
    return max(deciding.how_many(row, columns) for row in rows)


def _chosen_by_name(rows: list[dict], given: dict, columns: Columns) -> dict[str, str]:
    """Beside two or more answers in columns of their own, "chosen": "B" says which. (What its numbers count
    from is decided for the whole column.)"""
    if len(columns.answers) < 2 or "chosen" in given or "winner" in given or "chosen" not in columns.of:
        return {}
    names = [suffix for suffix, _column in columns.answers]
    out = {}
    for ours in ("chosen", "rejected"):
        values = _said(rows, columns.of.get(ours, ""))
        if values and all(_is_name(v, names) for v in values):
            out |= {ours: ""} | ({"winner": columns.of[ours]} if ours == "chosen" else {})
    return out if "winner" in out else {}


def _label_by_name(rows: list[dict], given: dict, columns: Columns) -> dict[str, str]:
    """Beside a conversation that asks and a list of answers to it, "label": "A" says which."""
    of = columns.of
    if (
        "winner" in given
        or not {"label", "messages", "answers"} <= of.keys()
        or not of.keys().isdisjoint(("answer", "chosen"))
    ):
        return {}
    if any(turns.last_role(value) == "assistant" for value in _said(rows, of["messages"])):
        return {}
    values, many = _said(rows, of["label"]), _how_many(rows, columns)
    names = [str(i + 1) for i in range(many)]
    return (
        {"label": "", "winner": of["label"]}
        if many > 1 and values and all(_is_name(v, names) for v in values)
        else {}
    )


def _one_hot(rows: list[dict], given: dict, columns: Columns) -> dict[str, str]:
    """winner_a, winner_b (or winner_model_a …) with 1 and 0 in them, and perhaps winner_tie: a score of each
    answer, equal where neither won. Other numbers in such columns are switched off, unless all of them
    number answers, and not only the first."""
    named = [
        pair
        for pair in columns.judges
        if pair[0] and pair[1] not in given.values() and normal(pair[1]).startswith("winner")
    ]
    by_name = {name.casefold(): (name, column) for name, column in named}
    won = {
        suffix: by_name.get(suffix) or by_name.get(f"model_{suffix}") for suffix, _column in columns.answers
    }
    if len(won) < 2 or not all(won.values()):
        return {}
    parts = [pair for pair in (*won.values(), by_name.get("tie")) if pair]
    off = {f"annotator_{name}": "" for name, _column in parts}
    beside = [[row.get(column) for _name, column in parts] for row in rows]
    cells = [
        ["" if judging.is_unsaid(v) else str(v).strip().removesuffix(".0") for v in values]
        for values in beside
    ]
    if all(set(one) <= {"0", "1"} and one.count("1") <= 1 for one in cells if any(one)):
        if any(given.get(ours) for ours in ("scores", *(f"score_{suffix}" for suffix in won))):
            return off
        return {f"score_{suffix}": pair[1] for suffix, pair in won.items() if pair} | off
    numbers = {cell for one in cells for cell in one if _FIGURE.fullmatch(cell)}
    return off if numbers == {"1"} or not numbers <= {str(i + 1) for i in range(len(won))} else {}


def _is_name(value, names: list[str]) -> bool:
    """Whether a cell names an answer, as its column ends or by a number from 0 or 1."""
    number = deciding.whole(value)
    if number is not None:
        return 0 <= number <= len(names) or str(number) in names
    try:
        texts = [str(i) for i in range(len(names))]
        return (
            len(str(value)) <= 20
            and verdict.verdict(value, names, list(range(len(names))), texts, "") is not None
        )
    except RowRefused:
        return False


def _signed(rows: list[dict], given: dict, columns: Columns) -> dict[str, str]:
    """The column in which HelpSteer says which of two is better says how strongly, too, in numbers of both
    signs."""
    if len(columns.answers) != 2 or "strength" in given or "strength" in columns.of:
        return {}
    for name, column in columns.judges:
        values = _said(rows, column)
        if name or column in given.values() or normal(column) != "overall_preference":
            continue
        if _numbers(values) and any(float(v) < 0 for v in values) and all(abs(float(v)) <= 3 for v in values):
            return {"strength": column}
    return {}


def _of_all(rows: list[dict], given: dict, columns: Columns) -> dict[str, str]:
    """The column of ranks, and of scores, that says something of each answer; "" where those so called say
    one thing of the row (rank: 7)."""
    names = [suffix for suffix, _column in columns.answers] or [
        str(i + 1) for i in range(_how_many(rows, columns))
    ]
    if len(names) < 2:
        return {}
    out: dict[str, str] = {}
    for ours in ("ranks", "scores"):
        if ours in given or ours not in columns.of or columns.numbered.get(ours[:-1]):
            continue
        spelt = {normal(column): column for row in rows for column in row}
        found = [
            spelt[name]
            for name in ALIASES[ours]
            if name in spelt and spelt[name] not in given.values() and _said(rows, spelt[name])
        ]
        told = [
            column
            for column in found
            if any(orders.looks_like_one(v, names, ranked=ours == "ranks") for v in _said(rows, column))
        ]
        if found and told[:1] != [columns.of[ours]]:
            out[ours] = told[0] if told else ""
    return out


def _named(rows: list[dict], given: dict, columns: Columns) -> dict[str, str]:
    """Columns named after a person beside two answers, recognised by what stands in them (A, B, tie; two or
    more such columns may hold only 1 and 2)."""
    worded, numbered = {}, {}
    for column in columns.rest if len(columns.answers) == 2 else ():
        name = column.strip()
        # switched off, or something else
        if (
            f"annotator_{name}" in given
            or is_judge(column)
            or name.casefold() in ABOUT
            or normal(name) in KNOWN
        ):
            continue
        values = _said(rows, column)
        plain = [not isinstance(v, bool) and str(v).strip().removesuffix(".0") in ("1", "2") for v in values]
        if values and all(p or verdict.is_verdict(v) for p, v in zip(plain, values, strict=True)):
            (numbered if all(plain) else worded)[f"annotator_{name}"] = column
    return worded | (numbered if len(numbered) > 1 else {})


def _remarks(rows: list[dict], given: dict, columns: Columns) -> dict[str, str]:
    """{"annotator_NAME": ""} for columns that are named like a judgement and hold sentences, or numbers
    beside chosen and rejected."""
    pair = {"chosen", "rejected"} <= columns.of.keys()
    out = {}
    for name, column in columns.judges:
        if not name or column in given.values():
            continue
        values = _said(rows, column)
        told = [
            v
            for v in values
            if isinstance(v, str)
            and v.lstrip()[:1] != "["
            and (len(v) > 40 or (len(v) > 12 and SENTENCE.search(v)))
        ]
        sentences = len(told) * 2 > len(values) and not any(verdict.is_verdict(v) for v in values)
        if sentences or (pair and _numbers(values)):
            out[f"annotator_{name}"] = ""
    return out
