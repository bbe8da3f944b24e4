"""Rows of the formats with stages, and of TRL's formats of prompts, that our checkers must refuse: (name,
format, stage, rows, code)."""

from tests.training_export.formats.broken_rows import INJECTED, SYSTEM, said, user

CALL = {"role": "tool_call", "content": '{"name": "f", "arguments": {}}'}
REPLY = {"role": "tool", "content": "4"}


def learnt(text="回答", loss=True):
    return said(text) | {"loss": loss}


def swift(*turns, **more):
    return {"messages": list(turns) or [user(), learnt()]} | more


def swift_pair(rejected="差", chosen="好", question="问题?", **more):
    return {"messages": [user(question), said(chosen)], "rejected_response": rejected} | more


def swift_label(n, label=True, text="回答"):
    return {"messages": [user(f"{n}?"), said(text)], "label": label}


def prompted(key="label", text="答", question="问题?", column="prompt"):
    return {column: [user(question)], key: text}


def hf(*turns):
    return {"messages": list(turns) or [user(), said()]}


def hf_pair(chosen="好", rejected="差", question="问题?", **more):
    return {"prompt": [user(question)], "chosen": [said(chosen)], "rejected": [said(rejected)]} | more


def trained(*turns, train=None):
    """Axolotl's turns, of which the last is learnt unless `train` says of each."""
    marks = train or [*[False] * (len(turns) - 1), True]
    return {"messages": [turn | {"train": mark} for turn, mark in zip(turns, marks, strict=True)]}


def one_pair(chosen="更好的回答", rejected="差的回答", question="问题?"):
    return {"messages": [user(question)], "chosen": said(chosen), "rejected": said(rejected)}


def axolotl_label(n, label=True, text="回答"):
    return {"completion": [user(f"{n}?"), said(text)], "label": label}


def texts(chosen="好", rejected="差", question="问题?", system=""):
    return {"system": system, "input": question, "chosen": chosen, "rejected": rejected}


def grpo(question="问题?", solution="答"):
    return {"prompt": [user(question)], "solution": solution}


def sdft(question="问题?", hint="答"):
    return {"prompt": [user(question)], "privileged_context": hint}


def tpo(chosen="好", rejected="差", reference="最好", question="问题?"):
    return hf_pair(chosen, rejected, question) | {"reference": [said(reference)]}


