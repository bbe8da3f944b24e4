"""How the answers of a row may be called: by the ends of their columns, by letters, by numbers, in groups
such as `b>a=c`."""

import re

from corpus.readers.judgements import scales

_LETTERS = "abcdefghij"
_WORDS = re.compile(
    r"(?:answer|response|output|completion|reply|candidate|model|option|assistant|回答|答案|回复|选项|模型|human_ref)[_ ]?"  # noqa: E501
)
_WINS = re.compile(r"\s*(?:is better|better|wins?|更?好|更?优|较好|较优|胜出?|获胜|赢)$")  # behind a name
BETTER, WORSE, EQUAL = re.compile(r"[>＞≻]+"), re.compile(r"[<＜≺]+"), re.compile(r"[=＝~]+")


def named(names: list[str], places: list, scale: str = "") -> dict[str, int | None]:
    """{how an answer may be called: where it stands}: as its column ends; where columns end with numbers also
    by letter, and the reverse; where with neither, by letter and number in their order. `scale` says what
    numbers stand for, scales.TIE among them; letters go by the columns."""
    index = {name.casefold(): place for name, place in zip(names, places, strict=True)}
    numbered = all(name.isdigit() for name in index)
    if numbered:
        lowest = 0 if "0" in index else 1
        more = {
            _LETTERS[int(name) - lowest]: place
            for name, place in index.items()
            if 0 <= int(name) - lowest < 10
        }
    elif all(len(name) == 1 and "a" <= name <= "j" for name in index):
        more = {}
    else:
        more = dict(zip(_LETTERS, places, strict=False))
    return (
        more
        | _numbers(index, places, scale, numbered=numbered)
        | {name: place for name, place in index.items() if not name.isdigit()}
    )


def _numbers(index: dict, places: list, scale: str, *, numbered: bool) -> dict[str, int | None]:
    """What each number stands for. Columns that end with numbers are called by these, from 0 where the scale
    counts from 0."""
    if not numbered and not all(len(name) == 1 and "a" <= name <= "j" for name in index):
        index = {_LETTERS[i]: place for i, place in enumerate(places[:10])}
    if scale == "1-first":
        return {str(i): places[at] for i in (0, 1) if (at := scales.place(i, scale, len(places))) is not None}
    if numbered:
        shift = 1 if scale == "0-first" and "0" not in index else 0
        out = {str(int(name) - shift): place for name, place in index.items()}
    else:
        first = 0 if scale == "0-first" or "0" in index else 1
        out = {str(_LETTERS.index(name) + first): place for name, place in index.items()}
    tie = scales.tie_at(scale) if scale != "0-first" else len(places)
    if tie is not None and out.setdefault(str(tie), scales.TIE) != scales.TIE:
        out.pop(str(tie))  # the number names an answer, too
    return out


def find(name: str, index: dict[str, int | None]) -> int | None:
    """Where the answer called `name` stands; None for a name of none, and for an answer that is missing."""
    name = name.strip().casefold()
    for called in (name, _WORDS.sub("", name, count=1).strip()):
        for one in (called, _WINS.sub("", called)):
            if one in index:
                return index[one]
    return None


def groups(word: str, index: dict[str, int | None]) -> list[list] | None:
    """The groups that a text names, best first: `b>a=c`, and `a<b` from the worst; None where it goes up and
    down."""
    up = bool(WORSE.search(word))
    if up and BETTER.search(word):
        return None
    parts = [
        [find(name, index) for name in EQUAL.split(part)] for part in (WORSE if up else BETTER).split(word)
    ]
    return parts[::-1] if up else parts
