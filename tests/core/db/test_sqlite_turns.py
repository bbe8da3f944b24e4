"""Writers of one process take turns at SQLite: none is lost, none starves, and the turn ends with the transaction however that ends."""

import time

import pytest
from django.db import connection, transaction

from core.models import Project
from tests.cast import make_project
from tests.threads import at_once

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.skipif("connection.vendor != 'sqlite'", reason="SQLite's own")]


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

    at_once(leave)
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
