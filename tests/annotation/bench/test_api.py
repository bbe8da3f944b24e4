"""The bench over HTTP: keys and sessions, statements per request, blindness, errors as JSON."""

import json
import re
from itertools import pairwise

import pytest
from django.core.cache import cache
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from annotation.models import Annotation, Assignment, Item
from annotation.work import queue
from core.api.auth import new_key
from corpus.models import Response
from tests.cast import make_item, make_member, make_project, make_prompt

pytestmark = pytest.mark.django_db
SQLITE = connection.vendor == "sqlite"


@pytest.fixture
def project():
    return make_project("clinic", overlap=3)


@pytest.fixture
def alice(project):
    return make_member(project, "annotator")


class Api:
    """A client with a Bearer key."""

    def __init__(self, user, project, role="annotator"):
        self.client = Client()
        self.headers = {"HTTP_AUTHORIZATION": f"Bearer {new_key(user=user, project=project, role=role)[1]}"}

    def post(self, path, body=None):
        return self.client.post(
            f"/api/v1/{path}", data=json.dumps(body or {}), content_type="application/json", **self.headers
        )

    def get(self, path):
        return self.client.get(f"/api/v1/{path}", **self.headers)


@pytest.fixture
def api(alice, project):
    return Api(alice, project)


def statements(captured):
    """SQL that reads or writes rows, without transaction control."""
    control = ("BEGIN", "COMMIT", "SAVEPOINT", "RELEASE")
    sent = [q["sql"] for q in captured.captured_queries if not (q["sql"] or "").startswith(control)]
    # of what goes together in a pipeline Django knows no text: that is one way to the server and back
    return [sql for before, sql in pairwise(["", *sent]) if sql is not None or before is not None]


def test_a_whole_working_day_over_the_api(api, project):
    make_item(project)
    got = api.post("projects/clinic/next/").json()
    pk = got["assignment"]["id"]
    assert [a["letter"] for a in got["item"]["answers"]] == ["A", "B", "C"]
    assert (
        api.post(f"assignments/{pk}/draft/", {"document": {"comment": "x"}, "revision": 0}).json()["revision"]
        == 1
    )
    assert (
        api.post(f"assignments/{pk}/draft/", {"document": {"comment": "y"}, "revision": 0}).status_code == 409
    )
    assert "lease_until" in api.post(f"assignments/{pk}/heartbeat/", {"active_ms": 5000}).json()
    body = {"document": {"ranking": [["B"], ["A"], ["C"]]}, "client_key": "one", "active_ms": 6000}
    first = api.post(f"assignments/{pk}/submit/", body)
    assert first.status_code == 200 and first.json()["progress"]["mine_today"] == 1
    assert api.post(f"assignments/{pk}/submit/", body).json()["annotation"] == first.json()["annotation"]
    assert api.get(f"assignments/{pk}/").json()["assignment"]["annotation"]["document"]["ranking"] == [
        ["B"],
        ["A"],
        ["C"],
    ]
    undone = api.post(f"assignments/{pk}/undo/").json()
    assert undone["assignment"]["draft"]["ranking"] == [["B"], ["A"], ["C"]]
    assert api.post(f"assignments/{pk}/release/").json() == {"state": "released"}
    assert api.post("projects/clinic/next/").json()["assignment"]["id"] == pk
    assert api.post(f"assignments/{pk}/skip/", {"reason": "not_my_field"}).json() == {"state": "skipped"}
    assert api.post("projects/clinic/next/").status_code == 204
    assert api.get("projects/clinic/progress/").json()["total"] == 1


