"""A project behind the proxy: its key, its endpoints on a test's own model server, and what came of an
exchange."""

import http.client
import json
from dataclasses import dataclass
from urllib.parse import urlsplit

from core.api import auth
from corpus.models import ModelVersion
from feedback.models import Arm, ChatSettings, Message
from feedback.proxy.log import writer
from inference.models import Endpoint
from tests.cast import make_member, make_project


@dataclass
class Behind:
    project: object
    manager: object
    key: str
    url: str  # of the model server

    def endpoint(
        self,
        name: str,
        *,
        model: str | None = None,
        version: str | None = None,
        weight: int | None = None,
        **fields,
    ) -> Endpoint:
        """An endpoint whose server calls its model `model`; with `weight`, an arm of the chat too."""
        known = ModelVersion.objects.get_or_create(
            project=self.project, name=version or f"version of {name}"
        )[0]
        values = {
            "base_url": self.url,
            "address": "127.0.0.1",
            "model_name": model or name,
            "model_version": known,
            "first_token_seconds": 2,
            "retries": 0,
        }
        endpoint = Endpoint.objects.create(
            project=self.project, name=name, **values | {"idle_seconds": 2} | fields
        )
        if weight:
            Arm.objects.create(project=self.project, endpoint=endpoint, weight=weight)
        return endpoint

    @property
    def headers(self) -> dict:
        return {"HTTP_AUTHORIZATION": f"Bearer {self.key}"}

    def post(self, client, **asked):
        """(response, its bytes) of a chat completion; all of it logged when this returns."""
        asked = {"messages": [{"role": "user", "content": "Hello"}]} | asked
        response = client.post(
            "/v1/chat/completions", json.dumps(asked), content_type="application/json", **self.headers
        )
        data = b"".join(response.streaming_content) if response.streaming else response.content
        response.close()
        assert writer.flush(20)
        return response, data

    def answers(self):
        return list(Message.objects.filter(project=self.project, role="assistant").order_by("pk"))


def behind(url: str, slug: str = "clinic", *, scope: str = "proxy", **chat) -> Behind:
    project = make_project(slug)
    ChatSettings.objects.create(project=project, enabled=True, **chat)
    manager = make_member(project, "manager")
    return Behind(
        project, manager, auth.new_key(user=manager, project=project, role="manager", scope=scope)[1], url
    )


def direct(
    url: str, body: bytes, *, key: str = "", path: str = "/chat/completions"
) -> tuple[int, dict, bytes]:
    """(status, headers, body as it came) of one request to an OpenAI-compatible server."""
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=20)
    headers = {"Content-Type": "application/json"} | ({"Authorization": f"Bearer {key}"} if key else {})
    connection.request("POST", parts.path + path, body, headers)
    answer = connection.getresponse()
    data = answer.read()
    connection.close()
    return answer.status, {k.lower(): v for k, v in answer.getheaders()}, data


def texts(data: bytes) -> str:
    """The text of a stream's pieces."""
    events = [
        line[6:] for line in data.decode().split("\n") if line.startswith("data: ") and line != "data: [DONE]"
    ]
    return "".join(c["delta"].get("content") or "" for e in events for c in json.loads(e).get("choices", []))
