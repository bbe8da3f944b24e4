"""What supervisors and load balancers ask: /healthz, whether the process is alive, and /readyz, whether it
can serve. Answered before everything else: no session, no language, whatever the Host."""

import contextlib
import os
import threading
import time
from collections.abc import Callable

from django.conf import settings
from django.db import connection
from django.http import HttpResponseNotAllowed, JsonResponse

SECONDS = 2.0  # between two looks: strangers may ask as often as they like
PATIENCE = 2  # seconds a look waits for a server that keeps silent


class Probes:
    """Middleware, the outermost."""

    def __init__(self, get_response):
        self.get_response = get_response
        self.readiness = Readiness()

    def __call__(self, request):
        if request.path_info == "/healthz":
            return _answer(request, [])
        if request.path_info == "/readyz":
            return _answer(request, self.readiness.failing())
        return self.get_response(request)


def _answer(request, failing: list[str]):
    if request.method not in ("GET", "HEAD"):
        return HttpResponseNotAllowed(["GET", "HEAD"])
    body: dict[str, object] = {"status": "unavailable" if failing else "ok"}
    if failing:
        body |= {"failing": failing}
    return JsonResponse(body, status=503 if failing else 200, headers={"Cache-Control": "no-store"})


class Readiness:
    """What keeps this process from serving, as codes alone: who asks is a stranger."""

    def __init__(self, seconds: float = SECONDS):
        self.seconds = seconds
        self._lock = threading.Lock()
        self._at = float("-inf")
        self._failing: list[str] = []
        self._migrated = False

    def failing(self) -> list[str]:
        """Any of "database", "migrations", "broker", "worker", in this order; looked for at most every
        `seconds`, by one thread at a time."""
        with self._lock:
            if time.monotonic() - self._at >= self.seconds:
                self._failing = self._look()
                self._at = time.monotonic()
            return self._failing

    def _look(self) -> list[str]:
        checks: list[tuple[str, Callable[[], bool]]] = [
            ("database", _database),
            ("migrations", self._migrations),
            ("broker", _broker),
            ("worker", _worker),
        ]
        out = []
        for code, check in checks:
            if code == "migrations" and "database" in out:
                continue
            fine = False
            with contextlib.suppress(Exception):  # whatever it is, it is not ready; `doctor` says more
                fine = check()
            if not fine:
                out.append(code)
        return out

    def _migrations(self) -> bool:
        """Whether the tables are as this code wants them. Once they are, they stay so while it runs."""
        from django.db.migrations.executor import MigrationExecutor

        if not self._migrated:
            executor = MigrationExecutor(connection)
            self._migrated = not executor.migration_plan(executor.loader.graph.leaf_nodes())
        return self._migrated


def _database() -> bool:
    """Asked on a line of its own: the pool would wait long for a server that is away, or for a line of those
    who work."""
    if connection.vendor == "postgresql":
        import psycopg

        given = settings.DATABASES["default"]
        names = {"dbname": "NAME", "user": "USER", "password": "PASSWORD", "host": "HOST", "port": "PORT"}
        where = {name: given[key] for name, key in names.items() if given.get(key)}
        # the test's own database, not the one it was made beside
        where["dbname"] = connection.settings_dict["NAME"]
        with psycopg.connect(connect_timeout=PATIENCE, **where) as direct:
            direct.execute("SELECT 1")
        return True
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM sqlite_master")
    return True


def _broker() -> bool:
    if not settings.REDIS_URL:
        folder = settings.DATA_DIR / "broker"
        return os.access(folder if folder.exists() else settings.DATA_DIR, os.W_OK)
    import redis

    client = redis.Redis.from_url(
        settings.REDIS_URL, socket_connect_timeout=PATIENCE, socket_timeout=PATIENCE
    )
    try:
        return bool(client.ping())
    finally:
        client.close()


def _worker() -> bool:
    """Whether any worker has been heard of within the last minute."""
    from django.core.cache import cache

    from core.jobs.beat import SEEN_KEY, SEEN_SECONDS

    seen = cache.get(SEEN_KEY)
    return bool(seen) and time.time() - seen["at"] < SEEN_SECONDS
