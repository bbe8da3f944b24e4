"""JSON as the house reads it: no NaN, no duplicate keys, no lone surrogates, no NUL, bounded depth."""

import json
import re

from django.utils.translation import gettext as _
from rest_framework.exceptions import ParseError
from rest_framework.parsers import JSONParser

MAX_DEPTH = 64
# What UTF-8 and JSON's grammar forbid, only an escape can say: NUL, and half of a surrogate pair.
_SUSPECT = re.compile(rb"\\u(?:0000|[dD][89a-fA-F])")


def _no_constant(name):
    raise ValueError(f"{name} is not a JSON value")


def _no_duplicates(pairs):
    out = dict(pairs)
    if len(out) != len(pairs):
        raise ValueError("duplicate key")
    return out


def depth_of(raw: bytes, limit: int = MAX_DEPTH) -> int:
    """Deepest nesting of brackets outside strings; stops counting just above `limit`."""
    depth = deepest = 0
    in_string = escaped = False
    for byte in raw:
        if in_string:
            if escaped:
                escaped = False
            elif byte == 0x5C:
                escaped = True
            elif byte == 0x22:
                in_string = False
        elif byte == 0x22:
            in_string = True
        elif byte in (0x5B, 0x7B):
            depth += 1
            deepest = max(deepest, depth)
            if deepest > limit:
                break
        elif byte in (0x5D, 0x7D):
            depth -= 1
    return deepest


def strict_loads(raw: bytes):
    """Parse UTF-8 JSON; ValueError with a plain reason on anything the database or a trainer would choke on later."""
    if raw.count(b"[") + raw.count(b"{") > MAX_DEPTH and depth_of(raw) > MAX_DEPTH:
        raise ValueError(f"nested deeper than {MAX_DEPTH}")
    return loads_of_any_depth(raw)


def loads_of_any_depth(raw: bytes):
    """As strict_loads, for callers that look at the depth of the parts themselves; RecursionError for what nests by the thousands."""
    value = json.loads(raw.decode("utf-8"), parse_constant=_no_constant, object_pairs_hook=_no_duplicates)
    if _SUSPECT.search(raw):
        _check_texts(value)
    return value


def _check_texts(value) -> None:
    """Values are looked at, not their escapes: an answer about C may well contain the six characters of an escaped NUL."""
    if isinstance(value, str):
        if "\x00" in value:
            raise ValueError("NUL character")
        try:
            value.encode("utf-8")
        except UnicodeEncodeError:
            raise ValueError("lone surrogate") from None
    elif isinstance(value, dict):
        for key, part in value.items():
            _check_texts(key)
            _check_texts(part)
    elif isinstance(value, list):
        for part in value:
            _check_texts(part)


class StrictJSONParser(JSONParser):
    def parse(self, stream, media_type=None, parser_context=None):
        try:
            return strict_loads(stream.read())
        except (ValueError, UnicodeDecodeError) as exc:
            raise ParseError(_("The request is not valid JSON: %(reason)s") % {"reason": exc}) from exc
