"""CSV and TSV: records over physical lines, strict quoting, every cell a text exactly as written."""

import csv
from collections import deque
from collections.abc import Iterator

from django.utils.translation import gettext as _

from corpus.readers import limits
from corpus.readers.containers.lines import physical_lines
from corpus.readers.errors import RowRefused
from corpus.readers.strict import check_storable, decoded
from corpus.records import FileRefused

DELIMITERS = ",\t;|"
_FARTHEST = 3 * limits.MAX_RECORD_BYTES  # how far the end of a quoted cell is looked for
csv.field_size_limit(_FARTHEST)


class TooLong(Exception):
    pass


class _Lines:
    """Decoded physical lines for csv.reader, one record's worth remembered, so that a record that never
    closes its quote costs one line and not the rest of the file."""

    def __init__(self, stream: Iterator[bytes], *, was_gb: bool, end: bytes):
        self.source, self.was_gb = physical_lines(stream, end=end), was_gb
        self.ahead: deque[tuple[int, bytes | None]] = deque()
        self.taken: list[tuple[int, bytes | None]] = []
        self.size = 0
        self.refused: RowRefused | None = None
        self.last = 0

    def begin(self) -> None:
        self.taken, self.size, self.refused = [], 0, None

    def push_back(self) -> None:
        """All lines of the current record but its first are to be read again."""
        self.ahead.extendleft(reversed(self.taken[1:]))

    def are_rows(self, width: int, *, only_first: bool) -> bool:
        """Whether every line of the current record (or its first alone) has `width` cells that tabs part."""
        lines = self.taken[:1] if only_first else self.taken
        return width > 1 and all(raw is not None and raw.count(b"\t") == width - 1 for _number, raw in lines)

    def first_unquoted(self, delimiter: str) -> list[str]:
        """The cells of the current record's first line, its quotes as text."""
        raw = self.taken[0][1] or b""
        self.size = len(raw)
        try:
            self.refused = None
            text = decoded(raw, was_gb=self.was_gb)
        except RowRefused as e:
            self.refused, text = e, ""
        return text.rstrip("\r\n").split(delimiter)

    def __iter__(self):
        return self

    def __next__(self) -> str:
        entry = self.ahead.popleft() if self.ahead else next(self.source)
        self.taken.append(entry)
        self.last, raw = entry
        if raw is None:
            raise TooLong
        self.size += len(raw)
        if self.size > _FARTHEST:
            raise TooLong
        try:
            return decoded(raw, was_gb=self.was_gb)
        except RowRefused as e:
            self.refused = e
            return raw.decode("utf-8", "surrogateescape")


def cells(
    stream: Iterator[bytes],
    *,
    delimiter: str,
    was_gb: bool = False,
    end: bytes = b"\n",
    unquoted: bool = False,
) -> Iterator[tuple[int, list[str] | RowRefused]]:
    """(physical line where the record begins, its cells | why it is refused); blank lines and rows of empty
    cells are passed over.

    Tables with tabs are often written without quoting: with `unquoted` a quote is text throughout. Without
    it, lines with tabs that a quote binds together, or whose quotes are wrong, are rows of their own if
    each has as many cells as the first."""
    lines = _Lines(stream, was_gb=was_gb, end=end)
    width = 0

    def fresh():
        return csv.reader(
            lines, delimiter=delimiter, quoting=csv.QUOTE_NONE if unquoted else csv.QUOTE_MINIMAL, strict=True
        )

    reader = fresh()
    while True:
        lines.begin()
        row, wrong = [], None
        try:
            row = next(reader)
        except StopIteration:
            return
        except (TooLong, csv.Error) as e:
            wrong = e
        if (
            delimiter == "\t"
            and (wrong is not None or len(lines.taken) > 1)
            and lines.are_rows(width, only_first=wrong is not None)
        ):
            row, wrong = lines.first_unquoted(delimiter), None
            lines.push_back()
            reader = fresh()
            lines.taken = lines.taken[:1]
        width = width or len(row)
        if isinstance(wrong, TooLong):
            first = lines.taken[0]
            if len(lines.taken) == 1:
                yield first[0], _too_long()
            else:
                reason = _("A quote that opens here is not closed within %(n)d MB.") % {
                    "n": _FARTHEST // limits.MIB
                }
                yield first[0], RowRefused("", "quote", reason)
            lines.push_back()
            reader = fresh()
            continue
        if wrong is not None:
            yield (
                lines.taken[0][0],
                RowRefused(
                    "",
                    "quote",
                    _("The quotes or line ends of this record are wrong: %(error)s") % {"error": wrong},
                ),
            )
            lines.push_back()
            reader = fresh()
            continue
        line = lines.taken[0][0]
        if lines.size > limits.MAX_RECORD_BYTES:
            yield line, _too_long()
        elif lines.refused:
            yield line, lines.refused
        elif row and (any(row) if len(row) > 1 else row[0].strip()):
            yield line, row


