"""What must not be kept by others: answers in caches on the way, secrets in logs, sign-ins that ran out."""

import logging

import pytest
from django.conf import settings
from django.contrib.sessions.backends.db import SessionStore
from django.contrib.sessions.models import Session
from django.test import Client

from core.web.log_filter import HideTokens
from tests.cast import make_member, make_project


@pytest.mark.django_db
@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/p/own/",
        "/p/own/members/",
        "/api/v1/projects/own/progress/",
        "/p/own/work/?format=csv",
        "/api/schema/",
        "/p/none/",
    ],
)
def test_no_cache_keeps_what_is_private(client, path):
    client.force_login(make_member(make_project("own"), "manager"))
    response = client.get(path)
    assert "no-store" in response["Cache-Control"] and "private" in response["Cache-Control"]


@pytest.mark.django_db
def test_what_may_be_kept_still_says_so(client):
    assert "no-store" not in client.get("/widget.js").get("Cache-Control", "")


@pytest.mark.django_db
@pytest.mark.parametrize("path", ["/invite/s3cr3t-of-an-invitation/", "/chat/join/s3cr3t-of-an-invitation/"])
def test_a_refused_form_leaves_no_token_in_the_log(path, capsys):
    handler = logging.StreamHandler()
    handler.addFilter(HideTokens())
    handler.setFormatter(logging.Formatter("%(message)s"))
    logger = logging.getLogger("django.security.csrf")
    logger.addHandler(handler)
    try:
        Client(enforce_csrf_checks=True).post(path, {})
        logging.getLogger("django.security.csrf").warning("Forbidden (%s): %s", "CSRF token missing.", path)
    finally:
        logger.removeHandler(handler)
    said = capsys.readouterr().err
    assert "CSRF" in said and "s3cr3t" not in said


def test_every_handler_hides_tokens():
    assert all("hide_tokens" in handler["filters"] for handler in settings.LOGGING["handlers"].values())


@pytest.mark.django_db
def test_sign_ins_that_ran_out_are_removed():
    from core.accounts import sessions
    from core.jobs import periodics

    for seconds in (-10, 3600):
        session = SessionStore()
        session.set_expiry(seconds)
        session["who"] = "x"
        session.save()
    assert "expired sessions" in periodics()
    sessions.clear_expired()
    assert Session.objects.count() == 1


@pytest.mark.django_db
def test_the_schema_is_made_without_a_word_in_the_log(capfd):
    schema = Client().get("/api/schema/?format=json").json()
    assert capfd.readouterr().err == ""
    assert {"ApiKey", "Session"} <= set(schema["components"]["securitySchemes"])
