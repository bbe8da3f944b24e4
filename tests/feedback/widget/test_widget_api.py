"""The widget's API: tokens for one person on one site, CORS by the project's list, and feedback that goes
where it belongs."""

import base64
import json
import time

import pytest
from django.core import signing
from django.core.cache import cache
from django.db import transaction
from django.test import Client

from core.accounts import api_keys
from core.api import auth
from core.models import ApiKey
from core.web import limits
from feedback.conversations import end_users
from feedback.conversations.record_exchange import record_exchange
from feedback.models import ChatSettings, EndUser, Message, Reaction
from feedback.widget import api as widget_api
from feedback.widget import tokens
from tests.cast import make_member, make_project

pytestmark = pytest.mark.django_db
SITE, OTHER = "https://clinic.example", "https://evil.example"
DOWN = [
    {"key": "wrong", "en": "Not correct", "zh": "内容有误"},
    {"key": "x", "en": "<img src=x onerror=alert(1)>", "zh": ""},
]


class Site:
    """A project with the widget on SITE, and the key of its server."""

    def __init__(self, slug="clinic"):
        self.project = make_project(slug)
        ChatSettings.objects.create(
            project=self.project, origins=[SITE, "http://localhost:3000"], down_reasons=DOWN
        )
        self.manager = make_member(self.project, "manager")
        self.row, self.key = api_keys.create_api_key(
            project=self.project, user=self.manager, role="user", scope="ingest"
        )

    def token(self, user="patient-7", origin=SITE, **more):
        answer = post("tokens/", {"user": user, "origin": origin, **more}, self.key, origin=None)
        assert answer.status_code == 201, answer.content
        return answer.json()["token"]

    def answer(self, external="chatcmpl-1", user="patient-7"):
        person = end_users.of_key(self.project, user) if user else None
        return record_exchange(
            project=self.project,
            end_user=person,
            messages=[{"role": "user", "content": "Q"}],
            answer=f"A {external}",
            external_id=external,
        )

    def send(self, token=None, origin=SITE, project=None, **body):
        body = {"target": "chatcmpl-1", "kind": "thumb", "value": 1} | body
        return post(
            f"feedback/?project={project or self.project.slug}", body, token or self.token(), origin=origin
        )


def headers(key, origin) -> dict:
    return ({"HTTP_AUTHORIZATION": f"Bearer {key}"} if key else {}) | (
        {"HTTP_ORIGIN": origin} if origin else {}
    )


def post(path, body, key="", origin=SITE):
    return Client().post(
        f"/api/v1/widget/{path}", json.dumps(body), content_type="application/json", **headers(key, origin)
    )


def code(response) -> tuple[int, str]:
    return response.status_code, response.json()["error"]["code"]


@pytest.fixture
def site():
    return Site()


def test_a_thumb_goes_to_the_answer_it_is_about(site):
    answer = site.answer()
    response = site.send(value=-1, reasons=["wrong"], text="It is 5 mg.")
    assert response.status_code == 201 and response.json()["waiting"] is False
    row = Reaction.objects.get()
    assert (row.message, row.end_user, row.value, row.reasons, row.text, row.source) == (
        answer,
        answer.conversation.end_user,
        -1,
        ["wrong"],
        "It is 5 mg.",
        "widget",
    )
    site.send(value=0)
    assert [(r.value, r.current) for r in Reaction.objects.order_by("pk")] == [(-1, False), (0, True)]
    assert site.send(kind="correction", value=None, text="50 mg").status_code == 201
    assert Reaction.objects.get(kind="correction").text == "50 mg"


def test_a_thumb_before_its_answer_waits_for_it(site):
    assert site.send(target="chatcmpl-9").json()["waiting"] is True
    answer = site.answer("chatcmpl-9")
    assert Reaction.objects.get().message == answer


