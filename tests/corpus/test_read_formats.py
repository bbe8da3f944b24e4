"""Prompts, answered prompts, conversations, QA pairs, KTO rows and answers to be joined: each known shape of
a row."""

import json

import pytest

from corpus import readers
from corpus.records import FileRefused
from tests.corpus.files import Got, jsonl, written


def user(text):
    return {"role": "user", "content": text}


def said(text):
    return {"role": "assistant", "content": text}


def read_one(tmp_path, row, **options):
    return Got(written(tmp_path / "x", jsonl(row)), **options).entry


def refusal(tmp_path, row, **options):
    got = Got(written(tmp_path / "x", jsonl(row)), **options)
    assert not got.records
    return got.refused[0][1:]


# ---- alpaca ------------------------------------------------------------------------------------------------


def test_alpaca_prompt_is_instruction_and_input(tmp_path):
    entry = read_one(
        tmp_path,
        {
            "instruction": "改写",
            "input": "一句话",
            "output": "好",
            "system": "你是编辑",
            "history": [["早", "早！"]],
        },
    )
    assert entry.messages == [
        {"role": "system", "content": "你是编辑"},
        user("早"),
        said("早！"),
        user("改写\n一句话"),
    ]
    assert (entry.kind, entry.answers[0].text, entry.answers[0].is_target, entry.answers[0].origin) == (
        "sft",
        "好",
        True,
        "imported",
    )
    assert read_one(tmp_path, {"instruction": "a", "input": "", "output": "b"}).messages == [user("a")]
    assert read_one(tmp_path, {"instruction": "", "input": "a", "output": "b"}).messages == [user("a")]
    assert read_one(tmp_path, {"input": "a", "output": "b"}).messages == [user("a")]


@pytest.mark.parametrize(
    "history",
    [
        [["q1", "a1"], ["q2", "a2"]],
        [{"question": "q1", "answer": "a1"}, {"user": "q2", "assistant": "a2"}],
        [
            {"role": "user", "content": "q1"},
            {"from": "gpt", "value": "a1"},
            {"from": "human", "value": "q2"},
            {"role": "bot", "content": "a2"},
        ],
        '[["q1", "a1"], ["q2", "a2"]]',
        "问：q1\n答：a1\n问：q2\n答：a2",
        "Human: q1\nAssistant: a1\nUser: q2\nGPT: a2",
    ],
)
def test_history_in_every_spelling(tmp_path, history):
    entry = read_one(tmp_path, {"instruction": "q3", "output": "a3", "history": history})
    assert entry.messages == [user("q1"), said("a1"), user("q2"), said("a2"), user("q3")]


@pytest.mark.parametrize("history", ["", "[]", [], None, "  "])
def test_empty_history(tmp_path, history):
    assert read_one(tmp_path, {"instruction": "q", "output": "a", "history": history}).messages == [user("q")]


@pytest.mark.parametrize(
    ("history", "code"),
    [
        ("a text of no known form", "history"),
        ([["q"]], "turns"),
        ([["q", None]], "type"),
        ([{"q": "a"}], "turns"),
        ([user("q")], "history"),
        (5, "type"),
        ("[1", "json"),
    ],
)
def test_history_that_cannot_be_read(tmp_path, history, code):
    assert refusal(tmp_path, {"instruction": "q", "output": "a", "history": history}) == ("history", code)


def test_answers_of_one_named_model_are_there_to_be_judged(tmp_path):
    entry = read_one(tmp_path, {"instruction": "q", "output": "a"}, model="m-7b")
    assert (entry.kind, entry.answers[0].model, entry.answers[0].origin, entry.answers[0].is_target) == (
        "ranking",
        "m-7b",
        "model",
        False,
    )
    entry = read_one(tmp_path, {"instruction": "q", "output": "a", "model": "from-column"})
    assert (entry.kind, entry.answers[0].model, entry.answers[0].is_target) == ("sft", "from-column", True)
    assert (
        read_one(tmp_path, {"instruction": "q", "output": "a", "model": "from-column"}, model="given")
        .answers[0]
        .model
        == "given"
    )


