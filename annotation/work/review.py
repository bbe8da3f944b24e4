"""What reviewers decide: accept, return, settle. Never over their own work."""

from collections.abc import Iterable

from django.db import transaction
from django.db.models import F
from django.utils import timezone
from django.utils.translation import gettext as _

from annotation.models import Annotation, AnnotationVersion, Assignment, Consensus, Item, Review
from annotation.promotion import replies
from annotation.statistics import agreement
from annotation.work import queue
from core import events
from core.db.retry import on_deadlock
from core.errors import Conflict, DomainError
from core.models import Project


def decidable(annotation: Annotation, reviewer) -> bool:
    """Whether `reviewer` may decide on this work as far as the work itself says: submitted, not their own."""
    return annotation.annotator.user_id != reviewer.pk and annotation.state == Annotation.State.SUBMITTED


@on_deadlock
@transaction.atomic
def accept_all(*, annotations: Iterable[Annotation], reviewer) -> int:
    """Accept each of `annotations` whose head is still the one that was seen and that is still to be
    reviewed; returns how many were. What changed meanwhile, and own work, stays as it is."""
    accepted = 0
    for seen in sorted(annotations, key=lambda one: (one.item_id, one.pk)):
        fresh = _locked(seen)
        if fresh.head_id == seen.head_id and decidable(fresh, reviewer):
            accept(annotation=fresh, reviewer=reviewer)
            accepted += 1
    return accepted


def _may_review(*, reviewer, annotation: Annotation) -> None:
    if annotation.annotator.user_id == reviewer.pk:
        raise DomainError("own_work", _("Nobody reviews their own work."), status=403)
    if not Project.objects.visible_to(reviewer, "reviewer").filter(pk=annotation.project_id).exists():
        raise DomainError("not_found", _("There is no such judgement."), status=404)


def _locked(annotation: Annotation) -> Annotation:
    rows = Annotation.objects.select_related("item", "annotator", "head", "project").select_for_update(
        no_key=True, of=("self", "item")
    )
    return rows.get(pk=annotation.pk)


def _decide(annotation, reviewer, decision, comment) -> Review:
    event = events.append(
        project=annotation.project,
        actor=reviewer,
        verb=decision,
        target=annotation.item,
        annotation=annotation.pk,
    )
    return Review.objects.create(
        version=annotation.head, reviewer=reviewer, decision=decision, comment=comment, event_id=event.pk
    )


@on_deadlock
@transaction.atomic
def accept(*, annotation: Annotation, reviewer, comment: str = "") -> Review:
    """The version in force is good. Conflict when it is withdrawn or returned and not submitted again; twice
    is harmless."""
    annotation = _locked(annotation)
    _may_review(reviewer=reviewer, annotation=annotation)
    if annotation.state not in (Annotation.State.SUBMITTED, Annotation.State.ACCEPTED):
        raise Conflict("not_submitted", _("This work is with its author at the moment."))
    Annotation.objects.filter(pk=annotation.pk).update(
        state=Annotation.State.ACCEPTED, updated_at=timezone.now()
    )
    return _decide(annotation, reviewer, Review.Decision.ACCEPT, comment)


