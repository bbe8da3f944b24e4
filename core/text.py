"""Text shortened for lists. Pure."""


def excerpt(text: str, length: int) -> str:
    """The start of `text` on one line, at most `length` characters and a sign that there is more."""
    # White space is folded in a part only: a text of megabytes would be read whole for one line.
    part = text[: length * 3]
    flat = " ".join(part.split())
    return flat[:length] + ("…" if len(flat) > length or len(part) < len(text) else "")
