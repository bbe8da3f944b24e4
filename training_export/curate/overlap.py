"""What two texts have in common: runs of words or characters, and near-copies. For finding evaluation items
in training data and questions asked twice; no text is changed by it. Pure.

Texts are compared after NFKC and case folding, without blanks, punctuation and marks. A word, a number, and
each character of a script that writes no blanks (Chinese, Japanese, Thai …) is one token; so a run of 13
tokens is 13 words of English or 13 characters of Chinese, also in a text that has both."""

import re
import unicodedata
from array import array
from collections import Counter
from collections.abc import Hashable, Iterable, Iterator, Mapping
from heapq import nsmallest
from math import ceil
from typing import Generic, TypeVar

# kana, Han, Thai and Lao, Burmese, Khmer
_UNSPACED = (
    "\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
    "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff"
)
_TOKEN = re.compile(rf"[{_UNSPACED}]|[^\W_{_UNSPACED}]+")
_ONE_UNSPACED = re.compile(rf"[{_UNSPACED}]")
_BLANK_BESIDE_UNSPACED = re.compile(rf"(?<=[{_UNSPACED}]) | (?=[{_UNSPACED}])")
_ASCII_TOKEN = re.compile("[a-z0-9]+")
SHORTEST = 8  # tokens; a question of fewer is found as a near-copy only, not inside a longer text


def tokens(text: str) -> list[str]:
    """The tokens of `text` as it is compared."""
    if text.isascii():
        return _ASCII_TOKEN.findall(text.lower())
    return _TOKEN.findall(unicodedata.normalize("NFKC", text).casefold())


def without_blanks(found: list[str]) -> bool:
    """Whether most of these tokens are characters of a script that writes no blanks."""
    return 2 * sum(bool(_ONE_UNSPACED.match(token)) for token in found) > len(found)


def runs(found: list[str], length: int) -> Iterator[int]:
    """A hash of each run of `length` tokens; equal within one process only. 64 bits: among a million of an
    evaluation set, a strange run of a million is taken for one of them with a probability of 5 in 10⁸."""
    return map(hash, zip(*(found[start:] for start in range(length)), strict=False))


def shingles(text: str) -> frozenset[int]:
    """Hashes of what near-copies are told by: three characters in a row, or two where one of them is of a
    script that writes no blanks, since there a character says as much as a syllable or a word. Words are
    parted by one blank."""
    line = " ".join(tokens(text))
    if not line.isascii():
        line = _BLANK_BESIDE_UNSPACED.sub("", line)
    if len(line) < 2:
        return frozenset(map(hash, line))
    if line.isascii() or not (dense := {m.start() for m in _ONE_UNSPACED.finditer(line)}):
        return frozenset(map(hash, map("".join, zip(line, line[1:], line[2:], strict=False)))) or frozenset(
            [hash(line)]
        )
    found = set()
    for i in range(len(line) - 1):
        if i in dense or i + 1 in dense:
            found.add(hash(line[i : i + 2]))
        elif i + 2 < len(line) and i + 2 not in dense:
            found.add(hash(line[i : i + 3]))
    return frozenset(found)


def jaccard(one: frozenset[int], other: frozenset[int]) -> float:
    """Size of the intersection by size of the union; 0 of two empty sets."""
    common = len(one & other)
    return common / (len(one) + len(other) - common) if common else 0.0


Name = TypeVar("Name", bound=Hashable)
Group = TypeVar("Group", bound=Hashable)


