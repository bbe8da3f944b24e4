"""Export pages, for managers: choose a format and options, follow the job, read what came out and what was
left out, download."""

import json

from django.core.cache import cache
from django.http import Http404, JsonResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe

from annotation.models import Kind
from annotation.projects import actions as projects
from core import jobs
from core.access import project_page
from core.errors import DomainError
from core.models import Job
from training_export.formats import FORMATS
from training_export.forms import ExportForm, made_with
from training_export.options import ExportOptions
from training_export.publish import downloads, reading, snapshots
from training_export.reasons import UNITS, sentence_of, unit_of

SHOWN = 50
# What most come for; the others stand behind a fold.
USUAL = ("trl-sft", "trl-preference", "trl-rm", "trl-kto", "llamafactory", "jsonl")
SAMPLE_LINES = 4


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@project_page("manager")
def exports(request, project):
    """The form, the exports at work, and the data sets made so far."""
    bundles = list(downloads.bundles_of(project)[:SHOWN])
    form = ExportForm(request.POST or None, initial={"format": _usual_format(project, bundles)})
    if request.method == "POST" and form.is_valid():
        try:
            options = ExportOptions.of(form.cleaned_data)
        except DomainError as exc:
            form.add_error(exc.field if exc.field in form.fields else None, str(exc.message))
        else:
            jobs.start("export", project=project, actor=request.user, params={"options": options.as_dict()})
            return redirect(reverse("exports", args=[project.slug]) + "#exports-made")
    chosen = form["format"].value()
    recent = Job.objects.filter(project=project, kind="export").select_related("project").order_by("-id")[:10]
    context = {
        "project": project,
        "form": form,
        "formats": [
            described(f) | {"chosen": f.name == chosen, "usual": f.name in USUAL} for f in FORMATS.values()
        ],
        "usual": USUAL,
        "working": [job for job in recent if job.state in (Job.State.QUEUED, Job.State.RUNNING)],
        "failed": next(iter(recent), None) if recent and recent[0].state == Job.State.FAILED else None,
        "bundles": bundles,
        "withdrawn": downloads.withdrawn_of(project)[:SHOWN],
    }
    return render(request, "training_export/exports.html", context, status=400 if form.errors else 200)


def _usual_format(project, bundles) -> str:
    """What is exported next, most likely: what was the last time, else what the kind of work makes."""
    last = bundles[0].format if bundles else ""
    if last in FORMATS:
        return last
    kind = projects.bench_of(project).kind
    return "trl-preference" if kind == Kind.RANKING else next(iter(FORMATS))


def described(form) -> dict:
    """A format for people: a sample made by its own code, and what its trainer will not make use of."""
    files = cache.get_or_set(f"export-sample-{form.name}", form.sample, 3600)
    return {
        "name": form.name,
        "label": form.label,
        "trainer": form.trainer,
        "not_honoured": form.not_honoured,
        "sample": [
            (name, "\n".join(text.splitlines()[:SAMPLE_LINES]))
            for name, text in files.items()
            if name.endswith(reading.ROWS)
        ],
    }


@never_cache
@require_safe
@project_page("manager")
def export(request, project, number):
    """One data set: counts, files, what was left out and why, what the trainer ignores. Of a withdrawn one,
    what stays when its files are gone."""
    bundle = downloads.shown_or_404(project, number)
    manifest = bundle.manifest
    form = FORMATS.get(bundle.format)
    left_out = [
        (count, UNITS[unit_of(code)], sentence_of(code))
        for code, count in bundle.snapshot.left_out.items()
        if count
    ]
    context = {
        "project": project,
        "bundle": bundle,
        "snapshot": bundle.snapshot,
        "manifest": manifest,
        "label": form.label if form else bundle.format,
        # Sentences in the reader's language where their codes are known; the manifest keeps those of the
        # person who made it.
        "not_honoured": form.not_honoured if form else manifest.get("not_honoured", []),
        "notes": [(sentence_of(note["code"]), numbers_of(note)) for note in manifest.get("notes", [])],
        "noted": {sentence_of(note["code"]) for note in manifest.get("notes", [])},
        "warnings": [
            (f"{w['file']}:{w['line']}" if w["line"] else w["file"], sentence_of(w["code"]))
            for w in manifest.get("warnings", [])
        ],
        "data": [f for f in bundle.files if f.get("role") == "data"],
        "other": [f for f in bundle.files if f.get("role") != "data"],
        "left_out": sorted(left_out, key=lambda entry: -entry[0]),
        "options": made_with(manifest.get("options", {})),
    }
    return render(request, "training_export/export.html", context)


@never_cache
@require_safe
@project_page("manager")
def export_rows(request, project, number):
    """The rows of one file (`file`) from a place (`at`) on, each with a link to what it was made of."""
    bundle = downloads.bundle_or_404(project, number)
    name = request.GET.get("file", "")
    place = reading.Place.read(request.GET.get("at", ""))
    try:
        rows, following = reading.page_of(bundle, name, place)
    except FileNotFoundError:
        raise Http404
    context = {
        "project": project,
        "snapshot": bundle.snapshot,
        "bundle": bundle,
        "name": name,
        "total": next(entry["rows"] for entry in bundle.files if entry["path"] == name),
        "rows": [(row, json.dumps(row.fields, ensure_ascii=False, indent=1), _made_of(row)) for row in rows],
        "following": following,
        "later": place.row > 1,
    }
    return render(request, "training_export/rows.html", context)


def _made_of(row: reading.Row) -> dict:
    """Where a row came from: the item that was judged, or the answers end users spoke of."""
    given = row.provenance
    turns = [] if given.get("item") else [o["turn"] for o in given.get("origins", ()) if o.get("turn")]
    return {"item": given.get("item"), "turns": list(dict.fromkeys(turns))[:3]}


def numbers_of(note: dict) -> list[tuple[str, int | float]]:
    """What a note says in numbers, under the names that the trainer has for them: a KTO trainer's weights."""
    kinds = (int, float)
    return [(k, v) for k, v in note.items() if isinstance(v, kinds) and not isinstance(v, bool)]


@require_safe
@project_page("manager")
def export_zip(request, project, number):
    return downloads.all_files(downloads.bundle_or_404(project, number))


@require_safe
@project_page("manager")
def export_file(request, project, number, name):
    if name == snapshots.MANIFEST:
        bundle = downloads.shown_or_404(project, number)
        if bundle.withdrawn_at:
            options = {"ensure_ascii": False, "indent": 1}
            return JsonResponse(bundle.manifest, json_dumps_params=options)
    return downloads.one_file(downloads.bundle_or_404(project, number), name)
