"""What is being written, as it will be read: by the same renderer, asked while somebody types."""

from django.core.cache import cache
from django.http import JsonResponse
from django.utils import timezone
from django.utils.translation import gettext as _

from annotation.document import MAX_TEXT
from core.access import project_form
from core.rendering import language, markdown

PER_MINUTE = 240  # of one person; the page asks at most three times a second, and one at a time


def _too_many(user_id: int) -> bool:
    key = f"preview-{user_id}-{timezone.now():%H%M}"
    cache.add(key, 0, 120)
    try:
        return cache.incr(key) > PER_MINUTE
    except ValueError:  # dropped meanwhile
        return False


def _problem(status: int, code: str, message: str) -> JsonResponse:
    return JsonResponse({"error": {"code": code, "message": message}}, status=status)


@project_form("annotator", "bench")
def preview(request, project):
    """{"html", "language"} of `text`, Markdown of at most MAX_TEXT characters; nothing is kept. 413 for
    more, 429 for too many in a minute."""
    text = request.POST.get("text", "").replace("\r\n", "\n")
    if len(text) > MAX_TEXT:
        return _problem(413, "too_large", _("The text is longer than %(n)s characters.") % {"n": MAX_TEXT})
    if _too_many(request.user.pk):
        return _problem(429, "too_many", _("Too many previews in a minute; wait a little."))
    return JsonResponse({"html": markdown.render(text), "language": language.guess(text)})
