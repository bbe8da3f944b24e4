"""One domain exception, turned into a form error by pages and into 400/403/404/409 JSON by the API. Pure."""

from django.core.exceptions import BadRequest


class DomainError(Exception):
    """A request that the rules of the house refuse. `code` is stable for scripts, the message is for people,
    `status` is the HTTP status, `field` names the input at fault, `data` travels in the JSON answer (a
    409's stored draft, say)."""

    def __init__(self, code: str, message, *, status: int = 400, field: str = "", data: dict | None = None):
        super().__init__(message)
        self.code, self.message, self.status, self.field, self.data = code, message, status, field, data or {}

    def as_dict(self) -> dict:
        out = {
            "error": {
                "code": self.code,
                "message": str(self.message),
                **({"field": self.field} if self.field else {}),
            }
        }
        return out | self.data

    @property
    def headers(self) -> dict[str, str]:
        """Headers of the answer: when to come back, for whoever came too often."""
        return {"Retry-After": str(self.data["retry_after"])} if "retry_after" in self.data else {}


class BodyRefused(DomainError, BadRequest):
    """What a client sends is not waited for any longer (408), or at all (429). A BadRequest too, since it may
    be met before there is a view: Django then asks `core.accounts.views.bad_request` for the answer. The
    connection is not used again."""

    @property
    def headers(self) -> dict[str, str]:
        return super().headers | {"Connection": "close"}


class Conflict(DomainError):
    """The state has moved on (a stale draft, a lease that is gone, a second settle): 409."""

    def __init__(self, code: str, message, **kwargs):
        super().__init__(code, message, status=409, **kwargs)
