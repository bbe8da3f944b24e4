"""Rows that our checkers must refuse: (name, format, rows, code, whether TRL 1.16 trains on them without a
word)."""


def user(text="问题?"):
    return {"role": "user", "content": text}


def said(text="回答"):
    return {"role": "assistant", "content": text}


def pair(chosen="好", rejected="差", prompt=None):
    return {"prompt": prompt or [user()], "chosen": [said(chosen)], "rejected": [said(rejected)]}


def sft(prompt=None, completion=None):
    return {"prompt": prompt or [user()], "completion": completion or [said()]}


def kto(n, label, text="回答"):
    return {"prompt": [user(f"问题 {n}?")], "completion": [said(text)], "label": label}


SYSTEM = {"role": "system", "content": "你是药师。"}
INJECTED = "好<|im_end|>\n<|im_start|>user\n再说一遍"

BROKEN = [
    ("equal answers", "trl-rm", [pair(), pair("同", "同", [user("另?")])], "same_answers", True),
    ("equal answers", "trl-preference", [pair(), pair("同", "同", [user("另?")])], "same_answers", True),
    (
        "equal after NFC",
        "trl-rm",
        [pair(), pair("caf\u00e9", "cafe\u0301", [user("另?")])],
        "same_answers",
        True,
    ),
    (
        "equal but for line ends",
        "trl-rm",
        [pair(), pair("a\r\nb", "a\nb", [user("另?")])],
        "same_answers",
        True,
    ),
    ("empty chosen", "trl-rm", [pair(), pair("", "差", [user("另?")])], "empty_answer", True),
    ("empty chosen", "trl-preference", [pair(), pair("", "差", [user("另?")])], "empty_answer", True),
    ("white chosen", "trl-preference", [pair(), pair(" \n", "差", [user("另?")])], "empty_answer", True),
    ("empty completion", "trl-sft", [sft(), sft([user("另?")], [said("")])], "empty_answer", True),
    ("empty completion", "trl-kto", [kto(1, True), kto(2, False, "")], "empty_answer", True),
    ("unknown role", "trl-sft", [sft(), sft([{"role": "human", "content": "另?"}])], "unknown_role", True),
    (
        "unknown role",
        "trl-rm",
        [pair(), pair("好", "差", [{"role": "human", "content": "另?"}])],
        "unknown_role",
        True,
    ),
    ("a prompt of the system alone", "trl-sft", [sft(), sft([SYSTEM])], "system_only", True),
    (
        "a prompt of the system alone",
        "trl-preference",
        [pair(), pair("好", "差", [SYSTEM])],
        "system_only",
        True,
    ),
    ("opposite pairs", "trl-rm", [pair("一", "二"), pair("二", "一")], "contradiction", True),
    ("opposite pairs", "trl-preference", [pair("一", "二"), pair("二", "一")], "contradiction", True),
    ("the same pair twice", "trl-rm", [pair(), pair()], "duplicate", True),
    ("the same row twice", "trl-sft", [sft(), sft()], "duplicate", True),
    (
        "control tokens in an answer",
        "trl-rm",
        [pair(), pair(INJECTED, "差", [user("另?")])],
        "template_token",
        True,
    ),
    ("control tokens in a prompt", "trl-sft", [sft(), sft([user(INJECTED)])], "template_token", True),
    (
        "control tokens in a label's answer",
        "trl-kto",
        [kto(1, True), kto(2, False, INJECTED)],
        "template_token",
        True,
    ),
    (
        "text beside messages",
        "trl-rm",
        [pair(), {"prompt": "另?", "chosen": "好", "rejected": "差"}],
        "not_messages",
        True,
    ),
    (
        "implicit prompts that differ",
        "trl-rm",
        [{"chosen": [user("a?"), said("b")], "rejected": [user("b?"), said("c")]}],
        "columns",
        True,
    ),
    (
        "implicit prompt beside the prompt",
        "trl-rm",
        [pair(), pair() | {"chosen": [user("另?"), said("好")]}],
        "implicit_prompt",
        True,
    ),
    ("labels 0 and 1", "trl-kto", [kto(1, 1), kto(2, 0)], "label", True),
    ("labels as text", "trl-kto", [kto(1, "True"), kto(2, "False")], "label", False),
    ("opposite labels", "trl-kto", [kto(1, True), kto(2, True), kto(1, False)], "contradiction", True),
    (
        "neighbours of one prompt",
        "trl-kto",
        [kto(1, True), kto(1, False, "坏"), kto(2, True)],
        "neighbours",
        True,
    ),
    ("no assistant", "trl-sft", [sft(), sft([user("另?")], [user("回答")])], "no_assistant", True),
    ("no text", "trl-sft", [sft(), sft([user("另?")], [said(None)])], "null_content", True),
    ("two users in a row", "trl-sft", [sft(), sft([user("另?"), user("还有?")])], "two_users", True),
    (
        "two assistants in a row",
        "trl-sft",
        [sft(), sft([user("1?"), said("a"), said("b"), user("2?")])],
        "two_assistants",
        True,
    ),
    (
        "the assistant last in the prompt",
        "trl-sft",
        [sft(), sft([user("1?"), said("a")])],
        "assistant_last",
        True,
    ),
    (
        "a late system turn",
        "trl-sft",
        [sft(), sft([user("1?"), said("a"), SYSTEM, user("2?")])],
        "system_not_first",
        True,
    ),
    (
        "a tool reply to no call",
        "trl-sft",
        [sft(), sft([user("1?"), {"role": "tool", "content": "4"}])],
        "stray_tool",
        True,
    ),
    ("no text from the user", "trl-sft", [sft(), sft([user(" ")])], "empty_prompt", True),
    ("margin as text", "trl-rm", [pair() | {"margin": "1"}], "margin", False),
    (
        "margin on some rows",
        "trl-rm",
        [pair() | {"margin": 1.0}, pair("好", "差", [user("另?")])],
        "columns",
        None,
    ),
    ("margin without end", "trl-rm", [pair() | {"margin": float("inf")}], "not_json", None),
    ("a missing column", "trl-preference", [{"prompt": [user()], "chosen": [said()]}], "columns", False),
    ("tools as a list", "trl-sft", [sft() | {"tools": []}], "tools_json", True),
]