class NearTexts(Generic[Name]):
    """Texts by name, and which of them is nearly another one: by the Jaccard similarity of their shingles,
    exactly, at least `threshold` (above 0, at most 1).

    Two sets as similar as that share one of the first n - ⌈threshold · n⌉ + 1 of their n shingles, whatever
    the order, so long as it is one for all (Chaudhuri et al. 2006, Bayardo et al. 2007): only these are
    indexed and looked up, and every candidate is then measured. `frequency`: how often shingles are met, as
    `frequencies` counts them; with the rare ones first there are few candidates."""

    def __init__(self, threshold: float, frequency: Mapping[int, int] | None = None):
        self.threshold = threshold
        self._frequency = frequency or {}
        self._names: list[Name] = []
        self._sets: list[array] = []  # sets of Python's would take ten times the memory
        self._holders: dict[int, list[int]] = {}

    def __len__(self) -> int:
        return len(self._names)

    def add(self, name: Name, found: frozenset[int]) -> None:
        """Put in a text by its `shingles`; one without any is like no other."""
        if not found:
            return
        for one in self._prefix(found):
            self._holders.setdefault(one, []).append(len(self._names))
        self._names.append(name)
        self._sets.append(array("q", found))

    def near(self, found: frozenset[int]) -> dict[Name, float]:
        """{name: similarity} of all texts that are nearly this one, in the order they were put in."""
        candidates = {n for one in self._prefix(found) for n in self._holders.get(one, ())}
        near = {}
        for n in sorted(candidates):
            size = len(self._sets[n])
            if min(size, len(found)) < self.threshold * max(size, len(found)) - 1e-9:
                continue
            common = sum(one in found for one in self._sets[n])
            similarity = common / (size + len(found) - common)
            if similarity >= self.threshold - 1e-9:
                near[self._names[n]] = similarity
        return near

    def nearest(self, found: frozenset[int]) -> tuple[Name, float] | None:
        """The (name, similarity) of the nearest text, of equally near ones the first."""
        near = self.near(found)
        return max(near.items(), key=lambda named: named[1], default=None)

    def _prefix(self, found: frozenset[int]) -> list[int]:
        most = len(found) - ceil(self.threshold * len(found) - 1e-9) + 1
        often = self._frequency.get
        return nsmallest(most, found, key=lambda one: (often(one, 0), one))


def frequencies(texts: Iterable[str]) -> Counter[int]:
    """How many of `texts` have each shingle."""
    found: Counter[int] = Counter()
    for text in texts:
        found.update(shingles(text))
    return found


class Runs(Generic[Group, Name]):
    """Runs of tokens by where they stand, put in text by text and then `close`d. `words`, `characters`: the
    length of a run in texts of words and in texts that write no blanks."""

    def __init__(self, words: int, characters: int):
        self.words, self.characters = words, characters
        self._places: dict[int, tuple[Group, Name]] = {}
        self._held_by: Counter = Counter()  # of each run: how many items of the set that first had it
        self._last: dict[int, Name] = {}
        self._lengths: set[int] = set()

    def __len__(self) -> int:
        return len(self._places)

    def add(self, group: Group, item: Name, text: str, *, whole: bool = False) -> None:
        """Put in the runs of a text of `item` in `group`. `whole`: a text shorter than a run is one itself,
        if it has SHORTEST tokens at least."""
        found = tokens(text)
        length = self.characters if without_blanks(found) else self.words
        if len(found) < length:
            if not whole or len(found) < SHORTEST:
                return
            length = len(found)
        self._lengths.add(length)
        for run in runs(found, length):
            place = self._places.setdefault(run, (group, item))
            if place[0] == group and self._last.get(run) != item:
                self._last[run] = item
                self._held_by[run] += 1

    def close(self, most: int = 0) -> int:
        """Take out the runs that more than `most` items of one group have (0: none): what a whole set begins
        its questions with is evidence for none of them. Gives how many were taken out."""
        common = [run for run, count in self._held_by.items() if most and count > most]
        for run in common:
            del self._places[run]
        self._held_by.clear()
        self._last.clear()
        return len(common)

    def find(self, text: str) -> tuple[Group, Name, int] | None:
        """(group, item, length in tokens) of the first run of `text` that is here, the longest first."""
        found = tokens(text)
        for length in sorted(self._lengths, reverse=True):
            here = list(runs(found, length))
            if not self._places.keys().isdisjoint(here):
                group, item = next(self._places[run] for run in here if run in self._places)
                return group, item, length
        return None
