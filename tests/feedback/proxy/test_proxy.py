"""The proxy in front of a project's models: what goes through, who is let in, which model answers, how errors
come out."""

import json
import random
import re

import pytest
from django.core.cache import cache
from django.test import Client

from core.api import auth
from core.web import limits
from feedback.models import Arm, Lost, Message
from feedback.proxy.log import writer
from feedback.proxy.views import with_model
from inference.models import Endpoint
from tests.cast import make_member, make_project
from tests.feedback.proxy.proxied import behind, direct, texts
from tests.inference import faulty

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(scope="module")
def server():
    with faulty.serve() as running:
        yield running


@pytest.fixture
def here(server, settings):
    settings.ENDPOINT_HOSTS = [f"127.0.0.1:{server.port}"]
    server.requests.clear()
    server.counts.clear()
    return behind(server.url)


# what goes through


@pytest.mark.parametrize(
    "model",
    [
        "ok",
        "bytes",
        "crlf",
        "cr",
        "bom",
        "null",
        "tools",
        "reasoning",
        "sources",
        "refusal",
        "late-usage",
        "length",
        "no-done",
    ],
)
def test_a_stream_passes_byte_for_byte(here, server, model):
    here.endpoint(model)
    asked = {
        "model": model,
        "messages": [{"role": "user", "content": "血压 150/95?"}],
        "stream": True,
        "stream_options": {"include_usage": True},
    }
    response, through = here.post(Client(), **asked)
    status, headers, straight = direct(server.url, json.dumps(asked).encode())
    assert (response.status_code, response["Content-Type"]) == (status, headers["content-type"])
    assert through == straight
    assert server.requests[0].body == server.requests[1].body


@pytest.mark.parametrize(
    "model", ["ok", "tools", "json", "400", "401", "404", "429", "500", "503", "html", "empty"]
)
def test_an_answer_in_one_piece_passes_with_its_status(here, server, model):
    here.endpoint(model)
    asked = {"model": model, "messages": [{"role": "user", "content": "Hello"}]}
    response, through = here.post(Client(), **asked)
    status, headers, straight = direct(server.url, json.dumps(asked).encode())
    assert (response.status_code, response["Content-Type"], through) == (
        status,
        headers["content-type"],
        straight,
    )
    assert response.headers.get("Retry-After") == headers.get("retry-after")
    assert ("X-Touchstone-Message" in response.headers) == (status == 200)


AWKWARD = [
    b'{"model":"ok","messages":[]}',
    b' {\n "messages" : [ {"role":"user","content":"\\u00e9 \\ud83d\\ude00 \xe9\xab\x98"} ] '
    b',\t"model" :  "ok" , "x": 1.50e0 }\n',
    b'{"a":{"model":"inner","b":[{"model":2}]},"model":"ok"}',
    b'{"mod\\u0065l": "ok", "z": "\\"model\\": \\"ok\\""}',
    b'{"model": null, "x": [1, 2, {"y": "}"}]}',
    b'{"x": "no model", "y": {}}',
    b"{ }",
]


@pytest.mark.parametrize("body", AWKWARD)
def test_only_the_models_name_is_exchanged(body):
    asked = json.loads(body)
    for name in ("other", '引"号\\', "ok"):
        sent = with_model(body, asked, name)
        assert json.loads(sent) == asked | {"model": name}
        if asked.get("model") == name:
            assert sent == body
        else:  # the old value, or nothing, has given way to the new one; every other byte is where it was
            new = json.dumps(name, ensure_ascii=False).encode()
            at = sent.rindex(new) if asked.get("model") else sent.index(new)
            before, after = sent[:at], sent[at + len(new) :]
            if "model" in asked:
                assert body.startswith(before) and body.endswith(after)
            else:
                assert body.startswith(before.removesuffix(b'"model": ')) and body.endswith(
                    after.removeprefix(b", ")
                )


def test_names_are_exchanged_in_any_body():
    """The same, on bodies made at random."""
    rng = random.Random(5)

    def value(depth=0):
        kind = rng.randrange(6 if depth < 3 else 4)
        if kind == 4:
            return [value(depth + 1) for _i in range(rng.randrange(3))]
        return some(depth + 1) if kind == 5 else [None, rng.random() * 1e6, "model", '"\\\u2028 高'][kind]

    def some(depth=0):
        return {
            rng.choice(["model", "messages", "a", '"', "é"]) + rng.choice(["", "", "x"]): value(depth)
            for _i in range(rng.randrange(5))
        }

    for _i in range(500):
        asked = some()
        body = json.dumps(asked, ensure_ascii=rng.random() < 0.5, indent=rng.choice([None, 0, 3])).encode()
        assert json.loads(with_model(body, asked, "new")) == asked | {"model": "new"}


