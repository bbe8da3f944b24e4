"""The loop over a file: container → rows → entries, each row a Record or a Refusal."""

import json
from collections.abc import Iterator
from pathlib import Path

from django.utils.translation import gettext as _

from corpus.readers import limits, opening, own_rows, strict, turns
from corpus.readers.containers import jsonscan, parquet, table
from corpus.readers.containers.lines import jsonl
from corpus.readers.errors import RowRefused
from corpus.readers.fields import is_media, resolve
from corpus.readers.leftovers import not_taken
from corpus.readers.rows import Row, check_media
from corpus.readers.shapes import SHAPES, check_columns, richer
from corpus.records import FileRefused, Record, Refusal


def text_stream(path: Path, inspection) -> Iterator[bytes]:
    """The file as chunks of UTF-8."""
    return opening.utf8_chunks(opening.chunks(path, inspection.compression), inspection.encoding)


def raw_rows(path: Path, inspection) -> Iterator[tuple[int, dict | RowRefused]]:
    """(line, the row as a dict | why it is refused)."""
    was_gb = inspection.encoding == "gb18030"
    if inspection.container == "parquet":
        for line, row in parquet.rows(path):
            yield line, row if isinstance(row, RowRefused) else own_rows.unpacked(row)
    elif inspection.container == "csv":
        end, unquoted = b"\r" if "cr" in inspection.layout else b"\n", "unquoted" in inspection.layout
        yield from table.rows(
            text_stream(path, inspection),
            delimiter=inspection.delimiter,
            was_gb=was_gb,
            end=end,
            unquoted=unquoted,
        )
    elif inspection.container == "jsonl":
        for line, raw in jsonl(text_stream(path, inspection)):
            yield line, _parsed(raw, None, was_gb)
    else:
        try:
            for line, raw, key in jsonscan.rows(text_stream(path, inspection), inspection.layout):
                yield line, _parsed(raw, key, was_gb)
        except jsonscan.Broken as e:
            yield e.line, RowRefused("", "broken", str(e))


def _parsed(raw: bytes | None, key: bytes | None, was_gb: bool) -> dict | RowRefused:
    try:
        if raw is None:
            raise RowRefused(
                "",
                "too_long",
                _("The record is longer than %(n)d MB.") % {"n": limits.MAX_RECORD_BYTES // limits.MIB},
            )
        value = strict.parse(raw, was_gb=was_gb)
        if key is not None and not isinstance(value, dict):
            raise RowRefused(
                "", "type", _("A record must be an object, not %(type)s.") % {"type": turns.type_name(value)}
            )
        row = as_row(value)
        if key is not None and "id" not in row:
            row = {"id": strict.parse(key, was_gb=was_gb), **row}
        if len(row) > limits.MAX_COLUMNS:
            raise RowRefused(
                "", "columns", _("The record has more than %(n)d columns.") % {"n": limits.MAX_COLUMNS}
            )
        if any(len(name) > limits.MAX_ID for name in row):
            raise RowRefused(
                "", "columns", _("A column's name is longer than %(n)d characters.") % {"n": limits.MAX_ID}
            )
        return row
    except RowRefused as e:
        return e


def as_row(value) -> dict:
    """An object as it is; a bare text is a prompt; a bare list of messages is a conversation."""
    if isinstance(value, dict):
        return value
    if isinstance(value, str):
        return {"prompt": value}
    if (
        isinstance(value, list)
        and value
        and isinstance(value[0], dict)
        and ("role" in value[0] or "from" in value[0])
    ):
        return {"messages": value}
    raise RowRefused(
        "", "type", _("A record must be an object, not %(type)s.") % {"type": turns.type_name(value)}
    )


def effective_format(inspection, *, model: str | None, join: str | None) -> tuple[str, dict[str, str]]:
    """(format, given mapping) once it is known that rows are answers to be joined: a file of questions and
    answers, read with `join`, gives the answers only; a file of texts with `join` and `model` is a file of
    answers."""
    fmt, given = inspection.format, dict(inspection.given)
    if join is None:
        return fmt, given
    if fmt in ("alpaca", "sharegpt", "chatml") or (fmt == "qa" and model):
        return "answers", given
    if fmt == "prompts" and model and "prompt" in inspection.mapping:
        return "answers", given | {"answer": inspection.mapping["prompt"]}
    return fmt, given


def records(
    path: Path, inspection, *, model: str | None = None, join: str | None = None
) -> Iterator[Record | Refusal]:
    """See corpus.readers.read."""
    if join is not None and inspection.columns and join not in inspection.columns:
        shown = ", ".join(inspection.columns)[:500]
        raise FileRefused(
            "mapping",
            _("The file has no column %(name)s. It has: %(names)s") % {"name": join[:60], "names": shown},
        )
    if model is not None and len(model) > limits.MAX_ID:
        raise FileRefused(
            "model", _("The model's name is longer than %(n)d characters.") % {"n": limits.MAX_ID}
        )
    fmt, mapping = effective_format(inspection, model=model, join=join)
    if fmt == own_rows.SHAPE:
        yield from own_rows.records(raw_rows(path, inspection))
        return
    given, shape = tuple(mapping.items()), SHAPES.get(fmt)
    unread = tuple(inspection.unread)
    pictures = next((column for column in unread if is_media(column) and mapping.get("images") != ""), None)
    for line, row in raw_rows(path, inspection):
        if isinstance(row, RowRefused):
            yield _refusal(line, row)
            continue
        try:
            columns = resolve(tuple(row), given, join)
            if shape is None:
                raise RowRefused("", "unknown_format", _("The columns of this record are not known."))
            told = Row(row, columns, model, inspection.scales)
            own = richer(fmt, row, columns)
            check_columns(own, told)
            check_media(told, pictures)
            entries = SHAPES[own](told)
            yield Record(line, entries, (*not_taken(told), *unread))
        except RowRefused as e:
            yield _refusal(line, e)


def _refusal(line: int, e: RowRefused) -> Refusal:
    return Refusal(line, e.field, e.code, str(e))


def shown(row: dict) -> dict:
    """A row to look at: long texts cut, deep values as the beginning of their JSON."""
    out = {}
    for column, value in row.items():
        if isinstance(value, (list, dict)):
            value = json.dumps(value, ensure_ascii=False)
        out[column] = (
            value[: limits.SHOWN_TEXT] + "…"
            if isinstance(value, str) and len(value) > limits.SHOWN_TEXT
            else value
        )
    return out
