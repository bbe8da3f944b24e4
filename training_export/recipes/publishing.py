"""A data set becomes visible: its number, card, manifest, folder and row, in one transaction."""

import json
from pathlib import Path

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from core import events
from core.errors import Conflict
from core.models import Event, Project
from training_export.formats.base import FileInfo
from training_export.models import RecipeVersion, Snapshot, StepValue
from training_export.publish.numbers import next_number
from training_export.publish.snapshot_files import folder_of_snapshot, write_card
from training_export.publish.snapshots import MANIFEST
from training_export.publish.workplace import put_in_place, write_durably

ERASED = "person.erase"  # the verb of core.erasure


def publish(
    project, actor, version: RecipeVersion, place: Path, made: dict, ctl, job, successor_of, begun: int
) -> Snapshot:
    """Number, card, manifest, rename, row: one transaction. Conflict "erased" where somebody in one of the
    projects has been erased since the Event `begun`: their words may stand in what was read before."""
    with transaction.atomic():
        list(Project.objects.select_for_update().filter(pk__in=made["projects"]).order_by("pk"))
        since = Event.objects.filter(project__in=made["projects"], verb=ERASED, pk__gt=begun)
        if since.exists():
            StepValue.objects.filter(project=project).delete()
            raise Conflict(
                "erased", _("Somebody was erased while the data set was being made. Make it again.")
            )
        number = next_number(project)
        card = _card(project, number, made, place)
        manifest = {"snapshot": number, "created_at": timezone.now().isoformat()} | made
        manifest["files"] = [*made["files"], card.as_dict() | {"role": card.role}]
        write_durably(place / MANIFEST, json.dumps(manifest, ensure_ascii=False, indent=2) + "\n")
        snapshot = Snapshot.objects.create(
            project=project,
            recipe_version=version,
            job=job,
            number=number,
            as_of=made["as_of"],
            content_sha256=made["content_sha256"],
            counts=made["counts"],
            left_out={code: entry["count"] for code, entry in made["left_out"].items()},
            folder=f"exports/{project.pk}/{number:06d}-rows",
            manifest=manifest,
            successor_of=successor_of,
            created_by=actor if getattr(actor, "pk", None) else None,
        )
        events.append(
            project=project,
            actor=actor,
            verb="snapshot",
            target=snapshot,
            recipe=version.recipe_id,
            rows=sum(made["counts"].values()),
        )
        ctl.checkpoint({"snapshot": snapshot.pk})
        put_in_place(place, folder_of_snapshot(snapshot))
    return snapshot


def _card(project: Project, number: int, made: dict, place: Path) -> FileInfo:
    recipe = made["recipe"]
    counts = ", ".join(f"{n} {kind}" for kind, n in made["counts"].items())
    lines = [
        f"Data set {number} of {project.title}: {counts}.",
        "",
        f'Made by version {recipe["version"]} of the recipe "{recipe["name"]}", '
        f"as of log entry {made['as_of']}.",
        f"Identity of its rows: `{made['content_sha256']}`.",
        "",
        "`provenance` of each row names the judgements, people (by pseudonym), models and answers it came "
        "from. What was left out or dropped, and why, stands in `manifest.json` and `dropped.parquet`.",
    ]
    listed = [FileInfo(f["path"], f["rows"], f["sha256"]) for f in made["files"] if f["role"] == "data"]
    return write_card(place, title=f"{project.title} {number}", files=listed, lines=lines)
