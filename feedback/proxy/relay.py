"""A model's answer on its way to the client, byte for byte, read along for the log."""

import json
from collections.abc import Iterator

from feedback.proxy.log import Exchange, writer
from feedback.proxy.refusals import unreached
from inference.client import Raw, UpstreamError

HOLD = 64 * 1024  # of a stream, until its first event is understood
HOLD_WHOLE = 4 << 20  # of an answer in one piece, until its id is known


def begin(raw: Raw, exchange: Exchange) -> "Relay":
    """Read until the first event (of an answer in one piece: its end) is understood, so that its id can go
    out with the headers; what comes before it (comments that keep the line open) goes out at once. Refused
    when the model says nothing up to there."""
    chunks, held, size, heard = raw.chunks(), [], 0, exchange.heard
    try:
        for chunk in chunks:
            held.append(chunk)
            size += len(chunk)
            heard.feed(chunk)
            exchange.heard_first()
            if (heard.begun or heard.between or size > HOLD) if heard.streamed else size > HOLD_WHOLE:
                break
        else:
            heard.end()
            exchange.heard_first()
    except UpstreamError as exc:
        raw.close()
        if not held or not heard.streamed:
            raise unreached(exc) from None
        exchange.error = exc.code
    return Relay(raw, chunks, held, exchange)


class Relay:
    """The bytes of an answer on their way; knows when they end, and when nobody takes them any more."""

    def __init__(self, raw: Raw, chunks: Iterator[bytes], held: list[bytes], exchange: Exchange):
        self.raw, self.chunks, self.held, self.exchange = raw, chunks, held[::-1], exchange
        self.over = False

    def __iter__(self):
        return self

    def __next__(self) -> bytes:
        if self.held:
            return self.held.pop()
        if self.over:
            raise StopIteration
        exchange = self.exchange
        try:
            if exchange.error:
                return self._broke_off(exchange.error)
            chunk = next(self.chunks)
            exchange.heard.feed(chunk)
            exchange.heard_first()
            return chunk
        except StopIteration:
            self._end()
            raise
        except UpstreamError as exc:
            return self._broke_off(exc.code)

    def _broke_off(self, code: str) -> bytes:
        """The last words of a stream that the model left unfinished: an error the client understands. Any
        other answer just ends, short of what its length promised."""
        heard = self.exchange.heard
        self.exchange.error = code
        self._end()
        if not heard.streamed:
            raise ConnectionError("the model broke off")
        if heard.whole:
            raise StopIteration
        return b"\n\ndata: " + json.dumps(unreached(UpstreamError(code)).body()).encode() + b"\n\n"

    def _end(self) -> None:
        if self.over:
            return
        self.over = True
        self.raw.close()
        if not self.exchange.error and not self.exchange.stopped:
            self.exchange.heard.end()
        self.exchange.total_ms = self.exchange.elapsed_ms()
        writer.put(self.exchange)

    def close(self) -> None:
        """Called by the server when the answer is out, or when nobody listens any more."""
        if not self.over:
            self.exchange.stopped = not self.exchange.error
        self._end()
