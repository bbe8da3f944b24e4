"""Several statements in one go, where each would cost a round trip, and the plans of those that are asked
often.

A round trip costs more than its few hundredths of a millisecond: whoever waits gives the interpreter away,
and gets it back when the process's other threads let go of it."""

from collections.abc import Sequence

from django.db import ProgrammingError, connection

MOST_PLANS = 1000  # of a connection; there are some hundred statements that are asked often


def asked(statements: Sequence[tuple[str, list]]) -> list[list[tuple]]:
    """The rows of statements that are asked often (`in_one_go`). Outside a transaction they are asked again
    once a pooler has lost their plans; inside, whoever began it has to begin again."""
    try:
        return in_one_go(statements, often=True)
    except ProgrammingError as lost:
        if not distrust(lost) or connection.in_atomic_block:
            raise
        return in_one_go(statements)


def in_one_go(
    statements: Sequence[tuple[str, list]], *, often: bool = False, ends: bool = False
) -> list[list[tuple]]:
    """The rows of each of (sql, parameters). PostgreSQL takes them together (psycopg's pipeline, in which the
    BEGIN of a transaction goes along); each still sees what was committed before it. SQLite has no way to
    go. `often`: PostgreSQL keeps the statements' plans, most of what a small statement costs it; whoever
    asks for that must try again after a ProgrammingError that `distrust` knows. `ends`: these are the last
    of the caller's transaction, so that its COMMIT may go along."""
    if connection.vendor != "postgresql":
        with connection.cursor() as cursor:
            return [_rows(_run(cursor, *one)) for one in statements]
    connection.ensure_connection()
    raw = connection.connection
    # Within one pipeline psycopg may let go of a plan that a statement behind it still asks for.
    raw.prepared_max = MOST_PLANS
    # of Django's own cursors none prepares, whatever is set here
    raw.prepare_threshold = 0 if often and _plans_are_kept else None
    with connection.wrap_database_errors:
        with raw.pipeline():
            cursors = [_run(_binding_cursor(), *one) for one in statements]
            if ends and len(connection.atomic_blocks) == 1:
                raw.prepare_threshold = None
                _run(_binding_cursor(), "COMMIT", [])
        return [_rows(cursor) for cursor in cursors]


def _binding_cursor():
    """A cursor whose parameters are bound by the server, as a kept plan needs it; logged as any other."""
    from django.db.backends.postgresql.base import ServerBindingCursor

    return connection._prepare_cursor(ServerBindingCursor(connection.connection))


def _run(cursor, sql: str, values: list):
    cursor.execute(sql, values or None)
    return cursor


def _rows(cursor) -> list[tuple]:
    return cursor.fetchall() if cursor.description else []


_plans_are_kept = True


def distrust(error: Exception) -> bool:
    """Whether `error` means that a prepared statement is gone. A pooler that hands every transaction another
    connection loses them: from then on plans are not kept."""
    global _plans_are_kept
    gone = "prepared statement" in str(error)
    if gone:
        _plans_are_kept = False
    return gone
