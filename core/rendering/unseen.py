"""Characters that cannot be seen but change what is read (zero-width, bidirectional controls, control codes),
made visible.

An expert judges a text where it matters, so nothing in it may hide or turn it round: on screen each such
character becomes a small mark `<span class="unseen">U+202E</span>` in its place (and so loses its effect
there). The stored text keeps every one of them. Joiners inside emoji and inside scripts that need them
(Indic, Arabic …) are left alone, and so are variation selectors."""

import re

# C0/C1 controls but tab, LF and CR; soft hyphen; Arabic letter mark; Mongolian vowel separator; zero-width;
# bidi embeddings, overrides and isolates; line and paragraph separators; invisible operators; Hangul fillers;
# BOM; interlinear anchors; noncharacters; tags.
_UNSEEN = (
    "\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\xad\u061c\u115f\u1160\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\u3164\ufeff\uffa0\ufdd0-\ufdef\ufff9-\ufffb\ufffe\uffff"
    "\U000e0000-\U000e007f"
)
_ANY = re.compile(f"[{_UNSEEN}]")
_TAG_OR_RUN = re.compile(f"<[^>]*>|([{_UNSEEN}])\\1*")
_JOINERS = "\u200c\u200d"


def _joins(text: str, start: int, end: int) -> bool:
    """Whether the one joiner at `start` has work to do: after and before characters that are neither ASCII
    nor CJK."""
    if end - start != 1 or start == 0 or end >= len(text):
        return False

    def shaped(c: str) -> bool:
        return "\u0590" <= c <= "\u1fff" or "\u2190" <= c <= "\u2bff" or c == "\ufe0f" or c >= "\U0001f000"

    return shaped(text[start - 1]) and shaped(text[end])


def mark_html(html: str) -> str:
    """`html` (well-formed, no ">" in attribute values) with each run of unseen characters in its text turned
    into a visible mark."""
    if not _ANY.search(html):
        return html

    def mark(m: re.Match) -> str:
        c = m[1]
        if c is None:
            return m[0]
        if c in _JOINERS and _joins(html, m.start(), m.end()):
            return m[0]
        n = m.end() - m.start()
        return f'<span class="unseen">U+{ord(c):04X}{f" ×{n}" if n > 1 else ""}</span>'

    return _TAG_OR_RUN.sub(mark, html)
