"""Every body the chat takes, with each of its parts replaced by hostile values: refused or taken, never a
crash, and nothing is left running."""

import json

import pytest
from django.db import transaction

from feedback.chat import requests as chat_requests
from feedback.chat import streaming
from feedback.conversations import end_users
from feedback.models import ChatSettings, Message
from tests.cast import make_member
from tests.core.pages.test_hostile_input import mutated
from tests.feedback.talks import Browser, make_chat, make_message, make_talk

pytestmark = pytest.mark.django_db


@pytest.fixture
def house(monkeypatch):
    """A person with a talk; turns are written, but no thread is started for them."""
    monkeypatch.setattr(chat_requests, "ACTS", 100_000)
    monkeypatch.setattr(streaming, "MOST", 100_000)
    monkeypatch.setattr(streaming, "begin", lambda turn: streaming.release(len(turn.answers)))
    project = make_chat("clinic", models=())
    ChatSettings.objects.update(turns_per_minute=100_000)
    user = make_member(project, "user")
    question, answer = make_talk(project, end_user=end_users.of_member(project, user))
    return (
        Browser(project, user),
        question,
        answer,
        make_message(question.conversation, "Another.", parent=question),
    )


def bodies(question, answer, other) -> dict[str, dict]:
    talk = question.conversation_id
    shown = [{"message": answer.pk, "seen": True}, {"message": other.pk, "seen": False}]
    return {
        "turn/": {
            "conversation": talk,
            "parent": answer.pk,
            "text": "More?",
            "client_key": "hostile-key",
            "history": [{"role": "user", "content": "c"}],
        },
        "regenerate/": {
            "message": answer.pk,
            "client_key": "hostile-key",
            "history": [{"role": "user", "content": "c"}],
        },
        "choose/": {"user": question.pk, "verdict": "better", "chosen": answer.pk, "shown": shown},
        "consent/": {"version": 1},
        "messages/seen/": {"ids": [answer.pk]},
        f"messages/{answer.pk}/react/": {"kind": "thumb", "value": -1, "reasons": ["wrong"], "text": "t"},
        f"messages/{answer.pk}/signal/": {"name": "copy"},
        f"messages/{answer.pk}/stop/": {},
        f"conversations/{talk}/score/": {"value": 3, "text": "t"},
        f"conversations/{talk}/branch/": {"message": answer.pk},
        f"conversations/{talk}/delete/": {},
    }


@pytest.mark.parametrize("keep", ["content", "ids"])
def test_no_body_is_a_crash(house, keep):
    browser, question, answer, other = house
    ChatSettings.objects.update(keep=keep)
    wrong, tried, half = (
        [],
        0,
        {p for p in bodies(question, answer, other) if p not in ("turn/", "choose/")}
        | ({"turn/"} if keep == "ids" else set()),
    )
    for path, good in bodies(question, answer, other).items():
        if keep == "ids" and path not in ("turn/", "regenerate/"):
            continue
        for i, body in enumerate(mutated(good)):
            if i % 2 and path in half:  # the parts of these share their checks with the others
                continue
            with transaction.atomic():
                response = browser.client.post(
                    f"{browser.base}api/{path}", body, content_type="application/json"
                )
                transaction.set_rollback(True)
            tried += 1
            # 503 no_model: the body itself was taken
            if response.status_code >= 500 and response.json()["error"]["code"] != "no_model":
                wrong.append((path, body[:200], response.status_code))
            if not response.streaming:
                assert b"Traceback" not in response.content
    assert wrong == [] and tried > (500 if keep == "content" else 150) and streaming.reading() == 0
    assert Message.objects.count() == 3 and json.loads(browser.get("conversations/").content)["conversations"]