@on_deadlock
@transaction.atomic
def return_(*, annotation: Annotation, reviewer, comment: str) -> Review:
    """Back to its author, who sees `comment` (needed) and may submit again; until then it leaves no rows in
    any export."""
    if not comment.strip():
        raise DomainError("invalid", _("Say what should be changed."), field="comment")
    annotation = _locked(annotation)
    _may_review(reviewer=reviewer, annotation=annotation)
    if annotation.annotator.user_id is None:
        raise Conflict("no_author", _("Imported work has no author to go back to."))
    if annotation.state not in (Annotation.State.SUBMITTED, Annotation.State.ACCEPTED):
        raise Conflict("not_submitted", _("This work is with its author at the moment."))
    settled = settlement_of(annotation.item)
    if settled is not None and settled.version.annotation_id == annotation.pk:
        raise Conflict("settled", _("The item was settled with this work: withdraw the settlement first."))
    slotted = Assignment.objects.filter(
        item=annotation.item_id, annotator=annotation.annotator_id, slot__isnull=False
    ).exists()
    item = annotation.item
    changes: dict = {"submitted": F("submitted") - 1} if slotted else {"extras": F("extras") - 1}
    changes["agreement"] = agreement.of_item(item, mine=(annotation.annotator_id, None))
    if slotted and item.state == Item.State.DONE:
        changes["state"] = Item.State.OPEN
    Item.objects.filter(pk=item.pk).update(**changes)
    Annotation.objects.filter(pk=annotation.pk).update(
        state=Annotation.State.RETURNED, updated_at=timezone.now()
    )
    if changes.get("state") == Item.State.OPEN:
        queue.freed([item])
    return _decide(annotation, reviewer, Review.Decision.RETURN, comment)


def settlement_of(item: Item) -> Consensus | None:
    """The settlement in force, or None."""
    newest = Consensus.objects.filter(item=item).select_related("version").order_by("-pk").first()
    return newest if newest is not None and newest.version_id else None


@on_deadlock
@transaction.atomic
def settle(*, item: Item, version: AnnotationVersion, reviewer, comment: str = "") -> Consensus:
    """`version` is the item's result. Not one's own, and the head of its annotation; a settled item is
    settled anew only after `unsettle`."""
    annotation = _locked(version.annotation)
    _may_review(reviewer=reviewer, annotation=annotation)
    if annotation.item_id != item.pk:
        raise DomainError("not_found", _("There is no such judgement."), status=404)
    if annotation.head_id != version.pk or annotation.state not in (
        Annotation.State.SUBMITTED,
        Annotation.State.ACCEPTED,
    ):
        raise Conflict("not_submitted", _("This work has changed since you opened it."))
    if settlement_of(item) is not None:
        raise Conflict("settled", _("This item is already settled."))
    event = events.append(
        project=annotation.project, actor=reviewer, verb="settle", target=item, annotation=annotation.pk
    )
    Item.objects.filter(pk=item.pk).update(state=Item.State.SETTLED, last_activity=timezone.now())
    made = Consensus.objects.create(
        item=item,
        version=version,
        agreement=annotation.item.agreement,
        decided_by=reviewer,
        comment=comment,
        event_id=event.pk,
    )
    replies.on_settled(annotation.item, version, actor=reviewer)
    return made


@on_deadlock
@transaction.atomic
def unsettle(*, item: Item, reviewer, comment: str = "") -> Consensus:
    """Withdraw the settlement: the item is done or open again, as its submissions stand."""
    settled = settlement_of(item)
    if settled is None:
        raise Conflict("not_settled", _("This item is not settled."))
    annotation = _locked(settled.version.annotation)
    own_ruling = annotation.ruling and settled.decided_by_id == reviewer.pk
    if not own_ruling:  # which is one's own to withdraw
        _may_review(reviewer=reviewer, annotation=annotation)
    if settlement_of(item) != settled:  # read before the lock was had: somebody else was faster
        raise Conflict("not_settled", _("This item is not settled."))
    event = events.append(project=annotation.project, actor=reviewer, verb="unsettle", target=item)
    fresh = Item.objects.select_for_update(no_key=True).get(pk=item.pk)
    if annotation.ruling:
        Annotation.objects.filter(pk=annotation.pk).update(
            state=Annotation.State.WITHDRAWN, updated_at=timezone.now()
        )
    fresh.state = Item.State.DONE if fresh.submitted >= fresh.overlap else Item.State.OPEN
    fresh.save(update_fields=["state"])
    if fresh.state == Item.State.OPEN:
        queue.freed([fresh])
    replies.on_unsettled(fresh)
    return Consensus.objects.create(
        item=item, version=None, decided_by=reviewer, comment=comment, event_id=event.pk
    )
