"""The formats with a file for each stage, and TRL's formats of prompts: what their checkers refuse, what
their writers leave out, and how several Examples become one row."""

import ast
import json
from collections import Counter
from itertools import pairwise

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.training_export.formats.broken_stages import BROKEN_STAGES, SOUND_STAGES
from tests.training_export.formats.format_files import found, put
from tests.training_export.formats.test_check import _json
from tests.training_export.formats.test_write import (
    CALL,
    REPLY,
    SOURCES,
    TOOLS,
    label,
    pair,
    rows_of,
    said,
    sft,
    user,
    write,
)
from training_export.curate.examples import Answer, Preference, PromptOnly, Sft
from training_export.formats import FORMATS, Options
from training_export.formats.reasons import REASONS
from training_export.formats.stages import bailian
from training_export.formats.trl import rewards

EVERY = [(f.name, stage) for f in FORMATS.values() for stage in f.stages]


@pytest.mark.parametrize(
    ("_name", "form", "stage", "rows", "code"),
    BROKEN_STAGES,
    ids=[f"{b[1]} {b[2]}: {b[0]}" for b in BROKEN_STAGES],
)
def test_refuses(tmp_path, _name, form, stage, rows, code):
    put(tmp_path, rows)
    assert code in {c for _, _, c in found(tmp_path, form, stage=stage)} and code in REASONS


@pytest.mark.parametrize(("form", "stage"), SOUND_STAGES)
def test_lets_sound_rows_pass(tmp_path, form, stage):
    put(tmp_path, SOUND_STAGES[form, stage])
    assert [p for p in FORMATS[form].check(tmp_path, Options(stage=stage)) if p.level == "error"] == []


def test_every_stage_has_rows_of_both_sorts():
    broken = {(form, stage) for _name, form, stage, _rows, _code in BROKEN_STAGES}
    assert set(EVERY) <= broken and set(EVERY) <= set(SOUND_STAGES)


@pytest.mark.parametrize(("form", "stage"), SOUND_STAGES)
@given(data=st.data())
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_row_breaks_the_checker(tmp_path, form, stage, data):
    columns = dict.fromkeys([*SOUND_STAGES[form, stage][0], "tools"][: data.draw(st.integers(1, 5))], _json)
    put(tmp_path, data.draw(st.lists(st.fixed_dictionaries(columns), min_size=1, max_size=3)))
    list(FORMATS[form].check(tmp_path, Options(stage=stage)))


TOOL_CONTEXT = [user("上限?"), CALL, REPLY]


@pytest.mark.parametrize(
    ("form", "stage", "example", "code"),
    [
        ("swift", "sft", sft("<image>"), "media_mark"),
        ("swift", "dpo", pair("<audio>", "差"), "media_mark"),
        ("swift", "rl", sft(context=[user("<bbox>?")]), "media_mark"),
        (
            "swift",
            "dpo",
            Preference([user()], "1", chosen=Answer("", (CALL,)), rejected=Answer("x")),
            "tool_turns_in_answer",
        ),
        ("openrlhf", "sft", sft(tools=TOOLS), "tools"),
        ("openrlhf", "sft", sft(context=TOOL_CONTEXT), "tool_turns"),
        (
            "openrlhf",
            "rm",
            Preference([user()], "1", chosen=Answer("4", (CALL, REPLY)), rejected=Answer("x")),
            "tool_turns_in_answer",
        ),
        ("openrlhf", "rl", sft(context=[user("<image>?")]), "media_mark"),
        ("axolotl", "dpo", pair("好的回答 ", "差的回答"), "outer_space"),
        ("axolotl", "dpo", pair("assistant", "差的回答"), "found_elsewhere"),
        ("axolotl", "dpo", pair("差的回答", "2023"), "found_elsewhere"),
        ("axolotl", "dpo", pair("好的回答", "差的回答", context=TOOL_CONTEXT), "tool_turns"),
        ("axolotl", "rm", pair(context=[user("1?"), said(), user("2?")]), "more_turns"),
        ("bailian", "sft", sft(context=[user("1?"), said(), user("2?")]), "unjudged_turns"),
        ("bailian", "dpo", pair(context=TOOL_CONTEXT), "tool_turns"),
        ("trl-grpo", "", sft(tools=TOOLS), "tools"),
        ("trl-sdft", "", sft(tools=TOOLS), "tools"),
        ("trl-sdft", "", sft(context=TOOL_CONTEXT), "tool_reply_last"),
        ("trl-sdft", "", sft("", context=[user()]), "empty_answer"),
        ("swift", "kto", sft(), "wrong_kind"),
    ],
)
def test_leaves_out_what_the_trainer_would_get_wrong(tmp_path, form, stage, example, code):
    takes = FORMATS[form].takes_for(Options(stage=stage))
    fine = {"Sft": sft, "Preference": pair, "Binary": lambda **k: label(True, **k)}
    kind = next(k for k in fine if k in {cls.__name__ for cls in takes})
    fine = pair("更好的回答", "更差的回答", group="f") if kind == "Preference" else fine[kind](group="f")
    files, writer = write(tmp_path, form, [example, fine], stage=stage)
    assert writer.left_out == {code: 1} and len(files["train.jsonl"]) == 1


