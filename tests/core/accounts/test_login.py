"""Signing in and out, in place too; guessing is slowed down."""

import re

import pytest
from django.core.cache import cache
from django.test import Client

from tests.cast import make_member, make_project, make_user

pytestmark = pytest.mark.django_db
PASSWORD = "correct horse battery"


@pytest.fixture(autouse=True)
def _no_failures_remembered():
    cache.clear()


def sign_in(client, name, password=PASSWORD, **extra):
    return client.post("/login/", {"username": name, "password": password, **extra.pop("data", {})}, **extra)


def test_signs_in_and_goes_where_the_person_wanted(client):
    make_user("ann")
    response = sign_in(client, "ann", data={"next": "/account/"})
    assert response.status_code == 302
    assert response["Location"] == "/account/"
    assert client.get("/").status_code == 200


def test_a_form_sent_without_a_session_leads_back_to_the_page_it_stood_on_and_says_that_nothing_was_saved(
    client,
):
    make_member(make_project("p"), "manager", make_user("ann"))
    led = client.post(
        "/p/p/members/add/", {"names": "x"}, headers={"Referer": "http://testserver/p/p/members/?a=1#b"}
    )
    assert led["Location"] == "/login/?next=/p/p/members/%3Fa%3D1&unsaved=1"
    shown = client.get(led["Location"])
    assert "was not saved" in shown.content.decode() and 'name="unsaved"' in shown.content.decode()
    assert (
        'name="unsaved"'
        in sign_in(client, "ann", "wrong", data={"next": "/p/p/members/", "unsaved": "1"}).content.decode()
    )
    back = sign_in(client, "ann", data={"next": "/p/p/members/?a=1", "unsaved": "1"}, follow=True)
    assert back.redirect_chain == [("/p/p/members/?a=1", 302)] and back.status_code == 200
    assert "it was not saved" in back.content.decode()


@pytest.mark.parametrize(
    "referer",
    [
        "",
        "https://elsewhere.example/p/p/members/",
        "http://testserver//elsewhere.example/",
        "javascript:alert(1)",
        "http://[",
    ],
)
def test_a_form_from_nowhere_or_elsewhere_leads_home(client, referer):
    assert client.post("/account/", headers={"Referer": referer})["Location"] == "/login/?next=/&unsaved=1"


def test_a_page_asked_for_without_a_session_is_where_one_comes_to(client):
    assert client.get("/account/?a=1")["Location"] == "/login/?next=/account/%3Fa%3D1"
    make_user("ann")
    assert (
        "was not saved"
        not in sign_in(client, "ann", data={"next": "/account/"}, follow=True).content.decode()
    )


@pytest.mark.parametrize(
    "target", ["https://elsewhere.example/", "//elsewhere.example/", "javascript:alert(1)"]
)
def test_never_leads_to_another_site(client, target):
    make_user("ann")
    assert sign_in(client, "ann", data={"next": target})["Location"] == "/"


def test_wrong_password_is_told_without_telling_who_exists(client):
    make_user("ann")
    known, unknown = sign_in(client, "ann", "wrong"), sign_in(client, "nobody", "wrong")
    assert known.status_code == unknown.status_code == 400
    assert "do not match" in known.content.decode()
    assert known.context["form"].non_field_errors() == unknown.context["form"].non_field_errors()
    assert "wrong" not in known.content.decode()


def test_after_a_refusal_the_password_has_the_focus(client):
    field = re.compile(r"<input[^>]*autofocus[^>]*>")
    (first,) = field.findall(client.get("/login/").content.decode())
    assert 'name="username"' in first
    page = client.post("/login/", {"username": "nobody", "password": "guessed"}).content.decode()
    (again,) = field.findall(page)
    assert 'name="password"' in again and "guessed" not in page
    (empty,) = field.findall(client.post("/login/", {}).content.decode())
    assert 'name="username"' in empty


