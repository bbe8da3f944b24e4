"""Files of rows as a format would have published them, and what its checker says."""

import json
from pathlib import Path

from training_export.formats import FORMATS, Options
from training_export.formats.tables.parquet import as_row
from training_export.formats.tables.reading import csv_rows, parquet_rows

# The formats whose trainer starts with a training file alone.
ALONE = [name for name, form in FORMATS.items() if not form.needs]


def raw_rows(path: Path) -> list[dict]:
    """The rows of a data file of any format, as they stand there."""
    if path.suffix == ".parquet":
        return list(parquet_rows(path))
    if path.suffix == ".csv":
        columns, *rows = csv_rows(path)
        return [dict(zip(columns, row, strict=True)) for row in rows]
    return [json.loads(line) for line in path.read_bytes().decode().split("\n")[:-1]]


def rows_in(path: Path) -> list[dict]:
    """As `raw_rows`, the canonical rows of a table read again."""
    return [as_row(row) if path.suffix == ".parquet" else row for row in raw_rows(path)]


def put(folder, rows, name="train.jsonl"):
    """`rows` (objects, or lines as bytes) as a published file with its side file."""
    lines = [r if isinstance(r, bytes) else (json.dumps(r, ensure_ascii=False) + "\n").encode() for r in rows]
    (folder / "provenance").mkdir(exist_ok=True)
    (folder / name).write_bytes(b"".join(lines))
    (folder / "provenance" / name).write_text("{}\n" * len(rows))


def found(folder, form, **options):
    """[(file, line, code)] of the errors in `folder`."""
    return [
        (p.file, p.line, p.code)
        for p in FORMATS[form].check(folder, Options(**options))
        if p.level == "error"
    ]
