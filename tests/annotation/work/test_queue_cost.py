"""What the bench costs does not grow with what a person has done: rows read are counted by the database
itself.

SQLite says how many steps its machine took, which is so many for each row; PostgreSQL says how many rows a
transaction read from each table."""

from contextlib import contextmanager

import pytest
from django.db import connection, transaction
from django.test import Client
from django.urls import reverse

from annotation.bench import mine, payload
from annotation.document import SKIP_REASONS
from annotation.items import words
from annotation.models import Annotation, AnnotationVersion, Assignment, Item
from annotation.statistics import progress
from annotation.work import queue, submit, take_back
from core.db import bulk
from tests.cast import make_annotator, make_item, make_member, make_project, make_prompt

pytestmark = pytest.mark.django_db

FEW, MANY = 100, 2000
MARGIN = 60  # steps or rows: a row of those 2000 would be at least 2000
RANKED = {"ranking": [["A"], ["B"]], "rest": "worse"}


@pytest.fixture(autouse=True)
def _figures_are_kept(monkeypatch):
    """The projects' figures, which are counted once in a while for everybody, not again meanwhile."""
    monkeypatch.setattr(progress, "SECONDS", 3600)


@pytest.fixture(autouse=True)
def _counts_and_searches_end_early(monkeypatch):
    """My work counts and searches up to a number of rows: a smaller one, which everybody here is past."""
    monkeypatch.setattr(mine, "COUNTED", 50)
    monkeypatch.setattr(mine, "SEARCHED", 50)


def _done(project, count: int, *annotators):
    """`count` further items that each of `annotators` has judged."""
    prompt, start = make_prompt(project), Item.objects.count()
    items = [
        Item(
            project=project,
            prompt=prompt,
            kind="ranking",
            generation=n,
            state="done",
            position=n,
            overlap=2,
            slot_count=3,
            held=2,
            submitted=2,
        )
        for n in range(start, start + count)
    ]
    items = Item.objects.bulk_create(items)
    pairs = [(item, slot, who) for item in items for slot, who in enumerate(annotators)]
    held = [
        Assignment(project=project, item=item, annotator=who, state="submitted", slot=slot, order=[0, 1, 2])
        for item, slot, who in pairs
    ]
    Assignment.objects.bulk_create(held)
    said = Annotation.objects.bulk_create(
        [Annotation(project=project, item=i, annotator=who) for i, _slot, who in pairs]
    )
    doc = {"ranking": [[0], [1]], "rest": "worse", "schema": 1}
    versions = [
        AnnotationVersion(annotation=a, number=1, document=doc, client_key="k", event_id=1) for a in said
    ]
    heads = AnnotationVersion.objects.bulk_create(versions)
    bulk.update(Annotation, ("head",), [(a.pk, head.pk) for a, head in zip(said, heads, strict=True)])
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("ANALYZE")


class Bench:
    """Two people who have done the same items, and open work before them."""

    def __init__(self):
        self.project = make_project(overlap=2)
        self.user, self.reviewer = (
            make_member(self.project, "annotator"),
            make_member(self.project, "reviewer"),
        )
        self.annotator = queue.annotator_for(project=self.project, user=self.user)
        self.other = make_annotator(self.project, make_member(self.project, "annotator"))
        for i in range(20):
            make_item(self.project, position=10**6 + i)

    def has_done(self, count: int):
        if connection.vendor == "postgresql":
            with connection.cursor() as cursor:
                # as it does for what is asked often
                cursor.execute("SET LOCAL plan_cache_mode = force_generic_plan")
        _done(self.project, count, self.annotator, self.other)
        words.catch_up(self.project)  # the worker's part
        progress.of_project(self.project)  # counted once in a while, for everybody

    def assignment(self):
        return queue.claim(project=self.project, user=self.user)


@contextmanager
def counting():
    """A list that gets, at the end, the number of rows read (PostgreSQL) or of steps (SQLite) meanwhile."""
    out, raw = [], connection.connection
    if connection.vendor == "sqlite":
        steps = [0]

        def step():
            steps[0] += 1

        raw.set_progress_handler(step, 1)
        try:
            yield out
        finally:
            raw.set_progress_handler(None, 0)
        out.append(steps[0])
    else:
        before = _rows_read()
        yield out
        out.append(_rows_read() - before)


