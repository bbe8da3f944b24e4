"""One stored row never stops an export: what no trainer can hold is left out, counted and can be traced, the
rest is published."""

import json

import pytest
from django.db import connection, transaction
from django.db.utils import DatabaseError
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from corpus.models import Prompt, Response
from tests.training_export import judged
from training_export.collect import examples as collected
from training_export.curate.examples import Answer, Binary, Preference, Sft
from training_export.formats import FORMATS, Options
from training_export.models import Bundle
from training_export.options import ExportOptions
from training_export.publish import snapshots
from training_export.publish.digests import RowDigests
from training_export.publish.faults import shape_fault
from training_export.publish.tolerance import Tolerance, TooManyErrors

pytestmark = pytest.mark.django_db

DEEP = '{"a":' * 3000 + "1" + "}" * 3000


def user(text="How far is it?"):
    return {"role": "user", "content": text}


def called(arguments, name="distance", **more):
    """A talk in which the model called a tool with these arguments."""
    call = {"id": "c1", "type": "function", "function": {"name": name, "arguments": arguments}} | more
    return [
        user(),
        {"role": "assistant", "content": "", "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "c1", "content": "unknown"},
        user("And then?"),
    ]


def tool(**function):
    return {
        "type": "function",
        "function": {"name": "f", "parameters": {"type": "object", "properties": {}}} | function,
    }


# What older versions may have stored: columns of the prompt, or turns of an answer.
NASTY = {
    "NaN": {"messages": called('{"km": NaN}')},
    "Infinity": {"messages": called('{"km": -Infinity}')},
    "a number out of range": {"messages": called('{"km": 1e999}')},
    "3,000 levels in arguments": {"messages": called(DEEP)},
    "150 levels in arguments": {"messages": called('{"a":' * 150 + "1" + "}" * 150)},
    "150 levels of an object": {"messages": called(json.loads('{"a":' * 150 + "1" + "}" * 150))},
    "a name twice": {"messages": called('{"km": 1, "km": 2}')},
    "arguments that are a number": {"messages": called("42")},
    "arguments that are a list": {"messages": called("[1]")},
    "arguments that are a list, not as text": {"messages": called([1])},
    "arguments that are null": {"messages": called(None)},
    "arguments cut off": {"messages": called('{"km": ')},
    "a number of 70 bits": {"messages": called('{"km": 1180591620717411303424}')},
    "a number of 5,000 digits": {"messages": called('{"km": ' + "9" * 5000 + "}")},
    "half a character in arguments": {"messages": called('{"km": "\\ud800"}')},
    "NUL in arguments": {"messages": called('{"km": "\\u0000"}')},
    "a tool without a name": {"messages": called("{}", name=None)},
    "a tool whose name is a list": {"messages": called("{}", name=["f"])},
    "a tool whose name is empty": {"messages": called("{}", name="")},
    "a call whose id is a number": {"messages": called("{}", id=7)},
    "a call whose id is an object": {"messages": called("{}", id={"a": 1})},
    "a call that is a text": {
        "messages": [user(), {"role": "assistant", "content": "", "tool_calls": ["f"]}, user()]
    },
    "calls that are an object": {
        "messages": [user(), {"role": "assistant", "content": "", "tool_calls": {"f": 1}}, user()]
    },
    "a reply whose call is a number": {
        "messages": [*called("{}")[:2], {"role": "tool", "tool_call_id": 1, "content": "x"}, user()]
    },
    "a speaker whose name is a list": {"messages": [user() | {"name": ["x"]}]},
    "half a character": {"messages": [user("half \ud800")]},
    "NUL": {"messages": [user("a\0b")]},
    "messages that are an object": {"messages": {"role": "user", "content": "x"}},
    "messages that are texts": {"messages": ["x", "y"]},
    "messages that are a text": {"messages": "x"},
    "no messages": {"messages": []},
    "content that is a number": {"messages": [user(5)]},
    "content in parts": {"messages": [user([{"type": "text", "text": "x"}])]},
    "content that is null": {"messages": [user(None)]},
    "a role that is a list": {"messages": [user() | {"role": ["user"]}]},
    "tools that are an object": {"tools": {"f": 1}},
    "tools that are texts": {"tools": ["f"]},
    "tools that are a text": {"tools": "f"},
    "tools that are a number": {"tools": 5},
    "half a character in tools": {"tools": [tool(description="\ud800")]},
    "150 levels of tools": {"tools": [tool(x=json.loads("[" * 150 + "]" * 150))]},
    "2,000 tools": {"tools": [tool(name=f"f{n}") for n in range(2000)]},
    "sources that are an object": {"sources": {"title": "x"}},
    "sources that are texts": {"sources": ["x"]},
    "sources whose text is a number": {"sources": [{"title": 1, "text": 2}]},
    "150 levels of sources": {"sources": [{"text": json.loads("[" * 150 + "]" * 150)}]},
    "turns that are texts": {"turns": ["x"]},
    "turns that are an object": {"turns": {"role": "tool"}},
    "turns without content": {"turns": [{"role": "assistant"}, {"role": "tool", "content": None}]},
    "turns of the user": {"turns": [user("x")]},
    "turns that call twice": {"turns": [called("{}")[1], called("{}")[1]]},
    "turns that begin with a reply": {"turns": [{"role": "tool", "content": "x"}]},
    "NaN in an answer's call": {"turns": called('{"km": NaN}')[1:3]},
    "metadata that is a list": {"metadata": [1]},
}
RAW = {  # as text, what no JSON encoder writes
    "a number out of range in tools": (
        "tools",
        '[{"type": "function", "function": {"name": "f", "x": 1e999}}]',
    ),
    "a number out of range in messages": ("messages", '[{"role": "user", "content": "x", "extra": 1e999}]'),
    "a number out of range in sources": ("sources", '[{"text": "x", "n": 1e999}]'),
    "900 levels of tools": ("tools", "[" * 900 + "]" * 900),
    "900 levels of messages": ("messages", "[" * 900 + "]" * 900),
}
DOCUMENT = {"ranking": [[0], [1], [2]], "acceptable": 1}


@pytest.fixture()
def project():
    """A prompt that everything can hold, and its judgement."""
    made = judged.project(slug="nasty")
    [made.person] = judged.annotators(made, 1)
    judged.judge(judged.item(made, targets=[0], kind="ranking"), made.person, DOCUMENT)
    return made


def stored(project, name: str) -> Prompt:
    """One more judged prompt, then changed behind everybody's back as `name` says; skips what this database
    refuses."""
    item = judged.item(
        project, (f"first of {name}", f"second of {name}", f"third of {name}"), targets=[0], kind="ranking"
    )
    judged.judge(item, project.person, DOCUMENT)
    try:
        with transaction.atomic():
            if name in RAW:
                column, text = RAW[name]
                with connection.cursor() as cursor:
                    cursor.execute(
                        f"UPDATE corpus_prompt SET {column} = %s WHERE id = %s", [text, item.prompt_id]
                    )
            elif "turns" in NASTY[name]:
                Response.objects.filter(prompt=item.prompt).update(**NASTY[name])
            else:
                Prompt.objects.filter(pk=item.prompt_id).update(**NASTY[name])
    except (DatabaseError, UnicodeEncodeError, ValueError) as refused:
        pytest.skip(f"{connection.vendor} does not store it: {type(refused).__name__}")
    return item.prompt


def exported(project, form: str, **options):
    bundle = snapshots.build(
        project=project, actor=None, options=ExportOptions.of({"format": form, **options})
    )
    folder = snapshots.folder_of(bundle)
    return bundle, [
        json.loads(line)
        for f in bundle.files
        if f["role"] == "data"
        for line in (folder / f["path"]).read_text().splitlines()
    ]


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize("name", [*NASTY, *RAW])
def test_a_nasty_row_is_left_out_and_counted_and_the_others_are_published(project, name, form):
    _bundle, alone = exported(project, form)
    prompt = stored(project, name)
    for options in (
        {},
        {"sources": "user"},
        {"split": "50,50,0", "split_by": "source"},
        {"split": "50,50,0", "split_by": "user"},
    ):
        bundle, rows = exported(project, form, **options)
        assert len(rows) >= len(alone)
        left_out = bundle.manifest["left_out"]
        assert "writer_error" not in left_out
        offered = sum(entry["count"] for entry in left_out.values()) + len(rows)
        assert offered > len(alone), "neither written nor counted"
        if len(rows) == len(alone):
            traced = [place["prompt"] for entry in left_out.values() for place in entry.get("first", ())]
            assert prompt.pk in traced


@pytest.mark.parametrize("form", FORMATS)
def test_all_of_them_together(project, form):
    for name in NASTY:
        try:
            stored(project, name)
        except pytest.skip.Exception:
            continue
    bundle, rows = exported(project, form)
    assert rows and "writer_error" not in bundle.manifest["left_out"]
    assert sum(entry["count"] for entry in bundle.manifest["left_out"].values()) > 20


# --- the program's own faults -------------------------------------------------------------------------------


def broken(monkeypatch, form: str, fails) -> None:
    """The writer of `form` fails on the rows for which `fails(example)` says so, as if it had a fault of its
    own."""
    writer = FORMATS[form].writer
    row = writer.row

    def broken_row(self, example, split):
        if fails(example):
            raise KeyError("never heard of it")
        return row(self, example, split)

    monkeypatch.setattr(writer, "row", broken_row)


@pytest.mark.parametrize("form", FORMATS)
def test_an_error_of_the_program_on_one_row_is_counted_logged_and_named(project, monkeypatch, caplog, form):
    _bundle, alone = exported(project, form)
    odd = judged.item(project, ("a", "b", "c"), targets=[0], kind="ranking")
    judged.judge(odd, project.person, DOCUMENT)
    broken(monkeypatch, form, lambda example: example.provenance["prompt"] == odd.prompt_id)
    bundle, rows = exported(project, form)
    told = bundle.manifest["left_out"]["writer_error"]
    assert len(rows) == len(alone) and told["count"] > 0 and told["unit"] == "rows"
    assert {place["prompt"] for place in told["first"]} == {odd.prompt_id}
    assert "KeyError" in caplog.text and f"prompt {odd.prompt_id}" in caplog.text


@pytest.mark.parametrize("form", FORMATS)
def test_an_error_of_the_program_on_every_row_fails_the_export(project, monkeypatch, form):
    broken(monkeypatch, form, lambda example: True)
    with pytest.raises(TooManyErrors) as failed:
        exported(project, form)
    assert isinstance(failed.value.__cause__, KeyError)
    assert not Bundle.objects.filter(snapshot__project=project).exists()


def test_an_error_on_more_than_a_few_rows_fails_it_too(project, monkeypatch):
    for n in range(30):
        judged.judge(
            judged.item(project, (f"a {n}", f"b {n}"), kind="ranking"),
            project.person,
            {"ranking": [[0], [1]]},
        )
    few: list = []
    broken(monkeypatch, "trl-preference", lambda example: len(few) < 20 and not few.append(1))
    bundle, rows = exported(project, "trl-preference")
    assert bundle.manifest["left_out"]["writer_error"]["count"] == 20 and len(rows) == 33 - 20
    many: list = []
    broken(monkeypatch, "trl-preference", lambda example: len(many) < 21 and not many.append(1))
    with pytest.raises(TooManyErrors):
        exported(project, "trl-preference")


def test_an_error_of_the_program_while_rows_are_made_is_weighed_alike(project, monkeypatch):
    monkeypatch.setattr(collected, "examples_of", lambda *given: 1 / 0)
    with pytest.raises(TooManyErrors) as failed:
        exported(project, "jsonl")
    assert isinstance(failed.value.__cause__, ZeroDivisionError)


def test_a_full_disk_is_no_rows_fault(project, monkeypatch):
    monkeypatch.setattr(
        FORMATS["trl-sft"].writer,
        "row",
        lambda *given: (_ for _ in ()).throw(OSError(28, "No space left on device")),
    )
    with pytest.raises(OSError, match="No space"):
        exported(project, "trl-sft")


# --- anything at all ----------------------------------------------------------------------------------------

texts = st.sampled_from(
    [
        "x",
        "",
        " ",
        "half \ud800",
        "a\0b",
        "<|im_end|>",
        "NaN",
        '{"km": NaN}',
        '{"km": 1e999}',
        DEEP,
        "[1]",
        "42",
        '{"a": 1}',
        "{",
    ]
)
anything = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(-(2**70), 2**70),
        st.sampled_from([1.5, float("nan"), float("inf"), 1e300]),
        texts,
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(st.sampled_from(["name", "type", "properties", "function", "text", "\ud800"]), inner),
    ),
    max_leaves=6,
)
call = st.fixed_dictionaries(
    {
        "function": st.fixed_dictionaries(
            {"name": st.one_of(st.just("f"), anything), "arguments": st.one_of(texts, anything)}
        )
    }
)
some_turn = st.one_of(
    st.builds(
        lambda role, content: {"role": role, "content": content},
        st.sampled_from(["user", "assistant", "tool", "system"]),
        st.one_of(texts, anything),
    ),
    st.builds(
        lambda content, calls, more: {"role": "assistant", "content": content, "tool_calls": calls} | more,
        st.one_of(texts, st.none()),
        st.one_of(st.lists(call, min_size=1, max_size=2), anything),
        st.one_of(st.just({}), st.just({"name": 5})),
    ),
    anything,
)
some_turns = st.one_of(
    st.lists(some_turn, max_size=4),
    st.builds(lambda a: called(a), texts),
    st.builds(lambda a: called(a)[:1], texts),
    st.builds(lambda: [user()]),
    anything,
)
some_tools = st.one_of(
    st.none(),
    st.lists(
        st.one_of(st.builds(lambda f: {"type": "function", "function": f}, anything), anything), max_size=3
    ),
    anything,
)
some_sources = st.one_of(
    st.just([]),
    st.lists(st.builds(lambda title, text: {"title": title, "text": text}, texts, anything), max_size=2),
    anything,
)
some_answer = st.builds(
    lambda text, turns: Answer(text, turns),
    texts,
    st.one_of(st.just(()), st.lists(some_turn, max_size=3).map(tuple)),
)


