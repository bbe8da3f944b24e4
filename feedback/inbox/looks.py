"""Who looked at what was said of an answer."""

from collections.abc import Iterable

from django.db import transaction

from core import events
from feedback.models import Look, Message


@transaction.atomic
def look(*, project, user, messages: Iterable[int], told: bool = False) -> int:
    """Note that `user` looked at these answers, as far as they are the project's; how many were new to them.
    Twice is harmless. `told`: somebody said so of several at once, which is an Event; opening one is none."""
    wanted = Message.objects.filter(project=project, role="assistant", pk__in=list(messages))
    fresh = wanted.exclude(looks__user=user).values_list("pk", flat=True)
    rows = [Look(project=project, message_id=pk, user=user) for pk in fresh]
    Look.objects.bulk_create(rows, ignore_conflicts=True)
    if told and rows:
        events.append(project=project, actor=user, verb="feedback.looked", target=None, answers=len(rows))
    return len(rows)
