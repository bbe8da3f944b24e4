"""Keys of endpoints: encrypted, rotated, bound to their host, and never told."""

import json
import logging

import pytest
from django.test import Client

from core.errors import DomainError
from core.models import Event
from inference import allowlist, endpoints, secrets
from inference.client import UpstreamError, upstream_of
from inference.models import Endpoint
from tests.cast import make_member, make_project

KEY = "sk-Very-Secret-0123456789"
pytestmark = pytest.mark.django_db


@pytest.fixture
def ward(settings):
    settings.ENDPOINT_HOSTS = ["127.0.0.1:9", "127.0.0.1:10"]
    settings.ENDPOINT_SECRET_KEYS = ["a" * 40]
    project = make_project("ward")
    return project, endpoints.save(
        project=project, actor=None, name="Ward", base_url="http://127.0.0.1:9/v1", model_name="m", key=KEY
    )


def test_what_is_stored_says_nothing_and_comes_back(ward):
    stored = bytes(Endpoint.objects.get().secret)
    assert (
        KEY.encode() not in stored
        and secrets.decrypt(stored) == KEY
        and upstream_of(Endpoint.objects.get()).key == KEY
    )
    assert secrets.encrypt(KEY) != secrets.encrypt(KEY)


def test_keys_are_rotated_by_putting_the_new_one_in_front(ward, settings):
    stored = Endpoint.objects.get().secret
    settings.ENDPOINT_SECRET_KEYS = ["b" * 40, "a" * 40]
    assert secrets.decrypt(stored) == KEY
    again = secrets.encrypt(KEY)
    settings.ENDPOINT_SECRET_KEYS = ["b" * 40]
    assert secrets.decrypt(again) == KEY
    with pytest.raises(DomainError) as caught:
        secrets.decrypt(stored)
    assert caught.value.code == "key_unreadable"


def test_keys_saved_before_there_was_a_key_for_them_stay_readable(settings):
    settings.ENDPOINT_SECRET_KEYS = []
    stored = secrets.encrypt(KEY)
    settings.ENDPOINT_SECRET_KEYS = ["b" * 40]
    assert secrets.decrypt(stored) == KEY
    settings.SECRET_KEY = "another " * 5
    with pytest.raises(DomainError):
        secrets.decrypt(stored)


def test_a_key_that_cannot_be_read_is_told_and_breaks_nothing(ward, settings):
    project, endpoint = ward
    settings.ENDPOINT_SECRET_KEYS, settings.SECRET_KEY = [], "something else " * 3
    with pytest.raises(UpstreamError) as caught:
        upstream_of(endpoint)
    assert caught.value.code == "key_unreadable"
    assert endpoints.probe(endpoint)["code"] == "key_unreadable"
    lead = make_member(project, "manager")
    client = Client()
    client.force_login(lead)
    assert client.get("/p/ward/models/").status_code == 200
    tried = client.post(f"/p/ward/models/{endpoint.pk}/try/", headers={"hx-request": "true"})
    assert tried.status_code == 200 and "cannot be read" in tried.content.decode()
    endpoints.save(
        project=project,
        actor=lead,
        pk=endpoint.pk,
        name="Ward",
        base_url=endpoint.base_url,
        model_name="m",
        key="sk-new",
    )
    assert upstream_of(Endpoint.objects.get()).key == "sk-new"


@pytest.mark.parametrize("bad", ["a b", "a\nb", "ключ", "k" * 4001, "a\x00", "\ud800"])
def test_what_cannot_stand_in_a_header_is_no_key(ward, bad):
    with pytest.raises(DomainError) as caught:
        secrets.encrypt(bad)
    assert caught.value.code == "bad_key"


def test_a_key_stays_with_its_host(ward):
    """Whoever may change the address must not get the stored key sent elsewhere."""
    project, endpoint = ward
    for url in ("http://127.0.0.1:10/v1", "https://127.0.0.1:9/v1"):
        with pytest.raises(DomainError) as caught:
            endpoints.save(
                project=project, actor=None, pk=endpoint.pk, name="Ward", base_url=url, model_name="m"
            )
        assert (caught.value.code, caught.value.field) == ("key_again", "key")
    endpoints.save(
        project=project,
        actor=None,
        pk=endpoint.pk,
        name="Ward",
        base_url="http://127.0.0.1:9/other",
        model_name="m",
    )
    assert upstream_of(Endpoint.objects.get()).key == KEY
    endpoints.save(
        project=project,
        actor=None,
        pk=endpoint.pk,
        name="Ward",
        base_url="http://127.0.0.1:10/v1",
        model_name="m",
        key="",
    )
    assert upstream_of(Endpoint.objects.get()).key == "" and Endpoint.objects.get().secret is None


