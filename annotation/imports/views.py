"""Import pages, for managers: upload → what the file is, columns to correct, trial → job → report."""

import json
from collections.abc import Iterator
from dataclasses import replace

from django.conf import settings
from django.contrib import messages
from django.http import FileResponse, Http404, HttpResponse, StreamingHttpResponse
from django.shortcuts import redirect, render
from django.template.defaultfilters import filesizeformat
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt, csrf_protect
from django.views.decorators.http import require_http_methods, require_safe

from annotation.imports import columns, preview, template_file, uploads
from annotation.imports import forms as imports_forms
from annotation.imports import jobs as import_jobs
from annotation.imports.importer import ERRORS_FILE
from annotation.items.filter import ItemFilter
from annotation.models import SavedMapping
from annotation.projects import actions as projects
from annotation.projects import checklist
from core import jobs, spreadsheet
from core.access import project_page
from core.errors import DomainError
from core.models import Job
from core.text import whole_number
from corpus.models import ImportBatch
from corpus.records import FileRefused

RECENT = 10
ASKS = ("unknown_format", "which_wins")  # refusals that the person at the page answers there
REFUSED_SHOWN = 200


# only until the length is checked: reading the form for its token would take the whole upload in first
@csrf_exempt
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@project_page("manager")
def import_page(request, project):
    """Choose a file; the imports so far."""
    if request.method == "POST":
        try:
            uploads.check_length(request)
        except DomainError as refused:
            return _first_page(request, project, refused)
        return _receive(request, project)
    return _first_page(request, project)


@csrf_protect
def _receive(request, project):
    staged = None
    try:
        staged = uploads.stage(
            uploads.check_file(request.FILES.get("file")), project=project, user=request.user
        )
        staged.options = _saved_options(project, request.POST.get("saved", ""))
        staged.save()
        found, refused = import_jobs.look(staged.path, staged.name, uploads.Options())
        if found is None and refused is not None:
            raise refused
    except DomainError as refused:
        if staged is not None:
            staged.discard()
        return _first_page(request, project, refused)
    return redirect("import_check", project.slug, staged.token)


def _saved_options(project, pk: str) -> uploads.Options:
    saved = SavedMapping.objects.filter(project=project, pk=whole_number(pk) or 0).first()
    return uploads.Options(mapping=dict(saved.mapping)) if saved else uploads.Options()


def _first_page(request, project, refused: DomainError | None = None):
    recent = (
        Job.objects.filter(project=project, kind=import_jobs.KIND, params__dry_run=False)
        .select_related("created_by")
        .order_by("-id")[:RECENT]
    )
    context = {
        "project": project,
        "refused": refused,
        "recent": recent,
        "saved": SavedMapping.objects.filter(project=project).order_by("name"),
        "max_size": filesizeformat(settings.IMPORT_MAX_BYTES),
    }
    return render(request, "annotation/import.html", context, status=refused.status if refused else 200)


@require_safe
@project_page("manager")
def import_template(request, project):
    """A file to start from, for the kind of work of the project."""
    kind = projects.bench_of(project).kind
    return StreamingHttpResponse(
        spreadsheet.lines(template_file.rows(kind)),
        content_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="{project.slug}-{kind}.csv"'},
    )


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@project_page("manager")
def import_check(request, project, token):
    """What the upload is, and what to correct. POST `action`: look (apply corrections) · trial · start ·
    discard."""
    staged = uploads.staged(token, project=project, user=request.user)
    if staged is None:
        messages.warning(request, _("This upload is no longer here. Upload the file again."))
        return redirect("import", project.slug)
    if request.method == "POST":
        return _act(request, project, staged)
    return _check_page(request, project, staged)


def _act(request, project, staged):
    action = request.POST.get("action", "look")
    if action == "discard":
        staged.discard()
        return redirect("import", project.slug)
    options = None
    try:
        # The columns as they are found without help: only what was changed by hand is kept as a mapping.
        options = imports_forms.read_options(request.POST)
        bare = uploads.Options(encoding=options.encoding, delimiter=options.delimiter, join=options.join)
        found, refused = import_jobs.look(staged.path, staged.name, bare)
        if found is None and refused is not None:
            raise refused
        options.mapping = imports_forms.chosen_mapping(request.POST, found)
        import_jobs.inspect(staged.path, staged.name, options)
    except DomainError as refused:
        if refused.code in ASKS:  # what was chosen of the columns stays chosen
            staged.options, staged.trial = options, None
            staged.save()
        elif options is not None:  # shown, and not kept: it was never right
            staged.options = replace(options, mapping=staged.options.mapping)
        return _check_page(request, project, staged, refused, imports_forms.as_sent(request.POST))
    if options != staged.options:
        staged.options, staged.trial = options, None
    name = request.POST.get("save_as", "").strip()[:80]
    if name:
        SavedMapping.objects.update_or_create(
            project=project, name=name, defaults={"mapping": options.mapping}
        )
        messages.success(request, _("The mapping is saved as %(name)s.") % {"name": name})
    given = {"project": project, "actor": request.user, "name": staged.name, "options": options}
    if action == "start":
        job = import_jobs.start(staged.path, **given)
        staged.discard()
        return redirect("import_report", project.slug, job.pk)
    if action == "trial":
        staged.trial = import_jobs.start(staged.path, **given, dry_run=True).pk
    staged.save()
    return redirect("import_check", project.slug, staged.token)


