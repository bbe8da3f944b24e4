"""Appending to the audit line."""

from django.db import connection
from django.utils import timezone

from core import stored
from core.db import bulk
from core.models import Event


def append(*, project, actor, verb: str, target=None, **data) -> Event:
    """One Event in the current transaction. `data` holds ids and counts, never content."""
    stored.on_commit()
    return Event.objects.create(
        project=project,
        actor=actor if getattr(actor, "pk", None) else None,
        verb=verb,
        target=target._meta.label_lower if target is not None else "",
        target_id=target.pk if target is not None else None,
        data=data,
    )


def append_quickly(*, project, actor, verb: str, **data) -> int:
    """The same without a target, by one plain statement; the id. For paths on which a model's `create` is a
    tenth of the whole request."""
    sql, values = append_statement(project=project, actor=actor, verb=verb, **data)
    with connection.cursor() as cursor:
        cursor.execute(f"{sql} RETURNING id", values)
        return cursor.fetchone()[0]


def append_statement(*, project, actor, verb: str, target=None, **data) -> tuple[str, list]:
    """(sql, parameters) that append such an event, to be run in the transaction at hand; in it `LAST` is then
    SQL for its id."""
    stored.on_commit()
    of = ["", None] if target is None else [target._meta.label_lower, target.pk]
    values = [
        project.pk,
        getattr(actor, "pk", None),
        verb,
        *of,
        bulk.json_text(data),
        bulk.moment(timezone.now()),
    ]
    return (
        "INSERT INTO core_event (project_id, actor_id, verb, target, target_id, data, at) VALUES (%s, "
        "%s, %s, %s, %s, %s, %s)",
        values,
    )


LAST = {
    "postgresql": "(SELECT currval(pg_get_serial_sequence('core_event', 'id')))",
    "sqlite": "(SELECT seq FROM sqlite_sequence WHERE name = 'core_event')",
}
