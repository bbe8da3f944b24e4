"""Answers that were cut off, and questions that had a picture: what came in by each door, what people are
shown, what an export writes."""

import json

import pytest
from django.core.management import call_command
from django.test import Client

from annotation.models import Item
from annotation.promotion.messages import read
from corpus.models import Response
from feedback.conversations.privacy import PrivacyPolicy, privacy_policy
from feedback.ingest import batch as ingest
from feedback.models import Conversation, Message
from tests.cast import make_project
from tests.feedback.ingest.ingesting import Sender
from tests.feedback.proxy.proxied import behind
from tests.inference import faulty
from training_export.options import ExportOptions
from training_export.publish import snapshots

pytestmark = pytest.mark.django_db(transaction=True)
PNG = {"type": "image_url", "image_url": {"url": "data:image/png;base64,iVBORw0KGgo="}}
JPG = {"type": "image_url", "image_url": {"url": "data:image/jpeg;base64,iVBORw0KGgp="}}


def ending(reason):
    def behaviour(h) -> None:
        text = "Take 5 mg in the"
        if not h.body.get("stream"):
            message = {"role": "assistant", "content": text}
            h.json(
                200,
                {
                    "id": f"c-{h.count}",
                    "model": h.model,
                    "choices": [{"index": 0, "message": message, "finish_reason": reason}],
                },
            )
            return
        h.begin()
        h.event(h.chunk({"content": text}) | {"id": f"c-{h.count}"})
        h.event(h.chunk({}, reason) | {"id": f"c-{h.count}"})
        h.done()

    return behaviour


@pytest.fixture(scope="module")
def server():
    with faulty.serve() as running:
        running.behaviours |= {
            "limit": ending("length"),
            "filtered": ending("content_filter"),
            "aborted": ending("abort"),
            "whole": ending("stop"),
        }
        yield running


def written(project, form, **options):
    """(rows of an export, what was left out)."""
    options = {"include": "draft-choices,thumbs,corrections", "format": form} | options
    try:
        bundle = snapshots.build(project=project, actor=None, options=ExportOptions.of(options))
    except Exception as exc:
        assert getattr(exc, "code", "") == "no_rows", exc
        return [], exc.data["left_out"]
    folder = snapshots.folder_of(bundle)
    rows = [
        json.loads(line)
        for path in sorted(folder.glob("*.jsonl"))
        for line in path.read_text(encoding="utf-8").splitlines()
    ]
    return rows, bundle.snapshot.left_out


def talk(name, *messages, **fields):
    return {"type": "conversation", "conversation": name, "user": "u", "messages": list(messages)} | fields


def asks(text="How much?"):
    return {"role": "user", "content": text}


def answers(text="Take 5 mg in the", **fields):
    return {"role": "assistant", "content": text} | fields


UP = [{"kind": "thumb", "value": "up"}]
DOWN = [{"kind": "thumb", "value": "down"}]


# -- the doors -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize(
    ("model", "state", "error"),
    [
        ("limit", "cut", "length"),
        ("filtered", "cut", "content_filter"),
        ("aborted", "failed", "cut"),
        ("whole", "complete", ""),
    ],
)
def test_the_proxy_keeps_how_an_answer_ended(server, settings, model, state, error, stream):
    settings.ENDPOINT_HOSTS = [f"127.0.0.1:{server.port}"]
    here = behind(server.url)
    here.endpoint(model)
    here.post(Client(), model=model, stream=stream)
    (answer,) = here.answers()
    assert (answer.state, answer.error, answer.text) == (state, error, "Take 5 mg in the")


def test_the_api_takes_finish_and_stop_reasons():
    sender = Sender()
    said = [
        ({"finish_reason": "length"}, "cut", "length"),
        ({"stop_reason": "max_tokens"}, "cut", "length"),
        ({"finish_reason": "SAFETY"}, "cut", "content_filter"),
        ({"finish_reason": "cancelled"}, "failed", "cut"),
        ({"finish_reason": "stop", "stop_reason": 151645}, "complete", ""),
        ({"state": "cut"}, "cut", ""),
        ({"state": "stopped", "finish_reason": "length"}, "stopped", ""),
        ({"finish_reason": None}, "complete", ""),
    ]
    sender.taken(
        [talk(f"t{i}", asks(), answers(**fields)) for i, (fields, _state, _error) in enumerate(said)]
    )
    rows = Message.objects.filter(role="assistant").order_by("pk").values_list("state", "error")
    assert list(rows) == [(state, error) for _fields, state, error in said]
    status, answer = sender.post(talk("x", asks() | {"finish_reason": "length"}, answers()))
    assert status == 400 and answer["error"]["field"] == "messages.0.finish_reason"


