"""Canonical rows as Parquet, and back: what a data set consists of before any trainer's form. Exact: a row
read is the row written. Columns that people and `datasets` can read stand beside JSON for what has no fixed
shape.

A message is {role, content, more}: `content` null where it is no text, `more` a JSON object of all else that
the message has ("" for nothing)."""

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from training_export.curate.examples import Answer, Example
from training_export.curate.identity import judged_of
from training_export.formats.canonical import NAMES, exact, from_row

ROWS_AT_ONCE = 2000
_dumps = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":"), default=list).encode


def schema_of(kind: str):
    """The Arrow schema of rows of `kind` ("sft", "preference", …)."""
    import pyarrow as pa

    message = pa.struct([("role", pa.string()), ("content", pa.string()), ("more", pa.string())])
    answer = pa.struct([("text", pa.string()), ("turns", pa.list_(message)), ("origin", pa.string())])
    own = {
        "sft": [("target", answer)],
        "preference": [
            ("chosen", answer), ("rejected", answer), ("margin", pa.float64()), ("n_for", pa.int32()),
            ("n_against", pa.int32()),
        ],
        "binary": [("answer", answer), ("label", pa.bool_())],
        "ranked": [("groups", pa.list_(pa.list_(answer)))],
        "prompt": [],
        "eval": [("reference", pa.string())],
    }[kind]  # fmt: skip
    return pa.schema(
        [
            ("key", pa.string()), ("way", pa.string()), ("group_id", pa.string()),
            ("context", pa.list_(message)), ("tools", pa.string()), ("sources", pa.string()),
            ("language", pa.string()), ("tags", pa.list_(pa.string())), ("weight", pa.float64()), *own,
            ("provenance", pa.string()), ("keys", pa.string()),
        ]
    )  # fmt: skip


class RowsWriter:
    """Writes rows of one kind to one file, in flat memory."""

    def __init__(self, path: Path, kind: str):
        import pyarrow.parquet as pq

        self._kind, self._schema = kind, schema_of(kind)
        path.parent.mkdir(parents=True, exist_ok=True)
        self._out = pq.ParquetWriter(path, self._schema, compression="zstd")
        self._held: list[dict] = []
        self.rows = 0

    def add(self, example: Example, keys: Mapping[str, Sequence[str]]) -> None:
        """Put one row at the end, with what decides on its side of a split. ValueError or UnicodeEncodeError
        where Parquet cannot hold it."""
        self._held.append(_columns(example) | {"keys": _dumps({k: list(v) for k, v in keys.items()})})
        self.rows += 1
        if len(self._held) >= ROWS_AT_ONCE:
            self._put_down()

    def _put_down(self) -> None:
        import pyarrow as pa

        if self._held:
            self._out.write_table(pa.Table.from_pylist(self._held, schema=self._schema))
            self._held.clear()

    def close(self) -> None:
        """The file is whole."""
        self._put_down()
        self._out.close()


def rows_of(path: Path) -> Iterator[Example]:
    """The rows of a file, in its order. Neighbours with the same context share it."""
    for example, _keys in rows_with_keys(path):
        yield example


def rows_with_keys(path: Path) -> Iterator[tuple[Example, dict[str, list[str]]]]:
    """As `rows_of`, each with what decides on its side of a split."""
    import pyarrow.parquet as pq

    last: tuple | None = None
    with pq.ParquetFile(path) as file:
        for batch in file.iter_batches(batch_size=ROWS_AT_ONCE):
            for columns in batch.to_pylist():
                example = _example(columns)
                same = (example.context, example.tools, example.sources)
                if same == last:
                    example.context, example.tools, example.sources = last
                else:
                    last = same
                yield example, exact(columns["keys"])


NUMBERS = ("weight", "margin", "n_for", "n_against")


def keys_of(path: Path) -> Iterator[dict[str, Any]]:
    """{"key", "way", "group_id"} and the NUMBERS of each row of a file, in its order; no text is read."""
    yield from columns_of(path, "key", "way", "group_id", *NUMBERS)


def columns_of(path: Path, *names: str) -> Iterator[dict[str, Any]]:
    """Those of the columns `names` that a file has, row by row, in flat memory."""
    import pyarrow.parquet as pq

    with pq.ParquetFile(path) as file:
        there = [name for name in names if name in file.schema_arrow.names]
        for batch in file.iter_batches(batch_size=65_536, columns=there):
            yield from batch.to_pylist()


def _columns(example: Example) -> dict[str, Any]:
    judged, way = judged_of(example)
    kind = NAMES[type(example)]
    row: dict[str, Any] = {
        "key": judged.hex(),
        "way": way,
        "group_id": example.group_id,
        "context": [_message(message) for message in example.context],
        "tools": None if example.tools is None else _dumps(example.tools),
        "sources": _dumps(example.sources) if example.sources else "",
        "language": example.language,
        "tags": list(example.tags),
        "weight": example.weight,
        "provenance": _dumps(example.provenance),
    }
    for name in ("target", "chosen", "rejected", "answer"):
        if hasattr(example, name):
            row[name] = _answer(getattr(example, name))
    for name in ("margin", "n_for", "n_against", "label", "reference"):
        if hasattr(example, name):
            row[name] = getattr(example, name)
    if kind == "ranked":
        row["groups"] = [[_answer(answer) for answer in group] for group in example.groups]  # type: ignore[attr-defined]
    return row


def _message(message: dict) -> dict[str, str | None]:
    content = message.get("content")
    plain = isinstance(content, str)
    more = {k: v for k, v in message.items() if k != "role" and not (k == "content" and plain)}
    role = message.get("role")
    if not isinstance(role, str):
        raise ValueError("a message without a role")
    return {"role": role, "content": content if plain else None, "more": _dumps(more) if more else ""}


def _answer(answer: Answer) -> dict[str, Any]:
    return {
        "text": answer.text,
        "turns": [_message(message) for message in answer.turns],
        "origin": answer.origin,
    }


def _example(columns: dict[str, Any]) -> Example:
    kind = _kind_of(columns)
    row: dict[str, Any] = {
        "type": kind,
        "context": [_message_back(message) for message in columns["context"]],
        "tools": None if columns["tools"] is None else exact(columns["tools"]),
        "sources": exact(columns["sources"]) if columns["sources"] else [],
        "provenance": exact(columns["provenance"]),
    }
    for name, value in columns.items():
        if name in ("target", "chosen", "rejected", "answer"):
            value = _answer_back(value)
        elif name == "groups":
            value = [[_answer_back(answer) for answer in group] for group in value]
        row.setdefault(name, value)
    return from_row(row)


def _kind_of(columns: dict[str, Any]) -> str:
    marks = {
        "target": "sft",
        "chosen": "preference",
        "answer": "binary",
        "groups": "ranked",
        "reference": "eval",
    }
    return next((kind for mark, kind in marks.items() if mark in columns), "prompt")


def _message_back(message: dict) -> dict:
    found = {"role": message["role"]}
    if message["content"] is not None:
        found["content"] = message["content"]
    return found | exact(message["more"]) if message["more"] else found


def _answer_back(answer: dict) -> dict:
    return {**answer, "turns": [_message_back(message) for message in answer["turns"]]}
