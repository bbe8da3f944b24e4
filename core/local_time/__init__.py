"""The project's own clock: every project has a time zone, and its days ("today", daily caps, the work
statement, statistics) begin and end by it. What is stored stays a moment in UTC."""

from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from zoneinfo import ZoneInfo, available_timezones

from django.conf import settings
from django.utils import timezone
from django.utils.translation import get_language

CHINA = "Asia/Shanghai"
AREAS = {"Africa", "America", "Antarctica", "Arctic", "Asia", "Atlantic", "Australia", "Europe", "Indian"} | {
    "Pacific"
}


@cache
def names() -> tuple[str, ...]:
    """The time zones that can be chosen: UTC, then Area/City in order."""
    places = sorted(name for name in available_timezones() if name.partition("/")[0] in AREAS)
    return ("UTC", *places)


def is_known(name: str) -> bool:
    """Whether the project may have the time zone `name`."""
    return name in names() or name == settings.TIME_ZONE


def default_name(wished: str = "") -> str:
    """The time zone of a project that is made now: what its maker's browser says, else China's for somebody
    who reads Chinese, else the installation's."""
    if wished and is_known(wished):
        return wished
    if settings.TIME_ZONE == "UTC" and (get_language() or "").startswith("zh"):
        return CHINA
    return settings.TIME_ZONE


def installation() -> str:
    """What projects have that were made before they had a time zone of their own."""
    return settings.TIME_ZONE


def zone_of(project) -> ZoneInfo:
    """The project's time zone; UTC where this machine no longer knows it."""
    try:
        return ZoneInfo(project.time_zone)
    except (KeyError, ValueError, OSError):
        return ZoneInfo("UTC")


def today(project) -> date:
    """The project's day at this moment."""
    return day_of(project, timezone.now())


def day_of(project, moment: datetime) -> date:
    """The project's day that `moment` belongs to."""
    return moment.astimezone(zone_of(project)).date()


def begin_of(project, day: date) -> datetime:
    """The moment at which the project's `day` begins; of the calendar's first and last days in UTC, since no
    other clock can tell them there."""
    edge = day - day.min < timedelta(days=2) or day.max - day < timedelta(days=2)
    return datetime.combine(day, time(), UTC if edge else zone_of(project))


def offsets(project, start: date, end: date) -> list[tuple[datetime, int]]:
    """[(until, minutes ahead of UTC)] over the days `start` to `end`: one entry where the clocks do not
    change meanwhile; the last one's `until` is the end."""
    zone = zone_of(project)
    first, until = span_of(project, start, end)
    out: list[tuple[datetime, int]] = []
    at, step = first.astimezone(UTC), timedelta(hours=1)
    minutes = _ahead(at, zone)
    while at < until:
        then = min(at + timedelta(days=1), until.astimezone(UTC))
        if _ahead(then, zone) != minutes:  # zones change on the hour or the half hour
            while _ahead(at + step / 2, zone) == minutes:
                at += step / 2
            at += step / 2
            out.append((at, minutes))
            minutes = _ahead(at, zone)
        else:
            at = then
    return [*out, (until, minutes)]


def _ahead(moment: datetime, zone: ZoneInfo) -> int:
    ahead = moment.astimezone(zone).utcoffset() or timedelta()
    return round(ahead.total_seconds() / 60)


def span_of(project, start: date, end: date) -> tuple[datetime, datetime]:
    """The moments from the beginning of `start` to the end of `end`; the second is no longer part of it."""
    return begin_of(project, start), begin_of(project, end + timedelta(days=1))