def _rows_read() -> int:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT coalesce(sum(seq_tup_read + coalesce(idx_tup_fetch, 0)), 0) FROM pg_stat_xact_user_tables"
        )
        return int(cursor.fetchone()[0])


def _submit(b):
    submit.submit(user=b.user, pk=b.held.pk, given=RANKED, client_key="k")
    progress.for_annotator(b.project, b.annotator)


def _edit(b):
    submit.submit(user=b.user, pk=b.held.pk, given=RANKED, client_key="again")


VERBS = {
    "claim": lambda b: lambda: queue.claim(project=b.project, user=b.user),
    "claim what is held": lambda b: b.assignment() and (lambda: queue.claim(project=b.project, user=b.user)),
    "reserve": lambda b: (
        b.assignment() and (lambda: queue.claim(project=b.project, user=b.user, reserve=True))
    ),
    "claim of an empty queue": lambda b: (
        _hide_all(b) or (lambda: queue.claim(project=b.project, user=b.user))
    ),
    "payload": lambda b: _held(b) and (lambda: payload.of(queue.own(user=b.user, pk=b.held.pk))),
    "renew": lambda b: _held(b) and (lambda: queue.renew(user=b.user, pk=b.held.pk)),
    "renew what had expired": lambda b: (
        _held(b, "expired") and (lambda: queue.renew(user=b.user, pk=b.held.pk))
    ),
    "draft": lambda b: (
        _held(b) and (lambda: submit.save_draft(user=b.user, pk=b.held.pk, draft={"x": 1}, revision=0))
    ),
    "release": lambda b: _held(b) and (lambda: queue.release(user=b.user, pk=b.held.pk)),
    "skip": lambda b: _held(b) and (lambda: queue.skip(user=b.user, pk=b.held.pk, reason=SKIP_REASONS[0])),
    "undo a skip": lambda b: (
        _held(b)
        and queue.skip(user=b.user, pk=b.held.pk, reason=SKIP_REASONS[0])
        and b.assignment()
        and (lambda: take_back.unskip(user=b.user, pk=b.held.pk))
    ),
    "report": lambda b: _held(b) and (lambda: queue.report(user=b.user, item=b.held.item)),
    "submit": lambda b: _held(b) and (lambda: _submit(b)),
    "edit": lambda b: _held(b) and (_submit(b) or (lambda: _edit(b))),
    "undo": lambda b: (
        _held(b) and (_submit(b) or b.assignment()) and (lambda: submit.undo(user=b.user, pk=b.held.pk))
    ),
    "expire": lambda b: (
        _held(b)
        and (
            Assignment.objects.filter(pk=b.held.pk).update(lease_until="2020-01-01T00:00:00Z")
            and queue.expire
        )
    ),
    "expire nothing": lambda b: queue.expire,
    "the bench page": lambda b: _page(b, "bench"),
    "own work": lambda b: _page(b, "mine"),
    "the second page of own work": lambda b: _page(b, "mine", before=Annotation.objects.latest("pk").pk),
    **{
        f"own work, {state}": lambda b, state=state: _page(b, "mine", state=state)
        for state in Annotation.State.values
    },
    "own skips": lambda b: _page(b, "mine", state="skipped"),
    # looks through SEARCHED rows at most; PostgreSQL reads a table that small as a whole
    **(
        {"a search in own work": lambda b: _page(b, "mine", q="word")}
        if connection.vendor == "sqlite"
        else {}
    ),
    "the list of projects": lambda b: _page(b, None),
}


def _held(b, state=""):
    b.held = b.assignment()
    if state:
        queue.release(user=b.user, pk=b.held.pk)
        Assignment.objects.filter(pk=b.held.pk).update(state=state)
    return True


def _page(b, name, **query):
    client = Client()
    client.force_login(b.user)
    address = reverse(name, args=[b.project.slug]) if name else reverse("home")
    return lambda: client.get(address, query).status_code == 200


