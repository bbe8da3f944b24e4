"""What is shown beside a key that was just made: code that works as it stands, with the address, the project
and the key filled in. Rooms above add theirs by the panel "keys.snippets"."""

import json
import shlex
from dataclasses import dataclass

from django.template.loader import render_to_string
from django.utils.functional import Promise

from core.models import ApiKey

PLACE = "keys.snippets"


@dataclass(frozen=True)
class NewKey:
    """The key of this answer, the only one that may show its text: on the request as `new_key`."""

    row: ApiKey
    text: str

    def opens(self, scope: str) -> bool:
        """Whether the key opens the door `scope`; a manager's key for everything opens every one."""
        row = self.row
        return row.scope == scope or (row.scope == ApiKey.Scope.ALL and row.role == "manager")


@dataclass(frozen=True)
class Snippet:
    """`name`: unique on the page; `title`: what it is, in the reader's language; `code`: ready to paste;
    `help`: what to know before; `where`: the page that the help speaks of."""

    name: str
    title: str | Promise
    code: str
    help: str | Promise = ""
    where: str = ""


def curl(address: str, key: str, body: object | None = None) -> str:
    """A request that a shell runs as it stands: a POST of `body` as JSON, or without it a GET."""
    lines = [f"curl -sS {shlex.quote(address)}", f"-H {shlex.quote('Authorization: Bearer ' + key)}"]
    if body is not None:
        lines += [
            "-H 'Content-Type: application/json'",
            "-d " + shlex.quote(json.dumps(body, ensure_ascii=False)),
        ]
    return " \\\n  ".join(lines)


def rendered(snippets: list[Snippet]) -> str:
    """As safe HTML, each with a button that copies it."""
    return render_to_string("core/_snippets.html", {"snippets": snippets}) if snippets else ""
