"""`semantic-duplicates`: rows that mean the same in other words. Pure.

Rows are compared by the cosine of the vectors of their prompts and of each of their answers, and are twins
where every one of these is high enough: two answers to one question are no twins, nor are a pair and its
opposite. Best first, each row that is no twin of one that stays, stays. Time grows with the square of the
rows."""

from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.utils.translation import gettext_lazy as _

from training_export.curate.examples import Example
from training_export.curate.identity import answers_of
from training_export.curate.splits import folded
from training_export.option import Kind, option
from training_export.steps.base import Means, Report, Row, Rows, Step
from training_export.steps.embeddings import vectors_of, vectors_option
from training_export.steps.keeping import keep_option, order_of
from training_export.steps.texts import answer_text, asked_text, frame_and_parts, over_option
from training_export.steps.twins import histogram

if TYPE_CHECKING:
    import numpy as np

BLOCK = 1024  # rows that are compared at once
SLACK = 1e-6  # what 32 bits may take from the cosine of a text with itself


@dataclass(frozen=True)
class Parameters:
    """What counts as meaning the same, and which of the twins stays."""

    threshold: float = option(
        0.9, _("How alike"), kind=Kind.NUMBER, minimum=0, maximum=1,
        help="Rows are twins if the cosine of the vectors of their prompts and of each of their answers is "
        "at least this. What is right depends on the model: look at the figures of a first run.",
    )  # fmt: skip
    over: str = over_option("What must mean the same: the whole row, its prompt, or its best answer.")
    vectors: str = vectors_option()
    keep: str = keep_option()


def _parts(example: Example, over: str) -> tuple[bytes, list[str]]:
    """The frame and the texts compared: the whole prompt, then each answer."""
    frame, _turns = frame_and_parts(example, over)
    answers = [answer_text(answer) for answer in answers_of(example)]
    if over == "answer":
        return frame, answers[:1] or [""]
    return frame, [asked_text(example), *(answers if over == "row" else ())]


def twins(
    matrix: "np.ndarray",
    parts: "np.ndarray",
    threshold: float,
    told: Callable[[int], None] = lambda done: None,
) -> list[tuple[int, int, float]]:
    """(row, the one that stays in its place, their cosine) of every row that is a twin of an earlier one that
    stays. `parts[i]`: the rows of `matrix` that row i is made of; two rows are as alike as their least alike
    parts."""
    import numpy as np

    def alike(some: "np.ndarray", others: "np.ndarray") -> "np.ndarray":
        out = matrix[parts[some, 0]] @ matrix[parts[others, 0]].T
        for part in range(1, parts.shape[1]):
            np.minimum(out, matrix[parts[some, part]] @ matrix[parts[others, part]].T, out=out)
        return out

    stay = np.zeros(0, dtype=np.int64)
    found: list[tuple[int, int, float]] = []
    for start in range(0, len(parts), BLOCK):
        block = np.arange(start, min(start + BLOCK, len(parts)))
        best, twin = np.full(len(block), -2, dtype=np.float32), np.zeros(len(block), dtype=np.int64)
        for at in range(0, len(stay), 4 * BLOCK):
            chunk = stay[at : at + 4 * BLOCK]
            cosines = alike(block, chunk)
            nearest = cosines.argmax(axis=1)
            highest = cosines[np.arange(len(block)), nearest]
            better = highest > best
            best[better], twin[better] = highest[better], chunk[nearest[better]]
        inside = alike(block, block)
        staying: list[int] = []
        for i in range(len(block)):
            if staying and best[i] < threshold - SLACK:
                nearest = staying[int(inside[i, staying].argmax())]
                if inside[i, nearest] > best[i]:
                    best[i], twin[i] = inside[i, nearest], block[nearest]
            if best[i] >= threshold - SLACK:
                found.append((int(block[i]), int(twin[i]), float(best[i])))
            else:
                staying.append(i)
        stay = np.concatenate([stay, block[staying]])
        told(int(block[-1]) + 1)
    return found


def _work(rows: Rows, parameters: Parameters, report: Report, means: Means) -> Iterator[Row]:
    dropped = _dropped(rows, parameters, report, means)
    for place, row in enumerate(rows):
        if place in dropped:
            report.drop(row, "semantic_duplicate", f"{dropped[place]:.3f}")
        else:
            yield row


def _dropped(rows: Rows, parameters: Parameters, report: Report, means: Means) -> dict[int, float]:
    """{place of a row to drop: its cosine with the one that stays}."""
    import numpy as np

    texts: dict[str, int] = {}
    groups: dict[tuple, list] = defaultdict(list)  # {what may be twins: [(rank, place, its texts)]}
    for place, row in enumerate(rows):
        frame, parts = _parts(row.example, parameters.over)
        parts = [folded(part) for part in parts]
        if not any(parts):
            continue
        numbers = [texts.setdefault(part, len(texts)) for part in parts]
        groups[frame, len(parts)].append((order_of(row, parameters.keep, place), place, numbers))
    matrix = vectors_of(list(texts), parameters.vectors, means)
    dropped: dict[int, float] = {}
    done, total = 0, sum(map(len, groups.values()))
    for group in groups.values():
        group.sort()
        parts = np.array([numbers for _rank, _place, numbers in group], dtype=np.int64)
        for row, _twin, cosine in twins(matrix, parts, parameters.threshold):
            dropped[group[row][1]] = cosine
        done += len(group)
        means.progress(done, total)
    report.figures["cosines"] = histogram(dropped.values(), 100)
    return dropped


STEP = Step(
    name="semantic-duplicates",
    version=1,
    label=_("Drop duplicates in meaning"),
    about=_(
        "Of rows whose prompts and answers have nearly the same vectors, one stays. By characters this "
        "finds sentences turned round; with an embedding model also other words for the same. 50,000 rows "
        "take about a minute."
    ),
    parameters=Parameters,
    work=_work,
    reasons={"semantic_duplicate": _("Another row means nearly the same.")},
    heavy=True,
)
