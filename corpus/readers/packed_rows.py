"""Rows that pack what is a row elsewhere: seed tasks with their instances, LLaMA-Factory's older pairs in
`output`."""

from dataclasses import replace

from django.utils.translation import gettext as _

from corpus.readers import turns
from corpus.readers.errors import RowRefused
from corpus.readers.fields import Columns, normal
from corpus.readers.rows import Row

_OF_INSTANCE = {"input", "output"}


def has_instances(row: dict, columns: Columns) -> bool:
    """Whether a row is an instruction with instances of it, each an input and its output."""
    found = row.get("instances")
    return (
        "prompt" in columns.of
        and isinstance(found, list)
        and bool(found)
        and all(isinstance(one, dict) and "output" in one for one in found)
    )


def instances(row: Row) -> list[Row]:
    """A row for each instance: the instruction with its input and its output, and all other columns."""
    if not has_instances(row.data, row.columns):
        raise RowRefused(
            "instances", "type", _("A list of objects with an input and an output is needed here.")
        )
    own = {column: value for column, value in row.data.items() if column != "instances"}
    of = row.columns.of | {"input": "input", "answer": "output"}
    made = []
    for one in row.data["instances"]:
        data = own | {"input": one.get("input") or "", "output": one["output"]}
        made.append(Row(data, replace(row.columns, of=of), row.model))
        row.dropped += [f"instances[].{key}" for key in one if key not in _OF_INSTANCE]
    return made


def holds_pair(row: dict, columns: Columns) -> bool:
    """Whether `output` holds the better and the worse answer, in this order."""
    column = columns.of.get("answer")
    if (
        column is None
        or normal(column) != "output"
        or not columns.of.keys().isdisjoint(("chosen", "rejected"))
    ):
        return False
    value = row[column]
    if isinstance(value, str):
        if value[:2] != '["' or "prompt" not in columns.of:
            return False
        try:
            value = turns.from_json(value, column)
        except RowRefused:
            return False
    return isinstance(value, list) and len(value) == 2 and all(isinstance(one, str) for one in value)


def as_preference(row: Row) -> Row:
    """The row with its pair in columns of their own."""
    column = row.columns.of["answer"]
    if not holds_pair(row.data, row.columns):
        raise RowRefused(column, "type", _("A list of two texts is needed here, the better answer first."))
    better, worse = turns.from_json(row.data[column], column)
    data = {c: value for c, value in row.data.items() if c != column} | {
        column: better,
        f"{column}[2]": worse,
    }
    of = {ours: c for ours, c in row.columns.of.items() if ours != "answer"} | {
        "chosen": column,
        "rejected": f"{column}[2]",
    }
    return Row(data, replace(row.columns, of=of), row.model)
