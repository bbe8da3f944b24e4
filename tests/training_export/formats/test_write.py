"""What the writers make of Examples: nothing changed, nothing lost without being counted."""

import json
import tracemalloc
from collections import Counter
from itertools import pairwise

import pytest

from tests.training_export.formats.format_files import found, rows_in
from training_export.curate.examples import (
    Answer,
    Binary,
    EvalQuestion,
    Preference,
    PromptOnly,
    RankedList,
    Sft,
)
from training_export.formats import FORMATS, Options
from training_export.formats.canonical import from_row, line
from training_export.formats.rows import RowWriter

TRL = ("trl-sft", "trl-preference", "trl-rm", "trl-kto")


def user(text="问题?"):
    return {"role": "user", "content": text}


def said(text="好的"):
    return {"role": "assistant", "content": text}


CALL = {
    "role": "assistant",
    "content": None,
    "tool_calls": [
        {"id": "c", "type": "function", "function": {"name": "limit", "arguments": '{"drug": "阿司匹林"}'}}
    ],
}
REPLY = {"role": "tool", "content": "4 g", "tool_call_id": "c"}
PARAMETERS = {"type": "object", "properties": {"drug": {"type": "string"}}}
TOOLS = [{"type": "function", "function": {"name": "limit", "description": "上限", "parameters": PARAMETERS}}]


def sft(text="回答", group="1", context=None, **more):
    return Sft(context=context or [user(f"{group}?")], group_id=group, target=Answer(text), **more)


def pair(chosen="好", rejected="差", group="1", context=None, **more):
    return Preference(
        context=context or [user(f"{group}?")],
        group_id=group,
        chosen=Answer(chosen),
        rejected=Answer(rejected),
        **more,
    )


def label(good, text="回答", group="1", **more):
    return Binary(context=[user(f"{group}?")], group_id=group, answer=Answer(text), label=good, **more)


def write(folder, form, examples, *, splits=("train",), **options):
    """(rows by file, writer); every file checked."""
    writer = FORMATS[form].open(folder, Options(**options), splits=splits)
    for example in examples:
        writer.add(*example) if isinstance(example, tuple) else writer.add(example)
    writer.files = writer.close()
    assert found(folder, form, **options) == []
    assert not (folder / ".spool").exists()
    return {f.path: rows_in(folder / f.path) for f in writer.files if f.role == "data"}, writer


def rows_of(path):
    return [json.loads(text) for text in path.read_bytes().decode().split("\n")[:-1]]


NASTY = [
    "  indented\n\ttab  ",
    "a\r\nb\rc",
    "u2028 \u2028 u2029 \u2029 nel \u0085",
    "nul-free \x01\x7f",
    "😀👩‍⚕️ 𠮷",
    "e\u0301 \u00e9",
    "\ufeffbom",
    "10⁹ Mg µg",
    "\\n \\u0041 \"'",
    "$$x<y$$ | a | b |\n|---|---|",
    "<script>alert(1)</script>",
    "None",
    "null",
    "NaN",
    "=1+1",
    "a" * 100_000,
]


# A spreadsheet's cells are guarded and have a greatest length.
@pytest.mark.parametrize("form", [name for name in FORMATS if name != "csv"])
def test_text_is_written_code_point_for_code_point(tmp_path, form):
    splits = ("train", *FORMATS[form].needs)

    def asked(text):
        return [user(text)] if FORMATS[form].shows else [{"role": "system", "content": text}, user(text)]

    examples = [
        (kind, splits[i % len(splits)])
        for i, text in enumerate(NASTY)
        for kind in (
            Sft(
                context=asked(text),
                group_id=str(i),
                target=Answer(text),
            ),
            Preference(
                context=asked(text),
                group_id=str(i),
                chosen=Answer(text),
                rejected=Answer("x" + text),
            ),
            Binary(
                context=asked(text),
                group_id=str(i),
                answer=Answer(text),
                label=True,
            ),
        )
        if type(kind) in FORMATS[form].takes_for(Options())
    ]
    files, writer = write(tmp_path, form, examples, splits=splits)
    assert not writer.left_out

    def texts(value):
        if isinstance(value, str):
            yield value
        for inner in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
            yield from texts(inner)

    written = Counter(t for rows in files.values() for row in rows for t in texts(row))
    assert all(written[text] >= (2 if FORMATS[form].shows else 3) for text in NASTY)


