"""What the inbox of the room below is told of experts (feedback.inbox.experts says what is asked)."""

from collections.abc import Iterable

from django.urls import reverse

from annotation.models import Assignment, Promotion
from annotation.promotion import panel
from annotation.promotion.end_user_feedback import answers_of
from annotation.promotion.messages import REFUSALS
from annotation.promotion.replies import said_of, settled_version


def promotions(project):
    """Every answer that was sent or refused."""
    return Promotion.objects.filter(project=project)


def of_messages(project, ids: Iterable[int]) -> dict[int, dict]:
    """{answer: {"outcome", "words", "reason", "item", "url", "state"}}. One query."""
    rows = promotions(project).filter(message_id__in=list(ids)).select_related("item")
    return {
        row.message_id: {
            "outcome": str(row.outcome),
            "words": row.get_outcome_display(),
            "reason": str(REFUSALS.get(row.reason, row.reason)),
            "item": row.item_id,
            "url": reverse("item", args=[project.slug, row.item_id]) if row.item_id else "",
            "state": row.item.get_state_display() if row.item_id else "",
        }
        for row in rows
    }


def still_to_judge(project, user) -> list[int]:
    """Answers on the items that `user` holds and has not judged. One query for most."""
    held = Assignment.objects.filter(
        project=project, annotator__user=user, state__in=[Assignment.State.OPEN, Assignment.State.RESERVED]
    ).exclude(item__annotations__annotator__user=user, item__annotations__head__isnull=False)
    items = list(held.values_list("item_id", flat=True))
    return sorted(pk for found in answers_of(items).values() for pk in found)


def judged(project, start, end, model, cell: str) -> list[int]:
    """The answers that the panel on the page Quality counts under `cell`: "down-bad" (thumb, and what experts
    say), or "compared"."""
    if start is None or end is None:
        return []
    found = panel.figures(project, start, end, int(model) if model else None, 0)
    return found["cells"].get(cell, [])


def settled(project, message: int) -> tuple[str, str] | None:
    """(verdict, corrected text) by the settled result of the answer's item, if there is one."""
    row = promotions(project).filter(message_id=message, item__isnull=False).select_related("item").first()
    version = settled_version(row.item) if row is not None else None
    return None if version is None else said_of(row.item, version, [message]).get(message)
