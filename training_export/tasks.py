"""Background work of this room (found by core.jobs)."""

from training_export.bundles import jobs as bundle_jobs  # noqa: F401
from training_export.publish import jobs as export_jobs  # noqa: F401
from training_export.recipes import jobs as recipe_jobs  # noqa: F401
