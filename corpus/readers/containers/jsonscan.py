"""The rows of one big JSON value, cut out one by one without parsing the whole: raw text, line, key. Memory
is bounded by one record."""

import re
from collections.abc import Iterator

from django.utils.translation import gettext as _

from corpus.readers import limits

_STRUCTURE = re.compile(rb'["\[\]{}]')
_SCALAR_END = re.compile(rb"[\s,\]}]")
_BLANK = b" \t\r\n"
_NOT_BLANK = re.compile(rb"[^ \t\r\n]")


class Broken(Exception):
    """The structure around the records is broken at `line`: nothing after it can be told apart."""

    def __init__(self, line: int, reason: str):
        super().__init__(reason)
        self.line = line


class Scanner:
    """Walks over a JSON text given as chunks of bytes."""

    def __init__(self, stream: Iterator[bytes]):
        self.stream, self.buffer, self.pos, self.line, self.ended = stream, b"", 0, 1, False

    def _more(self) -> bool:
        """One more chunk behind what is not used up; False at the end."""
        if self.ended:
            return False
        chunk = next(self.stream, None)
        if chunk is None:
            self.ended = True
            return False
        self.buffer = self.buffer[self.pos :] + chunk
        self.pos = 0
        return True

    def peek(self) -> bytes:
        """The next byte that is not blank (b"" at the end); the scanner stands on it."""
        while True:
            m = _NOT_BLANK.search(self.buffer, self.pos)
            stop = m.start() if m else len(self.buffer)
            self.line += self.buffer.count(b"\n", self.pos, stop)
            self.pos = stop
            if m:
                return self.buffer[stop : stop + 1]
            if not self._more():
                return b""

    def take(self, expected: bytes) -> bytes:
        """Steps over one byte of `expected`. Broken if another one stands there."""
        c = self.peek()
        if not c or c not in expected:
            found = c.decode("latin-1") if c else _("the end of the file")
            raise Broken(
                self.line,
                _("The file breaks here: found %(found)s where JSON needs one of %(expected)s.")
                % {"found": found, "expected": expected.decode()},
            )
        self.pos += 1
        return c

    def value(self) -> tuple[int, bytes | None]:
        """(line where it begins, raw text | None if longer than MAX_RECORD_BYTES) of the next value."""
        first = self.peek()
        line = self.line
        if not first or first in b",]}:":
            self.take(b"[{")  # raises with what was found
        parts: list[bytes] | None = []
        size = depth = 0
        in_string = scalar = False
        start = scan = self.pos
        if first not in b'"[{':
            scalar = True
        while True:
            end = -1
            buffer = self.buffer
            if scalar:
                m = _SCALAR_END.search(buffer, scan)
                end = m.start() if m else -1
                scan = len(buffer)
            else:
                while True:
                    if in_string:
                        quote = buffer.find(b'"', scan)
                        if quote < 0:
                            scan = len(buffer)
                            break
                        back = quote - 1
                        while back >= start and buffer[back] == 92:
                            back -= 1
                        scan = quote + 1
                        if (quote - back) & 1:
                            in_string = False
                            if not depth:
                                end = scan
                                break
                        continue
                    m = _STRUCTURE.search(buffer, scan)
                    if not m:
                        scan = len(buffer)
                        break
                    scan = m.end()
                    c = m[0]
                    if c == b'"':
                        in_string = True
                    elif c in b"[{":
                        depth += 1
                    else:
                        depth -= 1
                        if depth <= 0:
                            end = scan
                            break
            if end >= 0:
                break
            # Not complete: keep what was seen, except a run of backslashes at its end, whose parity the next
            # quote needs.
            keep = len(buffer)
            while keep > start and buffer[keep - 1] == 92:
                keep -= 1
            if keep == start and len(buffer) - start > limits.MAX_RECORD_BYTES:
                raise Broken(
                    line,
                    _("A record is longer than %(n)d MB.") % {"n": limits.MAX_RECORD_BYTES // limits.MIB},
                )
            size += keep - start
            if parts is not None:
                parts.append(buffer[start:keep])
                if size > limits.MAX_RECORD_BYTES:
                    parts = None
            self.line += buffer.count(b"\n", start, keep)
            self.pos = keep
            carried = len(buffer) - keep
            if not self._more():
                if scalar and not depth:
                    end, start = len(self.buffer), self.pos
                    break
                raise Broken(line, _("The file ends in the middle of the record that begins here."))
            start, scan = 0, carried
        size += end - start
        self.line += self.buffer.count(b"\n", start, end)
        tail = self.buffer[start:end]
        self.pos = end
        if parts is None or size > limits.MAX_RECORD_BYTES:
            return line, None
        return line, b"".join([*parts, tail]) if parts else tail

    def opens_with(self, wanted: bytes) -> bool:
        """Whether the list the scanner stands on begins with one of the bytes `wanted`; the scanner stays
        where it is."""
        while True:
            m = _NOT_BLANK.search(self.buffer, self.pos + 1)
            if m:
                return m[0] in wanted
            if not self._more():
                return False

    def elements(self) -> Iterator[tuple[int, bytes | None]]:
        """The values of the list the scanner stands on; leaves it behind the list."""
        self.take(b"[")
        if self.peek() == b"]":
            self.pos += 1
            return
        while True:
            yield self.value()
            if self.take(b",]") == b"]":
                return

    def members(self) -> Iterator[tuple[int, bytes]]:
        """(line, raw key) of the object the scanner stands on; the caller must use up each value before the
        next key."""
        self.take(b"{")
        if self.peek() == b"}":
            self.pos += 1
            return
        while True:
            if self.peek() != b'"':
                self.take(b'"')
            line, key = self.value()
            if key is None or len(key) > 4000:
                raise Broken(line, _("A name is too long."))
            self.take(b":")
            yield line, key
            if self.take(b",}") == b"}":
                return


def rows(stream: Iterator[bytes], layout: str) -> Iterator[tuple[int, bytes | None, bytes | None]]:
    """(line, raw row | None if too long, raw key of a keyed row | None) of a JSON file of that `layout`:
    "list" [row, …] · "lists_of_lists" [[row, …], …] · "lists" {"data": [row, …], …} (lists of anything
    else are passed over) · "texts" the same with bare texts · "keyed" {"id": row, …} · "single" row ·
    "sequence" row row …. Broken where its structure breaks."""
    scan = Scanner(stream)
    if layout == "list":
        for line, raw in scan.elements():
            yield line, raw, None
    elif layout == "single":
        line, raw = scan.value()
        yield line, raw, None
    elif layout == "sequence":
        while scan.peek():
            yield *scan.value(), None
    elif layout == "lists_of_lists":
        scan.take(b"[")
        while scan.peek() != b"]":
            if scan.peek() == b"[":
                for line, raw in scan.elements():
                    yield line, raw, None
            else:
                yield *scan.value(), None
            if scan.take(b",]") == b"]":
                break
    else:
        for _line, key in scan.members():
            scan.peek()
            if layout == "keyed":
                yield *scan.value(), key
            elif scan.peek() == b"[" and scan.opens_with(b'"' if layout == "texts" else b"{["):
                for line, raw in scan.elements():
                    yield line, raw, None
            else:
                scan.value()
    if layout != "lists_of_lists" and scan.peek():
        raise Broken(scan.line, _("There is something after the end of the JSON value."))
