"""What workers do for this room from time to time."""

from datetime import timedelta

from django.db import transaction
from django.utils import timezone

from core import events
from core.jobs import periodic
from feedback.models import Message
from feedback.personal_data import export as people_data  # noqa: F401 - its kind of job is known by being imported
from feedback.personal_data import retention

LOST_SECONDS = 30  # without a sign of its reader for so long, an answer is taken for broken off


@periodic("broken-answers", seconds=15)
def end_broken_answers() -> int:
    """Answers whose process died end with what had been saved of them. How many."""
    return broken_answers(timezone.now())


def broken_answers(now) -> int:
    old = Message.objects.filter(
        state=Message.State.STREAMING, created_at__lt=now - timedelta(seconds=LOST_SECONDS)
    )
    ended = 0
    for row in old.select_related("project").only("project", "created_at", "total_ms")[:1000]:
        seen = row.created_at + timedelta(milliseconds=row.total_ms or 0)
        if now - seen < timedelta(seconds=LOST_SECONDS):
            continue
        with transaction.atomic():
            # Not if its reader has just said a word after all.
            still = Message.objects.filter(pk=row.pk, state=Message.State.STREAMING, total_ms=row.total_ms)
            if still.update(state=Message.State.FAILED, error="lost"):
                event = events.append(
                    project=row.project,
                    actor=None,
                    verb="chat.answer",
                    target=row,
                    state=Message.State.FAILED,
                    error="lost",
                )
                Message.objects.filter(pk=row.pk).update(event_id=event.pk)
                ended += 1
    return ended


@periodic("retention", seconds=1800)
def drop_old_texts() -> int:
    """Where texts are kept for some days only, those that are older go. How many conversations."""
    return retention.drop_old(timezone.now())
