"""Making a data set: a numbered Snapshot with its Bundle of files, whole or not at all."""

import gc
import json
import platform
from collections import Counter
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import replace
from pathlib import Path

from django.conf import settings
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from core import events
from core.errors import DomainError
from core.jobs.control import NoControl
from core.models import Project
from training_export.collect import judged_prompts
from training_export.collect.consistent_read import consistent_read
from training_export.collect.examples import examples, feedback_rows
from training_export.curate import splits
from training_export.curate.assemble import examples_of
from training_export.curate.examples import Preference, Sft
from training_export.formats import FORMATS
from training_export.models import Bundle, Snapshot
from training_export.options import ExportOptions
from training_export.publish.checking import checking
from training_export.publish.digests import RowDigests
from training_export.publish.numbers import next_number
from training_export.publish.tolerance import Tolerance
from training_export.publish.workplace import put_in_place, sweep, workplace, write_durably
from training_export.reasons import sentence_of, unit_of

MANIFEST = "manifest.json"
MOST_PROBLEMS = 20  # named in an error or a manifest; their number is always whole


def folder_of(bundle: Bundle) -> Path:
    """Where the bundle's files are."""
    return Path(settings.FILES_DIR) / bundle.folder


def build(*, project: Project, actor, options: ExportOptions, ctl=None, job=None) -> Bundle:
    """Read the project as of one Event, write `options.format`, check what was written with the format's
    strict checker, and only then publish it: the folder by a rename, the rows by the same transaction.
    DomainError "no_rows" (with what was left out) when there is nothing to write, "check_failed" when the
    checker finds an error; nothing is kept then."""
    ctl = ctl or NoControl()
    sweep()
    with workplace() as place, rare_collections():
        with ExitStack() as opened:
            made = _write(project, options, place, ctl, opened)
        return _publish(project, actor, options, place, made, ctl, job)


def weighted(rows: list, writer) -> list:
    """`rows` of one prompt, with the weight of pairs shared out again where the format cannot hold some of
    them."""
    pairs = [row for row in rows if type(row) is Preference]
    refused = writer.refused(pairs) if len(pairs) > 1 else ()
    if not refused:
        return rows
    held = Counter(row.group_id for row in pairs if id(row) not in refused)
    return [
        replace(row, weight=1 / held[row.group_id])
        if type(row) is Preference and id(row) not in refused
        else row
        for row in rows
    ]


def _write(project: Project, options: ExportOptions, place: Path, ctl, opened: ExitStack) -> dict:
    """All files in `place`, checked; returns the manifest's contents without the snapshot's number. `opened`:
    holds what ends with the run."""
    form = FORMATS[options.format]
    takes = form.takes_for(options.for_format())
    splitter = splits.Splitter(options.split, options.seed) if options.split else None
    notes: list[dict] = []
    left_out: Counter = Counter()
    kinds: Counter = Counter()
    with consistent_read(options.as_of) as reading:
        total = judged_prompts.prompts_in(project, reading)
        margin, done = options.margin, 0
        if (
            margin == "strength"
            and Preference in takes
            and not _every_pair_has_strength(project, reading, options, ctl, total)
        ):
            margin = "none"
            notes.append({"code": "no_strength", "text": sentence_of("no_strength")})
        of_format = options.for_format(margin=margin)
        check = opened.enter_context(checking(form, place, of_format, prompts=total))
        writer = form.open(place, of_format, splits=splitter.names if splitter else ("train",))
        writer.watch = check
        tolerance = Tolerance(writer, total)
        digests = RowDigests(place / ".digests")
        rules = replace(options, margin=margin)

        # Only rows to learn from and pairs may stand after a context that a correction made.
        made = (
            judged_prompts.made_by_corrections(project, reading, splitter, options.split_by)
            if splitter and {Sft, Preference} & takes
            else {}
        )

        def put(rows: list, keys: frozenset, own: str) -> None:
            """The rows of one prompt, each on its side. `own`: the prompt's group; a row of another stands
            with all that make its context."""
            here = splitter.side(keys) if splitter else "train"
            for row in weighted(rows, writer):
                side = here if row.group_id == own or not splitter or made.get(row.group_id) == here else None
                if side is None:
                    left_out["split_bridge"] += 1
                    continue
                kinds[type(row).__name__] += 1
                tolerance.offered()
                try:
                    digests.add(row, side)
                    writer.add(row, side)
                except Exception as wrong:
                    tolerance.row(row, wrong)

        for found in examples(
            project,
            reading,
            options,
            takes=takes,
            rules=rules,
            tolerance=tolerance,
            left_out=left_out,
            split_by=options.split_by if splitter else "",
        ):
            own = found.group
            if not own:  # an end user's: where a correction made the same context, it gives way
                group = found.rows[0].group_id
                apart = splitter is not None and made.get(group) not in (None, splitter.side(found.keys))
                own = "" if apart else group
            put(found.rows, found.keys, own)
            done = found.done
            if not found.group or done % 1000 == 0 or done == total:
                ctl.progress(done, total)
        as_of = reading.as_of
    files = writer.close()
    left_out += writer.left_out
    content = digests.hexdigest()
    tolerance.end(rows=sum(f.rows for f in files if f.role == "data"))
    if not any(f.rows for f in files if f.role == "data"):
        raise DomainError(
            "no_rows",
            _("There is nothing to write yet: the judgements of this project give no row in this format."),
            status=409,
            data={"left_out": dict(sorted(left_out.items()))},
        )
    warnings = checked(check.problems(files), ctl, done)
    writer.wait_until_stored()
    notes += [n | {"text": str(n.get("text", ""))} for n in writer.notes]
    return {
        "project": project.slug,
        "format": form.name,
        "stage": form.stage_of(of_format),
        "trainer": form.trainer,
        "as_of": as_of,
        "options": options.as_dict() | {"as_of": as_of},
        "content_sha256": content,
        "counts": {
            "rows": sum(f.rows for f in files if f.role == "data"),
            "examples": dict(sorted(kinds.items())),
            "prompts": done,
        }
        | ({"joined": writer.joined} if writer.joined else {}),
        "files": [f.as_dict() | {"role": f.role, "bytes": (place / f.path).stat().st_size} for f in files],
        "left_out": {code: told(code, n, writer) for code, n in sorted(left_out.items()) if n},
        "not_honoured": [str(s) for s in form.not_honoured],
        "notes": notes,
        "warnings": warnings,
        "versions": {"schema": 1, "python": platform.python_version()},
    } | ({"demo": True} if project.demo else {})


