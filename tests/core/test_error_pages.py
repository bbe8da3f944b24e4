"""What people see when something is not there, not theirs, or broken."""

import pytest
from django.test import Client, RequestFactory

from core import views
from core.errors import Conflict
from core.middleware import PageMiddleware
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

    monkeypatch.setattr("core.views.Member.objects.of", breaks)
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
