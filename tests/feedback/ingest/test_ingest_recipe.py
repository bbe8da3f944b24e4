"""docs/feedback-api.md, as it stands there: the recipe for Gradio's likes sends them, and the examples are
taken."""

import json
import re
import time
from dataclasses import dataclass
from pathlib import Path

import pytest

from feedback.conversations import end_users
from feedback.models import Conversation, Reaction
from tests.feedback.ingest.ingesting import Sender

DOCS = (Path(__file__).resolve().parents[3] / "docs" / "feedback-api.md").read_text(encoding="utf-8")


@dataclass
class LikeData:
    """What Gradio hands to a listener of .like(): `index` of the message, its `value`, and `liked` True,
    False, "" or a reason."""

    index: int | tuple[int, int]
    value: str
    liked: bool | str


@pytest.mark.django_db(transaction=True)
def test_gradios_likes_arrive(live_server, monkeypatch, capsys):
    sender = Sender()
    recipe = DOCS.split("### Gradio's")[1].split("```python\n")[1].split("```")[0]
    monkeypatch.setenv("TOUCHSTONE_URL", live_server.url)
    monkeypatch.setenv("TOUCHSTONE_KEY", sender.key)
    space: dict = {}
    exec(compile(recipe, "recipe", "exec"), space)
    history = [
        {"role": "user", "content": "q", "metadata": None},
        {"role": "assistant", "content": "a", "metadata": None},
        {"role": "user", "content": "q2", "metadata": None},
        {"role": "assistant", "content": "b", "metadata": None},
    ]
    space["liked"](LikeData(3, "b", True), history, "zhang")
    space["liked"](LikeData((1, 0), "a", False), history, "zhang")
    space["liked"](LikeData(1, "a", "Inappropriate"), history, "li")
    until = time.monotonic() + 20
    while Reaction.objects.count() < 3 and time.monotonic() < until:
        time.sleep(0.05)
    said = Reaction.objects.order_by("pk").values_list("end_user", "message__text", "value", "tags")
    zhang, li = (end_users.of_key(sender.project, name).pk for name in ("zhang", "li"))
    assert list(said) == [(zhang, "b", 1, []), (zhang, "a", -1, []), (li, "a", 0, ["Inappropriate"])]
    assert [(t.end_user_id, t.messages.count()) for t in Conversation.objects.order_by("pk")] == [
        (zhang, 4),
        (li, 2),
    ]
    # Gradio 6: content is a list of parts; files among them.
    parts = [
        {
            "role": "user",
            "content": [
                {"type": "text", "text": "What is this?"},
                {"type": "file", "file": {"path": "/tmp/x.png"}},
            ],
        },
        {"role": "assistant", "content": [{"type": "text", "text": "A cat."}]},
    ]
    space["liked"](LikeData(1, "A cat.", True), parts, "wang")
    while Reaction.objects.count() < 4 and time.monotonic() < until:
        time.sleep(0.05)
    last = Reaction.objects.latest("pk")
    assert (last.message.text, last.value, [p["type"] for p in last.message.parent.extra["parts"]]) == (
        "A cat.",
        1,
        ["file"],
    )
    space["rows"].put({"type": "nonsense"})
    while "bad_type" not in (shown := capsys.readouterr().out) and time.monotonic() < until:
        time.sleep(0.05)
    assert "bad_type" in shown


@pytest.mark.django_db
def test_the_examples_are_taken():
    sender = Sender()
    bodies = [json.loads(body) for body in re.findall(r"-d '(.*?)'\n", DOCS, flags=re.S)]
    answers = [json.loads(body) for body in re.findall(r"```json\n(.*?)```", DOCS, flags=re.S)]
    examples, shown = [a for a in answers if "type" in a], [a for a in answers if "type" not in a]
    assert (len(bodies), len(examples), len(shown)) == (2, 2, 2)
    status, one = sender.post(bodies[0])
    assert status == 201
    assert {**one, "reaction": 118} == shown[0]
    status, many = sender.post(bodies[1])
    assert status == 200
    many["results"][0]["reaction"] = 119
    assert many == shown[1]
    for example in examples:
        assert sender.post(example)[0] == 201
    assert Reaction.objects.filter(message__external_id="msg-42").count() == 3
