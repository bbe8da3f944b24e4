"""Account, password, and the small choices of the top bar."""

import pytest
from django.test import Client

from core.accounts import invitations
from tests.cast import make_member, make_project, make_user

pytestmark = pytest.mark.django_db
OLD, NEW = "correct horse battery", "staple in the stable"


def change(client, old=OLD, new=NEW, again=None):
    return client.post(
        "/account/password/", {"old_password": old, "new_password": new, "again": again or new}
    )


def test_profile_is_kept(client):
    user = make_user()
    client.force_login(user)
    data = {"first_name": "王医生", "language": "zh-hans", "theme": "dark", "text_size": "2"}
    assert client.post("/account/", data).status_code == 302
    user.refresh_from_db()
    assert (user.first_name, user.language, user.theme, user.text_size) == ("王医生", "zh-hans", "dark", 2)
    page = client.get("/account/")
    assert page.headers["Content-Language"] == "zh-hans"
    html = page.content.decode()
    assert 'data-theme="dark"' in html
    assert 'data-text="2"' in html


def test_account_cannot_raise_its_own_rights(client):
    user = make_user()
    client.force_login(user)
    client.post(
        "/account/",
        {"first_name": "x", "text_size": "0", "is_superuser": "on", "is_staff": "on", "username": "root"},
    )
    user.refresh_from_db()
    assert not user.is_superuser
    assert user.username != "root"


def test_password_changes_and_this_session_stays(client):
    user = make_user()
    client.force_login(user)
    other = Client()
    other.force_login(user)
    assert change(client).status_code == 302
    user.refresh_from_db()
    assert user.check_password(NEW)
    assert client.get("/").status_code == 200
    assert other.get("/").status_code == 302, "other sessions end"


@pytest.mark.parametrize(
    ("old", "new", "again", "field"),
    [
        ("wrong", NEW, NEW, "old_password"),
        (OLD, NEW, NEW + "x", "again"),
        (OLD, "12345678", "12345678", "new_password"),
        (OLD, OLD, OLD, "new_password"),
    ],
)
def test_password_is_refused_with_a_reason(client, old, new, again, field):
    user = make_user()
    client.force_login(user)
    response = change(client, old, new, again)
    assert response.status_code == 200
    assert response.context["form"].errors[field]
    user.refresh_from_db()
    assert user.check_password(OLD)


def test_a_one_time_password_must_be_changed_before_anything_else(client):
    user = make_member(make_project("p"), "annotator", make_user(password_must_change=True))
    client.force_login(user)
    for path in ("/", "/account/", "/p/p/guidelines/", "/p/p/keys/"):
        response = client.get(path)
        assert (response.status_code, response["Location"]) == (302, "/account/password/"), path
    assert (
        client.post("/api/v1/projects/p/next/", {}, content_type="application/json").json()["error"]["code"]
        == "password_must_change"
    )
    assert client.get("/account/password/").status_code == 200
    assert change(client).status_code == 302
    assert client.get("/").status_code == 200


def test_choices_before_signing_in_are_kept_in_this_browser(client):
    assert client.post("/preferences/", {"theme": "dark", "next": "/login/"})["Location"] == "/login/"
    client.post("/preferences/", {"step": "1"})
    client.post("/preferences/", {"language": "zh-hans"})
    page = client.get("/login/")
    assert 'data-theme="dark"' in page.content.decode()
    assert 'data-text="1"' in page.content.decode()
    assert page.headers["Content-Language"] == "zh-hans"


def test_choices_of_a_person_are_kept_with_the_account_and_answered_as_json(client):
    user = make_user(text_size=3)
    client.force_login(user)
    answer = client.post("/preferences/", {"step": "1"}, HTTP_ACCEPT="application/json").json()
    assert answer["text_size"] == 3, "the largest step is the end"
    assert (
        client.post("/preferences/", {"theme": "toggle"}, HTTP_ACCEPT="application/json").json()["theme"]
        == "dark"
    )
    assert (
        client.post("/preferences/", {"theme": "toggle"}, HTTP_ACCEPT="application/json").json()["theme"]
        == "light"
    )
    user.refresh_from_db()
    assert (user.theme, user.text_size) == ("light", 3)


@pytest.mark.parametrize("data", [{"language": "xx"}, {"theme": "<b>"}, {"step": "9"}])
def test_a_choice_that_is_none_changes_nothing(client, data):
    assert client.post("/preferences/", data, HTTP_ACCEPT="application/json").status_code == 400
    assert not client.cookies


def test_a_forged_cookie_is_no_theme(client):
    client.cookies["theme"] = '"><script>'
    client.cookies["text_size"] = "99"
    html = client.get("/login/").content.decode()
    assert "data-theme" not in html
    assert "data-text" not in html


def test_a_password_that_is_too_short_is_refused_in_chinese_too(client):
    project = make_project("short")
    _invite, token = invitations.create_invite(
        project=project, actor=make_member(project, "manager"), role="annotator", days=7, uses=1
    )
    html = client.post(
        f"/invite/{token}/", {"username": "new", "password": "k9!"}, headers={"Accept-Language": "zh-CN"}
    ).content.decode()
    assert "密码太短，至少需要 8 个字符。" in html and "too short" not in html
