"""The curation steps, by name. A new one is one module and one line here."""

from training_export.steps import exact_duplicates
from training_export.steps.base import Cache, Means, Report, Row, Rows, Step

STEPS: dict[str, Step] = {module.STEP.name: module.STEP for module in (exact_duplicates,)}

__all__ = ["STEPS", "Cache", "Means", "Report", "Row", "Rows", "Step"]
