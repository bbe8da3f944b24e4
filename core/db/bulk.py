"""Inserting many rows fast: executemany on SQLite, COPY on PostgreSQL, with primary keys known before the
rows are written.

The ORM's bulk_create costs three to five times what the database itself needs. Here rows are plain tuples,
in the form in which Django's fields would have stored them (`json_text`, `moment`), so that the ORM reads
them back like its own. Everything runs in the caller's transaction; on SQLite that must be a writing one
(IMMEDIATE), because it is what keeps others from taking the same keys."""

import json
from collections.abc import Iterable
from datetime import datetime
from functools import lru_cache

from django.db import connections

_encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode
FEW = 8  # rows that are better inserted one by one than copied
_BLOCK = 2000  # keys drawn from a PostgreSQL sequence at a time


def json_text(value) -> str | None:
    """`value` as a JSONField stores it (text on SQLite, what jsonb is read from on PostgreSQL); None stays
    SQL NULL. ValueError for NaN."""
    return None if value is None else _encode(value)


def moment(value: datetime, using: str = "default"):
    """An aware datetime as a DateTimeField stores it."""
    return connections[using].ops.adapt_datetimefield_value(value)


class Keys:
    """Primary keys of `model` to be used in the current transaction: `next(keys)` as often as needed.

    PostgreSQL: drawn from the sequence in blocks, so they stay ours whatever happens; gaps are harmless.
    SQLite: counted on from sqlite_sequence, hence `reset()` at the start of every transaction. `dry`:
    negative numbers that no row has, for a trial without writing. `block`: how many are drawn at a time,
    fewer where only some rows will be written."""

    def __init__(self, model, *, using: str = "default", dry: bool = False, block: int = _BLOCK):
        self.model, self.connection, self.dry, self.block = model, connections[using], dry, block
        self._last = 0
        self._block: list[int] = []
        self._sqlite = self.connection.vendor == "sqlite"

    def reset(self) -> None:
        if self._sqlite and not self.dry:
            self._draw()

    def _draw(self) -> None:
        with self.connection.cursor() as cursor:
            ((sql, values),) = self.drawing()
            cursor.execute(sql, values)
            self.give(cursor.fetchall())

    def drawing(self) -> list[tuple[str, list]]:
        """The statement with which keys are drawn, for whoever has others to send with it; its rows go to
        `give`."""
        if self._sqlite:
            return [("SELECT seq FROM sqlite_sequence WHERE name = %s", [self.model._meta.db_table])]
        # The sequence is looked up once, in a query of its own: for every key anew it would cost six times
        # what the key does. A small block stands in the statement itself: PostgreSQL takes a number it does
        # not know for 1,000 and would plan anew each time.
        sql = "SELECT nextval((SELECT pg_get_serial_sequence(%s, %s)::regclass)) FROM generate_series(1, %s)"
        of = [self._quoted(), self.model._meta.pk.column]
        return [
            (sql.replace("1, %s", f"1, {int(self.block)}"), of)
            if self.block <= FEW
            else (sql, [*of, self.block])
        ]

    def give(self, rows: list[tuple]) -> None:
        """Take what the statement of `drawing` answered."""
        if self._sqlite:
            self._last = rows[0][0] if rows else 0
        else:
            self._block = [row[0] for row in rows][::-1]

    def __next__(self) -> int:
        if self.dry:
            self._last -= 1
            return self._last
        if self._sqlite:
            self._last += 1
            return self._last
        if not self._block:
            self._draw()
        return self._block.pop()

    def _quoted(self) -> str:
        return self.connection.ops.quote_name(self.model._meta.db_table)


@lru_cache(maxsize=256)
def _columns(model, names: tuple[str, ...], using: str) -> str:
    quote = connections[using].ops.quote_name
    return ", ".join(quote(model._meta.get_field(name).column) for name in names)


# What PostgreSQL calls the types of our columns in its binary form. A table with any other column is copied
# as text.
_BINARY = {
    "bigint": "int8",
    "integer": "int4",
    "smallint": "int2",
    "double precision": "float8",
    "boolean": "bool",
    "text": "text",
    "varchar": "varchar",
    "jsonb": "jsonb",
    "timestamp with time zone": "timestamptz",
}


@lru_cache(maxsize=256)
def _binary_types(model, names: tuple[str, ...], using: str) -> list[str] | None:
    connection, types = connections[using], []
    for name in names:
        field = model._meta.get_field(name)
        of = (field.target_field if field.is_relation else field).rel_db_type(connection)
        known = _BINARY.get(of.partition("(")[0])
        if known is None:
            return None
        types.append(known)
    return types