# --- only what was judged is learnt


TALK = [user("1?"), said("一"), user("2?")]


def test_swift_says_of_each_turn_whether_it_is_learnt_calls_and_all(tmp_path):
    example = Sft([*TALK[:2], user("上限?")], "1", tools=TOOLS, target=Answer("4 克", (CALL, REPLY)))
    files, _ = write(tmp_path, "swift", [example, sft(group="2")])
    row, plain = files["train.jsonl"]
    call = {"name": "limit", "arguments": {"drug": "阿司匹林"}}
    assert [(m["role"], m.get("loss")) for m in row["messages"]] == [
        ("user", None),
        ("assistant", False),
        ("user", None),
        ("tool_call", False),
        ("tool_response", None),
        ("assistant", True),
    ]
    assert json.loads(row["messages"][3]["content"]) == call and row["messages"][4]["content"] == "4 g"
    assert json.loads(row["tools"]) == TOOLS and plain["tools"] == "[]"


def test_swift_learns_a_last_call_with_the_text_beside_it(tmp_path):
    beside = CALL | {"content": "我查一下。"}
    files, _ = write(tmp_path, "swift", [Sft([user()], "1", tools=TOOLS, target=Answer("", (beside,)))])
    [row] = files["train.jsonl"]
    assert [(m["role"], m.get("loss")) for m in row["messages"]] == [
        ("user", None),
        ("assistant", True),
        ("tool_call", True),
    ]


def test_axolotl_marks_each_turn_and_writes_arguments_as_text(tmp_path):
    examples = [sft(context=[*TALK[:2], user("上限?"), CALL, REPLY], tools=TOOLS), sft(group="2")]
    files, _ = write(tmp_path, "axolotl", examples)
    row, plain = files["train.jsonl"]
    assert [m["train"] for m in row["messages"]] == [False] * 5 + [True]
    assert row["messages"][3]["tool_calls"][0]["function"]["arguments"] == '{"drug": "阿司匹林"}'
    assert json.loads(row["tools"]) == TOOLS and plain["tools"] == "[]"
    assert "field_tools: tools" in (tmp_path / "sft.yaml").read_text()


