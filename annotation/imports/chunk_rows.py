"""A chunk of an import, inserted at once: its rows as annotation.imports.chunk has decided them.

In the caller's transaction, and under the project's import lock."""

from annotation.imports import existing as known
from annotation.imports.added import ItemFroze
from annotation.imports.chunk import Chunk
from annotation.imports.prepare import ANSWER
from annotation.models import (
    Annotation,
    AnnotationVersion,
    BenchSettings,
    Item,
    ItemAnswer,
    ItemTag,
)
from annotation.work.queue import freed
from core.db import bulk
from corpus.models import Prompt, PromptOrigin, Response

PROMPT = ("id", "messages", "tools", "sources", "metadata", "language", "content_hash")
ORIGIN = ("prompt", "line", "external_id")
RESPONSE = ("id", "prompt", "model_version", *ANSWER)
ITEM = ("id", "prompt", "generation", "previous", "state", "frozen", "hidden", "position", "slot_count")
VERSION = ("id", "annotation", "number", "document", "client_key")


def lock_changed(chunk: Chunk) -> None:
    """Hold the existing items this chunk changes; ItemFroze if an assignment was quicker."""
    if not chunk.changed:
        return
    grown = {item_id for item_id, _response, _slot in chunk.answers}
    rows = (
        Item.objects.select_for_update(no_key=True)
        .filter(pk__in=list(chunk.changed))
        .order_by("pk")
        .values_list("pk", "frozen", "slot_count")
    )
    for pk, frozen, slot_count in rows:
        if frozen and pk in grown and slot_count != len(chunk.changed[pk].slots):
            raise ItemFroze
        chunk.changed[pk].frozen |= frozen


def write(chunk: Chunk, *, batch_id: int | None, event_id: int, now) -> None:
    """Insert everything, in the caller's transaction and under its lock. No batch: the rows come from no
    file."""
    at, project = bulk.moment(now), chunk.project.pk
    came = {"event_id": event_id, "created_at": at}
    bulk.insert(Prompt, PROMPT, chunk.prompts, constants=came | {"project": project})
    bulk.insert(PromptOrigin, ORIGIN, chunk.origins, constants={"batch": batch_id, "event_id": event_id})
    bulk.insert(Response, RESPONSE, chunk.responses, constants=came)
    same = {
        "project": project,
        "held": 0,
        "submitted": 0,
        "extras": 0,
        "overlap": chunk.bench.overlap,
        "kind": str(chunk.bench.kind),
    }
    rows = [
        (i.id, pk, i.generation, i.previous, i.state, i.frozen, i.hidden, i.position, len(i.slots))
        for pk, i in chunk.items
    ]
    bulk.insert(Item, ITEM, rows, constants=came | same)
    bulk.insert(ItemAnswer, ("item", "response", "slot"), chunk.answers)
    bulk.insert(ItemTag, ("item", "name"), chunk.tags)
    bulk.update(
        Item,
        ("slot_count", "state", "frozen"),
        [(i.id, len(i.slots), i.state, i.frozen) for i in chunk.changed.values()],
    )
    if chunk.versions:
        _write_judgements(chunk, event_id, now, at)
    if chunk.opened:
        freed([Item(project=chunk.project, position=min(chunk.opened))])
    if chunk.position != chunk.bench.next_position:
        chunk.bench.next_position = chunk.position
        BenchSettings.objects.filter(pk=chunk.bench.pk).update(next_position=chunk.position)


def _write_judgements(chunk: Chunk, event_id: int, now, at) -> None:
    annotators = known.annotator_ids(chunk.project, {name for _item, name, _judged in chunk.annotations})
    rows = [(j.id, item, annotators[name], j.head) for item, name, j in chunk.annotations]
    same = {
        "project": chunk.project.pk,
        "state": Annotation.State.SUBMITTED.value,
        "practice": False,
        "ruling": False,
        "created_at": at,
        "updated_at": at,
    }
    bulk.insert(Annotation, ("id", "item", "annotator", "head"), rows, constants=same)
    same = {
        "action": AnnotationVersion.Action.IMPORT.value,
        "schema": 1,
        "order": "[]",
        "active_ms": 0,
        "late": False,
        "event_id": event_id,
        "created_at": at,
    }
    bulk.insert(AnnotationVersion, VERSION, chunk.versions, constants=same)
    for pk, head in chunk.superseded.items():
        Annotation.objects.filter(pk=pk).update(head=head, state=Annotation.State.SUBMITTED, updated_at=now)
