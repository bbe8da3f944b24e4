"""Reading a published file of rows a page at a time, each row with where it came from."""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import orjson

from core.text import whole_number
from training_export.formats.tables.reading import csv_records, parquet_rows
from training_export.models import Bundle
from training_export.publish import snapshots

PAGE = 20
LONGEST = 2000  # characters of one text that a page shows
ROWS = (".jsonl", ".csv", ".parquet")  # how the names of files of rows end


@dataclass(frozen=True)
class Place:
    """Where a page begins: the number of its first row (from 1), and the bytes at which that row and its
    provenance begin."""

    row: int = 1
    at: int = 0
    beside: int = 0

    @classmethod
    def read(cls, text: str) -> "Place":
        """Of what an address says ("21-4711-815"); the beginning for what cannot be meant."""
        parts = text.split("-")
        numbers = [n for part in parts if (n := whole_number(part)) is not None]
        return cls(*numbers) if len(parts) == len(numbers) == 3 else cls()

    def __str__(self) -> str:
        return f"{self.row}-{self.at}-{self.beside}"


@dataclass(frozen=True)
class Row:
    """`number` from 1, as in the file; `fields` as they stand there, long texts shortened; `provenance`."""

    number: int
    fields: dict
    provenance: Mapping


def page_of(bundle: Bundle, name: str, place: Place) -> tuple[list[Row], Place | None]:
    """PAGE rows of the bundle's data file `name` from `place` on, and where the next page begins (None:
    nowhere). FileNotFoundError if the bundle has no such file of rows; a place that is no row's beginning is
    the file's."""
    listed = {entry["path"]: entry for entry in bundle.files}
    if listed.get(name, {}).get("role") != "data" or not name.endswith(ROWS):
        raise FileNotFoundError(name)
    folder = snapshots.folder_of(bundle)
    beside = next(
        (
            path
            for path, e in listed.items()
            if e.get("role") == "provenance" and Path(path).stem == Path(name).stem
        ),
        None,
    )
    if not name.endswith(".jsonl"):
        return _page_of_table(folder, name, beside, place)
    lines, after = _lines(folder / name, place.at)
    sides, side_after = _lines(folder / beside, place.beside) if beside else ([], 0)
    if not lines or sides is None:
        if place == Place():
            return [], None
        return page_of(bundle, name, Place())
    rows = []
    for n, line in enumerate(lines):
        fields = orjson.loads(line)
        given = orjson.loads(sides[n]) if n < len(sides) else fields.pop("provenance", {})
        rows.append(Row(place.row + n, shortened(fields), given))
    whole = after >= (folder / name).stat().st_size
    return rows, None if whole else Place(place.row + len(rows), after, side_after)


def _page_of_table(
    folder: Path, name: str, beside: str | None, place: Place
) -> tuple[list[Row], Place | None]:
    """As `page_of`, of a table: its rows are found by their number, their provenance by its byte."""
    rows = parquet_rows if name.endswith(".parquet") else csv_records
    given = rows(folder / name, place.row - 1) if place.row > 0 else iter(())
    found = list(islice(given, PAGE + 1))
    sides, side_after = _lines(folder / beside, place.beside) if beside else ([], 0)
    if not found or sides is None:
        return ([], None) if place == Place() else _page_of_table(folder, name, beside, Place())
    shown = [
        Row(place.row + n, shortened(fields), orjson.loads(sides[n]) if n < len(sides) else {})
        for n, fields in enumerate(found[:PAGE])
    ]
    following = Place(place.row + PAGE, 0, side_after) if len(found) > PAGE else None
    return shown, following


def _lines(path: Path, at: int) -> tuple[list[bytes] | None, int]:
    """PAGE lines from byte `at` on and the byte after them; None if no line begins there."""
    with open(path, "rb") as file:
        if at:
            file.seek(at - 1)
            if file.read(1) != b"\n":
                return None, 0
        lines = [line for _n, line in zip(range(PAGE), file, strict=False)]
        return lines, at + sum(map(len, lines))


def shortened(value):
    """`value` with no text longer than LONGEST."""
    if isinstance(value, str):
        return value if len(value) <= LONGEST else value[:LONGEST] + " …"
    if isinstance(value, list):
        return [shortened(part) for part in value]
    if isinstance(value, dict):
        return {name: shortened(part) for name, part in value.items()}
    return value