def _hide_all(b):
    Item.objects.filter(state="open").update(hidden=True)


def _cost_of(bench, verb) -> int:
    """Rows or steps of one call of `verb`, which is undone again."""
    with transaction.atomic():
        run = VERBS[verb](bench)
        with counting() as read:
            assert run() is not False
        transaction.set_rollback(True)
    return read[0]


def test_no_verb_reads_more_rows_for_a_person_who_has_done_much():
    bench = Bench()
    bench.has_done(FEW)
    few = {verb: _cost_of(bench, verb) for verb in VERBS}
    bench.has_done(MANY)
    many = {verb: _cost_of(bench, verb) for verb in VERBS}
    grown = {verb: (few[verb], many[verb]) for verb in VERBS if many[verb] > few[verb] + MARGIN}
    assert grown == {}, f"rows or steps after {FEW} and after {FEW + MANY} items"


GROWING = (
    "annotation_assignment",
    "annotation_annotation",
    "annotation_annotationversion",
    "annotation_item",
    "annotation_itemanswer",
    "core_event",
)


CONTROL = ("SAVEPOINT", "RELEASE", "ROLLBACK", "SET ")


def _plan_of(sql, params) -> list[str]:
    """What is wrong with how the database finds the rows of a statement: a table read whole, all that is one
    person's or one project's."""
    with connection.cursor() as cursor:
        if connection.vendor == "sqlite":
            cursor.execute(f"EXPLAIN QUERY PLAN {sql}", params)
            steps = [row[3] for row in cursor.fetchall()]
            whole = [s for s in steps if s.startswith("SCAN ") and s.split()[1] in GROWING]
            if "LIMIT" in sql and not any("TEMP B-TREE" in s for s in steps):
                return whole  # in the order of the index, it ends after a page
            return whole + [
                s
                for s in steps
                if "_assignment " in s
                and s.endswith(("(annotator_id=?)", "(project_id=?)"))
                and not any(partial in s for partial in ("assignment_one_", "assignment_skipped"))
            ]
        plans = []
        for part in sql.split(";"):  # what goes together, in its order
            of, params = params[: part.count("%s")], params[part.count("%s") :]
            if not part.startswith(CONTROL):
                cursor.execute(f"EXPLAIN (ANALYZE, FORMAT JSON) {part}", of)
                plans.append(cursor.fetchone()[0][0]["Plan"])
        return [
            f"{n['Node Type']} of {n['Relation Name']}: {n['rows']} rows"
            for plan in plans
            for n in _nodes(plan)
            if n.get("Relation Name") in GROWING and n["rows"] > 250
        ]


def _nodes(plan):
    removed = sum(plan.get(k, 0) for k in ("Rows Removed by Filter", "Rows Removed by Index Recheck"))
    yield plan | {"rows": (plan["Actual Rows"] + removed) * plan["Actual Loops"]}
    for below in plan.get("Plans", []):
        yield from _nodes(below)


@contextmanager
def every_statement(look):
    """`look(sql, params)` before each statement, but not before its own."""
    looking = False

    def wrapper(execute, sql, params, many, context):
        nonlocal looking
        if not looking and not sql.startswith(CONTROL):
            looking = True
            try:
                with transaction.atomic():  # EXPLAIN ANALYZE does what it explains
                    look(sql, params)
                    transaction.set_rollback(True)
            finally:
                looking = False
        return execute(sql, params, many, context)

    with connection.execute_wrapper(wrapper):
        yield


def test_every_statement_finds_its_rows_by_an_index_that_leads_to_them():
    bench = Bench()
    bench.has_done(MANY)
    found = {}
    for verb in VERBS:
        _cost_of(bench, verb)  # PostgreSQL's plans are made
        with transaction.atomic():
            run = VERBS[verb](bench)
            with every_statement(
                lambda sql, params, verb=verb: found.setdefault(verb, []).extend(_plan_of(sql, params))
            ):
                run()
            transaction.set_rollback(True)
    assert {verb: wrong for verb, wrong in found.items() if wrong} == {}
    assert all(found[verb] == [] for verb in ("claim", "submit", "expire"))  # looked at