BROKEN_STAGES = [
    # TRL's formats of prompts
    ("the same prompt twice", "trl-grpo", "", [grpo(), grpo(solution="另")], "duplicate"),
    ("no solution column", "trl-grpo", "", [grpo(), {"prompt": [user("另?")]}], "columns"),
    ("a solution that is null", "trl-grpo", "", [grpo(), grpo("另?", None)], "not_text"),
    ("control tokens in a solution", "trl-grpo", "", [grpo(solution=INJECTED)], "template_token"),
    (
        "a prompt that ends with the assistant",
        "trl-grpo",
        "",
        [{"prompt": [user(), said()], "solution": ""}],
        "assistant_last",
    ),
    ("a prompt as text", "trl-grpo", "", [{"prompt": "问题?", "solution": ""}], "not_messages"),
    ("nothing for the teacher", "trl-sdft", "", [sdft(hint=" ")], "empty_answer"),
    ("null for the teacher", "trl-sdft", "", [sdft(hint=None)], "not_text"),
    ("control tokens for the teacher", "trl-sdft", "", [sdft(hint=INJECTED)], "template_token"),
    (
        "a tool's reply last",
        "trl-sdft",
        "",
        [{"prompt": [user(), said("1"), REPLY], "privileged_context": "x"}],
        "tool_reply_last",
    ),
    ("the same row twice", "trl-sdft", "", [sdft(), sdft()], "duplicate"),
    ("no reference", "trl-tpo", "", [tpo(), hf_pair()], "columns"),
    ("an empty reference", "trl-tpo", "", [tpo(reference="")], "empty_answer"),
    ("the rejected answer as reference", "trl-tpo", "", [tpo(reference="差")], "reference_rejected"),
    ("equal answers", "trl-tpo", "", [tpo("同", "同")], "same_answers"),
    ("opposite pairs", "trl-tpo", "", [tpo("一", "二"), tpo("二", "一")], "contradiction"),
    # ms-swift
    ("no loss said", "swift", "sft", [hf()], "loss_mark"),
    (
        "an earlier answer learnt",
        "swift",
        "sft",
        [swift(user(), learnt(), user("2?"), learnt())],
        "loss_mark",
    ),
    ("nothing learnt", "swift", "sft", [swift(user(), learnt(loss=False))], "loss_mark"),
    ("loss as a number", "swift", "sft", [swift(user(), learnt(loss=1))], "loss_mark"),
    ("loss on a user's turn", "swift", "sft", [swift(user() | {"loss": True}, learnt())], "loss_mark"),
    ("a role unknown", "swift", "sft", [swift({"role": "human", "content": "?"}, learnt())], "unknown_role"),
    ("content null", "swift", "sft", [swift(user(None), learnt())], "null_content"),
    (
        "keys that are dropped",
        "swift",
        "dpo",
        [swift_pair() | {"messages": [user() | {"name": "x"}, said()]}],
        "loss_mark",
    ),
    ("a picture's mark", "swift", "sft", [swift(user("<image>是什么?"), learnt())], "media_mark"),
    (
        "a picture's mark in an answer",
        "swift",
        "sft",
        [swift(user(), learnt("写 <video> 标签"))],
        "media_mark",
    ),
    (
        "a call that is none",
        "swift",
        "sft",
        [swift(user(), CALL | {"content": "f()", "loss": True})],
        "tool_calls",
    ),
    ("null for no tools", "swift", "sft", [swift(tools="null")], "tools_json"),
    ("equal answers, which it refuses itself", "swift", "dpo", [swift_pair("好")], "same_answers"),
    ("equal but for line ends", "swift", "dpo", [swift_pair("a\nb", "a\r\nb")], "same_answers"),
    ("a rejected answer that is null", "swift", "rm", [swift_pair(None)], "not_text"),
    ("an empty rejected answer", "swift", "rm", [swift_pair("")], "empty_answer"),
    ("opposite pairs", "swift", "rm", [swift_pair("一", "二"), swift_pair("二", "一")], "contradiction"),
    ("a margin as text", "swift", "rm", [swift_pair(margin="1")], "margin"),
    ("a margin where none is read", "swift", "dpo", [swift_pair(margin=1.0)], "columns"),
    ("a label as a number", "swift", "kto", [swift_label(1, 1)], "label"),
    ("neighbours", "swift", "kto", [swift_label(1), swift_label(1, False, "坏")], "neighbours"),
    ("an answer in a prompt", "swift", "rl", [swift(user(), said(), solution="x")], "assistant_last"),
    ("a solution that is a number", "swift", "rl", [swift(user(), solution=4)], "not_text"),
    # OpenRLHF
    ("tools, which it does not pass on", "openrlhf", "sft", [hf() | {"tools": "[]"}], "columns"),
    ("a tool's turn", "openrlhf", "sft", [hf(user(), said("1"), REPLY, said())], "tool_turns"),
    ("no answer", "openrlhf", "sft", [hf(user(), said(), user("2?"))], "no_assistant"),
    ("one message", "openrlhf", "sft", [hf(said())], "no_assistant"),
    ("equal answers", "openrlhf", "dpo", [hf_pair("同", "同")], "same_answers"),
    ("a margin that is null", "openrlhf", "rm", [hf_pair(margin=None)], "margin"),
    ("a margin on some rows", "openrlhf", "rm", [hf_pair(margin=1.0), hf_pair(question="另?")], "columns"),
    ("a picture's mark", "openrlhf", "rl", [prompted(question="<image>?")], "media_mark"),
    ("no label", "openrlhf", "rl", [prompted(), {"prompt": [user("另?")]}], "columns"),
    ("the same prompt twice", "openrlhf", "rl", [prompted(), prompted(text="另")], "duplicate"),
    # Axolotl
    ("no mark", "axolotl", "sft", [hf()], "loss_mark"),
    (
        "an earlier answer learnt",
        "axolotl",
        "sft",
        [trained(user(), said(), user("2?"), said(), train=[False, True, False, True])],
        "loss_mark",
    ),
    ("nothing learnt", "axolotl", "sft", [trained(user(), said(), train=[False, False])], "loss_mark"),
    ("null for no tools", "axolotl", "sft", [trained(user(), said()) | {"tools": "null"}], "tools_json"),
    ("white space around an answer", "axolotl", "dpo", [one_pair("好的回答\n")], "outer_space"),
    ("an answer that templates hold", "axolotl", "dpo", [one_pair(rejected="user")], "found_elsewhere"),
    (
        "a tool's turn",
        "axolotl",
        "dpo",
        [one_pair() | {"messages": [user(), said("1"), REPLY]}],
        "tool_turns",
    ),
    ("an answer as text", "axolotl", "dpo", [one_pair() | {"chosen": "好"}], "not_messages"),
    (
        "a role unknown",
        "axolotl",
        "dpo",
        [one_pair() | {"messages": [{"role": "human", "content": "?"}]}],
        "unknown_role",
    ),
    (
        "an answer of the user",
        "axolotl",
        "kto",
        [axolotl_label(1) | {"completion": [user(), user("2")]}],
        "no_assistant",
    ),
    ("a label as text", "axolotl", "kto", [axolotl_label(1, "true")], "label"),
    ("neighbours", "axolotl", "kto", [axolotl_label(1), axolotl_label(1, False, "坏")], "neighbours"),
    ("a system message that is null", "axolotl", "rm", [texts(system=None)], "not_text"),
    ("an empty question", "axolotl", "rm", [texts(question=" ")], "empty_prompt"),
    ("opposite pairs", "axolotl", "rm", [texts("一", "二"), texts("二", "一")], "contradiction"),
    # Bailian
    (
        "an earlier answer, which is learnt",
        "bailian",
        "sft",
        [hf(user(), said(), user("2?"), said())],
        "unjudged_turns",
    ),
    ("keys it does not take", "bailian", "sft", [hf(user(), said() | {"weight": 1})], "tool_turns"),
    ("a tool's turn", "bailian", "sft", [hf(user(), REPLY, said())], "tool_turns"),
    ("answers in a list", "bailian", "dpo", [one_pair() | {"chosen": [said()]}], "not_messages"),
    ("equal answers", "bailian", "dpo", [one_pair("同", "同")], "same_answers"),
    (
        "an answer in the prompt",
        "bailian",
        "dpo",
        [one_pair() | {"messages": [user(), said()]}],
        "assistant_last",
    ),
    ("control tokens", "bailian", "dpo", [one_pair(INJECTED)], "template_token"),
    (
        "a late system turn",
        "bailian",
        "dpo",
        [one_pair() | {"messages": [user(), said(), SYSTEM, user("?")]}],
        "system_not_first",
    ),
]