def _too_long() -> RowRefused:
    return RowRefused(
        "",
        "too_long",
        _("The record is longer than %(n)d MB.") % {"n": limits.MAX_RECORD_BYTES // limits.MIB},
    )


def header_of(row: list[str]) -> list[str]:
    """Column names of a table's first record: blanks around them taken off, empty ones at the end dropped.
    FileRefused for duplicates."""
    names = [name.strip().removeprefix("\ufeff") for name in row]
    while names and not names[-1]:
        names.pop()
    seen = set()
    for name in names:
        if name in seen:
            shown = name or _("(empty)")
            raise FileRefused(
                "duplicate_header",
                _("Two columns have the same name: %(name)s. Rename one and import again.")
                % {"name": shown[:100]},
            )
        seen.add(name)
    if any(len(name) > limits.MAX_ID for name in names):
        raise FileRefused(
            "columns",
            _("A column's name is longer than %(n)d characters. Is the first line the header?")
            % {"n": limits.MAX_ID},
        )
    if len(names) > limits.MAX_COLUMNS:
        raise FileRefused("columns", _("The table has more than %(n)d columns.") % {"n": limits.MAX_COLUMNS})
    return names


def rows(
    stream: Iterator[bytes],
    *,
    delimiter: str,
    was_gb: bool = False,
    end: bytes = b"\n",
    unquoted: bool = False,
) -> Iterator[tuple[int, dict | RowRefused]]:
    """Each record as {column: text}. A record with fewer or more cells than the header is refused (more only
    if one of them is filled)."""
    names: list[str] | None = None
    for line, row in cells(stream, delimiter=delimiter, was_gb=was_gb, end=end, unquoted=unquoted):
        if names is None:
            if isinstance(row, RowRefused):
                raise FileRefused("header", _("The header cannot be read: %(reason)s") % {"reason": row})
            if line == 1 and len(row) <= 2 and row[0].lower().startswith("sep="):
                continue
            names = header_of(row)
            continue
        if isinstance(row, RowRefused):
            yield line, row
            continue
        if len(row) != len(names) and (len(row) < len(names) or any(row[len(names) :])):
            reason = _("Cells in the row: %(n)d, in the header: %(m)d.") % {"n": len(row), "m": len(names)}
            yield line, RowRefused("", "ragged", reason)
            continue
        out = dict(zip(names, row, strict=False))
        try:
            check_storable(out)
        except RowRefused as e:
            yield line, e
            continue
        yield line, out


def is_unquoted(sample: bytes, end: bytes) -> bool:
    """Whether a table with tabs is written without quoting: all its first lines have as many cells as the
    header, although quotes stand in them that would bind lines together or be wrong."""
    lines = [line for line in sample.split(end) if line.strip()]
    width = lines[0].count(b"\t") if lines else 0
    if not width or b'"' not in sample or any(line.count(b"\t") != width for line in lines):
        return False
    read = list(_quoted_records(sample, end))
    return len(read) != len(lines) or any(isinstance(row, Exception) for row in read)


def _quoted_records(sample: bytes, end: bytes) -> Iterator[list[str] | Exception]:
    """The records of a sample with tabs as a quoting reader has them."""
    reader = csv.reader(
        (line.decode("utf-8", "replace") + "\n" for line in sample.split(end) if line.strip()),
        delimiter="\t",
        strict=True,
    )
    while True:
        try:
            yield next(reader)
        except StopIteration:
            return
        except csv.Error as e:
            yield e
            return


def sniff(sample: bytes, known) -> tuple[str, bytes]:
    """(delimiter, line end) of a table whose first bytes are `sample` (UTF-8). `known(names) -> int` counts
    the column names that mean something; the delimiter that finds most of them wins, then the one whose
    rows have the most even width."""
    end = b"\r" if b"\n" not in sample and b"\r" in sample else b"\n"
    first = sample.split(end, 1)[0]
    if first.removesuffix(b"\r").lower().startswith(b"sep=") and len(first.removesuffix(b"\r")) == 5:
        return chr(first[4]), end
    best, delimiter = (-1, -1.0, 0), ","
    for candidate in DELIMITERS:
        widths, names = [], []
        for _line, row in cells(iter([sample]), delimiter=candidate, end=end):
            if isinstance(row, RowRefused):
                continue
            if not names:
                names = row
            widths.append(len(row))
            if len(widths) >= 100:
                break
        if not names:
            continue
        even = sum(w == len(names) for w in widths) / len(widths)
        score = (known(names), even if len(names) > 1 else 0.0, len(names))
        if score > best:
            best, delimiter = score, candidate
    return delimiter, end
