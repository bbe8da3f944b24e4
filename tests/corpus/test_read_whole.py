"""What a row holds is taken in or refused, never passed over: answers beside conversations, passages, tools,
histories; rows richer than their file."""

import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from corpus import readers
from corpus.readers import limits
from corpus.records import FileRefused
from tests.corpus.files import Got, jsonl, written

PASSAGE = "二甲双胍在 eGFR 低于 30 时禁用。应停药。"


def user(text):
    return {"role": "user", "content": text}


def said(text):
    return {"role": "assistant", "content": text}


def system(text):
    return {"role": "system", "content": text}


def read(tmp_path, *rows, **options):
    return Got(written(tmp_path / "x", jsonl(*rows)), **options)


def texts(entry):
    return [a.text for a in entry.answers]


def refused(tmp_path, content, **options):
    with pytest.raises(FileRefused) as e:
        readers.inspect(written(tmp_path / "x", content), **options)
    return e.value.code


@pytest.mark.parametrize(
    ("row", "fmt", "answers"),
    [
        ({"output": "x"}, "alpaca", ["x"]),
        ({"response": "x", "model": "m"}, "alpaca", ["x"]),
        ({"responses": ["x", "y"], "scores": [1, 2]}, "ranked_list", ["x", "y"]),
        ({"answers": [{"text": "x", "model": "m"}, {"text": "y", "model": "n"}]}, "ranked_list", ["x", "y"]),
        ({"answers": {"gpt4": "x", "glm": "y"}}, "ranked_list", ["x", "y"]),
        ({"rank1": "x", "rank2": "y"}, "ranked", ["x", "y"]),
    ],
)
def test_answers_beside_a_conversation_that_asks(tmp_path, row, fmt, answers):
    for asked in ({"messages": [user("q")]}, {"conversations": [{"from": "human", "value": "q"}]}):
        got = read(tmp_path, asked | row)
        assert (got.inspection.format, got.entry.messages, texts(got.entry)) == (fmt, [user("q")], answers)
    # it is answered
    assert read(tmp_path, {"messages": [user("q"), said("a")], "output": "x"}).inspection.format == "chatml"


def test_a_conversation_that_is_answered_holds_the_answer(tmp_path):
    talk, turns = [user("q"), said("a")], [{"from": "human", "value": "q"}, {"from": "gpt", "value": "a"}]
    for row, fmt in (
        ({"conversations": turns, "instruction": "q", "response": "a"}, "sharegpt"),
        ({"messages": talk, "prompt": "q", "output": "a"}, "chatml"),
        ({"messages": talk, "prompt": "q", "completion": "a", "label": True}, "kto"),
    ):
        got = read(tmp_path, row)
        assert (got.inspection.format, got.entry.messages, texts(got.entry)) == (fmt, [user("q")], ["a"])
    got = read(tmp_path, {"messages": [], "prompt": "q", "output": "a"})
    assert (got.inspection.format, texts(got.entry)) == ("alpaca", ["a"])


def test_answers_named_by_their_model(tmp_path):
    got = read(tmp_path, {"question": "q", "answers": {"gpt4": "x", "glm": "y"}})
    assert [(a.text, a.model) for a in got.entry.answers] == [("x", "gpt4"), ("y", "glm")]


@pytest.mark.parametrize(
    "row",
    [{"question": "q", "answers": {"text": ["x"], "answer_start": [3]}}, {"prompt": "q", "chosen": "x"}],
)
def test_a_filled_column_of_answers_is_not_passed_over(tmp_path, row):
    assert refused(tmp_path, jsonl(row, row)) == "unknown_format"


def test_rows_that_hold_more_than_their_file(tmp_path):
    plain = [
        {"conversations": [{"from": "human", "value": f"q{i}"}, {"from": "gpt", "value": "a"}]}
        for i in range(3)
    ]
    pair = {
        "conversations": [{"from": "human", "value": "q"}],
        "chosen": {"from": "gpt", "value": "x"},
        "rejected": {"from": "gpt", "value": "y"},
    }
    got = read(tmp_path, *plain, pair)
    assert texts(got.records[3].entries[0]) == ["x", "y"] and got.records[3].entries[0].judgements
    got = read(
        tmp_path,
        *({"prompt": f"q{i}", "response": "a"} for i in range(3)),
        {"prompt": "q", "response": "x", "rejected": "y"},
    )
    assert texts(got.records[3].entries[0]) == ["x", "y"]
    got = read(
        tmp_path,
        *({"question": f"q{i}", "answer": "a"} for i in range(3)),
        {"question": "q", "answer": "a", "context": PASSAGE},
    )
    assert [len(r.entries[0].sources) for r in got.records] == [0, 0, 0, 1]


@pytest.mark.parametrize("name", ["context", "passage", "evidence", "chunk", "contexts", "来源"])
def test_a_tag_beside_a_passage_hides_it_not(tmp_path, name):
    got = read(tmp_path, {"question": "q", "answer": "a", name: PASSAGE, "source": "wiki"})
    assert (
        got.inspection.format == "qa"
        and got.entry.sources == [{"title": "", "text": PASSAGE}]
        and got.entry.metadata == {"source": "wiki"}
    )


