"""The chat over HTTP, for its own page."""

from django.http import JsonResponse


def _later(request, slug, pk=None):
    return JsonResponse({"error": {"code": "not_yet", "message": "-"}}, status=503)


conversations = conversation = branch = delete = score = turn = regenerate = message = stop = react = signal = choose = seen = consent = _later
