"""The time of the demo's history.

Verbs and models ask `django.utils.timezone.now`. While the history is made, that function answers with the
moment that is being lived through, and only to the thread that lives through it; before, after, and to every
other thread it is the system's clock. Nothing outside this package may set it (tested)."""

import random
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import date, datetime, time, timedelta

from django.utils import timezone

_system = timezone.now
_moment: ContextVar[datetime | None] = ContextVar("moment", default=None)


def _now() -> datetime:
    return _moment.get() or _system()


class Clock:
    """The moments of the history, counted from the start of `today` in the installation's time zone."""

    def __init__(self, today: date):
        self._today = today

    def at(self, day: int, hour: int, minute: float = 0) -> datetime:
        """Let it be that time of the day `day` (-1: yesterday); the moment."""
        found = self.moment(day, hour, minute)
        _moment.set(found)
        return found

    def moment(self, day: int, hour: int, minute: float = 0) -> datetime:
        """That time of the day `day`."""
        midnight = datetime.combine(
            self._today + timedelta(days=day), time(hour), timezone.get_default_timezone()
        )
        return midnight + timedelta(minutes=minute)

    def go_on(self, seconds: float) -> None:
        """Let time pass."""
        _moment.set(timezone.now() + timedelta(seconds=seconds))


@contextmanager
def lived(today: date, seed: object) -> Iterator[Clock]:
    """A Clock while the block runs, in which chance (the module `random`, which shuffles what annotators see)
    follows from `seed`. Both are what they were afterwards."""
    chance = random.getstate()
    token = _moment.set(None)
    setattr(timezone, "now", _now)  # noqa: B010
    random.seed(f"{seed}")
    try:
        yield Clock(today)
    finally:
        setattr(timezone, "now", _system)  # noqa: B010
        _moment.reset(token)
        random.setstate(chance)
