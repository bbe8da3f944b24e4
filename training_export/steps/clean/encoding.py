"""Text that was read in the wrong encoding. Pure.

Single-byte code pages (UTF-8 read as Latin-1, Windows-1252, Cyrillic …) are told by ftfy's measure of
badness. What it does not know is UTF-8 read as GBK: two Chinese characters become three rare ones. Encoded as
GBK again, such a text is UTF-8; a text of characters that people use is not, as theirs begin with the bytes
B0 to D7 and a Chinese character in UTF-8 begins with E4 to E9."""

import re

_HAN = rb"(?:[\xe4-\xe9][\x80-\xbf]{2}|\xe3\x80[\x80-\xbf]|\xef\xbc[\x80-\xbf])"
_FOUR_HAN = re.compile(_HAN + rb"{4}")
_ALL_HAN = re.compile(_HAN + rb"{2,}\Z")
_RUN = re.compile(r"[^\x00-\x7f]{3,}")
_SINGLE_BYTE = re.compile(r"[\u0080-\u06ff]")  # what a code page makes of the first byte of a character
# GBK of what UTF-8 has for an unknown character, and of memory that a debugger filled with CC and CD
_SIGNS = ("\ufffd", "锟斤拷", "烫烫烫", "屯屯屯")


def is_mojibake(text: str) -> bool:
    """Whether some of `text` was read in the wrong encoding, or holds U+FFFD, the sign that something could
    not be read."""
    if text.isascii():
        return False
    if any(sign in text for sign in _SIGNS):
        return True
    if _SINGLE_BYTE.search(text):
        from ftfy.badness import is_bad

        if is_bad(text):
            return True
    return any(_is_utf8_as_gbk(run[0]) for run in _RUN.finditer(text))


def _is_utf8_as_gbk(run: str) -> bool:
    raw = run.encode("gb18030", "replace")
    return _FOUR_HAN.search(raw) is not None or _ALL_HAN.match(raw) is not None
