"""Texts and numbers as pages write and read them. Pure."""


def excerpt(text: str, length: int) -> str:
    """The start of `text` on one line, at most `length` characters and a sign that there is more."""
    # White space is folded in a part only: a text of megabytes would be read whole for one line.
    part = text[: length * 3]
    flat = " ".join(part.split())
    return flat[:length] + ("…" if len(flat) > length or len(part) < len(text) else "")


def whole_number(text: str | None) -> int | None:
    """The number that an address or a form gives in plain digits, 17 at most; None for anything else."""
    return int(text) if text and text.isascii() and text.isdigit() and len(text) < 18 else None


def percent(value: float | None) -> str:
    """A share (0 to 1) as every page writes it: "62%", "<1%" and ">99%" rather than a rounded 0% or 100%;
    "–" of None."""
    if value is None:
        return "–"
    if 0 < value < 0.005:
        return "<1%"
    if 0.995 <= value < 1:
        return ">99%"
    return f"{100 * value:.0f}%"
