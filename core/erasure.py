"""A person's data in a project: found, handed out, erased; each room does its part (core.registry.register_eraser).

A person is an account, or end users that no account stands behind, or both. Erasing is one transaction over all rooms; after it the freed
places of the database are overwritten, so that the texts are gone from its file, too. Backups are out of reach (docs/privacy.md)."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from django.db import connection, transaction

from core import events, registry
from core.models import Project, User


@dataclass
class Person:
    """`end_users`: ids of the rows that stand for the person. `found`: what the rooms' finders learn, by name: "conversations", "messages" …
    `twins`: {answer that the person got: an answer that somebody else got to the same question after the same talk}; `same`: of those, where the
    other answer has the same text."""

    project: Project
    user: User | None = None
    end_users: list[int] = field(default_factory=list)
    found: dict[str, set] = field(default_factory=dict)
    twins: dict[int, int] = field(default_factory=dict)
    same: dict[int, int] = field(default_factory=dict)

    def ids(self, name: str) -> set:
        return self.found.setdefault(name, set())


def find(person: Person) -> Person:
    """Let every room say what belongs to the person: lower rooms first, since upper ones look for what points at theirs."""
    for part in reversed(registry.erasers()):
        if hasattr(part, "find"):
            part.find(person)
    return person


def export(person: Person) -> dict:
    """{room: its part} of the person's data, as JSON-able values."""
    find(person)
    return {part.__name__.partition(".")[0]: part.export(person) for part in reversed(registry.erasers()) if hasattr(part, "export")}


def erase(person: Person, *, actor) -> dict:
    """Remove the person's data from every room, whole or not at all: {"counts": {table: n}, and what rooms add: "withdrawn", "models"}. Nothing of a
    file or an index is left when this returns. Harmless to repeat."""
    counts: dict[str, int] = {}
    with written_over() as touched:
        with transaction.atomic():
            find(person)
            for part in registry.erasers():
                if hasattr(part, "erase"):
                    for table, n in part.erase(person).items():
                        counts[table] = counts.get(table, 0) + n
            events.append(
                project=person.project, actor=actor, verb="person.erase", end_users=sorted(person.end_users),
                account=person.user.pk if person.user else None, counts={table: n for table, n in counts.items() if n},
                withdrawn=sorted(person.ids("withdrawn")),
            )  # fmt: skip
        touched.append(person.project.pk)
        purge()
    return {
        "counts": {table: n for table, n in sorted(counts.items()) if n},
        "withdrawn": sorted(person.ids("withdrawn")),
        "models": sorted(person.ids("models")),
    }


def purge() -> None:
    """Write SQLite's file anew, without what deleted and changed rows left in it; on PostgreSQL VACUUM this database's tables, so that old versions
    of rows are gone from every table and index. Not inside a transaction; needs no quiet."""
    with connection.cursor() as cursor:
        cursor.execute("VACUUM")


@contextmanager
def written_over() -> Iterator[list[int]]:
    """On SQLite what is emptied in here is overwritten in the file, and the log that still holds it emptied, if the list is not empty at the end.
    PostgreSQL keeps it, unseen, until its next VACUUM."""
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
        cursor.fetchall()  # a statement with an answer left unread is in progress, and nothing can be vacuumed beside it
