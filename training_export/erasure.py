"""A person's part in this room: data sets already made that hold a row of theirs are withdrawn, and their
files removed; what a recipe made is made again without them, under a new number."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import orjson
from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from core import jobs
from core.erasure import Person
from training_export.models import Bundle, RecipeVersion, Snapshot, StepValue
from training_export.publish import snapshots
from training_export.publish.parquet_rows import columns_of
from training_export.publish.snapshot_files import folder_of_snapshot, sides_of
from training_export.recipes.standing import close, models_trained_on

WHY = "erasure"


def find(person: Person) -> None:
    """The data sets ("snapshots") and bundles ("bundles") with rows of the person, by the rows' own
    provenance; also those that other projects made of this one's rows."""
    prompts = person.ids("prompts") | person.ids("dying")
    if not prompts and not person.ids("conversations"):
        return
    wanted = (prompts, person.ids("conversations"), person.ids("messages"))
    for snapshot in _made_by_recipes(person):
        if any(_is_of(row, *wanted) for row in _provenance_of(snapshot)):
            person.ids("snapshots").add(snapshot.pk)
            person.ids("bundles").update(
                snapshot.bundles.filter(withdrawn_at=None).values_list("pk", flat=True)
            )
    by_export = Bundle.objects.filter(
        snapshot__project=person.project, snapshot__folder="", withdrawn_at=None
    )
    for bundle in by_export.order_by("pk").iterator():
        if any(_is_of(row, *wanted) for row in _rows_of(snapshots.folder_of(bundle))):
            person.ids("bundles").add(bundle.pk)


def _made_by_recipes(person: Person) -> Iterator[Snapshot]:
    """The data sets in which rows of the person's project may stand."""
    # A withdrawn one keeps its files until they are erased.
    made = Snapshot.objects.exclude(folder="").filter(erased=False)
    for snapshot in made.select_related("recipe_version").order_by("pk").iterator():
        if person.project.pk in snapshot.manifest.get("projects", [snapshot.project_id]):
            yield snapshot


def _provenance_of(snapshot: Snapshot) -> Iterator[dict]:
    for _kind, _side, path in sides_of(snapshot):
        for row in columns_of(path, "provenance"):
            yield orjson.loads(row["provenance"])


def _rows_of(folder: Path) -> Iterator[dict]:
    beside = folder / "provenance"
    for path in sorted((beside if beside.is_dir() else folder).glob("*.jsonl")):
        with open(path, "rb") as lines:
            for line in lines:
                row = orjson.loads(line)
                yield row.get("provenance", row)


def _is_of(row: dict, prompts: set, conversations: set, messages: set) -> bool:
    """Whether a row with this provenance comes from one of these."""
    return row.get("prompt") in prompts or any(
        origin.get("conversation") in conversations or origin.get("turn") in messages
        for origin in row.get("origins", ())
    )


def erase(person: Person) -> dict[str, int]:
    """Close data sets and bundles: their files go, their number, counts and manifest stay as a sign of what
    was there. Their numbers and the models trained on them are told in "withdrawn" and "models". What was
    computed of the project's texts goes as a whole."""
    made = list(Snapshot.objects.filter(pk__in=person.ids("snapshots")).select_related("recipe_version"))
    open_ones = [snapshot for snapshot in made if snapshot.withdrawn_at is None]
    for snapshot in made:
        snapshot.erased = True
        snapshot.save(update_fields=["erased"])
    for snapshot in open_ones:
        close(snapshot, WHY)
    bundles = Bundle.objects.filter(pk__in=person.ids("bundles")).select_related("snapshot")
    held = {bundle.snapshot for bundle in bundles} | set(made)
    count = len(bundles)
    bundles.update(withdrawn_at=timezone.now())
    person.ids("withdrawn").update(
        snapshot.number for snapshot in held if snapshot.project_id == person.project.pk
    )
    person.ids("models").update(models_trained_on([snapshot.pk for snapshot in held]))
    StepValue.objects.filter(project__in=_read_by_recipes(person) | {s.project_id for s in made}).delete()
    transaction.on_commit(lambda: _remove_withdrawn(person))
    for snapshot in open_ones:
        if snapshot.recipe_version_id is not None:
            params = {"version": snapshot.recipe_version_id, "successor_of": snapshot.pk}
            jobs.start("snapshot", project=snapshot.project, actor=snapshot.created_by, params=params)
    return {"data sets": count + sum(not s.bundles.exists() for s in made)}


def _read_by_recipes(person: Person) -> set[int]:
    """The projects in which something may have been computed of this one's texts."""
    found = {person.project.pk}
    for project, document in RecipeVersion.objects.values_list("recipe__project", "document").iterator():
        sources = [*document.get("sources", []), *document.get("sets", {}).values()]
        if any(source.get("project") == person.project.slug for source in sources):
            found.add(project)
    return found


def _remove_withdrawn(person: Person) -> None:
    """The files of every bundle and data set of the project that was closed by an erasure: a run that was
    killed before its own were gone is made good by the next."""
    erased = Q(snapshot__erased=True) | Q(snapshot__folder="")
    withdrawn = Bundle.objects.filter(erased, withdrawn_at__isnull=False)
    mine = Q(snapshot__project=person.project) | Q(pk__in=person.ids("bundles"))
    mine |= Q(snapshot__in=person.ids("snapshots"))
    for bundle in withdrawn.filter(mine):
        shutil.rmtree(snapshots.folder_of(bundle), ignore_errors=True)
    made = Snapshot.objects.filter(erased=True).exclude(folder="")
    for snapshot in made.filter(Q(project=person.project) | Q(pk__in=person.ids("snapshots"))):
        shutil.rmtree(folder_of_snapshot(snapshot), ignore_errors=True)
