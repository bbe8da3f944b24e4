"""Endpoints as managers have them: saving, trying, removing, the page, doctor."""

import json
from io import StringIO

import pytest
from django.core.management import call_command
from django.test import Client

from core.errors import Conflict, DomainError
from core.models import Event
from corpus.models import ModelVersion
from inference import endpoints
from inference.models import Endpoint
from tests.cast import make_member, make_project

pytestmark = pytest.mark.django_db


@pytest.fixture
def clinic(settings, model):
    settings.ENDPOINT_HOSTS = [f"127.0.0.1:{model.port}", "127.0.0.1:9"]
    return make_project("clinic")


@pytest.fixture
def lead(clinic):
    return make_member(clinic, "manager")


@pytest.fixture
def browser(lead):
    client = Client()
    client.force_login(lead)
    return client


def save(project, **fields):
    return endpoints.save(
        **{
            "project": project,
            "actor": None,
            "name": "Ward",
            "base_url": "http://127.0.0.1:9/v1/",
            "model_name": "m",
        }
        | fields
    )


FORM = {
    "name": "Ward",
    "base_url": "http://127.0.0.1:9/v1",
    "model_name": "m",
    "first_token_seconds": 5,
    "idle_seconds": 6,
    "total_seconds": 70,
    "retries": 1,
    "max_characters": 1000,
    "active": "on",
}


def test_saving_pins_names_and_tells(clinic, lead):
    made = save(clinic, actor=lead, parameters={"temperature": 0.5}, idle_seconds=7)
    assert (made.base_url, made.address, made.model_version.name, made.practice, made.idle_seconds) == (
        "http://127.0.0.1:9/v1",
        "127.0.0.1",
        "m",
        False,
        7,
    )
    event = Event.objects.get(verb="endpoint.add")
    assert (event.actor, event.target_id, event.data["host"], event.data["key"]) == (
        lead,
        made.pk,
        "127.0.0.1:9",
        "kept",
    )
    changed = save(clinic, pk=made.pk, name="Ward 2", version="v2")
    assert (
        changed.model_version.name == "v2"
        and changed.parameters == {"temperature": 0.5}
        and changed.idle_seconds == 7
    )
    assert Event.objects.get(verb="endpoint.change").data["fields"] == ["model_version_id", "name"]
    assert save(clinic, pk=made.pk, model_name="other").model_version.name == "v2"
    assert list(ModelVersion.objects.values_list("name", flat=True).order_by("name")) == ["m", "v2"]


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"name": ""}, "name"),
        ({"name": "a\nb"}, "name"),
        ({"name": "x" * 81}, "name"),
        ({"model_name": " "}, "model_name"),
        ({"version": "a\x00"}, "version"),
        ({"idle_seconds": 0}, "idle_seconds"),
        ({"retries": 11}, "retries"),
        ({"max_characters": 10**9}, "max_characters"),
        ({"parameters": []}, "parameters"),
        ({"parameters": {"stream": False}}, "parameters"),
        ({"parameters": {"a": float("nan")}}, "parameters"),
        ({"parameters": {"a": "\x00"}}, "parameters"),
        ({"parameters": {"a": "x" * 20_000}}, "parameters"),
        ({"parameters": {"a": "\ud800"}}, "parameters"),
        ({"base_url": "http://10.0.0.1/v1"}, "base_url"),
        ({"key": "a b"}, "key"),
    ],
)
def test_what_is_refused_leaves_nothing(clinic, fields, field):
    with pytest.raises(DomainError) as caught:
        save(clinic, **fields)
    assert caught.value.field == field
    assert not Endpoint.objects.exists() and not ModelVersion.objects.exists() and not Event.objects.exists()


def test_one_name_once_and_only_in_its_own_project(clinic):
    made = save(clinic)
    with pytest.raises(Conflict):
        save(clinic)
    other = make_project("other")
    save(other)
    with pytest.raises(DomainError) as caught:
        save(other, pk=made.pk, name="Mine")
    assert caught.value.status == 404 and Endpoint.objects.get(pk=made.pk).name == "Ward"


def test_what_leads_to_the_practice_server_is_called_so(clinic, settings):
    settings.PRACTICE_ADDRESS = "127.0.0.1:11"
    assert save(clinic, base_url="http://127.0.0.1:11/v1").practice
    assert not save(clinic, name="Real").practice
    assert endpoints.lead_practice_to("127.0.0.1:12") == 1
    assert sorted(Endpoint.objects.values_list("base_url", "address")) == [
        ("http://127.0.0.1:12/v1", "127.0.0.1"),
        ("http://127.0.0.1:9/v1", "127.0.0.1"),
    ]