def test_credentials_do_not_go_through(here, server, monkeypatch):
    here.endpoint("ok")
    Client().post(
        "/v1/chat/completions",
        json.dumps({"model": "ok", "messages": []}),
        content_type="application/json",
        **here.headers,
        HTTP_COOKIE="sessionid=1",
        HTTP_OPENAI_ORGANIZATION="org-1",
        HTTP_X_REQUEST_ID="r1",
        HTTP_X_API_KEY="k",
        HTTP_ACCEPT_ENCODING="gzip",
    ).close()
    sent = server.requests[0].headers
    assert not {"authorization", "cookie", "x-api-key"} & set(sent)
    assert (sent["openai-organization"], sent["x-request-id"], sent["accept-encoding"]) == (
        "org-1",
        "r1",
        "identity",
    )
    assert here.key not in str(sent)


def test_an_endpoints_key_comes_back_in_no_error(here, server, monkeypatch):
    from inference import secrets

    here.endpoint("500", secret=secrets.encrypt("sk-of-the-house"))
    response, data = here.post(Client(), model="500")
    assert server.requests[-1].headers["authorization"] == "Bearer sk-of-the-house"
    assert (
        response.status_code == 500
        and b"key was Bearer ..." in data
        and int(response["Content-Length"]) == len(data)
    )


# who answers


def answering(here, client=None, **asked) -> str:
    """The model that the server was asked for."""
    return json.loads(here.post(client or Client(), **asked)[1])["model"]


def test_a_model_is_known_by_three_names(here):
    here.endpoint("North", model="ok:0.001", version="Clinic-7B v3")
    here.endpoint("South", model="ok:0.002", version="Clinic-7B v4")
    assert (
        answering(here, model="North")
        == answering(here, model="Clinic-7B v3")
        == answering(here, model="ok:0.001")
        == "ok:0.001"
    )
    assert answering(here, model="Clinic-7B v4") == "ok:0.002"
    assert [m.model_version.name for m in here.answers()] == ["Clinic-7B v3"] * 3 + ["Clinic-7B v4"]
    response, data = here.post(Client(), model="north")
    assert response.status_code == 404
    assert json.loads(data)["error"]["code"] == "model_not_found"
    Endpoint.objects.filter(name="South").update(active=False)
    assert here.post(Client(), model="South")[0].status_code == 404


def test_without_a_name_the_arms_are_drawn_by_weight(here, settings):
    settings.PROXY_PER_MINUTE = 10_000
    here.endpoint("A", model="ok:0.001", weight=1)
    here.endpoint("B", model="ok:0.002", weight=3)
    here.endpoint("C", model="ok:0.003")
    assert here.project.chat.assign == "person"
    client = Client()
    people = {f"u{i}": answering(here, client, model="auto", user=f"u{i}") for i in range(40)}
    assert all(answering(here, client, user=who) == model for who, model in list(people.items())[:10]), (
        "a person stays with a model"
    )
    assert 20 <= list(people.values()).count("ok:0.002") <= 38
    drawn = {
        answering(here, client, model=name) for name in ("auto", "clinic", "default", None) for _i in range(6)
    }
    assert drawn == {"ok:0.001", "ok:0.002"}
    assert {m.arm_id for m in here.answers()} == set(Arm.objects.values_list("pk", flat=True))


def test_one_endpoint_answers_without_arms_two_have_to_be_named(here):
    here.endpoint("only", model="ok")
    assert answering(here) == "ok"
    here.endpoint("second", model="ok")
    assert here.post(Client())[0].status_code == 404


def test_models_are_listed_as_openai_does(here):
    here.endpoint("B/large", weight=1)
    here.endpoint("A")
    here.endpoint("gone", active=False)
    listed = Client().get("/v1/models", **here.headers).json()
    assert listed["object"] == "list" and [m["id"] for m in listed["data"]] == ["auto", "A", "B/large"]
    assert {"id", "object", "created", "owned_by"} == set(listed["data"][1])
    assert Client().get("/v1/models/B/large", **here.headers).json()["id"] == "B/large"
    assert Client().get("/v1/models/gone", **here.headers).status_code == 404
    assert Client().get("/v1/files", **here.headers).json()["error"]["code"] == "unknown_url"


# who is let in


def refused(response) -> tuple[int, str]:
    error = response.json()["error"]
    assert set(error) == {"message", "type", "param", "code"} and error["message"]
    return response.status_code, error["code"]


