"""Talking to a model: the OpenAI protocol over HTTP, without database and without Django models once the
Upstream is made.

Connections go to the pinned address, TLS asks for the host's certificate, redirects are not followed, the
environment's proxies are not asked, compression is not offered. Limits: until something is said
`first_token_seconds` from the call, tries included; then `idle_seconds` between two things said (comments
and empty pieces say nothing); `total_seconds` for the whole. A cancel is heard within about 0.1 s."""

import json
import random
import re
import threading
import time
from collections.abc import Iterator
from email.utils import parsedate_to_datetime

from core.errors import DomainError
from inference import allowlist, secrets, sse
from inference.answers import Answer, ErrorInside, Malformed, Piece, TooLong
from inference.exchange import Clock, Raw, Upstream, UpstreamError, exchange, open_raw, pause
from inference.models import Endpoint

__all__ = ["Piece", "Raw", "Upstream", "UpstreamError", "open_raw", "stream_chat", "upstream_of"]
AFTER_FINISH_SECONDS = 2.0  # how long usage and [DONE] are waited for once the answer is whole
AFTER_DONE_SECONDS = 0.3  # and the end of the body after [DONE], so that the connection can be used again
ERROR_BYTES = 64 * 1024
OURS = {"messages", "model", "stream", "tools", "n"}  # not to be overruled by an endpoint's parameters


def upstream_of(endpoint: Endpoint) -> Upstream:
    """What is needed to call the endpoint; reads its row only. UpstreamError "not_allowed" when the
    operator's list no longer holds its host, "key_unreadable" when its key cannot be decrypted or found.
    Nothing is resolved: calls go to the pinned address."""
    try:
        parsed = allowlist.check_listed(allowlist.parse(endpoint.base_url))
        if not allowlist.may_connect(endpoint.address):
            raise UpstreamError("not_allowed", message="The endpoint has no usable address: save it again.")
        key = ""
        if endpoint.secret_variable:
            key = secrets.from_variable(endpoint.secret_variable, parsed)
        elif endpoint.secret:
            key = secrets.decrypt(endpoint.secret)
    except DomainError as exc:
        code = "key_unreadable" if exc.code == "key_unreadable" else "not_allowed"
        raise UpstreamError(code, message=str(exc.message)) from None
    return Upstream(
        allowlist.Target(parsed.scheme, parsed.host, parsed.port, endpoint.address, parsed.path),
        endpoint.model_name,
        key,
        dict(endpoint.parameters or {}),
        endpoint.first_token_seconds,
        endpoint.idle_seconds,
        endpoint.total_seconds,
        endpoint.retries,
        endpoint.max_characters,
        endpoint.practice,
    )


def stream_chat(
    up: Upstream,
    messages: list[dict],
    *,
    tools: list[dict] | None = None,
    parameters: dict | None = None,
    cancel: threading.Event | None = None,
) -> Iterator[Piece]:
    """The answer piece by piece; the last piece has `finish`, and one with `usage` may follow. `parameters`
    are added to the endpoint's own. Tries again only before anything was said: on 429 and 503 (waiting as
    long as Retry-After asks) and where no connection could be made. UpstreamError: what came before it has
    been given. Closing the iterator ends the request."""
    asked = {**up.parameters, **(parameters or {})}
    sent = (
        {"model": up.model, "messages": messages, "stream": True}
        | {k: v for k, v in asked.items() if k not in OURS}
        | ({"tools": tools} if tools else {})
    )
    try:
        body = json.dumps(sent, ensure_ascii=False, allow_nan=False).encode("utf-8")
    except (ValueError, TypeError):  # also a lone surrogate
        raise UpstreamError(
            "refused", status=400, message="the messages or parameters cannot be sent as JSON"
        ) from None
    clock = Clock(up)
    raw = _open_patiently(up, body, clock, cancel)
    try:
        yield from _read(up, raw, clock)
    finally:
        raw.close()


def _open_patiently(up: Upstream, body: bytes, clock: Clock, cancel: threading.Event | None) -> Raw:
    headers = {"Content-Type": "application/json", "Accept": "text/event-stream, application/json"}
    for tried in range(up.retries + 1):
        try:
            raw = exchange(up, "POST", "/chat/completions", body, headers, clock, cancel)
            if raw.status == 200:
                return raw
            raise _refusal(up, raw)
        except UpstreamError as exc:
            again = exc.code == "busy" or (exc.code == "unreachable" and not exc.status)
            seconds = (
                exc.retry_after
                if exc.retry_after is not None
                else min(8.0, 0.5 * 2**tried) * random.uniform(0.5, 1)
            )
            if not again or tried == up.retries or time.monotonic() + seconds >= clock.deadline:
                raise
        pause(seconds, clock, cancel)
    raise AssertionError


