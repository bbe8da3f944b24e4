"""Server-sent events, read as they come: strict about what must hold, patient about how it is cut. Pure."""

import re
from dataclasses import dataclass

_END = re.compile(rb"\r\n|\n|\r")


class Broken(Exception):
    """The stream is not what it says to be: a line too long, or bytes that are no UTF-8."""


@dataclass(frozen=True)
class Event:
    """One event: its `data` lines joined by line feeds, and its `name` ("" when none was given)."""

    data: str
    name: str = ""


class Parser:
    """Bytes in, events out. A line may be at most `line_limit` bytes and an event `event_limit`. Line ends
    may be CR LF, LF or CR; comments, `id` and `retry` are passed over; a line `error: …`, which some
    servers write, is an event named "error"."""

    def __init__(self, line_limit: int = 1 << 20, event_limit: int = 4 << 20):
        self.line_limit, self.event_limit = line_limit, event_limit
        # of a line that has not ended; joined once, or a long line would cost its square
        self._parts: list[bytes] = []
        self._long = 0
        self._after_cr = False
        self._first = True
        self._data: list[str] = []
        self._size = 0
        self._name = ""

    @classmethod
    def for_answers(cls, characters: int) -> "Parser":
        """One for answers of up to so many characters, which may come in one event with every character
        escaped."""
        most = (1 << 20) + 12 * characters
        return cls(most, most)

    @property
    def between(self) -> bool:
        """Whether what came so far ends with an event, or with a comment."""
        return not self._parts and not self._data and not self._name

    def feed(self, chunk: bytes) -> list[Event]:
        """The events that ended in this chunk."""
        if self._after_cr and chunk:
            self._after_cr = False
            if chunk[:1] == b"\n":
                chunk = chunk[1:]
        if b"\n" not in chunk and b"\r" not in chunk:
            self._hold(chunk)
            return []
        self._after_cr = chunk.endswith(b"\r")
        lines = (
            (chunk if not self._parts else b"".join([*self._parts, chunk])).split(b"\n")
            if b"\r" not in chunk
            else self._split(chunk)
        )
        self._parts, self._long = [], 0
        self._hold(lines.pop())
        out = []
        for line in lines:
            event = self._line(line)
            if event is not None:
                out.append(event)
        return out

    def end(self) -> Event | None:
        """The stream has ended: an event whose blank line never came, if there is one."""
        if self._parts:
            self._line(b"".join(self._parts))
            self._parts = []
        return self._dispatch()

    def _split(self, chunk: bytes) -> list[bytes]:
        return _END.split(b"".join([*self._parts, chunk]))

    def _hold(self, rest: bytes) -> None:
        if rest:
            self._parts.append(rest)
            self._long += len(rest)
            if self._long > self.line_limit:
                raise Broken("a line is too long")

    def _line(self, line: bytes) -> Event | None:
        if self._first:
            self._first = False
            line = line.removeprefix(b"\xef\xbb\xbf")
        if len(line) > self.line_limit:
            raise Broken("a line is too long")
        if not line:
            return self._dispatch()
        if line[:1] == b":":
            return None
        field, _colon, value = line.partition(b":")
        if field not in (b"data", b"event", b"error"):
            return None
        try:
            text = value.removeprefix(b" ").decode("utf-8")
        except UnicodeDecodeError:
            raise Broken("bytes that are no UTF-8") from None
        if field == b"event":
            self._name = text
            return None
        if field == b"error":
            self._name = "error"
        self._size += len(value)
        if self._size > self.event_limit:
            raise Broken("an event is too long")
        self._data.append(text)
        return None

    def _dispatch(self) -> Event | None:
        name, data = self._name, self._data
        self._name, self._data, self._size = "", [], 0
        return Event("\n".join(data), name) if data else None
