"""Strict JSON for one record: depth before parsing, no NaN, no duplicate keys, no text that cannot be stored."""

import json
import math
import re

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from corpus.readers import limits
from corpus.readers.errors import RowRefused

_BRACKETS = re.compile(rb'"(?>[^"\\]+|\\.)*+"|[\[{]|[\]}]', re.DOTALL)
_SURROGATE = re.compile("[\ud800-\udfff]")


def _no_constant(name):
    raise RowRefused("", "not_a_number", _("%(name)s is not JSON: a number must be finite.") % {"name": name})


def _finite(text):
    value = float(text)
    if math.isinf(value):
        raise RowRefused("", "not_a_number", _("The number %(text)s is out of range.") % {"text": text[:40]})
    return value


def _no_duplicates(pairs):
    out = dict(pairs)
    if len(out) != len(pairs):
        names = [name for name, _value in pairs]
        name = next(n for i, n in enumerate(names) if n in names[:i])
        raise RowRefused(name[:100], "duplicate_key", _("The name %(name)s stands twice in one object.") % {"name": name[:100]})
    return out


# Raw control characters inside strings are let through (they are kept as text); NUL is refused below.
_DECODER = json.JSONDecoder(object_pairs_hook=_no_duplicates, parse_constant=_no_constant, parse_float=_finite, strict=False)


def _count(raw: bytes, byte: bytes) -> int:
    """How often `byte` occurs. Where that is a handful of times, looking for the next one is ten times as fast as counting."""
    at = -1
    for found in range(8):
        at = raw.find(byte, at + 1)
        if at < 0:
            return found
    return 8 + raw.count(byte, at + 1)


def too_deep(raw: bytes) -> bool:
    """Whether `raw` nests deeper than MAX_DEPTH, without parsing it."""
    if _count(raw, b"{") + _count(raw, b"[") <= limits.MAX_DEPTH:
        return False
    depth = 0
    for m in _BRACKETS.finditer(raw):
        c = m[0]
        if c in b"[{":
            depth += 1
            if depth > limits.MAX_DEPTH:
                return True
        elif c in b"]}":
            depth -= 1
    return False


def decoded(raw: bytes, *, was_gb: bool = False) -> str:
    """`raw` as text. RowRefused for bytes that are not in the file's encoding; with `was_gb`, also for a UTF-8 row in a GB18030 file."""
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError:
        raise RowRefused("", "encoding", _("There are bytes here that are not in the file's encoding, or half of a surrogate pair.")) from None
    if was_gb and not text.isascii() and _was_utf8(text):
        raise RowRefused("", "encoding", _("This record is in UTF-8, the file in GB18030."))
    return text


def _was_utf8(text: str) -> bool:
    """Whether `text`, read as GB18030, reads better as UTF-8. Few GB rows are well-formed UTF-8 at all; of those, the reading with more
    of the 3755 common characters wins."""
    try:
        other = text.encode("gb18030").decode("utf-8")
    except UnicodeError:
        return False
    return common_share(other) > common_share(text)


def common_share(text: str) -> float:
    """How many of the characters beyond ASCII are of the 3,755 common ones or punctuation; `text` has at least one."""
    wide = [c for c in text if ord(c) > 127]
    common = 0
    for c in wide:
        try:
            common += 0xA1 <= c.encode("gb2312")[0] <= 0xA3 or 0xB0 <= c.encode("gb2312")[0] <= 0xD7
        except UnicodeEncodeError:
            continue
    return common / len(wide)


def parse(raw: bytes, *, was_gb: bool = False):
    """The value of one JSON text. RowRefused with the reason and, where it is known, the column."""
    if too_deep(raw):
        raise RowRefused("", "too_deep", _("The record nests deeper than %(n)d levels.") % {"n": limits.MAX_DEPTH})
    text = decoded(raw, was_gb=was_gb)
    try:
        value = _DECODER.decode(text)
    except RowRefused:
        raise
    except (ValueError, RecursionError) as e:
        reason = _said(e.msg) if isinstance(e, json.JSONDecodeError) else str(e)
        raise RowRefused("", "json", _("This is not JSON: %(error)s") % {"error": reason[:200]}) from None
    if (b"\\" in raw and b"\\u" in raw) or b"\0" in raw:  # one byte is found faster than two
        check_storable(value)
    return value


# What the decoder says, so that it can be said in other languages.
_SAYINGS = (
    ("Expecting value", gettext_lazy("a value is missing or cut off")),
    ("Expecting property name", gettext_lazy("a name in double quotes is missing")),
    ("Expecting ',' delimiter", gettext_lazy("a comma is missing")),
    ("Expecting ':' delimiter", gettext_lazy("a colon is missing")),
    ("Illegal trailing comma", gettext_lazy("there is a comma too many")),
    ("Extra data", gettext_lazy("something follows behind the end")),
    ("Unterminated string", gettext_lazy("a text has no closing quotation mark")),
    ("Invalid control character", gettext_lazy("a text holds a line break or another control character")),
    ("Invalid \\", gettext_lazy("a backslash is followed by what it cannot stand before")),
)


def _said(message: str) -> str:
    return next((str(words) for begin, words in _SAYINGS if message.startswith(begin)), message)


def check_storable(value, column: str = "") -> None:
    """RowRefused if a text in `value` holds NUL or half of a surrogate pair: neither can be stored as it is."""
    if isinstance(value, str):
        if "\0" in value:
            raise RowRefused(column, "nul", _("The text holds a NUL character, which cannot be stored."))
        if not value.isascii() and _SURROGATE.search(value):
            raise RowRefused(column, "surrogate", _("The text holds half of a surrogate pair, which is no character."))
    elif isinstance(value, list):
        for v in value:
            check_storable(v, column)
    elif isinstance(value, dict):
        for k, v in value.items():
            here = column or k.replace("\0", "").encode("utf-8", "ignore").decode()[:100]
            check_storable(k, here)
            check_storable(v, here)
