"""The chat's pages: the talk itself, and the door for guests."""

from django.http import HttpResponse


def chat(request, slug, pk=None):
    return HttpResponse(status=503)


def join(request, token):
    return HttpResponse(status=503)


def leave(request, slug):
    return HttpResponse(status=503)
