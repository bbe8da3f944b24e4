"""What the proxy says in place of a model's answer, in OpenAI's form."""

from django.utils.translation import gettext as _

from core.errors import DomainError
from inference.client import UpstreamError


class Refused(Exception):
    """Our own answer in place of the model's, in OpenAI's form."""

    def __init__(
        self, status: int, code: str, message: str, *, kind: str = "", headers: dict[str, str] | None = None
    ):
        super().__init__(code)
        self.status, self.code, self.message, self.headers = status, code, str(message), headers or {}
        self.kind = kind or ("api_error" if status >= 500 else "invalid_request_error")

    def body(self) -> dict:
        return {"error": {"message": self.message, "type": self.kind, "param": None, "code": self.code}}


def refusal_of(exc: DomainError) -> Refused:
    """`exc` as OpenAI's clients understand it."""
    kind = "rate_limit_error" if exc.status == 429 else ""
    code = "rate_limit_exceeded" if exc.status == 429 else exc.code
    return Refused(exc.status, code, exc.message, kind=kind, headers=exc.headers)


def no_model(name: str) -> Refused:
    """404: the project has no model of this name."""
    return Refused(
        404,
        "model_not_found",
        _("This project has no model “%(name)s”. GET /v1/models lists them.") % {"name": name[:200]},
    )


def unreached(exc: UpstreamError) -> Refused:
    """What is said in place of an answer that never began. What the server said of itself is not repeated."""
    if exc.code in {"not_allowed", "key_unreadable"}:
        return Refused(
            503,
            "endpoint_unusable",
            _(
                "The model's server cannot be used as it is set up. The manager of its project can "
                "correct this."
            ),
        )
    if exc.code.startswith("timeout"):
        return Refused(504, f"upstream_{exc.code}", _("The model did not answer in time."))
    return Refused(502, f"upstream_{exc.code}", _("The model could not be reached, or broke off."))
