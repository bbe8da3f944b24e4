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
    error = response.json()["error"]
    assert error["code"] == "not_found" and "/api/docs/" in error["message"]


def test_an_address_without_its_slash_keeps_what_is_sent(client):
    """308: a program asks again by the same method; after a 301 it would by GET and without its rows."""
    moved = client.post("/api/v1/feedback?a=1", "{}", content_type="application/json")
    assert (moved.status_code, moved["Location"]) == (308, "/api/v1/feedback/?a=1")
    assert "/api/v1/feedback/?a=1" in moved.json()["error"]["message"]
    assert client.get("/api/v1/feedback").status_code == client.post("/login").status_code == 301


def test_what_is_too_large_is_said_with_the_limit(client):
    large = b"x" * (8 * 1024 * 1024 + 1)
    for body in (large, large + b"x" * 1024 * 1024):
        answer = client.post("/api/v1/feedback/", body, content_type="application/json")
        assert answer.status_code in (401, 413)
    assert answer.status_code == 413 and answer.json()["error"]["code"] == "too_large"
    assert "8.0" in answer.json()["error"]["message"]
    assert client.post("/preferences/", {"theme": "x" * 100_000}).status_code == 413


def test_a_name_that_is_not_answered_is_said_so(client, settings, caplog):
    settings.ALLOWED_HOSTS = ["label.example.org"]
    page = client.get("/login/", HTTP_HOST="other.example")
    assert page.status_code == 400 and "ALLOWED_HOSTS" in page.content.decode()


def test_a_refused_name_takes_one_line_of_the_log(settings):
    import logging

    record = logging.LogRecord(
        "x", logging.ERROR, "", 1, "Invalid HTTP_HOST", (), (ValueError, ValueError(), None)
    )
    chosen = settings.LOGGING["loggers"]["django.security.DisallowedHost"]["filters"]
    from core.web.log_filter import OneLine

    assert chosen == ["one_line"] and OneLine().filter(record)
    assert logging.Formatter().format(record) == "Invalid HTTP_HOST"


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
