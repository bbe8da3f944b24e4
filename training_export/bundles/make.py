"""A data set in one trainer's form: made on demand, checked, published once for the same options."""

import hashlib
import heapq
import json
import platform
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import asdict, replace
from itertools import groupby
from pathlib import Path

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from core import events
from core.errors import DomainError
from core.jobs.control import NoControl
from core.models import Project, User
from training_export.bundles.scripts import write_scripts
from training_export.curate.examples import Example
from training_export.curate.identity import asked_key
from training_export.formats import FORMATS, Format, Options
from training_export.formats.base import SPLITS
from training_export.formats.canonical import NAMES
from training_export.models import Bundle, Snapshot
from training_export.option_values import checked_values, invalid
from training_export.options import OPTIONS, unknown_format
from training_export.publish.checking import checking
from training_export.publish.parquet_rows import rows_of
from training_export.publish.snapshot_files import sides_of
from training_export.publish.snapshots import MANIFEST, checked, folder_of, rare_collections, told, weighted
from training_export.publish.tolerance import Tolerance
from training_export.publish.workplace import put_in_place, sweep, workplace, write_durably

ROWS_BETWEEN_LOOKS = 500


def options_for(form: Format, given: dict) -> Options:
    """The checked options of a bundle in `form`; DomainError naming the one at fault. Only what changes how
    rows are written can be said: which rows there are is the data set's."""
    fields = set(Options.__dataclass_fields__) - {"margin"}  # which the data set decides
    writes = {name: one for name, one in OPTIONS.items() if name in fields}
    try:
        return form.settled(Options(**checked_values(writes, given)))
    except ValueError as wrong:
        raise invalid(str(wrong).partition(":")[0], str(wrong)) from None


def key_of(form: Format, options: Options) -> str:
    """By which a bundle that was made before is found again."""
    said = json.dumps([form.name, asdict(options)], sort_keys=True)
    return hashlib.sha256(said.encode()).hexdigest()


def make_bundle(
    *, snapshot: Snapshot, actor: User | None, form: Format, options: Options, ctl=None, job=None
) -> Bundle:
    """The data set in the form of one trainer, as it was made before or made now. DomainError "withdrawn",
    "no_rows" when the form can hold nothing of it, "check_failed" when its strict checker refuses what was
    written; nothing is kept then."""
    if snapshot.withdrawn_at is not None or not snapshot.folder:
        raise DomainError("withdrawn", _("The data set was withdrawn."), status=409)
    options = replace(options, margin=snapshot.manifest.get("margin", "none"))
    key = key_of(form, options)
    known = Bundle.objects.filter(snapshot=snapshot, key=key, withdrawn_at=None).first()
    if known is not None:
        return known
    ctl = ctl or NoControl()
    sweep()
    with workplace() as place, rare_collections():
        with ExitStack() as opened:
            made = _write(snapshot, form, options, place, ctl, opened)
        return _publish(snapshot, actor, form, key, place, made, ctl, job)