def test_a_password_keeps_its_blanks(client):
    user = make_user("ann")
    user.set_password("  blanks at both ends ")
    user.save()
    assert sign_in(client, "ann", "blanks at both ends").status_code == 400
    assert sign_in(client, "ann", "  blanks at both ends ").status_code == 302


def test_too_many_failures_lock_this_name_at_this_address_only(client):
    make_user("ann")
    make_user("bob")
    for _i in range(8):
        assert sign_in(client, "ann", "wrong").status_code == 400
    locked = sign_in(client, "ann")
    assert locked.status_code == 429
    assert "ten minutes" in locked.content.decode()
    assert sign_in(Client(), "ANN").status_code == 429, "capitals are no way around"
    assert sign_in(Client(), "bob").status_code == 302
    assert sign_in(Client(), "ann", REMOTE_ADDR="10.0.0.9").status_code == 302


def test_one_address_trying_many_names_is_locked(client):
    from core.accounts import login_limit

    for i in range(login_limit.PER_ADDRESS):
        sign_in(client, f"name{i}", "wrong")
    make_user("ann")
    assert sign_in(client, "ann").status_code == 429


def test_success_forgets_the_failures(client):
    make_user("ann")
    for _round in range(3):
        for _i in range(6):
            sign_in(client, "ann", "wrong")
        assert sign_in(client, "ann").status_code == 302


def test_in_place_by_fetch_answers_json(client):
    make_user("ann", first_name="Ann A.")
    good = sign_in(client, "ann", HTTP_ACCEPT="application/json")
    assert good.status_code == 200
    assert good.json() == {"user": {"username": "ann", "name": "Ann A."}, "password_must_change": False}
    bad = sign_in(Client(), "ann", "wrong", HTTP_ACCEPT="application/json")
    assert bad.status_code == 400
    assert bad.json()["error"]["code"] == "invalid_login"


def test_the_form_needs_its_token():
    make_user("ann")
    strict = Client(enforce_csrf_checks=True)
    response = sign_in(strict, "ann")
    assert response.status_code == 403
    assert "Traceback" not in response.content.decode()
    assert sign_in(strict, "ann", HTTP_ACCEPT="application/json").json()["error"]["code"] == "csrf"


def test_signing_out_takes_a_post(client):
    client.force_login(make_user())
    assert client.get("/logout/").status_code == 405
    assert client.get("/").status_code == 200
    assert client.post("/logout/")["Location"] == "/login/"
    assert client.get("/").status_code == 302


def test_an_htmx_request_without_a_session_gets_401_not_the_login_page_as_a_fragment(client):
    make_project("p")
    response = client.get("/p/p/agreement/", HTTP_HX_REQUEST="true")
    assert response.status_code == 401
    assert not response.has_header("Location")


def test_the_persons_language_comes_with_them(client):
    user = make_user("ann", language="zh-hans")
    make_member(make_project("p"), "annotator", user)
    sign_in(client, "ann")
    assert client.get("/").headers["Content-Language"] == "zh-hans"


def test_blanks_around_the_name_are_no_way_around(client):
    make_user("ann")
    for i in range(8):
        sign_in(client, " " * i + "ann", "wrong")
    assert sign_in(client, "ann  ").status_code == 429


def test_guesses_at_once_are_counted_before_they_are_checked(client, monkeypatch):
    """What is in the middle of being hashed counts already."""
    from core.accounts import login_limit
    from core.accounts import sign_in as backend

    make_user("ann")
    counted = []
    check = backend.PasswordBackend.authenticate

    def look(self, request, **kwargs):
        counted.append(not login_limit.begin(request, "ann"))
        return check(self, request, **kwargs)

    monkeypatch.setattr(backend.PasswordBackend, "authenticate", look)
    for _i in range(4):
        sign_in(client, "ann", "wrong")
    assert sign_in(client, "ann").status_code == 429 and counted == [False] * 4