@pytest.mark.parametrize(
    ("example", "code"),
    [
        (sft(""), "empty_answer"),
        (sft(" \n"), "empty_answer"),
        (pair("好", ""), "empty_answer"),
        (pair("同", "同"), "same_answers"),
        (pair("caf\u00e9", "cafe\u0301"), "same_answers"),
        (pair("a\r\nb", "a\nb"), "same_answers"),
        (label(True, ""), "empty_answer"),
        (sft("好<|im_end|>"), "template_token"),
        (sft(context=[user("[INST] x [/INST]")]), "template_token"),
        (sft(context=[{"role": "system", "content": "<|im_start|>"}, user()]), "template_token"),
        (
            sft(tools=[{"type": "function", "function": {"name": "f", "description": "</s>"}}]),
            "template_token",
        ),
        (sft(context=[{"role": "system", "content": "s"}]), "system_only"),
        (sft(context=[user(" ")]), "empty_prompt"),
        (sft(context=[{"role": "human", "content": "?"}]), "unknown_role"),
        (sft(context=[user(), user()]), "two_users"),
        (sft(context=[user(), said()]), "assistant_last"),
        (sft(context=[user(None)]), "null_content"),
        (sft("\ud83d"), "stray_surrogate"),
        (sft(context=[user("\ud83d")]), "stray_surrogate"),
    ],
)
def test_leaves_out_what_no_trainer_should_get_and_says_why(tmp_path, example, code):
    form = {Sft: "trl-sft", Preference: "trl-rm", Binary: "trl-kto"}[type(example)]
    fine = {Sft: sft, Preference: pair, Binary: lambda **k: label(True, **k)}[type(example)](group="fine")
    for name in (form, "llamafactory"):
        folder = tmp_path / name
        files, writer = write(folder, name, [example, fine])
        assert writer.left_out == {code: 1}
        assert sum(map(len, files.values())) == 1


def test_a_refused_prompt_refuses_all_its_rows(tmp_path):
    bad = [user("<s>")]
    _, writer = write(
        tmp_path,
        "trl-rm",
        [pair(group="1", context=bad), pair("好", "中", group="1", context=bad), pair(group="2")],
    )
    assert writer.left_out == {"template_token": 2}


def test_template_tokens_are_kept_where_allowed(tmp_path):
    files, writer = write(
        tmp_path, "trl-sft", [sft("</s>", context=[user("<s>?")])], allow_template_tokens=True
    )
    assert not writer.left_out
    assert files["train.jsonl"] == [{"prompt": [user("<s>?")], "completion": [said("</s>")]}]


def test_the_same_row_is_written_once_and_opposite_ones_not_at_all(tmp_path):
    """Prompts may differ only in what the training prompt does not hold (sources): their rows meet here."""
    passages = [{"title": "t", "text": "x"}]
    examples = [
        pair("一", "二", group="1"),
        pair("三", "四", group="1"),
        pair("二", "一", group="1b", context=[user("1?")], sources=passages),
        pair("三", "四", group="1b", context=[user("1?")], sources=passages),
        pair("好", "差", group="2"),
    ]
    files, writer = write(tmp_path, "trl-rm", examples)
    assert [(r["chosen"][0]["content"], r["rejected"][0]["content"]) for r in files["train.jsonl"]] == [
        ("三", "四"),
        ("好", "差"),
    ]
    assert writer.left_out == {"contradiction": 2, "duplicate": 1}
    assert [r["group_id"] for r in rows_of(tmp_path / "provenance/train.jsonl")] == ["1", "2"]
    assert [n["code"] for n in writer.notes] == ["sources_omitted"]


def test_opposite_rows_meet_across_splits(tmp_path):
    examples = [
        (pair("一", "二"), "train"),
        (pair("二", "一", group="1b", context=[user("1?")]), "validation"),
        (pair(group="2"), "validation"),
    ]
    files, writer = write(tmp_path, "trl-preference", examples, splits=("train", "validation"))
    assert {name: len(rows) for name, rows in files.items()} == {"validation.jsonl": 1}
    assert writer.left_out == {"contradiction": 2}
    assert not (tmp_path / "train.jsonl").exists()


