"""Rows with hostile values in each of their parts, at any depth: refused by name or taken, never a crash, on
either database."""

import json

import pytest
from django.db import transaction
from django.test import Client

from tests.core.pages.test_hostile_input import JSON_VALUES, RAW, mutated
from tests.feedback.ingest.ingesting import PATH, Sender, choice, talk, thumb

WHOLE = {
    "reaction": thumb(
        kind="thumb",
        value="down",
        comment="c",
        reasons=["wrong"],
        tags=["t"],
        id="k",
        at="2026-01-01T00:00:00Z",
    ),
    "conversation": {
        "type": "conversation",
        "conversation": "c",
        "user": "u",
        "title": "t",
        "tools": [{"a": 1}],
        "messages": [
            {
                "role": "assistant",
                "content": "x",
                "id": "a",
                "tool_calls": [{"f": 1}],
                "sources": [{"text": "s"}],
                "reactions": [{"kind": "thumb", "value": 1}],
            }
        ],
    },
    "parts": talk()
    | {
        "messages": [
            {
                "role": "user",
                "content": [
                    {"type": "text", "text": "x"},
                    {"type": "image_url", "image_url": {"url": "http://x"}},
                ],
            }
        ]
    },
    "choice": choice(drafts=[{"text": "a", "id": "d"}, {"text": "b", "complete": True}]),
}


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("name", WHOLE)
def test_no_value_crashes(name):
    sender = Sender()
    client = Client(raise_request_exception=False)
    crashed, statuses = [], set()
    bodies = [
        b.encode("utf-8", "surrogatepass") if isinstance(b, str) else b
        for b in [*mutated(WHOLE[name]), *(RAW if name == "reaction" else [])]
    ]
    for body in bodies:
        for raw in (body, b"[" + body + b"]"):
            with transaction.atomic():
                response = client.post(
                    PATH,
                    raw,
                    content_type="application/json",
                    headers={"Authorization": f"Bearer {sender.key}"},
                )
                transaction.set_rollback(True)
            statuses.add(response.status_code)
            if response.status_code >= 500:
                crashed.append((raw[:300], response.status_code))
            elif response.status_code == 200 and raw[:1] == b"[":
                answer = response.json()
                assert len(answer["results"]) == answer["accepted"] + answer["duplicates"] + len(
                    answer["errors"]
                )
    assert crashed == []
    assert statuses >= {200, 201, 400}


@pytest.mark.django_db
def test_keys_in_the_header_are_looked_at_too():
    sender = Sender()
    for value in ("x" * 101, "x" * 5000, "", "é", "a\tb"):
        status, answer = sender.post(thumb(), **{"Idempotency-Key": value})
        assert status in (200, 201, 400), (value, answer)
    for value in JSON_VALUES[:4]:
        assert sender.post(json.loads(value), **{"Idempotency-Key": "k"})[0] == 400
