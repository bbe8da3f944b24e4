"""What a browser is sent while answers are written: one JSON object a line, and no database connection held
between two lines.

{"e": "begin", …} · {"e": "text", "a": position, "d": new text} · {"e": "block", "a", "html", "upto"} ·
{"e": "sources", "a", "sources"} · {"e": "end", "a", "state", "error", "message", "html"} · {"e": "ping"} ·
{"e": "done"}"""

import json
import time
from collections.abc import Iterator, Sequence

from django.utils import translation

from core.rendering import markdown
from feedback.chat import saving, streaming
from feedback.chat.error_texts import sentence
from feedback.chat.markdown_blocks import Blocks
from feedback.chat.streaming import Live, LiveTurn
from feedback.models import Message

PING_SECONDS = 10.0
GATHER_SECONDS = 0.03  # pieces that come closer together travel in one line
# and so much longer for each answer this process is reading: with a hundred, pages must be answered too
GATHER_EACH = 0.001
SAVED_WITHIN = 15.0  # so long the end of an answer waits to be saved before it is told
ELSEWHERE_SECONDS = 1.0  # how often the row of an answer that another process writes is looked at
ELSEWHERE_MOST = 1800.0


def line(event: dict) -> bytes:
    return json.dumps(event, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"


def of_turn(begin: dict, turn: LiveTurn | None, rows: Sequence[Message], language: str) -> Iterator[bytes]:
    """All lines of a turn. `turn`: its answers that this process reads. `rows`: those that it does not
    (finished, or written by another process)."""
    saving.close_connection()
    if turn is not None:
        turn.listen()
    try:
        yield line(begin)
        for row in rows:
            if row.state != Message.State.STREAMING:
                yield from _whole(row, row.text, language)
        if turn is not None:
            yield from _live(turn, language)
        yield from _elsewhere([row for row in rows if row.state == Message.State.STREAMING], language)
        yield line({"e": "done"})
    finally:
        if turn is not None:
            turn.leave()


class _Seen:
    """How much of one answer has been sent."""

    def __init__(self, answer: Live):
        self.answer = answer
        self.parts = 0
        self.sources: list | None = None
        self.blocks = Blocks()
        self.over_at = 0.0
        self.ended = False

    def news(self) -> bool:
        answer = self.answer
        if answer.over and not self.over_at:
            self.over_at = time.monotonic()
        at_end = (
            answer.over
            and not self.ended
            and (answer.saved or time.monotonic() - self.over_at > SAVED_WITHIN)
        )
        return len(answer.parts) > self.parts or answer.sources is not self.sources or at_end

    def take(self) -> tuple[str, list | None, bool]:
        """(new text, sources if they are new, whether this is the end); called while nothing can come in
        between."""
        answer = self.answer
        text, self.parts = "".join(answer.parts[self.parts :]), len(answer.parts)
        sources, self.sources = (
            (answer.sources if answer.sources is not self.sources else None),
            answer.sources,
        )
        self.ended = answer.over and (answer.saved or time.monotonic() - self.over_at > SAVED_WITHIN)
        return text, sources, self.ended


def _live(turn: LiveTurn, language: str) -> Iterator[bytes]:
    views = [_Seen(answer) for answer in turn.answers]
    said = time.monotonic()
    while not all(view.ended for view in views):
        with turn.news:
            turn.news.wait_for(lambda: any(view.news() for view in views), 1.0)
            taken = [(view, *view.take()) for view in views if view.news()]
        for view, text, sources, ended in taken:
            yield from _news(view, text, sources)
            if ended:
                yield from _end(view.answer, language)
        if taken:
            said = time.monotonic()
            time.sleep(GATHER_SECONDS + GATHER_EACH * streaming.reading())
        elif time.monotonic() - said >= PING_SECONDS:
            said = time.monotonic()
            yield line({"e": "ping"})


def _news(view: _Seen, text: str, sources: list | None) -> Iterator[bytes]:
    a = view.answer.position
    if text:
        yield line({"e": "text", "a": a, "d": text})
        for html, upto in view.blocks.feed(text):
            yield line({"e": "block", "a": a, "html": html, "upto": upto})
    if sources is not None:
        yield line({"e": "sources", "a": a, "sources": sources})


def _end(answer: Live, language: str) -> Iterator[bytes]:
    state, error = answer.state, answer.error
    with translation.override(language):
        said = (
            sentence(state, error)
            if answer.saved and error != "not_saved"
            else sentence("failed", "not_saved")
        )
    yield line(
        {
            "e": "end",
            "a": answer.position,
            "state": state,
            "error": error,
            "message": said,
            "html": markdown.render(answer.text()),
        }
    )


def _whole(row: Message, text: str, language: str) -> Iterator[bytes]:
    """An answer that is finished, from its row; `text` is what of it is still to be sent."""
    if text:
        yield line({"e": "text", "a": row.position, "d": text})
    if row.sources:
        yield line({"e": "sources", "a": row.position, "sources": row.sources})
    with translation.override(language):
        said = sentence(row.state, row.error)
    html = markdown.render(row.text) if row.text else ""
    yield line(
        {"e": "end", "a": row.position, "state": row.state, "error": row.error, "message": said, "html": html}
    )


def _elsewhere(rows: list[Message], language: str) -> Iterator[bytes]:
    """Answers that another process writes: their rows grow."""
    sent = {row.pk: "" for row in rows}
    end, said = time.monotonic() + ELSEWHERE_MOST, time.monotonic()
    while sent and time.monotonic() < end and not streaming.ending():
        found = {
            row.pk: row
            for row in Message.objects.filter(pk__in=list(sent)).only(
                "text", "state", "error", "sources", "position"
            )
        }
        saving.close_connection()
        out = []
        for pk in list(sent):
            row = found.get(pk)
            if row is None:  # deleted
                del sent[pk]
                continue
            more = row.text[len(sent[pk]) :] if row.text.startswith(sent[pk]) else ""
            if row.state != Message.State.STREAMING:
                del sent[pk]
                out += _whole(row, more, language)
            elif more:
                sent[pk] = row.text
                out.append(line({"e": "text", "a": row.position, "d": more}))
        if not out and time.monotonic() - said >= PING_SECONDS:
            out.append(line({"e": "ping"}))
        if out:
            said = time.monotonic()
            yield from out
        if sent:
            time.sleep(ELSEWHERE_SECONDS)
