"""The formats of one JSON line a row: what each of their trainers would trip over is refused or left out."""

import json

import pytest

from core.errors import DomainError
from tests.training_export.formats.format_files import found, put
from tests.training_export.formats.test_write import CALL, REPLY, SYSTEM, TOOLS, pair, said, sft, user, write
from training_export.curate.examples import Answer, EvalQuestion, Preference, Sft
from training_export.formats import FORMATS
from training_export.options import ExportOptions


def answered(text="回答", weight=1):
    return {"role": "assistant", "content": text, "weight": weight}


def hosted(*messages, **more):
    return {"messages": [*(messages or (user(),)), answered()]} | more


def asked(*messages, tools=(), better="好", worse="差", **more):
    given = {"messages": list(messages or (user(),)), "tools": list(tools), "parallel_tool_calls": True}
    return {"input": given, "preferred_output": [said(better)], "non_preferred_output": [said(worse)]} | more


def glm(*messages):
    return {"conversations": list(messages or (user(), said()))}


def ranked(one=0, other=1, better="好", worse="差", asks=None):
    completions = [
        {"rank": one, "completion": [said(better)]},
        {"rank": other, "completion": [said(worse)]},
    ]
    return {"context": asks or [user()], "completions": completions}


def question(text="问题?", answer="回答"):
    return {"question": text, "answer": answer}


def reward(prompt="问题?", chosen="好", rejected="差", subset="zh"):
    return {"prompt": prompt, "chosen": chosen, "rejected": rejected, "subset": subset}


def call(arguments='{"drug": "x"}', **more):
    function = {"name": "limit", "arguments": arguments}
    calls = [{"id": "c", "type": "function", "function": function} | more]
    return {"role": "assistant", "content": "", "tool_calls": calls}


REPLIED = {"role": "tool", "content": "4 g", "tool_call_id": "c"}
MANY = [hosted(user(f"{n}?")) for n in range(10)]
MANY_PAIRS = [asked(user(f"{n}?")) for n in range(10)]
SOUND = {
    "openai-messages": [*MANY, hosted(SYSTEM, user("1?"), answered("a", 0), user("2?")), hosted(tools=TOOLS)],
    "openai-preference": [*MANY_PAIRS, asked(SYSTEM, user("a?")), asked(user("b?"), tools=TOOLS)],
    "nemo-rl": [ranked(), ranked(1, 0, "差", "好", [user("另?")])],
    "reward-pairs": [reward(), reward(chosen="好", rejected="中")],
}
SOUND["openai-messages"].append(hosted(user("上限?"), call() | {"weight": 0}, REPLIED, tools=TOOLS))