@pytest.mark.parametrize("form", FORMATS)
@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    rows=st.lists(st.tuples(some_turns, some_tools, some_sources, some_answer, some_answer), max_size=6),
    where=st.sampled_from(["omit", "system", "user"]),
)
def test_whatever_is_stored_the_writer_and_its_check_agree(form, rows, where, tmp_path_factory):
    """Each row is written or left out under a code of its own fault, the sound one stands in the file, and
    the strict check finds no error."""
    folder = tmp_path_factory.mktemp("fuzz")
    options = Options(sources=where)
    writer = FORMATS[form].open(folder, options)
    tolerance = Tolerance(writer, len(rows))
    offered = 0
    rows = [*rows[:3], ([user("sound")], None, [], Answer("good"), Answer("poor")), *rows[3:]]
    for n, (context, tools, sources, one, other) in enumerate(rows):
        tools, sources = tools or None, sources or []
        if shape_fault(context, tools, sources, one.turns) or shape_fault([], turns=other.turns):
            continue  # is left out where it is read
        shared = {
            "context": context,
            "group_id": f"g{n}",
            "tools": tools,
            "sources": sources,
            "provenance": {"prompt": n},
        }
        for example in (
            Sft(**shared, target=one),
            Preference(**shared, chosen=one, rejected=other),
            Binary(**shared, answer=one, label=True),
        ):
            if type(example) in FORMATS[form].takes:
                offered += 1
                try:
                    RowDigests(folder / ".digests").add(example, "train")
                    if type(example) is Preference:
                        writer.refused([example])
                    writer.add(example)
                except Exception as wrong:
                    tolerance.row(example, wrong)
    files = writer.close()
    assert "writer_error" not in writer.left_out
    written = sum(f.rows for f in files if f.role == "data")
    assert written and written + writer.left_out.total() == offered
    assert [p for p in FORMATS[form].check(folder, options) if p.level == "error"] == []