def test_labels_that_differ_are_left_out(tmp_path):
    examples = [
        label(True, group="1"),
        label(True, group="2"),
        label(False, group="1"),
        label(True, "另", group="1"),
    ]
    files, writer = write(tmp_path, "trl-kto", examples)
    assert writer.left_out == {"contradiction": 2}
    assert sorted(r["completion"][0]["content"] for r in files["train.jsonl"]) == ["另", "回答"]


@pytest.mark.parametrize(
    ("examples", "good", "bad"),
    [
        # of eight good answers of one prompt three have a place beside the two of another
        (
            [label(True, f"{i}") for i in range(8)] + [label(True, group="2"), label(False, "b", group="2")],
            4,
            1,
        ),
        # of four good labels three are contradicted, and go with what contradicts them
        (
            [label(True, group=f"{i}") for i in range(4)]
            + [label(False, group=f"{i}") for i in (0, 1, 2, 5, 6, 7, 8)],
            1,
            4,
        ),
    ],
)
def test_weights_of_labels_are_of_the_rows_that_are_written(tmp_path, examples, good, bad):
    for form, name, column in (
        ("trl-kto", "train.jsonl", "label"),
        ("llamafactory", "kto_train.jsonl", "kto_tag"),
    ):
        files, writer = write(tmp_path / form, form, examples)
        assert Counter(row[column] for row in files[name]) == {True: good, False: bad}
        if form == "trl-kto":
            [note] = [n for n in writer.notes if n["code"] == "kto_weights"]
            assert (note["desirable"], note["undesirable"]) == (good, bad)
        else:
            assert f"# {good} good and {bad} bad rows" in (tmp_path / form / "kto.yaml").read_text()


def test_one_class_is_told_of_what_is_written(tmp_path):
    examples = [label(True), label(True, "另", group="2"), label(False, "另", group="2")]
    for form in ("trl-kto", "llamafactory"):
        _files, writer = write(tmp_path / form, form, examples)
        assert [n["code"] for n in writer.notes] == ["one_class"] and writer.left_out == {"contradiction": 2}


def test_splits_have_their_own_files(tmp_path):
    examples = [(sft(group="1"), "train"), (sft(group="2"), "test"), (sft(group="3"), "validation")]
    files, writer = write(tmp_path, "trl-sft", examples, splits=("train", "validation", "test"))
    assert list(files) == ["train.jsonl", "validation.jsonl", "test.jsonl"]
    assert [f.path for f in writer.files if f.role == "provenance"] == [
        f"provenance/{name}" for name in files
    ]
    with pytest.raises(ValueError, match="no split"):
        FORMATS["trl-sft"].open(tmp_path / "other").add(sft(), "test")


# --- system, sources, margin, tools


SYSTEM = {"role": "system", "content": "你是药师。"}
SOURCES = [{"title": "说明书", "text": "一天不超过4克。"}, {"text": "间隔6小时。"}]
BLOCK = "[1] 说明书\n一天不超过4克。\n\n[2]\n间隔6小时。\n\n"


@pytest.mark.parametrize(
    ("options", "prompt"),
    [
        ({}, [SYSTEM, user()]),
        ({"system": "merge"}, [user("你是药师。\n\n问题?")]),
        ({"sources": "user"}, [SYSTEM, user(BLOCK + "问题?")]),
        ({"sources": "system"}, [{"role": "system", "content": BLOCK + "你是药师。"}, user()]),
        ({"sources": "system", "system": "merge"}, [user(BLOCK + "你是药师。\n\n问题?")]),
    ],
)
def test_system_and_sources_stand_where_asked(tmp_path, options, prompt):
    files, writer = write(tmp_path, "trl-sft", [sft(context=[SYSTEM, user()], sources=SOURCES)], **options)
    assert files["train.jsonl"][0]["prompt"] == prompt
    assert [n["code"] for n in writer.notes] == ([] if "sources" in options else ["sources_omitted"])


