"""What a browser sends, without one: cookies and the token of forms, against a real web server."""

import http.cookiejar
import json
import urllib.error
import urllib.parse
import urllib.request

from core.models import Project, User
from tests.cast import make_member, make_user

PASSWORD = "correct horse battery"


def make_account(project: Project, name: str, role: str) -> User:
    """A member of `project` who can sign in with PASSWORD."""
    user = make_user(name)
    user.set_password(PASSWORD)
    user.save()
    return make_member(project, role, user)


class Browser:
    """Somebody's browser: cookies, and the token of forms."""

    def __init__(self, url):
        self.url = url
        self.cookies = http.cookiejar.CookieJar()
        self._opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(self.cookies))
        self.send("/login/")

    def send(self, path, data=None, *, form=None):
        """(status, answer as JSON or text)."""
        headers = {
            "Accept": "application/json",
            "X-CSRFToken": next((c.value for c in self.cookies if c.name == "csrftoken"), ""),
        }
        body = (
            urllib.parse.urlencode(form).encode()
            if form is not None
            else None
            if data is None
            else json.dumps(data).encode()
        )
        if data is not None:
            headers["Content-Type"] = "application/json"
        try:
            with self._opener.open(
                urllib.request.Request(self.url + path, body, headers), timeout=30
            ) as response:
                status, text = response.status, response.read().decode()
        except urllib.error.HTTPError as exc:
            status, text = exc.code, exc.read().decode()
        try:
            return status, json.loads(text)
        except ValueError:
            return status, text

    def sign_in(self, name, password=PASSWORD):
        return self.send("/login/", form={"username": name, "password": password})[0]
