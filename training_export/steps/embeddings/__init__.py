"""Vectors of texts, near each other where the texts mean the same. Pure.

Two ways to get them: by characters, made on the spot of the very texts (`characters`), or by a model that
lies in a folder of this machine (`local_model`)."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from django.utils.translation import gettext_lazy as _

from training_export.option import Kind, option
from training_export.steps.base import Means

if TYPE_CHECKING:
    import numpy as np

WAYS = {
    "characters": _("By the characters of the texts"),
    "model": _("By an embedding model in a folder of this machine"),
}


def vectors_option() -> Any:
    """The parameter `vectors` of a step that works on meanings."""
    return option(
        "characters", _("How meanings are compared"), kind=Kind.CHOICE, choices=WAYS,
        help="characters: runs of one to three characters, weighed by how rare they are among these texts; "
        "no model is needed, and words of the same meaning written otherwise are not seen. model: by the "
        "embedding model of the recipe.",
    )  # fmt: skip


def vectors_of(texts: Sequence[str], way: str, means: Means) -> "np.ndarray":
    """A matrix of 32-bit numbers with a row of length 1 for every text, of zeros for a text without any
    characters that count. Equal texts have equal rows, and the order of the texts makes no difference to
    them. DomainError where there is no such model."""
    if way == "model":
        from training_export.steps.embeddings.local_model import vectors
    else:
        from training_export.steps.embeddings.characters import vectors
    return vectors(texts, means)
