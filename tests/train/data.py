"""Examples with everything that a row can hold."""

from training_export.curate.examples import Answer, Binary, Preference, Sft

TOOLS = [
    {
        "type": "function",
        "function": {
            "name": "dose_limit",
            "description": "每日上限",
            "parameters": {"type": "object", "properties": {"drug": {"type": "string"}}},
        },
    },
    {
        "type": "function",
        "function": {
            "name": "convert",
            "parameters": {"type": "object", "properties": {"mg": {"type": "number"}}},
        },
    },
]
CALL = {
    "role": "assistant",
    "content": None,
    "tool_calls": [
        {
            "id": "c1",
            "type": "function",
            "function": {"name": "dose_limit", "arguments": '{"drug": "对乙酰氨基酚"}'},
        }
    ],
}
OTHER_CALL = {
    "role": "assistant",
    "content": "",
    "tool_calls": [
        {"id": "c2", "type": "function", "function": {"name": "convert", "arguments": {"mg": 4000}}}
    ],
}
REPLY = {"role": "tool", "content": '{"limit": "4 g"}', "tool_call_id": "c1"}

CONTEXTS = {
    "plain": [{"role": "user", "content": "阿司匹林一天最多吃多少?"}],
    "system": [
        {"role": "system", "content": "你是药师。"},
        {"role": "user", "content": "  indented\n\tcode: `x[1]<y>` \u2028 😀 10⁹ e\u0301 "},
    ],
    "turns": [
        {"role": "user", "content": "1?"},
        {"role": "assistant", "content": "one"},
        {"role": "user", "content": "2?"},
    ],
    "tools": [
        {"role": "user", "content": "上限?"},
        CALL,
        REPLY,
        {"role": "assistant", "content": "4 g"},
        {"role": "user", "content": "mg?"},
    ],
    "other": [{"role": "user", "content": "多少毫克?"}, OTHER_CALL, {"role": "tool", "content": "4000"}],
}


def contexts(n: int):
    """(group, context, tools) n times over, each prompt different."""
    for i in range(n):
        for name, context in CONTEXTS.items():
            last = context[-1] | {"content": f"{context[-1]['content']} #{i}"}
            yield f"{name}-{i}", [*context[:-1], last], TOOLS if name in ("tools", "other") else None


def sft(n: int = 8):
    for group, context, tools in contexts(n):
        yield Sft(
            context=context, group_id=group, tools=tools, target=Answer(f"回答 {group}。\r\n| a | b |\n")
        )


def preferences(n: int = 8):
    for group, context, tools in contexts(n):
        for better, worse, margin in (
            ("完整", "部分", 1.0),
            ("部分", "错误", 1 / 3),
            ("完整", "错误", 2 / 3),
        ):
            yield Preference(
                context=context,
                group_id=group,
                tools=tools,
                chosen=Answer(f"{better} {group}"),
                rejected=Answer(f"{worse} {group}"),
                margin=margin,
            )


def triples(n: int = 8):
    """Each prompt's answer to learn, and its pairs behind it."""
    targets = {e.group_id: e for e in sft(n)}
    for pair in preferences(n):
        if pair.group_id in targets:
            yield targets.pop(pair.group_id)
        yield pair


def binary(n: int = 8):
    for group, context, tools in contexts(n):
        for text, label in (("好", True), ("差", False), ("很差", False)):
            yield Binary(
                context=context, group_id=group, tools=tools, answer=Answer(f"{text} {group}"), label=label
            )


def written(form, folder, examples, **options):
    """Writes `examples` and returns {path: rows} of the data files, checked: no problem, nothing left out."""
    from training_export.formats import FORMATS, Options

    options = Options(**options)
    writer = FORMATS[form].open(folder, options)
    for example in examples:
        writer.add(example)
    files = writer.close()
    assert not writer.left_out
    assert not [p for p in FORMATS[form].check(folder, options) if p.level == "error"]
    return {f.path: f.rows for f in files if f.role == "data"}