@pytest.mark.parametrize(
    ("row", "refused"),
    [
        ({"instruction": "q", "output": ""}, ("output", "empty_answer")),
        ({"instruction": "q", "output": " \n"}, ("output", "empty_answer")),
        ({"instruction": "q", "output": None}, ("output", "empty_answer")),
        ({"instruction": "q", "output": 5}, ("output", "type")),
        ({"instruction": "q", "output": {"a": 1}}, ("output", "type")),
        ({"instruction": "", "output": "a"}, ("instruction", "empty_prompt")),
        ({"instruction": ["q"], "output": "a"}, ("instruction", "turns")),
    ],
)
def test_alpaca_refusals(tmp_path, row, refused):
    got = Got(written(tmp_path / "x", jsonl({"instruction": "q", "output": "a"}, row)))
    assert [r[1:] for r in got.refused] == [refused]


def test_unused_columns_are_kept_as_metadata(tmp_path):
    entry = read_one(
        tmp_path,
        {
            "id": 7,
            "instruction": "q",
            "output": "a",
            "科室": "内科",
            "n": 3,
            "empty": "",
            "tags": ["x"],
            "long": "x" * 5000,
        },
    )
    assert entry.metadata == {"科室": "内科", "n": 3, "tags": ["x"]}
    assert entry.external_id == "7"


# ---- conversations -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("asks", "answers"),
    [
        ("human", "gpt"),
        ("user", "assistant"),
        ("问", "答"),
        ("User", "Bot"),
        ("prompter", "assistant"),
        ("用户", "助手"),
    ],
)
@pytest.mark.parametrize(
    ("role", "content", "column"), [("from", "value", "conversations"), ("role", "content", "messages")]
)
def test_conversations_end_with_the_answer(tmp_path, asks, answers, role, content, column):
    turns = [("system", "s"), (asks, "q1"), (answers, "a1"), (asks, "q2"), (answers, "a2")]
    got = Got(written(tmp_path / "x", jsonl({column: [{role: r, content: c} for r, c in turns]})))
    assert got.inspection.format == ("sharegpt" if role == "from" else "chatml")
    assert got.entry.messages == [{"role": "system", "content": "s"}, user("q1"), said("a1"), user("q2")]
    assert (got.entry.kind, got.entry.answers[0].text, got.entry.answers[0].is_target) == ("sft", "a2", True)


def test_conversation_in_other_spellings(tmp_path):
    expected = ([user("q1"), said("a1"), user("q2")], "a2")
    for value in (
        [["q1", "a1"], ["q2", "a2"]],
        [{"human": "q1", "assistant": "a1"}, {"human": "q2", "assistant": "a2"}],
        json.dumps([user("q1"), said("a1"), user("q2"), said("a2")]),
        [{"role": "user", "content": [{"type": "text", "text": "q1"}]}, said("a1"), user("q2"), said("a2")],
    ):
        entry = read_one(tmp_path, {"conversation": value})
        assert (entry.messages, entry.answers[0].text) == expected


def test_conversation_without_an_answer_is_a_prompt(tmp_path):
    entry = read_one(tmp_path, {"messages": [user("q1"), said("a1"), user("q2")]})
    assert (entry.kind, entry.messages, entry.answers) == ("prompt", [user("q1"), said("a1"), user("q2")], [])


def test_system_column_with_a_conversation(tmp_path):
    row = {"system": "s", "conversations": [{"from": "human", "value": "q"}, {"from": "gpt", "value": "a"}]}
    assert read_one(tmp_path, row).messages == [{"role": "system", "content": "s"}, user("q")]
    row["conversations"].insert(0, {"from": "system", "value": "s"})
    assert read_one(tmp_path, row).messages == [{"role": "system", "content": "s"}, user("q")]
    row["conversations"][0]["value"] = "other"
    assert refusal(tmp_path, row) == ("system", "two_systems")