def test_sources_make_a_system_turn_where_there_is_none(tmp_path):
    files, _ = write(tmp_path, "trl-sft", [sft(context=[user()], sources=SOURCES[:1])], sources="system")
    assert files["train.jsonl"][0]["prompt"] == [
        {"role": "system", "content": "[1] 说明书\n一天不超过4克。"},
        user(),
    ]


def test_answers_to_one_question_may_each_have_their_own_passages(tmp_path):
    context = [user()]
    examples = [
        sft(answer, context=context, sources=[source])
        for answer, source in zip(("4 克", "6 小时"), SOURCES, strict=True)
    ]
    files, _ = write(tmp_path / "user", "trl-sft", examples, sources="user")
    assert [r["prompt"][0]["content"] for r in files["train.jsonl"]] == [
        "[1] 说明书\n一天不超过4克。\n\n问题?",
        "[1]\n间隔6小时。\n\n问题?",
    ]
    files, _ = write(tmp_path / "all", "jsonl", examples)
    assert [r["sources"] for r in files["train.jsonl"]] == [SOURCES[:1], SOURCES[1:]]


def test_margins_stand_on_every_row_or_on_none(tmp_path):
    examples = [pair(group="1", margin=0.5), pair(group="2"), pair(group="3", margin=1)]
    files, writer = write(tmp_path / "a", "trl-rm", examples, margin="strength")
    assert [r["margin"] for r in files["train.jsonl"]] == [0.5, 1.0]
    assert writer.left_out == {"no_margin": 1}
    files, writer = write(tmp_path / "b", "trl-rm", examples)
    assert all("margin" not in r for r in files["train.jsonl"]) and not writer.left_out
    files, _ = write(tmp_path / "c", "trl-preference", examples, margin="strength")
    assert [set(r) for r in files["train.jsonl"]] == [{"prompt", "chosen", "rejected"}] * 3


def test_tools_are_a_string_on_every_row_and_rows_with_them_stand_first(tmp_path):
    examples = [
        sft(group="1"),
        sft(group="2", tools=TOOLS, context=[user("上限?"), CALL, REPLY, said(), user("多少?")]),
    ]
    files, _ = write(tmp_path, "trl-sft", examples)
    first, second = files["train.jsonl"]
    assert json.loads(first["tools"]) == TOOLS and second["tools"] == "null"
    call = {"type": "function", "function": {"name": "limit", "arguments": {"drug": "阿司匹林"}}, "id": "c"}
    assert first["prompt"][1] == {"role": "assistant", "content": "", "tool_calls": [call]}
    assert first["prompt"][2] == REPLY
    assert [r["group_id"] for r in rows_of(tmp_path / "provenance/train.jsonl")] == ["2", "1"]


def test_calls_inside_an_answer_become_context(tmp_path):
    """The loss must not fall on the tool's reply."""
    example = Sft(
        context=[user("上限?")], group_id="1", tools=TOOLS, target=Answer("4 克", turns=(CALL, REPLY))
    )
    files, _ = write(tmp_path / "t", "trl-sft", [example])
    [row] = files["train.jsonl"]
    assert [m["role"] for m in row["prompt"]] == ["user", "assistant", "tool"] and row["completion"] == [
        said("4 克")
    ]
    files, _ = write(tmp_path / "l", "llamafactory", [example])
    [row] = files["sft_sharegpt_train.jsonl"]
    assert [t["from"] for t in row["conversations"]] == ["human", "function_call", "observation", "gpt"]
    assert json.loads(row["conversations"][1]["value"]) == {
        "name": "limit",
        "arguments": {"drug": "阿司匹林"},
    }
    assert json.loads(row["tools"]) == [TOOLS[0]["function"]]


def test_an_answer_may_end_in_a_call(tmp_path):
    example = Sft(context=[user("上限?")], group_id="1", tools=TOOLS, target=Answer("", turns=(CALL,)))
    files, _ = write(tmp_path / "t", "trl-sft", [example])
    assert files["train.jsonl"][0]["completion"][0]["tool_calls"][0]["function"]["name"] == "limit"
    files, _ = write(tmp_path / "l", "llamafactory", [example])
    assert [t["from"] for t in files["sft_sharegpt_train.jsonl"][0]["conversations"]] == [
        "human",
        "function_call",
    ]


