"""A person's data in a project: found, handed out, erased; each room does its part
(core.registry.register_eraser).

A person is an account, or end users that no account stands behind, or both. Erasing is one transaction
over all rooms; after it the database's files are written anew, so that the texts are gone from them, too.
Backups are out of reach (docs/privacy.md)."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from django.db import DatabaseError, OperationalError, connection, transaction

from core import events, registry
from core.models import Project, User

LOCK_SECONDS = 5
REWRITE_BYTES = 2 * 1024**3


@dataclass
class Person:
    """`end_users`: ids of the rows that stand for the person. `found`: what the rooms' finders learn, by
    name: "conversations", "messages" … `twins`: {answer that the person got: an answer that somebody else
    got to the same question after the same talk}; `same`: of those, where the other answer has the same
    text."""

    project: Project
    user: User | None = None
    end_users: list[int] = field(default_factory=list)
    found: dict[str, set] = field(default_factory=dict)
    twins: dict[int, int] = field(default_factory=dict)
    same: dict[int, int] = field(default_factory=dict)

    def ids(self, name: str) -> set:
        return self.found.setdefault(name, set())


def find(person: Person) -> Person:
    """Let every room say what belongs to the person: lower rooms first, since upper ones look for what points
    at theirs."""
    for part in reversed(registry.erasers()):
        if hasattr(part, "find"):
            part.find(person)
    return person


def export(person: Person) -> dict:
    """{room: its part} of the person's data, as JSON-able values."""
    find(person)
    return {
        part.__name__.partition(".")[0]: part.export(person)
        for part in reversed(registry.erasers())
        if hasattr(part, "export")
    }


def erase(person: Person, *, actor) -> dict:
    """Remove the person's data from every room, whole or not at all: {"counts": {table: n}, "withdrawn",
    "models": what rooms add, "unwritten": tables in whose files the old bytes stand until PostgreSQL
    writes over them}. Harmless to repeat."""
    counts: dict[str, int] = {}
    with written_over() as touched:
        with transaction.atomic():
            # what is being made of the project's texts is published before this, or finds out about it
            Project.objects.select_for_update().get(pk=person.project.pk)
            find(person)
            for part in registry.erasers():
                if hasattr(part, "erase"):
                    for table, n in part.erase(person).items():
                        counts[table] = counts.get(table, 0) + n
            events.append(
                project=person.project,
                actor=actor,
                verb="person.erase",
                end_users=sorted(person.end_users),
                account=person.user.pk if person.user else None,
                counts={table: n for table, n in counts.items() if n},
                withdrawn=sorted(person.ids("withdrawn")),
            )
        touched.append(person.project.pk)
        unwritten = purge()
        if unwritten:
            events.append(project=person.project, actor=actor, verb="person.unwritten", tables=unwritten)
    return {
        "unwritten": unwritten,
        "counts": {table: n for table, n in sorted(counts.items()) if n},
        "withdrawn": sorted(person.ids("withdrawn")),
        "models": sorted(person.ids("models")),
    }


def purge() -> list[str]:
    """Write the database's files anew, without what deleted and changed rows left in them; the names of the
    tables whose files could not be. Not inside a transaction; needs no quiet.

    SQLite's one file is written anew by VACUUM. PostgreSQL's VACUUM gives the room of old rows free and
    leaves their bytes, so each table is rewritten (VACUUM FULL), which nobody can read or write meanwhile:
    one that is in use for LOCK_SECONDS, and one larger than REWRITE_BYTES, is only vacuumed, and named."""
    with connection.cursor() as cursor:
        cursor.execute("VACUUM")
        return _rewritten(cursor) if connection.vendor == "postgresql" else []


def _rewritten(cursor) -> list[str]:
    left: list[str] = []
    cursor.execute("SET lock_timeout = %s", [f"{LOCK_SECONDS}s"])
    try:
        for table in connection.introspection.django_table_names(only_existing=True):
            name = connection.ops.quote_name(table)
            cursor.execute("SELECT pg_total_relation_size(%s::regclass)", [name])
            if cursor.fetchone()[0] > REWRITE_BYTES:
                left.append(table)
                continue
            try:
                cursor.execute(f"VACUUM (FULL, ANALYZE) {name}")
            except OperationalError:  # the lock did not come: somebody works in it
                left.append(table)
        # The planner's statistics hold samples of texts, which the new ones above have replaced.
        try:
            cursor.execute("VACUUM (FULL) pg_catalog.pg_statistic")
        except DatabaseError:  # in use, or not the database's owner
            left.append("pg_statistic")
    finally:
        cursor.execute("RESET lock_timeout")
    return left


@contextmanager
def written_over() -> Iterator[list[int]]:
    """On SQLite what is emptied in here is overwritten in the file, and the log that still holds it emptied,
    if the list is not empty at the end. PostgreSQL keeps it, unseen, until it is written over."""
    touched: list[int] = []
    if connection.vendor != "sqlite":
        yield touched
        return
    _pragma("secure_delete = ON")
    try:
        yield touched
        if touched and not connection.in_atomic_block:
            _pragma("wal_checkpoint(TRUNCATE)")
    finally:
        _pragma("secure_delete = FAST")


def _pragma(words: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute("PRAGMA " + words)
        # a statement with an answer left unread is in progress, and nothing can be vacuumed beside it
        cursor.fetchall()
