"""The curation steps, by name. A new one is one module and one line here."""

from training_export.steps import (
    clean,
    decontaminate,
    distribution,
    exact_duplicates,
    ifd,
    k_center,
    mask_personal_data,
    mix,
    near_duplicates,
    nuggets,
    perplexity,
    preference_hygiene,
    quota,
    reward_margin,
    semantic_duplicates,
    split,
)
from training_export.steps.base import Cache, Means, Report, Row, Rows, Step

STEPS: dict[str, Step] = {
    module.STEP.name: module.STEP
    for module in (
        clean,
        mask_personal_data,
        exact_duplicates,
        near_duplicates,
        semantic_duplicates,
        decontaminate,
        perplexity,
        ifd,
        nuggets,
        reward_margin,
        preference_hygiene,
        k_center,
        quota,
        mix,
        distribution,
        split,
    )
}

__all__ = ["STEPS", "Cache", "Means", "Report", "Row", "Rows", "Step"]