@pytest.mark.parametrize(
    "tag",
    [
        "wiki",
        "https://example.org/a/long/address/of/a/page/that/is/no/passage",
        "owner/data-set",
        ["lmsys-chat-1m"],
    ],
)
def test_names_of_data_sets_are_no_passages(tmp_path, tag):
    got = read(tmp_path, {"prompt": "q", "chosen": "x", "rejected": "y", "source": tag})
    assert got.entry.sources == [] and got.entry.metadata == {"source": tag}


def test_passages_of_ranked_answers_belong_to_the_prompt(tmp_path):
    got = read(
        tmp_path,
        *(
            {"question": "请总结", "context": f"判决书{n}。很长。", "chosen": "x", "rejected": "y"}
            for n in "一二"
        ),
    )
    assert [r.entries[0].sources[0]["text"] for r in got.records] == ["判决书一。很长。", "判决书二。很长。"]
    got = read(tmp_path, {"question": "q", "answers": ["x"], "context": PASSAGE})
    assert (got.entry.kind, got.entry.sources[0]["text"], texts(got.entry)) == ("qa", PASSAGE, ["x"])
    talk = [user("earlier"), said("a")]
    got = read(tmp_path, {"prompt": "q", "chosen": "x", "rejected": "y", "context": talk})
    assert got.entry.sources == [] and got.entry.metadata == {"context": talk}


@pytest.mark.parametrize("value", [[{"evidence_text": PASSAGE}], {"contexts": [PASSAGE], "labels": ["x"]}])
def test_passages_inside_objects(tmp_path, value):
    assert [
        s["text"] for s in read(tmp_path, {"question": "q", "answer": "a", "context": value}).entry.sources
    ] == [PASSAGE]


def test_an_instruction_and_its_question_are_one_prompt(tmp_path):
    got = read(
        tmp_path,
        *({"instruction": "Answer the question.", "question": f"What is {x}?", "answer": x} for x in "XY"),
    )
    assert [r.entries[0].messages[0]["content"] for r in got.records] == [
        "Answer the question.\nWhat is X?",
        "Answer the question.\nWhat is Y?",
    ]
    got = read(
        tmp_path, {"prompt": "### Question: What is X? ### Answer:", "question": "What is X?", "answer": "x"}
    )
    assert got.entry.messages == [user("### Question: What is X? ### Answer:")] and got.entry.metadata == {
        "question": "What is X?"
    }


def test_two_ways_to_ask_are_not_one_prompt(tmp_path):
    got = read(tmp_path, {"question": "What is X?", "query": "x definition", "answer": "a"})
    assert got.entry.messages == [user("What is X?")] and got.entry.metadata == {"query": "x definition"}
    assert read(tmp_path, {"question": "Why?", "input": "X", "answer": "a"}).entry.messages == [
        user("Why?\nX")
    ]


def test_tools_system_and_history_are_taken_along(tmp_path):
    tool = {"type": "function", "function": {"name": "f", "parameters": {}}}
    row = {
        "input": {"messages": [user("q")], "tools": [tool]},
        "preferred_output": [said("x")],
        "non_preferred_output": [said("y")],
    }
    assert read(tmp_path, row).entry.tools == [tool]
    got = read(
        tmp_path,
        {
            "conversation": [
                {"system": "你是医生", "input": "q", "output": "a"},
                {"input": "r", "output": "b"},
            ]
        },
    )
    assert got.entry.messages == [system("你是医生"), user("q"), said("a"), user("r")]
    got = read(tmp_path, {"history": [["q1", "a1"]], "messages": [user("q2"), said("a2")]})
    assert got.entry.messages == [user("q1"), said("a1"), user("q2")]
    got = read(
        tmp_path, {"history": [["q1", "a1"]], "messages": [user("q1"), said("a1"), user("q2"), said("a2")]}
    )
    assert got.entry.messages == [user("q1"), said("a1"), user("q2")]


def test_conversations_of_two_models_beside_a_prompt(tmp_path):
    earlier = [user("q1"), said("a1")]
    row = {
        "prompt": "q2",
        "conversation_a": [*earlier, user("q2"), said("x")],
        "conversation_b": [*earlier, user("q2"), said("y")],
    }
    got = read(tmp_path, row)
    assert got.entry.messages == [*earlier, user("q2")] and texts(got.entry) == ["x", "y"]
    assert read(tmp_path, row | {"prompt": "another"}).refused == [(1, "prompt", "contexts_differ")]
    got = read(tmp_path, {"prompt": [user("q")], "answer_a": [said("x")], "answer_b": [said("y")]})
    assert got.entry.messages == [user("q")] and texts(got.entry) == ["x", "y"]