@lru_cache(maxsize=1)
def _stored_json():
    """How `json_text` goes into jsonb in binary form: its version, 1, and the text."""
    from psycopg.adapt import Dumper
    from psycopg.pq import Format
    from psycopg.types.json import JsonbBinaryDumper

    class StoredJson(Dumper):
        format, oid = Format.BINARY, JsonbBinaryDumper.oid

        def dump(self, obj):
            return b"\x01" + obj.encode()

    return StoredJson


def _copy(connection, model, names: tuple[str, ...], rows: Iterable[tuple], using: str) -> None:
    """COPY in binary form, which costs the server a quarter less than text and us two thirds less; in text
    where a type is not known."""
    types = _binary_types(model, names, using)
    table, columns = connection.ops.quote_name(model._meta.db_table), _columns(model, names, using)
    form = " (FORMAT BINARY)" if types else ""
    # The wrapper turns psycopg's errors into Django's; COPY has no parameters, the names come from the model.
    with connection.cursor() as cursor, connection.wrap_database_errors:
        if types and "jsonb" in types:
            cursor.cursor.adapters.register_dumper(None, _stored_json())
        with cursor.cursor.copy(f"COPY {table} ({columns}) FROM STDIN{form}") as copy:
            if types:
                copy.set_types(types)
            write = copy.write_row
            for row in rows:
                write(row)


def insert(
    model,
    names: tuple[str, ...],
    rows: Iterable[tuple],
    *,
    constants: dict | None = None,
    using: str = "default",
    few: bool = False,
) -> None:
    """Insert `rows`, tuples in the order of the field `names`; `constants` {field: value} are the same in
    every row.

    Values have the type of their field (a number where it holds numbers, never their text): PostgreSQL
    gets them in binary form. A field left out gets NULL, so every NOT NULL field must be named (the key of
    a table that nobody refers to may be left out: the database counts it). `few`: so few rows that opening
    a COPY would cost PostgreSQL more than they do. Constraint errors come as django.db.IntegrityError,
    foreign keys at commit."""
    constants = constants or {}
    same = tuple(constants.values())
    if same:
        rows = (row + same for row in rows)
    names = (*names, *constants)
    connection = connections[using]
    if connection.vendor == "postgresql" and not few:
        _copy(connection, model, names, rows, using)
        return
    table, columns = connection.ops.quote_name(model._meta.db_table), _columns(model, names, using)
    marks = ", ".join(["%s"] * len(names))
    with connection.cursor() as cursor:
        cursor.executemany(f"INSERT INTO {table} ({columns}) VALUES ({marks})", rows)  # type: ignore[arg-type]  # noqa: S608


def update(model, names: tuple[str, ...], rows: Iterable[tuple], *, using: str = "default") -> None:
    """Set the fields `names` of many rows: each tuple is (primary key, value, …). Values as stored; not for
    JSON fields."""
    rows = list(rows)
    if not rows:
        return
    connection = connections[using]
    quote = connection.ops.quote_name
    fields = [model._meta.pk, *(model._meta.get_field(name) for name in names)]
    table, key, *columns = quote(model._meta.db_table), *(quote(f.column) for f in fields)
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            sets = ", ".join(f"{c} = new.{c}" for c in columns)
            arrays = ", ".join(
                f"%s::{f.rel_db_type(connection) if f.primary_key else f.db_type(connection)}[]"
                for f in fields
            )
            cursor.execute(
                f"UPDATE {table} SET {sets} FROM unnest({arrays}) AS "  # noqa: S608
                f"new({', '.join([key, *columns])}) WHERE {table}.{key} = new.{key}",
                [list(values) for values in zip(*rows, strict=True)],
            )
        else:
            sets = ", ".join(f"{c} = %s" for c in columns)
            cursor.executemany(
                f"UPDATE {table} SET {sets} WHERE {key} = %s",  # noqa: S608
                [(*row[1:], row[0]) for row in rows],
            )


def analyze(*models, using: str = "default") -> None:
    """Let PostgreSQL look at the keys in the tables of `models` again after many new rows: until its
    autovacuum comes by it would plan by what stood there before, and a join over tables that were empty
    then can take minutes. (Texts are left out: no plan goes by them, and they cost most of the time.) A
    table that somebody else is just looking at is left out. SQLite needs none."""
    connection = connections[using]
    if connection.vendor != "postgresql":
        return
    quote = connection.ops.quote_name
    tables = []
    for model in models:
        keys = [
            quote(f.column)
            for f in model._meta.concrete_fields
            if f.primary_key or f.is_relation or f.db_index
        ]
        tables.append(f"{quote(model._meta.db_table)} ({', '.join(keys)})")
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE (SKIP_LOCKED) " + ", ".join(tables))
