"""The job kind "snapshot"."""

from django.utils.translation import gettext_lazy as _

from core.jobs import Control, job_kind
from core.models import Job
from training_export.models import RecipeVersion, Snapshot
from training_export.publish.snapshot_files import folder_of_snapshot
from training_export.recipes.make import dropped_of, make_snapshot


@job_kind("snapshot", queue="heavy", label=_("Data set"))
def run(job: Job, ctl: Control) -> dict:
    """Make one data set. A run that was killed before its commit left nothing; one killed after it finds what
    it made."""
    made = Snapshot.objects.filter(pk=job.checkpoint.get("snapshot")).first()
    if made is None:
        assert job.project is not None
        version = RecipeVersion.objects.select_related("recipe").get(
            pk=job.params["version"], recipe__project=job.project
        )
        made = make_snapshot(
            project=job.project,
            actor=job.created_by,
            version=version,
            as_of=job.params.get("as_of"),
            ctl=ctl,
            job=job,
            successor_of=Snapshot.objects.filter(pk=job.params.get("successor_of")).first(),
        )
    return result_of(made)


def result_of(snapshot: Snapshot) -> dict:
    """What the job, the command and the API tell of a data set."""
    return {
        "number": snapshot.number,
        "content_sha256": snapshot.content_sha256,
        "counts": snapshot.counts,
        "dropped": dropped_of(snapshot.manifest.get("steps", [])),
        "left_out": snapshot.left_out,
        "folder": str(folder_of_snapshot(snapshot)),
    }
