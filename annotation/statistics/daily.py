"""Daily figures per annotator, kept in the transaction of what they count."""

from datetime import date

from django.db import connection
from django.db.models import F, Sum

from annotation.models import DailyFigure
from core.db import one_go


def add(**counted) -> None:
    """Add to one annotator's day: `statement`, run."""
    sql, values = statement(**counted)
    with connection.cursor() as cursor:
        cursor.execute(sql, values)


def statement(
    *,
    project_id: int,
    annotator_id: int,
    day: date,
    submitted=0,
    skipped=0,
    corrections=0,
    active_ms=0,
) -> tuple[str, list]:
    """(sql, parameters) that add to one annotator's `day` (of the project's clock: core.local_time), whether
    or not the row is there yet."""
    table = DailyFigure._meta.db_table
    columns = ("submitted", "skipped", "corrections", "active_ms")
    floor = "GREATEST" if connection.vendor == "postgresql" else "MAX"
    sums = ", ".join(f"{c} = {floor}(0, {table}.{c} + %s)" for c in columns)
    given = [submitted, skipped, corrections, active_ms]
    sql = (
        f"INSERT INTO {table} (project_id, annotator_id, day, submitted, skipped, corrections, "  # noqa: S608
        f"active_ms) "
        f"VALUES (%s, %s, %s, %s, %s, %s, %s) ON CONFLICT (annotator_id, day) DO UPDATE SET {sums}"
    )
    return sql, [project_id, annotator_id, day, *(max(0, n) for n in given), *given]


def unskipped(*, annotator_id: int) -> None:
    """One skip less, on the newest day that has one: a skip is taken back soon, or never."""
    day = DailyFigure.objects.filter(annotator=annotator_id, skipped__gt=0).order_by("-day").first()
    if day is not None:
        DailyFigure.objects.filter(pk=day.pk, skipped__gt=0).update(skipped=F("skipped") - 1)


def sums(annotator_id: int, day: date) -> tuple[int, int]:
    """(on `day`, ever): how much this annotator has submitted. One row is read for each day of work."""
    sql = (
        "SELECT coalesce(sum(CASE WHEN day = %s THEN submitted ELSE 0 END), 0), coalesce(sum(submitted), "
        "0) FROM annotation_dailyfigure WHERE annotator_id = %s"
    )
    (((then, ever),),) = one_go.asked([(sql, [day, annotator_id])])
    return then, ever


def submitted_by(annotator_ids) -> dict[int, int]:
    """How much each of several annotators has ever submitted, by id: `sums` for all of them in one query;
    who never worked is left out."""
    days = DailyFigure.objects.filter(annotator__in=list(annotator_ids))
    return dict(days.values_list("annotator").annotate(n=Sum("submitted")).order_by())
