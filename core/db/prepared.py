"""Querysets whose SQL is built once.

On the paths that run at every keystroke of every annotator, most of a request's CPU goes into building the
same few statements anew. A `Prepared` queryset is built and compiled once, then run with new parameters:
same rows, same model instances, same query log, a third of the cost. Each connection works on a copy of
its own; making that costs a hundredth of compiling, which counts when a hundred streams begin at once,
each in a new thread. PostgreSQL keeps their plans (core.db.one_go), which are more than half of what such
a statement costs it."""

from collections.abc import Callable

from django.db import connections, models
from django.db.models.query import ModelIterable

from core.db import one_go

_LARGEST = 2**63 - 1  # of a bigint column
_FIRST = 7_310_000_000_000_000_001  # stands for the i-th parameter while compiling; no row has such an id


class Prepared:
    """`build(a, b, …)` returns the queryset for given parameters (whole numbers or strings, each used as a
    plain comparison value). Calling the Prepared with values returns the list of instances. Built for the
    process's database, so that vendor features are honoured; a queryset with select_for_update must be
    called inside a transaction, as ever."""

    def __init__(self, build: Callable[..., models.QuerySet], *types: type):
        self.build, self.types = build, types
        self.first_one: _Compiled | None = None

    def __call__(self, *values) -> list:
        return together((self, values))[0]

    def first(self, *values):
        """The first instance, or None. The queryset should be limited by its own conditions or a slice."""
        rows = self(*values)
        return rows[0] if rows else None

    def holds(self, values) -> bool:
        """Whether any row could have these values: what no column can hold no row has; asked all the same,
        the database would raise."""
        return not any(
            abs(v) > _LARGEST if t is int else "\x00" in v for t, v in zip(self.types, values, strict=True)
        )

    def on(self, connection) -> "_Compiled":
        """Compiled, for `connection` alone."""
        known = connection.__dict__.setdefault("_prepared", {})
        one = known.get(self)
        if one is None:
            # Two threads may both be first: one of the two is kept, and neither is shared.
            pattern = self.first_one = self.first_one or _Compiled(self, connection)
            one = known[self] = pattern.for_connection(connection)
        return one


def together(*asked: tuple[Prepared, tuple]) -> list[list]:
    """What each (Prepared, values) would return, asked in one go and in this order."""
    connection = connections["default"]
    if not all(prepared.holds(values) for prepared, values in asked):
        return [together(one)[0] if one[0].holds(one[1]) else [] for one in asked]
    compiled = [prepared.on(connection) for prepared, _values in asked]
    statements = [
        (one.sql, one.with_values(values)) for one, (_prepared, values) in zip(compiled, asked, strict=True)
    ]
    rows = one_go.asked(statements)
    return [one.instances(found) for one, found in zip(compiled, rows, strict=True)]


class _Compiled:
    def __init__(self, prepared: Prepared, connection):
        stand_ins = [
            _FIRST + i if t is int else f"\x01parameter {i}\x01" for i, t in enumerate(prepared.types)
        ]
        queryset = prepared.build(*stand_ins)
        compiler = queryset.query.get_compiler(connection=connection)
        sql, params = compiler.as_sql()
        self.sql, params = _with_constants(sql, params, stand_ins)
        # PostgreSQL's backend wraps numbers in sized types; the wrapper is kept for the values to come.
        self.params = [
            (stand_ins.index(p), type(p)) if isinstance(p, (int, str)) and p in stand_ins else (None, p)
            for p in params
        ]
        missing = set(range(len(stand_ins))) - {i for i, _p in self.params}
        if missing:
            raise ValueError(f"parameters {sorted(missing)} do not appear in {self.sql}")
        self.compiler, self.queryset = compiler, queryset
        self.rows: list[tuple] = []

    def for_connection(self, connection) -> "_Compiled":
        """A copy that runs on `connection`; this one is never run."""
        own, compiler, query = _twin(self), _twin(self.compiler), _twin(self.queryset.query)
        own.rows, own.compiler, own.queryset = [], compiler, _twin(self.queryset)
        own.queryset._query, compiler.query, compiler.connection = query, query, connection
        compiler.execute_sql = lambda *args, **kwargs: [own.rows]
        converters = compiler.get_converters([column[0] for column in compiler.select[: compiler.col_count]])
        compiler.get_converters = lambda fields: converters
        query.get_compiler = lambda *args, **kwargs: compiler
        return own

    def with_values(self, values) -> list:
        return [p if i is None else p(values[i]) for i, p in self.params]

    def instances(self, rows: list[tuple]) -> list:
        """Django's own way from rows of the statement to instances."""
        self.rows = rows
        return list(ModelIterable(self.queryset))


def _with_constants(sql: str, params, stand_ins: list) -> tuple[str, list]:
    """The statement with what never changes written into it, and the parameters that are left: of a parameter
    no plan that is kept knows that it fulfils the condition of a partial index."""
    first, *parts = sql.split("%s")
    out, left = [first], []
    for p, part in zip(params, parts, strict=True):
        constant = None
        if not (isinstance(p, (int, str)) and p in stand_ins):
            if isinstance(p, str) and p.isidentifier():
                constant = f"'{p}'"
            elif isinstance(p, int) and not isinstance(p, bool):
                constant = str(int(p))
        if constant is None:
            left.append(p)
        out.append((constant or "%s") + part)
    return "".join(out), left


def _twin(one):
    """Another object of the same class with the same attributes (copy.copy would pickle, and a queryset that
    is pickled is evaluated)."""
    twin = object.__new__(type(one))
    twin.__dict__.update(one.__dict__)
    return twin
