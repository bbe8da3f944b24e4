"""How far a project is, cheap enough to send with every submit."""

import threading
import time

from django.core.cache import cache
from django.db import connections
from django.db.models import Count, F, Q, Sum
from django.db.models.functions import Least
from django.utils import timezone

from annotation.models import Annotator, DailyFigure, Item

SECONDS = 10  # how old the figures of a project may be where counting is quick
SLOW = 0.1  # seconds of counting past which nobody's request waits for it
KEPT = 24 * 3600


def of_project(project) -> dict:
    """{"items", "done", "submitted", "wanted"} from the items' counters. `wanted` = submissions that the overlap asks for; items that wait for
    answers or are hidden are not counted.

    At most SECONDS old while counting takes less than SLOW; a project so large that it takes longer is counted beside the request, at most
    a hundredth of the time, and the older figures are shown meanwhile."""
    key = f"progress-{project.pk}"
    known = cache.get(key)
    if known is None:
        return _count(project.pk)
    age = time.time() - known["at"]
    if age > max(SECONDS, known["cost"] * 100):
        if known["cost"] < SLOW:
            return _count(project.pk)
        if cache.add(f"{key}-counting", 1, 60):
            threading.Thread(target=_count_beside, args=(project.pk,), daemon=True).start()
    return known["figures"]


def _count(project_id: int) -> dict:
    began = time.perf_counter()
    live = Item.objects.filter(project=project_id, hidden=False).exclude(state="waiting")
    figures = live.aggregate(
        items=Count("pk"), done=Count("pk", filter=Q(state__in=["done", "settled"])), submitted=Sum(Least("submitted", "overlap")), wanted=Sum(F("overlap"))
    )
    figures = {name: value or 0 for name, value in figures.items()}
    cache.set(f"progress-{project_id}", {"figures": figures, "at": time.time(), "cost": time.perf_counter() - began}, KEPT)
    return figures


def _count_beside(project_id: int) -> None:
    try:
        _count(project_id)
    finally:
        cache.delete(f"progress-{project_id}-counting")
        connections.close_all()


def for_annotator(project, annotator: Annotator | None) -> dict:
    """`of_project` and the annotator's own share: {"done", "total", "mine_today", "mine"}."""
    known = of_project(project)
    today = timezone.now().date()
    mine = {"today": 0, "all": 0}
    if annotator is not None:
        mine = DailyFigure.objects.filter(annotator=annotator).aggregate(today=Sum("submitted", filter=Q(day=today)), all=Sum("submitted"))
    return {"done": known["done"], "total": known["items"], "mine_today": mine["today"] or 0, "mine": mine["all"] or 0}