def test_nobody_judges_anothers_answer(site):
    site.answer("theirs", user="somebody-else")
    site.answer("nobodys", user="")
    assert code(site.send(target="theirs")) == (404, "no_such_answer")
    assert site.send(target="nobodys").status_code == 201


def test_a_token_of_one_project_does_nothing_in_another(site):
    other = Site("other")
    other.answer()
    token = site.token()
    assert code(site.send(token, project="other")) == (403, "origin_not_allowed")
    assert site.send(token).status_code == 201
    assert (
        not Reaction.objects.filter(project=other.project).exists()
        and not Reaction.objects.exclude(message=None).exists()
    )
    swapped = "other." + token.partition(".")[2]
    assert code(site.send(swapped, project="other")) == (401, "token_invalid")


def test_tokens_end(site, monkeypatch):
    token, short = site.token(), site.token(ttl=60)
    now = time.time()
    monkeypatch.setattr(tokens.time, "time", lambda: now + 61)
    assert code(site.send(short)) == (401, "token_expired")
    assert site.send(token).status_code == 201
    monkeypatch.setattr(tokens.time, "time", lambda: now + 901)
    assert code(site.send(token)) == (401, "token_expired")
    monkeypatch.undo()
    api_keys.revoke_api_key(key=site.row, actor=site.manager)
    assert code(site.send(token)) == (401, "token_invalid")


def test_tokens_are_not_made_up(site):
    token = site.token()
    slug, signed = token.split(".")
    forged = [
        "",
        "x",
        slug,
        f"{slug}.",
        f"{slug}.{signed[:-1]}",
        f"{slug}.A{signed}",
        signed,
        token.upper(),
        site.key,
        f"{slug}." + signing.dumps({"p": 1}),
        f"{slug}." + signing.dumps([1], salt="feedback.widget"),
        f"{slug}." + signing.dumps({"e": "x"}, salt="feedback.widget"),
    ]
    for text in forged:
        assert site.send(text or "x").status_code == 401, text
    assert post("feedback/?project=clinic", {}, "").status_code == 401
    payload = signed.split(":")[0]
    assert b"patient-7" not in base64.urlsafe_b64decode(payload.lstrip(".") + "==="), (
        "the person's name is not in the page"
    )


def test_only_listed_sites_get_tokens_and_only_from_an_ingest_key(site):
    assert code(post("tokens/", {"user": "u", "origin": OTHER}, site.key, origin=None)) == (
        400,
        "origin_not_allowed",
    )
    for near in (
        SITE + "/",
        SITE.upper(),
        SITE + ":443",
        "null",
        SITE + ".evil.example",
        "http://clinic.example",
    ):
        assert post("tokens/", {"user": "u", "origin": near}, site.key, origin=None).status_code == 400, near
    assert not EndUser.objects.exists()
    _row, proxy = api_keys.create_api_key(project=site.project, user=site.manager, role="user", scope="proxy")
    assert post("tokens/", {"user": "u", "origin": SITE}, proxy).status_code == 403
    assert post("tokens/", {"user": "u", "origin": SITE}, site.token()).status_code == 401
    assert post("tokens/", {"user": "u", "origin": SITE}).status_code == 401
    for bad in (
        {"ttl": 59},
        {"ttl": 3601},
        {"user": ""},
        {"user": "x" * 301},
        {"user": 5, "origin": 5},
        {"ttl": "x"},
    ):
        assert (
            post("tokens/", {"user": "u", "origin": SITE} | bad, site.key, origin=None).status_code == 400
        ), bad


def test_a_widget_token_opens_nothing_else(site):
    token = site.token()
    for path in (
        "/api/v1/feedback/",
        "/api/v1/projects/clinic/next/",
        "/v1/chat/completions",
        "/api/v1/jobs/1/",
    ):
        assert Client().post(
            path, "{}", content_type="application/json", **headers(token, SITE)
        ).status_code in (401, 405)


