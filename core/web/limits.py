"""How often something may be done: per key, person or address. With REDIS_URL counted for all web processes
together, else in this one.

A leaky bucket (GCRA): `limit` at once, and as many again spread evenly over `seconds`. What is refused
costs nothing, so whoever waits as long as the answer says is let in, however often they knocked meanwhile."""

import functools
import hashlib
import logging
import math
import threading
import time

from django.conf import settings
from django.core.cache import cache
from django.utils.translation import gettext as _

from core.errors import DomainError

log = logging.getLogger(__name__)
AWAY_SECONDS = 10  # how long a Redis that did not answer is not asked again
MOST_KNOWN = 50_000  # buckets held in this process: about 10 MB

_lock = threading.Lock()
_full_at: dict[str, float] = {}  # bucket → the monotonic second at which it will have drained

# The same in Redis, by its own clock. The bucket is the microsecond at which it will have drained; one that
# has is no key at all.
_LUA = """
local clock = redis.call('TIME')
local now = clock[1] * 1000000 + clock[2]
local drained = tonumber(redis.call('GET', KEYS[1]) or now)
if drained < now then drained = now end
drained = drained + tonumber(ARGV[2])
local wait = drained - now - tonumber(ARGV[1])
if wait > 0 then return math.ceil(wait) end
redis.call('SET', KEYS[1], string.format('%.0f', drained), 'PX', math.max(1, math.ceil((drained - now) / 1000)))
return 0
"""  # noqa: E501
_away_until = 0.0


class TooMany(DomainError):
    """429; `data["retry_after"]` in whole seconds, which travels as Retry-After too."""

    def __init__(self, wait: float):
        seconds = max(1, math.ceil(wait))
        super().__init__(
            "too_many",
            _("Too many requests. Try again in %(n)s seconds.") % {"n": seconds},
            status=429,
            data={"retry_after": seconds},
        )


def take(name: str, key: str, *, limit: int, seconds: int, cost: int = 1) -> None:
    """Count `cost` against the bucket `key` of the rule `name`; TooMany (a DomainError "too_many", 429) when
    it is full, and then nothing is counted. A cost above `limit` is taken as `limit`: it goes through an
    empty bucket. A `limit` of 0 lets nothing through."""
    if limit <= 0:
        raise TooMany(seconds)
    fill = seconds * min(cost, limit) / limit
    # an address is as long as its sender likes
    bucket = f"limit-{name}-" + hashlib.blake2b(key.encode("utf-8", "replace"), digest_size=12).hexdigest()
    wait = _in_redis(bucket, seconds, fill) if settings.REDIS_URL else _here(bucket, seconds, fill)
    if wait > 0:
        raise TooMany(wait)


def _here(bucket: str, room: float, fill: float) -> float:
    now = time.monotonic()
    with _lock:
        drained = max(_full_at.get(bucket, now), now) + fill
        # A rounding error of the sum must not refuse the last one that fits.
        if drained - now - room > 1e-6:
            return drained - now - room
        _full_at[bucket] = drained
        if len(_full_at) > MOST_KNOWN:
            _forget_some(now)
    return 0.0


def _forget_some(now: float) -> None:
    """Drop what has drained, and of the rest the half that drains first: memory stays bounded whoever
    knocks."""
    for bucket in [b for b, drained in _full_at.items() if drained <= now]:
        del _full_at[bucket]
    if len(_full_at) > MOST_KNOWN // 2:
        for bucket in sorted(_full_at, key=_full_at.__getitem__)[: len(_full_at) // 2]:
            del _full_at[bucket]


def _in_redis(bucket: str, room: float, fill: float) -> float:
    """Seconds to wait, 0 when let in. Should Redis be away, this process counts for itself: a limit is no
    reason to stop the work."""
    global _away_until
    import redis

    if time.monotonic() < _away_until:
        return _here(bucket, room, fill)
    try:
        wait = _connected()(keys=[cache.make_key(bucket)], args=[round(room * 1e6), round(fill * 1e6)])
    except redis.RedisError as exc:
        _away_until = time.monotonic() + AWAY_SECONDS
        log.warning("limits are counted by this process alone for a while: %s", type(exc).__name__)
        return _here(bucket, room, fill)
    return int(wait) / 1e6


@functools.cache
def _connected():
    """The script on a pool of its own: where the cache waits and tries again, a limit must not hold up the
    request."""
    import redis
    from redis.backoff import NoBackoff
    from redis.retry import Retry

    client = redis.Redis.from_url(
        settings.REDIS_URL, socket_connect_timeout=1, socket_timeout=1, retry=Retry(NoBackoff(), 1)
    )
    return client.register_script(_LUA)


def clear() -> None:
    """Empty the buckets of this process (those in Redis go with the cache)."""
    global _away_until
    _away_until = 0.0
    with _lock:
        _full_at.clear()
