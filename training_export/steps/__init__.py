"""The curation steps, by name. A new one is one module and one line here."""

from training_export.steps import (
    decontaminate,
    distribution,
    exact_duplicates,
    ifd,
    mix,
    nuggets,
    perplexity,
    preference_hygiene,
    reward_margin,
    split,
)
from training_export.steps.base import Cache, Means, Report, Row, Rows, Step

STEPS: dict[str, Step] = {
    module.STEP.name: module.STEP
    for module in (
        exact_duplicates,
        decontaminate,
        perplexity,
        ifd,
        nuggets,
        reward_margin,
        preference_hygiene,
        mix,
        distribution,
        split,
    )
}

__all__ = ["STEPS", "Cache", "Means", "Report", "Row", "Rows", "Step"]