def test_a_token_works_on_its_own_site_only(site):
    token = site.token()
    assert code(site.send(token, origin=OTHER)) == (403, "origin_not_allowed")
    assert code(site.send(token, origin=None)) == (403, "origin_not_allowed")
    assert code(site.send(token, origin="http://localhost:3000")) == (403, "origin_not_allowed"), (
        "listed, but not this token's"
    )
    ChatSettings.objects.update(origins=["http://localhost:3000"])
    assert code(site.send(token)) == (403, "origin_not_allowed"), "struck off the list"
    assert not Reaction.objects.exists()


def cors(response) -> dict:
    return {k.lower(): v for k, v in response.headers.items() if k.lower().startswith("access-control-")}


def test_cors_names_the_listed_site_and_nothing_else(site):
    def preflight(origin, project="clinic", path="feedback/"):
        more = {
            "HTTP_ORIGIN": origin,
            "HTTP_ACCESS_CONTROL_REQUEST_METHOD": "POST",
            "HTTP_ACCESS_CONTROL_REQUEST_HEADERS": "authorization",
        }
        return Client().options(f"/api/v1/widget/{path}?project={project}", **more)

    allowed = preflight(SITE)
    assert allowed.status_code == 204 and "Origin" in allowed["Vary"]
    assert cors(allowed) == {
        "access-control-allow-origin": SITE,
        "access-control-allow-methods": "POST",
        "access-control-allow-headers": "Authorization, Content-Type",
        "access-control-max-age": "600",
    }
    assert cors(preflight(SITE, path="setup/"))["access-control-allow-methods"] == "GET"
    for origin in (OTHER, "null", SITE + "/", SITE.upper(), "https://xclinic.example", ""):
        assert cors(preflight(origin)) == {}, origin
    assert (
        cors(preflight(SITE, project="none"))
        == cors(preflight(SITE, project="%00"))
        == cors(preflight(SITE, project=""))
        == {}
    )
    kept, refused = site.send(), site.send(origin=OTHER)
    assert cors(kept) == {"access-control-allow-origin": SITE} and cors(refused) == {}
    assert "Origin" in kept["Vary"] and "Origin" in refused["Vary"] and not kept.cookies
    assert cors(site.send("x")) == {"access-control-allow-origin": SITE}, (
        "so that the widget sees that its token is over"
    )
    assert cors(post("tokens/", {"user": "u", "origin": SITE}, site.key)) == {}, "tokens are made by servers"


def test_words_in_the_pages_language(site):
    def setup(language):
        return (
            Client()
            .get(f"/api/v1/widget/setup/?project=clinic&language={language}", **headers(site.token(), SITE))
            .json()
        )

    assert [r["label"] for r in setup("en")["down"]] == ["Not correct", "<img src=x onerror=alert(1)>"]
    assert setup("zh-CN")["down"][0] == {"key": "wrong", "label": "内容有误"}
    assert setup("fr")["words"]["send"] == "Send" and setup("en")["up"] == []
    assert set(setup("zh")["words"]) == set(setup("en")["words"])


def test_what_is_no_feedback_is_refused(site):
    for bad in (
        {"kind": "score", "value": 3},
        {"value": 5},
        {"value": "x"},
        {"reasons": ["none"]},
        {"reasons": "wrong"},
        {"target": ""},
        {"target": "x" * 201},
        {"text": []},
        {"text": "x" * 20_001},
        {"target": None},
        {"kind": "correction"},
        {"reasons": ["wrong", "wrong"], "value": -1},
    ):
        assert site.send(**bad).status_code == 400, bad
    for raw in (b"", b"{", b"[]", b'"x"', b'{"text": "\\u0000"}', b'{"target": "\\ud800"}'):
        response = Client().post(
            "/api/v1/widget/feedback/?project=clinic",
            raw,
            content_type="application/json",
            **headers(site.token(), SITE),
        )
        assert response.status_code == 400, raw
    assert not Reaction.objects.exists()


