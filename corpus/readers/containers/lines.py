"""Physical lines of a byte stream, and JSONL on them. Only LF ends a line: U+2028, U+0085, VT and FF are
text."""

from collections.abc import Iterator

from corpus.readers import limits


def physical_lines(stream: Iterator[bytes], *, end: bytes = b"\n") -> Iterator[tuple[int, bytes | None]]:
    """(1-based line number, the line with its end | None for one longer than MAX_RECORD_BYTES)."""
    number, rest, skipping = 1, b"", False
    for chunk in stream:
        if skipping:
            cut = chunk.find(end)
            if cut < 0:
                continue
            yield number, None
            number += 1
            chunk, skipping = chunk[cut + 1 :], False
        if end not in chunk:
            rest += chunk
        else:
            head, *parts = chunk.split(end)
            head = rest + head if rest else head
            rest = parts.pop()
            yield number, head + end if len(head) <= limits.MAX_RECORD_BYTES else None
            number += 1
            for part in parts:
                yield number, part + end
                number += 1
        if len(rest) > limits.MAX_RECORD_BYTES:
            rest, skipping = b"", True
    if skipping:
        yield number, None
    elif rest:
        yield number, rest


def jsonl(stream: Iterator[bytes]) -> Iterator[tuple[int, bytes | None]]:
    """The non-blank lines."""
    for number, line in physical_lines(stream):
        if line is None or not line.isspace():
            yield number, line
