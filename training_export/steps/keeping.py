"""Which of several twins stays: one rule for all steps that find twins. Pure."""

from typing import Any

from django.utils.translation import gettext_lazy as _

from training_export.curate.identity import answers_of, content_key
from training_export.curate.judged_prompts import STATUS_RANK
from training_export.option import Kind, option
from training_export.steps.base import Row

KEEP = {
    "best-judged": _("The one whose judgement stands highest, then the one of most votes"),
    "longest": _("The one with the longest best answer"),
    "first": _("The first"),
}


def keep_option() -> Any:
    """The parameter `keep` of a step that finds twins."""
    return option(
        "best-judged", _("Which of the twins stays"), kind=Kind.CHOICE,
        help="Which of several twins stays; where they are equal in that, one by its content or the first.",
        choices=KEEP,
    )  # fmt: skip


def rank_of(row: Row, keep: str) -> tuple:
    """What to sort twins by: the one with the smallest rank stays. Best judged is settled, then accepted,
    then any other; then votes for it."""
    if keep == "first":
        return ()
    if keep == "longest":
        return (-max((len(answer.text) for answer in answers_of(row.example)[:1]), default=0),)
    provenance = row.example.provenance
    standing = STATUS_RANK.get(provenance.get("status", ""), 0)
    return (-standing, -len(provenance.get("annotators") or ()))


def order_of(row: Row, keep: str, place: int) -> tuple:
    """As `rank_of`, with what stands in the row where rows are equal in that: so which texts stay does not
    depend on the order of the rows (their `place`), unless "first" asks for it."""
    return (*rank_of(row, keep), b"" if keep == "first" else content_key(row.example), place)
