"""Figures for leads: pace, throughput, what needs somebody now, work statements. From kept counters; nothing
counts annotations row by row."""

import math
from datetime import date, timedelta

from django.core.cache import cache
from django.db.models import Avg, Count, Sum
from django.utils import timezone

from annotation.models import Annotator, DailyFigure, Item, ItemFlag
from annotation.statistics import kept
from core import local_time
from core.models import Job

# mean tau-b (rankings) or share of equal verdicts (QA) below which an item counts as disputed
LOW_AGREEMENT = 0.2
PACE_DAYS = 7


def daily(project, days: int = 14) -> dict:
    """The last `days` days of the project up to today from the daily figures, one query:
    {"days": [date], "total": [n], "people": [(annotator id, pseudonym, [n], sum)]}, busiest first."""
    today = local_time.today(project)
    span = [today - timedelta(days=i) for i in range(days - 1, -1, -1)]
    index = {day: i for i, day in enumerate(span)}
    rows = DailyFigure.objects.filter(project=project, day__gte=span[0], day__lte=today).values_list(
        "annotator_id", "annotator__pseudonym", "day", "submitted"
    )
    total, people = [0] * days, {}
    for pk, pseudonym, day, submitted in rows:
        series = people.setdefault(pk, (pk, pseudonym, [0] * days))[2]
        series[index[day]] += submitted
        total[index[day]] += submitted
    ordered = sorted(
        ((pk, name, series, sum(series)) for pk, name, series in people.values()),
        key=lambda row: (-row[3], row[1]),
    )
    return {"days": span, "total": total, "people": ordered}


def pace(known: dict, total_by_day: list[int], today: date) -> dict:
    """{"per_day": submissions a day or None, "done_on": date or None, "left": submissions still wanted}. Per
    day = the mean of the last PACE_DAYS days, counted from the first day with work, so that a young
    project is not slowed by days before it began."""
    left = max(0, known["wanted"] - known["submitted"])
    window = total_by_day[-PACE_DAYS:]
    while window and not window[0]:
        window = window[1:]
    per_day = sum(window) / len(window) if window else None
    done_on = (
        today + timedelta(days=math.ceil(left / per_day))
        if per_day and left and left / per_day < 3650
        else None
    )
    return {"per_day": per_day, "done_on": done_on, "left": left}


def attention(project) -> dict:
    """What needs somebody now, as counts: {"disputes", "to_decide", "waiting", "failed_jobs": [Job]}. The
    counts are kept as statistics.kept says, and fresh after `clear`; the jobs are of now. What waits on the
    reviewer's desk is that desk's to count (annotation.review.worklist)."""
    counts = kept.figures(f"attention-{project.pk}", lambda: _needed(project))
    since = timezone.now() - timedelta(days=14)
    jobs = (
        Job.objects.filter(project=project, state=Job.State.FAILED, created_at__gte=since)
        .only("pk", "kind", "error", "created_at")
        .order_by("-pk")[:5]
    )
    return counts | {"failed_jobs": list(jobs)}


def _needed(project) -> dict[str, int]:
    """The counts of `attention`; a query each, since each has its index."""
    items = Item.objects.filter(project=project)
    shown = items.filter(hidden=False)
    undecided = ItemFlag.objects.filter(resolved_at=None).values("item")
    return {
        "disputes": shown.filter(agreement__lt=LOW_AGREEMENT).exclude(state=Item.State.SETTLED).count(),
        "waiting": shown.filter(state=Item.State.WAITING).count(),
        "to_decide": items.filter(hidden=True).count() + shown.filter(pk__in=undecided).count(),
    }


def clear(project) -> None:
    """Count anew at the next look: whoever has just decided something sees it gone."""
    cache.delete_many([f"attention-{project.pk}", f"progress-{project.pk}"])


def worst(project) -> dict:
    """Where agreement is worst: {"items": [(id, agreement)], "tags": [(name, mean, items)]}."""
    compared = Item.objects.filter(project=project, agreement__isnull=False, hidden=False).exclude(
        state=Item.State.SETTLED
    )
    tags = (
        compared.filter(tags__isnull=False)
        .values_list("tags__name")
        .annotate(mean=Avg("agreement"), n=Count("pk"))
        .filter(n__gte=3)
        .order_by("mean")
    )
    return {
        "items": list(compared.order_by("agreement", "pk").values_list("pk", "agreement")[:3]),
        "tags": list(tags[:3]),
    }


def work(project, start: date, end: date, user=None) -> list[dict]:
    """The work statement from `start` to `end` (days of the project, both included), one row a person, `user`
    alone if given: [{"user_id", "annotator", "pseudonym", "name", "username", "submitted", "skipped",
    "corrections", "active_ms", "pay"}]; pay = submitted × pay_per_item or None."""
    figures = DailyFigure.objects.filter(
        project=project, day__gte=start, day__lte=end, annotator__source=Annotator.Source.PERSON
    )
    if user is not None:
        figures = figures.filter(annotator__user=user)
    sums = {name: Sum(name) for name in ("submitted", "skipped", "corrections", "active_ms")}
    who = (
        "annotator__user_id",
        "annotator__user__username",
        "annotator__user__first_name",
        "annotator__user__last_name",
        "annotator__pseudonym",
        "annotator",
    )
    price = project.bench.pay_per_item
    out = []
    for row in figures.values(*who).annotate(**sums).order_by("annotator__user__username"):
        full = f"{row['annotator__user__first_name'] or ''} {row['annotator__user__last_name'] or ''}".strip()
        username = row["annotator__user__username"] or row["annotator__pseudonym"]
        figures_of = {name: row[name] or 0 for name in sums}
        pay = price * figures_of["submitted"] if price is not None else None
        out.append(
            {
                "user_id": row["annotator__user_id"],
                "annotator": row["annotator"],
                "pseudonym": row["annotator__pseudonym"],
                "name": full or username,
                "username": username,
                **figures_of,
                "pay": pay,
            }
        )
    return out
