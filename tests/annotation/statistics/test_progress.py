"""The figures of a project: right, fresh while that is cheap, and never waited for where it is not."""

import pytest
from django.core.cache import cache
from django.db import connection
from django.test.utils import CaptureQueriesContext

from annotation.models import Annotator
from annotation.statistics import progress
from annotation.work import queue, submit
from tests.cast import make_item, make_member, make_project
from tests.processes import until

pytestmark = pytest.mark.django_db


@pytest.fixture
def project():
    cache.clear()
    project = make_project(overlap=2)
    for _i in range(3):
        make_item(project)
    make_item(project, answers=["alone"])
    make_item(project, hidden=True)
    return project


def age(project, seconds, cost=0.001):
    key = f"progress-{project.pk}"
    known = cache.get(key)
    cache.set(key, known | {"at": known["at"] - seconds, "cost": cost}, 60)


def test_counts_and_freshness(project):
    user = make_member(project, "annotator")
    assert progress.of_project(project) == {"items": 3, "done": 0, "submitted": 0, "wanted": 6, "waiting": 1}
    a = queue.claim(project=project, user=user)
    submit.submit(user=user, pk=a.pk, given={"ranking": [["A"], ["B"]]}, client_key="k")
    with CaptureQueriesContext(connection) as asked:
        assert progress.of_project(project)["submitted"] == 0  # at most ten seconds old
    assert len(asked) == 0
    assert progress.of_project(project, exact=True)["submitted"] == 1
    age(project, 11)
    assert progress.of_project(project)["submitted"] == 1
    mine = progress.for_annotator(project, Annotator.objects.get(user=user))
    assert (mine["mine_today"], mine["mine"], mine["total"]) == (1, 1, 3)


@pytest.mark.django_db(transaction=True)
def test_nobody_waits_for_a_count_that_takes_long(project):
    progress.of_project(project)
    make_item(project)
    age(project, 11, cost=0.5)
    assert progress.of_project(project)["items"] == 3  # half a second of counting is worth 50 seconds
    age(project, 60, cost=0.5)
    with CaptureQueriesContext(connection) as asked:
        assert progress.of_project(project)["items"] == 3
    assert len(asked) == 0
    until(lambda: progress.of_project(project)["items"] == 4, "the count beside the request")


def test_a_project_that_has_just_got_its_first_items_is_not_called_empty(client):
    cache.clear()
    project = make_project("fresh")
    client.force_login(make_member(project, "manager"))
    assert "First steps" in client.get("/p/fresh/").content.decode()
    make_item(project)
    cache.delete(f"attention-{project.pk}")
    assert "0 of 1 items done" in client.get("/p/fresh/").content.decode()
    make_item(project)
    with CaptureQueriesContext(connection) as asked:
        # what has some is counted as rarely as ever
        assert progress.of_projects([project], new=True)[project.pk]["items"] == 1
    assert len(asked) == 0
