"""How far a project is, cheap enough to send with every submit."""

import time
from functools import partial

from django.core.cache import cache
from django.db.models import Count, Q, Sum
from django.db.models.functions import Least

from annotation.models import Annotator, Assignment, Item
from annotation.statistics import daily, kept
from annotation.statistics.kept import KEPT, SECONDS, SLOW
from core import local_time

LEFT_AT_MOST = 1000
NAMES = ("items", "done", "submitted", "wanted", "waiting")


def of_project(project, *, exact: bool = False) -> dict:
    """`of_projects` for one."""
    return of_projects([project], exact=exact)[project.pk]


def of_projects(projects, *, exact: bool = False, new: bool = False) -> dict[int, dict]:
    """{project id: {"items", "done", "submitted", "wanted", "waiting"}} from the items' counters; one query
    for all that must be counted. `wanted` = submissions that the overlap asks for; items that wait for
    answers are counted only in `waiting`, hidden ones nowhere.

    `exact`: count now where that is quick, for whoever asks for nothing else. `new`: count now what is
    known to have no items, so that nobody is told of an empty project who has just filled it. At most
    SECONDS old while counting takes less than SLOW; a project so large that it takes longer is counted
    beside the request, at most a hundredth of the time, and the older figures are shown meanwhile."""
    keys = {_key(p.pk): p.pk for p in projects}
    known = {keys[key]: value for key, value in cache.get_many(list(keys)).items()}
    now = time.time()
    missing = []
    for pk in keys.values():
        one = known.get(pk)
        if one is None or (
            one["cost"] < SLOW
            and (exact or now - one["at"] > SECONDS or (new and not one["figures"]["items"]))
        ):
            missing.append(pk)
        else:
            kept.renew(_key(pk), one, partial(_count, [pk]))
    out = {pk: one["figures"] for pk, one in known.items()}
    return out | (_count(missing) if missing else {})


def _key(project_id: int) -> str:
    return f"progress-{project_id}"


def _count(project_ids: list[int]) -> dict[int, dict]:
    began = time.perf_counter()
    live = ~Q(state=Item.State.WAITING)
    rows = (
        Item.objects.filter(project__in=project_ids, hidden=False)
        .values("project")
        .annotate(
            items=Count("pk", filter=live),
            done=Count("pk", filter=Q(state__in=[Item.State.DONE, Item.State.SETTLED])),
            submitted=Sum(Least("submitted", "overlap"), filter=live),
            wanted=Sum("overlap", filter=live),
            waiting=Count("pk", filter=~live),
        )
    )
    found = {
        pk: dict(zip(NAMES, (n or 0 for n in counts), strict=True))
        for pk, *counts in rows.values_list("project", *NAMES)
    }
    figures = {pk: found.get(pk) or dict.fromkeys(NAMES, 0) for pk in project_ids}
    cost = (time.perf_counter() - began) / len(project_ids)
    cache.set_many(
        {_key(pk): {"figures": one, "at": time.time(), "cost": cost} for pk, one in figures.items()}, KEPT
    )
    return figures


def for_annotator(project, annotator: Annotator | None, *, exact: bool = False) -> dict:
    """`of_project` and the annotator's own share: {"done", "total", "mine_today", "mine"}; with `exact` also
    "left", what the queue still holds for them (`left_for`)."""
    known = of_project(project, exact=exact)
    today, ever = daily.sums(annotator.pk, local_time.today(project)) if annotator is not None else (0, 0)
    out = {"done": known["done"], "total": known["items"], "mine_today": today, "mine": ever}
    return out | ({"left": left_for(project, annotator)} if exact else {})


def left_for(project, annotator: Annotator | None) -> int:
    """How many items this annotator (None: somebody new) may still be given, with what they hold; counted up
    to LEFT_AT_MOST, which then stands for "as many or more"."""
    pk, mark = (annotator.pk, annotator.queue_mark) if annotator is not None else (0, -1)
    held = Assignment.objects.live(annotator=annotator, item__hidden=False).count() if annotator else 0
    free = Item.objects.open_for(pk, project_id=project.pk, mark=mark).values("pk")[:LEFT_AT_MOST].count()
    return min(LEFT_AT_MOST, held + free)
