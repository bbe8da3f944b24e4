"""The job "import": a file in the job's folder is taken in; a killed run goes on after its last chunk."""

import os
from pathlib import Path

from django.conf import settings
from django.db import transaction
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from annotation.imports import importer, uploads
from annotation.imports.uploads import Options
from core import jobs
from core.errors import DomainError
from core.models import Job
from corpus import readers
from corpus.records import FileRefused

KIND = "import"


def inspect(path: Path, name: str, options: Options) -> readers.Inspection:
    """What the file is, read with `options`. DomainError when it cannot be read."""
    found, refused = look(path, name, options)
    if refused is not None or found is None:
        raise refused or DomainError("unknown_format", _("The file cannot be read."), field="file")
    return found


def look(path: Path, name: str, options: Options) -> tuple[readers.Inspection | None, DomainError | None]:
    """(what the file is, why it cannot be taken like this): the second alone when nothing can be read of it,
    both when it has rows and columns but nobody knows what they mean."""
    try:
        found = readers.inspect(
            path,
            name=name,
            encoding=options.encoding or None,
            mapping=options.mapping,
            delimiter=options.delimiter or None,
            join=options.join or None,
        )
    except FileRefused as refused:
        known = (
            refused.inspection
            if isinstance(refused.inspection, readers.Inspection) and refused.inspection.columns
            else None
        )
        return known, importer.refusal(refused)
    return found, None


def start(source: Path, *, project, actor, name: str, options: Options, dry_run: bool = False) -> Job:
    """A job that takes the file at `source` in. The file is given a second name in the job's folder; `source`
    may go afterwards."""
    params = {
        "name": name,
        "mapping": options.mapping,
        "model": options.model,
        "join": options.join,
        "encoding": options.encoding,
        "delimiter": options.delimiter,
        "dry_run": dry_run,
    }
    with transaction.atomic():
        job = jobs.start(KIND, project=project, actor=actor, params=params)
        uploads.hand_over(source, jobs.folder(job) / uploads.FILE)
    return job


def _report_url(job: Job) -> str:
    return reverse("import_report", args=[job.project.slug, job.pk])


@jobs.job_kind(KIND, queue="heavy", label=gettext_lazy("Import"), result_url=_report_url)
def run(job: Job, ctl) -> dict:
    """Result: the report of `importer.import_file`; all refused rows in errors.jsonl in the job's folder."""
    folder = jobs.folder(job)
    path = folder / uploads.FILE
    if not path.exists():
        raise DomainError("file_gone", _("The uploaded file is no longer there. Upload it again."))
    p = job.params
    return importer.import_file(
        project=job.project,
        actor=job.created_by,
        path=path,
        name=p["name"],
        mapping=p["mapping"],
        model=p["model"] or None,
        join=p["join"] or None,
        encoding=p["encoding"] or None,
        delimiter=p.get("delimiter") or None,
        dry_run=p["dry_run"],
        ctl=ctl,
        folder=folder,
    )


@jobs.periodic("import-leftovers", seconds=3600)
def drop_leftovers() -> int:
    """Uploads of jobs that have ended are not needed any more, nor what was staged and never started; how
    many files went."""
    gone = uploads.sweep_staged()
    root = Path(settings.FILES_DIR) / "jobs"
    if not root.is_dir():
        return gone
    there = {int(e.name): Path(e.path) / uploads.FILE for e in os.scandir(root) if e.name.isdigit()}
    there = {pk: path for pk, path in there.items() if path.exists()}
    ended = [Job.State.DONE, Job.State.FAILED, Job.State.CANCELLED]
    known = dict(Job.objects.filter(pk__in=list(there)[:500]).values_list("pk", "state"))
    for pk in list(there)[:500]:
        if known.get(pk) in ended:
            there[pk].unlink(missing_ok=True)
            gone += 1
    return gone
