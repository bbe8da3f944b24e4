"""Figures that many pages ask for, counted now and then: where counting is quick, when somebody asks and they
are some seconds old; of a project so large that it takes longer, beside the request, while the older ones
are shown."""

import threading
import time
from collections.abc import Callable

from django.core.cache import cache
from django.db import connections

SECONDS = 10  # how old figures may be where counting is quick
SLOW = 0.1  # seconds of counting past which nobody's request waits for it
KEPT = 24 * 3600
REST = 100  # times as long as counting took, slow figures are left alone


def figures(key: str, count: Callable[[], dict], *, seconds: float = SECONDS) -> dict:
    """What `count` gives, kept under `key` of the cache. Only the first look at a large project waits."""
    known = cache.get(key)
    if known is None or (known["cost"] < SLOW and time.time() - known["at"] > seconds):
        return _count(key, count)
    renew(key, known, lambda: _count(key, count))
    return known["figures"]


def renew(key: str, known: dict, count: Callable[[], object]) -> None:
    """Have slow figures (`known`, as kept under `key`) counted beside the request when their rest is over, by
    one thread at a time; nothing for quick ones."""
    rested = time.time() - known["at"] > known["cost"] * REST
    if known["cost"] >= SLOW and rested and cache.add(f"{key}-counting", 1, 60):
        threading.Thread(target=_beside, args=(key, count), daemon=True).start()


def _count(key: str, count: Callable[[], dict]) -> dict:
    began = time.perf_counter()
    found = count()
    cost = time.perf_counter() - began
    cache.set(key, {"figures": found, "at": time.time(), "cost": cost}, KEPT)
    return found


def _beside(key: str, count: Callable[[], object]) -> None:
    try:
        count()
    finally:
        cache.delete(f"{key}-counting")
        connections.close_all()