def test_pairs_with_different_calls_are_for_the_reward_trainer_only(tmp_path):
    context = {"context": [user("上限?")], "group_id": "1", "tools": TOOLS}
    same = Preference(
        **context, chosen=Answer("4 克", turns=(CALL, REPLY)), rejected=Answer("没有", turns=(CALL, REPLY))
    )
    other = Preference(**context, chosen=Answer("4 克", turns=(CALL, REPLY)), rejected=Answer("不知道"))
    for form, rows, out in (
        ("trl-rm", 2, {}),
        ("trl-preference", 1, {"tool_turns_in_answer": 1}),
        ("llamafactory", 1, {"tool_turns_in_answer": 1}),
    ):
        files, writer = write(tmp_path / form, form, [same, other])
        assert sum(map(len, files.values())) == rows and writer.left_out == out
    _, writer = write(
        tmp_path / "kto",
        "trl-kto",
        [Binary(**context, answer=Answer("4 克", turns=(CALL, REPLY)), label=True), label(True, group="2")],
    )
    assert writer.left_out == {"tool_turns_in_answer": 1}


@pytest.mark.parametrize("form", ["trl-sft", "llamafactory"])
def test_turns_of_an_answer_and_the_same_turns_of_a_prompt_are_one_prompt(tmp_path, form):
    inside = Sft(
        context=[user("上限?")], group_id="1", tools=TOOLS, target=Answer("4 克", turns=(CALL, REPLY))
    )
    before = Sft(context=[user("上限?"), CALL, REPLY], group_id="2", tools=TOOLS, target=Answer("4 克"))
    files, writer = write(tmp_path, form, [inside, before])
    assert sum(map(len, files.values())) == 1 and writer.left_out == {"duplicate": 1}


@pytest.mark.parametrize("form", ["trl-preference", "trl-rm", "llamafactory"])
def test_opposite_pairs_meet_whether_the_turns_are_the_answers_or_the_prompts(tmp_path, form):
    inside = {"context": [user("上限?")], "group_id": "1", "tools": TOOLS}
    one = Preference(
        **inside, chosen=Answer("4 克", turns=(CALL, REPLY)), rejected=Answer("没有", turns=(CALL, REPLY))
    )
    before = {"context": [user("上限?"), CALL, REPLY], "group_id": "2", "tools": TOOLS}
    other = Preference(**before, chosen=Answer("没有"), rejected=Answer("4 克"))
    _, writer = write(tmp_path, form, [one, other])
    assert writer.left_out == {"contradiction": 2}


def test_whole_answers_that_differ_by_normal_form_are_the_same(tmp_path):
    context = {"context": [user("上限?")], "group_id": "1", "tools": TOOLS}
    pairs = [
        Preference(**context, chosen=Answer(text, turns=(CALL, REPLY)), rejected=Answer("没有"))
        for text in ("caf\u00e9", "cafe\u0301")
    ]
    _, writer = write(tmp_path, "trl-rm", pairs)
    assert writer.left_out == {"duplicate": 1}


@pytest.mark.parametrize(("form", "refused"), [("trl-preference", 2), ("llamafactory", 2), ("trl-rm", 0)])
def test_pairs_that_fall_for_their_turns_are_known_before_weights_are_shared(tmp_path, form, refused):
    context = {"context": [user("上限?")], "group_id": "1", "tools": TOOLS}
    a, b, c = Answer("4 克"), Answer("不知道"), Answer("没有", turns=(CALL, REPLY))
    pairs = [Preference(**context, chosen=one, rejected=other) for one, other in ((a, b), (a, c), (b, c))]
    writer = FORMATS[form].open(tmp_path, Options(), splits=("train",))
    assert writer.refused(pairs) == {id(one) for one in pairs[1:][:refused]}
    writer.close()


