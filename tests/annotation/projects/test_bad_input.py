"""No page of the lead, the reviewer or the account answers bad input with a crash, nor keeps it silently."""

import pytest
from django.core.cache import cache
from django.test import Client

from annotation.projects import actions as projects
from tests.cast import make_item, make_member

pytestmark = pytest.mark.django_db
BAD = {
    "nul": "a\x00b",
    "huge": "x" * 300_000,
    "digits": "9" * 40,
    "wide digit": "９²",
    "minus": "-1",
    "script": "<script>alert(1)</script>",
    "override": "\u202eabc",
    "empty": "",
}
POSTS = {
    "/login/": ["username", "password", "next"],
    "/account/": ["first_name", "language", "theme", "text_size"],
    "/account/password/": ["old_password", "new_password", "again"],
    "/preferences/": ["theme", "step", "language", "next"],
    "/projects/new/": [
        "title",
        "slug",
        "description",
        "kind",
        "overlap",
        "ratings",
        "ratings_share",
        "lease_minutes",
        "pay_per_item",
        "guidelines",
        "names",
    ],
    "/p/p/clone/": ["title", "slug"],
    "/p/p/settings/": [
        "title",
        "description",
        "kind",
        "overlap",
        "ratings",
        "ratings_share",
        "lease_minutes",
        "pay_per_item",
    ],
    "/p/p/settings/criteria/": [
        "criteria-0-key",
        "criteria-0-en",
        "criteria-TOTAL_FORMS",
        "criteria-INITIAL_FORMS",
    ],
    "/p/p/guidelines/": ["text"],
    "/p/p/guidelines/preview/": ["text"],
    "/p/p/items/ITEM/hide/": ["comment"],
    "/p/p/items/ITEM/decide/": ["decision"],
    "/p/p/items/ITEM/tags/": ["tags"],
    "/p/p/review/ITEM/settle/": ["version", "comment"],
    "/p/p/members/add/": ["names", "role"],
    "/p/p/members/invite/": ["role", "days", "uses"],
    "/p/p/keys/": ["name", "role"],
    "/invite/TOKEN/": ["username", "password", "display_name"],
}
GOOD = {
    "title": "T",
    "slug": "new-one",
    "kind": "qa",
    "overlap": "1",
    "ratings": "none",
    "ratings_share": "100",
    "lease_minutes": "30",
    "role": "annotator",
    "days": "1",
    "uses": "1",
    "names": "somebody",
    "username": "somebody",
    "password": "a long enough phrase",
    "text_size": "0",
    "first_name": "n",
    "comment": "c",
    "tags": "t",
    "criteria-TOTAL_FORMS": "1",
    "criteria-INITIAL_FORMS": "0",
    "criteria-0-key": "k",
    "criteria-0-en": "K",
    "name": "n",
    "text": "t",
    "theme": "dark",
}
GETS = {
    "/p/p/items/": ["q", "state", "kind", "tag", "after", "hidden"],
    "/p/p/review/": ["state", "annotator", "tag", "before", "low"],
    "/p/p/work/": ["start", "end", "format"],
    "/p/p/guidelines/": ["version"],
    "/login/": ["next"],
}


@pytest.fixture
def cast():
    cache.clear()
    from core.accounts import invitations

    project = projects.create(actor=None, slug="p", title="P", kind="ranking")
    manager = make_member(project, "manager")
    client = Client()
    client.force_login(manager)
    _invite, token = invitations.create_invite(
        project=project, role="annotator", days=1, uses=50, actor=manager
    )
    return project, client, make_item(project), token


@pytest.mark.parametrize("path", POSTS)
def test_posts(cast, path):
    _project, client, item, token = cast
    address = path.replace("ITEM", str(item.pk)).replace("TOKEN", token)
    if path in ("/login/", "/invite/TOKEN/"):
        client = Client()
    for field in POSTS[path]:
        for kind, value in BAD.items():
            response = client.post(
                address, {name: GOOD[name] for name in POSTS[path] if name in GOOD} | {field: value}
            )
            assert response.status_code < 500, (field, kind)
            assert "<script>alert(1)</script>" not in response.content.decode(), (field, kind)
            if path == "/invite/TOKEN/":
                client = Client()


@pytest.mark.parametrize("path", GETS)
def test_gets(cast, path):
    _project, client, _item, _token = cast
    for field in GETS[path]:
        for kind, value in BAD.items():
            response = client.get(path, {field: value[:4000]})
            assert response.status_code < 500, (field, kind)
            assert "<script>alert(1)</script>" not in response.content.decode(), (field, kind)


@pytest.mark.parametrize(
    "path",
    [
        "items/{}/",
        "review/{}/",
        "members/{}/role/",
        "keys/{}/revoke/",
        "members/invite/{}/revoke/",
        "review/{}/{}/accept/",
    ],
)
def test_numbers_beyond_the_database_are_not_found(cast, path):
    _project, client, _item, _token = cast
    address = "/p/p/" + path.replace("{}", "9" * 30)
    led = client.get(address)
    # takes a form only: its page, if there is one
    assert led.status_code in (404, 405) or client.get(led.headers["Location"]).status_code in (200, 404)
    assert client.post(address).status_code in (404, 405)
