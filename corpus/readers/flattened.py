"""Judgements in the flattened exports of Argilla and Label Studio, beside several answers: understood, or
refused by the name of the column. (What else such a file says is kept as notes, which the report names.)"""

from django.utils.translation import gettext as _

from corpus.readers import turns
from corpus.readers.errors import RowRefused
from corpus.readers.fields import normal
from corpus.readers.judgements import judging, verdict
from corpus.readers.rows import Row, as_id
from corpus.records import JudgementIn

_LABEL_STUDIO = {"annotation_id", "lead_time"}
_SIDES = {"left": 0, "right": 1}


def judgements(
    row: Row, names: list[str], places: list[int | None], texts: list[str], columns: list[str]
) -> list[JudgementIn]:
    """What people say of the answers that `columns` hold. `names`, `places`, `texts`: see rows.verdicts.
    RowRefused for a ranking that names other answers."""
    out: list[JudgementIn] = []
    if len(texts) < 2:
        return out
    at = {normal(column): place for column, place in zip(columns, places, strict=True)}
    at |= {name.casefold(): place for name, place in zip(names, places, strict=True)}
    for column in row.data:
        for who, value in _said(row, column):
            document = _document(value, at, names, places, texts, column)
            if document is not None:
                row.used.add(column)
                out.append(JudgementIn(document, who))
    if row.data.keys() >= _LABEL_STUDIO:
        out += _label_studio(row, places, texts)
    return out


def is_of_people(value) -> bool:
    """Whether a cell holds one entry a person: [{"user_id", "value", "status"}]."""
    return (
        isinstance(value, list)
        and bool(value)
        and all(
            isinstance(one, dict) and "value" in one and {"user_id", "status"} & one.keys() for one in value
        )
    )


def is_of_a_ranker(row: Row, value) -> bool:
    """Whether a cell of a row that Label Studio wrote holds what its Ranker says: [{"ranker": {…}}]."""
    one = value[0] if isinstance(value, list) and len(value) == 1 else None
    return (
        row.data.keys() >= _LABEL_STUDIO and isinstance(one, dict) and bool({"ranker", "rank"} & one.keys())
    )


def _said(row: Row, column: str) -> list[tuple[str, object]]:
    """(who, what) of the answers to one question that were submitted."""
    if column.endswith(".responses") and ({f"{column}.users", f"{column}.status"} & row.data.keys()):
        values, users, states = (
            listed(row, name) for name in (column, f"{column}.users", f"{column}.status")
        )
        row.used.update(name for name in (f"{column}.users", f"{column}.status") if name in row.data)
        people = [
            (str(users[i]) if i < len(users) else "", states[i] if i < len(states) else "submitted", value)
            for i, value in enumerate(values)
        ]
    elif is_of_people(value := listed(row, column)):
        people = [
            (str(one.get("user_id") or ""), one.get("status") or "submitted", one["value"]) for one in value
        ]
    else:
        return []
    return [
        (as_id(who, column), value)
        for who, state, value in people
        if state == "submitted" and value is not None
    ]


def listed(row: Row, column: str) -> list:
    """The list that a cell holds, as JSON or as it is; empty for anything else."""
    value = row.data.get(column)
    if isinstance(value, str) and value[:1] != "[":
        return []
    try:
        value = turns.from_json(value, column)
    except RowRefused:
        return []
    return value if isinstance(value, list) else []


def _document(value, at: dict, names: list[str], places: list, texts: list[str], column: str) -> dict | None:
    """The document of a ranking or of an answer's name; None for what is neither."""
    if isinstance(value, dict) and set(value) == {"rank", "value"} and isinstance(value["rank"], list):
        # as Parquet turns it
        value = [
            {"rank": rank, "value": name} for rank, name in zip(value["rank"], value["value"], strict=False)
        ]
    if (
        isinstance(value, list)
        and value
        and all(isinstance(one, dict) and {"rank", "value"} <= one.keys() for one in value)
    ):
        ranks: list[float | None] = [None] * len(texts)
        for one in value:
            name = normal(str(one["value"]))
            if name not in at:
                raise RowRefused(
                    column,
                    "verdict",
                    _("This judgement is not understood: %(value)s") % {"value": str(one["value"])[:40]},
                )
            place = at[name]
            if place is not None:
                ranks[place] = judging.number(one["rank"], column)
        return judging.ranking_by(ranks, texts, column, low_is_best=True)
    if isinstance(value, str) and (normal(value) in at or verdict.is_verdict(value)):
        return verdict.verdict(normal(value) if normal(value) in at else value, names, places, texts, column)
    return None


def _label_studio(row: Row, places: list, texts: list[str]) -> list[JudgementIn]:
    """Sides that were selected; rankings of its Ranker name no answers of the row, and are refused."""
    out = []
    for column in row.data:
        many = listed(row, column)
        one = many[0] if len(many) == 1 else row.data[column]
        if is_of_a_ranker(row, [one]):
            raise RowRefused(
                column,
                "verdict",
                _(
                    "A ranking of Label Studio's Ranker does not name the row's answers: give it as a "
                    "column with their ranks."
                ),
            )
        side = one.get("selected") if isinstance(one, dict) else one
        if column in row.used or not isinstance(side, str) or side not in _SIDES:
            continue
        if len(places) != 2 or None in places:
            raise RowRefused(
                column, "verdict", _("This judgement is not understood: %(value)s") % {"value": side}
            )
        row.used.add(column)
        best = _SIDES[side]
        document = judging.checked([[places[best]], [places[1 - best]]], texts, column)
        if document:
            out.append(JudgementIn(document, as_id(row.get("annotator"), row.name("annotator"))))
    return out
