"""Parameters that several steps that score have alike. Pure."""

from typing import Any

from django.utils.translation import gettext_lazy as _

from training_export.option import Kind, option


def model_option() -> Any:
    """The parameter `model`: where the model is."""
    return option(
        None, _("Folder of the model"), kind=Kind.TEXT,
        help="A folder on this machine with a model as transformers stores it; without one, the recipe's.",
    )  # fmt: skip


def most_tokens_option() -> Any:
    """The parameter `most_tokens`: how much of a row the model reads."""
    return option(
        2048, _("Most tokens of a row"), kind=Kind.INTEGER, minimum=16, maximum=1_000_000,
        help="How many tokens of a row the model reads, within what the model allows; the rest is cut off.",
    )  # fmt: skip


def precision_option() -> Any:
    """The parameter `precision`: of the numbers a model computes with."""
    return option(
        "double", _("Precision"), kind=Kind.CHOICE,
        help="Double: a score is the same in whatever batch it was computed. Single: half the memory and "
        "about half the time, on most GPUs far less; between runs scores may differ by some millionths.",
        choices={"double": _("Double: repeatable"), "single": _("Single: faster")},
    )  # fmt: skip


def share_option(default: float | None, help: str) -> Any:
    """The parameter `share`: how many of the scored rows stay."""
    return option(default, _("Share that stays"), kind=Kind.NUMBER, minimum=0, maximum=1, help=help)
