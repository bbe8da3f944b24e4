"""Scores by batches, each computed once: what the cache knows is not computed again, and what was computed is
in the cache after every batch, so that a run that was broken off goes on where it was. Pure."""

import hashlib
import struct
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Protocol

from training_export.steps.base import Cache

VALUE = struct.Struct("<d")
KEY_BYTES = 16


class Scorer(Protocol):
    """Who computes a score of a piece. `name`: its kind, version and the fingerprint of its model; what else
    a score depends on stands in the key of the piece."""

    name: str

    def key(self, piece: Any) -> bytes:
        """The key of a piece: of every token that the model is given."""

    def measured(self, pieces: Sequence[Any]) -> Iterator[tuple[list[int], list[float]]]:
        """(positions in `pieces`, their scores), batch by batch."""


def key_of(*parts: Sequence[int]) -> bytes:
    """The key of lists of tokens."""
    digest = hashlib.blake2b(digest_size=KEY_BYTES)
    for part in parts:
        digest.update(struct.pack(f"<q{len(part)}q", len(part), *part))
    return digest.digest()


def scored(
    scorer: Scorer,
    pieces: Sequence[Any],
    cache: Cache,
    told: Callable[[int], None] = lambda done: None,
    measured: Callable[[Sequence[Any]], Iterator[tuple[list[int], list[float]]]] | None = None,
) -> list[float]:
    """The score of every piece, in their order. Equal pieces are computed once. `told(done)`: how many of the
    pieces are done, after each batch. `measured`: another way to compute the same scores."""
    keys = [scorer.key(piece) for piece in pieces]
    known = {key: VALUE.unpack(value)[0] for key, value in cache.get(scorer.name, keys).items()}
    missing = {key: piece for key, piece in zip(keys, pieces, strict=True) if key not in known}
    names, fresh = list(missing), list(missing.values())
    done = len(pieces) - len(fresh)
    told(done)
    for places, values in (measured or scorer.measured)(fresh) if fresh else ():
        found = {names[place]: value for place, value in zip(places, values, strict=True)}
        cache.put(scorer.name, {key: VALUE.pack(value) for key, value in found.items()})
        known |= found
        done += len(found)
        told(done)
    return [known[key] for key in keys]


def batches(lengths: Sequence[int], most: int) -> Iterator[list[int]]:
    """Positions of `lengths` in groups of about equal length, the longest first (what does not fit into the
    memory fails at once): in each, its number times its longest is at most `most`, or it is one alone."""
    group: list[int] = []
    for place in sorted(range(len(lengths)), key=lambda place: -lengths[place]):
        if group and (len(group) + 1) * lengths[group[0]] > most:
            yield group
            group = []
        group.append(place)
    if group:
        yield group
