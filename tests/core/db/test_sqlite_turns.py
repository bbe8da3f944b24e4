"""Writers of one process take turns at SQLite: none is lost, none starves, and the turn ends with the
transaction however that ends."""

import threading
import time

import pytest
from django.db import IntegrityError, connection, transaction

from core.models import Project
from tests.cast import make_project
from tests.threads import at_once

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif("connection.vendor != 'sqlite'", reason="SQLite's own"),
]


def test_a_turn_ends_with_commit_rollback_and_error():
    def write(name, fail):
        with transaction.atomic():
            make_project(name)
            if fail:
                raise ValueError(name)

    assert at_once(lambda: write("one", False)) == []
    assert [str(e) for e in at_once(lambda: write("two", True))] == ["two"]
    assert at_once(lambda: write("three", False)) == []
    assert set(Project.objects.values_list("slug", flat=True)) == {"one", "three"}
    with transaction.atomic(), transaction.atomic():
        make_project("nested")
    assert at_once(lambda: write("four", False)) == []


def test_a_connection_closed_in_mid_transaction_gives_its_turn_back():
    def leave():
        transaction.set_autocommit(False)
        make_project("left")
        connection.close()

    def leave_a_block():
        with transaction.atomic():
            make_project("left too")
            connection.close()

    at_once(leave)
    at_once(leave_a_block)
    began = time.monotonic()
    assert at_once(lambda: make_project("next")) == []
    assert time.monotonic() - began < 20


def test_many_writers_all_get_in():
    project = make_project("counted")

    def add():
        for _i in range(10):
            with transaction.atomic():
                row = Project.objects.get(pk=project.pk)
                row.description = str(int(row.description or 0) + 1)
                row.save()

    assert at_once(*[add] * 12) == []
    assert Project.objects.get(pk=project.pk).description == "120"


def impatient(job):
    """`job` for a thread of its own, in which SQLite itself waits for nobody: whoever asks it out of turn is
    refused at once."""

    def run():
        with connection.cursor() as cursor:
            cursor.execute("PRAGMA busy_timeout = 0")
        job()

    return run


def _insert_and_read():
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO core_event (verb, target, data, at) VALUES ('turn', '', '{}', '2026-01-01') "
            "RETURNING id"
        )
        return cursor.fetchone()[0]


def _many():
    with connection.cursor() as cursor:
        cursor.executemany("UPDATE core_project SET description = %s WHERE slug = %s", [("many", "held")] * 3)


LONE_WRITES = {
    "update": lambda: Project.objects.filter(slug="held").update(title="Updated"),
    "delete": lambda: Project.objects.filter(slug="nobody").delete(),
    "create": lambda: Project.objects.create(slug="made", title="Made"),
    "save": lambda: Project.objects.get(slug="held").save(update_fields=["title"]),
    "returning": _insert_and_read,
    "executemany": _many,
    "with": lambda: connection.cursor().execute(
        "WITH one AS (SELECT 1) UPDATE core_project SET description = 'x' WHERE id IN (SELECT * FROM one)"
    ),
}


@pytest.mark.parametrize("name", LONE_WRITES)
def test_a_write_outside_a_transaction_waits_for_its_turn(name):
    """It would otherwise poll the file while the others hand the lock on among themselves."""
    make_project("held")
    inside = threading.Event()

    def hold():
        with transaction.atomic():
            Project.objects.filter(slug="held").update(description="by a transaction")
            inside.set()
            time.sleep(0.3)

    def write():
        inside.wait(10)
        LONE_WRITES[name]()

    assert at_once(hold, impatient(write), impatient(write) if name != "create" else lambda: None) == []


def test_readers_wait_for_nobody():
    make_project("held")
    took = []

    def read():
        began = time.monotonic()
        assert Project.objects.count() == 1
        with connection.cursor() as cursor:
            cursor.execute("WITH one AS (SELECT 1 AS n) SELECT n FROM one")
        took.append(time.monotonic() - began)

    with transaction.atomic():
        Project.objects.filter(slug="held").update(description="held")
        assert at_once(impatient(read)) == []
    assert took[0] < 5


def test_a_lone_writes_turn_ends_with_its_rows_with_an_error_and_with_its_cursor():
    make_project("held")
    rows_wait = threading.Event()

    def reads_late():
        with connection.cursor() as cursor:
            cursor.execute(
                "INSERT INTO core_event (verb, target, data, at) VALUES ('turn', '', '{}', "
                "'2026-01-01') RETURNING id"
            )
            rows_wait.set()  # SQLite commits with the last row
            time.sleep(0.3)
            assert cursor.fetchall()

    def writes_meanwhile():
        rows_wait.wait(10)
        Project.objects.filter(slug="held").update(description="after the rows")

    assert at_once(reads_late, impatient(writes_meanwhile)) == []

    def forgets():
        connection.cursor().execute(
            "INSERT INTO core_event (verb, target, data, at) VALUES ('turn', '', '{}', '2026-01-01') "
            "RETURNING id"
        )
        with pytest.raises(IntegrityError):
            Project.objects.create(slug="held", title="twice")

    def begins_by_hand():
        with connection.cursor() as cursor:
            cursor.execute("BEGIN IMMEDIATE")
            cursor.execute("UPDATE core_project SET description = 'by hand'")
            cursor.execute("COMMIT")

    for job in (forgets, begins_by_hand, writes_meanwhile):
        began = time.monotonic()
        assert at_once(impatient(job)) == []
        assert time.monotonic() - began < 20
