"""Limits hold under threads and over processes, say when to come back, and do not fill memory."""

import threading
import time

import pytest
from django.conf import settings
from django.core.cache import cache
from django.test import RequestFactory
from rest_framework.response import Response
from rest_framework.views import APIView

from core.web import limits
from core.web.limits import TooMany, take


def let_in(n, **rule) -> int:
    count = 0
    for _i in range(n):
        try:
            take(**rule)
            count += 1
        except TooMany:
            pass
    return count


RULE = {"name": "test", "key": "a", "limit": 5, "seconds": 60}


def on_both(test):
    """In this process, and (in the PostgreSQL run) in Redis."""
    return pytest.mark.django_db(test)


@on_both
def test_so_many_and_no_more():
    assert let_in(20, **RULE) == 5
    assert let_in(20, **RULE | {"key": "b"}) == 5, "somebody else"
    assert let_in(20, **RULE | {"name": "other"}) == 5, "another rule"
    assert let_in(3, **RULE | {"key": "c", "cost": 2}) == 2
    assert let_in(3, **RULE | {"key": "d", "cost": 50}) == 1, (
        "a cost above the limit goes through an empty bucket"
    )
    assert let_in(3, **RULE | {"key": "e", "limit": 0}) == 0
    assert let_in(9, **RULE | {"key": "长\x00\ud800 " + "x" * 10_000}) == 5


@on_both
def test_whoever_waits_as_told_is_let_in():
    rule = {"name": "test", "key": "wait", "limit": 4, "seconds": 2}
    assert let_in(50, **rule) == 4
    with pytest.raises(TooMany) as refused:
        take(**rule)
    assert (
        refused.value.data == {"retry_after": 1}
        and refused.value.status == 429
        and refused.value.code == "too_many"
    )
    time.sleep(0.55)  # half a second a place, and what was refused has cost nothing
    assert let_in(50, **rule) == 1


@on_both
def test_threads_do_not_slip_through():
    counts, gate = [], threading.Barrier(8)

    def knock():
        gate.wait()
        counts.append(let_in(30, **RULE | {"limit": 40, "seconds": 3600, "key": "threads"}))

    threads = [threading.Thread(target=knock) for _i in range(8)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert sum(counts) == 40


@pytest.mark.servers
@pytest.mark.django_db
def test_processes_share_them_in_redis(monkeypatch):
    assert let_in(20, **RULE) == 5
    limits.clear()  # as another process
    assert let_in(20, **RULE) == 0
    assert (
        0
        < cache._cache.get_client(None).pttl(
            next(iter(cache._cache.get_client(None).scan_iter("*limit-test*")))
        )
        <= 60_000
    )


@pytest.mark.servers
@pytest.mark.django_db
def test_without_redis_each_process_counts_for_itself(monkeypatch, caplog):
    limits._connected.cache_clear()
    monkeypatch.setattr(settings, "REDIS_URL", "redis://127.0.0.1:1/0")
    began = time.monotonic()
    assert let_in(20, **RULE | {"key": "away"}) == 5
    assert time.monotonic() - began < 1 and caplog.text.count("limits are counted by this process alone") == 1
    limits._connected.cache_clear()


def test_memory_is_bounded(monkeypatch):
    monkeypatch.setattr(settings, "REDIS_URL", "")
    monkeypatch.setattr(limits, "MOST_KNOWN", 1000)
    for i in range(5000):
        take("test", f"somebody {i}", limit=5, seconds=3600)
    assert len(limits._full_at) <= 1000
    for _i in range(4):
        take("test", "somebody 4999", limit=5, seconds=3600)
    with pytest.raises(TooMany):
        take("test", "somebody 4999", limit=5, seconds=3600)


def test_the_api_says_when_to_come_back(monkeypatch):
    class View(APIView):
        authentication_classes, permission_classes = (), ()

        def get(self, request):
            take("test", "api", limit=1, seconds=30)
            return Response({})

    monkeypatch.setattr(settings, "REDIS_URL", "")
    request = RequestFactory().get("/")
    assert View.as_view()(request).status_code == 200
    refused = View.as_view()(request)
    assert refused.status_code == 429 and refused.headers["Retry-After"] == "30"
    assert refused.data == {
        "error": {"code": "too_many", "message": "Too many requests. Try again in 30 seconds."},
        "retry_after": 30,
    }