def _write(snapshot: Snapshot, form: Format, options: Options, place: Path, ctl, opened: ExitStack) -> dict:
    takes = form.takes_for(options)
    files: dict[str, list[Path]] = {}
    for kind, side, path in sides_of(snapshot):
        if kind in {NAMES[cls] for cls in takes}:
            files.setdefault(side, []).append(path)
    sides = tuple(side for side in SPLITS if side in files) or ("train",)
    lacking = [side for side in ("train", *form.needs) if files and side not in files]
    if lacking:
        raise DomainError(
            "no_side",
            _("The data set has no rows for %(sides)s, without which this trainer does not start.")
            % {"sides": ", ".join(lacking)},
            status=409,
        )
    total = sum(n for kind, n in snapshot.counts.items() if kind in {NAMES[cls] for cls in takes})
    check = opened.enter_context(checking(form, place, options, prompts=total))
    writer = form.open(place, options, splits=sides)
    writer.watch = check
    tolerance = Tolerance(writer, total)
    kinds: Counter = Counter()
    done = 0
    for side in sides:
        for of_prompt in _prompts(files.get(side, [])):
            for example in weighted(of_prompt, writer):
                kinds[type(example).__name__] += 1
                tolerance.offered()
                try:
                    writer.add(example, side)
                except Exception as wrong:
                    tolerance.row(example, wrong)
                done += 1
                if done % ROWS_BETWEEN_LOOKS == 0:
                    ctl.progress(done, total)
    written = writer.close()
    tolerance.end(rows=sum(f.rows for f in written if f.role == "data"))
    if not any(f.rows for f in written if f.role == "data"):
        raise DomainError(
            "no_rows",
            _("The data set has no row that this format can hold."),
            status=409,
            data={"left_out": dict(sorted(writer.left_out.items()))},
        )
    warnings = checked(check.problems(written), ctl, done)
    writer.wait_until_stored()
    return {
        "project": snapshot.project.slug,
        "snapshot": snapshot.number,
        "format": form.name,
        "trainer": form.trainer,
        "as_of": snapshot.as_of,
        "options": asdict(options),
        "content_sha256": snapshot.content_sha256,
        "counts": {
            "rows": sum(f.rows for f in written if f.role == "data"),
            "examples": dict(sorted(kinds.items())),
        }
        | ({"joined": writer.joined} if writer.joined else {}),
        "files": [f.as_dict() | {"role": f.role} for f in written],
        "left_out": {code: told(code, n, writer) for code, n in sorted(writer.left_out.items()) if n},
        "not_honoured": [str(s) for s in form.not_honoured],
        "notes": [n | {"text": str(n.get("text", ""))} for n in writer.notes],
        "warnings": warnings,
        "verified": None,
        "versions": {"schema": 1, "python": platform.python_version()},
    } | ({"demo": True} if snapshot.project.demo else {})


def _prompts(paths: list[Path]) -> Iterator[list[Example]]:
    """The rows of each prompt, of all kinds together: every file is in the order of what was asked."""
    if len(paths) == 1:
        rows: Iterator[Example] = rows_of(paths[0])
    else:
        rows = heapq.merge(*(rows_of(path) for path in paths), key=asked_key)
    for _asked, of_prompt in groupby(rows, key=asked_key):
        yield list(of_prompt)


def _publish(snapshot: Snapshot, actor, form: Format, key: str, place: Path, made: dict, ctl, job) -> Bundle:
    """Scripts, manifest, rename, row: one transaction. Of two runs for the same options the first stays."""
    made = made | {"created_at": timezone.now().isoformat()}
    scripts = write_scripts(place, snapshot, form, made)
    made["files"] = [*made["files"], *(f.as_dict() | {"role": f.role} for f in scripts)]
    with transaction.atomic():
        Project.objects.select_for_update().get(pk=snapshot.project_id)
        held = Snapshot.objects.select_for_update().get(pk=snapshot.pk)
        if held.withdrawn_at is not None:
            raise DomainError("withdrawn", _("The data set was withdrawn."), status=409)
        known = Bundle.objects.filter(snapshot=snapshot, key=key, withdrawn_at=None).first()
        if known is not None:
            return known
        write_durably(place / MANIFEST, json.dumps(made, ensure_ascii=False, indent=2) + "\n")
        stage = f"-{made['options']['stage']}" if made["options"]["stage"] else ""
        bundle = Bundle.objects.create(
            snapshot=snapshot,
            job=job,
            format=form.name,
            key=key,
            folder=f"exports/{snapshot.project_id}/{snapshot.number:06d}-{form.name}{stage}-{key[:8]}",
            files=[f | {"bytes": (place / f["path"]).stat().st_size} for f in made["files"]],
            manifest=made,
        )
        events.append(
            project=snapshot.project,
            actor=actor,
            verb="bundle",
            target=bundle,
            format=form.name,
            rows=made["counts"]["rows"],
        )
        ctl.checkpoint({"bundle": bundle.pk})
        put_in_place(place, folder_of(bundle))
    return bundle


def form_named(name: str) -> Format:
    """The format of this name; DomainError "unknown_format"."""
    if name not in FORMATS:
        raise unknown_format()
    return FORMATS[name]
