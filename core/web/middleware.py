"""What is decided about every request before and after its view."""

from django.conf import settings
from django.http import JsonResponse
from django.middleware.locale import LocaleMiddleware
from django.shortcuts import redirect, render
from django.utils import translation
from django.utils.translation import gettext as _

from core import stored
from core.errors import DomainError
from core.machine_faults import of_the_machine

ALWAYS_OPEN = {"password", "logout", "preferences", "login"}


class PersonLocaleMiddleware(LocaleMiddleware):
    """Language of the person: their own choice, then the browser's cookie, then its Accept-Language.

    A signed-in person's choice is mirrored in the session, so reading it costs no query of its own."""

    def process_request(self, request):
        chosen = (
            request.session.get("language") if request.COOKIES.get(settings.SESSION_COOKIE_NAME) else None
        )
        if chosen and translation.check_for_language(chosen):
            translation.activate(chosen)
            request.LANGUAGE_CODE = translation.get_language()
        else:
            super().process_request(request)


class PageMiddleware:
    """Turns a page's DomainError into a page that says what happened; sends a person with a one-time password
    to choose their own; lets an htmx request that met the login page move the whole page there."""

    def __init__(self, get_response):
        self.get_response = get_response

    def __call__(self, request):
        response = self.get_response(request)
        if (
            request.headers.get("HX-Request")
            and response.status_code == 302
            and response["Location"].startswith("/login/")
        ):
            response.status_code = 401
            del response["Location"]
        # Ward computers are shared: after signing out, Back must not show what was on the screen; nor may a
        # proxy on the way keep an API's answer or a download. What may be kept (static files, the widget's
        # script) says so itself.
        if not response.has_header("Cache-Control"):
            response["Cache-Control"] = "private, no-store"
        return response

    def process_view(self, request, view, args, kwargs):
        user = getattr(request, "user", None)
        if user is None or not user.is_authenticated or not user.password_must_change:
            return None
        if request.resolver_match.url_name in ALWAYS_OPEN:
            return None
        if request.path.startswith("/api/") or "application/json" in request.headers.get("Accept", ""):
            error = {"code": "password_must_change", "message": _("Choose a password of your own first.")}
            return JsonResponse({"error": error}, status=403)
        return redirect("password")

    def process_exception(self, request, exc):
        if not isinstance(exc, DomainError):
            exc = of_the_machine(exc)
        if exc is None:
            return None
        if "application/json" in request.headers.get("Accept", ""):
            return JsonResponse(exc.as_dict(), status=exc.status, headers=exc.headers)
        response = render(
            request,
            "core/refused.html",
            {"message": exc.message, "stored": stored.anything()},
            status=exc.status,
        )
        for header, value in exc.headers.items():
            response[header] = value
        return response
