"""What has to be so before the first request: tables, message catalogues, collected static files. Each step
is quick when nothing changed."""

import contextlib
import fcntl
import hashlib
import json
import os
from collections.abc import Iterator
from io import StringIO
from pathlib import Path

from django.conf import settings
from django.contrib.staticfiles.finders import get_finders
from django.contrib.staticfiles.management.commands.collectstatic import Command
from django.core.management import call_command
from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor
from django.utils.module_loading import import_string
from django.utils.translation import gettext as _

MIGRATION_LOCK = 7_305_861  # any number of our own: PostgreSQL's advisory lock while migrations run


class NotReady(Exception):
    """Something outside has to be put right first; the message says what."""


def migrate(say) -> None:
    """Apply what is missing. Several web machines may start at once: on PostgreSQL they take turns. NotReady
    where a file of SQLite is damaged or may not be written."""
    try:
        _migrate(say)
    except DatabaseError as exc:
        if connection.vendor != "sqlite":
            raise
        words = _(
            "The database %(file)s cannot be used: %(reason)s. Restore it from a backup, or choose "
            "another DATA_DIR."
        )
        raise NotReady(words % {"file": settings.DATABASES["default"]["NAME"], "reason": exc}) from None


def _migrate(say) -> None:
    executor = MigrationExecutor(connection)
    if not executor.migration_plan(executor.loader.graph.leaf_nodes()):
        return
    say(_("Preparing the database…"))
    with _advisory_lock():
        call_command("migrate", interactive=False, verbosity=0, stdout=StringIO())
    connection.close()


@contextlib.contextmanager
def _advisory_lock() -> Iterator[None]:
    if connection.vendor != "postgresql":
        yield
        return
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_lock(%s)", [MIGRATION_LOCK])
        try:
            yield
        finally:
            cursor.execute("SELECT pg_advisory_unlock(%s)", [MIGRATION_LOCK])


def collect_static(say) -> None:
    """Copy static files to STATIC_ROOT, compressed, if any has changed since; the stamp holds their
    fingerprint (settings reads it)."""
    root = Path(settings.STATIC_ROOT)
    stamp, now = root / "stamp", _static_fingerprint()
    with contextlib.suppress(FileNotFoundError):
        if stamp.read_text() == now:
            return
    say(_("Preparing styles and scripts…"))
    command = Command()
    command.storage = import_string(settings.COLLECTED_STATIC)()
    call_command(command, interactive=False, verbosity=0, clear=root.exists(), stdout=StringIO())
    stamp.write_text(now)


def _static_fingerprint() -> str:
    digest = hashlib.sha256()
    for finder in get_finders():
        for path, storage in finder.list(ignore_patterns=[]):
            found = os.stat(storage.path(path))
            digest.update(f"{path}\0{found.st_size}\0{found.st_mtime_ns}\n".encode())
    return digest.hexdigest()


def running() -> dict | None:
    """What the `serve` that holds DATA_DIR says of itself, {"pid", "address", "host", "port"}; {} for one
    that has not got so far, None when nobody holds it."""
    try:
        with open(settings.DATA_DIR / "serve.lock") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except OSError:
                with contextlib.suppress(ValueError):
                    return dict(json.loads(lock.read() or "{}"))
                return {}
    except OSError:
        return None
    return None


def lock_data_dir() -> object:
    """Hold DATA_DIR for this process; NotReady names the one that has it. The embedded broker bears one
    worker, and two servers on one SQLite file are one too many. Keep what is returned: the lock lives as
    long as it does."""
    try:
        settings.DATA_DIR.mkdir(mode=0o750, parents=True, exist_ok=True)
        lock = open(settings.DATA_DIR / "serve.lock", "a+")  # noqa: SIM115
    except OSError as exc:
        words = _(
            "DATA_DIR %(folder)s cannot be written: %(reason)s. Give this account write access, or choose "
            "another DATA_DIR."
        )
        raise NotReady(words % {"folder": settings.DATA_DIR, "reason": exc.strerror or exc}) from None
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        lock.seek(0)
        with contextlib.suppress(ValueError):
            holder = json.loads(lock.read() or "{}")
            raise NotReady(
                _(
                    "Touchstone is already running on %(folder)s: process %(pid)s, %(address)s. Stop "
                    "it, or choose another DATA_DIR."
                )
                % {
                    "folder": settings.DATA_DIR,
                    "pid": holder.get("pid", "?"),
                    "address": holder.get("address", "?"),
                }
            ) from None
        raise NotReady(
            _("Touchstone is already running on %(folder)s.") % {"folder": settings.DATA_DIR}
        ) from None
    lock.truncate(0)
    return lock