def test_an_operators_variable_is_bound_to_its_host(ward, settings):
    project, endpoint = ward
    settings.ENDPOINT_KEYS = {
        "ENDPOINT_KEY_A": f"127.0.0.1:9 {KEY}",
        "ENDPOINT_KEY_BARE": KEY,
        "SECRET_KEY": "127.0.0.1:9 x",
    }
    save = {
        "project": project,
        "actor": None,
        "pk": endpoint.pk,
        "name": "Ward",
        "model_name": "m",
        "key": "",
    }
    endpoints.save(**save, base_url="http://127.0.0.1:9/v1", secret_variable="ENDPOINT_KEY_A")
    assert upstream_of(Endpoint.objects.get()).key == KEY
    for url, name in (
        ("http://127.0.0.1:10/v1", "ENDPOINT_KEY_A"),
        ("http://127.0.0.1:10/v1", None),
        ("http://127.0.0.1:9/v1", "ENDPOINT_KEY_BARE"),
    ):
        with pytest.raises(DomainError) as caught:
            endpoints.save(**save, base_url=url, secret_variable=name)
        assert caught.value.code == "key_unreadable"
    for name in (
        "SECRET_KEY",
        "DATABASE_URL",
        "ENDPOINT_KEY_",
        "endpoint_key_a",
        "ENDPOINT_KEY_A ENDPOINT_KEY_B",
    ):
        with pytest.raises(DomainError) as caught:
            endpoints.save(**save, base_url="http://127.0.0.1:9/v1", secret_variable=name)
        assert caught.value.code == "bad_value"
    settings.ENDPOINT_KEYS = {}
    with pytest.raises(UpstreamError) as unset:
        upstream_of(Endpoint.objects.get())
    assert unset.value.code == "key_unreadable"
    assert list(secrets.variables_for(allowlist.parse("http://127.0.0.1:9/v1"))) == []


def test_nothing_of_a_key_is_told_anywhere(ward, caplog, settings, capsys, live_model):
    """Pages, errors, Events, logs, doctor: searched for the key and for its pieces."""
    from io import StringIO

    from django.core.management import call_command

    caplog.set_level(logging.DEBUG)
    project, _endpoint = ward
    lead = make_member(project, "manager")
    client = Client()
    client.force_login(lead)
    settings.ENDPOINT_HOSTS = [*settings.ENDPOINT_HOSTS, f"127.0.0.1:{live_model.port}"]
    settings.ENDPOINT_KEYS = {"ENDPOINT_KEY_A": f"127.0.0.1:9 {KEY}"}
    form = {
        "name": "Live",
        "base_url": live_model.url,
        "model_name": "401",
        "key": KEY,
        "first_token_seconds": 5,
        "idle_seconds": 5,
        "total_seconds": 9,
    }
    form |= {"retries": 0, "max_characters": 1000, "active": "on"}
    shown = [
        client.post("/p/ward/models/", form | {"name": ""}),
        client.post("/p/ward/models/", form),
        client.post("/p/ward/models/", form),
    ]
    live = Endpoint.objects.get(name="Live")
    shown += [
        client.get("/p/ward/models/"),
        client.get(f"/p/ward/models/{live.pk}/"),
        client.post(f"/p/ward/models/{live.pk}/try/"),
    ]
    assert (
        live_model.requests[-1].headers["authorization"] == f"Bearer {KEY}"
        and "as you asked" in shown[-1].content.decode()
    )
    out = StringIO()
    with pytest.raises(SystemExit):
        call_command("doctor", "--json", stdout=out)
    texts = [r.content.decode() for r in shown] + [
        json.dumps(list(Event.objects.values("verb", "data"))),
        caplog.text,
        out.getvalue(),
        *capsys.readouterr(),
    ]
    texts.append(
        json.dumps(list(Endpoint.objects.values("name", "base_url", "secret_variable", "parameters")))
    )
    for text in texts:
        assert KEY not in text and KEY[:10] not in text and KEY[-10:] not in text
    assert [r.status_code for r in shown] == [400, 302, 400, 200, 200, 200]


@pytest.fixture
def live_model(model):
    return model
