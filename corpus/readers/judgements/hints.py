"""What the header of a column says about its numbers: `label (0=A, 1=B, 2=tie)`."""

import re

_HINT = re.compile(r"(?P<name>.*\S)\s*[(（\[【](?P<hint>[^()（）\[\]【】]*)[)）\]】]\s*", re.S)
_PAIR = re.compile(r"\s*(?P<number>-?\d{1,2})\s*(?:[=:：是为]|is|means)\s*(?P<word>.+?)\s*", re.S | re.I)
_ABOUT_ANSWERS = re.compile(
    r"(?:answer|response|output|model|option|assistant|回答|答案|选项|模型)[_ ]?|_?(?:is )?(?:better|wins?|更?好|胜|优)$",  # noqa: E501
    re.I,
)
_FIRST, _SECOND = (
    {"a", "1", "first", "1st", "left", "第一", "第一个", "左", "甲"},
    {"b", "2", "second", "2nd", "right", "第二", "第二个", "右", "乙"},
)
_TIE = {
    "tie",
    "ties",
    "tied",
    "equal",
    "same",
    "draw",
    "neither",
    "平",
    "平局",
    "平手",
    "一样",
    "相同",
    "持平",
}
TIE = -1


def _parts(column: str) -> tuple[str, dict[int, int]]:
    found = _HINT.fullmatch(column)
    out: dict[int, int] = {}
    if found is None:
        return column, out
    for part in re.split(r"[,，;；、/|]", found["hint"]):
        pair = _PAIR.fullmatch(part)
        if pair is None:
            return column, {}
        word = pair["word"].strip().casefold()
        word = word if word in _TIE else _ABOUT_ANSWERS.sub("", word).strip()
        place = TIE if word in _TIE else 0 if word in _FIRST else 1 if word in _SECOND else None
        if place is None:
            return column, {}
        out[int(pair["number"])] = place
    return (found["name"], out) if out else (column, out)


def bare(column: str) -> str:
    """The column's name without what it says about its numbers."""
    return _parts(column)[0] if column.rstrip()[-1:] in ")）]】" else column


def hinted(column: str) -> dict[int, int]:
    """{number: the answer it names (0 the first), or TIE} as the header says; empty where it says nothing
    that is understood whole."""
    return _parts(column)[1]