def test_trying_tells_how_it_went(clinic, model):
    good = endpoints.probe(save(clinic, base_url=model.url, model_name="ok"))
    assert (
        good["ok"]
        and good["models"] == ["ok", "die", "429"]
        and good["text"].startswith("You said: Say hello")
        and good["first_token_ms"] < 1000
    )
    assert not good["address_changed"] and good["address"] == "127.0.0.1"
    for name, code, status in (("401", "refused", 401), ("die", "cut", 0), ("429", "busy", 429)):
        bad = endpoints.probe(save(clinic, name=name, base_url=model.url, model_name=name))
        assert (bad["ok"], bad["code"], bad["status"]) == (False, code, status)
    gone = endpoints.probe(save(clinic, name="gone"))
    assert (gone["code"], gone["models"]) == ("unreachable", None)
    long = endpoints.probe(save(clinic, name="long", base_url=model.url, model_name="never"))
    assert long["ok"] and 0 < len(long["text"]) <= 200  # it is not listened to for ever


def test_the_page_from_nothing_to_nothing(clinic, browser, model, settings):
    page = browser.get("/p/clinic/models/").content.decode()
    assert f"127.0.0.1:{model.port}" in page and "No model is connected yet" in page
    assert (
        browser.post(
            "/p/clinic/models/", FORM | {"key": "sk-1", "parameters": '{"temperature": 0}'}
        ).status_code
        == 302
    )
    made = Endpoint.objects.get()
    assert (made.name, made.total_seconds, made.retries, made.parameters) == (
        "Ward",
        70,
        1,
        {"temperature": 0},
    ) and made.secret
    page = browser.get(f"/p/clinic/models/{made.pk}/").content.decode()
    assert "A key is stored" in page and "sk-1" not in page
    browser.post(f"/p/clinic/models/{made.pk}/", FORM | {"name": "Renamed"})
    made.refresh_from_db()
    assert made.name == "Renamed" and made.secret and made.active
    browser.post(
        f"/p/clinic/models/{made.pk}/",
        {k: v for k, v in FORM.items() if k != "active"} | {"remove_key": "on"},
    )
    made.refresh_from_db()
    assert not made.secret and not made.active
    tried = browser.post(f"/p/clinic/models/{made.pk}/try/", headers={"hx-request": "true"}).content.decode()
    assert "cannot be reached" in tried and "<html" not in tried
    assert "<html" in browser.post(f"/p/clinic/models/{made.pk}/try/").content.decode()
    assert (
        browser.post(f"/p/clinic/models/{made.pk}/remove/").status_code == 302
        and not Endpoint.objects.exists()
    )
    assert Event.objects.filter(verb="endpoint.remove").exists()
    settings.ENDPOINT_HOSTS = []
    page = browser.get("/p/clinic/models/").content.decode()
    assert "ENDPOINT_HOSTS=" in page and '<form class="card' not in page


def test_a_refused_form_says_what_is_wrong_where(clinic, browser):
    for field, value, words in (
        ("base_url", "http://10.0.0.1/v1", "is not among the hosts"),
        ("base_url", "http://2130706433/v1", "address cannot be used"),
        ("parameters", "[1]", "JSON object"),
        ("parameters", '{"a": 1, "a": 2}', "JSON object"),
        ("retries", "99", "A number from 0 to 10"),
    ):
        answer = browser.post("/p/clinic/models/", FORM | {field: value, "key": "sk-typed-before"})
        assert (
            answer.status_code == 400
            and words in answer.content.decode()
            and "sk-typed-before" not in answer.content.decode()
        )
    assert not Endpoint.objects.exists()


def test_what_a_server_says_is_text(clinic, browser, model):
    from tests.inference import faulty

    def script(h):
        h.json(400, {"error": {"message": "<script>alert(1)</script> & <b>"}})

    model.behaviours |= {"script": script, "marked": lambda h: faulty.ok(h)}
    made = save(clinic, base_url=model.url, model_name="script")
    page = browser.post(f"/p/clinic/models/{made.pk}/try/").content.decode()
    assert "&lt;script&gt;" in page and "<script>alert" not in page


def test_doctor_looks_at_models(clinic, settings, model):
    settings.ENDPOINT_HOSTS = [f"127.0.0.1:{model.port}", "127.0.0.1:9", "nonsense"]
    settings.ENDPOINT_SECRET_KEYS = ["short"]
    settings.ENDPOINT_KEYS = {"ENDPOINT_KEY_X": "sk-bare-key"}
    save(clinic, name="Good", base_url=model.url)
    save(clinic, name="Gone")
    save(clinic, name="Locked", base_url=model.url, key="sk-1")
    Endpoint.objects.filter(name="Locked").update(secret=b"not ours")
    out = StringIO()
    with pytest.raises(SystemExit):
        call_command("doctor", "--json", stdout=out)
    found = [
        (f["level"], f["message"]) for f in json.loads(out.getvalue())["findings"] if f["check"] == "models"
    ]
    for level, words in (
        ("error", "nonsense"),
        ("error", "less than 32"),
        ("warning", "ENDPOINT_KEY_X"),
        ("ok", "“Good”"),
        ("warning", "“Gone”"),
        ("error", "“Locked”"),
    ):
        assert any(words in message and level == of for of, message in found), (level, words, found)
    assert "sk-bare-key" not in out.getvalue() and not model.requests
