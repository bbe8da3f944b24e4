"""A program that sends feedback: its key, its rows."""

import json

from django.test import Client

from core.api.auth import new_key
from tests.cast import make_member, make_project

PATH = "/api/v1/feedback/"


class Sender:
    """`sender.post(rows)` → (status, answer)."""

    def __init__(self, project=None, *, role: str = "manager", scope: str = "ingest"):
        self.project = project or make_project()
        self.user = make_member(self.project, role)
        self.row, self.key = new_key(user=self.user, project=self.project, role=role, scope=scope)
        self.client = Client()

    def post(self, data, *, raw: bytes | None = None, **headers):
        body = raw if raw is not None else json.dumps(data, ensure_ascii=False).encode()
        headers = {"Authorization": f"Bearer {self.key}"} | headers
        response = self.client.post(PATH, body, content_type="application/json", headers=headers)
        return response.status_code, response.json()

    def taken(self, data) -> dict:
        """The answer to rows of which none is refused."""
        status, answer = self.post(data)
        assert status in (200, 201) and not answer.get("errors"), answer
        return answer


def thumb(**fields) -> dict:
    return {"type": "reaction", "kind": "thumb", "value": "up", "target": "a1", "user": "zhang"} | fields


def talk(*turns: str, **fields) -> dict:
    """A conversation of `turns`, user first; the answers have the ids a1, a2 …"""
    messages = []
    for i, text in enumerate(turns):
        messages.append(
            {"role": "assistant", "content": text, "id": f"a{i // 2 + 1}"}
            if i % 2
            else {"role": "user", "content": text}
        )
    return {"type": "conversation", "user": "zhang", "messages": messages} | fields


def choice(**fields) -> dict:
    drafts = [{"text": "first"}, {"text": "second"}]
    return {
        "type": "choice",
        "user": "zhang",
        "verdict": "better",
        "chosen": 1,
        "drafts": drafts,
        "messages": [{"role": "user", "content": "q"}],
    } | fields
