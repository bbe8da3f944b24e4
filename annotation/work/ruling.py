"""A reviewer's own judgement that settles an item, where none of those given will do."""

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from annotation import document, document_checks
from annotation.models import Annotation, AnnotationVersion, Consensus, Item
from annotation.promotion import replies
from annotation.work import queue, review
from core import events
from core.db.retry import on_deadlock
from core.errors import Conflict, DomainError
from core.models import Project


@on_deadlock
@transaction.atomic
def rule(*, item: Item, reviewer, given: dict, order: list[int], comment: str = "") -> Consensus:
    """Settle `item` with the judgement `given`, by the letters of the answers in `order`. It is kept as the
    reviewer's annotation, accepted, and counts as nobody's work: neither towards the overlap nor in
    agreement. Conflict "own_work" where the reviewer judged the item as an annotator, "settled" where it is
    settled already; DomainError names the field at fault."""
    if not Project.objects.visible_to(reviewer, "reviewer").filter(pk=item.project_id).exists():
        raise DomainError("not_found", _("There is no such item."), status=404)
    document_checks.check_shape(given)
    item = Item.objects.select_for_update(no_key=True, of=("self",)).select_related("prompt").get(pk=item.pk)
    if item.hidden:
        raise Conflict("item_hidden", _("This item was hidden."))
    if review.settlement_of(item) is not None:
        raise Conflict("settled", _("This item is already settled."))
    doc = document_checks.check_complete(
        document.to_slots(given, order),
        kind=item.kind,
        slot_count=item.slot_count,
        messages=item.prompt.messages,
    )
    project = Project.objects.select_related("bench").get(pk=item.project_id)
    annotator = queue.annotator_for(project=project, user=reviewer)
    annotation = (
        Annotation.objects.select_for_update(no_key=True, of=("self",))
        .select_related("head")
        .filter(item=item, annotator=annotator)
        .first()
    )
    if annotation is None:
        annotation = Annotation.objects.create(
            project=project, item=item, annotator=annotator, state=Annotation.State.WITHDRAWN, ruling=True
        )
    elif not annotation.ruling:
        raise Conflict("own_work", _("You judged this item yourself, so somebody else must settle it."))
    event = events.append(
        project=project, actor=reviewer, verb="settle", target=item, annotation=annotation.pk, ruling=True
    )
    number = annotation.head.number + 1 if annotation.head else 1
    version = AnnotationVersion.objects.create(
        annotation=annotation,
        number=number,
        action=AnnotationVersion.Action.RULING,
        document=doc,
        guideline_id=project.bench.guideline_id,
        criteria_id=project.bench.criteria_id,
        order=order,
        client_key=f"ruling-{number}",
        event_id=event.pk,
    )
    annotation.head, annotation.state = version, Annotation.State.ACCEPTED
    annotation.save(update_fields=["head", "state", "updated_at"])
    for held in annotator.assignments.live(item=item):
        queue.release(user=reviewer, pk=held.pk)
    Item.objects.filter(pk=item.pk).update(state=Item.State.SETTLED, last_activity=timezone.now())
    replies.on_settled(item, version, actor=reviewer)
    return Consensus.objects.create(
        item=item,
        version=version,
        agreement=item.agreement,
        decided_by=reviewer,
        comment=comment,
        event_id=event.pk,
    )
