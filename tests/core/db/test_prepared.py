"""A prepared queryset gives what the plain one gives, for every call anew."""

import threading

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from core.db.prepared import Prepared
from core.models import Member, Project
from tests.cast import make_member, make_project

pytestmark = pytest.mark.django_db

MEMBERS = Prepared(
    lambda project, role: (
        Member.objects.select_related("user", "project").filter(project=project, role=role).order_by("pk")
    ),
    int,
    str,
)


def test_same_rows_for_changing_parameters():
    a, b = make_project(), make_project()
    users = [
        make_member(a, "annotator"),
        make_member(a, "annotator"),
        make_member(b, "annotator"),
        make_member(a, "manager"),
    ]
    for project, role, who in (
        (a, "annotator", users[:2]),
        (b, "annotator", users[2:3]),
        (a, "manager", users[3:]),
        (b, "manager", []),
    ):
        with CaptureQueriesContext(connection) as asked:
            rows = MEMBERS(project.pk, role)
        assert [m.user for m in rows] == who and all(m.project == project for m in rows)
        assert len(asked) == 1


def test_related_rows_are_loaded():
    project = make_project()
    make_member(project, "annotator")
    row = MEMBERS.first(project.pk, "annotator")
    with CaptureQueriesContext(connection) as asked:
        assert row.user.username and row.project.slug == project.slug
    assert len(asked) == 0
    assert MEMBERS.first(project.pk, "nobody") is None


@pytest.mark.django_db(transaction=True)
def test_each_thread_has_its_own():
    """Many threads at once, each with values of its own, none with another's rows; compiled once."""
    a, b = make_project(), make_project()
    users = {p.pk: [make_member(p, "annotator") for _i in range(3)] for p in (a, b)}
    built = []
    members = Prepared(
        lambda project: (
            built.append(1) or Member.objects.select_related("user").filter(project=project).order_by("pk")
        ),
        int,
    )
    members(a.pk)
    wrong, gate = [], threading.Barrier(8)

    def look(pk):
        gate.wait()
        for _i in range(30):
            if [m.user for m in members(pk)] != users[pk]:
                wrong.append(pk)
        connection.close()

    threads = [threading.Thread(target=look, args=((a, b)[i % 2].pk,)) for i in range(8)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert wrong == [] and built == [1]


def test_text_is_a_parameter_never_sql():
    make_project()
    by_slug = Prepared(lambda slug: Project.objects.filter(slug=slug), str)
    assert by_slug("x' OR '1'='1") == []


def test_a_parameter_that_is_not_used_is_an_error():
    with pytest.raises(ValueError, match="do not appear"):
        Prepared(lambda a: Project.objects.all(), int)(1)
