"""`k-center`: few rows that cover the many. Pure.

The greedy k-center (Gonzalez 1985): after a first row, always the one that lies farthest from all chosen,
until there are as many as asked for or none lies farther than the radius. The greatest distance left is at
most twice the least possible with so many rows. Distances are 1 - cosine. O(rows · chosen)."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from training_export.curate.identity import content_key
from training_export.option import Kind, option
from training_export.option_values import invalid
from training_export.steps.base import Means, Report, Row, Rows, Step
from training_export.steps.embeddings import vectors_of, vectors_option
from training_export.steps.texts import over_option, text_of

if TYPE_CHECKING:
    import numpy as np

COPY = 1e-6  # below this distance two rows are the same one
POINTS = 50  # of the picture of distances
TELL_EVERY = 50


@dataclass(frozen=True)
class Parameters:
    """How many rows are chosen, or how near every row must be to a chosen one."""

    budget: int = option(
        0, _("At most this many rows"), kind=Kind.INTEGER, minimum=0, metavar="N",
        help="Choose at most N rows; 0: as many as the radius asks for.",
    )  # fmt: skip
    radius: float | None = option(
        None, _("How near each row must be to a chosen one"), kind=Kind.NUMBER, minimum=0, maximum=2,
        help="Choose no more once every row is at most this far (1 - cosine) from a chosen one; unsaid: go "
        "on to the budget.",
    )  # fmt: skip
    over: str = over_option("What rows are told apart by: the whole row, its prompt, or its best answer.")
    vectors: str = vectors_option()

    def __post_init__(self):
        if not self.budget and not self.radius:
            raise invalid("budget", gettext("Say how many rows to choose, or how near they must be."))


def centres(
    matrix: "np.ndarray", budget: int, radius: float, told: Callable[[int], None] = lambda chosen: None
) -> tuple[list[int], list[float]]:
    """(rows chosen in their order, the greatest distance that is left after each). `matrix`: rows of length
    1, 32 bits. The first is the row nearest to the mean of all; of rows equally far the first goes."""
    import numpy as np

    if not len(matrix):
        return [], []
    matrix = np.ascontiguousarray(matrix, dtype=np.float32)
    chosen = [int((matrix @ matrix.mean(axis=0)).argmax())]
    nearest = matrix @ matrix[chosen[0]]
    cosines = np.empty_like(nearest)
    left: list[float] = []
    while True:
        nearest[chosen[-1]] = np.inf  # itself, whatever rounding makes of it
        farthest = int(nearest.argmin())
        left.append(max(0.0, float(1 - nearest[farthest])) if np.isfinite(nearest[farthest]) else 0.0)
        if left[-1] <= max(radius, COPY) or len(chosen) == budget:
            return chosen, left
        np.dot(matrix, matrix[farthest], out=cosines)
        np.maximum(nearest, cosines, out=nearest)
        chosen.append(farthest)
        if len(chosen) % TELL_EVERY == 0:
            told(len(chosen))


def _work(rows: Rows, parameters: Parameters, report: Report, means: Means) -> Iterator[Row]:
    import numpy as np

    budget = min(parameters.budget or len(rows), len(rows))
    keys, texts = [], []
    for row in rows:
        keys.append(content_key(row.example))
        texts.append(text_of(row.example, parameters.over))
    # by their content, so that which of two equally far goes first does not depend on the order of the rows
    order = sorted(range(len(keys)), key=lambda place: (keys[place], place))
    matrix = vectors_of([texts[place] for place in order], parameters.vectors, means)
    chosen, left = centres(
        matrix, budget, parameters.radius or 0.0, lambda done: means.progress(done, budget)
    )
    if parameters.budget and len(chosen) < budget:
        report.note("covered", str(len(chosen)))
    points = np.unique(np.linspace(0, len(left) - 1, POINTS).astype(int)) if left else []
    report.figures["distance_left"] = [[int(i) + 1, round(left[i], 4)] for i in points]
    stay = {order[number] for number in chosen}
    for place, row in enumerate(rows):
        if place in stay:
            yield row
        else:
            report.drop(row, "not_chosen")


STEP = Step(
    name="k-center",
    version=1,
    label=_("Choose few rows that cover the many"),
    about=_(
        "Chooses rows that lie far from each other until there are as many as asked for, or until every row "
        "is near a chosen one. Which ones does not depend on the order of the rows."
    ),
    parameters=Parameters,
    work=_work,
    reasons={"not_chosen": _("A row that was chosen is near enough, or as many as asked for were chosen.")},
    notes={"covered": _("Fewer rows than asked for already cover all others.")},
    heavy=True,
)
