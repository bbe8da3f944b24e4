"""What somebody may not send is refused before a byte of it is read: by its stated length, and by who they
are."""

import pytest
from django.conf import settings
from django.test import Client

from tests import cast

pytestmark = pytest.mark.django_db
MULTIPART = "multipart/form-data; boundary=B"


class Unread:
    """A body whose bytes are counted as they are read."""

    def __init__(self):
        self.taken = 0

    def read(self, size=-1):
        self.taken += size
        return b"x" * size

    readline = read


def post(client: Client, path: str, length: int, *, kind: str = MULTIPART, **headers) -> tuple[int, int]:
    """(status, bytes read) of a POST that says it has `length` bytes."""
    body = Unread()
    response = client.generic(
        "POST",
        path,
        b"",
        **{"CONTENT_TYPE": kind, "CONTENT_LENGTH": str(length), "wsgi.input": body},
        **headers,
    )
    return response.status_code, body.taken


def browser(user) -> tuple[Client, dict]:
    client = Client(enforce_csrf_checks=True, raise_request_exception=False)
    client.force_login(user)
    client.get("/account/")
    return client, {"HTTP_X_CSRFTOKEN": client.cookies["csrftoken"].value}


def test_an_upload_is_not_read_before_role_and_length_are_known():
    project = cast.make_project()
    path = f"/api/v1/projects/{project.slug}/import/"
    for user, length, status in (
        (cast.make_user("stranger"), 10**9, 404),
        (cast.make_member(project, "annotator"), 10**9, 403),
        (cast.make_member(project, "manager"), settings.IMPORT_MAX_BYTES + 10**6, 413),
    ):
        client, token = browser(user)
        assert post(client, path, length, **token) == (status, 0)
        assert post(client, path, length) == (403, 0)  # without the token's header
        assert post(client, f"/p/{project.slug}/import/", length, **token)[1] == 0


@pytest.mark.parametrize(
    "path", ["/login/", "/preferences/", "/invite/x/", "/api/v1/projects/p/next/", "/chat/p/api/turn/"]
)
@pytest.mark.parametrize("kind", [MULTIPART, "application/x-www-form-urlencoded"])
def test_a_stranger_sends_short_forms(path, kind):
    client = Client(enforce_csrf_checks=True, raise_request_exception=False)
    client.get("/login/")
    status, taken = post(client, path, 70_000, kind=kind)
    assert status in (404, 413) and taken == 0


def test_who_is_signed_in_sends_longer_ones(client):
    client.force_login(cast.make_user("somebody"))
    assert (
        client.post(
            "/account/",
            {"first_name": "n", "language": "en", "theme": "dark", "text_size": "0", "more": "x" * 100_000},
        ).status_code
        == 302
    )
