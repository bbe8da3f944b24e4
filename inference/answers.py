"""What the chunks of an OpenAI-compatible answer say, put together: text, tool calls, sources, the end. Pure;
servers differ, so everything that is not the text itself is taken where it is understood and passed over
where not."""

import json
from dataclasses import dataclass
from typing import Any

from core.storable import text_fault
from corpus.endings import ending_of
from corpus.parts import BESIDE, split
from corpus.tool_calls import arguments_text
from inference.retrieved_sources import Sources

MAX_CALLS = 128


class Malformed(Exception):
    """What came is no chunk of an answer, or holds text that cannot be stored (NUL, half a surrogate
    pair)."""


class TooLong(Exception):
    """The answer is longer than allowed. What still fitted is in `piece`."""

    def __init__(self, piece: "Piece"):
        super().__init__()
        self.piece = piece


class ErrorInside(Exception):
    """The server sent an error object in place of a chunk."""

    def __init__(self, error: object):
        super().__init__()
        self.error = error


@dataclass(frozen=True)
class Piece:
    """What one step of a stream brought. `text` is new text; `sources` ([{title, text, url}]) and
    `tool_calls` (OpenAI's form, whole) stand for all there are so far and are None where nothing changed;
    `parts` are marks (corpus.parts) of pictures and sounds in the answer, with its end; `finish` is the
    finish_reason of the last piece of the answer ("stop", "length", "tool_calls", "content_filter" …);
    `model` and `id` as the server calls them, on the first piece; `usage` in tokens, if the server tells."""

    text: str = ""
    sources: list[dict] | None = None
    tool_calls: list[dict] | None = None
    parts: list[dict] | None = None
    finish: str = ""
    model: str = ""
    usage: dict | None = None
    id: str = ""

    def __bool__(self) -> bool:
        return bool(
            self.text
            or self.finish
            or self.sources is not None
            or self.tool_calls is not None
            or self.usage is not None
        )


