"""Fences and JSON that break off. Pure."""

import json
import re
from collections.abc import Iterator
from typing import NamedTuple

_FENCE = re.compile(r"[ \t>]*(?:[-*+][ \t]+|\d{1,9}[.)][ \t]+)?(`{3,}|~{3,})[ \t]*([^\n]*)")
_AS_JSON = re.compile(r"\{\s*[\"}]|\[\s*(?:\{\s*\"|\")")


class Block(NamedTuple):
    """A stretch of a text: `info` is None for prose, else the information string of a fenced block."""

    info: str | None
    text: str
    closed: bool = True


def blocks(text: str) -> Iterator[Block]:
    """Prose and fenced blocks in turn. A fence is closed, as in CommonMark, by a line of the same sign, at
    least as long and with nothing behind it; how far it is indented makes no difference here."""
    opened, info, lines = "", None, []
    for line in text.splitlines():
        found = _FENCE.match(line)
        if opened:
            if found and found[1][0] == opened[0] and len(found[1]) >= len(opened) and not found[2].strip():
                yield Block(info, "\n".join(lines))
                opened, info, lines = "", None, []
                continue
        elif found and not (found[1][0] == "`" and "`" in found[2]):
            yield Block(None, "\n".join(lines))
            opened, info, lines = found[1], found[2].strip(), []
            continue
        lines.append(line)
    yield Block(info, "\n".join(lines), closed=not opened)


def has_fence(text: str) -> bool:
    """Whether there may be a fenced block at all."""
    return "```" in text or "~~~" in text


def without_fences(text: str) -> str:
    """`text` without its fenced blocks."""
    return "\n".join(b.text for b in blocks(text) if b.info is None) if has_fence(text) else text


def has_open_fence(text: str) -> bool:
    """Whether a block of code is opened and never closed."""
    return has_fence(text) and not all(block.closed for block in blocks(text))


def has_broken_json(text: str) -> bool:
    """Whether `text` claims to be JSON and is not: a block called json, or an answer that begins and ends
    like an object or a list of objects or strings, and is not one object a line either."""
    if has_fence(text):
        claimed = [b for b in blocks(text) if b.info is not None and b.info.lower().split()[:1] == ["json"]]
        return any(block.closed and not _is_json(block.text) for block in claimed)
    stripped = text.strip()
    if _AS_JSON.match(stripped) is None or stripped[-1] not in "]}":
        return False
    lines = [line for line in stripped.splitlines() if line.strip()]
    return not _is_json(stripped) and not all(map(_is_json, lines))


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True
