"""What `manage.py doctor` looks at: yields of (level "ok" | "warning" | "error", sentence), part by part."""

import os
import pwd
import shutil
import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlsplit

from django.conf import settings
from django.core.cache import cache
from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor
from django.utils.translation import gettext as _

from config import preparing
from core.jobs.beat import SEEN_KEY
from core.models import Job

Finding = tuple[str, str]
LOW_SPACE = 2 * 1024**3


def database() -> Iterator[Finding]:
    database = settings.DATABASES["default"]
    try:
        if connection.vendor == "sqlite":
            with connection.cursor() as cursor:
                cursor.execute("SELECT sqlite_version()")
                version = cursor.fetchone()[0]
                cursor.execute("PRAGMA quick_check(1)")
                found = cursor.fetchone()[0]
            if found != "ok":
                yield (
                    "error",
                    _("The database %(file)s is damaged: %(reason)s. Restore it from a backup.")
                    % {"file": database["NAME"], "reason": found},
                )
                return
        else:
            version = _postgresql_version(database)
    except Exception as exc:
        yield "error", _("The database cannot be reached: %(reason)s") % {"reason": _plain(exc)}
        return
    if connection.vendor == "sqlite":
        yield (
            "ok",
            _("SQLite %(version)s: %(name)s (for one machine; DATABASE_URL names a PostgreSQL for teams)")
            % {"version": version, "name": database["NAME"]},
        )
        return
    pool = (database.get("OPTIONS") or {}).get("pool") or {}
    yield (
        "ok",
        _("PostgreSQL %(version)s, up to %(n)s connections per process")
        % {"version": version, "n": pool.get("max_size", 1)},
    )


def _postgresql_version(database: dict) -> str:
    """Asked directly: the pool would wait long for a server that is not there."""
    import psycopg

    given = {
        "dbname": database["NAME"],
        "user": database["USER"],
        "password": database["PASSWORD"],
        "host": database["HOST"],
        "port": database["PORT"],
    }
    with psycopg.connect(connect_timeout=3, **{k: v for k, v in given.items() if v}) as direct:
        row = direct.execute("SHOW server_version").fetchone()
        return str(row[0]) if row else "?"


def migrations() -> Iterator[Finding]:
    executor = MigrationExecutor(connection)
    n = len(executor.migration_plan(executor.loader.graph.leaf_nodes()))
    yield (
        ("error", _("Migrations not applied: %(n)d. Run manage.py migrate, or start `serve`") % {"n": n})
        if n
        else ("ok", _("All migrations are applied"))
    )


def redis() -> Iterator[Finding]:
    if not settings.REDIS_URL:
        yield "ok", _("No Redis: jobs go through files in DATA_DIR to the one worker of `serve`")
        if connection.vendor == "postgresql":
            yield (
                "warning",
                _("PostgreSQL without REDIS_URL: only one machine can run workers and share the cache"),
            )
        return
    import redis as client

    try:
        reached = client.Redis.from_url(settings.REDIS_URL, socket_connect_timeout=3, socket_timeout=3)
        version = reached.info("server")["redis_version"]
    except Exception as exc:
        where = urlsplit(settings.REDIS_URL)
        yield (
            "error",
            _("Redis at %(host)s:%(port)s cannot be reached: %(reason)s")
            % {"host": where.hostname, "port": where.port, "reason": _plain(exc)},
        )
        return
    yield "ok", _("Redis %(version)s carries jobs and cache") % {"version": version}


def worker() -> Iterator[Finding]:

    try:
        seen = cache.get(SEEN_KEY)
    except Exception:
        seen = None
    if seen:
        ago = max(0, int(time.time() - seen["at"]))
        yield (
            "ok",
            _("A worker was seen %(n)d s ago (%(host)s, process %(pid)s)")
            % {"n": ago, "host": seen["host"], "pid": seen["pid"]},
        )
    else:
        yield (
            "warning",
            _(
                "No worker has been seen in the last minute: imports and exports will wait. `serve` "
                "starts one; so does manage.py worker"
            ),
        )
    try:
        waiting = Job.objects.filter(state=Job.State.QUEUED).count()
    except DatabaseError:
        return  # said under database or migrations
    if waiting:
        yield ("warning" if not seen else "ok"), _("Jobs waiting: %(n)d") % {"n": waiting}


def data_dir() -> Iterator[Finding]:
    folder = settings.DATA_DIR
    probe = folder / f".doctor-{os.getpid()}"
    try:
        folder.mkdir(mode=0o750, parents=True, exist_ok=True)
        probe.write_text("x")
        probe.unlink()
    except OSError as exc:
        yield (
            "error",
            _("DATA_DIR %(folder)s cannot be written: %(reason)s")
            % {"folder": folder, "reason": exc.strerror},
        )
        return
    free = shutil.disk_usage(folder).free
    level = "warning" if free < LOW_SPACE else "ok"
    yield (
        level,
        _("DATA_DIR %(folder)s can be written; %(gb).1f GB are free") % {"folder": folder, "gb": free / 1e9},
    )
    yield from _owners(folder)
    mode = folder.stat().st_mode
    if mode & 0o007:
        yield "warning", _("DATA_DIR can be read by every account of this machine; chmod 750 closes it")


