"""What an annotator is told of their own work: the last session, and what became of what they said."""

from datetime import timedelta
from math import fsum

from annotation.document import CORRECTIONS, Judgement
from annotation.models import Annotation, Annotator, Assignment, Consensus, Item
from annotation.querysets import IN_FORCE
from annotation.statistics import agreement

PAUSE = timedelta(hours=1)  # a longer one ends a session
NEWEST = 1000  # judgements looked at, of a person who has done more
UNDOABLE = 20
State = Assignment.State


def summary(annotator: Annotator) -> dict:
    """{"session": {"judged", "active_ms"}, "settled": {"items", "agreement", "same"}, "corrections":
    {"accepted", "returned", "waiting"}} of `annotator`.

    A session is the newest judgements with no pause of more than an hour between them. "settled": own
    judgements in force on settled items, with the mean agreement with what was settled (−1 … 1 for
    rankings, 0 … 1 for QA; None where nothing compares) and how many say the same. "corrections": how many
    corrections stand in judgements that were accepted, were returned, or wait for a reviewer."""
    own = Annotation.objects.filter(annotator=annotator, ruling=False).exclude(head=None).order_by("-pk")
    return {"session": _session(own), "settled": _settled(own), "corrections": _corrections(own)}


def _session(own) -> dict:
    heads = own.filter(state__in=[*IN_FORCE, Annotation.State.RETURNED])
    rows = sorted(heads.values_list("head__created_at", "head__active_ms")[:NEWEST], reverse=True)
    judged = active_ms = 0
    before = None
    for at, spent in rows:
        if before is not None and before - at > PAUSE:
            break
        before = at
        judged += 1
        active_ms += spent
    return {"judged": judged, "active_ms": active_ms}


def _settled(own) -> dict:
    mine = own.filter(state__in=IN_FORCE, item__state=Item.State.SETTLED)
    mine = mine.select_related("head", "item")[:NEWEST]
    by_item = {one.item_id: one for one in mine}
    rulings = Consensus.objects.filter(item__in=list(by_item)).select_related("version").order_by("pk")
    settled = {ruling.item_id: ruling.version for ruling in rulings}  # the newest of each
    values: list[float | None] = []
    for item_id, version in settled.items():
        one = by_item[item_id]
        if version is None:
            continue
        if version.pk == one.head_id:
            values.append(1.0)
            continue
        both = [one.head.document, version.document]
        values.append(agreement.of_documents(one.item.kind, both, one.item.slot_count))
    compared = [value for value in values if value is not None]
    return {
        "items": len(values),
        "agreement": fsum(compared) / len(compared) if compared else None,
        "same": sum(value == 1 for value in compared),
    }


def _corrections(own) -> dict:
    out = {"accepted": 0, "returned": 0, "waiting": 0}
    names = {
        Annotation.State.ACCEPTED: "accepted",
        Annotation.State.RETURNED: "returned",
        Annotation.State.SUBMITTED: "waiting",
    }
    rows = own.filter(state__in=list(names), head__document__has_key=CORRECTIONS)
    for state, document in rows.values_list("state", "head__document")[:NEWEST]:
        out[names[state]] += len(Judgement(document).corrections())
    return out


def undoable(annotator: Annotator) -> list[dict]:
    """What of the annotator's newest work can be taken back now, the newest last: [{"id": of the assignment,
    "kind": "submit" | "skip"}], in the order it was given to them."""
    rows = Assignment.objects.filter(annotator=annotator).select_related("item").order_by("-id")[:UNDOABLE]
    found = [a for a in rows if a.state in (State.SUBMITTED, State.SKIPPED) and not a.item.hidden]
    # By item alone: asked for by annotator and state, a database reads all that the person ever submitted.
    said = Annotation.objects.filter(item__in=[a.item_id for a in found], ruling=False)
    states = said.values_list("item_id", "annotator_id", "state")
    submitted = {
        item
        for item, author, state in states
        if author == annotator.pk and state == Annotation.State.SUBMITTED
    }
    out = []
    for a in reversed(found):
        if a.state == State.SUBMITTED and a.item_id in submitted and a.item.state != Item.State.SETTLED:
            out.append({"id": a.pk, "kind": "submit"})
        elif a.state == State.SKIPPED and a.skip_reason and _has_place(a.item):
            out.append({"id": a.pk, "kind": "skip"})
    return out


def _has_place(item) -> bool:
    return item.state == Item.State.OPEN and item.held < item.overlap
