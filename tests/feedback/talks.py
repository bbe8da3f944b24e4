"""A chat for tests: its project and arms on a real model server in a thread, browsers, turns as lists of
lines, and rows of feedback without either."""

import contextlib
import json
import threading
import time
from itertools import count

import pytest
from django.db import connections
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from corpus.models import ModelVersion
from feedback.chat import streaming
from feedback.chat.settings import actions as chat_settings
from feedback.conversations import end_users
from feedback.models import Arm, ChatLink, ChatSettings, Choice, Conversation, EndUser, Message, Reaction
from inference.models import Endpoint
from tests.cast import make_project, make_user
from tests.inference import faulty

_n = count(1)


@pytest.fixture
def model_server(settings):
    """The model server (tests.inference.faulty), allowed as a host; no answer outlives the test."""
    with faulty.serve() as server:
        settings.ENDPOINT_HOSTS = [f"127.0.0.1:{server.port}"]
        yield server
        server.released.set()
        settle()


def settle(seconds: float = 20) -> None:
    """Wait until no answer is being read or saved, and no thread is left that holds a connection."""
    end = time.monotonic() + seconds
    while streaming.reading() or any(t.name == "answers-saver" for t in threading.enumerate()):
        assert time.monotonic() < end, "answers are still being written"
        time.sleep(0.01)


def make_arm(
    project, url: str = "http://127.0.0.1:9/v1", model: str = "ok", *, weight: int = 1, **fields
) -> Arm:
    """An endpoint whose server calls its model `model`, as an arm. Short patience, no second tries."""
    name = fields.pop("name", f"{model} {next(_n)}")
    version = ModelVersion.objects.get_or_create(
        project=project, name=fields.pop("version", f"version of {name}")
    )[0]
    values = {
        "first_token_seconds": 5,
        "idle_seconds": 5,
        "total_seconds": 60,
        "retries": 0,
        "max_characters": 2_000_000,
    }
    endpoint = Endpoint.objects.create(
        project=project,
        name=name,
        base_url=url,
        address="127.0.0.1",
        model_name=model,
        model_version=version,
        **values | fields,
    )
    return Arm.objects.create(project=project, endpoint=endpoint, weight=weight)


def make_chat(slug: str | None = None, *, server=None, models=("ok",), **fields):
    """A project whose chat is on; its arms on `server`, one for each of `models`."""
    project = make_project(slug)
    chat = chat_settings.of(project)
    values = {"enabled": True, "turns_per_minute": 1000} | fields
    ChatSettings.objects.filter(pk=chat.pk).update(**values)
    project.refresh_from_db()
    for model in models:
        make_arm(project, server.url if server else "http://127.0.0.1:9/v1", model)
    return project


def make_link(project, *, days: int = 7, **fields) -> tuple[ChatLink, str]:
    """A link for guests and the path it is opened at."""
    link, token = chat_settings.create_link(project=project, actor=make_user(), label="", days=days)
    ChatLink.objects.filter(pk=link.pk).update(**fields)
    return link, reverse("chat_join", args=[token])


class Browser:
    """One person's browser on a project's chat."""

    def __init__(self, project, user=None, **options):
        self.project, self.base = project, f"/chat/{project.slug}/"
        self.client = Client(HTTP_ACCEPT="application/json", **options)
        if user is not None:
            self.client.force_login(user)

    def get(self, path: str, **query):
        return self.client.get(self.base + "api/" + path, query)

    def post(self, path: str, **body):
        return self.client.post(self.base + "api/" + path, json.dumps(body), content_type="application/json")

    def join(self, path: str, **form):
        return self.client.post(path, form)

    def turn(
        self, text: str = "Hello", *, conversation=None, parent=None, key: str = "", **more
    ) -> list[dict]:
        """The lines of a turn, all of them; of a refusal its JSON."""
        body = {
            "conversation": conversation,
            "parent": parent,
            "text": text,
            "client_key": key or new_key(),
            **more,
        }
        return said(self.post("turn/", **body))

    def again(self, message: int, *, key: str = "", **more) -> list[dict]:
        return said(self.post("regenerate/", message=message, client_key=key or new_key(), **more))

    def talk(self, pk: int) -> dict:
        return self.get(f"conversations/{pk}/").json()


def new_key() -> str:
    return f"key-of-a-test-{next(_n)}"


def said(response) -> list[dict]:
    """The lines of a stream."""
    assert response.status_code == 200, response.content
    data = b"".join(response.streaming_content)
    response.close()
    return [json.loads(line) for line in data.splitlines()]


def text_of(lines: list[dict], a: int = 0) -> str:
    return "".join(line["d"] for line in lines if line["e"] == "text" and line["a"] == a)


def end_of(lines: list[dict], a: int = 0) -> dict:
    return next(line for line in lines if line["e"] == "end" and line["a"] == a)


@contextlib.contextmanager
def in_thread(job, *args):
    """Run `job(*args)` beside the block; its connections are closed."""

    def run():
        try:
            job(*args)
        finally:
            connections.close_all()

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield thread
    finally:
        thread.join(60)
        assert not thread.is_alive()


# Rows without a server.


def make_end_user(project, key: str | None = None) -> EndUser:
    return end_users.of_key(project, key or f"person {next(_n)}")


def make_talk(project, *turns: str, end_user=None, **fields) -> list[Message]:
    """A conversation of `turns`, question and answer in turn; its messages. The head is the last."""
    end_user = end_user or make_end_user(project)
    texts = turns or ("What is it?", "It is that.")
    conversation = Conversation.objects.create(
        project=project, end_user=end_user, title=texts[0][:120], **fields
    )
    out: list[Message] = []
    for i, text in enumerate(texts):
        parent = out[-1] if out else None
        out.append(make_message(conversation, text, role="assistant" if i % 2 else "user", parent=parent))
    Conversation.objects.filter(pk=conversation.pk).update(head=out[-1])
    return out


def make_message(
    conversation, text: str, *, role: str = "assistant", parent=None, model: str | None = None, **fields
) -> Message:
    version = (
        ModelVersion.objects.get_or_create(project=conversation.project, name=model)[0] if model else None
    )
    return Message.objects.create(
        project=conversation.project,
        conversation=conversation,
        parent=parent,
        role=role,
        text=text,
        model_version=version,
        **fields,
    )


def make_reaction(message: Message, value: int = -1, **fields) -> Reaction:
    """A thumb of the talk's own person, as a row."""
    values = {"kind": "thumb", "end_user": message.conversation.end_user, "message": message, "value": value}
    return Reaction.objects.create(project=message.project, **values | fields)


def make_choice(
    parent: Message, answers: list[Message], chosen: Message | None, verdict: str = "better", **fields
) -> Choice:
    shown = [
        {"message": m.pk, "position": m.position, "complete": m.state == "complete", "seen": True}
        for m in answers
    ]
    place = answers.index(chosen) if chosen else None
    values = {
        "end_user": parent.conversation.end_user,
        "chosen": chosen,
        "place": place,
        "verdict": verdict,
        "shown": shown,
    }
    return Choice.objects.create(project=parent.project, parent=parent, **values | fields)


def long_ago(message: Message, **delta) -> None:
    Message.objects.filter(pk=message.pk).update(created_at=timezone.now() - timezone.timedelta(**delta))