def test_limits(site, settings, monkeypatch):
    token = site.token()
    monkeypatch.setattr(widget_api, "PERSON_PER_MINUTE", 2)
    answers = [site.send(token, value=1 - i % 2) for i in range(3)]
    assert [a.status_code for a in answers] == [201, 201, 429] and int(answers[2]["Retry-After"]) > 0
    settings.WIDGET_PER_MINUTE = 1
    assert [site.send("x").status_code for _i in range(2)][1] == 429
    monkeypatch.setattr(widget_api, "TOKENS_PER_MINUTE", 0)
    assert post("tokens/", {"user": "u", "origin": SITE}, site.key).status_code == 429


def test_where_texts_are_not_kept_none_is(site):
    ChatSettings.objects.update(keep="ids")
    site.answer()
    site.send(text="private words", value=-1, reasons=["wrong"])
    row = Reaction.objects.get()
    assert (row.text, row.reasons) == ("", ["wrong"]) and row.message == Message.objects.get(role="assistant")


def test_masking_before_storage_reaches_ids_too(site):
    ChatSettings.objects.update(masking="storage")
    assert site.send(target="call 13812345678", text="or mail a@b.example").status_code == 201
    assert "13812345678" not in str(list(Reaction.objects.values())) and "a@b.example" not in str(
        list(Reaction.objects.values())
    )


def test_the_script_may_be_used_anywhere():
    response = Client().get("/widget.js")
    assert response.status_code == 200 and response["Content-Type"].startswith("text/javascript")
    assert (
        response["Cross-Origin-Resource-Policy"] == "cross-origin"
        and "max-age=600" in response["Cache-Control"]
    )
    assert not response.cookies and len(response.content) < 11_100
    assert Client().get("/widget.js", HTTP_IF_NONE_MATCH=response["ETag"]).status_code == 304
    assert Client().post("/widget.js").status_code == 405
    text = response.content.decode()
    assert "innerHTML" not in text and "cookie" not in text and "eval" not in text and "import(" not in text


def test_keys_are_held_to_their_project(site):
    other = Site("other")
    # as if moved: its person manages nothing here
    ApiKey.objects.filter(pk=other.row.pk).update(project=site.project)
    assert post("tokens/", {"user": "u", "origin": SITE}, other.key).status_code == 403
    assert auth.find_key(f"Bearer {other.key}").person_role is None


def test_hostile_values_never_crash_it(site):
    """Every part of a good request replaced by hostile ones, with a good token: refused or kept, on either
    database."""
    from tests.core.pages.test_hostile_input import RAW, mutated

    token, client = site.token(), Client(raise_request_exception=False)
    wrong, seen = [], set()
    good = {"target": "chatcmpl-1", "kind": "thumb", "value": -1, "reasons": ["wrong"], "text": "t"}
    for path, form, more in (
        ("feedback/?project=clinic", good, headers(token, SITE)),
        ("tokens/", {"user": "u", "origin": SITE, "ttl": 60}, headers(site.key, None)),
    ):
        for body in [*mutated(form), *RAW]:
            limits.clear()
            cache.clear()
            with transaction.atomic():
                response = client.post(
                    f"/api/v1/widget/{path}", body, content_type="application/json", **more
                )
                transaction.set_rollback(True)
            seen.add(response.status_code)
            if response.status_code >= 500:
                wrong.append((path, str(body)[:200], response.status_code))
    for query in (
        "project=%00",
        "project=%ED%A0%80",
        "project=" + "x" * 5000,
        "project=clinic&language=%00",
        "project=clinic&version=%0d%0a",
        "format=x",
    ):
        for more in (headers(token, SITE), headers("\xff", "\x00"), headers(token, "x" * 5000)):
            for method in ("get", "post", "options", "put"):
                response = getattr(client, method)(f"/api/v1/widget/setup/?{query}", **more)
                if response.status_code >= 500:
                    wrong.append((query, more, response.status_code))
    assert wrong == []
    assert {201, 400} <= seen
