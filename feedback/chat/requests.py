"""A request of the chat's own page: who asks, what its body or query holds, how a refusal is answered."""

import functools

from django.core.exceptions import RequestDataTooBig
from django.http import Http404, JsonResponse
from django.utils.translation import gettext as _

from core.api.parsers import strict_loads
from core.errors import DomainError
from core.machine_faults import of_the_machine
from core.web import limits
from core.web.client_ip import client_ip
from feedback.chat import access
from feedback.models import Conversation, Message

MAX_BODY = 3 * 1024 * 1024
ACTS = 240  # of one person in a minute: thumbs, choices, what was seen …
LARGEST = 2**63 - 1


def chat_view(method: str, *, act: bool = False):
    """Decorator of a view `(visitor, body or query, …ids)` under a `slug`: who may chat, one method, JSON,
    every refusal as {"error": {"code", "message"}}. `act`: counted against what one person may do in a
    minute."""

    def decorate(view):
        @functools.wraps(view)
        def answer(request, slug, **ids):
            try:
                response = _answer(view, method, act, request, slug, ids)
            except Http404:
                response = _refused(DomainError("not_found", _("There is no such page."), status=404))
            except DomainError as exc:
                response = _refused(exc)
            except Exception as exc:
                known = of_the_machine(exc)
                if known is None:
                    raise
                response = _refused(known)
            response["Cache-Control"] = "no-store"
            return response

        return answer

    return decorate


def _answer(view, method, act, request, slug, ids):
    if request.method != method:
        response = JsonResponse(
            {
                "error": {
                    "code": "method_not_allowed",
                    "message": _("This address accepts only %(method)s.") % {"method": method},
                }
            },
            status=405,
        )
        response["Allow"] = method
        return response
    visitor = access.visitor(request, slug)
    if any(pk > LARGEST for pk in ids.values()):
        raise Http404
    given = _body(request) if method == "POST" else request.GET
    if act:
        limits.take(
            "chat-acts", f"{visitor.project.pk}-{visitor.key or visitor.user.pk}", limit=ACTS, seconds=60
        )
    visitor.address = client_ip(request)
    out = view(visitor, given, **ids)
    return out if not isinstance(out, dict) else JsonResponse(out)


def _refused(exc: DomainError) -> JsonResponse:
    response = JsonResponse(exc.as_dict(), status=exc.status)
    if seconds := exc.data.get("retry_after"):
        response["Retry-After"] = str(seconds)
    return response


def _body(request) -> dict:
    try:
        raw = request.body
    except RequestDataTooBig:
        raw = b"x" * (MAX_BODY + 1)
    if len(raw) > MAX_BODY:
        raise DomainError("too_large", _("This is more than can be sent at once."), status=413)
    try:
        given = strict_loads(raw) if raw else {}
    except (ValueError, RecursionError) as exc:
        raise DomainError(
            "bad_json", _("The request is not valid JSON: %(reason)s") % {"reason": exc}
        ) from None
    if not isinstance(given, dict):
        raise DomainError("bad_json", _("The request is not a JSON object."))
    return given


# Values of a body, each by its name. DomainError "bad_value" naming the field.


def bad_value(name: str) -> DomainError:
    """The error for a field that is missing or of another type."""
    return DomainError(
        "bad_value", _("“%(name)s” is missing, or not what it should be.") % {"name": name}, field=name
    )


def id_of(given: dict, name: str, *, optional: bool = False) -> int | None:
    """A row's number."""
    value = given.get(name)
    if value is None and optional:
        return None
    if not isinstance(value, int) or isinstance(value, bool) or not 0 < value <= LARGEST:
        raise bad_value(name)
    return value


def text_of(given: dict, name: str, default: str | None = None) -> str:
    """A text, or `default` where there is none."""
    value = given.get(name, default)
    if not isinstance(value, str):
        raise bad_value(name)
    return value


def list_of(given: dict, name: str, most: int = 200) -> list:
    """A list of at most `most`; [] for none."""
    value = given.get(name)
    value = [] if value is None else value
    if not isinstance(value, list) or len(value) > most:
        raise bad_value(name)
    return value


def message_of(visitor, pk: int, **where) -> Message:
    """The visitor's own message, or Http404."""
    rows = Message.objects.visible_to(visitor.known).filter(project=visitor.project)
    found = rows.select_related("conversation", "arm__endpoint").filter(pk=pk, **where).first()
    if found is None:
        raise Http404
    return found


def conversation_of(visitor, pk: int) -> Conversation:
    """The visitor's own conversation, or Http404."""
    found = Conversation.objects.visible_to(visitor.known).filter(pk=pk, project=visitor.project).first()
    if found is None:
        raise Http404
    return found
