"""Strict JSON for one record: depth before parsing, no NaN, no duplicate keys, no text that cannot be
stored."""

import json

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from core import storable
from corpus.readers import limits
from corpus.readers.errors import RowRefused


def too_deep(raw: bytes) -> bool:
    """Whether `raw` nests deeper than MAX_DEPTH, without parsing it."""
    return storable.deeper_than(raw, limits.MAX_DEPTH)


def decoded(raw: bytes, *, was_gb: bool = False) -> str:
    """`raw` as text. RowRefused for bytes that are not in the file's encoding; with `was_gb`, also for a
    UTF-8 row in a GB18030 file."""
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError:
        raise RowRefused(
            "",
            "encoding",
            _("There are bytes here that are not in the file's encoding, or half of a surrogate pair."),
        ) from None
    if was_gb and not text.isascii() and _was_utf8(text):
        raise RowRefused("", "encoding", _("This record is in UTF-8, the file in GB18030."))
    return text


def _was_utf8(text: str) -> bool:
    """Whether `text`, read as GB18030, reads better as UTF-8. Few GB rows are well-formed UTF-8 at all; of
    those, the reading with more of the 3755 common characters wins."""
    try:
        other = text.encode("gb18030").decode("utf-8")
    except UnicodeError:
        return False
    return common_share(other) > common_share(text)


def common_share(text: str) -> float:
    """How many of the characters beyond ASCII are of the 3,755 common ones or punctuation; `text` has at
    least one."""
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
        raise RowRefused(
            "", "too_deep", _("The record nests deeper than %(n)d levels.") % {"n": limits.MAX_DEPTH}
        )
    text = decoded(raw, was_gb=was_gb)
    try:
        # Raw control characters inside strings are let through (they are kept as text); NUL is refused below.
        value = storable.decoded(text, controls=True)
    except storable.NotStorable as no:
        raise RowRefused(no.detail if no.code == "duplicate_key" else "", no.code, str(no)) from None
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
    ("Extra data", gettext_lazy("there is something after the end")),
    ("Unterminated string", gettext_lazy("a text has no closing quotation mark")),
    ("Invalid control character", gettext_lazy("a text holds a line break or another control character")),
    ("Invalid \\", gettext_lazy("a backslash is followed by a character that cannot be escaped")),
)


def _said(message: str) -> str:
    return next((str(words) for begin, words in _SAYINGS if message.startswith(begin)), message)


def check_storable(value, column: str = "") -> None:
    """RowRefused naming the column if `value` cannot be stored (core.storable)."""
    if isinstance(value, dict) and not column:
        for name, part in value.items():
            check_storable([name, part], name.replace("\0", "").encode("utf-8", "ignore").decode()[:100])
    elif code := storable.fault(value):
        raise RowRefused(column, code, str(storable.SENTENCES[code]))
