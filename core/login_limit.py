"""Slows down guessing of passwords: failed sign-ins are counted per name and address, and per address, in the cache that all web
processes share."""

import hashlib

from django.conf import settings
from django.core.cache import cache

WINDOW_SECONDS = 600
PER_NAME = 8
PER_ADDRESS = 100


def address(request) -> str:
    """The client's address; behind a proxy, what the proxy nearest to us saw."""
    forwarded = request.headers.get("X-Forwarded-For", "") if settings.SECURE_PROXY_SSL_HEADER else ""
    return forwarded.rsplit(",", 1)[-1].strip() or request.META.get("REMOTE_ADDR", "")


def _keys(request, name: str) -> list[tuple[str, int]]:
    where = address(request)

    def key(text):
        return "login-" + hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()[:32]

    return [(key(f"{where}\n{name.casefold()}"), PER_NAME), (key(where), PER_ADDRESS)]


def too_many(request, name: str) -> bool:
    """Whether this name from this address, or this address altogether, has failed too often in the last ten minutes."""
    return any((cache.get(key) or 0) >= limit for key, limit in _keys(request, name))


def failed(request, name: str) -> None:
    for key, _limit in _keys(request, name):
        # Not cache.incr: the file-based cache would give the count its own default lifetime. A lost update costs one count.
        cache.set(key, (cache.get(key) or 0) + 1, WINDOW_SECONDS)


def succeeded(request, name: str) -> None:
    cache.delete(_keys(request, name)[0][0])