def test_drafts_and_logs_say_it_too(tmp_path):
    sender = Sender()
    drafts = [
        {"text": "Whole."},
        {"text": "Half of", "finish_reason": "length"},
        {"text": "Brok", "finish_reason": "abort"},
    ]
    sender.taken(
        {
            "type": "choice",
            "user": "u",
            "verdict": "better",
            "chosen": 0,
            "drafts": drafts,
            "messages": [asks()],
        }
    )
    assert list(Message.objects.filter(role="assistant").order_by("pk").values_list("state", "error")) == [
        ("complete", ""),
        ("cut", "length"),
        ("failed", "cut"),
    ]
    path = tmp_path / "log.jsonl"
    rows = [
        {"question": "One?", "answer": "Half", "finish_reason": "length", "thumb": "up", "user": "a"},
        {"messages": [asks("Two?"), answers("Half", stop_reason="max_tokens")], "user": "a"},
    ]
    path.write_text("\n".join(json.dumps(row) for row in rows))
    call_command("import_feedback", sender.project.slug, str(path), json=True)
    assert list(Message.objects.filter(text="Half").values_list("state", "error")) == [("cut", "length")] * 2


# -- what is learnt ------------------------------------------------------------------------------------------


def test_a_cut_answer_is_never_desirable_and_undesirable_only_by_choice():
    sender = Sender()
    sender.taken(
        [
            talk("a", asks("A?"), answers("Cut a", finish_reason="length", reactions=UP)),
            talk("b", asks("B?"), answers("Cut b", finish_reason="length", reactions=DOWN)),
            talk("c", asks("C?"), answers("Whole c.", finish_reason="stop", reactions=UP)),
            talk("d", asks("D?"), answers("Whole d.", reactions=DOWN)),
        ]
    )
    rows, left_out = written(sender.project, "trl-kto")
    assert sorted((row["completion"][0]["content"], row["label"]) for row in rows) == [
        ("Whole c.", True),
        ("Whole d.", False),
    ]
    assert left_out["cut_answer"] == 2
    rows, left_out = written(sender.project, "trl-kto", cut_rejected=True)
    assert sorted((row["completion"][0]["content"], row["label"]) for row in rows) == [
        ("Cut b", False),
        ("Whole c.", True),
        ("Whole d.", False),
    ]
    assert left_out["cut_answer"] == 1


def test_a_correction_of_a_cut_answer_is_learnt_and_beats_it_only_by_choice():
    sender = Sender()
    fix = [{"kind": "correction", "text": "Take 5 mg in the morning."}]
    sender.taken(talk("a", asks(), answers(finish_reason="length", reactions=fix)))
    rows, _left_out = written(sender.project, "trl-sft")
    assert [row["completion"][0]["content"] for row in rows] == ["Take 5 mg in the morning."]
    assert written(sender.project, "trl-preference") == ([], {"cut_pair": 1, "no_pair": 1, "word_unused": 1})
    (row,) = written(sender.project, "trl-preference", cut_rejected=True)[0]
    assert (row["chosen"][0]["content"], row["rejected"][0]["content"]) == (
        "Take 5 mg in the morning.",
        "Take 5 mg in the",
    )


@pytest.mark.parametrize("chosen", [0, 1])
def test_a_cut_draft_is_never_the_better_one(chosen):
    sender = Sender()
    drafts = [{"text": "Half of", "finish_reason": "length"}, {"text": "Whole."}]
    sender.taken(
        {
            "type": "choice",
            "user": "u",
            "verdict": "better",
            "chosen": chosen,
            "drafts": drafts,
            "messages": [asks()],
        }
    )
    assert written(sender.project, "trl-preference") == ([], {"cut_pair": 1, "no_pair": 1, "word_unused": 1})
    rows, _left_out = written(sender.project, "trl-preference", cut_rejected=True)
    assert [(row["chosen"][0]["content"], row["rejected"][0]["content"]) for row in rows] == (
        [("Whole.", "Half of")] if chosen else []
    )


