"""API keys: made, shown once, used, revoked."""

import re

import pytest
from django.test import Client

from core.models import ApiKey
from tests.cast import make_member, make_project

pytestmark = pytest.mark.django_db


@pytest.fixture
def cast():
    project = make_project("p")
    annotator = make_member(project, "annotator")
    client = Client()
    client.force_login(annotator)
    return project, annotator, client


def make(client, role="annotator", name="script"):
    return client.post("/p/p/keys/", {"name": name, "role": role})


def works(text) -> bool:
    return (
        Client().get("/api/v1/projects/p/progress/", HTTP_AUTHORIZATION=f"Bearer {text}").status_code == 200
    )


def test_a_key_is_shown_once_works_and_ends(cast):
    _project, _annotator, client = cast
    text = re.search(r"tsk_[0-9a-f]{12}_[\w-]+", make(client).content.decode())[0]
    assert works(text)
    assert text not in client.get("/p/p/keys/").content.decode()
    client.post(f"/p/p/keys/{ApiKey.objects.get().pk}/revoke/")
    assert not works(text)


def test_nobody_makes_a_key_stronger_than_themselves(cast):
    _project, _annotator, client = cast
    assert make(client, "manager").status_code == 400
    assert not ApiKey.objects.exists()


def test_annotators_see_and_revoke_their_own_managers_all(cast):
    project, _annotator, client = cast
    make(client, name="nightly-run")
    other = Client()
    other.force_login(make_member(project, "reviewer"))
    assert "nightly-run" not in other.get("/p/p/keys/").content.decode()
    assert other.post(f"/p/p/keys/{ApiKey.objects.get().pk}/revoke/").status_code == 404
    manager = Client()
    manager.force_login(make_member(project, "manager"))
    assert "nightly-run" in manager.get("/p/p/keys/").content.decode()
    manager.post(f"/p/p/keys/{ApiKey.objects.get().pk}/revoke/")
    assert ApiKey.objects.get().revoked_at is not None
