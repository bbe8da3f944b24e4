"""A stream of rows on its way to a file, and which of its rows go into it in what order."""

import hashlib
from array import array
from dataclasses import dataclass, field
from pathlib import Path

from training_export.formats.order import Spacing
from training_export.formats.streams import Stream


@dataclass(slots=True)
class Part:
    """A stream as rows are put into it. `judged`: the Ledger's numbers. For streams to be spread: `spacing`,
    through which rows come; `prompts`, each row's prompt; `structured`: which of those rows have more than
    plain turns."""

    rows: Stream
    side: Stream | None
    judged: array
    spacing: Spacing | None = None
    prompts: array = field(default_factory=lambda: array("q"))
    structured: set = field(default_factory=set)

    def take(self, row: tuple, prompt: int | None) -> None:
        """`row`: its line, that of the side file, the Ledger's number, whether it is structured."""
        line, side, judged, structured = row
        self.rows.write(line)
        if self.side is not None:
            self.side.write(side)
        self.judged.append(judged)
        if prompt is not None:
            if structured:
                self.structured.add(len(self.prompts))
            self.prompts.append(prompt)

    def must_be_spread(self, drop: dict) -> bool:
        """Whether its rows, without those of `drop`, cannot stay in the order they were written in."""
        return self.spacing is not None and bool(self.spacing.met or drop or self.structured)


def drawn_by_content(part: Part, order: array, left: list[int]) -> tuple[array, list[int]]:
    """`order` and `left` (rows of one prompt, for which there is no place) with other rows of that prompt
    left: drawn by what they say, so that it does not depend on which came last."""
    prompt = part.prompts[left[0]]
    places = [at for at, i in enumerate(order) if part.prompts[i] == prompt]
    every = sorted([*(order[at] for at in places), *left])
    number = {
        i: hashlib.sha256(line).digest()
        for i, line in zip(every, part.rows.picked(array("q", every)), strict=True)
    }
    every.sort(key=number.__getitem__)
    for at, i in zip(places, every, strict=False):
        order[at] = i
    return order, sorted(every[len(places) :])


def all_but(path: Path, drop: dict):
    """The lines of a file but those at the places of `drop`."""
    with open(path, "rb") as lines:
        for i, line in enumerate(lines):
            if i not in drop:
                yield line
