"""What a seed draws: by content alone, so that the same rows are drawn wherever the project stands, under
whatever key of its own, in whatever order the rows came. Pure."""

import hashlib

from corpus.canonical import canonical_json, unified_tree


def drawn_number(seed: int, *what) -> int:
    """A stable random number of 64 bits for `what` (texts, numbers and tuples of them)."""
    named = repr((seed, *what)).encode("utf-8", "surrogatepass")
    return int.from_bytes(hashlib.sha256(named).digest()[:8], "big")


def context_name(messages: list, tools, sources) -> str:
    """What a context is called in draws: a digest of what stands in it, the same for equal contexts of all
    projects."""
    form = canonical_json(unified_tree([messages, tools or None, list(sources or ())]))
    return hashlib.sha256(form.encode("utf-8", "surrogatepass")).hexdigest()
