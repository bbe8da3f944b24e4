"""Slows down guessing of passwords, at the sign-in and where an old password is asked for: failures are
counted per name and address, per address, and per name, in the cache that all web processes share."""

import hashlib
import threading
import unicodedata

from django.core.cache import cache

from core.web.client_ip import client_ip

WINDOW_SECONDS = 600
PER_NAME = 8
PER_ADDRESS = 100
PER_NAME_ANYWHERE = 60
KNOWN_SECONDS = 30 * 24 * 3600
# the file-based cache cannot count atomically; between processes a lost update costs one count
_lock = threading.Lock()


def _key(text: str) -> str:
    return "login-" + hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()[:32]


def _normal(name: str) -> str:
    # blanks around a name, as the form drops them, are no way around
    return unicodedata.normalize("NFKC", name).strip().casefold()


def _keys(request, name: str) -> list[tuple[str, int]]:
    """(bucket, how many failures it takes): of the name from this address, of the address, and of the name
    from anywhere. The last holds off who has many addresses; an address this name has signed in from does
    not meet it, so that strangers cannot lock a person out."""
    where, name = client_ip(request), _normal(name)
    keys = [(_key(f"{where}\n{name}"), PER_NAME), (_key(where), PER_ADDRESS)]
    return (
        keys
        if cache.get(_key(f"known\n{where}\n{name}"))
        else [*keys, (_key(f"anywhere\n{name}"), PER_NAME_ANYWHERE)]
    )


def begin(request, name: str) -> bool:
    """Count an attempt before its password is looked at, so that many at once are counted too. False when
    this name from this address, this address altogether, or this name from addresses it is not known at
    has failed too often in ten minutes."""
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
    """The password was right: forget this name's failures here, do not count the attempt elsewhere, and know
    the address."""
    (of_name, _n), *others = _keys(request, name)
    with _lock:
        cache.delete(of_name)
        for key, _limit in others:
            cache.set(key, max(0, (cache.get(key) or 0) - 1), WINDOW_SECONDS)
    cache.set(_key(f"known\n{client_ip(request)}\n{_normal(name)}"), 1, KNOWN_SECONDS)
