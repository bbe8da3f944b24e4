"""Checkers of files that are no files of lines: their rows are read a group at a time, and checked as the
rows of lines are."""

import csv
from collections.abc import Iterator
from itertools import islice

from training_export.formats.base import Problem
from training_export.formats.checks import LineChecker
from training_export.formats.tables.reading import parquet_rows

_PIECE = 1_000  # rows


def _as_it_is(row):
    return row, ""


class TableChecker(LineChecker):
    """Subclasses say how a file is read, and with which code a file is refused that cannot be."""

    unreadable = ""

    def __init__(self, folder, options):
        super().__init__(folder, options)
        self.read = _as_it_is  # type: ignore[assignment]

    def rows_of(self, name: str) -> Iterator[dict]:
        """The rows of the file, each as `row` is to be given it."""
        raise NotImplementedError

    def file(self, name):
        return (found for found in self.pieces(name) if found is not None)

    def pieces(self, name: str) -> Iterator[Problem | None]:
        """All that is wrong with a file; None after every thousand rows."""
        import pyarrow

        self.begin(name)
        rows = self.rows_of(name)
        try:
            while piece := list(islice(rows, _PIECE)):
                yield from self.take(piece)
                yield None
        except (OSError, pyarrow.ArrowException, UnicodeDecodeError, csv.Error) as wrong:
            yield self.problem(name, 0, "", self.unreadable, str(wrong)[:120])
            return
        yield from self.finish()


class ParquetChecker(TableChecker):
    suffix = ".parquet"
    unreadable = "not_parquet"

    def rows_of(self, name):
        return parquet_rows(self.folder / name)