@pytest.mark.parametrize(
    ("context", "code"),
    [
        ([user("上限?"), CALL | {"content": "我查一下。"}, REPLY], "text_beside_call"),
        ([user("上限?"), CALL, REPLY, REPLY], "turn_order"),
        (
            [
                user("上限?"),
                {
                    "role": "assistant",
                    "content": "",
                    "tool_calls": [{"function": {"name": "f", "arguments": "not json"}}],
                },
                REPLY,
            ],
            "tool_calls",
        ),
    ],
)
def test_llamafactory_leaves_out_turns_it_would_drop(tmp_path, context, code):
    _, writer = write(tmp_path, "llamafactory", [sft(context=context, tools=TOOLS), sft(group="2")])
    assert writer.left_out == {code: 1}


HUGE = [2**80, 2**80 + 2, -(2**70)]


def test_numbers_of_any_size_are_written_as_they_are_and_told_apart(tmp_path):
    def calling(number):
        return {
            "role": "assistant",
            "content": "",
            "tool_calls": [{"type": "function", "function": {"name": "f", "arguments": {"n": number}}}],
        }

    examples = [
        sft(
            context=[user("多少?"), calling(n), {"role": "tool", "content": "4"}],
            tools=[{"name": "f", "limit": n}],
            provenance={"item": n},
        )
        for n in HUGE
    ]
    for form in ("trl-sft", "jsonl"):
        files, writer = write(tmp_path / form, form, examples)
        assert not writer.left_out
        rows = files["train.jsonl"]
        found = [
            row["context" if form == "jsonl" else "prompt"][1]["tool_calls"][0]["function"]["arguments"]["n"]
            for row in rows
        ]
        assert found == HUGE
        assert [
            (json.loads(r["tools"]) if form == "trl-sft" else r["tools"])[0]["limit"] for r in rows
        ] == HUGE
        sides = rows if form == "jsonl" else rows_of(tmp_path / form / "provenance/train.jsonl")
        assert [s["provenance"]["item"] if form == "jsonl" else s["item"] for s in sides] == HUGE


def test_the_side_file_is_ascii_whatever_stands_in_it(tmp_path):
    texts = ["说明书.jsonl", "é", "😀x", "\ud83d", "a\u2028b", '"\\']
    write(
        tmp_path,
        "trl-sft",
        [
            sft(f"{i}", group=text, context=[user()], provenance={"item": 1, "origins": [{"file": text}]})
            for i, text in enumerate(texts)
        ],
    )
    raw = (tmp_path / "provenance/train.jsonl").read_bytes()
    assert raw.isascii()
    rows = [json.loads(line) for line in raw.splitlines()]
    assert [(r["group_id"], r["origins"][0]["file"]) for r in rows] == [(t, t) for t in texts]


def test_not_a_number_is_never_written(tmp_path):
    for bad in (float("nan"), float("inf")):
        for example in (
            pair(margin=bad),
            pair(weight=bad),
            sft(tools=[{"n": bad}]),
            sft(sources=[{"n": bad}]),
        ):
            with pytest.raises(ValueError, match="JSON"):
                line(example)


# --- KTO's order


def neighbours(rows):
    return [a["prompt"] for a, b in pairwise(rows) if a["prompt"] == b["prompt"]]


def test_neighbours_share_no_prompt(tmp_path):
    examples = [label(n % 2 == 0, f"{n}", group=f"{g}") for g in range(20) for n in range(1 + g % 4)]
    files, writer = write(tmp_path, "trl-kto", examples)
    assert (
        len(files["train.jsonl"]) == len(examples)
        and not neighbours(files["train.jsonl"])
        and not writer.left_out
    )
    sides = rows_of(tmp_path / "provenance/train.jsonl")
    assert [r["prompt"][0]["content"] for r in files["train.jsonl"]] == [f"{s['group_id']}?" for s in sides]


def test_rows_that_cannot_be_kept_apart_are_left_out_and_counted(tmp_path):
    examples = [label(True, f"{n}", group="big") for n in range(10)] + [
        label(False, "x", group=f"{g}") for g in range(3)
    ]
    files, writer = write(tmp_path, "trl-kto", examples)
    assert len(files["train.jsonl"]) == 7 and writer.left_out == {"neighbour": 6}
    files, writer = write(tmp_path / "lf", "llamafactory", examples)
    assert len(files["kto_train.jsonl"]) == 7 and writer.left_out == {"neighbour": 6}


