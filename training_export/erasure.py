"""A person's part in this room: data sets already made that hold a row of theirs are withdrawn, and their
files removed."""

import shutil
from pathlib import Path

import orjson
from django.db import transaction
from django.utils import timezone

from core.erasure import Person
from training_export.models import Bundle, TrainingRun
from training_export.publish import snapshots


def find(person: Person) -> None:
    """The bundles with rows of the person ("bundles"), by the rows' own provenance."""
    prompts = person.ids("prompts") | person.ids("dying")
    if not prompts and not person.ids("conversations"):
        return
    for bundle in (
        Bundle.objects.filter(snapshot__project=person.project, withdrawn_at=None).order_by("pk").iterator()
    ):
        if _holds(snapshots.folder_of(bundle), prompts, person.ids("conversations"), person.ids("messages")):
            person.ids("bundles").add(bundle.pk)


def _holds(folder: Path, prompts: set, conversations: set, messages: set) -> bool:
    """Whether a row of the folder comes from one of these."""
    beside = folder / "provenance"
    for path in sorted((beside if beside.is_dir() else folder).glob("*.jsonl")):
        with open(path, "rb") as lines:
            for line in lines:
                row = orjson.loads(line)
                row = row.get("provenance", row)
                if row.get("prompt") in prompts:
                    return True
                for origin in row.get("origins", ()):
                    if origin.get("conversation") in conversations or origin.get("turn") in messages:
                        return True
    return False


def erase(person: Person) -> dict[str, int]:
    """Close the bundles: their files go, their number, counts and manifest stay as a sign of what was there.
    The numbers of their snapshots and the models trained on them are told in "withdrawn" and "models"."""
    bundles = list(Bundle.objects.filter(pk__in=person.ids("bundles")).select_related("snapshot"))
    for bundle in bundles:
        bundle.withdrawn_at = timezone.now()
        bundle.save(update_fields=["withdrawn_at"])
        person.ids("withdrawn").add(bundle.snapshot.number)
    trained = TrainingRun.objects.filter(
        snapshot__in=[b.snapshot_id for b in bundles], model_version__isnull=False
    )
    person.ids("models").update(trained.values_list("model_version__name", flat=True))
    transaction.on_commit(lambda: _remove_withdrawn(person))
    return {"data sets": len(bundles)}


def _remove_withdrawn(person: Person) -> None:
    """The files of every withdrawn bundle of the project: a run that was killed before its own were gone is
    made good by the next."""
    for bundle in Bundle.objects.filter(snapshot__project=person.project, withdrawn_at__isnull=False):
        shutil.rmtree(snapshots.folder_of(bundle), ignore_errors=True)
