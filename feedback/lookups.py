"""Reading by many values at once, with the same statement for one as for a thousand; and several statements in one go, where each costs a round trip."""

import json
from collections.abc import Collection, Sequence

from django.db import connection


def select(sql: str, project: int, many: Collection) -> list[tuple]:
    """Rows of `sql`, whose first parameter is the project, and in which ANY? stands for "is one of `many`"."""
    return in_one_go([_statement(sql, project, many)])[0]


def _statement(sql: str, project: int, many: Collection) -> tuple[str, list]:
    if connection.vendor == "postgresql":
        return sql.replace("ANY?", "= ANY(%s)"), [project, list(many)]
    return sql.replace("ANY?", "IN (SELECT value FROM json_each(%s))"), [project, json.dumps(list(many))]


def in_one_go(statements: Sequence[tuple[str, list]]) -> list[list[tuple]]:
    """The rows of each of (sql, parameters). PostgreSQL takes them together when parameters are bound by the client, as they are unless set otherwise;
    each still sees what was committed before it. SQLite has no way to go."""
    out = []
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql" and len(statements) > 1 and not connection.settings_dict["OPTIONS"].get("server_side_binding"):
            cursor.execute(";".join(sql for sql, _values in statements), [v for _sql, values in statements for v in values])
            out.append(cursor.fetchall() if cursor.description else [])
            while cursor.nextset():
                out.append(cursor.fetchall() if cursor.description else [])
        else:
            for sql, values in statements:
                cursor.execute(sql, values)
                out.append(cursor.fetchall() if cursor.description else [])
    return out


class Ahead:
    """Answers fetched in one go before they are asked for, one by one, with `select`; what was not fetched is asked then."""

    def __init__(self) -> None:
        self._rows: dict[tuple, list[tuple]] = {}

    def fetch(self, project: int, wanted: Sequence[tuple[str, Collection]], *, first: Sequence[tuple[str, list]] = ()) -> list[list[tuple]]:
        """`wanted`: what `select` will be called with. `first`: statements that go before; their rows are returned."""
        rows = in_one_go([*first, *(_statement(sql, project, many) for sql, many in wanted)])
        begun, rows = rows[: len(first)], rows[len(first) :]
        self._rows |= {(sql, frozenset(many)): found for (sql, many), found in zip(wanted, rows, strict=True)}
        return begun

    def holds(self, sql: str, many: Collection) -> bool:
        return (sql, frozenset(many)) in self._rows

    def select(self, sql: str, project: int, many: Collection) -> list[tuple]:
        found = self._rows.pop((sql, frozenset(many)), None) if self._rows else None
        return select(sql, project, many) if found is None else found