def test_calls_that_differ_only_by_their_ids_are_one_row_where_the_file_has_no_ids(tmp_path):
    def called(number):
        call = CALL | {"tool_calls": [CALL["tool_calls"][0] | {"id": number}]}
        context = [user("上限?"), call, REPLY | {"tool_call_id": number}]
        return sft(group=number, context=context, tools=TOOLS)

    _, writer = write(tmp_path, "swift", [called("a"), called("b")])
    assert writer.left_out == {"duplicate": 1}
    calls = [CALL | {"tool_calls": [CALL["tool_calls"][0] | {"id": number}]} for number in "ab"]
    last = [Sft([user()], "1", tools=TOOLS, target=Answer("", (call,))) for call in calls]
    _, writer = write(tmp_path / "last", "swift", last)
    assert writer.left_out == {"duplicate": 1}
    files, writer = write(tmp_path / "with", "axolotl", [called("a"), called("b")])
    assert len(files["train.jsonl"]) == 2


# --- prompts, one row each


def prompt_only(group="1", context=None, **more):
    return PromptOnly(context=context or [user(f"{group}?")], group_id=group, **more)


PROMPTS = [("trl-grpo", "", "solution"), ("swift", "rl", "solution"), ("openrlhf", "rl", "label")]


@pytest.mark.parametrize(("form", "stage", "column"), PROMPTS)
def test_a_prompt_is_one_row_with_the_experts_answer(tmp_path, form, stage, column):
    examples = [
        *(sft("答一", group="1"), sft("答二", group="1"), prompt_only("1")),
        prompt_only("2"),
        *(prompt_only("3"), sft("答三", group="3", provenance={"item": 3})),
    ]
    files, writer = write(tmp_path, form, examples, stage=stage)
    assert [row[column] for row in files["train.jsonl"]] == ["答一", "", "答三"]
    assert writer.left_out == {"one_answer_a_prompt": 1} and writer.joined == 2
    assert [(n["code"], n["without"], n["prompts"]) for n in writer.notes] == [("no_solution", 1, 3)]
    assert [r.get("item") for r in rows_of(tmp_path / "provenance/train.jsonl")] == [None, None, 3]


@pytest.mark.parametrize(("form", "stage", "column"), PROMPTS)
def test_the_same_prompt_of_two_prompts_is_one_row(tmp_path, form, stage, column):
    examples = [sft("答", group="1", context=TALK), prompt_only("2", TALK), prompt_only("3")]
    files, writer = write(tmp_path, form, examples, stage=stage)
    assert [row[column] for row in files["train.jsonl"]] == ["答", ""] and writer.left_out == {"duplicate": 1}


@pytest.mark.parametrize(("form", "stage", "column"), PROMPTS)
def test_the_rows_of_two_prompts_that_ask_the_same_may_come_in_turn(tmp_path, form, stage, column):
    examples = [prompt_only("1", TALK), prompt_only("2", TALK), sft("答", group="1", context=TALK)]
    files, writer = write(tmp_path, form, examples, stage=stage)
    assert [row[column] for row in files["train.jsonl"]] == ["答"] and writer.left_out == {"duplicate": 1}


def test_a_new_question_is_a_prompt_of_its_own_between_the_others(tmp_path):
    """A correction of the question comes with its prompt, and has another context."""
    shared = {"provenance": {"prompt": 7}}
    examples = [
        sft("答", group="1", **shared),
        sft("新答", group="1b", context=[user("新?")], **shared),
        prompt_only("1", **shared),
    ]
    files, writer = write(tmp_path, "trl-grpo", examples)
    assert [row["solution"] for row in files["train.jsonl"]] == ["答", "新答"]
    assert not writer.left_out and writer.joined == 1


def test_an_answer_that_cannot_be_written_leaves_its_prompt(tmp_path):
    files, writer = write(tmp_path, "trl-grpo", [sft("</s>"), prompt_only()])
    assert files["train.jsonl"] == [{"prompt": [user("1?")], "solution": ""}]
    assert writer.left_out == {"template_token": 1}


# --- what the teacher sees, and triples


