"""Dropping texts after some days, where a project says so. What is left: that there was a talk, who reacted
how to which turn, and when. What has been put before experts meanwhile is corpus, and stays."""

from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import F, Q

from core import events
from core.erasure import written_over
from feedback.models import ChatSettings, Conversation, Message, Reaction, Reply

BATCH = 200  # conversations in one transaction
MOST = 100  # batches in one go: what is left comes next time


def drop_old(now: datetime, *, batch: int = BATCH, most: int = MOST) -> int:
    """Empty the texts of conversations in which nothing has happened for their project's `keep_days`, and of
    reactions older than that; how many conversations. Run again, or broken off in the middle, it goes on
    with what is left."""
    dropped = 0
    with written_over() as touched:
        for row in (
            ChatSettings.objects.filter(keep=ChatSettings.Keep.DAYS).select_related("project").order_by("pk")
        ):
            before = now - timedelta(days=row.keep_days)
            for _round in range(most):
                conversations, reactions = _drop(row.project, before, now, batch)
                if not conversations and not reactions:
                    break
                touched.append(row.project.pk)
                dropped += conversations
    return dropped


def _drop(project, before: datetime, now: datetime, batch: int) -> tuple[int, int]:
    """One transaction: (conversations, other reactions) emptied."""
    with transaction.atomic():
        # Gone on with after it was emptied, a talk is old again one day.
        old = Conversation.objects.filter(
            Q(dropped_at=None) | Q(dropped_at__lt=F("updated_at")), project=project, updated_at__lt=before
        )
        pks = list(
            old.order_by("updated_at")
            .select_for_update(of=("self",), skip_locked=True)
            .values_list("pk", flat=True)[:batch]
        )
        said = Reaction.objects.filter(project=project, created_at__lt=before).exclude(text="")
        if pks:
            Message.objects.filter(conversation__in=pks).update(text="", extra=None, sources=[])
            Reaction.objects.filter(Q(conversation__in=pks) | Q(message__conversation__in=pks)).exclude(
                text=""
            ).update(text="")
            Reply.objects.filter(message__conversation__in=pks).update(text="", corrected="")
            Conversation.objects.filter(pk__in=pks).update(title="", system="", tools=None, dropped_at=now)
        reactions = Reaction.objects.filter(pk__in=list(said.values_list("pk", flat=True)[:1000])).update(
            text=""
        )
        if pks or reactions:
            events.append(
                project=project,
                actor=None,
                verb="retention.drop",
                conversations=len(pks),
                reactions=reactions,
            )
    return len(pks), reactions
