"""Errors of the API, all in one form."""

from django.core.exceptions import PermissionDenied
from django.http import Http404
from django.utils.translation import gettext as _
from rest_framework.exceptions import APIException, NotAuthenticated, UnsupportedMediaType
from rest_framework.response import Response
from rest_framework.views import exception_handler

from core.api.auth import refused_key
from core.errors import DomainError
from core.machine_faults import of_the_machine


def api_exception_handler(exc, context):
    """Every API error is {"error": {"code", "message", "field"?, "fields"?}}."""
    exc = of_the_machine(exc) or exc
    if isinstance(exc, DomainError):
        return Response(exc.as_dict(), status=exc.status, headers=exc.headers)
    response = exception_handler(exc, context)
    if response is None:
        return None
    if isinstance(exc, APIException) and isinstance(response.data, dict) and "detail" not in response.data:
        response.data = {
            "error": {"code": "invalid", "message": str(exc.default_detail), "fields": response.data}
        }
    else:
        code = getattr(exc, "default_code", None) or {
            Http404: "not_found",
            PermissionDenied: "permission_denied",
        }.get(type(exc), "error")
        detail = response.data.get("detail") if isinstance(response.data, dict) else response.data
        if isinstance(exc, NotAuthenticated):
            detail = refused_key("")
        elif isinstance(exc, UnsupportedMediaType):
            taken = ", ".join(parser.media_type for parser in context["view"].parser_classes)
            detail = _("What is sent here must be %(types)s, and its header Content-Type must say so.") % {
                "types": taken
            }
        response.data = {"error": {"code": code, "message": str(detail)}}
    return response
