"""The job kind "export"."""

from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from core.jobs import Control, job_kind
from core.models import Job
from training_export.models import Bundle
from training_export.options import ExportOptions
from training_export.publish import copies, snapshots


def _result_url(job: Job) -> str:
    return reverse("export", args=[job.project.slug, job.result["snapshot"]])


@job_kind("export", queue="heavy", label=_("Export"), result_url=_result_url)
def run(job: Job, ctl: Control) -> dict:
    """Build one snapshot. A run that was killed before its commit left nothing; one killed after it finds its
    bundle."""
    made = Bundle.objects.select_related("snapshot").filter(pk=job.checkpoint.get("bundle")).first()
    if made is None:
        assert job.project is not None
        made = snapshots.build(
            project=job.project,
            actor=job.created_by,
            options=ExportOptions.of(job.params["options"]),
            ctl=ctl,
            job=job,
        )
    return copies.result_of(made)
