"""Slows down guessing of passwords: failed sign-ins are counted per name and address, and per address, in the cache that all web
processes share."""

import hashlib
import threading
import unicodedata

from django.conf import settings
from django.core.cache import cache

WINDOW_SECONDS = 600
PER_NAME = 8
PER_ADDRESS = 100
_lock = threading.Lock()  # the file-based cache cannot count atomically; between processes a lost update costs one count


def address(request) -> str:
    """The client's address; behind a proxy, what the proxy nearest to us saw."""
    forwarded = request.headers.get("X-Forwarded-For", "") if settings.SECURE_PROXY_SSL_HEADER else ""
    return forwarded.rsplit(",", 1)[-1].strip() or request.META.get("REMOTE_ADDR", "")


def _keys(request, name: str) -> list[tuple[str, int]]:
    where = address(request)
    name = unicodedata.normalize("NFKC", name).strip().casefold()  # blanks around a name, as the form drops them, are no way around

    def key(text):
        return "login-" + hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()[:32]

    return [(key(f"{where}\n{name}"), PER_NAME), (key(where), PER_ADDRESS)]


def begin(request, name: str) -> bool:
    """Count an attempt before its password is looked at, so that many at once are counted too. False when this name from this address,
    or this address altogether, has failed too often in the last ten minutes."""
    keys = _keys(request, name)
    with _lock:
        counts = [cache.get(key) or 0 for key, _limit in keys]
        if any(count >= limit for count, (_key, limit) in zip(counts, keys, strict=True)):
            return False
        # Not cache.incr: the file-based cache would give the count its own default lifetime.
        for (key, _limit), count in zip(keys, counts, strict=True):
            cache.set(key, count + 1, WINDOW_SECONDS)
    return True


def succeeded(request, name: str) -> None:
    """The password was right: forget this name's failures, and do not count the attempt against the address."""
    (of_name, _n), (of_address, _m) = _keys(request, name)
    with _lock:
        cache.delete(of_name)
        cache.set(of_address, max(0, (cache.get(of_address) or 0) - 1), WINDOW_SECONDS)