def test_only_keys_for_it_open_it(here, server):
    here.endpoint("ok")
    other = make_project("other")

    def ask(key, body='{"model": "ok", "messages": []}'):
        return Client().post(
            "/v1/chat/completions",
            body,
            content_type="application/json",
            **({"HTTP_AUTHORIZATION": key} if key is not None else {}),
        )

    def key(project=here.project, role="manager", person=None, **more):
        user = person or make_member(project, role)
        return "Bearer " + auth.new_key(user=user, project=project, role=role, **more)[1]

    assert (
        refused(ask(None))
        == refused(ask(""))
        == refused(ask("Bearer sk-123"))
        == refused(ask("Basic eA=="))
        == (401, "invalid_api_key")
    )
    assert (
        refused(ask(key(scope="ingest"))) == refused(ask(key(role="reviewer"))) == (403, "permission_denied")
    )
    assert refused(ask(key(other))) == (404, "model_not_found"), (
        "a key of another project finds none of this one's models"
    )
    said = ask(None).json()["error"]["message"], ask("Bearer sk-123").json()["error"]["message"]
    assert "Authorization: Bearer tsk_" in said[0] and "revoked" in said[1]
    assert "may use the proxy" in ask(key(scope="ingest")).json()["error"]["message"]
    assert server.requests == []
    passed = ask(key())
    assert passed.status_code == 200
    passed.close()
    signed_in = Client()
    signed_in.force_login(here.manager)
    assert signed_in.post("/v1/chat/completions", "{}", content_type="application/json").status_code == 401, (
        "a session is no key"
    )


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b'"x"',
        b"\xff",
        b'{"model": 5}',
        b'{"a": NaN}',
        b'{"a": "\\u0000"}',
        b'{"a": "\\ud800"}',
        b"[" * 9999,
    ],
)
def test_what_is_no_request_is_refused_in_openais_form(here, body):
    here.endpoint("ok")
    assert refused(
        Client().post("/v1/chat/completions", body, content_type="application/json", **here.headers)
    ) == (400, "invalid_json")


def test_other_refusals(here, settings):
    here.endpoint("ok")
    assert refused(Client().get("/v1/chat/completions", **here.headers))[0] == 405
    settings.PROXY_MAX_BYTES = 1000
    assert refused(
        Client().post("/v1/chat/completions", b"x" * 1001, content_type="application/json", **here.headers)
    ) == (413, "too_large")
    settings.ENDPOINT_HOSTS = []
    assert refused(here.post(Client(), model="ok")[0]) == (503, "endpoint_unusable")


def test_a_base_url_without_its_v1_is_told_of_it(here):
    lost = Client().post("/chat/completions", "{}", content_type="application/json")
    assert refused(lost) == (404, "unknown_url")
    assert "http://testserver/v1" in lost.json()["error"]["message"]
    key = auth.new_key(user=here.manager, project=here.project, role="manager", scope="proxy")[1]
    root = Client().get("/v1/", headers={"Authorization": f"Bearer {key}"})
    assert refused(root) == (404, "unknown_url")


def test_limits_of_a_key_a_person_and_an_address(here, settings, monkeypatch):
    here.endpoint("ok")
    settings.PROXY_PERSON_PER_MINUTE, settings.PROXY_PER_MINUTE = 2, 5
    statuses = [here.post(Client(), model="ok", user="u")[0].status_code for _i in range(3)]
    assert statuses == [200, 200, 429]
    response, _data = here.post(Client(), model="ok", user="u")
    assert refused(response) == (429, "rate_limit_exceeded") and 1 <= int(response["Retry-After"]) <= 30
    assert here.post(Client(), model="ok", user="v")[0].status_code == 200
    response, _data = here.post(Client(), model="ok", user="w")
    assert response.status_code == 429 and response.json()["error"]["type"] == "rate_limit_error"
    monkeypatch.setattr("feedback.proxy.views.BAD_KEYS_PER_MINUTE", 2)
    for _i in range(2):
        Client().get("/v1/models", HTTP_AUTHORIZATION="Bearer x", REMOTE_ADDR="10.0.0.9")
    assert (
        Client().get("/v1/models", HTTP_AUTHORIZATION="Bearer x", REMOTE_ADDR="10.0.0.9").status_code == 429
    )
    assert (
        Client().get("/v1/models", HTTP_AUTHORIZATION="Bearer x", REMOTE_ADDR="10.0.0.8").status_code == 401
    )


# when the model fails


@pytest.mark.parametrize(
    "model, status, code",
    [
        ("die-first", 502, "upstream_unreachable"),
        ("slow-headers", 504, "upstream_timeout_first"),
        ("stall-first", 504, "upstream_timeout_first"),
    ],
)
def test_an_answer_that_never_began(here, model, status, code):
    here.endpoint(model, first_token_seconds=1)
    response, _data = here.post(Client(), model=model, stream=True)
    assert refused(response) == (status, code)
    assert here.answers() == [] and not Lost.objects.exists()