def test_the_teacher_sees_the_passages_and_the_answer(tmp_path):
    examples = [sft(sources=SOURCES), sft(group="2")]
    files, writer = write(tmp_path / "omit", "trl-sdft", examples)
    block = "[1] 说明书\n一天不超过4克。\n\n[2]\n间隔6小时。\n\n"
    assert [r["privileged_context"] for r in files["train.jsonl"]] == [block + "回答", "回答"]
    assert not writer.notes
    files, _ = write(tmp_path / "user", "trl-sdft", examples, sources="user")
    assert [r["privileged_context"] for r in files["train.jsonl"]] == ["回答", "回答"]
    assert files["train.jsonl"][0]["prompt"] == [user(block + "1?")]


def test_a_triple_needs_a_pair_and_an_answer_of_one_prompt(tmp_path):
    examples = [
        *(
            sft("最好", group="1"),
            sft("也好", group="1"),
            pair("好", "差", group="1"),
            pair("好", "最好", group="1"),
        ),
        pair(group="2"),
        sft(group="3"),
        *(pair("好", "x", group="4"), sft("x", group="4")),
    ]
    files, writer = write(tmp_path, "trl-tpo", examples)
    [row] = files["train.jsonl"]
    assert [row[c][0]["content"] for c in ("chosen", "rejected", "reference")] == ["好", "差", "最好"]
    assert writer.left_out == {
        "one_answer_a_prompt": 1,
        "reference_rejected": 2,
        "no_reference": 1,
        "no_pair_beside": 2,
    }
    assert writer.joined == 1


# --- what lies beside the rows


@pytest.mark.parametrize(("form", "stage"), [e for e in EVERY if e[0] in ("swift", "axolotl")])
def test_the_settings_name_the_files_that_are_there(tmp_path, form, stage):
    takes = FORMATS[form].takes_for(Options(stage=stage))
    made = {
        "Sft": lambda g: sft(group=g),
        "Preference": lambda g: pair("更好的回答", "更差的回答", g, provenance={"reason": "correction"}),
        "Binary": lambda g: label(g == "1", group=g),
    }
    make = next(made[k] for k in made if k in {cls.__name__ for cls in takes})
    rows = [(make("1"), "train"), (make("2"), "train"), (make("3"), "validation")]
    _, writer = write(tmp_path, form, rows, splits=("train", "validation"), stage=stage, margin="none")
    said = yaml.safe_load((tmp_path / f"{stage}.yaml").read_text(encoding="ascii"))
    assert FORMATS[form].stage_of(Options(stage=stage)) == stage
    if form == "swift":
        assert (said["dataset"], said["val_dataset"]) == (["train.jsonl"], ["validation.jsonl"])
        assert said.get("rlhf_type", "sft") == {"rl": "grpo"}.get(stage, stage)
        assert said["strict"] is True and said.get("rpo_alpha") == (1.0 if stage == "dpo" else None)
        assert ("desirable_weight" in said) == (stage == "kto")
    else:
        [train], [held_out] = said["datasets"], said["test_datasets"]
        assert (train["path"], held_out["path"]) == ("train.jsonl", "validation.jsonl")
        assert train["type"] == held_out["type"]
        assert (train.get("message_field_training"), train.get("roles_to_train")) == (
            ("train", []) if stage == "sft" else (None, None)
        )
        assert said.get("rl") == (stage if stage in ("dpo", "kto") else None)
        assert said.get("reward_model") == (True if stage == "rm" else None)
        assert said.get("dpo_loss_type") == (["sigmoid", "sft"] if stage == "dpo" else None)
    if stage == "kto":
        [note] = [n for n in writer.notes if n["code"] == "kto_weights"]
        assert (note["desirable"], note["undesirable"]) == (1, 1)


def test_a_margin_is_written_where_a_reward_model_reads_it(tmp_path):
    examples = [pair(group="1", margin=0.5), pair(group="2")]
    for form in ("swift", "openrlhf"):
        files, writer = write(tmp_path / form, form, examples, stage="rm", margin="strength")
        assert [row["margin"] for row in files["train.jsonl"]] == [0.5]
        assert writer.left_out == {"no_margin": 1}
        files, _ = write(tmp_path / form / "dpo", form, examples, stage="dpo", margin="strength")
        assert all("margin" not in row for row in files["train.jsonl"])


