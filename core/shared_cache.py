"""The cache that all processes share, in Redis or in files, which never raises: what it holds is kept
elsewhere as well, so a Redis that is away or a disk that is full is no reason to refuse somebody's work.

While it cannot be reached each process keeps for itself what it would have put there, so that counters (of
failed sign-ins, say) go on counting. A Redis that did not answer is not asked again for some seconds."""

import contextlib
import logging
import threading
import time

from django.core.cache.backends.base import DEFAULT_TIMEOUT
from django.core.cache.backends.filebased import FileBasedCache
from django.core.cache.backends.locmem import LocMemCache
from django.core.cache.backends.redis import RedisCache

log = logging.getLogger(__name__)
AWAY_SECONDS = 10  # how long what did not answer is not asked again
OWN_SECONDS = 900  # how long after a failure what this process kept for itself is still looked at
OWN_ENTRIES = 20_000

_lock = threading.Lock()
# the monotonic second of the last failure: of the process, as Django makes a backend for each thread
_failed_at: float | None = None


def _failed(exc: Exception) -> None:
    global _failed_at
    with _lock:
        new = not _lately(AWAY_SECONDS * 6)
        _failed_at = time.monotonic()
    if new:
        log.warning(
            "the cache cannot be used (%s); this process keeps to itself meanwhile", type(exc).__name__
        )


def _lately(seconds: float) -> bool:
    return _failed_at is not None and time.monotonic() - _failed_at < seconds


class Unfailing:
    """Before a backend of Django's: its methods, falling back on the memory of this process."""

    _rests = False  # whether it is left alone for AWAY_SECONDS after a failure

    def __init__(self, location, params):
        super().__init__(location, params)  # type: ignore[call-arg]
        self._own = LocMemCache("shared-cache", params | {"OPTIONS": {"MAX_ENTRIES": OWN_ENTRIES}})

    def _try(self, method: str, *args, **kwargs):
        """(True, what the backend's `method` gives), or (False, None) where it cannot be used."""
        if self._rests and _lately(AWAY_SECONDS):
            return False, None
        try:
            return True, getattr(super(), method)(*args, **kwargs)
        except Exception as exc:  # whatever a server, a disk or a damaged entry comes to
            _failed(exc)
            return False, None

    def get(self, key, default=None, version=None):
        found = self._try("get", key, None, version)[1]
        if found is None and _lately(OWN_SECONDS):
            found = self._own.get(key, None, version)
        return default if found is None else found

    def get_many(self, keys, version=None):
        keys = list(keys)
        found = self._try("get_many", keys, version)[1] or {}
        if _lately(OWN_SECONDS):
            found = self._own.get_many([key for key in keys if key not in found], version) | found
        return found

    def _put(self, method: str, key, value, timeout, version):
        done, result = self._try(method, key, value, timeout, version)
        if not done:
            return getattr(self._own, method)(key, value, timeout, version)
        if _lately(OWN_SECONDS):
            self._own.delete(key, version)
        return result

    def set(self, key, value, timeout=DEFAULT_TIMEOUT, version=None):
        self._put("set", key, value, timeout, version)

    def add(self, key, value, timeout=DEFAULT_TIMEOUT, version=None):
        return self._put("add", key, value, timeout, version)

    def set_many(self, data, timeout=DEFAULT_TIMEOUT, version=None):
        if not self._try("set_many", data, timeout, version)[0]:
            self._own.set_many(data, timeout, version)
        return []

    def touch(self, key, timeout=DEFAULT_TIMEOUT, version=None):
        return bool(self._try("touch", key, timeout, version)[1]) or self._own.touch(key, timeout, version)

    def delete(self, key, version=None):
        own = self._own.delete(key, version)
        return bool(self._try("delete", key, version)[1]) or own

    def delete_many(self, keys, version=None):
        for key in keys:
            self.delete(key, version)

    def has_key(self, key, version=None):
        return self.get(key, None, version) is not None

    def clear(self):
        self._own.clear()
        self._try("clear")


class SharedRedisCache(Unfailing, RedisCache):
    _rests = True

    def __init__(self, location, params):
        from redis.backoff import NoBackoff
        from redis.retry import Retry

        waits = {"socket_connect_timeout": 2, "socket_timeout": 2, "retry": Retry(NoBackoff(), 1)}
        super().__init__(location, params | {"OPTIONS": waits | params.get("OPTIONS", {})})


class SharedFileBasedCache(Unfailing, FileBasedCache):
    """A full disk refuses what is written and gives what is read: it need not be left alone."""

    add = FileBasedCache.add  # by `has_key` and `set`

    def _createdir(self):
        with contextlib.suppress(OSError):  # what is written next says so
            super()._createdir()
