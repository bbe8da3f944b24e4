"""A deadlock is the database asking for the transaction to be run again; the verbs here are written so that
it can be."""

import functools
import random
import time

from django.db import OperationalError, ProgrammingError, connection

from core.db.one_go import distrust


def on_deadlock(verb):
    """Run `verb` up to four times while PostgreSQL reports a deadlock (40P01) or serialization failure
    (40001), and again without kept plans once a pooler has lost them. Inside a caller's transaction the
    error goes up, since only the whole can be repeated."""

    @functools.wraps(verb)
    def run(*args, **kwargs):
        for attempt in range(4):
            try:
                return verb(*args, **kwargs)
            except (OperationalError, ProgrammingError) as exc:
                code = getattr(exc.__cause__, "sqlstate", None)
                again = distrust(exc) if isinstance(exc, ProgrammingError) else code in ("40P01", "40001")
                if not again or connection.in_atomic_block or attempt == 3:
                    raise
                time.sleep(0.01 * (attempt + 1) * (1 + random.random()))
        raise AssertionError("unreachable")

    return run