@pytest.mark.parametrize(("form", "stage"), [("swift", "kto"), ("axolotl", "kto")])
def test_neighbours_share_no_prompt(tmp_path, form, stage):
    examples = [label(n % 2 == 0, f"{n}", group=f"{g}") for g in range(20) for n in range(1 + g % 4)]
    files, writer = write(tmp_path, form, examples, stage=stage)
    column = "messages" if form == "swift" else "completion"
    asked = [json.dumps(row[column][:-1]) for row in files["train.jsonl"]]
    assert len(asked) == len(examples) and all(a != b for a, b in pairwise(asked))
    assert not writer.left_out


def test_a_file_larger_than_the_service_takes_is_a_warning(tmp_path, monkeypatch):
    put(tmp_path, SOUND_STAGES["bailian", "sft"])
    monkeypatch.setattr(bailian, "MOST_BYTES", 10)
    said = [(p.code, p.level) for p in FORMATS["bailian"].check(tmp_path, Options(stage="sft"))]
    assert said == [("one_file", "warning")]


@pytest.mark.parametrize(("form", "stage"), EVERY)
def test_opposite_and_equal_judgements_are_taken_out(tmp_path, form, stage):
    takes = {cls.__name__ for cls in FORMATS[form].takes_for(Options(stage=stage))}
    if "Preference" in takes:
        good, poor = "更好的回答", "更差的回答"
        rows = [
            pair(good, poor),
            pair(poor, good, "1b", [user("1?")]),
            pair(good, poor, "2"),
            pair(good, poor, "2b", [user("2?")]),
        ]
        expected = {"contradiction": 2, "duplicate": 1}
    elif "Binary" in takes:
        rows = [label(True), label(False), label(True, group="2"), label(True, group="2")]
        expected = {"contradiction": 2, "duplicate": 1}
    else:
        rows = [sft(group="1"), sft(group="1b", context=[user("1?")])]
        expected = {"duplicate": 1}
    files, writer = write(tmp_path, form, rows, stage=stage)
    assert len(files["train.jsonl"]) == 1 and writer.left_out == expected


# --- the rewards


def test_overlap_is_the_share_of_common_bigrams():
    """Counted by hand: "abcd" has ab bc cd, "abce" ab bc ce: 2·2 / 6; "今天" in "今天好" 2·1 / 3."""
    said_ = [[said(text)] for text in ("abce", "今天好", "x", "ABC d", "anything")]
    assert rewards.overlap(said_, ["abcd", "今天", "yz", "abc D", " "], other=[1] * 5) == [
        pytest.approx(2 / 3),
        pytest.approx(2 / 3),
        0.0,
        1.0,
        None,
    ]


def test_contains_asks_for_the_whole_solution():
    said_ = ["The answer is １２ mg.", [said("no")], [said(None)], "x"]
    assert rewards.contains(said_, ["12 MG", "yes", "yes", ""]) == [1.0, 0.0, 0.0, None]


def test_the_rewards_beside_the_data_need_nothing_but_python(tmp_path):
    _, writer = write(tmp_path, "trl-grpo", [sft()])
    [beside] = [f for f in writer.files if f.role == "config"]
    tree = ast.parse((tmp_path / beside.path).read_text(encoding="utf-8"))
    imported = {
        n.module if isinstance(n, ast.ImportFrom) else n.names[0].name
        for n in ast.walk(tree)
        if isinstance(n, ast.Import | ast.ImportFrom)
    }
    assert beside.path == "rewards.py" and imported == {"unicodedata", "collections", "itertools"}
    assert Counter(n.name for n in ast.walk(tree) if isinstance(n, ast.FunctionDef))["overlap"] == 1
