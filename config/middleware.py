"""Addresses without their slash, compression of pages, and the size of what is sent to us."""

from django.conf import settings
from django.core.exceptions import RequestDataTooBig
from django.http import JsonResponse
from django.middleware.common import CommonMiddleware
from django.middleware.gzip import GZipMiddleware
from django.utils.translation import gettext as _

FORM_OF_A_STRANGER = 64 * 1024  # bytes: a name, a password
# these check the length themselves, against their own limit, once they know who asks
TAKE_FILES = {"import", "api_import", "proxy_chat"}
FORMS = {"application/x-www-form-urlencoded", "multipart/form-data"}
ROOM = 64 * 1024  # for what multipart writes around the values


class AppendSlash(CommonMiddleware):
    """An address of the API that lacks its slash is led there by 308: after Django's 301 a program asks again
    by GET and without what it was sending. Programs that follow nothing are told the address."""

    def process_response(self, request, response):
        moved = super().process_response(request, response)
        if moved is response or request.method in ("GET", "HEAD") or not request.path.startswith("/api/"):
            return moved
        words = _("This address ends with a slash: %(address)s") % {"address": moved["Location"]}
        body = {"error": {"code": "moved", "message": words}}
        return JsonResponse(body, status=308, headers={"Location": moved["Location"]})


class LimitBody:
    """Django bounds the fields of a form, not its files: before the form's token can be looked at, anybody
    could fill the disk. Stands before the CSRF check, which reads the form; a server that is told no
    length reads nothing. Who is not signed in has short forms to send; what is no form is read by its view
    alone, which asks who sends it before."""

    def __init__(self, get_response):
        self.get_response = get_response

    def __call__(self, request):
        return self.get_response(request)

    def process_view(self, request, view, args, kwargs):
        length = request.META.get("CONTENT_LENGTH") or "0"
        stranger = request.content_type in FORMS and not request.user.is_authenticated
        limit = FORM_OF_A_STRANGER if stranger else settings.DATA_UPLOAD_MAX_MEMORY_SIZE + ROOM
        if request.resolver_match.url_name not in TAKE_FILES and (
            not length.isdecimal() or int(length[:20]) > limit
        ):
            raise RequestDataTooBig


class CompressPages(GZipMiddleware):
    """Pages and JSON are compressed; streams are not (gzip would hold back what a chat has just said).

    BREACH: the CSRF token is masked anew in every page, and Django pads the compressed answer by a random
    length."""

    def process_response(self, request, response):
        return response if response.streaming else super().process_response(request, response)
