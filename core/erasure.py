"""A person's data in a project: found, handed out, erased; each room does its part (core.registry.register_eraser).

A person is an account, or end users that no account stands behind, or both. Erasing is one transaction over all rooms; after it the freed
places of the database are overwritten, so that the texts are gone from its file, too. Backups are out of reach (docs/privacy.md)."""

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
    secure = connection.vendor == "sqlite"
    with transaction.atomic():
        if secure:
            with connection.cursor() as cursor:
                cursor.execute("PRAGMA secure_delete = ON")
        find(person)
        for part in registry.erasers():
            if hasattr(part, "erase"):
                for table, n in part.erase(person).items():
                    counts[table] = counts.get(table, 0) + n
        events.append(
            project=person.project, actor=actor, verb="person.erase", end_users=sorted(person.end_users), account=person.user.pk if person.user else None,
            counts={table: n for table, n in counts.items() if n}, withdrawn=sorted(person.ids("withdrawn")),
        )  # fmt: skip
    purge()
    return {
        "counts": {table: n for table, n in sorted(counts.items()) if n},
        "withdrawn": sorted(person.ids("withdrawn")),
        "models": sorted(person.ids("models")),
    }


def purge() -> None:
    """Overwrite what deleted rows left behind. SQLite: the file is written anew and its log emptied. PostgreSQL: VACUUM of this database's tables, so
    that their space is used again; old versions of rows are gone from every table and index. Not inside a transaction; needs no quiet."""
    with connection.cursor() as cursor:
        if connection.vendor == "sqlite":
            cursor.execute("VACUUM")
            cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            cursor.fetchall()
            cursor.execute("PRAGMA secure_delete = FAST")
        elif connection.vendor == "postgresql":
            cursor.execute("VACUUM")
