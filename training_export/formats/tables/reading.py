"""The rows of Parquet and CSV files, read a group at a time. `pyarrow` is loaded when a file is opened, not
before."""

import csv
import hashlib
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

_BATCH = 1_000  # rows that are read at once


def parquet_rows(path: Path, start: int = 0) -> Iterator[dict]:
    """The rows of a Parquet file from the one numbered `start` (from 0) on; row groups before it are passed
    over unread. pyarrow.ArrowInvalid or OSError for a file that is none."""
    import pyarrow.parquet

    with pyarrow.parquet.ParquetFile(path) as file:
        first, skip = 0, start
        while first < file.num_row_groups and skip >= (n := file.metadata.row_group(first).num_rows):
            first, skip = first + 1, skip - n
        groups = list(range(first, file.num_row_groups))
        if not groups:
            return
        for batch in file.iter_batches(_BATCH, row_groups=groups):
            rows = batch.to_pylist()
            yield from rows[skip:]
            skip = max(0, skip - len(rows))


def csv_rows(path: Path) -> Iterator[list[str]]:
    """The rows of a CSV, the names of its columns first; the byte order mark left out. UnicodeDecodeError and
    csv.Error for a file that is none."""
    with open(path, encoding="utf-8-sig", newline="") as text:
        yield from csv.reader(text, strict=True)


def csv_records(path: Path, start: int = 0) -> Iterator[dict[str, str]]:
    """The rows of a CSV from the one numbered `start` (from 0) on, by the names of its columns."""
    rows = csv_rows(path)
    columns = next(rows, [])
    for row in islice(rows, start, None):
        yield dict(zip(columns, row, strict=False))


def sha256_of(path: Path) -> str:
    """Of the file's bytes, in flat memory."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
