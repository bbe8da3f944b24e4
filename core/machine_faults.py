"""What a full disk or a busy database means for the person whose request met it."""

import errno

from django.db import OperationalError
from django.utils.translation import gettext as _

from core import stored
from core.errors import DomainError

BUSY_SECONDS = 3  # when to come again


def of_the_machine(exc: BaseException) -> DomainError | None:
    """What a full disk, a locked database, or one that has no connection left means for the person whose
    request met it; None for anything else. Whether something was stored before it came is said, and
    `stored` is in the data then."""
    text = str(exc)
    of_database = isinstance(exc, OperationalError)
    if (isinstance(exc, OSError) and exc.errno in (errno.ENOSPC, errno.EDQUOT)) or (
        of_database and "disk is full" in text
    ):
        return _fault(
            "disk_full",
            507,
            _("The server's disk is full. Nothing was changed; tell whoever looks after the server."),
            _(
                "The server's disk is full. What you sent was stored; the next step failed. Tell whoever "
                "looks after the server."
            ),
        )
    if of_database and "database is locked" in text:
        return _fault(
            "busy",
            503,
            _(
                "The database is busy with somebody else's work. Nothing was changed; try again in a "
                "few seconds."
            ),
            _(
                "The database is busy with somebody else's work. What you sent was stored; the next step "
                "failed. Reload in a few seconds."
            ),
        )
    if type(exc).__name__ == "PoolTimeout" or (
        of_database and ("PoolTimeout" in text or "couldn't get a connection" in text)
    ):
        return _fault(
            "busy",
            503,
            _(
                "Too many people are using the server at this moment. Nothing was changed; try again "
                "in a few seconds."
            ),
            _(
                "Too many people are using the server at this moment. What you sent was stored; the next "
                "step failed. Reload in a few seconds."
            ),
        )
    return None


def _fault(code: str, status: int, untouched: str, stored_before: str) -> DomainError:
    data: dict = {"stored": True} if stored.anything() else {}
    if status == 503:
        data["retry_after"] = BUSY_SECONDS
    return DomainError(code, stored_before if stored.anything() else untouched, status=status, data=data)
