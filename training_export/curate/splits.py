"""On which side of a split a row stands: by a hash of what must not be on two sides, so that a side never
changes as data grows. Pure."""

import hashlib
import unicodedata
from collections.abc import Iterable

NAMES = ("train", "validation", "test")
BY = ("prompt", "source", "user")
EVERY = "every"  # all of these together, each under its own first word


def keys_of(by: str, *, messages: list, sources: list, user: str = "") -> frozenset:
    """What must stay together. "prompt": the conversation's first user turn, folded (NFKC, case, spaces), so
    that near-copies and the branches of one tree stay on one side. "source": each source document
    (address, else title, else text). "user": the end user. Prompts without a source or user go by their
    prompt. EVERY: all of these that there are."""
    if by == EVERY:
        each = (keys_of(one, messages=messages, sources=sources, user=user) for one in BY)
        return frozenset().union(*each)
    if by == "source" and sources:
        return frozenset(
            "source " + folded(str(s.get("url") or s.get("title") or s.get("text") or ""))
            for s in sources
            if isinstance(s, dict)
        )
    if by == "user" and user:
        return frozenset(["user " + user])
    first = next((m.get("content") for m in messages if m.get("role") == "user"), None)
    return frozenset(["prompt " + folded(first if isinstance(first, str) else repr(messages))])


def keys_of_all(by: str, *, messages: list, sources: list, users: Iterable[str]) -> frozenset:
    """`keys_of` for each of `users`, together; "" is nobody known, and so is nobody at all."""
    people = set(users) - {""} or {""}
    return frozenset().union(*(keys_of(by, messages=messages, sources=sources, user=user) for user in people))


def end_user(key_hash: str) -> str:
    """What an end user is called in splits: by the project's own keyed hash, since nothing else is known of
    who they are."""
    return "end-user " + key_hash


def folded(text: str) -> str:
    """`text` as near-copies are found by: NFKC, case folded, runs of blanks as one space."""
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())


class Splitter:
    """`shares`: (train, validation, test), any non-negative numbers of which one at least is not 0."""

    def __init__(self, shares, seed: int = 0):
        total = sum(shares)
        self.seed = seed
        self.names = tuple(name for name, share in zip(NAMES, shares, strict=True) if share)
        self._bounds = []
        reached = 0.0
        for name, share in zip(NAMES, shares, strict=True):
            reached += share / total
            if share:
                self._bounds.append((reached, name))

    def side(self, keys) -> str | None:
        """The side of a row with these keys; None when they lie on different sides: then the row may stand on
        neither."""
        sides = {self._side(key) for key in keys}
        return sides.pop() if len(sides) == 1 else None

    def _side(self, key: str) -> str:
        digest = hashlib.sha256(f"{self.seed}\n{key}".encode("utf-8", "surrogatepass")).digest()
        point = int.from_bytes(digest[:8], "big") / 2**64
        return next((name for bound, name in self._bounds if point < bound), self._bounds[-1][1])
