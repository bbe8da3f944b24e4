"""`near-duplicates`: rows that say nearly the same in nearly the same words. Pure.

Candidates are rows that agree in a band of their MinHash signatures (Broder 1997; rensa computes them);
whether they are twins is decided by the exact Jaccard index of their runs of characters,

    J(A, B) = |A ∩ B| / |A ∪ B|

for each turn and each answer by itself: a short question that differs in one figure is another question,
however long the answer to both. Twins of twins form a cluster; in it the best row stays, and of the others
each that is no twin of one that stays."""

import hashlib
from array import array
from collections.abc import Iterator
from dataclasses import dataclass

from django.utils.translation import gettext_lazy as _

from training_export.curate.examples import Preference
from training_export.curate.splits import folded
from training_export.option import Kind, option
from training_export.steps.base import Means, Report, Row, Rows, Step
from training_export.steps.keeping import keep_option, order_of
from training_export.steps.texts import frame_and_parts, over_option
from training_export.steps.twins import Clusters, histogram

NUMBERS = 128  # of a signature, at most
RECALL = 0.99  # of two rows exactly at the threshold to become candidates
BATCH = 128  # rows whose runs still lie in the processor's cache when they are hashed


@dataclass(frozen=True)
class Parameters:
    """What counts as nearly the same, where it is looked for, and which of the twins stays."""

    threshold: float = option(
        0.8, _("How alike"), kind=Kind.NUMBER, minimum=0, maximum=1,
        help="Rows are twins if the Jaccard index of the runs of characters of each of their turns and "
        "answers is at least this. One character changed in a text of 50 leaves 0.8, in one of 100 leaves "
        "0.9.",
    )  # fmt: skip
    run: int = option(
        5, _("Characters in a run"), kind=Kind.INTEGER, minimum=1, maximum=50,
        help="How many characters the runs have that are compared.",
    )  # fmt: skip
    over: str = over_option("What must be nearly the same: the whole row, its prompt, or its best answer.")
    against: str = option(
        "", _("Other sets"), kind=Kind.TEXT, metavar="NAMES",
        help="Names of other sets, parted by commas: rows that are near one of theirs are dropped, too.",
    )  # fmt: skip
    keep: str = keep_option()


def bands_of(threshold: float) -> tuple[int, int]:
    """(bands, numbers in a band) of a signature of at most 128 numbers: of the longest bands with which two
    rows at the threshold agree in one with a probability of at least 0.99, that is 1 - (1 - J^r)^b."""
    for rows in range(NUMBERS, 1, -1):
        bands = NUMBERS // rows
        if 1 - (1 - threshold**rows) ** bands >= RECALL:
            return bands, rows
    return NUMBERS, 1


def runs_of(text: str, length: int) -> list[str]:
    """All runs of `length` characters of `text`, or the text where it is shorter."""
    return [text[i : i + length] for i in range(len(text) - length + 1)] or [text]


class Index:
    """Places of rows with the rows that may be their twins. `add` in batches; texts are not kept."""

    def __init__(self, parameters: Parameters):
        from rensa import RMinHash, RMinHashLSH

        bands, rows = bands_of(parameters.threshold)
        self.numbers, self.run, self.over = bands * rows, parameters.run, parameters.over
        self.size = 0
        self.pairs = (array("q"), array("q"))
        self._signature = RMinHash
        self._lsh = RMinHashLSH(parameters.threshold, self.numbers, bands)
        self._first: dict[bytes, int] = {}
        self._waiting: list[list[str]] = []
        self._places: list[int] = []  # of the signature with this number

    def add(self, row: Row) -> None:
        """Put a row at the next place."""
        frame, parts = frame_and_parts(row.example, self.over)
        place, parts = self.size, [folded(part) for part in parts]
        self.size += 1
        if not any(parts):
            return
        key = hashlib.blake2b(frame, digest_size=16)
        for part in parts:
            key.update(part.encode("utf-8", "surrogatepass") + b"\0")
        first = self._first.setdefault(key.digest(), place)
        if first != place:
            # its text is that one's to the letter: whoever is near the one is near the other
            self._pair(first, place)
            return
        runs = runs_of(parts[0], self.run)
        for part in parts[1:]:
            runs += runs_of(part, self.run)
        self._waiting.append(
            runs if _utf8(parts) else [run.encode("utf-8", "replace").decode() for run in runs]
        )
        self._places.append(place)
        if len(self._waiting) == BATCH:
            self.flush()

    def _pair(self, a: int, b: int) -> None:
        self.pairs[0].append(a)
        self.pairs[1].append(b)

    def flush(self) -> None:
        """Find the candidates of what was added last."""
        if not self._waiting:
            return
        signatures = self._signature.from_token_sets(self._waiting, self.numbers, 0)
        start = len(self._places) - len(self._waiting)
        self._lsh.insert_many(signatures, start)
        for number, found in enumerate(self._lsh.query_all(signatures), start):
            for other in found:
                if other < number:
                    self._pair(self._places[other], self._places[number])
        self._waiting = []