def test_a_large_file_is_written_once_and_anew_only_where_it_must_be(tmp_path, monkeypatch):
    """Rows that stand well as they come are not copied; a prompt with too many of them in one place costs a
    second pass, and nothing else."""
    spread = []
    monkeypatch.setattr("training_export.formats.order.WINDOW_ROWS", 50)
    monkeypatch.setattr(
        RowWriter, "_spread", lambda self, *a, _was=RowWriter._spread: spread.append(a) or _was(self, *a)
    )
    mixed = [label(n % 2 == 0, f"{n}", group=f"{g}") for g in range(200) for n in range(1 + g % 4)]
    files, writer = write(tmp_path / "mixed", "trl-kto", mixed)
    assert not spread and len(files["train.jsonl"]) == len(mixed) and not neighbours(files["train.jsonl"])
    sides = rows_of(tmp_path / "mixed/provenance/train.jsonl")
    assert [r["prompt"][0]["content"] for r in files["train.jsonl"]] == [f"{s['group_id']}?" for s in sides]
    heap = [label(n % 2 == 0, f"{n}", group="big") for n in range(200)]
    files, writer = write(tmp_path / "heap", "trl-kto", heap + mixed)
    assert (
        spread
        and len(files["train.jsonl"]) == len(heap + mixed)
        and not neighbours(files["train.jsonl"])
        and not writer.left_out
    )
    twice = [*mixed, mixed[0]]
    files, writer = write(tmp_path / "twice", "trl-kto", twice)
    assert (
        len(files["train.jsonl"]) == len(mixed)
        and not neighbours(files["train.jsonl"])
        and writer.left_out == {"duplicate": 1}
    )


def test_the_order_is_the_same_every_time(tmp_path):
    examples = [label(n % 2 == 0, f"{n}", group=f"{g}") for g in range(30) for n in range(1 + g % 3)]
    shas = {tuple(f.sha256 for f in write(tmp_path / str(i), "trl-kto", examples)[1].files) for i in range(2)}
    assert len(shas) == 1


def test_weights_for_unbalanced_labels_are_noted(tmp_path):
    examples = [label(n == 0, "x", group=f"{n}") for n in range(4)]
    _, writer = write(tmp_path, "trl-kto", examples)
    [note] = writer.notes
    assert (note["desirable"], note["undesirable"]) == (1, 3) and 3 <= note["desirable_weight"] <= 3 * 4 / 3
    assert "kto_chosen_weight: 3.45" in (
        write(tmp_path / "l", "llamafactory", examples)[1] and (tmp_path / "l" / "kto.yaml").read_text()
    )


def test_many_corrections_ask_for_the_sft_term(tmp_path):
    examples = [pair(group=f"{n}", provenance={"reason": "correction"}) for n in range(2)]
    _, writer = write(tmp_path, "trl-preference", examples)
    assert [n["code"] for n in writer.notes] == ["near_identical"]
    write(tmp_path / "l", "llamafactory", examples)
    assert "pref_ftx: 1.0" in (tmp_path / "l" / "dpo.yaml").read_text()


# --- the canonical form


def test_the_canonical_form_holds_everything(tmp_path):
    shared = {
        "context": [SYSTEM, user()],
        "tools": TOOLS,
        "sources": SOURCES,
        "language": "zh",
        "tags": ("a",),
        "weight": 0.5,
        "provenance": {"item": 1},
    }
    answers = [
        Answer("一", origin="human"),
        Answer("二", turns=(CALL, REPLY), origin="model:x"),
        Answer("三"),
    ]
    examples = [
        Sft(**shared, group_id="1", target=answers[1]),
        Preference(
            **shared, group_id="1", chosen=answers[0], rejected=answers[1], margin=0.25, n_for=2, n_against=1
        ),
        Binary(**shared, group_id="1", answer=answers[2], label=False),
        RankedList(**shared, group_id="1", groups=((answers[0],), (answers[1], answers[2]))),
        PromptOnly(**shared, group_id="1"),
        EvalQuestion(**shared, group_id="1", reference="四"),
    ]
    files, writer = write(tmp_path, "jsonl", examples)
    assert not writer.left_out
    assert [from_row(r) for r in files["train.jsonl"]] == examples
    assert (tmp_path / "train.jsonl").read_bytes() == b"".join(line(e) for e in examples)
    assert [f.path for f in writer.files] == ["train.jsonl"]


