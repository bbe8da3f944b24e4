"""Putting a mark in the place of likely personal data: "[mobile]", "[email]", "[id_card]", "[bank_card]" …
Pure.

What counts is told by corpus.personal_data, here without its benefit of the doubt: a number that only
examples use is covered too. Nothing else of a text changes, and a masked text masked again stays as it is.

Two kinds more can be asked for that nothing is marked for: numbers of passports where the word stands before
them, and addresses on the internet, which versions and sections ("4.1.2.3") look like."""

import ipaddress
import json
import re
from collections.abc import Callable, Iterable

from django.utils.translation import gettext_lazy as _

from corpus import personal_data as forms

KINDS = (*forms.KINDS, "passport", "ip_address")
LABELS = {
    "mobile": _("Mobile numbers"),
    "id_card": _("Numbers of Chinese identity cards"),
    "bank_card": _("Numbers of bank cards"),
    "email": _("E-mail addresses"),
    "medical_record": _("Numbers of medical records"),
    "case_number": _("Numbers of court cases"),
    "passport": _("Numbers of passports"),
    "ip_address": _("Addresses on the internet (IP)"),
}
DEFAULT_KINDS = ("mobile", "id_card", "bank_card", "email")
_LETTERS = str.maketrans({wide: wide - 0xFEE0 for wide in (*range(0xFF21, 0xFF3B), *range(0xFF41, 0xFF5B))})
# What stands before a number in a link, a path or a name makes it less likely to be somebody's; covered it is
# all the same, but for decimals.
_MOBILE = re.compile(
    r"(?<![0-9])(?<![0-9]\.)(?:\(?\+?(?:00)?86\)?[ -]?)?1[3-9][0-9](?:[0-9]{8}|([ -])[0-9]{4}\1[0-9]{4})(?![0-9A-Za-z]|\.[0-9])"  # noqa: E501
)
_NUMBER = re.compile(r"[A-Za-z]{0,4}-?[0-9](?:-?[0-9])*\Z")
_MACHINE = re.compile(r"(?:git|hg|svn)@", re.IGNORECASE)
_LONG_NUMBER = re.compile(r"(?:[0-9０-９][ －-]?){10}[0-9０-９]")  # every mobile, card and ID card holds one
# in JSON or code: its letters are none of the number behind it
_ESCAPE = re.compile(r"\\(?:u[0-9A-Fa-f]{4}|[nrtbf])")
_DIGITS = re.compile(r"[0-9０-９]")
# Chinese ones (E, EA … EZ, G, D, S, P with eight signs in all) and the nine signs of most other countries
_PASSPORT = re.compile(
    r"(?:护照(?:号码?|编号)?|(?<![A-Za-z])passport(?:\s{0,2}(?:number|no\.?|num\.?))?)(?:[\s:：为是#=]|is){0,6}"
    r"(?P<number>[A-Za-z]{0,2}[0-9]{6,9})(?![0-9A-Za-z])",
    re.IGNORECASE,
)
_IP = re.compile(
    r"(?<![0-9A-Za-z.])(?:[0-9]{1,3}\.){3}[0-9]{1,3}(?![0-9A-Za-z]|\.[0-9])"
    r"|(?<![0-9A-Za-z.:])(?=[0-9A-Fa-f:]*[0-9])(?:[0-9A-Fa-f]{0,4}:){2,7}[0-9A-Fa-f]{0,4}(?![0-9A-Za-z:])"
)


def mask(text: str, kinds: Iterable[str] = DEFAULT_KINDS) -> str:
    """`text` with a mark in the place of everything that looks like one of `kinds` (of KINDS)."""
    kinds = tuple(kinds)
    # again, as a mark may uncover what stood too close to it; each mark takes digits or an at sign away
    while found := spans(text, kinds):
        parts, at = [], 0
        for start, end, kind in found:
            parts += [text[at:start], f"[{kind}]"]
            at = end
        text = "".join(parts) + text[at:]
    return text


def spans(text: str, kinds: Iterable[str] = DEFAULT_KINDS) -> list[tuple[int, int, str]]:
    """(start, end, kind) of what `mask` would cover at once, in order, none overlapping. Of two that overlap
    the one that begins first goes, of two that begin together the longer."""
    if not (kinds := _possible(text, kinds)):
        return []
    wide = text if text.isascii() else text.translate(forms._WIDE)  # one character for one: positions stay
    if "\\" in wide:
        wide = _ESCAPE.sub(lambda m: "\uffff" * len(m[0]), wide)
    found = [(*span, kind) for kind in kinds for span in _FINDERS[kind](wide)]
    out: list[tuple[int, int, str]] = []
    for start, end, kind in sorted(found, key=lambda s: (s[0], -s[1])):
        if not out or start >= out[-1][1]:
            out.append((start, end, kind))
    return out