ARGUMENTS = '{"items": [{"name": "苹果",  "n": 2.50}], "x":1e2}'
TOOLS = [{"name": "invoice", "description": "生成", "parameters": {"type": "object", "properties": {}}}]


@pytest.mark.parametrize("tools", [TOOLS, json.dumps(TOOLS, ensure_ascii=False)])
def test_tool_calls_keep_the_text_of_their_arguments(tmp_path, tools):
    row = {
        "conversations": [
            {"from": "human", "value": "q"},
            {"from": "function_call", "value": '{"name": "invoice", "arguments": ' + ARGUMENTS + "}"},
            {"from": "observation", "value": '{"id":  "I1"}'},
            {"from": "gpt", "value": "done"},
        ],
        "tools": tools,
    }
    entry = read_one(tmp_path, row)
    assert entry.messages == [
        user("q"),
        {
            "role": "assistant",
            "content": "",
            "tool_calls": [{"type": "function", "function": {"name": "invoice", "arguments": ARGUMENTS}}],
        },
        {"role": "tool", "content": '{"id":  "I1"}'},
    ]
    assert (entry.tools, entry.answers[0].text) == (TOOLS, "done")


def test_openai_tool_calls(tmp_path):
    call = {"id": "c1", "type": "function", "function": {"name": "f", "arguments": '{"a":  1}'}}
    calling, result = (
        {"role": "assistant", "content": None, "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "c1", "name": "f", "content": "1"},
    )
    entry = read_one(tmp_path, {"messages": [user("q"), calling, result, said("a")]})
    assert entry.messages[1] == {"role": "assistant", "content": "", "tool_calls": [call]}
    assert entry.messages[2] == {"role": "tool", "content": "1", "name": "f", "tool_call_id": "c1"}
    several = [{"name": "f", "arguments": {"a": "甲"}}, {"name": "g", "arguments": {}}]
    turns = [("human", "q"), ("function_call", json.dumps(several)), ("observation", "1"), ("gpt", "a")]
    calls = read_one(
        tmp_path, {"conversations": [{"from": role, "value": text} for role, text in turns]}
    ).messages[1]["tool_calls"]
    assert [(c["function"]["name"], c["function"]["arguments"]) for c in calls] == [
        ("f", '{"a": "甲"}'),
        ("g", "{}"),
    ]


@pytest.mark.parametrize(
    ("messages", "code"),
    [
        ([{"role": "narrator", "content": "x"}, said("a")], "role"),
        ([{"role": 5, "content": "x"}], "role"),
        ([user("q"), said("")], "empty_answer"),
        ([user("q"), {"role": "assistant", "content": None}], "type"),
        ([user("q"), said("a"), said("b")], "context"),
        ([said("a")], "empty_prompt"),
        ([{"role": "system", "content": "s"}, said("a")], "empty_prompt"),
        ([user(" "), said("a")], "empty_prompt"),
        ([user([{"type": "image_url", "image_url": {"url": "x"}}]), said("a")], "not_text"),
        ([user([{"type": "text", "text": None}]), said("a")], "type"),
        ([user("q"), {"from": "function_call", "value": '{"name": "f", "arguments": {}}'}], "ends_with_call"),
        ([user("q"), {"from": "function_call", "value": "not json"}, said("a")], "tool_calls"),
        ([user("q"), {"from": "function_call", "value": '{"f": 1}'}, said("a")], "tool_calls"),
        ([user("q"), "text", said("a")], "turns"),
        ([user("q")] * 1001, "too_many_turns"),
        ([], "empty_prompt"),
        ({}, "turns"),
        (None, "type"),
        ("", "type"),
    ],
)
def test_conversations_that_are_refused(tmp_path, messages, code):
    got = Got(written(tmp_path / "x", jsonl({"messages": [user("q"), said("a")]}, {"messages": messages})))
    assert got.refused == [(2, "messages", code)]


def test_tools_that_are_none_or_wrong(tmp_path):
    talk = [{"from": "human", "value": "q"}, {"from": "gpt", "value": "a"}]
    for tools in ("", "[]", [], None):
        assert read_one(tmp_path, {"conversations": talk, "tools": tools}).tools is None
    for tools in ("not json", ["x"], "[1]", 5):
        assert refusal(tmp_path, {"conversations": talk, "tools": tools}) == ("tools", "tools")


# ---- prompts, QA, KTO, answers -----------------------------------------------------------------------------


@pytest.mark.parametrize("column", ["prompt", "text", "question", "query", "Instruction", "问题"])
def test_prompt_only_lists(tmp_path, column):
    entry = read_one(tmp_path, {column: "q", "category": "c"})
    assert (entry.kind, entry.messages, entry.metadata) == ("prompt", [user("q")], {"category": "c"})


def test_prompt_as_messages(tmp_path):
    assert read_one(tmp_path, {"prompt": [user("a"), said("b"), user("c")]}).messages[-1] == user("c")
    assert refusal(tmp_path, {"prompt": [user("a"), said("b")]}) == ("prompt", "context")


@pytest.mark.parametrize("column", ["context", "source", "passage", "document", "原文"])
def test_qa_pairs_with_their_source(tmp_path, column):
    got = Got(
        written(
            tmp_path / "x",
            jsonl(
                {
                    "question": "q",
                    "answer": "a",
                    column: "阿司匹林每日100mg。",
                    "doc_title": "说明书",
                    "source_url": "https://x.cn",
                }
            ),
        )
    )
    assert got.inspection.format == "qa"
    assert (got.entry.kind, got.entry.messages, got.entry.answers[0].text) == ("qa", [user("q")], "a")
    assert got.entry.sources == [{"title": "说明书", "text": "阿司匹林每日100mg。", "url": "https://x.cn"}]
    assert got.entry.answers[0].is_target is False


def test_qa_pairs_with_several_sources(tmp_path):
    entry = read_one(
        tmp_path,
        {"question": "q", "answer": "a", "context": ["一。", {"title": "t", "text": "二。", "url": "u"}, ""]},
    )
    assert entry.sources == [{"title": "", "text": "一。"}, {"title": "t", "text": "二。", "url": "u"}]


def test_source_that_names_a_data_set_is_no_passage(tmp_path):
    rows = [
        {"question": "q", "answer": "a", "source": "alpaca_gpt4"},
        {"question": "r", "answer": "b", "source": "wiki"},
    ]
    got = Got(written(tmp_path / "x", jsonl(*rows)))
    assert got.inspection.format == "alpaca"
    assert [e.metadata for e in got.entries] == [{"source": "alpaca_gpt4"}, {"source": "wiki"}]
    got = Got(tmp_path / "x", mapping={"source": "source"})
    assert got.entries[0].sources == [{"title": "", "text": "alpaca_gpt4"}]


LABELS = [
    (True, 1),
    (False, 0),
    (1, 1),
    (0, 0),
    (1.0, 1),
    (-1, 0),
    ("True", 1),
    ("False", 0),
    ("false", 0),
    ("1", 1),
    ("0", 0),
    ("yes", 1),
    ("No", 0),
    ("赞", 1),
    ("踩", 0),
    ("👍", 1),
    ("👎", 0),
    (" true ", 1),
    ("thumbs_down", 0),
    ("好", 1),
    ("差", 0),
    ("desirable", 1),
    ("undesirable", 0),
]


@pytest.mark.parametrize(("label", "good"), LABELS)
def test_kto_labels(tmp_path, label, good):
    entry = read_one(tmp_path, {"prompt": "q", "completion": "a", "label": label})
    assert entry.judgements[0].document == {"ranking": [[0]], "acceptable": good}
    assert (entry.kind, [a.text for a in entry.answers], entry.judgements[0].annotator) == (
        "ranking",
        ["a"],
        "",
    )


@pytest.mark.parametrize("label", ["maybe", 2, None, "", 0.5, [True], "nan"])
def test_labels_that_are_no_labels(tmp_path, label):
    got = Got(
        written(
            tmp_path / "x",
            jsonl(
                {"prompt": "q", "completion": "a", "label": True},
                {"prompt": "q", "completion": "a", "label": label},
            ),
        )
    )
    assert got.refused == [(2, "label", "label")]


def test_kto_shapes(tmp_path):
    talk = [user("q"), said("a")]
    for row in (
        {"messages": talk, "label": False},
        {"conversations": [{"from": "human", "value": "q"}, {"from": "gpt", "value": "a"}], "kto_tag": False},
        {"instruction": "q", "input": "", "output": "a", "label": "False"},
        {"prompt": [user("q")], "completion": [said("a")], "label": 0},
    ):
        got = Got(written(tmp_path / "x", jsonl(row)))
        assert got.inspection.format == "kto"
        assert (got.entry.messages, got.entry.answers[0].text) == ([user("q")], "a")
        assert got.entry.judgements[0].document["acceptable"] == 0
    csv = Got(written(tmp_path / "y.csv", "prompt,completion,label\nq,a,False\nr,b,TRUE\n"))
    assert [e.judgements[0].document["acceptable"] for e in csv.entries] == [0, 1]


def test_a_label_that_is_a_class_is_no_thumb(tmp_path):
    got = Got(written(tmp_path / "x", jsonl({"prompt": "q", "output": "a", "label": "medicine"})))
    assert (got.inspection.format, got.entry.metadata) == ("alpaca", {"label": "medicine"})


def test_answers_to_prompts_known_by_id(tmp_path):
    rows = [
        {"answer_id": "x1", "model_id": "m:1", "question_id": 1, "text": "a1", "metadata": {"t": 0.7}},
        {"answer_id": "x2", "model_id": "m:1", "question_id": 2, "text": ""},
        {"answer_id": "x3", "model_id": "m:1", "question_id": None, "text": "a3"},
    ]
    path = written(tmp_path / "x", jsonl(*rows))
    for options in ({}, {"join": "question_id"}):
        got = Got(path, **options)
        assert got.inspection.format == "answers"
        entry = got.entries[0]
        assert (entry.kind, entry.messages, entry.external_id) == ("answer", [], "1")
        answer = entry.answers[0]
        assert (answer.text, answer.model, answer.external_id, answer.origin) == ("a1", "m:1", "x1", "model")
        assert answer.parameters == {"metadata": {"t": 0.7}}
        assert got.refused == [(2, "text", "empty_answer"), (3, "question_id", "id")]


def test_join_reads_only_the_answers_of_rows_that_repeat_the_prompt(tmp_path):
    path = written(tmp_path / "x", jsonl({"qid": "7", "prompt": "<|im_start|>q", "response": "a"}))
    assert Got(path).entry.kind == "sft"
    entry = Got(path, join="qid", model="m").entry
    assert (entry.kind, entry.messages, entry.external_id, entry.answers[0].text, entry.answers[0].model) == (
        "answer",
        [],
        "7",
        "a",
        "m",
    )
    talk = written(tmp_path / "y", jsonl({"key": "7", "messages": [user("q"), said("a")]}))
    entry = Got(talk, join="key", model="m").entry
    assert (entry.kind, entry.external_id, entry.answers[0].text) == ("answer", "7", "a")
    questions = written(tmp_path / "z", jsonl({"question_id": 1, "text": "q"}))
    assert Got(questions, join="question_id").entry.kind == "prompt"
    assert Got(questions, join="question_id", model="m").entry.answers[0].text == "q"
    with pytest.raises(FileRefused) as e:
        readers.inspect(path, join="nothing")
    assert e.value.code == "mapping"


# ---- mapping -----------------------------------------------------------------------------------------------


def test_mapping_by_hand(tmp_path):
    path = written(tmp_path / "x.csv", "title,ask,doctor says\nT,q,a\n")
    assert Got(path, mapping={"prompt": "title", "answer": "ask"}).entry.messages == [user("T")]
    got = Got(path, mapping={"answer": "doctor says"})
    assert (got.entry.messages, got.entry.answers[0].text, got.entry.metadata) == (
        [user("q")],
        "a",
        {"title": "T"},
    )
    assert got.inspection.mapping == {"prompt": "ask", "answer": "doctor says"}
    again = Got(path, mapping=got.inspection.mapping)  # what the page sends back
    assert again.all == got.all
    off = Got(
        written(tmp_path / "y", jsonl({"prompt": "q", "output": "a", "history": "some words"})),
        mapping={"history": ""},
    )
    assert (off.entry.messages, off.entry.metadata) == ([user("q")], {"history": "some words"})


def test_mapping_names_must_be_known(tmp_path):
    path = written(tmp_path / "x.csv", "a,b\n1,2\n")
    for mapping in ({"prompt": "nope"}, {"nonsense": "a"}):
        with pytest.raises(FileRefused) as e:
            readers.inspect(path, mapping=mapping)
        assert e.value.code == "mapping"


def test_mapping_answers_of_models_in_columns(tmp_path):
    path = written(tmp_path / "x.csv", "q,gpt,llama,who\nask,a,b,gpt\n")
    entry = Got(path, mapping={"prompt": "q", "answer_1": "gpt", "answer_2": "llama"}).entry
    assert [a.text for a in entry.answers] == ["a", "b"]


def test_texts_that_look_like_json_stay_texts(tmp_path):
    got = Got(
        written(
            tmp_path / "x",
            jsonl({"question": '[{"a": 1}] 是什么？', "answer": '{"role": 1}', "context": "[1] 见文献。"}),
        )
    )
    assert got.entry.messages == [user('[{"a": 1}] 是什么？')]
    assert got.entry.answers[0].text == '{"role": 1}'
    assert got.entry.sources[0]["text"] == "[1] 见文献。"


def test_messages_in_the_cells_of_a_table(tmp_path):
    import csv
    import io

    talk, answer = json.dumps([user("q1"), said("a1"), user("q2")]), json.dumps([said("good")])
    buffer = io.StringIO()
    csv.writer(buffer).writerows([["prompt", "chosen", "rejected"], [talk, answer, '{"json": "answer"}']])
    entry = Got(written(tmp_path / "x", buffer.getvalue())).entry
    assert entry.messages == [user("q1"), said("a1"), user("q2")]
    assert [a.text for a in entry.answers] == ["good", '{"json": "answer"}']


def test_extra_keys_of_a_message_are_not_taken(tmp_path):
    entry = read_one(
        tmp_path,
        {
            "messages": [
                {"role": "user", "content": "q", "weight": 0},
                {"role": "assistant", "content": "a", "reasoning": "r", "loss": True},
            ]
        },
    )
    assert (entry.messages, entry.answers[0].text) == ([user("q")], "a")


def test_an_empty_passage_is_none_and_there_is_a_limit_to_passages(tmp_path):
    rows = [
        {"question": "q", "answer": "a", "context": ""},
        {"question": "q", "answer": "a", "context": ["段。"] * 51},
        {"question": "q", "answer": "a", "context": "段。"},
    ]
    got = Got(written(tmp_path / "x", jsonl(*rows)))
    assert [e.sources for e in got.entries] == [[], [{"title": "", "text": "段。"}]]
    assert got.refused == [(2, "context", "too_many_sources")]


def test_a_row_that_lacks_a_column_of_its_file(tmp_path):
    got = Got(
        written(
            tmp_path / "x",
            jsonl(
                {"prompt": "q", "output": "a"},
                {"prompt": "q", "output": "a"},
                {"prompt": "q"},
                {"output": "a"},
            ),
        )
    )
    assert got.refused == [(3, "answer", "missing"), (4, "prompt", "missing")]
