"""Names that a person would take for another's. Pure."""

import unicodedata

# Letters of other scripts that are drawn like Latin ones (of Unicode's confusables, UTS #39, those of
# Cyrillic and Greek).
_DRAWN_ALIKE = dict(
    zip(
        "\u0430\u0435\u043e\u0440\u0441\u0443\u0445\u0456\u0458\u0455\u04bb\u0501\u051b\u051d\u043a\u043c\u0442\u0432\u043d"
        "\u03b1\u03bf\u03c1\u03c5\u03bd\u03b9\u03ba\u03c4",
        "aeopcyxijshdqwkmtbhaopuvikt",
        strict=True,
    )
)
# Drawn alike in most typefaces.
_STROKES = str.maketrans({"I": "l", "1": "l", "|": "l", "O": "o", "0": "o"})


def _forms(name: str) -> tuple[str, ...]:
    whole = unicodedata.normalize("NFKC", name)
    return tuple(
        "".join(_DRAWN_ALIKE.get(c, c) for c in text.casefold())
        for text in (whole, whole.translate(_STROKES))
    )


def alike(one: str, other: str) -> bool:
    """Whether the names differ only in capitals, compatible forms, letters of another script that are drawn
    like Latin ones, or strokes that are (capital I, l and 1; O and 0)."""
    return any(a == b for a, b in zip(_forms(one), _forms(other), strict=True))
