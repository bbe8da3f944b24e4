"""Language of the person: their own choice, then the browser's cookie, then its Accept-Language."""

from django.middleware.locale import LocaleMiddleware
from django.utils import translation


class PersonLocaleMiddleware(LocaleMiddleware):
    """A signed-in person's choice is mirrored in the session, so reading it costs no query of its own."""

    def process_request(self, request):
        chosen = request.session.get("language") if request.COOKIES.get("sessionid") else None
        if chosen and translation.check_for_language(chosen):
            translation.activate(chosen)
            request.LANGUAGE_CODE = translation.get_language()
        else:
            super().process_request(request)
