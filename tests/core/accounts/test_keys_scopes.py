"""Keys of narrow scope open one door; keys end when they are told to; a key is replaced while the old one
goes on for a while."""

import json
import re
from datetime import timedelta

import pytest
from django.core.management import CommandError, call_command
from django.db import transaction
from django.test import Client
from django.utils import timezone
from rest_framework.test import APIRequestFactory
from rest_framework.views import APIView

from core.accounts import api_keys
from core.api import auth
from core.errors import Conflict, DomainError
from core.models import ApiKey, Event, Member
from tests.cast import make_member, make_project, make_user
from tests.core.pages.test_role_matrix import BODIES, MATRIX, house, patterns, url_of  # noqa: F401 - a fixture

pytestmark = pytest.mark.django_db

# What such a key is for, and what anybody may read without one.
DOORS = {
    "ingest": {"api_feedback", "api_widget_tokens"},
    "proxy": {"proxy_chat", "proxy_models", "proxy_model", "proxy_root", "proxy_unknown"},
}
# the last two know widget tokens only
OPEN_TO_ALL = {"schema", "api_docs", "api_widget_setup", "api_widget_feedback"}


def bearer(text: str) -> dict:
    return {"HTTP_AUTHORIZATION": f"Bearer {text}"}


@pytest.fixture
def cast():
    project = make_project("p")
    manager = make_member(project, "manager")
    client = Client()
    client.force_login(manager)
    return project, manager, client


def works(text, slug="p") -> int:
    return Client().get(f"/api/v1/projects/{slug}/progress/", **bearer(text)).status_code


@pytest.mark.parametrize("scope", ["ingest", "proxy"])
def test_a_narrow_key_opens_nothing_else(house, scope):  # noqa: F811
    """Every address of the house, with a key of a manager that holds the strongest role: refused, wherever it
    is not the key's door."""
    project, who, _ids, _given = house
    row, key = auth.new_key(user=who["manager"], project=project, role="manager", scope=scope)
    let_in, asked = {}, 0
    for name, params in patterns():
        if name in DOORS[scope] | OPEN_TO_ALL or not name.startswith(("api_", "proxy_", "schema")):
            continue
        url = url_of(name, params, house)
        for method in ("get", "post", "put", "patch", "delete"):
            client = Client(raise_request_exception=False)
            with transaction.atomic():
                more = (
                    {}
                    if method == "get"
                    else {"data": json.dumps(BODIES.get(name, {})), "content_type": "application/json"}
                )
                response = getattr(client, method)(url, **more, **bearer(key))
                response.close()
                transaction.set_rollback(True)
            asked += 1
            if response.status_code not in (401, 403, 404):
                let_in[(name, method)] = response.status_code
    assert let_in == {}
    assert asked >= 5 * 20
    assert set(MATRIX) >= {"api_next", "api_exports"}
    # The same key opens pages no more than no key does.
    assert Client().get("/p/clinic/", **bearer(key)).status_code == 302
    assert row.scope == scope


def test_a_view_lets_a_narrow_key_in_by_naming_it(cast):
    project, manager, _client = cast

    class Door(APIView):
        key_scope = "ingest"

        def post(self, request):
            from rest_framework.response import Response

            return Response({"project": auth.scoped(request, "ingest").slug})

    def answer(text):
        return Door.as_view()(APIRequestFactory().post("/", **bearer(text))).status_code

    def key(role="manager", user=manager, **more):
        return auth.new_key(user=user, project=project, role=role, **more)[1]

    assert answer(key(scope="ingest", role="user")) == 200
    assert answer(key()) == 200
    assert answer(key(scope="proxy")) == 403
    assert answer(key(role="reviewer")) == 403, "a key for scripts of a weaker role"
    annotator = make_member(project, "annotator")
    assert answer(key(user=annotator, scope="ingest")) == 403, "whose person does not manage the project"
    text = key(scope="ingest")
    Member.objects.filter(user=manager).update(role="reviewer")
    assert answer(text) == 403, "whose person manages it no more"
    assert Door.as_view()(APIRequestFactory().post("/")).status_code == 401


def test_only_managers_make_them_on_the_page(cast):
    project, _manager, client = cast
    page = client.post(
        "/p/p/keys/", {"name": "site", "scope": "ingest", "role": "manager", "expires_days": "30"}
    ).content.decode()
    row = ApiKey.objects.get()
    assert (row.scope, row.role, row.name) == ("ingest", "user", "site")
    assert timedelta(days=29) < row.expires_at - timezone.now() < timedelta(days=30)
    assert "Feedback only" in page
    assert works(re.search(r"tsk_[0-9a-f]{12}_[\w-]+", page)[0]) == 403
    other = Client()
    other.force_login(make_member(project, "reviewer"))
    assert other.post("/p/p/keys/", {"name": "x", "scope": "proxy", "role": "annotator"}).status_code == 400
    assert "Proxy" not in other.get("/p/p/keys/").content.decode()
    assert ApiKey.objects.count() == 1


def test_the_keys_page_leads_to_the_addresses(cast):
    assert 'href="/api/docs/"' in cast[2].get("/p/p/keys/").content.decode()


def test_the_keys_page_is_a_tab(cast):
    _project, _manager, client = cast
    assert '<a href="/p/p/keys/" aria-current="page">' in client.get("/p/p/keys/").content.decode()