def _refusal(up: Upstream, raw: Raw) -> UpstreamError:
    """An answer that is none, as an error; a redirect is one."""
    data = b""
    try:
        for chunk in raw.chunks(count_as_said=False):  # a refusal is not the beginning of an answer
            data += chunk
            if len(data) > ERROR_BYTES:
                break
    except UpstreamError as exc:
        if exc.code in ("cancelled", "timeout_total"):
            return exc
    finally:
        raw.close()
    try:
        value = json.loads(data)
    except (ValueError, RecursionError):
        value = None
    status = raw.status
    code = "busy" if status in (429, 503) else "failed" if status >= 500 else "refused"
    return UpstreamError(
        code, status=status, message=_words(up, value), retry_after=_retry_after(raw.header("Retry-After"))
    )


def _retry_after(value: str) -> float | None:
    """Seconds from a Retry-After header, given as seconds or as a date."""
    try:
        return min(
            86_400.0,
            max(
                0.0,
                float(value)
                if re.fullmatch(r"[0-9]{1,9}(\.[0-9]+)?", value)
                else parsedate_to_datetime(value).timestamp() - time.time(),
            ),
        )
    except (ValueError, TypeError, OverflowError):
        return None


def _words(up: Upstream, value: object) -> str:
    """What an error object says, without the key it may repeat."""
    for name in ("error", "message", "detail"):
        if isinstance(value, dict) and value.get(name):
            value = value[name]
    text = (
        value
        if isinstance(value, str)
        else ""
        if value is None
        else json.dumps(value, ensure_ascii=False, default=str)
    )
    if up.key:
        text = text.replace(up.key, "…")
    return "".join(c for c in text[:500] if c.isprintable() and not "\ud800" <= c <= "\udfff")


def _read(up: Upstream, raw: Raw, clock: Clock) -> Iterator[Piece]:
    answer = Answer(up.max_characters)
    encoding = raw.header("Content-Encoding").strip().lower()
    kind = raw.header("Content-Type").partition(";")[0].strip().lower()
    if encoding not in ("", "identity") or kind not in (
        "text/event-stream",
        "application/json",
        "text/plain",
        "",
    ):
        raise UpstreamError("malformed", message=f"an answer of type {kind[:80]} {encoding[:40]}".strip())
    try:
        if kind == "application/json":
            yield from _whole(up, raw, answer, clock)
        else:
            yield from _events(up, raw, answer, clock)
        answer.end()
    except TooLong as exc:
        if exc.piece:
            yield exc.piece
        raise UpstreamError("too_long") from None
    except ErrorInside as exc:
        raise UpstreamError("failed", message=_words(up, exc.error)) from None
    except (Malformed, sse.Broken):
        raise UpstreamError("malformed") from None


def _whole(up: Upstream, raw: Raw, answer: Answer, clock: Clock) -> Iterator[Piece]:
    """A server that does not stream: its one JSON answer, at once."""
    clock.phase_end = clock.total_end  # headers came; it says everything at the end
    data = bytearray()
    for chunk in raw.chunks(count_as_said=False):
        data += chunk
        if len(data) > _byte_limit(up):
            raise UpstreamError("too_long")
    yield answer.take(_json(bytes(data)))
    if not answer.finish:
        raise UpstreamError("cut")


def _events(up: Upstream, raw: Raw, answer: Answer, clock: Clock) -> Iterator[Piece]:
    parser, taken = sse.Parser.for_answers(up.max_characters), 0
    try:
        for chunk in raw.chunks(count_as_said=False):
            taken += len(chunk)
            for event in parser.feed(chunk):
                if answer.done or not event.data.strip():
                    continue
                if event.data.strip() == "[DONE]":
                    if not answer.finish:
                        answer.finish = "stop"
                        yield Piece(finish="stop")
                    answer.done = True
                    clock.phase_end = time.monotonic() + AFTER_DONE_SECONDS
                    continue
                piece = answer.take(_value(event))
                if piece:
                    yield piece
                if answer.alive:
                    clock.said()
                if answer.finish and not answer.done:
                    clock.phase_end = min(clock.phase_end, time.monotonic() + AFTER_FINISH_SECONDS)
            if taken > _byte_limit(up):
                raise UpstreamError("too_long")
    except UpstreamError:
        if answer.finish:  # the answer is whole; only its trailer is missing
            return
        raise
    event = None if answer.done else parser.end()
    if event is not None and event.data.strip() != "[DONE]":
        try:
            piece = answer.take(_value(event))
        except Malformed:
            raise UpstreamError("cut") from None
        if piece:
            yield piece
    elif event is not None and not answer.finish:
        yield Piece(finish="stop")
        return
    if not answer.finish:
        raise UpstreamError("cut")


def _value(event: sse.Event) -> object:
    value = _json(event.data)
    if event.name == "error" and not (isinstance(value, dict) and value.get("error")):
        raise ErrorInside(value)
    return value


def _json(text: str | bytes) -> object:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        raise Malformed from None


def _byte_limit(up: Upstream) -> int:
    """Servers wrap every token in some hundred bytes."""
    return (1 << 20) + 1000 * up.max_characters
