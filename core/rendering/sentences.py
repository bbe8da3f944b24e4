"""A text cut into sentences, Chinese and English: `"".join(split(text)) == text` always holds.

Used to number the sentences of a source, so that a claim can name the one it rests on."""

import re

_WORDS = (
    "mr mrs ms dr prof st jr sr vs etc e.g i.e cf al no nos art arts sec secs fig figs vol pp p ch "
    "approx est inc ltd co corp dept u.s u.k v ed eds rev "
    "gen cap para paras cl reg regs ref viz ca jan feb mar apr jun jul aug sep sept oct nov dec"
)
_ABBREVIATIONS = frozenset(_WORDS.split())
_CLOSERS = "”’\"')）】》」』〕]"
# The end of a sentence: Chinese stops at once; Western stops only before white space or the end; a line end
# always.
_END = re.compile(
    rf"(?:[。！？!?…]+[{re.escape(_CLOSERS)}]*|[；;](?=\s*\n)|(?<!\.)\.++[{re.escape(_CLOSERS)}]*+(?=\s|$))|\n"
)
_WORD_BEFORE = re.compile(r"([A-Za-z][A-Za-z.]*)\Z")
_LOOK_BACK = 64  # characters before a mark that tell what it ends: longer words are no abbreviations
_BLANKS = re.compile(r"[ \t]*")
_LIST_NUMBER = re.compile(r"\n\s*(?:[-*+]\s+)?\(?(?:\d{1,3}|[a-zA-Z]|[ivxIVX]{1,5})\Z")


def _is_end(text: str, start: int, m: re.Match) -> bool:
    mark = m[0]
    if mark == "\n":
        return True
    if mark[0] in "。！？…；;":
        return True
    if mark[0] in "!?":
        rest = text[m.end() : m.end() + 40]
        return not rest or (
            not (rest[0].isascii() and rest[0].isalnum()) and not rest.lstrip(" ")[:1].islower()
        )
    first = max(start, m.start() - _LOOK_BACK)
    before = text[first : m.start()]
    if _LIST_NUMBER.search("\n" + before if first == start else before):
        return False  # "1." and "a." begin a list entry
    if mark.startswith(".") and not mark.startswith(".."):
        word = _WORD_BEFORE.search(before)
        if word and (
            word[1].lower() in _ABBREVIATIONS
            or (len(word[1]) == 1 and word[1].isupper())
            or re.fullmatch(r"(?:[A-Za-z]\.)+[A-Za-z]", word[1])
        ):
            after = _BLANKS.match(text, m.end()).end()  # type: ignore[union-attr]  # it matches nothing, too
            return after == len(text) or text[after] == "\n"
    rest = text[m.end() : m.end() + 40].lstrip(" \t")
    return not rest or not rest[0].islower()


def split(text: str) -> list[str]:
    """The sentences of `text` in order, each with the white space that follows it; nothing is lost or
    changed. Blank text: one part or none."""
    parts: list[str] = []
    start = pos = 0
    while pos < len(text):
        m = _END.search(text, pos)
        if m is None:
            break
        pos = m.end()
        if not _is_end(text, start, m):
            continue
        while pos < len(text) and text[pos].isspace():
            pos += 1
        if text[start:pos].strip() or not parts:
            parts.append(text[start:pos])
        else:
            parts[-1] += text[start:pos]
        start = pos
    if start < len(text):
        parts.append(text[start:])
    if len(parts) > 1 and not parts[0].strip():
        parts[:2] = [parts[0] + parts[1]]
    return parts
