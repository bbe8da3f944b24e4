"""Drafts, submit, undo, edit: how a judgement becomes a row. Versions are appended, never changed."""

import json
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import BigIntegerField, Subquery, Value
from django.db.models.functions import Greatest
from django.utils import timezone
from django.utils.translation import gettext as _

from annotation import document
from annotation.document import Judgement
from annotation.document_checks import check_complete, check_shape
from annotation.models import Annotation, AnnotationVersion, Assignment, Item
from annotation.statistics import agreement, daily
from annotation.work import queue, sql
from core import events, local_time
from core.db import one_go
from core.db.prepared import Prepared
from core.db.retry import on_deadlock
from core.errors import Conflict, DomainError

MAX_DRAFT = 2_000_000  # characters of a draft as JSON: several texts of the greatest length


@dataclass(frozen=True)
class Submitted:
    """What a submit made, or had made before under the same client key."""

    annotation: Annotation
    version: AnnotationVersion
    late: bool


@dataclass(frozen=True)
class Draft:
    """What is stored after a draft was kept."""

    revision: int
    saved_at: datetime | None


@on_deadlock
@transaction.atomic
def save_draft(*, user, pk: int, draft: dict, revision: int, active_ms: int = 0, project=None) -> Draft:
    """Keep `draft` (by letters, as it stands in the browser) if it was made on revision `revision`.
    Conflict "stale_draft" with the stored one otherwise: both are kept, the person chooses."""
    if not isinstance(draft, dict):
        raise DomainError("invalid", _("The draft must be an object."), field="document")
    if len(json.dumps(draft, ensure_ascii=False)) > MAX_DRAFT:
        raise DomainError(
            "too_large",
            _("A draft may have at most %(n)s characters.") % {"n": MAX_DRAFT},
            status=413,
            field="document",
        )
    now = timezone.now()
    mine = Assignment.objects.own(user.pk, superuser=user.is_superuser).filter(
        pk=pk, **({"project": project} if project else {})
    )
    longest = Greatest("active_ms", Value(active_ms, output_field=BigIntegerField()))
    if mine.filter(draft_revision=revision).update(
        draft=draft, draft_revision=revision + 1, draft_at=now, active_ms=longest
    ):
        return Draft(revision + 1, now)
    a = mine.first()
    if a is None:
        raise DomainError("not_found", _("This assignment is not yours, or is gone."), status=404)
    if a.draft != draft:
        kept = {"revision": a.draft_revision, "document": a.draft, "saved_at": a.draft_at}
        raise Conflict("stale_draft", _("This draft was changed in another window."), data=kept)
    return Draft(a.draft_revision, a.draft_at)


def _own_annotation(pk):
    """What the annotator of assignment `pk` has said of its item."""
    held = Assignment.objects.filter(pk=pk)
    own = {"item": Subquery(held.values("item")[:1]), "annotator": Subquery(held.values("annotator")[:1])}
    return Annotation.objects.filter(**own).select_related("head")


_MINE = Prepared(_own_annotation, int)


@on_deadlock
@transaction.atomic
def submit(*, user, pk: int, given: dict, client_key: str, active_ms: int = 0, project=None) -> Submitted:
    """Record the judgement `given` (by letters) for assignment `pk`, once per `client_key`.

    Late work (the lease ran out) takes a free place if there is one, else it is kept without a slot as an
    extra. On work already submitted it appends an edit, until a reviewer has accepted or settled it
    (Conflict "reviewed"). DomainError names the field at fault."""
    if not client_key or len(client_key) > 64:
        raise DomainError("invalid", _("A client key of 1 to 64 characters is needed."), field="client_key")
    check_shape(given)
    a, said = queue.locked_own_with(user=user, pk=pk, project=project, beside=(_MINE, (pk,)))
    item = a.item
    annotation = said[0] if said else None
    if annotation is not None:
        annotation.project, annotation.annotator = a.project, a.annotator
        if annotation.ruling:
            raise Conflict("own_ruling", _("You settled this item yourself, so somebody else must judge it."))
        known = annotation.versions.filter(client_key=client_key).first()
        if known is not None:
            return Submitted(annotation, known, known.late)
        if annotation.state == Annotation.State.ACCEPTED or item.state == Item.State.SETTLED:
            raise Conflict("reviewed", _("This work has been reviewed and can no longer be changed."))
    if item.hidden:
        raise Conflict("item_hidden", _("This item was hidden. Your text is kept."))
    doc = check_complete(
        document.to_slots(given, a.order),
        kind=item.kind,
        slot_count=item.slot_count,
        messages=_messages(item, given),
    )
    editing = annotation is not None and annotation.state in (
        Annotation.State.SUBMITTED,
        Annotation.State.RETURNED,
    )
    counts_anew = not editing or annotation.state == Annotation.State.RETURNED
    late = False
    if a.slot is None and not editing:
        late = not (item.state == Item.State.OPEN and queue.take_slot(a))
    now = timezone.now()
    if annotation is None:
        annotation = Annotation(project=a.project, item=item, annotator=a.annotator)
    version = AnnotationVersion(
        annotation=annotation,
        number=(annotation.head.number if annotation.head else 0) + 1,
        action=AnnotationVersion.Action.EDIT if editing else AnnotationVersion.Action.SUBMIT,
        document=doc,
        guideline_id=a.project.bench.guideline_id,
        criteria_id=a.project.bench.criteria_id,
        order=a.order,
        active_ms=max(a.active_ms, active_ms),
        client_key=client_key,
        late=late,
        created_at=now,
    )
    spent = max(0, active_ms - _counted_ms(annotation))
    a.state, a.lease_until, a.draft, a.active_ms = (
        Assignment.State.SUBMITTED,
        None,
        None,
        max(a.active_ms, active_ms),
    )
    a.draft_revision += 1
    event = events.append_statement(project=a.project, actor=user, verb=version.action, target=item)
    figures = daily.statement(
        project_id=a.project_id,
        annotator_id=a.annotator_id,
        day=local_time.day_of(a.project, now),
        submitted=0 if editing else 1,
        corrections=0 if editing else len(Judgement(doc).corrections()),
        active_ms=spent,
    )
    written = [
        *sql.judgement(version, assignment=a, event=event),
        _counted(item, a, +1 if counts_anew else 0, now, doc),
        figures,
    ]
    ids = one_go.in_one_go(written, often=True, ends=True)
    version.pk, annotation.pk = ids[1][0][0], ids[2][0][0]
    annotation.head, annotation.state = version, Annotation.State.SUBMITTED
    return Submitted(annotation, version, late)