def test_statements_per_request(api, alice, project):
    for _i in range(30):
        make_item(project)
    bob = Api(make_member(project, "annotator"), project)
    bob.post("projects/clinic/next/")  # so that the item under test has a place taken
    most_next = most_submit = 0
    for i in range(20):
        cache.clear()
        with CaptureQueriesContext(
            connection,
        ) as asked:
            got = api.post("projects/clinic/next/").json()
        pk = got["assignment"]["id"]
        if i:  # the first use of a key also notes when it was used, and makes the annotator
            most_next = max(most_next, len(statements(asked)))
        with CaptureQueriesContext(connection) as submitted:
            api.post(
                f"assignments/{pk}/submit/",
                {"document": {"ranking": [["A"], ["B"], ["C"]]}, "client_key": "k"},
            )
        most_submit = max(most_submit, len(statements(submitted)))
    # PostgreSQL takes what needs no answer in between in one go.
    assert most_next <= (8 if SQLITE else 6)
    assert most_submit <= (12 if SQLITE else 6)


def test_statements_of_the_verbs_and_one_transaction(alice, project):
    from annotation.work import submit

    bob = make_member(project, "annotator")
    for i in range(40):
        make_item(project, position=i)
    queue.claim(project=project, user=bob)
    queue.claim(project=project, user=alice)
    for _i in range(20):
        with CaptureQueriesContext(connection) as asked:
            a = queue.claim(project=project, user=alice)
        assert len(statements(asked)) <= (6 if SQLITE else 4)
        a = Assignment.objects.get(annotator__user=alice, state="open")
        with CaptureQueriesContext(connection) as submitted:
            submit.submit(user=alice, pk=a.pk, given={"ranking": [["A"], ["B"], ["C"]]}, client_key="k")
        assert len(statements(submitted)) <= (9 if SQLITE else 3), statements(submitted)
        assert sum((q["sql"] or "").startswith("SAVEPOINT") for q in submitted.captured_queries) == 1
        with CaptureQueriesContext(connection) as claimed:
            queue.claim(project=project, user=alice)
        assert len(statements(claimed)) <= (6 if SQLITE else 4), statements(claimed)
        assert sum((q["sql"] or "").startswith("SAVEPOINT") for q in claimed.captured_queries) == 1


def test_nothing_in_the_payload_tells_who_answered(api, alice, project):
    prompt = make_prompt(project, metadata={"secret": "from-gpt"}, text="which dose?")
    item = make_item(project, answers=["zeta", "eta", "theta", "iota"], prompt=prompt)
    Response.objects.filter(prompt=prompt).update(external_id="ext-secret-77")
    got = api.post("projects/clinic/next/", {"html": True})
    text = got.content.decode()
    for word in ("cast-model", "ext-secret-77", "from-gpt", '"origin"', "model"):
        assert word not in text.replace('"model_', ""), word
    numbers = {
        int(n) for n in re.findall(r"(?<![\w.-])\d+(?![\w.-])", json.dumps(got.json()["item"]["answers"]))
    }
    assert not numbers & set(Response.objects.filter(prompt=prompt).values_list("pk", flat=True))
    order = Assignment.objects.get(item=item).order
    texts = ["zeta", "eta", "theta", "iota"]
    assert [a["text"] for a in got.json()["item"]["answers"]] == [texts[i] for i in order]
    assert "order" not in got.json()["assignment"]


def test_who_may_not(project, alice):
    make_item(project)
    stranger = Api(make_member(make_project("other"), "manager"), make_project("third"), role="manager")
    assert stranger.post("projects/clinic/next/").status_code == 404
    reader = Api(make_member(project, "user"), project, role="user")
    assert reader.post("projects/clinic/next/").status_code == 403
    assert (
        Client().post("/api/v1/projects/clinic/next/", data="{}", content_type="application/json").status_code
        == 401
    )
    wrong = Client().post(
        "/api/v1/projects/clinic/next/",
        data="{}",
        content_type="application/json",
        HTTP_AUTHORIZATION="Bearer tsk_0_0",
    )
    assert wrong.status_code == 401 and wrong.json()["error"]["code"] == "authentication_failed"
    # A key never does more than its own role, whatever its person may.
    weak = Api(make_member(project, "manager"), project, role="user")
    assert weak.post("projects/clinic/next/").status_code == 403