FILES = {
    "pairs": [
        {
            "prompt": "Q?",
            "answer_a": "Half",
            "answer_b": "Whole.",
            "winner": "a",
            "finish_reason_a": "length",
            "finish_reason_b": "stop",
        }
    ],
    "objects": [
        {
            "prompt": "Q?",
            "answers": [
                {"text": "Half", "stop_reason": "max_tokens", "rank": 1},
                {"text": "Whole.", "rank": 2},
            ],
        }
    ],
    "preference": [
        {"prompt": "Q?", "chosen": "Half", "rejected": "Whole.", "chosen_finish_reason": "length"}
    ],
    "sides": [
        {
            "chosen": [asks("Q?"), answers("Half", finish_reason="length")],
            "rejected": [asks("Q?"), answers("Whole.")],
        }
    ],
    "kto": [{"prompt": "Q?", "completion": "Half", "label": True, "finish_reason": "length"}],
    "messages": [{"messages": [asks("Q?"), answers("Half", finish_reason="length")]}],
    "alpaca": [{"instruction": "Q?", "output": "Half", "finish_reason": "length"}],
}


@pytest.mark.parametrize("name", FILES)
def test_rows_of_files_say_it_too(name, tmp_path):
    project = make_project(f"f-{name}")
    path = tmp_path / "rows.jsonl"
    path.write_text("\n".join(json.dumps(row) for row in FILES[name]))
    call_command("import_items", project.slug, str(path), json=True)
    assert dict(Response.objects.filter(prompt__project=project).values_list("text", "cut")).items() >= {
        ("Half", "length")
    }
    assert not Response.objects.filter(prompt__project=project).exclude(text="Half").exclude(cut="").exists()
    for form in ("trl-sft", "trl-preference", "trl-kto", "jsonl"):
        rows, left_out = written(project, form, include="")
        assert not rows, (form, rows)
        assert left_out.keys() & {"cut_pair", "cut_answer"} or form in (
            "trl-preference",
            "trl-sft",
            "trl-kto",
        )


# -- what experts see ----------------------------------------------------------------------------------------


def test_an_expert_is_told_that_a_promoted_answer_was_cut(client):
    sender = Sender()
    sender.taken(talk("a", asks(), answers(finish_reason="length", id="m1"), model="m"))
    turn = read(sender.project, Message.objects.get(external_id="m1").pk, privacy_policy(sender.project))
    assert not turn.refused and [a.cut for a in turn.answers] == ["length"]


def test_a_picture_at_the_turn_where_it_stood():
    sender = Sender()
    rash = {"role": "user", "content": [{"type": "text", "text": "Is this rash dangerous?"}, PNG]}
    sender.taken(
        talk(
            "a",
            rash,
            answers("No.", id="m1", reactions=DOWN),
            asks("Sure?"),
            answers("Yes.", id="m2", reactions=UP),
        )
    )
    for form in ("trl-kto", "trl-preference", "trl-sft", "jsonl"):
        rows, left_out = written(sender.project, form)
        assert not rows and (left_out.get("not_text", 0) == 2 or form in ("trl-preference", "trl-sft")), (
            form,
            rows,
            left_out,
        )
    for name in ("m1", "m2"):
        turn = read(sender.project, Message.objects.get(external_id=name).pk, PrivacyPolicy())
        assert (
            not turn.refused
            and [lack["kind"] for lack in turn.messages[0]["missing"]] == ["image"]
            and "iVBOR" not in json.dumps(turn.messages)
        )
        assert all("missing" not in m for m in turn.messages[1:])


def test_two_questions_with_different_pictures_are_two():
    sender = Sender()
    for name, picture in (("a", PNG), ("b", JPG), ("c", PNG)):
        sender.taken(
            talk(
                name,
                {"role": "user", "content": [{"type": "text", "text": "What is this?"}, picture]},
                answers("A cat.", id=name),
            )
        )
    first, second, third = Message.objects.filter(role="user").order_by("pk")
    assert first.context_hash != second.context_hash and first.context_hash == third.context_hash
    turns = [
        read(sender.project, Message.objects.get(external_id=name).pk, PrivacyPolicy()) for name in "abc"
    ]
    hashes = [turn.ready.entries[0].content_hash for turn in turns]
    assert hashes[0] == hashes[2] != hashes[1]


