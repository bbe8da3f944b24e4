"""How far a project is, cheap enough to send with every submit."""

from django.core.cache import cache
from django.db.models import Count, F, Q, Sum
from django.db.models.functions import Least
from django.utils import timezone

from annotation.models import Annotator, DailyFigure, Item

SECONDS = 10


def of_project(project) -> dict:
    """{"items", "done", "submitted", "wanted"} from the items' counters, at most SECONDS old. `wanted` = submissions that the overlap asks for;
    items that wait for answers or are hidden are not counted."""
    key = f"progress-{project.pk}"
    known = cache.get(key)
    if known is None:
        live = Item.objects.filter(project=project, hidden=False).exclude(state="waiting")
        known = live.aggregate(
            items=Count("pk"), done=Count("pk", filter=Q(state__in=["done", "settled"])), submitted=Sum(Least("submitted", "overlap")), wanted=Sum(F("overlap"))
        )
        known = {name: value or 0 for name, value in known.items()}
        cache.set(key, known, SECONDS)
    return known


def for_annotator(project, annotator: Annotator | None) -> dict:
    """`of_project` and the annotator's own share: {"done", "total", "mine_today", "mine"}."""
    known = of_project(project)
    today = timezone.now().date()
    mine = {"today": 0, "all": 0}
    if annotator is not None:
        mine = DailyFigure.objects.filter(annotator=annotator).aggregate(today=Sum("submitted", filter=Q(day=today)), all=Sum("submitted"))
    return {"done": known["done"], "total": known["items"], "mine_today": mine["today"] or 0, "mine": mine["all"] or 0}