class Answer:
    """Takes chunks, or one whole answer, and gives pieces. `alive` is true after a chunk in which the model
    said anything at all, thoughts included: an empty delta is no sign of life."""

    def __init__(self, limit: int):
        self.limit = limit
        self.length = 0
        self.finish = ""
        self.alive = False
        self.done = False  # [DONE] has come
        self._begun = False
        self._high = ""  # the first half of a surrogate pair that some servers cut in two
        self._calls: dict[Any, dict] = {}
        self._parts: dict[str, dict] = {}
        self._sources = Sources()

    def take(self, value: object) -> Piece:
        """The piece a chunk holds; a false one if nothing in it concerns us. Malformed, TooLong,
        ErrorInside."""
        if not isinstance(value, dict):
            raise Malformed
        self.alive = False
        if value.get("error"):
            raise ErrorInside(value["error"])
        changed = self._sources.take(value)
        choice = next(
            (c for c in _list(value.get("choices")) if isinstance(c, dict) and c.get("index") in (0, None)),
            {},
        )
        said = choice.get("delta") if isinstance(choice.get("delta"), dict) else choice.get("message")
        said = said if isinstance(said, dict) else {}
        changed |= self._sources.take(choice) | self._sources.take(said)
        text = self._text(said) if said else choice["text"] if isinstance(choice.get("text"), str) else ""
        self._take_calls(_calls_in(said))
        for mark in (
            split(said)[1]
            if isinstance(said.get("content"), list) or not BESIDE.keys().isdisjoint(said)
            else ()
        ):
            self._parts.setdefault(mark["type"], mark)  # one of a kind: sounds come in a hundred pieces
        finish = choice.get("finish_reason")
        # an end of its own is told otherwise: there this is the stop word
        if not isinstance(finish, str) and ending_of(choice.get("stop_reason")):
            finish = choice["stop_reason"]
        if finish == "error":
            raise ErrorInside(choice.get("error") or "error")
        finish = finish[:40] if isinstance(finish, str) else ""
        thoughts = said.get("reasoning_content") or said.get("reasoning")
        self.alive = bool(text or thoughts or finish or said.get("tool_calls") or said.get("function_call"))
        text = self._whole(text, last=bool(finish))
        calls = parts = None
        if finish and not self.finish:
            self.finish = finish
            calls, parts = list(self._calls.values()) or None, list(self._parts.values()) or None
        else:
            finish = ""
        first = not self._begun and bool(text or finish)
        self._begun |= first
        named: dict[str, Any] = (
            {"model": _name(value.get("model")), "id": _name(value.get("id"))} if first else {}
        )
        room = self.limit - self.length
        self.length += len(text)
        if self.length > self.limit:
            raise TooLong(
                Piece(text=text[: max(0, room)], sources=self._sources.all() if changed else None, **named)
            )
        return Piece(
            text=text,
            sources=self._sources.all() if changed else None,
            tool_calls=calls,
            parts=parts,
            finish=finish,
            usage=_usage(value.get("usage")),
            **named,
        )

    def end(self) -> None:
        """The stream is over: Malformed if half a character is still out."""
        if self._high:
            raise Malformed

    def _text(self, said: dict) -> str:
        content = said.get("content")
        if isinstance(content, list):  # parts; what is no text (thoughts, pictures) is left out
            content = "".join(
                p["text"]
                for p in content
                if isinstance(p, dict) and p.get("type", "text") == "text" and isinstance(p.get("text"), str)
            )
        if content is not None and not isinstance(content, str):
            raise Malformed
        refusal = said.get("refusal")
        return (content or "") + (refusal if isinstance(refusal, str) else "")

    def _whole(self, text: str, *, last: bool) -> str:
        text, self._high = self._high + text, ""
        if text and "\ud800" <= text[-1] <= "\udbff" and not last:
            text, self._high = text[:-1], text[-1]
        return storable(text)

    def _take_calls(self, parts: list) -> None:
        here: set[int] = set()  # calls that began or went on in this chunk
        for order, part in enumerate(parts):
            if not isinstance(part, dict):
                raise Malformed
            function: dict = part["function"] if isinstance(part.get("function"), dict) else {}
            key = part.get("index")
            # some servers leave it out: a new id is a new call, no id goes on with the last one
            if not isinstance(key, int):
                key = part.get("id") or (next(reversed(self._calls)) if self._calls else order)
            if not isinstance(key, (int, str)):
                raise Malformed
            call = self._calls.get(key)
            if call is None or _is_another(call, part, function, again=id(call) in here):
                # several under one index: the earlier one keeps its place under a name of its own
                if call is not None:
                    self._calls = {
                        (key, len(self._calls)) if k == key else k: v for k, v in self._calls.items()
                    }
                call = self._calls[key] = {
                    "id": "",
                    "type": "function",
                    "function": {"name": "", "arguments": ""},
                }
            here.add(id(call))
            if len(self._calls) > MAX_CALLS:
                raise TooLong(Piece())
            call["id"] = call["id"] or _name(part.get("id"))
            call["function"]["name"] += (
                storable(_string(function.get("name"))) if not call["function"]["name"] else ""
            )
            arguments = storable(_arguments(function.get("arguments")))
            self.length += len(arguments)
            if self.length > self.limit:
                raise TooLong(Piece())
            call["function"]["arguments"] += arguments


def _calls_in(said: dict) -> list:
    """The tool calls of a delta or message, the old `function_call` as one of them."""
    calls, old = _list(said.get("tool_calls")), said.get("function_call")
    return [{"index": 0, "function": old}] if not calls and isinstance(old, dict) else calls


def _is_another(call: dict, part: dict, function: dict, *, again: bool) -> bool:
    """Whether a part under the index of `call` begins another call: it has a name, and an id of its own; or,
    without ids, `call` is whole already. (Some servers repeat the name with every part, others give every
    part a new id.)"""
    if not _string(function.get("name")) or not call["function"]["name"]:
        return False
    if call["id"] and _name(part.get("id")):
        return call["id"] != _name(part.get("id"))
    return again or _is_json(call["function"]["arguments"])


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True


def _arguments(value: object) -> str:
    try:
        return arguments_text(value)
    except (ValueError, RecursionError):
        raise Malformed from None


def storable(text: str) -> str:
    """The text as Unicode has it: surrogate pairs joined; Malformed for what no database keeps."""
    found = text_fault(text)
    if found == "surrogate":
        try:
            text = text.encode("utf-16-le", "surrogatepass").decode("utf-16-le")
        except UnicodeDecodeError:
            raise Malformed from None
        found = text_fault(text)
    if found:
        raise Malformed
    return text


def _usage(value: object) -> dict | None:
    if not isinstance(value, dict):
        return None
    kept = {
        k: value[k]
        for k in ("prompt_tokens", "completion_tokens", "total_tokens")
        if type(value.get(k)) is int and 0 <= value[k] < 2**53
    }
    return kept or None


def _name(value: object) -> str:
    if not isinstance(value, str):
        return ""
    try:
        return storable(value[:200])
    except Malformed:
        return ""


def _string(value: object) -> str:
    return value if isinstance(value, str) else ""


def _list(value: object) -> list:
    return value if isinstance(value, list) else []
