"""CSV as spreadsheets open it: read as UTF-8, and with nothing in it that would run as a formula. Pure."""

import csv
from collections.abc import Iterable, Iterator

# What spreadsheets take for the beginning of a formula, at the start of a cell (OWASP, "CSV Injection").
_BEGINS_A_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")


class _Echo:
    def write(self, text: str) -> str:
        return text


def cell(value):
    """`value` as a spreadsheet may hold it: text that would be run as a formula gets an apostrophe in front,
    which spreadsheets take for "this is text"; numbers and dates stay what they are."""
    return "'" + value if isinstance(value, str) and value.startswith(_BEGINS_A_FORMULA) else value


def lines(rows: Iterable[Iterable]) -> Iterator[str]:
    """The rows as lines of CSV, one at a time, each cell guarded by `cell`. The byte order mark in front is
    what makes spreadsheets read the Chinese as UTF-8."""
    writer = csv.writer(_Echo())
    mark = "\ufeff"
    for row in rows:
        yield mark + writer.writerow([cell(value) for value in row])
        mark = ""