@pytest.mark.parametrize(
    ("prompt", "before", "context"),
    [
        ("q", [system("s"), user("q")], [system("s"), user("q")]),
        ("q2", [user("q1"), said("a1"), user("q2")], [user("q1"), said("a1"), user("q2")]),
        (
            "q2",
            [system("s"), user("q1"), said("a1"), user("q2")],
            [system("s"), user("q1"), said("a1"), user("q2")],
        ),
        ("q", [user("q")], [user("q")]),
    ],
)
def test_sides_that_hold_the_whole_conversation(tmp_path, prompt, before, context):
    got = read(tmp_path, {"prompt": prompt, "chosen": [*before, said("x")], "rejected": [*before, said("y")]})
    assert got.entry.messages == context and texts(got.entry) == ["x", "y"]


def test_names_inside_an_answer_begin_no_turn(tmp_path):
    talk = "\n\nHuman: Which?\n\nAssistant: Sure:\nCustomer: hi\nAgent: {}\nModel: T-1000"
    got = read(tmp_path, {"chosen": talk.format("hello"), "rejected": talk.format("bye")})
    assert (
        got.entry.messages == [user("Which?")]
        and texts(got.entry)[0] == "Sure:\nCustomer: hi\nAgent: hello\nModel: T-1000"
    )
    got = read(tmp_path, {"prompt": "q2", "history": "问：q1\n答：可选：\nAI：人工智能辅助", "output": "a"})
    assert got.entry.messages == [user("q1"), said("可选：\nAI：人工智能辅助"), user("q2")]


def test_texts_that_nobody_says_are_refused(tmp_path):
    assert refused(tmp_path, json.dumps([["你好", "您好"], ["q", "a", "r"]])) == "unknown_format"
    flat = {
        "message_id": "m",
        "parent_id": None,
        "text": "q",
        "role": "prompter",
        "message_tree_id": "m",
        "lang": "en",
    }
    assert (
        refused(
            tmp_path,
            jsonl(flat, flat | {"message_id": "n", "parent_id": "m", "role": "assistant", "text": "a"}),
        )
        == "messages_apart"
    )
    tree = {
        "message_id": "m",
        "text": "q",
        "role": "prompter",
        "replies": [
            {"message_id": str(i), "text": f"a{i}", "role": "assistant", "replies": []} for i in "12"
        ],
    }
    assert read(tmp_path, {"prompt": tree | {"deleted": True}}).refused == [(1, "replies", "no_siblings")]


TRADITIONAL = (
    "question,answer\n病人主訴頭痛三天，伴隨噁心，應如何處理？,建議先測量血壓，並安排腦部電腦斷層檢查，"
    "排除出血。\n"
)


@pytest.mark.parametrize("encoding", ["big5", "shift_jis"])
def test_what_is_well_formed_gb18030_and_nobodys_chinese(tmp_path, encoding):
    content = (
        TRADITIONAL
        if encoding == "big5"
        else "question,answer\n患者は三日前から頭痛を訴えています。,まず血圧を測定してください。\n"
    )
    assert refused(tmp_path, content.encode(encoding)) == "encoding"
    assert (
        Got(written(tmp_path / "x", content.encode(encoding)), encoding=encoding).entry.messages[0]["content"]
        in content
    )
    assert Got(written(tmp_path / "y", TRADITIONAL.encode("gbk"))).entry.messages[0]["content"] in TRADITIONAL


def test_a_closed_quote_makes_one_record_however_long(tmp_path):
    line = "Step: take the drug, then wait\n"
    long = line * (limits.MAX_RECORD_BYTES // len(line) + 1000)
    got = Got(written(tmp_path / "x.csv", f'prompt,answer\nq0,a0\nq1,"{long}"\nq2,a2\n'))
    assert got.refused == [(3, "", "too_long")] and [r.line for r in got.records] == [2, 4 + long.count("\n")]


def test_parquet_beside_bytes_maps_and_durations(tmp_path):
    table = pa.table(
        {
            "prompt": ["q"],
            "answer": ["a"],
            "thumbnail": pa.array([{"bytes": b"1", "path": "p"}]),
            "sha": [b"1"],
        }
    )
    table = table.append_column(
        "more", pa.array([[("k", "v")]], pa.map_(pa.string(), pa.string()))
    ).append_column("took", pa.array([1], pa.duration("s")))
    pq.write_table(table, tmp_path / "x")
    got = Got(tmp_path / "x")
    assert texts(got.entry) == ["a"] and got.inspection.columns == ["prompt", "answer"]


def test_a_mapping_helps_one_row_too(tmp_path):
    for content in (jsonl({"q": "How", "a": "one"}), json.dumps({"q": "How", "a": "one"}, indent=1)):
        got = Got(written(tmp_path / "x", content), mapping={"prompt": "q", "answer": "a"})
        assert got.entry.messages == [user("How")] and texts(got.entry) == ["one"]


def test_joined_answers_come_without_their_prompt_also_from_qa_rows(tmp_path):
    row = {"question_id": 1, "question": "TEMPLATE q", "context": PASSAGE, "answer": "x"}
    got = read(tmp_path, row, model="m", join="question_id")
    assert (got.entry.kind, got.entry.external_id, texts(got.entry)) == ("answer", "1", ["x"])
