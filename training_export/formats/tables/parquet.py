"""`parquet`: the canonical rows (canonical.py) as a table, for `datasets`, pandas and all that reads Parquet.
All kinds of rows share the columns; what a kind does not have is null. Messages, tools, passages,
answers, tags and provenance are texts of JSON: they differ from row to row, which no column type holds."""

import json
from collections.abc import Iterator

from training_export.formats import jsonl
from training_export.formats.base import LABELS, Format
from training_export.formats.canonical import OWN, SHARED
from training_export.formats.tables.checks import ParquetChecker
from training_export.formats.tables.files import ParquetStream
from training_export.formats.tables.reading import parquet_rows

FRACTIONS = ("weight", "margin", "agreement")
COUNTS = ("n_for", "n_against")
TEXTS = ("type", "group_id", "language", "reference")
COLUMNS = tuple(dict.fromkeys([*SHARED[:-1], *(name for own in OWN.values() for name in own), SHARED[-1]]))
NESTED = tuple(c for c in COLUMNS if c not in (*FRACTIONS, *COUNTS, *TEXTS, "label"))
_dumps = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


def schema():
    """The columns as pyarrow has them."""
    import pyarrow

    kinds = dict.fromkeys(FRACTIONS, pyarrow.float64()) | dict.fromkeys(COUNTS, pyarrow.int64())
    kinds["label"] = pyarrow.bool_()
    return pyarrow.schema([(name, kinds.get(name, pyarrow.string())) for name in COLUMNS])


def as_columns(row: dict) -> dict:
    """A canonical row with its nested values as JSON."""
    return {
        name: _dumps(value) if name in NESTED and value is not None else value for name, value in row.items()
    }


def as_row(columns: dict) -> dict:
    """The canonical row of a row of the table. ValueError where a text is no JSON."""
    kind = columns.get("type")
    own = OWN.get(kind, ()) if isinstance(kind, str) else ()
    return {
        name: json.loads(value) if name in NESTED and isinstance(value, str) else value
        for name, value in columns.items()
        if name in SHARED or name in own or value is not None
    }


class Writer(jsonl.Writer):
    side_file = True  # beside the provenance in the row: whoever looks for a person's rows reads lines
    suffix = ".parquet"

    def opened(self, path, target):
        return ParquetStream(path, self._pool, schema(), lambda row, _place: as_columns(row))


class Checker(ParquetChecker, jsonl.Checker):
    """As the canonical rows are checked, once their columns are those of the table."""

    side_file = True

    def rows_of(self, name) -> Iterator[dict]:
        for columns in parquet_rows(self.folder / name):
            try:
                yield as_row(columns)
            except ValueError:
                yield {"not JSON": None}


FORMAT = Format(
    name="parquet",
    label=LABELS["parquet"],
    trainer="",
    takes=jsonl.FORMAT.takes,
    writer=Writer,
    checker=Checker,
    options=jsonl.FORMAT.options,
)