def _check_page(
    request, project, staged, refused: DomainError | None = None, chosen: dict[str, str] | None = None
):
    """`chosen`: what was sent and refused, which is shown as it was sent."""
    chosen = chosen or {}
    inspection, wrong = import_jobs.look(staged.path, staged.name, staged.options)
    if inspection is None or (wrong is not None and wrong.code == "mapping"):
        # A saved mapping or a wrong encoding does not fit this file: show it without.
        refused = refused or wrong
        staged.options = uploads.Options()
        inspection, wrong = import_jobs.look(staged.path, staged.name, staged.options)
        if inspection is None:
            return _first_page(request, project, wrong)
    refused = refused or wrong
    trial = (
        Job.objects.filter(project=project, pk=staged.trial, kind=import_jobs.KIND)
        .select_related("project")
        .first()
        if staged.trial
        else None
    )
    context = {
        "project": project,
        "staged": staged,
        "inspection": inspection,
        "shape": imports_forms.shapes().get(inspection.format or "", "—"),
        "refused": refused,
        "trial": trial,
        "save_as": chosen.get("save_as", ""),
        "columns": columns.of_file(inspection, chosen),
        "rows": imports_forms.sample_rows(inspection),
        "scales": imports_forms.scales_of(inspection, staged.options.mapping, chosen),
        "models": imports_forms.models_of(inspection, staged.options.mapping, chosen),
        "preview": _preview(staged, inspection) if refused is None else None,
        "encodings": imports_forms.ENCODINGS,
        "delimiters": imports_forms.delimiters(),
    }
    return render(
        request,
        "annotation/import_check.html",
        context,
        status=400 if refused and request.method == "POST" else 200,
    )


def _preview(staged, inspection) -> preview.Preview | None:
    """Which answer wins in the first rows; None where the file is not read that far."""
    try:
        return preview.of_file(
            staged.path, inspection, model=staged.options.model or None, join=staged.options.join or None
        )
    except FileRefused:
        return None


def _import_job(project, pk: int) -> Job:
    job = (
        Job.objects.filter(project=project, kind=import_jobs.KIND, pk=pk)
        .select_related("project", "created_by")
        .first()
    )
    if job is None:
        raise Http404
    return job


@never_cache
@require_safe
@project_page("manager")
def import_report(request, project, pk):
    """How an import goes, and what came of it."""
    job = _import_job(project, pk)
    report = job.result if job.state == Job.State.DONE else {}
    batch = ImportBatch.objects.filter(project=project, job_id=job.pk).values_list("pk", flat=True).first()
    made = ItemFilter(batch=batch) if batch is not None and not report.get("dry_run") else None
    context = {
        "project": project,
        "job": job,
        "report": report,
        "to_items": made.url(project) if made else "",
        "errors": report.get("errors", [])[:REFUSED_SHOWN],
        "steps": checklist.steps(request, project) if report and not report.get("dry_run") else [],
        "shown": REFUSED_SHOWN,
    }
    return render(request, "annotation/import_report.html", context)


@require_safe
@project_page("manager")
def import_report_file(request, project, pk, kind):
    """Every refused row, as CSV or JSONL."""
    return report_file(_import_job(project, pk), kind)


def report_file(job: Job, kind: str) -> HttpResponse | StreamingHttpResponse:
    """The refused rows of `job` as a download; `kind` csv or jsonl. Streamed, however many there are."""
    path = jobs.folder(job) / ERRORS_FILE
    name = f"import-{job.pk}-refused.{kind}"
    if kind == "jsonl":
        if not path.exists():
            return HttpResponse(
                b"",
                content_type="application/x-ndjson",
                headers={"Content-Disposition": f'attachment; filename="{name}"'},
            )
        return FileResponse(
            open(path, "rb"), as_attachment=True, filename=name, content_type="application/x-ndjson"
        )
    return StreamingHttpResponse(
        spreadsheet.lines(_refused(path)),
        content_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
    )


def _refused(path) -> Iterator[list]:
    """The refused rows of a report, a list each, the names of its columns first."""
    yield ["line", "field", "code", "reason"]
    if not path.exists():
        return
    with open(path, encoding="utf-8") as lines:
        for line in lines:
            error = json.loads(line)
            yield [error["line"], *(str(error.get(n, "")) for n in ("field", "code", "reason"))]