def test_every_row_keeps_its_origin_beside_it(tmp_path):
    example = Preference(
        context=[user()],
        group_id="g",
        weight=1 / 3,
        language="zh",
        tags=("心内",),
        chosen=Answer("好", origin="corrected"),
        rejected=Answer("差", origin="model:x"),
        n_for=2,
        n_against=1,
        provenance={"item": 7, "versions": [3, 4], "annotators": ["P1"]},
    )
    write(tmp_path, "trl-rm", [example])
    assert rows_of(tmp_path / "provenance/train.jsonl") == [
        {
            "group_id": "g",
            "weight": 1 / 3,
            "language": "zh",
            "tags": ["心内"],
            "origin": {"chosen": "corrected", "rejected": "model:x"},
            "n_for": 2,
            "n_against": 1,
            "agreement": 2 / 3,
            "item": 7,
            "versions": [3, 4],
            "annotators": ["P1"],
        }
    ]


# --- size


@pytest.mark.parametrize("form", ["trl-rm", "trl-kto"])
def test_memory_stays_flat(tmp_path, form):
    """Ten times the rows must not take more than a few bytes a row."""

    def peak(n, folder):
        make = (
            (lambda i: pair(f"好{i}" * 50, f"差{i}" * 50, group=f"{i // 3}"))
            if form == "trl-rm"
            else (lambda i: label(i % 2 == 0, f"好{i}" * 50, f"{i // 3}"))
        )
        tracemalloc.start()
        writer = FORMATS[form].open(folder)
        for i in range(n):
            writer.add(make(i))
        writer.close()
        assert not [p for p in FORMATS[form].check(folder) if p.level == "error"]
        most = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return most

    peak(100, tmp_path / "warm")  # imports
    small, large = peak(1_000, tmp_path / "small"), peak(10_000, tmp_path / "large")
    assert large - small < 9_000 * 400


@pytest.mark.parametrize(
    "tool",
    [
        {"type": "web_search", "web_search": {"enable": True}},
        {"type": "function", "name": "flat", "parameters": PARAMETERS},
        {"type": "function", "function": {"name": 5, "parameters": PARAMETERS}},
        {
            "type": "function",
            "function": {
                "name": "f",
                "parameters": {"properties": {"n": {"type": "integer", "enum": [1, 2]}}},
            },
        },
        {"type": "function", "function": {"name": "f", "parameters": {"properties": None}}},
        {"type": "function", "function": {"name": "f", "parameters": {"properties": {"n": True}}}},
        {"type": "function", "function": {"name": "f", "parameters": {"properties": {"n": {"items": True}}}}},
        {
            "type": "function",
            "function": {"name": "f", "parameters": {"properties": {"n": {}}, "required": True}},
        },
    ],
)
def test_tools_that_llamafactorys_templates_fail_on_are_left_out_and_counted(tmp_path, tool):
    files, writer = write(tmp_path, "llamafactory", [sft(tools=[*TOOLS, tool]), sft(group="2", tools=TOOLS)])
    assert writer.left_out == {"tools_not_formattable": 1} and len(files["sft_sharegpt_train.jsonl"]) == 1


@pytest.mark.parametrize(
    ("answers", "said"),
    [
        (["a", "b"], "false"),
        (["<think>\nwhy\n</think>\n\na", "b"], "null"),
        (["<think>x</think>a", "<think>y</think>b"], "true"),
    ],
)
def test_llamafactory_is_told_whether_there_are_thoughts(tmp_path, answers, said):
    examples = [sft(text, group=str(n)) for n, text in enumerate(answers)]
    examples += [label(True, text, group=str(n)) for n, text in enumerate(answers)] + [
        pair(*answers, group="p")
    ]
    write(
        tmp_path, "llamafactory", [*examples, (sft("held out", group="t"), "test")], splits=("train", "test")
    )
    for stage in ("sft", "kto", "rm", "dpo"):
        assert f"\nenable_thinking: {said}\n" in (tmp_path / f"{stage}.yaml").read_text(), stage
