"""The curation steps, by name. A new one is one module and one line here."""

from training_export.steps import (
    decontaminate,
    distribution,
    exact_duplicates,
    mix,
    preference_hygiene,
    split,
)
from training_export.steps.base import Cache, Means, Report, Row, Rows, Step

STEPS: dict[str, Step] = {
    module.STEP.name: module.STEP
    for module in (
        exact_duplicates,
        decontaminate,
        preference_hygiene,
        mix,
        distribution,
        split,
    )
}

__all__ = ["STEPS", "Cache", "Means", "Report", "Row", "Rows", "Step"]
