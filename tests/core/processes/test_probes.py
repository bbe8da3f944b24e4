"""/healthz and /readyz: what a supervisor asks, without a session, whatever the Host; codes, nothing more."""

import time

import pytest
from django.conf import settings
from django.core.cache import cache
from django.db import connection
from django.test import Client, RequestFactory

from config import probes
from core.jobs.beat import SEEN_KEY

ELSEWHERE = {"HTTP_HOST": "10.1.2.3:8080"}  # a probe names the machine, not the site


@pytest.fixture
def ready(monkeypatch):
    """A fresh look at each question; a worker has just been seen."""
    cache.set(SEEN_KEY, {"at": time.time(), "host": "h", "pid": 1}, 60)
    monkeypatch.setattr(settings, "ALLOWED_HOSTS", ["label.example"])
    fresh = probes.Probes(Client().get)
    fresh.readiness.seconds = 0

    def ask(path="/readyz", method="get"):
        return fresh(getattr(RequestFactory(), method)(path, **ELSEWHERE))

    yield ask
    cache.clear()


def body(answer) -> dict:
    import json

    return json.loads(answer.content)


def test_alive_is_answered_without_database_session_or_known_host(client, settings):
    """Not marked for the database: a query would fail."""
    settings.ALLOWED_HOSTS = ["label.example"]
    for method in (client.get, client.head):
        answer = method("/healthz", **ELSEWHERE)
        assert answer.status_code == 200 and not answer.cookies
        assert answer["Cache-Control"] == "no-store"
    assert client.get("/healthz").json() == {"status": "ok"}
    assert client.post("/healthz").status_code == 405


@pytest.mark.django_db
def test_ready_when_all_is_there(ready):
    answer = ready()
    assert (answer.status_code, body(answer)) == (200, {"status": "ok"})
    assert not answer.cookies


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("name", "code"), [("_database", "database"), ("_broker", "broker"), ("_worker", "worker")]
)
def test_each_thing_that_is_away_is_named_by_its_code_alone(ready, monkeypatch, name, code):
    def away():
        raise OSError("password=secret host=db.internal")

    monkeypatch.setattr(probes, name, away)
    answer = ready()
    assert (answer.status_code, body(answer)) == (503, {"status": "unavailable", "failing": [code]})


@pytest.mark.django_db
def test_a_worker_that_has_not_been_heard_of_for_a_minute(ready):
    cache.set(SEEN_KEY, {"at": time.time() - 61, "host": "h", "pid": 1}, 600)
    assert body(ready())["failing"] == ["worker"]
    cache.delete(SEEN_KEY)
    assert body(ready())["failing"] == ["worker"]


@pytest.mark.django_db
def test_tables_that_are_not_as_the_code_wants_them(ready):
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM django_migrations WHERE app = 'core'")
    assert body(ready())["failing"] == ["migrations"]


@pytest.mark.django_db
def test_strangers_who_ask_often_make_one_look(monkeypatch):
    looks = []
    monkeypatch.setattr(probes, "_worker", lambda: looks.append(1) or True)
    middle = probes.Probes(None)
    for _n in range(50):
        middle(RequestFactory().get("/readyz"))
    assert len(looks) == 1