def test_nobody_there(here, settings):
    settings.ENDPOINT_HOSTS = ["127.0.0.1:1"]
    here.endpoint("x", base_url="http://127.0.0.1:1/v1")
    assert refused(here.post(Client(), model="x")[0]) == (502, "upstream_unreachable")


@pytest.mark.parametrize(
    "model, error", [("die", "cut"), ("die-clean", "cut"), ("stall-middle", "timeout_idle")]
)
def test_a_stream_that_breaks_off_ends_with_an_error_and_is_kept(here, model, error):
    here.endpoint(model, idle_seconds=1)
    _response, data = here.post(Client(), model=model, stream=True)
    *_before, last = [
        json.loads(line[6:]) for line in data.decode().split("\n") if line.startswith("data: {")
    ]
    assert last["error"]["code"] == f"upstream_{error}" and last["error"]["type"] == "api_error"
    (kept,) = here.answers()
    assert (kept.text, kept.state, kept.error) == ("One two three", "failed", error)


@pytest.mark.parametrize("model, error", [("cut", "cut"), ("malformed", "malformed"), ("error", "failed")])
def test_a_stream_that_is_wrong_passes_as_it_is_and_is_kept_as_broken(here, server, model, error):
    here.endpoint(model)
    asked = {"model": model, "messages": [{"role": "user", "content": "Hello"}], "stream": True}
    _response, data = here.post(Client(), **asked)
    assert data == direct(server.url, json.dumps(asked).encode())[2]
    (kept,) = here.answers()
    assert (kept.text, kept.state, kept.error) == ("One two three", "failed", error)


def test_a_very_long_answer_passes_whole_and_is_kept_up_to_the_limit(here):
    here.endpoint("long", max_characters=5000)
    _response, data = here.post(Client(), model="long", stream=True)
    assert data.rstrip().endswith(b"data: [DONE]") and len(texts(data)) > 100_000
    (kept,) = here.answers()
    assert (
        len(kept.text) == 5000
        and texts(data).startswith(kept.text)
        and (kept.state, kept.error) == ("failed", "too_long")
    )


def test_nothing_of_the_talk_is_in_the_servers_log(here, caplog, monkeypatch):
    here.endpoint("malformed")
    caplog.set_level(0)
    here.post(
        Client(), model="malformed", stream=True, messages=[{"role": "user", "content": "secret-question"}]
    )
    monkeypatch.setattr("feedback.proxy.log.record_exchange", lambda **kwargs: 1 / 0)
    here.post(
        Client(), model="malformed", stream=True, messages=[{"role": "user", "content": "secret-question"}]
    )
    assert "was answered but not logged: ZeroDivisionError" in caplog.text
    assert not re.search("secret-question|One two|tsk_", caplog.text)
    assert Message.objects.filter(role="assistant").count() == 1


def test_hostile_values_never_crash_it(here, server):
    """Every part of a good request replaced by hostile ones: passed on, or refused in OpenAI's form."""
    from tests.core.pages.test_hostile_input import RAW, mutated

    here.endpoint("instant")
    good = {
        "model": "instant",
        "messages": [{"role": "user", "content": "x"}],
        "user": "u",
        "stream": True,
        "tools": [],
        "n": 1,
    }
    client, wrong, seen = Client(raise_request_exception=False), [], set()
    server.behaviours["instant"] = lambda h: h.json(
        200, {"id": "x", "choices": [{"index": 0, "message": {"content": "y"}, "finish_reason": "stop"}]}
    )
    try:
        for body in [*mutated(good), *RAW]:
            limits.clear()
            cache.clear()
            response = client.post(
                "/v1/chat/completions", body, content_type="application/json", **here.headers
            )
            data = response.getvalue()
            response.close()
            seen.add(response.status_code)
            said = json.loads(data)
            # 502: the test's own model server fell over what it was sent.
            if not said or (response.status_code >= 500 and said["error"]["code"] != "upstream_unreachable"):
                wrong.append((str(body)[:200], response.status_code))
    finally:
        server.behaviours["instant"] = faulty.instant
    assert writer.flush(60)
    assert wrong == [] and seen - {502} == {200, 400, 404}
    for path in (
        "models/%00",
        "models/%ED%A0%80",
        "models/" + "x" * 5000,
        "%00",
        "..%2F..",
        "chat/completions/",
    ):
        assert client.get(f"/v1/{path}", **here.headers).status_code == 404
    for key in (
        "tsk_",
        "tsk__",
        "tsk_\x00_a",
        "tsk_" + "9" * 5000 + "_x",
        "tsk_\xe9_\xff",
        "\xff",
        "tsk_a_b c",
    ):
        assert client.get("/v1/models", headers={"Authorization": f"Bearer {key}"}).status_code == 401
