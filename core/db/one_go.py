"""Several statements in one go, where each would cost a round trip, and the plans of those that are asked
often.

A round trip costs more than its few hundredths of a millisecond: whoever waits gives the interpreter away,
and gets it back when the process's other threads let go of it."""

import itertools
import os
import secrets
import weakref
from collections.abc import Sequence

from django.db import ProgrammingError, connection


def asked(statements: Sequence[tuple[str, list]], *, begins: bool = False) -> list[list[tuple]]:
    """The rows of statements that are asked often (`in_one_go`). Outside a transaction they are asked again
    once a pooler has lost their plans; inside, whoever began it has to begin again."""
    try:
        return in_one_go(statements, often=True, begins=begins)
    except ProgrammingError as lost:
        if not distrust(lost) or connection.in_atomic_block:
            raise
        return in_one_go(statements)


def in_one_go(
    statements: Sequence[tuple[str, list]], *, often: bool = False, begins: bool = False, ends: bool = False
) -> list[list[tuple]]:
    """The rows of each of (sql, parameters). PostgreSQL takes them together when parameters are bound by the
    client, as they are unless set otherwise; each still sees what was committed before it. SQLite has no
    way to go. `often`: PostgreSQL keeps the statements' plans, most of what a small statement costs it;
    whoever asks for that must try again after a ProgrammingError that `distrust` knows. `begins`, `ends`:
    these are the first, or the last, of the caller's transaction, so that its BEGIN or COMMIT may go
    along."""
    out = []
    with connection.cursor() as cursor:
        together = connection.vendor == "postgresql" and not connection.settings_dict["OPTIONS"].get(
            "server_side_binding"
        )
        if together and (often or len(statements) > 1):
            told = known = None
            if often and _plans_are_kept:
                known = _prepared.setdefault(connection.connection, {})
                statements, told = _with_plans(statements, known)
            before = _begun() if begins else []
            after = [("COMMIT", [])] if ends and _outermost() else []
            every = [*before, *statements, *after]
            cursor.execute(
                ";".join(sql for sql, _values in every), [v for _sql, values in every for v in values]
            )
            raw, more = cursor.cursor, True  # asked for its description, a cursor describes every column
            while more:
                out.append(raw.fetchall() if raw.pgresult.nfields else [])
                more = raw.nextset()
            out = out[len(before) : len(out) - len(after)]
            if known is not None and told:
                known |= told
                out = out[len(told) :]
        else:
            for sql, values in statements:
                cursor.execute(sql, values)
                out.append(cursor.fetchall() if cursor.description else [])
    return out


def _outermost() -> bool:
    return len(connection.atomic_blocks) == 1


def _begun() -> list[tuple[str, list]]:
    """BEGIN, if the transaction is the caller's own and nothing was said in it yet. The driver, which would
    say it by itself and wait for the answer, takes the connection for one without transactions until the
    caller's ends: Django then sets it so anyway."""
    raw = connection.connection
    if not _outermost() or raw.isolation_level is not None or raw.info.transaction_status.name != "IDLE":
        return []
    raw.autocommit = True
    return [("BEGIN", [])]


# What each connection to PostgreSQL has prepared: {sql: name}. Names are never used twice: of a go that
# failed nobody knows how far it came, and behind a pooler another process's statement would answer to the
# same name.
_prepared: weakref.WeakKeyDictionary = weakref.WeakKeyDictionary()
_names = itertools.count(1)
_token = secrets.token_hex(4)
_plans_are_kept = True


def _with_plans(
    statements: Sequence[tuple[str, list]], known: dict[str, str]
) -> tuple[list[tuple[str, list]], dict[str, str]]:
    """(the statements as EXECUTE of prepared ones, before them what has to be prepared first; {sql: name} of
    these)."""
    told: dict[str, str] = {}
    executed = []
    for sql, values in statements:
        name = known.get(sql) or told.get(sql)
        if name is None:
            name = told[sql] = f"touchstone_{_token}_{os.getpid()}_{next(_names)}"
        executed.append(
            (f"EXECUTE {name}" + (f" ({', '.join(['%s'] * len(values))})" if values else ""), values)
        )
    prepare = []
    for sql, name in told.items():
        parts = sql.split("%s")
        numbered = "".join(f"{part}${i}" for i, part in enumerate(parts[:-1], 1)) + parts[-1]
        prepare.append((f"PREPARE {name} AS {numbered}", []))
    return prepare + executed, told


def distrust(error: Exception) -> bool:
    """Whether `error` means that a prepared statement is gone. A pooler that hands every transaction another
    connection loses them: from then on plans are not kept."""
    global _plans_are_kept
    gone = "prepared statement" in str(error)
    if gone:
        _plans_are_kept = False
    return gone