def test_the_proxy_marks_pictures_of_every_kind_and_goes_on_after_them(server, settings):
    settings.ENDPOINT_HOSTS = [f"127.0.0.1:{server.port}"]
    here = behind(server.url)
    here.endpoint("whole")
    asked = [
        {
            "role": "user",
            "content": [
                {"type": "text", "text": "What is this?"},
                PNG,
                {"type": "input_audio", "input_audio": {"data": "AAAA"}},
            ],
        }
    ]
    here.post(Client(), model="whole", messages=asked, user="p")
    here.post(
        Client(),
        model="whole",
        messages=[*asked, {"role": "assistant", "content": "Take 5 mg in the"}, asks("Sure?")],
        user="p",
    )
    assert Conversation.objects.count() == 1 and Message.objects.count() == 4
    here.post(
        Client(),
        model="whole",
        messages=[{"role": "user", "content": [{"type": "text", "text": "What is this?"}, JPG]}],
        user="p",
    )
    assert Conversation.objects.count() == 2
    here.post(
        Client(), model="whole", messages=[{"role": "user", "content": "Look.", "images": ["AAAA"]}], user="p"
    )
    here.post(
        Client(),
        model="whole",
        messages=[{"role": "system", "content": [{"type": "text", "text": "Be kind."}, PNG]}, asks("Hello?")],
        user="p",
    )
    kinds = [
        [p["type"] for p in (m.extra or {}).get("parts", [])]
        for m in Message.objects.filter(role="user").order_by("pk")
    ]
    assert kinds == [["image_url", "input_audio"], [], ["image_url"], ["image"], ["image_url"]]


def test_a_log_with_pictures_is_taken_with_the_mark(tmp_path):
    sender = Sender()
    path = tmp_path / "log.jsonl"
    rows = [
        {
            "messages": [
                {"role": "user", "content": [{"type": "text", "text": "One?"}, PNG]},
                answers("Yes."),
            ],
            "thumb": "up",
            "user": "a",
        },
        {
            "question": "Two?",
            "answer": "No.",
            "images": ["https://example.org/2.png"],
            "thumb": "down",
            "user": "a",
        },
    ]
    path.write_text("\n".join(json.dumps(row) for row in rows))
    call_command("import_feedback", sender.project.slug, str(path), json=True)
    assert [
        (m.text, [p["type"] for p in m.extra["parts"]])
        for m in Message.objects.filter(role="user").order_by("pk")
    ] == [
        ("One?", ["image_url"]),
        ("Two?", ["image"]),
    ]
    assert written(sender.project, "trl-kto")[1]["not_text"] == 2


def test_a_picture_without_a_word_is_put_before_experts_too():
    sender = Sender()
    sender.taken(talk("a", {"role": "user", "content": [PNG]}, answers("A cat.", id="m1")))
    turn = read(sender.project, Message.objects.get(external_id="m1").pk, PrivacyPolicy())
    assert not turn.refused and turn.messages[0]["missing"]


def test_an_answer_with_a_picture_is_no_text_to_learn():
    project = make_project()
    said = answers(id="m1", reactions=UP) | {"content": [{"type": "text", "text": "Here it is:"}, PNG]}
    ingest.take(project=project, rows=[talk("a", asks("Draw it."), said)])
    assert written(project, "trl-kto") == ([], {"answer_unusable": 1})
    assert read(project, Message.objects.get(external_id="m1").pk, PrivacyPolicy()).refused == "no_text"
    assert not Item.objects.exists()


def painted(h) -> None:
    """A model that answers with a text and a picture."""
    h.begin()
    h.event(h.chunk({"content": "Here it is:"}))
    h.event(h.chunk({"images": [{"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}]}))
    h.event(h.chunk({}, "stop"))
    h.done()


def test_a_picture_that_passes_through_the_proxy_as_an_answer_is_noted(server, settings):
    server.behaviours["painted"] = painted
    settings.ENDPOINT_HOSTS = [f"127.0.0.1:{server.port}"]
    here = behind(server.url)
    here.endpoint("painted")
    here.post(Client(), model="painted", stream=True)
    (answer,) = here.answers()
    assert [p["type"] for p in answer.extra["parts"]] == ["image"] and answer.text == "Here it is:"
