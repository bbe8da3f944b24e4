"""Results as they were last counted. Where counting is quick they are counted when they are asked for and
anything has happened since; a project so large that it takes longer is counted beside the request, and the
last figures are shown meanwhile with their time."""

import threading
import time
from dataclasses import dataclass
from datetime import datetime

from django.core.cache import cache
from django.db import connections
from django.utils import timezone

from annotation.models import Annotation, Outcome
from annotation.querysets import any_of
from annotation.results import digest, figures
from annotation.results.figures import Results, Scope
from annotation.statistics.kept import KEPT, SLOW
from core.models import Event

SMALL = 20_000  # comparisons that are counted while somebody waits


@dataclass(frozen=True)
class Counted:
    """Results, when they were counted, as of which event, and how long it took. `at` is when the count
    began: later work is not in it."""

    results: Results
    at: datetime
    event: int
    cost: float


def of(project, scope: Scope) -> tuple[Counted | None, bool]:
    """(the newest results there are, whether they are of now). None while a large project is counted for the
    first time. A few queries where nothing has happened since the last look."""
    key = f"results-{project.pk}-{scope.by}-{scope.language}-{scope.tag.encode().hex()}"
    known: Counted | None = cache.get(key)
    if known is not None and known.event == _newest_event(project) and not _unread(project):
        return known, True
    quick = (known is not None and known.cost < SLOW) or _few(project)
    if quick and digest.catch_up(project, most=digest.AT_ONCE):
        return _count(project, scope, key), True
    if cache.add(f"{key}-counting", 1, 600):
        threading.Thread(target=_count_beside, args=(project, scope, key), daemon=True).start()
    return known, False


def _newest_event(project) -> int:
    newest = Event.objects.filter(project=project).order_by("-pk").values_list("pk", flat=True).first()
    return newest or 0


def _unread(project) -> bool:
    return any_of(Annotation.objects.unread(project))


def _few(project) -> bool:
    return Outcome.objects.filter(project=project)[: SMALL + 1].count() <= SMALL


def _count(project, scope: Scope, key: str) -> Counted:
    at, event, began = timezone.now(), _newest_event(project), time.perf_counter()
    results = figures.of(project, scope)
    counted = Counted(results, at, event, time.perf_counter() - began)
    cache.set(key, counted, KEPT)
    return counted


def _count_beside(project, scope: Scope, key: str) -> None:
    try:
        digest.catch_up(project)
        _count(project, scope, key)
    finally:
        cache.delete(f"{key}-counting")
        connections.close_all()
