"""What can be stored, and written into training files afterwards: one rule for every door and every writer.
Pure.

A text is storable without NUL (PostgreSQL keeps none) and without half of a surrogate pair (UTF-8 has
none). A JSON value is storable if its texts are, its numbers are finite, and it nests at most MAX_DEPTH
levels."""

import json
import math
import re
from typing import Any

from django.utils.translation import gettext_lazy as _

MAX_DEPTH = 100
LARGEST = 2**63 - 1

SENTENCES = {
    "nul": _("The text holds a NUL character, which cannot be stored."),
    "surrogate": _("The text holds half of a surrogate pair, which is not a character."),
    "not_a_number": _("A number is not finite (NaN, Infinity, or out of range), which is not JSON."),
    "too_deep": _("It nests too deeply."),
    "duplicate_key": _("A name is in one object twice."),
    "not_json": _("It is not JSON."),
    "not_an_object": _("It is not a JSON object."),
}

# What UTF-8 and JSON's grammar forbid, only an escape can say: NUL, and half of a surrogate pair.
_SUSPECT = re.compile(rb"\\u(?:0000|[dD][89a-fA-F])|\x00")
_BRACKETS = re.compile(rb'"(?>[^"\\]+|\\.)*+"|[\[{]|[\]}]', re.DOTALL)


class NotStorable(ValueError):
    """`code` is one of SENTENCES, str() its sentence in the active language; `detail` the name, number or
    place that is at fault, where that is known."""

    def __init__(self, code: str, detail: str = ""):
        super().__init__(code)
        self.code, self.detail = code, detail

    def __str__(self) -> str:
        return str(SENTENCES[self.code]) + (f" ({self.detail})" if self.detail else "")


def text_fault(text: str) -> str:
    """ "" for a text that can be stored, else "nul" or "surrogate"."""
    if "\0" in text:
        return "nul"
    try:
        text.isascii() or text.encode()
    except UnicodeEncodeError:
        return "surrogate"
    return ""


def fault(value: Any, depth: int = MAX_DEPTH) -> str:
    """ "" for a JSON value of at most `depth` levels that can be stored, else the code of what is wrong."""
    if isinstance(value, str):
        return text_fault(value)
    if isinstance(value, float):
        return "" if math.isfinite(value) else "not_a_number"
    if not isinstance(value, (list, tuple, dict)):
        return ""
    if depth <= 0:
        return "too_deep"
    if isinstance(value, dict):
        found = next((code for name in value if isinstance(name, str) and (code := text_fault(name))), "")
        return found or next((code for part in value.values() if (code := fault(part, depth - 1))), "")
    return next((code for part in value if (code := fault(part, depth - 1))), "")


def large_number(value: Any) -> bool:
    """Whether a storable value holds a number of more than 64 bits, which not every program gives back as it
    was."""
    if isinstance(value, (list, tuple, dict)):
        return any(map(large_number, value.values() if isinstance(value, dict) else value))
    return isinstance(value, (int, float)) and not -LARGEST - 1 <= value <= LARGEST


def deeper_than(raw: bytes, depth: int) -> bool:
    """Whether the JSON text `raw` nests more than `depth` levels, without parsing it."""
    if _count(raw, b"{") + _count(raw, b"[") <= depth:
        return False
    level = 0
    for found in _BRACKETS.finditer(raw):
        mark = found[0]
        if mark in b"[{":
            level += 1
            if level > depth:
                return True
        elif mark in b"]}":
            level -= 1
    return False


def _count(raw: bytes, byte: bytes) -> int:
    """How often `byte` occurs. Where that is a handful of times, looking for the next one is ten times as
    fast as counting."""
    at = -1
    for found in range(8):
        at = raw.find(byte, at + 1)
        if at < 0:
            return found
    return 8 + raw.count(byte, at + 1)


def _no_constant(name: str):
    raise NotStorable("not_a_number", name)


def _finite(text: str) -> float:
    value = float(text)
    if math.isinf(value):
        raise NotStorable("not_a_number", text[:40])
    return value


def _no_duplicates(pairs: list[tuple[str, Any]]) -> dict:
    out = dict(pairs)
    if len(out) != len(pairs):
        names = [name for name, _value in pairs]
        raise NotStorable("duplicate_key", next(n for i, n in enumerate(names) if n in names[:i])[:100])
    return out


_HOOKS: dict[str, Any] = {"object_pairs_hook": _no_duplicates, "parse_constant": _no_constant}
_EXACT = json.JSONDecoder(**_HOOKS, parse_float=_finite)
_WITH_CONTROLS = json.JSONDecoder(**_HOOKS, parse_float=_finite, strict=False)
_ANY_NUMBER = json.JSONDecoder(**_HOOKS)


def decoded(text: str, *, controls: bool = False, finite: bool = True):
    """The value of the JSON `text`; its depth and its texts are not looked at. NotStorable, and what `json`
    raises for text that is not JSON. `controls`: raw control characters may stand in strings. Without
    `finite` a number out of range becomes infinity, for callers that name the part it stands in."""
    return (_WITH_CONTROLS if controls else _EXACT if finite else _ANY_NUMBER).decode(text)


def may_hold_unstorable_text(raw: bytes) -> bool:
    """False where no text in the JSON `raw`, which is UTF-8, can hold NUL or half of a surrogate pair."""
    return _SUSPECT.search(raw) is not None


def loads(raw: bytes | str, depth: int = MAX_DEPTH):
    """The value of one JSON text that can be stored; NotStorable for any other."""
    try:
        if isinstance(raw, str):
            raw = raw.encode()
        if deeper_than(raw, depth):
            raise NotStorable("too_deep", f"> {depth}")
        value = decoded(raw.decode("utf-8"))
    except NotStorable:
        raise
    except UnicodeEncodeError:
        raise NotStorable("surrogate") from None
    except (ValueError, RecursionError) as wrong:
        raise NotStorable("not_json", str(wrong)[:200]) from None
    if may_hold_unstorable_text(raw) and (code := fault(value)):
        raise NotStorable(code)
    return value


def arguments(given: Any) -> dict:
    """The arguments of a tool call as an object: given as one, or as the JSON text of one ("" is none).
    NotStorable for anything that no chat template could render."""
    if isinstance(given, str):
        given = loads(given) if given else {}
    elif code := fault(given):
        raise NotStorable(code)
    if not isinstance(given, dict):
        raise NotStorable("not_an_object")
    return given


def call_fault(calls: Any) -> str:
    """ "" if the tool calls of a message can be stored, and what their arguments say, too. Arguments that are
     no JSON at
    all are text, as a model may well write it: they can be stored, and make no training row."""
    if code := fault(calls):
        return code
    for call in calls if isinstance(calls, list) else ():
        function = call.get("function") if isinstance(call, dict) else None
        given = function.get("arguments") if isinstance(function, dict) else None
        if isinstance(given, str):
            try:
                arguments(given)
            except NotStorable as no:
                if no.code not in ("not_json", "not_an_object", "duplicate_key"):
                    return no.code
    return ""
