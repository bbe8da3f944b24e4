"""Whether the request at hand has stored something already. An error that comes after (a disk that is full
just then, a database that has no connection left for what is shown next) must not say that nothing was
changed."""

import threading

from django.core.signals import request_started
from django.db import transaction

_here = threading.local()


def on_commit() -> None:
    """Called by whatever appends an Event, as every verb does: noted once its transaction has committed."""
    transaction.on_commit(_note)


def _note() -> None:
    _here.stored = True


def anything() -> bool:
    """Whether something was stored in this thread since its request began."""
    return getattr(_here, "stored", False)


def clear(**kwargs) -> None:
    """A new request: nothing yet."""
    _here.stored = False


request_started.connect(clear, dispatch_uid="core.stored")