def _messages(item: Item, given: dict) -> list | None:
    """The talk that `given` is about, read only where a turn of it is corrected."""
    return item.prompt.messages if any(c.of_turn for c in Judgement(given).corrections()) else None


def _counted_ms(annotation) -> int:
    """Active time that the versions of this annotation so far have brought into the daily figures."""
    return max(annotation.versions.values_list("active_ms", flat=True), default=0) if annotation.pk else 0


def _set_head(annotation, version, state) -> None:
    annotation.head, annotation.state = version, state
    annotation.save(update_fields=["head", "state", "updated_at"])


def _counted(item: Item, a: Assignment, step: int, now, doc=None) -> sql.Statement:
    """What moves the item's counters by one annotation of assignment `a` (+1, 0 or -1), and its state and
    agreement with them."""
    in_slot = step if a.slot is not None else 0
    if item.state in (Item.State.OPEN, Item.State.DONE):
        item.state = Item.State.DONE if item.submitted + in_slot >= item.overlap else Item.State.OPEN
    if item.overlap > 1 or item.submitted or item.extras:
        item.agreement = agreement.of_item(item, mine=(a.annotator_id, doc))
    return sql.counted(item, submitted=in_slot, extras=step - in_slot, now=now)


@on_deadlock
@transaction.atomic
def undo(*, user, pk: int, project=None) -> Assignment:
    """Take one's own submit back before anyone reviewed it: the work is open again with its document as
    draft, the judgement counts no more until it is submitted again. What was open meanwhile becomes the
    reserved one."""
    a = queue.locked_own(user=user, pk=pk, project=project)
    annotation = (
        Annotation.objects.select_related("head").filter(item=a.item_id, annotator=a.annotator_id).first()
    )
    if (
        a.state != Assignment.State.SUBMITTED
        or annotation is None
        or annotation.state != Annotation.State.SUBMITTED
        or a.item.state == Item.State.SETTLED
    ):
        raise Conflict("not_undoable", _("This work can no longer be taken back."))
    head = annotation.head
    event = events.append(project=a.project, actor=user, verb="undo", target=a.item)
    version = AnnotationVersion.objects.create(
        annotation=annotation,
        number=head.number + 1,
        action=AnnotationVersion.Action.UNDO,
        document=head.document,
        guideline_id=head.guideline_id,
        criteria_id=head.criteria_id,
        order=head.order,
        active_ms=head.active_ms,
        client_key=f"undo-{head.number + 1}",
        event_id=event.pk,
    )
    _set_head(annotation, version, Annotation.State.WITHDRAWN)
    queue.make_way(a, user=user)
    now = timezone.now()
    one_go.in_one_go([_counted(a.item, a, -1, now)], often=True)
    if a.item.state == Item.State.OPEN:
        queue.freed([a.item])
    daily.add(
        project_id=a.project_id,
        annotator_id=a.annotator_id,
        day=_day_of(a.project, annotation),
        submitted=-1,
        corrections=-len(Judgement(head.document).corrections()),
    )
    a.state, a.draft, a.draft_at = Assignment.State.OPEN, document.to_letters(head.document, a.order), now
    a.draft_revision += 1
    a.lease_until = now + timedelta(seconds=a.project.bench.lease_seconds)
    a.save(update_fields=["state", "draft", "draft_at", "draft_revision", "lease_until"])
    return a


def _day_of(project, annotation):
    """The day that the submit was counted on."""
    submitted = annotation.versions.filter(action=AnnotationVersion.Action.SUBMIT).latest("number")
    return local_time.day_of(project, submitted.created_at)