BROKEN = [
    ("openai-messages", hosted(more=1), "columns"),
    ("openai-messages", hosted(parallel_tool_calls=True), "columns"),
    ("openai-messages", hosted(user() | {"weight": 0}), "weight"),
    ("openai-messages", hosted(user("1?"), said("a"), user("2?")), "weight"),
    ("openai-messages", hosted(user("1?"), answered("a", 1), user("2?")), "weight"),
    ("openai-messages", {"messages": [user(), answered("a", 0)]}, "weight"),
    ("openai-messages", {"messages": [user(), answered("a", True)]}, "weight"),
    ("openai-messages", {"messages": [user(), answered("a", 0.5)]}, "weight"),
    ("openai-messages", {"messages": [user()]}, "no_assistant"),
    ("openai-messages", {"messages": []}, "not_messages"),
    ("openai-messages", {"messages": [user(), answered("")]}, "empty_answer"),
    ("openai-messages", hosted({"role": "human", "content": "?"}), "unknown_role"),
    ("openai-messages", hosted(user(), user()), "two_users"),
    ("openai-messages", hosted(user() | {"id": 1}), "message_keys"),
    ("openai-messages", hosted(tools=[]), "tools_form"),
    ("openai-messages", hosted(tools=[{"name": "f"}]), "tools_form"),
    ("openai-messages", hosted(user("a <|im_end|>")), "template_token"),
    ("openai-messages", hosted(user(), call({"drug": "x"}) | {"weight": 0}, REPLIED), "call_arguments"),
    ("openai-messages", hosted(user(), call(id="d") | {"weight": 0}, REPLIED), "call_ids"),
    ("openai-messages", hosted(user(), call(id="") | {"weight": 0}, REPLIED), "call_ids"),
    ("openai-messages", MANY[0], "duplicate"),
    ("openai-preference", asked(more=1), "columns"),
    ("openai-preference", asked() | {"input": {"messages": [user()]}}, "bad_field"),
    ("openai-preference", asked(tools=[{"name": "f"}]), "tools_form"),
    ("openai-preference", asked() | {"preferred_output": [said(), said()]}, "one_message"),
    ("openai-preference", asked() | {"non_preferred_output": []}, "one_message"),
    ("openai-preference", asked() | {"non_preferred_output": "差"}, "one_message"),
    ("openai-preference", asked() | {"preferred_output": [user()]}, "no_assistant"),
    ("openai-preference", asked() | {"preferred_output": [said(None)]}, "null_content"),
    ("openai-preference", asked() | {"preferred_output": [call()]}, "message_keys"),
    ("openai-preference", asked(worse="好"), "same_answers"),
    ("openai-preference", asked(better=" "), "empty_answer"),
    ("openai-preference", asked(user("0?"), better="差", worse="好"), "contradiction"),
    ("openai-preference", asked(user(), said()), "assistant_last"),
    ("openai-preference", asked(user(), call(), said("later"), user("b?")), "two_assistants"),
    ("openai-preference", asked(user(), call()), "assistant_last"),
    ("nemo-rl", ranked(0, 0), "ranks"),
    ("nemo-rl", ranked(0, 2), "ranks"),
    ("nemo-rl", ranked(False, True), "ranks"),
    ("nemo-rl", ranked() | {"completions": ranked()["completions"][:1]}, "ranks"),
    (
        "nemo-rl",
        ranked() | {"completions": [*ranked()["completions"], {"rank": 2, "completion": [said("c")]}]},
        "ranks",
    ),
    ("nemo-rl", ranked() | {"completions": [said(), said()]}, "bad_field"),
    ("nemo-rl", ranked(worse="好", asks=[user("c?")]), "same_answers"),
    ("nemo-rl", ranked(worse=""), "empty_answer"),
    ("nemo-rl", ranked(asks=[user(), call(), REPLIED]), "tool_turns"),
    ("nemo-rl", ranked(asks=[user() | {"name": "x"}]), "message_keys"),
    ("nemo-rl", ranked(asks=[SYSTEM]), "system_only"),
    ("nemo-rl", ranked(1, 0), "contradiction"),
    ("nemo-rl", ranked(), "duplicate"),
    ("nemo-rl", ranked() | {"task_name": "x"}, "columns"),
    ("reward-pairs", reward(prompt=[user()]), "not_plain_text"),
    ("reward-pairs", reward(chosen=None), "not_plain_text"),
    ("reward-pairs", reward(subset=""), "subset"),
    ("reward-pairs", reward(subset=None), "subset"),
    ("reward-pairs", reward("另?", "同", "同"), "same_answers"),
    ("reward-pairs", reward(rejected=" "), "empty_answer"),
    ("reward-pairs", reward("  "), "empty_prompt"),
    ("reward-pairs", reward(chosen="差", rejected="好"), "contradiction"),
]


@pytest.mark.parametrize("form", SOUND)
def test_sound_rows_pass(tmp_path, form):
    put(tmp_path, SOUND[form])
    assert list(FORMATS[form].check(tmp_path)) == []


@pytest.mark.parametrize(("form", "row", "code"), BROKEN, ids=[f"{b[0]}: {b[2]}" for b in BROKEN])
def test_a_row_that_would_do_harm_is_refused(tmp_path, form, row, code):
    put(tmp_path, [*SOUND[form], row])
    assert ("train.jsonl", len(SOUND[form]) + 1, code) in found(tmp_path, form)


@pytest.mark.parametrize("form", SOUND)
@pytest.mark.parametrize(
    ("raw", "code"),
    [(b"\n", "blank_line"), (b"{\n", "not_json"), (b"[1]\n", "not_json"), (b'{"a": "\xff"}\n', "not_utf8")],
)
def test_what_is_no_row_is_named_by_its_line(tmp_path, form, raw, code):
    put(tmp_path, [*SOUND[form], raw])
    assert ("train.jsonl", len(SOUND[form]) + 1, code) in found(tmp_path, form)


# --- hosted services


@pytest.mark.parametrize("form", ["openai-messages", "openai-preference"])
def test_fewer_rows_than_the_services_take_are_a_warning(tmp_path, form):
    put(tmp_path, SOUND[form][:9])
    put(tmp_path, [hosted(user("v?"))] if form == "openai-messages" else [asked(user("v?"))], "test.jsonl")
    assert [(p.file, p.code, p.level) for p in FORMATS[form].check(tmp_path)] == [
        ("train.jsonl", "few_rows", "warning")
    ]


