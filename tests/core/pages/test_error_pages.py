"""What people see when something is not there, not theirs, or broken."""

import pytest
from django.test import Client, RequestFactory

from core.accounts import views
from core.errors import Conflict
from core.web.middleware import PageMiddleware
from tests.cast import make_member, make_project, make_user

pytestmark = pytest.mark.django_db


def test_nothing_here(client):
    response = client.get("/no/such/page/")
    assert response.status_code == 404
    assert "There is nothing here" in response.content.decode()


def test_a_strangers_project_is_not_told_from_one_that_does_not_exist(client):
    make_project("secret", kind="ranking")
    client.force_login(make_user())
    there, not_there = client.get("/p/secret/"), client.get("/p/nowhere/")
    assert there.status_code == not_there.status_code == 404
    assert "Secret" not in there.content.decode()


def test_too_weak_a_role_is_told_plainly(client):
    project = make_project("p")
    client.force_login(make_member(project, "annotator"))
    response = client.get("/p/p/members/")
    assert response.status_code == 403
    assert "Your role in this project" in response.content.decode()


def test_a_broken_page_shows_no_trace(client, monkeypatch):
    def breaks(*args, **kwargs):
        raise RuntimeError("secret detail")

    monkeypatch.setattr("core.accounts.views.Member.objects.of", breaks)
    broken = Client(raise_request_exception=False)
    broken.force_login(make_user())
    response = broken.get("/")
    assert response.status_code == 500
    html = response.content.decode()
    assert "Something broke" in html
    assert "secret detail" not in html
    assert "Traceback" not in html


def test_a_refusal_by_the_rules_is_a_page_or_json(rf: RequestFactory):
    def refuses(request):
        raise AssertionError("not called")

    middleware = PageMiddleware(refuses)
    from django.contrib.auth.models import AnonymousUser

    request = rf.get("/x/")
    request.user, request.session = AnonymousUser(), {}
    exc = Conflict("gone", "It is gone.")
    page = middleware.process_exception(request, exc)
    assert page.status_code == 409
    assert "It is gone." in page.content.decode()
    request = rf.get("/x/", HTTP_ACCEPT="application/json")
    assert middleware.process_exception(request, exc).status_code == 409
    assert middleware.process_exception(request, ValueError()) is None


def test_unknown_addresses_of_the_api_answer_json(client):
    response = client.get("/api/v1/nothing/")
    assert response.status_code == 404
    assert response.json()["error"]["code"] == "not_found"


def test_a_bad_request_has_its_page(rf):
    from django.contrib.auth.models import AnonymousUser

    request = rf.get("/x/")
    request.user, request.session = AnonymousUser(), {}
    assert views.bad_request(request).status_code == 400


def test_a_full_disk_is_said_and_leaves_nothing(client, monkeypatch, settings):
    """On the page and by the API; the half file goes."""
    import errno
    from pathlib import Path

    from django.core.files.uploadedfile import SimpleUploadedFile

    from annotation.imports import uploads
    from tests.cast import make_member, make_project

    def full(file, target):
        Path(target).write_bytes(b"half")
        raise OSError(errno.ENOSPC, "No space left on device")

    def kept():
        return {p for p in uploads.root().rglob("*") if p.is_file()}

    before = kept()
    monkeypatch.setattr(uploads, "keep", full)
    client.force_login(make_member(make_project("full"), "manager"))
    for path in ("/p/full/import/", "/api/v1/projects/full/import/"):
        response = client.post(path, {"file": SimpleUploadedFile("a.jsonl", b'{"prompt": "x"}\n')})
        assert response.status_code == 507 and "disk is full" in response.content.decode()
    assert kept() <= before


def test_an_api_that_broke_answers_json(monkeypatch):
    from django.test import Client

    from training_export import api

    monkeypatch.setattr(api, "choices_of", lambda: 1 / 0)
    client = Client(raise_request_exception=False)
    from tests.cast import make_user

    client.force_login(make_user())
    response = client.get("/api/v1/formats/")
    assert response.status_code == 500 and response.json()["error"]["code"] == "server_error"
    assert "ZeroDivision" not in response.content.decode()


def test_too_few_connections_are_said_wherever_they_are_missed(monkeypatch):
    """Met before any view: by the session."""
    from django.contrib.sessions.backends.db import SessionStore
    from django.db import OperationalError

    def none_left(self, *args):
        raise OperationalError("couldn't get a connection after 10.00 sec")

    client = Client(raise_request_exception=False)
    client.force_login(make_user())
    monkeypatch.setattr(SessionStore, "load", none_left)
    page, answer = client.get("/"), client.get("/api/v1/formats/")
    assert page.status_code == 503 and "try again" in page.content.decode()
    assert answer.status_code == 503 and answer.json()["error"]["code"] == "busy"