def test_a_key_of_one_project_does_nothing_in_another(alice, project):
    other = make_project("other")
    make_member(other, "annotator", alice)
    make_item(project)
    a = queue.claim(project=project, user=alice)
    elsewhere = Api(alice, other)
    assert elsewhere.post("projects/clinic/next/").status_code == 404
    for verb, body in (
        ("heartbeat", {}),
        ("submit", {"document": {"acceptable": 0}, "client_key": "k"}),
        ("skip", {"reason": "unclear"}),
        ("report", {}),
        ("undo", {}),
    ):
        assert elsewhere.post(f"assignments/{a.pk}/{verb}/", body).status_code == 404, verb
    assert elsewhere.get(f"assignments/{a.pk}/").status_code == 404
    assert not Annotation.objects.exists() and not Item.objects.filter(hidden=True).exists()


@pytest.mark.parametrize(
    "raw",
    [
        b"{",
        b"[1]",
        b'{"document": NaN, "client_key": "k"}',
        b'{"client_key": "a", "client_key": "b"}',
        b'{"document": {"comment": "\\u0000"}, "client_key": "k"}',
        b'{"document": {"comment": "\\ud800"}, "client_key": "k"}',
        b"[" * 5000,
        b"\xff\xfe",
        b'{"document": 5, "client_key": "k"}',
        b'{"document": {"ranking": [[["A"]]]}, "client_key": "k"}',
        b'{"document": {"ratings": {"A": 5}}, "client_key": "k"}',
        b'{"document": {"ranking": [["A"],["B"]], "acceptable": 99999999999999999999}, "client_key": "k"}',
        b'{"document": {"corrections": [{"target": "response", "answer": ["A"], "text": "x"}], '
        b'"ranking": [["A"],["B"]]}, "client_key": "k"}',
        b'{"document": {"spans": [{"start": 0, "end": 4}], "ranking": [["A"],["B"]]}, "client_key": '
        b'"k", "active_ms": -1}',
        b'{"document": {"not_read": [{}], "ranking": [["A"],["B"]]}, "client_key": "k"}',
        b'{"document": {"verdict": {}}, "client_key": "k"}',
        b'{"document": {"rest": []}, "client_key": "k"}',
        b'{"document": {"schema": {}}, "client_key": "k"}',
    ],
)
def test_bad_bodies_are_400_with_a_reason_and_change_nothing(api, project, raw):
    make_item(project)
    pk = api.post("projects/clinic/next/").json()["assignment"]["id"]
    answer = api.client.post(
        f"/api/v1/assignments/{pk}/submit/", data=raw, content_type="application/json", **api.headers
    )
    assert answer.status_code == 400 and answer.json()["error"]["message"]
    assert not Annotation.objects.exists()


def test_a_browser_session_needs_its_csrf_token(alice, project):
    make_item(project)
    client = Client(enforce_csrf_checks=True)
    client.force_login(alice)
    assert (
        client.post("/api/v1/projects/clinic/next/", data="{}", content_type="application/json").status_code
        == 403
    )


def test_a_draft_that_is_no_judgement_by_its_size_is_refused_and_the_last_one_kept(api, project):
    make_item(project)
    pk = api.post("projects/clinic/next/").json()["assignment"]["id"]
    assert (
        api.post(
            f"assignments/{pk}/draft/", {"document": {"comment": "字" * 600_000}, "revision": 0}
        ).status_code
        == 200
    )
    refused = api.post(f"assignments/{pk}/draft/", {"document": {"comment": "x" * 2_100_000}, "revision": 1})
    assert (refused.status_code, refused.json()["error"]["code"], refused.json()["error"]["field"]) == (
        413,
        "too_large",
        "document",
    )
    assert Assignment.objects.get(pk=pk).draft == {"comment": "字" * 600_000}


@pytest.mark.parametrize("keys", ["[" * 20_000, '{"keys": ' * 20_000, "{", "[]", ""])
def test_keys_that_nest_by_the_thousands_are_no_keys(alice, keys):
    client = Client(raise_request_exception=False)
    client.force_login(alice)
    assert client.post(reverse("bench_keys"), {"keys": keys}).status_code == 400