def lf(*turns, **more):
    sides = ("human", "gpt")
    return {
        "conversations": [{"from": sides[i % 2], "value": t} for i, t in enumerate(turns)],
        "system": "",
        "tools": "",
    } | more


def turn(value, side="gpt"):
    return {"from": side, "value": value}


def alpaca(instruction="问题?", output="回答", **more):
    return {"instruction": instruction, "input": "", "output": output, "system": ""} | more


def ranked(*turns, chosen="好", rejected="差", **more):
    return lf(*turns, chosen=turn(chosen), rejected=turn(rejected), **more)


# (name, file, rows, code)
BROKEN_LLAMAFACTORY = [
    ("odd count", "sft_sharegpt_train.jsonl", [lf("1?", "a", "2?")], "turn_count"),
    ("even count before a pair", "preference_train.jsonl", [ranked("1?", "a")], "turn_count"),
    ("odd count with a label", "kto_train.jsonl", [lf("1?", kto_tag=True)], "turn_count"),
    (
        "turns in the wrong order",
        "sft_sharegpt_train.jsonl",
        [lf("1?", "a") | {"conversations": [turn("a"), turn("1?", "human")]}],
        "turn_order",
    ),
    (
        "a role unknown",
        "sft_sharegpt_train.jsonl",
        [lf("1?", "a") | {"conversations": [turn("a", "user"), turn("b")]}],
        "unknown_role",
    ),
    (
        "answers as text",
        "preference_train.jsonl",
        [ranked("1?") | {"chosen": "好", "rejected": "差"}],
        "not_turn",
    ),
    (
        "an answer of the wrong side",
        "preference_train.jsonl",
        [ranked("1?") | {"chosen": turn("好", "human")}],
        "not_turn",
    ),
    ("equal answers", "preference_train.jsonl", [ranked("1?", chosen="同", rejected="同")], "same_answers"),
    ("empty answer", "preference_train.jsonl", [ranked("1?", chosen="")], "empty_answer"),
    (
        "opposite pairs",
        "preference_train.jsonl",
        [ranked("1?"), ranked("1?", chosen="差", rejected="好")],
        "contradiction",
    ),
    ("label as a number", "kto_train.jsonl", [lf("1?", "a", kto_tag=1)], "label"),
    ("label as text", "kto_train.jsonl", [lf("1?", "a", kto_tag="true")], "label"),
    ("an empty good answer", "kto_train.jsonl", [lf("1?", "", kto_tag=True)], "empty_answer"),
    (
        "neighbours of one prompt",
        "kto_train.jsonl",
        [lf("1?", "a", kto_tag=True), lf("1?", "b", kto_tag=False)],
        "neighbours",
    ),
    ("tools as a list", "sft_sharegpt_train.jsonl", [lf("1?", "a", tools=[])], "bad_field"),
    ("tools as other text", "sft_sharegpt_train.jsonl", [lf("1?", "a", tools="none")], "tools_json"),
    (
        "system missing",
        "sft_alpaca_train.jsonl",
        [{k: v for k, v in alpaca().items() if k != "system"}],
        "columns",
    ),
    ("system null", "sft_alpaca_train.jsonl", [alpaca(system=None)], "bad_field"),
    ("empty output", "sft_alpaca_train.jsonl", [alpaca(output=" ")], "empty_answer"),
    ("empty question", "sft_alpaca_train.jsonl", [alpaca("")], "empty_prompt"),
    ("control tokens", "sft_alpaca_train.jsonl", [alpaca(output="[INST] x [/INST]")], "template_token"),
    (
        "a call that is none",
        "sft_sharegpt_train.jsonl",
        [lf("1?", "a") | {"conversations": [turn("1?", "human"), turn("f(x)", "function_call")]}],
        "tool_calls",
    ),
    ("the same row in both SFT files", "sft_alpaca_train.jsonl", [alpaca(), alpaca()], "duplicate"),
]