def _utf8(parts: list[str]) -> bool:
    try:
        for part in parts:
            part.encode()
    except UnicodeEncodeError:
        return False
    return True


class Texts:
    """The runs of the rows that have a candidate."""

    def __init__(self, parameters: Parameters):
        self.parameters = parameters
        self._of: dict[int, tuple[bytes, list[frozenset]]] = {}
        self._pairs: set[int] = set()  # places of preferences, compared with their answers
        self._runs: dict[str, frozenset] = {}  # texts that many rows share are held once

    def keep(self, place: int, row: Row) -> None:
        """Remember what the row at `place` says."""
        frame, parts = frame_and_parts(row.example, self.parameters.over)
        if isinstance(row.example, Preference) and self.parameters.over == "row":
            self._pairs.add(place)
        self._of[place] = (frame, [self._runs_of(folded(part)) for part in parts])

    def _runs_of(self, text: str) -> frozenset:
        if text not in self._runs:
            self._runs[text] = frozenset(runs_of(text, self.parameters.run))
        return self._runs[text]

    def likeness(self, a: int, b: int) -> float:
        """The smallest Jaccard index of two rows' parts; 0 for rows that cannot be twins."""
        (frame, first), (other, second) = self._of[a], self._of[b]
        if frame != other or len(first) != len(second):
            return 0.0
        if first == second:
            return 1.0
        straight = _least(first, second)
        # "A over B" is no twin of "B over A", however alike A and B are
        if a in self._pairs and _least(first, [*second[:-2], second[-1], second[-2]]) >= straight:
            return 0.0
        return straight


def _least(first: list[frozenset], second: list[frozenset]) -> float:
    """The smallest Jaccard index of parts in their order; two empty parts are alike."""
    return min(len(x & y) / len(x | y) if x or y else 1.0 for x, y in zip(first, second, strict=True))


def _sets(parameters: Parameters, means: Means) -> list[tuple[str, Rows]]:
    names = [name.strip() for name in str(parameters.against).split(",")]
    return [(name, means.sets(name)) for name in names if name]


def _work(rows: Rows, parameters: Parameters, report: Report, means: Means) -> Iterator[Row]:
    others = _sets(parameters, means)
    index = Index(parameters)
    elsewhere: list[tuple[int, str]] = []  # (place of its first row, name)
    for name, other in others:
        elsewhere.append((index.size, name))
        for row in other:
            index.add(row)
    start = index.size
    total = start + 2 * len(rows)
    for row in rows:
        index.add(row)
        means.progress(index.size, total)
    index.flush()
    dropped = _dropped(rows, others, index, start, parameters, report)
    for number, row in enumerate(rows):
        means.progress(index.size + number + 1, total)
        twin = dropped.get(start + number)
        if twin is None:
            yield row
        elif twin[0] < start:
            name = next(name for first, name in reversed(elsewhere) if first <= twin[0])
            report.drop(row, "near_duplicate_elsewhere", f"{name}, {twin[1]:.2f}")
        else:
            report.drop(row, "near_duplicate", f"{twin[1]:.2f}")


def _dropped(
    rows: Rows, others: list, index: Index, start: int, parameters: Parameters, report: Report
) -> dict:
    """{place of a row to drop: (place of the twin that stays, how alike)}."""
    wanted = set(index.pairs[0]) | set(index.pairs[1])
    texts, ranks = Texts(parameters), {}
    place = 0
    for of_others, some in [*((True, other) for _name, other in others), (False, rows)]:
        for row in some:
            if place in wanted:
                texts.keep(place, row)
                ranks[place] = (0,) if of_others else (1, *order_of(row, parameters.keep, place))
            place += 1
    clusters = Clusters()
    for a, b in zip(*index.pairs, strict=True):
        apart = max(a, b) >= start and clusters.root(a) != clusters.root(b)
        if apart and texts.likeness(a, b) >= parameters.threshold:
            clusters.join(a, b)
    dropped: dict[int, tuple[int, float]] = {}
    found = clusters.of(wanted)
    for cluster in found:
        stay: list[int] = []
        for place in sorted(cluster, key=lambda place: (ranks[place], place)):
            near = ((texts.likeness(other, place), -other) for other in stay) if place >= start else ()
            best = max(near, default=(0.0, 0))
            if best[0] >= parameters.threshold:
                dropped[place] = (-best[1], best[0])
            else:
                stay.append(place)
    sizes = [sum(place >= start for place in cluster) for cluster in found]
    report.figures["clusters"] = {"count": len(sizes), "largest": max(sizes, default=0)}
    report.figures["likeness"] = histogram((like for _twin, like in dropped.values()), 20)
    return dropped


STEP = Step(
    name="near-duplicates",
    version=1,
    label=_("Drop near duplicates"),
    about=_(
        "Of rows that say nearly the same in nearly the same words, one stays. Which one does not depend on "
        "the order of the rows, unless the first is asked for."
    ),
    parameters=Parameters,
    work=_work,
    reasons={
        "near_duplicate": _("Another row says nearly the same."),
        "near_duplicate_elsewhere": _("A row of another set says nearly the same."),
    },
    heavy=True,
)