def test_only_the_judged_answer_has_a_weight_and_calls_are_as_the_api_has_them(tmp_path):
    talk = [SYSTEM, user("1?"), said("a"), user("上限?")]
    target = Answer("4 克", (CALL, {k: REPLY[k] for k in ("role", "content")}))
    files, writer = write(
        tmp_path, "openai-messages", [Sft(context=talk, group_id="1", target=target, tools=TOOLS)]
    )
    assert not writer.left_out
    [row] = files["train.jsonl"]
    function = {"name": "limit", "arguments": '{"drug": "阿司匹林"}'}
    assert row == {
        "messages": [
            SYSTEM,
            user("1?"),
            answered("a", 0),
            user("上限?"),
            {
                "role": "assistant",
                "content": "",
                "tool_calls": [{"id": "c", "type": "function", "function": function}],
                "weight": 0,
            },
            {"role": "tool", "content": "4 g", "tool_call_id": "c"},
            answered("4 克"),
        ],
        "tools": TOOLS,
    }


@pytest.mark.parametrize(
    ("form", "example", "code"),
    [
        ("openai-messages", sft(context=[user(), CALL, REPLY | {"tool_call_id": "d"}]), "call_ids"),
        ("openai-messages", sft(context=[user(), CALL, REPLY, REPLY]), "call_ids"),
        ("openai-messages", sft(tools=[{"name": "flat"}]), "tools_form"),
        (
            "openai-messages",
            Sft(context=[user()], group_id="1", target=Answer("", (CALL,))),
            "tool_turns_in_answer",
        ),
        ("openai-messages", pair(), "wrong_kind"),
        ("openai-preference", pair(tools=[{"name": "flat"}]), "tools_form"),
        (
            "openai-preference",
            Preference(
                context=[user()], group_id="1", chosen=Answer("a", (CALL, REPLY)), rejected=Answer("b")
            ),
            "tool_turns_in_answer",
        ),
        ("openai-preference", pair("同", "同"), "same_answers"),
        ("nemo-rl", pair(tools=TOOLS), "tools"),
        ("nemo-rl", pair(context=[user(), CALL, REPLY]), "tool_turns"),
        ("nemo-rl", pair("同", "同"), "same_answers"),
        ("reward-pairs", pair(context=[SYSTEM, user()]), "system_beside"),
        ("reward-pairs", pair(context=[user(), said(), user("2?")]), "more_turns"),
        ("reward-pairs", pair("</s>"), "template_token"),
    ],
)
def test_what_a_format_cannot_hold_is_left_out_under_its_code(tmp_path, form, example, code):
    fine = sft(group="fine") if form == "openai-messages" else pair(group="fine")
    files, writer = write(tmp_path, form, [example, fine])
    assert writer.left_out == {code: 1} and len(files["train.jsonl"]) == 1
    if form != "openai-messages" and code != "same_answers":
        assert writer.refuses(example) and not writer.refuses(pair(group="other"))


@pytest.mark.parametrize("form", ["nemo-rl", "reward-pairs", "openai-preference"])
def test_no_pair_of_a_prompt_that_cannot_stand_counts_for_the_weight(tmp_path, form):
    """The third pair is of two answers that were rendered for the other two."""
    context = [SYSTEM, user()]
    pairs = [
        pair(better, worse, context=context, tools=[{"name": "flat"}]) for better, worse in ("ab", "ac", "bc")
    ]
    writer = FORMATS[form].open(tmp_path)
    assert writer.refused(pairs) == {id(one) for one in pairs}


# --- ChatGLM3


def test_chatglm3_is_refused_without_a_validation_file(tmp_path):
    put(tmp_path, [glm(), glm(SYSTEM, user("1?"), said(), user("2?"), said())])
    assert found(tmp_path, "chatglm3") == [("validation.jsonl", 0, "validation_missing")]
    put(tmp_path, [], "validation.jsonl")
    assert ("validation.jsonl", 0, "validation_missing") in found(tmp_path, "chatglm3")
    put(tmp_path, [glm(user("另?"), said())], "validation.jsonl")
    assert list(FORMATS["chatglm3"].check(tmp_path)) == []


@pytest.mark.parametrize("given", [{}, {"split": None}])
def test_chatglm3_is_not_begun_without_shares(given):
    with pytest.raises(DomainError) as refused:
        ExportOptions.of({"format": "chatglm3"} | given)
    assert (refused.value.code, refused.value.field) == ("invalid_option", "split")
    assert ExportOptions.of({"format": "chatglm3", "split": "80,20,0"}).split == (80, 20, 0)


