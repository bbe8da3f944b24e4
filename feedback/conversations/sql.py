"""Reading by many values at once, with the same statement for one as for a thousand; and several statements in one go, where each costs a round trip."""

import itertools
import json
import weakref
from collections.abc import Collection, Sequence

from django.db import connection

_FEW = 8  # values named one by one


def select(sql: str, project: int, many: Collection) -> list[tuple]:
    """Rows of `sql`, whose first parameter is the project, and in which ANY? stands for "is one of `many`"."""
    return in_one_go([statement(sql, project, many)])[0]


def statement(sql: str, project: int, many: Collection) -> tuple[str, list]:
    """`sql` as `select` would run it, to be sent with others by `in_one_go`."""
    if connection.vendor == "postgresql":
        return sql.replace("ANY?", "= ANY(%s)"), [project, list(many)]
    return sql.replace("ANY?", "IN (SELECT value FROM json_each(%s))"), [project, json.dumps(list(many))]


def _few(sql: str, project: int, many: Collection) -> tuple[str, list]:
    """The same as `statement`, as one of a few statements whose plans PostgreSQL keeps: it makes a plan anew each time as long as that looks cheaper
    than the kept one, and of an array it does not know how long it will be."""
    if connection.vendor != "postgresql" or not 0 < len(many) <= _FEW:
        return statement(sql, project, many)
    values = padded(list(many))
    return sql.replace("ANY?", f"IN ({', '.join(['%s'] * len(values))})"), [project, *values]


def padded(values: list) -> list:
    """`values` and its first one again, up to a power of two: few lengths make few statements."""
    return values + values[:1] * ((1 << (len(values) - 1).bit_length()) - len(values))


def in_one_go(statements: Sequence[tuple[str, list]], *, often: bool = False, begins: bool = False, ends: bool = False) -> list[list[tuple]]:
    """The rows of each of (sql, parameters). PostgreSQL takes them together when parameters are bound by the client, as they are unless set otherwise;
    each still sees what was committed before it. SQLite has no way to go. `often`: PostgreSQL keeps the statements' plans, most of what a small
    statement costs it; whoever asks for that must try again after a ProgrammingError that `distrust` knows. `begins`, `ends`: these are the first,
    or the last, of the caller's transaction, so that its BEGIN or COMMIT may go along."""
    out = []
    with connection.cursor() as cursor:
        together = connection.vendor == "postgresql" and not connection.settings_dict["OPTIONS"].get("server_side_binding")
        if together and (often or len(statements) > 1):
            told = known = None
            if often and _plans_are_kept:
                known = _prepared.setdefault(connection.connection, {})
                statements, told = _with_plans(statements, known)
            before = _begun() if begins else []
            after = [("COMMIT", [])] if ends and _outermost() else []
            every = [*before, *statements, *after]
            cursor.execute(";".join(sql for sql, _values in every), [v for _sql, values in every for v in values])
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
    """BEGIN, if the transaction is the caller's own and nothing was said in it yet. The driver, which would say it by itself and wait for the answer,
    takes the connection for one without transactions until the caller's ends: Django then sets it so anyway."""
    raw = connection.connection
    if not _outermost() or raw.isolation_level is not None or raw.info.transaction_status.name != "IDLE":
        return []
    raw.autocommit = True
    return [("BEGIN", [])]


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
        self._named: dict[str, list[tuple]] = {}

    def fetch(
        self,
        project: int,
        wanted: Sequence[tuple[str, Collection]],
        *,
        first: Sequence[tuple[str, list]] = (),
        named: dict[str, tuple[str, list]] | None = None,
    ) -> list[list[tuple]]:
        """In this order: `first`, statements whose rows are returned; `wanted`, what `select` will be called with; `named`, statements
        whose rows `take` hands out."""
        named = named or {}
        rows = in_one_go([*first, *(_few(sql, project, many) for sql, many in wanted), *named.values()], often=True, begins=True)
        begun, rows = rows[: len(first)], rows[len(first) :]
        self._rows = {(sql, frozenset(many)): found for (sql, many), found in zip(wanted, rows[: len(wanted)], strict=True)}
        self._named = dict(zip(named, rows[len(wanted) :], strict=True))
        return begun

    def take(self, name: str) -> list[tuple] | None:
        return self._named.pop(name, None)

    def select(self, sql: str, project: int, many: Collection) -> list[tuple]:
        found = self._rows.pop((sql, frozenset(many)), None) if self._rows else None
        return select(sql, project, many) if found is None else found