SOUND_STAGES = {
    ("trl-grpo", ""): [grpo(), grpo("另?", "")],
    ("trl-sdft", ""): [sdft(), sdft(hint="另"), sdft("另?")],
    ("trl-tpo", ""): [tpo(), tpo("中", "差", "最好"), tpo("最好", "差", "最好", "另?")],
    ("swift", "sft"): [
        swift(),
        swift(user("1?"), learnt(loss=False), user("2?"), learnt()),
        swift(
            user("上限?"),
            learnt("我查。", False),
            CALL | {"loss": False},
            {"role": "tool_response", "content": "4"},
            learnt(),
        ),
    ],
    ("swift", "rm"): [swift_pair(margin=0.5), swift_pair("中", margin=1)],
    ("swift", "dpo"): [swift_pair(), swift_pair("中")],
    ("swift", "kto"): [swift_label(1), swift_label(2, False), swift_label(1, False, "坏")],
    ("swift", "rl"): [swift(user(), solution="答"), swift(user("另?"), solution="")],
    ("openrlhf", "sft"): [hf(), hf(SYSTEM, user("1?"), said("a"), user("2?"), said())],
    ("openrlhf", "rm"): [hf_pair(margin=0.5), hf_pair(rejected="中", margin=1)],
    ("openrlhf", "dpo"): [hf_pair(), hf_pair(rejected="<image> 是标签")],
    ("openrlhf", "rl"): [prompted(), prompted(question="另?", text="")],
    ("axolotl", "sft"): [trained(user(), said()), trained(user("1?"), said("a"), user("2?"), said())],
    ("axolotl", "dpo"): [one_pair(), one_pair("中等的回答")],
    ("axolotl", "kto"): [axolotl_label(1), axolotl_label(2, False), axolotl_label(1, False, "坏")],
    ("axolotl", "rm"): [texts(), texts("user", "差", system="你是药师。")],
    ("bailian", "sft"): [hf(), hf(SYSTEM, user("另?"), said())],
    ("bailian", "dpo"): [one_pair(), one_pair() | {"messages": [user("1?"), said("a"), user("2?")]}],
}
