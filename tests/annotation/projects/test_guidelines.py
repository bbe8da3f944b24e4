"""Guidelines: read by annotators, written by managers, kept in versions."""

import pytest
from django.test import Client

from annotation.projects import actions as projects
from tests.cast import make_member

pytestmark = pytest.mark.django_db


@pytest.fixture
def cast():
    project = projects.create(
        actor=None, slug="p", title="P", kind="ranking", guidelines="# First\n\nread **all**"
    )
    clients = {}
    for role in ("user", "annotator", "reviewer", "manager"):
        clients[role] = Client()
        clients[role].force_login(make_member(project, role))
    return project, clients


def test_annotators_read_them_rendered(cast):
    _project, clients = cast
    html = clients["annotator"].get("/p/p/guidelines/").content.decode()
    assert "<strong>all</strong>" in html
    assert "?edit" not in html
    assert clients["user"].get("/p/p/guidelines/").status_code == 403


def test_a_manager_writes_a_new_version_and_the_old_one_stays_readable(cast):
    project, clients = cast
    assert clients["manager"].post("/p/p/guidelines/", {"text": "second\r\nline  "}).status_code == 302
    project.bench.refresh_from_db()
    assert (project.bench.guideline.number, project.bench.guideline.text) == (2, "second\nline  ")
    assert "second" in clients["annotator"].get("/p/p/guidelines/").content.decode()
    old = clients["annotator"].get("/p/p/guidelines/?version=1").content.decode()
    assert "<strong>all</strong>" in old
    assert "not in force" in old
    clients["manager"].post("/p/p/guidelines/", {"text": "second\nline  "})
    assert project.guidelines.count() == 2


def test_others_write_nothing(cast):
    project, clients = cast
    for role in ("annotator", "reviewer"):
        assert clients[role].post("/p/p/guidelines/", {"text": "mine"}).status_code == 403
        assert clients[role].post("/p/p/guidelines/preview/", {"text": "mine"}).status_code == 403
    assert project.guidelines.count() == 1


def test_the_preview_is_rendered_safely_and_keeps_nothing(cast):
    project, clients = cast
    html = (
        clients["manager"]
        .post(
            "/p/p/guidelines/preview/",
            {"text": "**bold** <script>alert(1)</script> [x](javascript:alert(1))"},
        )
        .content.decode()
    )
    assert "<strong>bold</strong>" in html
    assert "<script" not in html
    assert 'href="javascript' not in html
    assert project.guidelines.count() == 1


@pytest.mark.parametrize("version", ["99", "x", "²", "9" * 30, ""])
def test_a_version_that_is_not_there_shows_the_one_in_force(cast, version):
    _project, clients = cast
    response = clients["annotator"].get("/p/p/guidelines/", {"version": version})
    assert response.status_code == 200
    assert "<strong>all</strong>" in response.content.decode()
