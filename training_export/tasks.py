"""Background work of this room (found by core.jobs)."""

from training_export import export_jobs  # noqa: F401
