"""One domain exception, turned into a form error by pages and into 400/403/404/409 JSON by the API."""

import errno

from django.core.exceptions import BadRequest, PermissionDenied
from django.db import OperationalError
from django.http import Http404
from django.utils.translation import gettext as _
from rest_framework.exceptions import APIException
from rest_framework.response import Response
from rest_framework.views import exception_handler

from core import stored

BUSY_SECONDS = 3  # when to come again


class DomainError(Exception):
    """A request that the rules of the house refuse. `code` is stable for scripts, the message is for people, `status` is the HTTP
    status, `field` names the input at fault, `data` travels in the JSON answer (a 409's stored draft, say)."""

    def __init__(self, code: str, message, *, status: int = 400, field: str = "", data: dict | None = None):
        super().__init__(message)
        self.code, self.message, self.status, self.field, self.data = code, message, status, field, data or {}

    def as_dict(self) -> dict:
        out = {"error": {"code": self.code, "message": str(self.message), **({"field": self.field} if self.field else {})}}
        return out | self.data

    @property
    def headers(self) -> dict[str, str]:
        """Headers of the answer: when to come back, for whoever came too often."""
        return {"Retry-After": str(self.data["retry_after"])} if "retry_after" in self.data else {}


class BodyRefused(DomainError, BadRequest):
    """What a client sends is not waited for any longer (408), or at all (429). A BadRequest too, since it may be met before there is a view: Django
    then asks `core.accounts.views.bad_request` for the answer. The connection is not used again."""

    @property
    def headers(self) -> dict[str, str]:
        return super().headers | {"Connection": "close"}


class Conflict(DomainError):
    """The state has moved on (a stale draft, a lease that is gone, a second settle): 409."""

    def __init__(self, code: str, message, **kwargs):
        super().__init__(code, message, status=409, **kwargs)


def of_the_machine(exc: BaseException) -> DomainError | None:
    """What a full disk, a locked database, or one that has no connection left means for the person whose request met it; None
    for anything else. Whether something was stored before it came is said, and `stored` is in the data then."""
    text = str(exc)
    of_database = isinstance(exc, OperationalError)
    if (isinstance(exc, OSError) and exc.errno in (errno.ENOSPC, errno.EDQUOT)) or (of_database and "disk is full" in text):
        return _fault(
            "disk_full",
            507,
            _("The server's disk is full. Nothing was changed; tell whoever looks after the server."),
            _("The server's disk is full. What you sent was stored; what was to follow failed. Tell whoever looks after the server."),
        )
    if of_database and "database is locked" in text:
        return _fault(
            "busy",
            503,
            _("The database is busy with somebody else's work. Nothing was changed; try again in a few seconds."),
            _("The database is busy with somebody else's work. What you sent was stored; what was to follow failed. Reload in a few seconds."),
        )
    if type(exc).__name__ == "PoolTimeout" or (of_database and ("PoolTimeout" in text or "couldn't get a connection" in text)):
        return _fault(
            "busy",
            503,
            _("Too many people are using the server at this moment. Nothing was changed; try again in a few seconds."),
            _("Too many people are using the server at this moment. What you sent was stored; what was to follow failed. Reload in a few seconds."),
        )
    return None


def _fault(code: str, status: int, untouched: str, stored_before: str) -> DomainError:
    data: dict = {"stored": True} if stored.anything() else {}
    if status == 503:
        data["retry_after"] = BUSY_SECONDS
    return DomainError(code, stored_before if stored.anything() else untouched, status=status, data=data)


def api_exception_handler(exc, context):
    """Every API error is {"error": {"code", "message", "field"?, "fields"?}}."""
    exc = of_the_machine(exc) or exc
    if isinstance(exc, DomainError):
        return Response(exc.as_dict(), status=exc.status, headers=exc.headers)
    response = exception_handler(exc, context)
    if response is None:
        return None
    if isinstance(exc, APIException) and isinstance(response.data, dict) and "detail" not in response.data:
        response.data = {"error": {"code": "invalid", "message": str(exc.default_detail), "fields": response.data}}
    else:
        code = getattr(exc, "default_code", None) or {Http404: "not_found", PermissionDenied: "permission_denied"}.get(type(exc), "error")
        detail = response.data.get("detail") if isinstance(response.data, dict) else response.data
        response.data = {"error": {"code": code, "message": str(detail)}}
    return response
