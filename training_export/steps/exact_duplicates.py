"""`exact-duplicates`: rows that say the same, but for how it is typed. Pure.

Equal is what is equal after NFKC, case folding and one space for each run of blanks: it only finds twins,
no text is changed by it."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass

from django.utils.translation import gettext_lazy as _

from training_export.curate.splits import folded
from training_export.steps.base import Means, Report, Row, Rows, Step
from training_export.steps.keeping import keep_option, rank_of
from training_export.steps.texts import frame_and_parts, over_option


@dataclass(frozen=True)
class Parameters:
    """Which part of two rows must be the same, and which of the twins stays."""

    over: str = over_option(
        "What must be the same for two rows to be twins: the whole row, its prompt, or its best answer."
    )
    keep: str = keep_option()


def _key(row: Row, over: str) -> bytes:
    frame, parts = frame_and_parts(row.example, over)
    kind = type(row.example).__name__
    said = "\n\n".join([kind, *map(folded, parts)]).encode("utf-8", "surrogatepass")
    return hashlib.blake2b(frame + b"\n\n" + said, digest_size=16).digest()


def _work(rows: Rows, parameters: Parameters, report: Report, means: Means) -> Iterator[Row]:
    best: dict[bytes, tuple] = {}
    for place, row in enumerate(rows):
        key, rank = _key(row, parameters.over), (*rank_of(row, parameters.keep), place)
        if key not in best or rank < best[key]:
            best[key] = rank
        means.progress(place + 1, 2 * len(rows))
    for place, row in enumerate(rows):
        means.progress(len(rows) + place + 1, 2 * len(rows))
        if best[_key(row, parameters.over)][-1] == place:
            yield row
        else:
            report.drop(row, "exact_duplicate")


STEP = Step(
    name="exact-duplicates",
    version=1,
    label=_("Drop exact duplicates"),
    about=_("Of rows that say the same, but for case, width and blanks, one stays."),
    parameters=Parameters,
    work=_work,
    reasons={"exact_duplicate": _("Another row says the same, but for case, width and blanks.")},
)
