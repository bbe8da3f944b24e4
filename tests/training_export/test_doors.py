"""What no trainer can hold, at each door: refused with its field where somebody can put it right, kept where
it has happened already; and the export of the rest goes through."""

import io
import json

import pytest
from django.core.management import call_command
from django.test import Client

from corpus.models import Prompt
from feedback.ingest import batch as ingest
from feedback.ingest.import_log import import_log
from feedback.models import Conversation, Message
from tests import cast
from tests.feedback.proxy.proxied import behind
from tests.inference import faulty
from training_export.formats import FORMATS
from training_export.options import ExportOptions
from training_export.publish import snapshots

pytestmark = pytest.mark.django_db(transaction=True)
DEEP = '{"a":' * 3000 + "1" + "}" * 3000
ARGUMENTS = {
    '{"km": NaN}': "not_a_number",
    '{"km": -Infinity}': "not_a_number",
    '{"km": 1e999}': "not_a_number",
    DEEP: "too_deep",
    '{"km": "\\ud800"}': "surrogate",
    '{"km": "\\u0000"}': "nul",
}
# what a model may well write
TEXT_ONLY = ['{"km": ', "42", "[1]", '{"km": 1, "km": 2}', "none of your business"]


def called(arguments, question="How far is it?"):
    call = {"id": "c1", "type": "function", "function": {"name": "distance", "arguments": arguments}}
    return [
        {"role": "user", "content": question},
        {"role": "assistant", "content": "", "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "c1", "content": "unknown"},
    ]


def answered(messages, text="I could not find out.", **more):
    return [*messages, {"role": "assistant", "content": text, **more}]


def exported(project, form="trl-kto"):
    options = ExportOptions.of({"format": form, "include": ["thumbs", "corrections", "draft-choices"]})
    bundle = snapshots.build(project=project, actor=None, options=options)
    rows = [f["rows"] for f in bundle.files if f["role"] == "data"]
    return sum(rows), bundle.manifest["left_out"]


@pytest.mark.parametrize("form", ["trl-sft", "llamafactory", "jsonl"])
def test_an_import_refuses_the_row_and_every_format_writes_the_others(tmp_path, form):
    project = cast.make_project("doors")
    rows = [{"messages": answered(called(text))} for text in [*ARGUMENTS, *TEXT_ONLY]]
    rows += [
        {"messages": answered([{"role": "user", "content": "Hello"}], "Hi.")},
        {"messages": answered(called('{"km": 3}'))},
    ]
    rows += [
        {"messages": answered([{"role": "user", "content": "Tools?"}], "None."), "tools": tools}
        for tools in (["f"], 5, "f")
    ]
    path = tmp_path / "talks.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    out = io.StringIO()
    call_command("import_items", "doors", str(path), "--json", stdout=out)
    report = json.loads(out.getvalue())
    n = len(ARGUMENTS)
    assert [(e["line"], e["code"]) for e in report["errors"][:n]] == [
        (i + 1, code) for i, code in enumerate(ARGUMENTS.values())
    ]
    assert {e["field"] for e in report["errors"][:n]} <= {"prompt", "messages"}
    assert [e["code"] for e in report["errors"][n:]] == ["tools"] * 3 and report["imported"] == len(
        TEXT_ONLY
    ) + 2
    assert Prompt.objects.filter(project=project).count() == len(TEXT_ONLY) + 2
    rows, left_out = exported(project, form)
    if form == "jsonl":  # holds what the model wrote, as the text that it is
        assert rows == len(TEXT_ONLY) + 2
    else:
        assert rows == 2 and left_out["tool_calls"]["count"] + left_out["duplicate_key"]["count"] == len(
            TEXT_ONLY
        )
        assert left_out["duplicate_key"]["first"][0]["origins"][0]["line"] == n + 4


def talk(messages, *, thumb="up", **more):
    return {
        "type": "conversation",
        "user": "zhang",
        "messages": answered(messages, reactions=[{"kind": "thumb", "value": thumb}]),
        **more,
    }


def test_the_api_refuses_the_row_and_names_the_field():
    project = cast.make_project("api")
    rows = [talk(called(text)) for text in [*ARGUMENTS, *TEXT_ONLY]]
    rows += [
        talk([{"role": "user", "content": "Hello"}]),
        talk([{"role": "user", "content": "Tools?"}], tools={"f": 1}),
    ]
    outcome = ingest.take(project=project, rows=rows)
    wrong = [(r.error.field, r.error.code) for r in outcome.results if r.error]
    assert wrong == [*(("messages.1.tool_calls", code) for code in ARGUMENTS.values()), ("tools", "bad_list")]
    rows, left_out = exported(project)
    assert rows == 1 and left_out["tool_calls"]["count"] + left_out["duplicate_key"]["count"] == len(
        TEXT_ONLY
    )
    # A call whose arguments are an object is looked at as one.
    nested = talk(called({"km": float("inf")}))
    assert ingest.take(project=project, rows=[nested]).results[0].error.code == "bad_number"


def test_a_log_loses_only_the_row(tmp_path):
    project = cast.make_project("log")
    rows = [{"messages": answered(called(text)), "thumb": "up"} for text in ARGUMENTS]
    rows += [
        {"messages": answered([{"role": "user", "content": "Hello"}], "Hi."), "thumb": "up"},
        {"prompt": "a", "response": "b", "tools": 5},
    ]
    path = tmp_path / "log.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    report = import_log(project=project, actor=None, path=path)
    assert [e["code"] for e in report["errors"]] == [*ARGUMENTS.values(), "tools"] and report["imported"] == 1
    assert exported(project)[0] == 1


@pytest.fixture(scope="module")
def server():
    with faulty.serve() as running:
        yield running


def test_what_has_passed_the_proxy_is_kept_and_left_out_of_the_export(server, settings):
    """The exchange has happened: it is kept as it was, and a thumb on it finds it."""
    settings.ENDPOINT_HOSTS = [f"127.0.0.1:{server.port}"]
    here = behind(server.url, "proxied")
    here.endpoint("ok")
    asked = [{"messages": called(text)} for text in [*ARGUMENTS, *TEXT_ONLY]]
    asked += [
        {"messages": [{"role": "user", "content": f"{tools}?"}], "tools": tools}
        for tools in ({"f": 1}, "f", ["f"], 5)
    ]
    asked.append({"messages": [{"role": "user", "content": "Hello"}]})
    for body in asked:
        response, _data = here.post(Client(), model="ok", user="zhang", **body)
        assert response.status_code == 200
    answers = Message.objects.filter(project=here.project, role="assistant", state="complete").exclude(
        text=""
    )
    assert answers.count() == len(asked)
    rows = [{"type": "reaction", "kind": "thumb", "value": "up", "message": answer.pk} for answer in answers]
    assert all(r.error is None for r in ingest.take(project=here.project, rows=rows).results)
    for form in FORMATS:
        if form in ("trl-kto", "llamafactory"):
            written, left_out = exported(here.project, form)
            assert written == 1 and sum(entry["count"] for entry in left_out.values()) == len(asked) - 1, (
                left_out
            )
            assert left_out["unreadable_words"]["count"] == 4
    assert {"f": 1} in Conversation.objects.values_list("tools", flat=True)


def test_a_number_out_of_range_is_no_json_for_the_proxy(server, settings):
    settings.ENDPOINT_HOSTS = [f"127.0.0.1:{server.port}"]
    here = behind(server.url, "numbers")
    here.endpoint("ok")
    body = b'{"model": "ok", "temperature": 1e999, "messages": [{"role": "user", "content": "Hello"}]}'
    response = Client().post("/v1/chat/completions", body, content_type="application/json", **here.headers)
    assert (response.status_code, response.json()["error"]["code"]) == (400, "invalid_json")