def test_the_command_makes_them(cast, capsys):
    _project, manager, _client = cast
    call_command("create_api_key", manager.username, "p", "--scope", "proxy", "--expires-days", "2", "--json")
    key = auth.find_key("Bearer " + json.loads(capsys.readouterr().out)["key"])
    assert key.scope == "proxy" and key.expires_at < timezone.now() + timedelta(days=2)
    with pytest.raises(CommandError):
        call_command("create_api_key", manager.username, "p")
    with pytest.raises(CommandError):
        call_command(
            "create_api_key", make_member(key.project, "annotator").username, "p", "--scope", "ingest"
        )


def test_an_expired_or_revoked_key_is_nobodys(cast):
    project, manager, _client = cast
    row, text = api_keys.create_api_key(project=project, user=manager, role="manager", expires_days=1)
    assert works(text) == 200
    ApiKey.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    assert works(text) == 401
    row, text = api_keys.create_api_key(project=project, user=manager, role="manager")
    api_keys.revoke_api_key(key=row, actor=manager)
    assert works(text) == 401
    assert works("tsk_" + "0" * 12 + "_x") == works(text[:-1]) == works(text + "x") == 401


def test_replacing_a_key(cast):
    project, manager, client = cast
    row, old = api_keys.create_api_key(
        project=project, user=manager, role="reviewer", name="nightly", expires_days=90
    )
    page = client.post(f"/p/p/keys/{row.pk}/rotate/").content.decode()
    new = re.search(r"tsk_[0-9a-f]{12}_[\w-]+", page)[0]
    assert new != old and works(new) == works(old) == 200
    assert new not in client.get("/p/p/keys/").content.decode()
    kept, made = ApiKey.objects.order_by("pk")
    assert (made.user, made.role, made.scope, made.name) == (manager, "reviewer", "all", "nightly")
    assert kept.replaced_by == made
    assert timedelta(hours=23, minutes=59) < kept.expires_at - timezone.now() <= timedelta(hours=24)
    assert timedelta(days=89) < made.expires_at - timezone.now() <= timedelta(days=90)
    assert Event.objects.get(verb="key.rotate").data == {"new": made.pk}
    with pytest.raises(Conflict):
        api_keys.rotate_api_key(key=kept, actor=manager)
    ApiKey.objects.filter(pk=kept.pk).update(expires_at=timezone.now())
    assert (works(old), works(new)) == (401, 200)
    assert kept.prefix not in client.get("/p/p/keys/").content.decode()


def test_a_key_is_replaced_by_its_own_person_only(cast):
    """Its new text acts as them: a manager who could read it would be them."""
    project, manager, client = cast
    annotator = make_member(project, "annotator")
    row, text = api_keys.create_api_key(project=project, user=annotator, role="annotator")
    assert client.post(f"/p/p/keys/{row.pk}/rotate/").status_code == 404
    with pytest.raises(DomainError):
        api_keys.rotate_api_key(key=row, actor=manager)
    stranger = Client()
    stranger.force_login(make_user())
    assert stranger.post(f"/p/p/keys/{row.pk}/rotate/").status_code == 404
    _new, at_once = api_keys.rotate_api_key(key=row, actor=annotator, grace=timedelta(0))
    assert (works(text), works(at_once)) == (401, 200)


def test_use_is_noted_without_writing_each_time(cast, django_assert_num_queries):
    project, manager, _client = cast
    row, text = api_keys.create_api_key(project=project, user=manager, role="manager")
    auth.find_key(f"Bearer {text}")
    row.refresh_from_db()
    assert row.last_used_at is not None
    with django_assert_num_queries(1):
        auth.find_key(f"Bearer {text}")


def test_a_key_of_one_project_does_nothing_in_another(cast):
    _project, manager, _client = cast
    other = make_project("q")
    make_member(other, "manager", manager)
    _row, text = auth.new_key(user=manager, project=other, role="manager")
    assert (works(text), works(text, "q")) == (404, 200)


def test_who_comes_without_the_right_key_is_told_what_to_do(cast):
    """At the door of the feedback API, as a program meets it the first day."""
    project, manager, _client = cast

    def ask(header="", kind="application/json"):
        more = {"HTTP_AUTHORIZATION": header} if header else {}
        answer = Client().post("/api/v1/feedback/", "{}", content_type=kind, **more)
        return answer.status_code, answer.json()["error"]["message"]

    for header in ("", "tsk_bare", "Token tsk_x"):
        status, said = ask(header)
        assert status == 401 and "Authorization: Bearer tsk_" in said
    status, said = ask("Bearer tsk_0_nothing")
    assert status == 401 and "revoked" in said and "API keys" in said
    proxy = auth.new_key(user=manager, project=project, role="manager", scope="proxy")[1]
    status, said = ask(f"Bearer {proxy}")
    assert status == 403 and "may send feedback" in said
    right = auth.new_key(user=manager, project=project, role="manager", scope="ingest")[1]
    status, said = ask(f"Bearer {right}", "application/x-www-form-urlencoded")
    assert status == 415 and "application/json" in said
    elsewhere = Client().get("/api/v1/projects/p/progress/", **bearer(right))
    assert elsewhere.status_code == 403
    assert "all that its role may do" in elsewhere.json()["error"]["message"]
