"""The statements with which a claim and a submit write, as (sql, parameters) for `core.db.one_go`: sent
together they are one round trip each.

Every function gives one statement that is the same text each time, so that its plan is kept. Whoever calls
them holds the locks."""

from django.db import connection

from annotation.models import Annotation, AnnotationVersion, Assignment, Item
from core import events
from core.db import bulk

Statement = tuple[str, list]

# The lowest place of an item that nobody has: 0, or one behind a taken one.
_FREE_SLOT = """(SELECT min(place.slot) FROM (SELECT 0 AS slot UNION ALL SELECT slot + 1 FROM annotation_assignment
 WHERE item_id = %s AND slot IS NOT NULL) place WHERE NOT EXISTS (SELECT 1 FROM annotation_assignment taken
 WHERE taken.item_id = %s AND taken.slot = place.slot))"""  # noqa: E501


def hold(assignment: Assignment) -> list[Statement]:
    """Give `assignment`, a new one, the lowest free place of its locked item. The first statement's row is
    (id, slot, whether it is new): what its annotator let go of before is taken up again instead, with its
    order and draft."""
    a, now = assignment, bulk.moment(assignment.created_at)
    columns = 'project_id, item_id, annotator_id, state, slot, "order", lease_until, opened_at, created_at, '
    columns += "active_ms, draft_revision, skip_reason, skip_comment"
    sql = (
        f"INSERT INTO annotation_assignment ({columns}) VALUES (%s, %s, %s, %s, {_FREE_SLOT}, %s, %s, "  # noqa: S608
        f"%s, %s, 0, 0, '', '') "
        "ON CONFLICT (item_id, annotator_id) DO UPDATE SET state = excluded.state, slot = "
        "excluded.slot, lease_until = excluded.lease_until, "
        "opened_at = excluded.opened_at RETURNING id, slot, created_at = %s"
    )
    until, opened = (None if at is None else bulk.moment(at) for at in (a.lease_until, a.opened_at))
    values = [
        a.project_id,
        a.item_id,
        a.annotator_id,
        str(a.state),
        a.item_id,
        a.item_id,
        bulk.json_text(a.order),
    ]
    values += [until, opened, now, now]
    return [
        (sql, values),
        ("UPDATE annotation_item SET held = held + 1, frozen = true WHERE id = %s", [a.item_id]),
    ]


def judgement(version: AnnotationVersion, *, assignment: Assignment, event: Statement) -> list[Statement]:
    """Append `version` as the head of its annotation, which is made if it has no key yet, and close
    `assignment`. The first statement is `event`; the rows of the second and the third are the ids of
    version and annotation."""
    a, annotation, now = assignment, version.annotation, bulk.moment(version.created_at)
    of, whose = ("%s", [annotation.pk]) if annotation.pk else (_next(Annotation), [])
    columns = (
        'annotation_id, number, action, document, schema, guideline_id, criteria_id, "order", active_ms, '
        "client_key, late, event_id, created_at"
    )
    append = (
        f"INSERT INTO annotation_annotationversion ({columns}) VALUES ({of}, %s, %s, %s, %s, %s, %s, "  # noqa: S608
        f"%s, %s, %s, %s, {events.LAST[connection.vendor]}, %s) "
        "RETURNING id"
    )
    v, documents = version, [bulk.json_text(version.document), bulk.json_text(version.order)]
    values = [
        v.number,
        str(v.action),
        documents[0],
        v.schema,
        v.guideline_id,
        v.criteria_id,
        documents[1],
        v.active_ms,
        v.client_key,
        v.late,
        now,
    ]
    head = _last(AnnotationVersion)
    if annotation.pk:
        store = (
            f"UPDATE annotation_annotation SET head_id = {head}, state = 'submitted', updated_at = %s "  # noqa: S608
            f"WHERE id = %s RETURNING id"
        )
        kept = [now, annotation.pk]
    else:
        store = (
            "INSERT INTO annotation_annotation (id, project_id, item_id, annotator_id, head_id, "  # noqa: S608
            "state, practice, ruling, created_at, updated_at) "
            f"VALUES ({_drawn(Annotation)}, %s, %s, %s, {head}, 'submitted', false, false, %s, %s) "
            "RETURNING id"
        )
        kept = [annotation.project_id, annotation.item_id, annotation.annotator_id, now, now]
    close = (
        "UPDATE annotation_assignment SET state = 'submitted', slot = %s, lease_until = NULL, draft = "
        "NULL, draft_revision = %s, active_ms = %s WHERE id = %s"
    )
    return [
        event,
        (append, [*whose, *values]),
        (store, kept),
        (close, [a.slot, a.draft_revision, a.active_ms, a.pk]),
    ]


def counted(item: Item, *, submitted: int, extras: int, now) -> Statement:
    """Add to the counters of a locked item, and store its state and agreement."""
    sql = (
        "UPDATE annotation_item SET submitted = submitted + %s, extras = extras + %s, last_activity = %s, "
        "state = %s, agreement = %s WHERE id = %s"
    )
    return sql, [submitted, extras, bulk.moment(now), str(item.state), item.agreement, item.pk]


def _sequence(model) -> str:
    return f"pg_get_serial_sequence('{model._meta.db_table}', 'id')"


def _next(model) -> str:
    """SQL for the id of a row of `model` that is inserted later in the same transaction, with `_drawn`."""
    if connection.vendor == "postgresql":
        return f"nextval({_sequence(model)})"
    return f"(SELECT coalesce(max(seq), 0) + 1 FROM sqlite_sequence WHERE name = '{model._meta.db_table}')"  # noqa: S608


def _drawn(model) -> str:
    return f"currval({_sequence(model)})" if connection.vendor == "postgresql" else _next(model)


def _last(model) -> str:
    """SQL for the id of the row of `model` that was just inserted."""
    if connection.vendor == "postgresql":
        return f"currval({_sequence(model)})"
    return f"(SELECT seq FROM sqlite_sequence WHERE name = '{model._meta.db_table}')"  # noqa: S608
