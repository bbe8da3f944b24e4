"""Background work of this room (found by core.jobs)."""

from training_export.publish import jobs as export_jobs  # noqa: F401
