"""Reading by many values at once, with the same statement for one as for a thousand; and several statements in one go, where each costs a round trip."""

import itertools
import json
import weakref
from collections.abc import Collection, Sequence

from django.db import connection


def select(sql: str, project: int, many: Collection) -> list[tuple]:
    """Rows of `sql`, whose first parameter is the project, and in which ANY? stands for "is one of `many`"."""
    return in_one_go([statement(sql, project, many)])[0]


def statement(sql: str, project: int, many: Collection) -> tuple[str, list]:
    """`sql` as `select` would run it, to be sent with others by `in_one_go`."""
    if connection.vendor == "postgresql":
        return sql.replace("ANY?", "= ANY(%s)"), [project, list(many)]
    return sql.replace("ANY?", "IN (SELECT value FROM json_each(%s))"), [project, json.dumps(list(many))]


def in_one_go(statements: Sequence[tuple[str, list]], *, often: bool = False) -> list[list[tuple]]:
    """The rows of each of (sql, parameters). PostgreSQL takes them together when parameters are bound by the client, as they are unless set otherwise;
    each still sees what was committed before it. SQLite has no way to go. `often`: PostgreSQL keeps the statements' plans, most of what a small
    statement costs it; whoever asks for that must try again after a ProgrammingError that `distrust` knows."""
    out = []
    with connection.cursor() as cursor:
        together = connection.vendor == "postgresql" and not connection.settings_dict["OPTIONS"].get("server_side_binding")
        if together and (often or len(statements) > 1):
            told = known = None
            if often and _plans_are_kept:
                known = _prepared.setdefault(connection.connection, {})
                statements, told = _with_plans(statements, known)
            cursor.execute(";".join(sql for sql, _values in statements), [v for _sql, values in statements for v in values])
            out.append(cursor.fetchall() if cursor.description else [])
            while cursor.nextset():
                out.append(cursor.fetchall() if cursor.description else [])
            if known is not None and told:
                known |= told
                out = out[len(told) :]
        else:
            for sql, values in statements:
                cursor.execute(sql, values)
                out.append(cursor.fetchall() if cursor.description else [])
    return out


# What each connection to PostgreSQL has prepared: {sql: name}. Names are never used twice: of a go that failed nobody knows how far it came.
_prepared: weakref.WeakKeyDictionary = weakref.WeakKeyDictionary()
_names = itertools.count(1)
_plans_are_kept = True


def _with_plans(statements: Sequence[tuple[str, list]], known: dict[str, str]) -> tuple[list[tuple[str, list]], dict[str, str]]:
    """(the statements as EXECUTE of prepared ones, before them what has to be prepared first; {sql: name} of these)."""
    told: dict[str, str] = {}
    executed = []
    for sql, values in statements:
        name = known.get(sql) or told.get(sql)
        if name is None:
            name = told[sql] = f"touchstone_{next(_names)}"
        executed.append((f"EXECUTE {name}" + (f" ({', '.join(['%s'] * len(values))})" if values else ""), values))
    prepare = []
    for sql, name in told.items():
        parts = sql.split("%s")
        numbered = "".join(f"{part}${i}" for i, part in enumerate(parts[:-1], 1)) + parts[-1]
        prepare.append((f"PREPARE {name} AS {numbered}", []))
    return prepare + executed, told


def distrust(error: Exception) -> bool:
    """Whether `error` means that a prepared statement is gone. A pooler that hands every transaction another connection loses them: from then on
    plans are not kept."""
    global _plans_are_kept
    gone = "prepared statement" in str(error)
    if gone:
        _plans_are_kept = False
    return gone


class Ahead:
    """Answers fetched in one go before they are asked for, one by one, with `select`; what was not fetched is asked then."""

    def __init__(self) -> None:
        self._rows: dict[tuple, list[tuple]] = {}

    def fetch(self, project: int, wanted: Sequence[tuple[str, Collection]], *, first: Sequence[tuple[str, list]] = ()) -> list[list[tuple]]:
        """`wanted`: what `select` will be called with. `first`: statements that go before; their rows are returned."""
        rows = in_one_go([*first, *(statement(sql, project, many) for sql, many in wanted)], often=True)
        begun, rows = rows[: len(first)], rows[len(first) :]
        self._rows |= {(sql, frozenset(many)): found for (sql, many), found in zip(wanted, rows, strict=True)}
        return begun

    def holds(self, sql: str, many: Collection) -> bool:
        return (sql, frozenset(many)) in self._rows

    def select(self, sql: str, project: int, many: Collection) -> list[tuple]:
        found = self._rows.pop((sql, frozenset(many)), None) if self._rows else None
        return select(sql, project, many) if found is None else found
