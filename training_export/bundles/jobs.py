"""The job kind "bundle"."""

from django.utils.translation import gettext_lazy as _

from core.jobs import Control, job_kind
from core.models import Job
from training_export.bundles.make import form_named, make_bundle, options_for
from training_export.models import Bundle
from training_export.publish.snapshot_files import snapshot_or_refused


@job_kind("bundle", queue="heavy", label=_("Data set for a trainer"))
def run(job: Job, ctl: Control) -> dict:
    """Make one bundle, or find it."""
    made = Bundle.objects.filter(pk=job.checkpoint.get("bundle")).first()
    if made is None:
        assert job.project is not None
        form = form_named(job.params["format"])
        made = make_bundle(
            snapshot=snapshot_or_refused(job.project, job.params["number"]),
            actor=job.created_by,
            form=form,
            options=options_for(form, job.params.get("options", {})),
            ctl=ctl,
            job=job,
        )
    return result_of(made)


def result_of(bundle: Bundle) -> dict:
    """What the job, the command and the API tell of a bundle; paths are relative to its folder."""
    manifest = bundle.manifest
    return {
        "bundle": bundle.pk,
        "files": [{name: f[name] for name in ("path", "rows", "sha256")} for f in bundle.files],
        "left_out": {code: entry["count"] for code, entry in manifest["left_out"].items()},
        "verified": manifest["verified"],
    }
