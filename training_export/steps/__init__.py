"""The curation steps, by name. A new one is one module and one line here."""

from training_export.steps import (
    clean,
    exact_duplicates,
    k_center,
    mask_personal_data,
    near_duplicates,
    quota,
    semantic_duplicates,
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
        k_center,
        quota,
    )
}

__all__ = ["STEPS", "Cache", "Means", "Report", "Row", "Rows", "Step"]
