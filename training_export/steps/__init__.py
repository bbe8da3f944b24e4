"""The curation steps, by name. A new one is one module and one line here."""

from training_export.steps import exact_duplicates, ifd, nuggets, perplexity, reward_margin
from training_export.steps.base import Cache, Means, Report, Row, Rows, Step

STEPS: dict[str, Step] = {
    module.STEP.name: module.STEP for module in (exact_duplicates, perplexity, ifd, nuggets, reward_margin)
}

__all__ = ["STEPS", "Cache", "Means", "Report", "Row", "Rows", "Step"]