def _possible(text: str, kinds: Iterable[str]) -> list[str]:
    """Those of `kinds` that `text` may hold at all: most texts hold neither a long number nor an at sign, and
    are done with here."""
    if not _DIGITS.search(text):
        return ["email"] if "email" in kinds and ("@" in text or "＠" in text) else []
    long, at = _LONG_NUMBER.search(text), "@" in text or "＠" in text
    return [k for k in kinds if (long if k in _LONG else at if k == "email" else k in _FINDERS)]


def mask_tree(value, kinds: Iterable[str] = DEFAULT_KINDS):
    """`value` (as JSON gives it) with every text in it masked: names too, and numbers that look like one of
    `kinds`. A text that is JSON itself (the arguments of a tool call) stays JSON."""
    kinds = tuple(kinds)
    if isinstance(value, str):
        return _mask_json(value, kinds) if value[:1] in {"{", "["} else mask(value, kinds)
    if isinstance(value, list):
        return [mask_tree(v, kinds) for v in value]
    if isinstance(value, dict):
        out: dict = {}
        for name, part in value.items():
            name = masked = mask(name, kinds)
            number = 1
            while masked in out:
                number += 1
                masked = f"{name} ({number})"
            out[masked] = mask_tree(part, kinds)
        return out
    if isinstance(value, bool) or value is None:
        return value
    shown = repr(value)
    return value if (masked := mask(shown, kinds)) == shown else masked


def _mask_json(text: str, kinds: tuple[str, ...]) -> str:
    """JSON in a text: masked where it stands if it is JSON afterwards, too (its spelling is kept), else
    written anew. Escapes hide digits."""
    masked = mask(text, kinds)
    if masked == text and "\\u" not in text:
        return text
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return masked
    tree = mask_tree(value, kinds)
    if tree == value:
        return text
    try:
        if json.loads(masked) == tree:
            return masked
    except (ValueError, RecursionError):
        pass
    return json.dumps(tree, ensure_ascii=False)


def _mobile(text: str):
    return (m.span() for m in _MOBILE.finditer(text))


def _id_card(text: str):
    return (m.span() for m in forms._ID_CARD.finditer(text) if forms._is_id_card(m[0]))


def _bank_card(text: str):
    return (m.span() for m in forms._CARD.finditer(text) if _luhn(re.sub("[ -]", "", m[0])))


def _email(text: str):
    text = text if text.isascii() else text.translate(_LETTERS)
    return (m.span() for m in forms._EMAIL.finditer(text) if not _MACHINE.match(m[0])) if "@" in text else ()


def _medical_record(text: str):
    """The number; the words before it stay, so that the sentence can be read."""
    return (
        (m.start() + number.start(), m.end())
        for m in forms._MEDICAL.finditer(text)
        if (number := _NUMBER.search(m[0]))
    )


def _case_number(text: str):
    return (m.span() for m in forms._CASE.finditer(text))


def _passport(text: str):
    """The number; the words before it stay."""
    return (m.span("number") for m in _PASSPORT.finditer(text))


def _ip_address(text: str):
    """Addresses that somebody can have to themselves: not those of every house's own network."""
    return (m.span() for m in _IP.finditer(text) if _is_global(m[0]))


def _is_global(address: str) -> bool:
    try:
        return ipaddress.ip_address(address).is_global
    except ValueError:
        return False


def _luhn(number: str) -> bool:
    total = 0
    for i, c in enumerate(reversed(number)):
        n = int(c) * (1 + (i & 1))
        total += n - 9 if n > 9 else n
    return 13 <= len(number) <= 19 and total % 10 == 0


_LONG = {"mobile", "id_card", "bank_card"}
_FINDERS: dict[str, Callable] = {
    "mobile": _mobile,
    "id_card": _id_card,
    "bank_card": _bank_card,
    "email": _email,
    "medical_record": _medical_record,
    "case_number": _case_number,
    "passport": _passport,
    "ip_address": _ip_address,
}