def told(code: str, count: int, writer) -> dict:
    """What a manifest says of what was left out under `code`, with where the first of them came from if that
    was a row's own fault."""
    told = {"count": count, "unit": unit_of(code), "reason": sentence_of(code)}
    return told | {"first": writer.places[code]} if writer.places.get(code) else told


def _every_pair_has_strength(project, reading, options: ExportOptions, ctl, total: int) -> bool:
    """A pass of its own over the same read: margins stand on every row or on none, and that is known only at
    the last row."""
    pairs = frozenset({Preference})
    if options.include and any(
        True for _rows in feedback_rows(project, reading, options, takes=pairs, rules=options).chunks()
    ):
        return False  # end users say which is better, never how much
    for chunk in judged_prompts.stream(project, reading):
        for judged in chunk:
            rows: list = []
            with suppress(Exception):  # the export itself will tell
                rows, _reasons = examples_of(judged.prompt, options, pairs)
            if any(row.margin is None for row in rows):
                return False
        ctl.progress(0, total)
    return True


def checked(problems, ctl, done: int) -> list[dict]:
    """The checker's warnings; DomainError with the first errors if there is any."""
    errors, warnings, wrong = [], [], 0
    for found in problems:
        ctl.progress(done)
        if found is None:
            continue
        kept = errors if found.level == "error" else warnings
        wrong += found.level == "error"
        if len(kept) < MOST_PROBLEMS:
            kept.append(found.as_dict())
    if wrong:
        first = errors[0]
        where = f"{first['file']}:{first['line']}" if first["line"] else first["file"]
        message = _(
            "The format's check refused what was written (%(n)s errors; the first: %(where)s, "
            "%(field)s: %(reason)s). Nothing was published."
        )
        raise DomainError(
            "check_failed",
            message % {"n": wrong, "where": where, "field": first["field"], "reason": first["reason"]},
            status=409,
            data={"problems": errors},
        )
    return warnings


def _publish(project, actor, options: ExportOptions, place: Path, made: dict, ctl, job) -> Bundle:
    """Number, manifest, rename, rows: one transaction. A folder under this number can only be of a run that
    died before its commit."""
    with transaction.atomic():
        number = next_number(project)
        manifest = {"snapshot": number, "created_at": timezone.now().isoformat()} | made
        write_durably(place / MANIFEST, json.dumps(manifest, ensure_ascii=False, indent=2) + "\n")
        snapshot = Snapshot.objects.create(
            project=project,
            number=number,
            options=manifest["options"],
            as_of=made["as_of"],
            content_sha256=made["content_sha256"],
            counts=made["counts"],
            left_out={code: entry["count"] for code, entry in made["left_out"].items()},
            created_by=actor if getattr(actor, "pk", None) else None,
        )
        folder = f"exports/{project.pk}/{number:06d}-{options.format}"
        bundle = Bundle.objects.create(
            snapshot=snapshot,
            job=job,
            format=options.format,
            folder=folder,
            files=made["files"],
            manifest=manifest,
        )
        events.append(
            project=project,
            actor=actor,
            verb="export",
            target=snapshot,
            format=options.format,
            rows=made["counts"]["rows"],
        )
        ctl.checkpoint({"bundle": bundle.pk})
        put_in_place(place, folder_of(bundle))
    return bundle


@contextmanager
def rare_collections():
    """Rows are many short-lived objects without cycles: looking for cycles after every 700 of them costs a
    fifth of the time."""
    before = gc.get_threshold()
    gc.set_threshold(50_000, 20, 20)
    try:
        yield
    finally:
        gc.set_threshold(*before)
