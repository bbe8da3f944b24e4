"""Querysets whose SQL is built once.

On the paths that run at every keystroke of every annotator, most of a request's CPU goes into building the same few statements anew.
A `Prepared` queryset is built and compiled once per connection, then run with new parameters: same rows, same model instances, same
query log, a third of the cost."""

from collections.abc import Callable

from django.db import connections, models
from django.db.models.query import ModelIterable

_LARGEST = 2**63 - 1  # of a bigint column
_FIRST = 7_310_000_000_000_000_001  # stands for the i-th parameter while compiling; no row has such an id


class Prepared:
    """`build(a, b, …)` returns the queryset for given parameters (whole numbers or strings, each used as a plain comparison value). Calling
    the Prepared with values returns the list of instances. Built per database connection, so that vendor features are honoured; a queryset with
    select_for_update must be called inside a transaction, as ever."""

    def __init__(self, build: Callable[..., models.QuerySet], *types: type):
        self.build, self.types = build, types

    def __call__(self, *values) -> list:
        if any(abs(v) > _LARGEST if t is int else "\x00" in v for t, v in zip(self.types, values, strict=True)):
            return []  # what no column can hold no row has; asked all the same, the database would raise
        connection = connections["default"]
        known = connection.__dict__.setdefault("_prepared", {})
        one = known.get(self)
        if one is None:
            one = known[self] = _Compiled(self, connection)
        return one.run(values)

    def first(self, *values):
        """The first instance, or None. The queryset should be limited by its own conditions or a slice."""
        rows = self(*values)
        return rows[0] if rows else None


class _Compiled:
    def __init__(self, prepared: Prepared, connection):
        stand_ins = [_FIRST + i if t is int else f"\x01parameter {i}\x01" for i, t in enumerate(prepared.types)]
        queryset = prepared.build(*stand_ins)
        compiler = queryset.query.get_compiler(connection=connection)
        self.sql, params = compiler.as_sql()
        # PostgreSQL's backend wraps numbers in sized types; the wrapper is kept for the values to come.
        self.params = [(stand_ins.index(p), type(p)) if isinstance(p, (int, str)) and p in stand_ins else (None, p) for p in params]
        missing = set(range(len(stand_ins))) - {i for i, _p in self.params}
        if missing:
            raise ValueError(f"parameters {sorted(missing)} do not appear in {self.sql}")
        self.now: list = []
        compiler.as_sql = lambda *args, **kwargs: (self.sql, tuple(self.now))
        queryset.query.get_compiler = lambda *args, **kwargs: compiler
        self.queryset = queryset

    def run(self, values) -> list:
        self.now = [p if i is None else p(values[i]) for i, p in self.params]
        return list(ModelIterable(self.queryset))
