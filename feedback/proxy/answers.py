"""What a model says as it passes through the proxy, put together for the log. Listening must not touch what
passes, nor fail on it. No database."""

import json
import re
from dataclasses import dataclass, field

import orjson

from feedback.conversations.message import Turn, turn_of
from inference import sse
from inference.answers import Answer, ErrorInside, Malformed, Piece, TooLong

MOST_CHOICES = 16  # answers to one question that are kept
LATE = 8192  # bytes of a stream that may wait to be understood
_ID = re.compile(r"[!-~]{1,150}")  # what may stand in a header and in a Message's external_id


@dataclass
class Said:
    """One of the answers to a question."""

    answer: Answer
    parts: list[str] = field(default_factory=list)
    sources: list[dict] = field(default_factory=list)
    calls: list[dict] | None = None
    marks: list[dict] | None = None  # of what is no text

    def turn(self) -> Turn:
        """The answer as a turn: its text, tool_calls if they came whole, and marks of what is no text."""
        turn = turn_of(
            {"role": "assistant", "content": "".join(self.parts)}
            | ({"tool_calls": self.calls} if self.calls else {})
        )
        if self.marks:
            turn.extra = (turn.extra or {}) | {"parts": self.marks}
        return turn


class Heard:
    """The answers heard so far, by their index. `limit`: characters kept of each; `error`: what went wrong
    ("" for nothing), in the words of UpstreamError."""

    def __init__(self, limit: int, *, streamed: bool):
        self.limit, self.streamed = limit, streamed
        self.answers: dict[int, Said] = {}
        self.id = ""  # the server's own, of the whole exchange
        self.error = ""
        self.begun = False  # a first chunk was understood
        self.spoken = False  # the model has said something
        self._done = self._ended = False
        self._parser = sse.Parser.for_answers(limit) if streamed else None
        self._held = bytearray()
        self._late: list[bytes] = []
        self._late_size = 0

    def feed(self, chunk: bytes) -> None:
        """Bytes that pass by. Never raises."""
        if self.error:
            return
        if self._parser is None:
            self._held += chunk
            if len(self._held) > (1 << 20) + 8 * MOST_CHOICES * self.limit:
                self.error, self._held = "too_long", bytearray()
            return
        # Once the model speaks nothing hangs on each chunk: they are understood some at a time, which costs
        # half as much.
        self._late.append(chunk)
        self._late_size += len(chunk)
        if not self.spoken or self._late_size > LATE:
            self.catch_up()

    def catch_up(self) -> None:
        """Understand what has passed so far."""
        late, self._late, self._late_size = b"".join(self._late), [], 0
        if self._parser is None or not late:
            return
        try:
            for event in self._parser.feed(late):
                self._event(event.data)
                if self.error:
                    return
        except sse.Broken:
            self.error = "malformed"

    def end(self) -> None:
        """The body has come to its proper end."""
        if self._ended:
            return
        self._ended = True
        self.catch_up()
        if self.error:
            return
        if self._parser is None:
            self._event(bytes(self._held))
            self._held = bytearray()
        elif (event := self._parser.end()) is not None:
            self._event(event.data)
        if not self.error and not self.whole:
            self.error = "cut"

    @property
    def between(self) -> bool:
        """Of a stream: what has passed is whole, be it only comments or an event that says nothing yet, and
        the next may take long."""
        return self._parser is not None and not self.error and self._parser.between

    @property
    def size(self) -> int:
        """Characters kept."""
        return len(self._held) + sum(said.answer.length for said in self.answers.values())

    @property
    def whole(self) -> bool:
        """Every answer has come to its end."""
        self.catch_up()
        return self._done or (bool(self.answers) and all(s.answer.finish for s in self.answers.values()))

    def _event(self, data: str | bytes) -> None:
        if not self.streamed or data.strip() != "[DONE]":  # type: ignore[comparison-overlap]
            try:
                self._value(_loads(data))
            except TooLong:
                self.error = "too_long"
            except ErrorInside:
                self.error = "failed"
            except (ValueError, RecursionError, Malformed):
                self.error = "malformed"
        else:
            self._done = True

    def _value(self, value) -> None:
        if not isinstance(value, dict):
            raise Malformed
        choices = value.get("choices")
        if not self.id:
            given = value.get("id")
            self.id = given if isinstance(given, str) and _ID.fullmatch(given) else ""
        # A first chunk may hold neither id nor answer: Azure's, about its filters.
        self.begun |= bool(self.id or choices)
        if not isinstance(choices, list) or not choices:
            if value.get("error"):
                raise ErrorInside(value["error"])
            return
        named = [choice.get("index") for choice in choices if isinstance(choice, dict)]
        apart = None not in named and len(set(map(repr, named))) == len(named)
        for place, choice in enumerate(choices):
            if not isinstance(choice, dict):
                raise Malformed
            # Some servers give all of several answers one index, or none: then they are told apart by their
            # order.
            at = choice.get("index") if apart else place
            if not isinstance(at, int) or not 0 <= at < MOST_CHOICES:
                raise TooLong(Piece())
            said = self.answers.get(at)
            if said is None:
                said = self.answers[at] = Said(Answer(self.limit))
            # An Answer listens to the first of several.
            alone = (
                value
                if choice.get("index") in (0, None) and len(choices) == 1
                else {**value, "choices": [{**choice, "index": 0}]}
            )
            try:
                piece = said.answer.take(alone)
            except TooLong as exc:
                if exc.piece.text:
                    said.parts.append(exc.piece.text)
                raise
            if piece.text:
                said.parts.append(piece.text)
            if piece.sources is not None:
                said.sources = piece.sources
            if piece.tool_calls is not None:
                said.calls = piece.tool_calls
            if piece.parts is not None:
                said.marks = piece.parts
            self.spoken |= said.answer.alive


def _loads(data: str | bytes):
    """JSON as servers write it: half a surrogate pair, too, which some cut in two."""
    try:
        return orjson.loads(data)
    except ValueError:
        return json.loads(data)