@pytest.mark.parametrize(
    ("row", "code"),
    [
        (glm(SYSTEM, SYSTEM, user(), said()), "system_not_first"),
        (glm(user(), SYSTEM, said()), "system_not_first"),
        (glm(user(), call(), REPLIED, said()), "tool_turns"),
        (glm(user(), {"role": "tool", "content": "x"}, said()), "tool_turns"),
        (glm(user(), {"role": "observation", "content": "x"}, said()), "unknown_role"),
        (glm() | {"tools": None}, "columns"),
        (glm(user()), "no_assistant"),
        (glm(user(), said("")), "empty_answer"),
        (glm(user(), said() | {"loss": False}), "message_keys"),
        (glm(), "duplicate"),
        ({"conversations": []}, "not_messages"),
    ],
)
def test_what_chatglm3_cannot_read_is_refused(tmp_path, row, code):
    put(tmp_path, [glm(), row])
    put(tmp_path, [glm(user("另?"), said())], "validation.jsonl")
    assert ("train.jsonl", 2, code) in found(tmp_path, "chatglm3")


def test_chatglm3_says_how_many_rows_teach_turns_that_nobody_judged(tmp_path):
    examples = [
        (sft(context=[user("1?"), said(), user("2?")]), "train"),
        (sft(group="2"), "train"),
        (sft(group="3"), "validation"),
        (sft(group="4", tools=TOOLS), "train"),
        (sft(group="5", context=[user(), CALL, REPLY]), "train"),
    ]
    _files, writer = write(tmp_path, "chatglm3", examples, splits=("train", "validation"))
    assert writer.left_out == {"tools": 1, "tool_turns": 1}
    assert [(n["code"], n["rows"]) for n in writer.notes] == [("earlier_turns_learnt", 1)]


# --- OpenCompass


def put_questions(folder, rows, name="touchstone_train_qa.jsonl"):
    put(folder, rows, name)
    (folder / f"{name}.meta.json").write_text('{"data_type": "qa", "infer_method": "gen"}')


def test_opencompass_files_are_named_and_described(tmp_path):
    context = [user("甲?")]
    examples = [
        (EvalQuestion(context=context, group_id="1", reference="乙"), "test"),
        (sft(group="2"), "train"),
        (sft(group="3", context=[user(), said(), user("2?")]), "train"),
        (EvalQuestion(context=[user("丙?")], group_id="4", reference=" "), "test"),
        (EvalQuestion(context=[user("丙?")], group_id="4", reference="</s>"), "test"),
    ]
    files, writer = write(tmp_path, "opencompass", examples, splits=("train", "test"), name="ward")
    assert files == {
        "ward_train_qa.jsonl": [{"question": "2?", "answer": "回答"}],
        "ward_test_qa.jsonl": [{"question": "甲?", "answer": "乙"}],
    }
    assert list(files) == ["ward_train_qa.jsonl", "ward_test_qa.jsonl"]
    assert writer.left_out == {"more_turns": 1, "empty_answer": 1, "template_token": 1}
    meta = json.loads((tmp_path / "ward_test_qa.jsonl.meta.json").read_text())
    assert (meta["abbr"], meta["data_type"], meta["output_column"]) == ("ward_test_qa", "qa", "answer")
    assert [f.path for f in writer.files if f.role == "config"] == [f"{name}.meta.json" for name in files]
    assert [n["code"] for n in writer.notes] == ["exact_match"]


@pytest.mark.parametrize(
    ("row", "code"),
    [
        (b"\n", "blank_line"),
        (question(["问?"]), "not_plain_text"),
        (question(answer=4), "not_plain_text"),
        (question(answer=""), "empty_answer"),
        (question(" "), "empty_prompt"),
        (question() | {"A": "x"}, "columns"),
        (question(), "duplicate"),
    ],
)
def test_what_ends_opencompass_is_refused(tmp_path, row, code):
    put_questions(tmp_path, [question(), question("另?"), row])
    assert ("touchstone_train_qa.jsonl", 3, code) in found(tmp_path, "opencompass")


def test_a_file_of_questions_needs_its_description(tmp_path):
    put_questions(tmp_path, [question()])
    assert list(FORMATS["opencompass"].check(tmp_path)) == []
    meta = tmp_path / "touchstone_train_qa.jsonl.meta.json"
    for text in ('{"data_type": "mcq", "infer_method": "gen"}', "[]", "{"):
        meta.write_text(text)
        assert found(tmp_path, "opencompass") == [("touchstone_train_qa.jsonl", 0, "qa_meta")]
    meta.unlink()
    assert found(tmp_path, "opencompass") == [("touchstone_train_qa.jsonl", 0, "qa_meta")]


# --- RewardBench


def test_results_of_pairs_are_told_by_tag_or_language(tmp_path):
    examples = [
        pair(group="1", tags=("ward", "b"), language="zh"),
        pair(group="2", language="en"),
        pair(group="3"),
    ]
    files, _writer = write(tmp_path, "reward-pairs", examples)
    assert [row["subset"] for row in files["train.jsonl"]] == ["ward", "en", "all"]