def _owners(folder: Path) -> Iterator[Finding]:
    """A command typed as root leaves files that the service's own account cannot write."""
    acting = os.access in os.supports_effective_ids
    shut = [p.name for p in sorted(folder.iterdir()) if not os.access(p, os.W_OK, effective_ids=acting)]
    if shut:
        yield (
            "error",
            _(
                "In DATA_DIR %(folder)s this account cannot write %(names)s. Another account made them, it "
                "seems: chown -R gives them back"
            )
            % {"folder": folder, "names": ", ".join(shut)},
        )
    owner = folder.stat().st_uid
    if owner != os.geteuid():
        yield (
            "warning",
            _(
                "DATA_DIR %(folder)s belongs to %(owner)s, who may not write what other accounts make in it: "
                "run manage.py as %(owner)s"
            )
            % {"folder": folder, "owner": _account(owner)},
        )


def _account(number: int) -> str:
    try:
        return pwd.getpwuid(number).pw_name
    except KeyError:
        return str(number)


def catalogue() -> Iterator[Finding]:
    stale = [
        p
        for p in (settings.BASE_DIR / "locale").glob("*/LC_MESSAGES/django.po")
        if not p.with_suffix(".mo").exists()
    ]
    if stale:
        yield "warning", _("The Chinese messages are not compiled: manage.py catalogues, or start `serve`")
    else:
        yield "ok", _("Message catalogues are compiled")


def secret_key() -> Iterator[Finding]:
    if os.environ.get("SECRET_KEY") or os.environ.get("SECRET_KEY_FILE"):
        yield (
            ("ok", _("SECRET_KEY comes from the environment"))
            if len(settings.SECRET_KEY) >= 32
            else ("error", _("SECRET_KEY is shorter than 32 characters"))
        )
    elif not (settings.DATA_DIR / "secret_key").exists():
        yield "error", _("SECRET_KEY cannot be kept in DATA_DIR: everybody is signed out at each start")
    else:
        yield "ok", _("SECRET_KEY was made at the first start and is kept in DATA_DIR/secret_key; back it up")


def address() -> Iterator[Finding]:
    if settings.DEBUG:
        yield (
            "error" if not settings.LOOPBACK else "warning",
            _("DEBUG is on: errors show settings and code to whoever meets them"),
        )
    where = f"{settings.HOST}:{settings.PORT}"
    if settings.LOOPBACK and not settings.BEHIND_PROXY:
        yield "ok", _("Bound to %(where)s: this machine only") % {"where": where}
    elif settings.HTTPS:
        yield (
            "ok",
            _("Bound to %(where)s, reached over TLS (cookies are sent over HTTPS only)") % {"where": where},
        )
    else:
        yield (
            "warning",
            _(
                "Bound to %(where)s without TLS: passwords and texts cross the network in the clear. "
                "Put a TLS proxy in front, set HTTPS=1"
            )
            % {"where": where},
        )
    if settings.ALLOWED_HOSTS == ["*"]:
        yield "warning", _("ALLOWED_HOSTS is not set: any Host name is answered")
    if settings.BEHIND_PROXY and not settings.HTTPS:
        yield "warning", _("BEHIND_PROXY is on, HTTPS is off: set HTTPS=1 if the proxy speaks TLS")
    yield from _listening()


def _listening() -> Iterator[Finding]:
    """Whether the server answers where it says it does; this command's own PORT may be another one."""
    serving = preparing.running()
    bound, port = settings.HOST, settings.PORT
    if serving:
        bound, port = serving.get("host", bound), serving.get("port", port)
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(bound, bound)  # noqa: S104
    try:
        socket.create_connection((host, port), timeout=1).close()
        listens = True
    except OSError:
        listens = False
    if serving:
        told = {"address": serving.get("address", f"{host}:{port}"), "pid": serving.get("pid", "?")}
        if listens:
            yield "ok", _("Touchstone is running: process %(pid)s, %(address)s") % told
        else:
            yield (
                "error",
                _("Touchstone is running (process %(pid)s) and does not answer at %(address)s") % told,
            )
    elif listens:
        yield "ok", _("Something listens on port %(port)s") % {"port": port}
    else:
        yield "ok", _("Nothing listens on port %(port)s now") % {"port": port}


def _plain(exc: Exception) -> str:
    """First line of an error, without a password that a URL may carry."""
    text = (str(exc).strip() or type(exc).__name__).splitlines()[0]
    for url in (settings.REDIS_URL, os.environ.get("DATABASE_URL", "")):
        password = urlsplit(url).password if url else None
        if password:
            text = text.replace(password, "…")
    return text[:300]


NEED_DATABASE = {"migrations", "worker"}  # as do all that rooms register
CHECKS: dict[str, Callable[[], Iterator[Finding]]] = {
    "database": database,
    "migrations": migrations,
    "redis": redis,
    "worker": worker,
    "data": data_dir,
    "messages": catalogue,
    "secret": secret_key,
    "address": address,
}
