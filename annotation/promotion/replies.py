"""What experts settled about a promoted answer, on its way to the person who got it
(feedback.inbox.replies says whether it may)."""

from annotation.document import Judgement
from annotation.models import AnnotationVersion, Consensus, Item, Kind, Promotion
from annotation.promotion.end_user_feedback import answers_of
from feedback.inbox import replies

Said = dict[int, tuple[str, str]]


def verdict(judgement: Judgement, kind: str, slot: int) -> str:
    """What a stored judgement says of the answer in `slot`: "good", "bad" or "" (nothing)."""
    if kind == Kind.QA:
        said = judgement.verdict()
        if said == "keep":
            return "good"
        if said == "drop":
            return "bad" if judgement.reason_kinds() & {"answer", "source"} else ""
        corrected = any(c.of_answer and not c.wording_only for c in judgement.corrections())
        return "bad" if said == "fix" and corrected else ""
    if kind == Kind.RANKING:
        line = judgement.acceptable()
        if line is None:
            return ""
        groups = judgement.groups()
        place = next((i for i, group in enumerate(groups) if slot in group), None)
        if place is None:
            # Not ranked: below the line where none is acceptable or the rest is worse than what stands below
            # it.
            return "bad" if line == 0 or (judgement.rest_is_worse() and line <= len(groups)) else ""
        return "good" if place < line else "bad"
    return ""


def correction(judgement: Judgement, slot: int) -> str:
    """The text that a stored judgement says the answer in `slot` should have been; "" if none."""
    for one in judgement.corrections():
        if one.of_answer and (one.answer or 0) == slot:
            return one.text
    return ""


def said_of(item: Item, version: AnnotationVersion, messages: list[int]) -> Said:
    """{answer: (verdict, corrected text)} of those of `messages` that stand on the item, by `version`."""
    slots = answers_of([item.pk]).get(item.pk, {})
    said = Judgement(version.document)
    return {
        pk: (verdict(said, item.kind, slots[pk]), correction(said, slots[pk]))
        for pk in messages
        if pk in slots
    }


def on_settled(item: Item, version: AnnotationVersion, *, actor) -> None:
    """The item was settled by `version`. One query for an item that is not promoted."""
    promoted = Promotion.objects.filter(project=item.project_id, item=item)
    messages = list(promoted.values_list("message_id", flat=True))
    if messages:
        replies.from_settled(project=item.project, said=said_of(item, version, messages), actor=actor)


def on_unsettled(item: Item) -> None:
    """Its settlement is withdrawn: what was made of it goes with it."""
    promoted = Promotion.objects.filter(project=item.project_id, item=item)
    messages = list(promoted.values_list("message_id", flat=True))
    if messages:
        replies.unsettled(project=item.project, messages=messages)


def on_known(promotion: Promotion, *, actor) -> None:
    """A turn was put before experts whose item is there already; it may be settled."""
    found = settled_version(promotion.item) if promotion.item is not None else None
    if promotion.item is not None and found is not None:
        said = said_of(promotion.item, found, [promotion.message_id])
        replies.from_settled(project=promotion.project, said=said, actor=actor)


def settled_version(item: Item) -> AnnotationVersion | None:
    """The version that the item is settled with, or None. One query."""
    newest = Consensus.objects.filter(item=item).select_related("version").order_by("-pk").first()
    return newest.version if newest is not None else None
