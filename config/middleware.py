"""Compression of pages."""

from django.middleware.gzip import GZipMiddleware


class CompressPages(GZipMiddleware):
    """Pages and JSON are compressed; streams are not (gzip would hold back what a chat has just said).

    BREACH: the CSRF token is masked anew in every page, and Django pads the compressed answer by a random length."""

    def process_response(self, request, response):
        return response if response.streaming else super().process_response(request, response)
