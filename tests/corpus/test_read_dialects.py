"""Rows in the spellings of other tools: conversations in one text, seed tasks, pairs in one column, parts of
messages, pictures, tables without quoting, objects one after another, and what Open WebUI, HelpSteer3,
Argilla and Label Studio write."""

import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from corpus.records import FileRefused, Record
from tests.corpus.files import Got, jsonl, written
from tests.corpus.test_read_anything import VALUES


def user(text):
    return {"role": "user", "content": text}


def said(text):
    return {"role": "assistant", "content": text}


def read(tmp_path, *rows, **options):
    return Got(written(tmp_path / "x", jsonl(*rows)), **options)


def shown(entry) -> tuple:
    return (
        entry.messages,
        [a.text for a in entry.answers],
        [(j.annotator, j.document) for j in entry.judgements],
    )


# ---- conversations in one text -----------------------------------------------------------------------------

TALK = [user("什么是定金？"), said("担保。\n分两种。"), user("能退吗？")]


@pytest.mark.parametrize(
    "text",
    [
        "Human: 什么是定金？\nAssistant: 担保。\n分两种。\nHuman: 能退吗？\nAssistant: 看约定。",
        "\n\nHuman: 什么是定金？\n\nAssistant: 担保。\n分两种。\n\nHuman: 能退吗？\n\nAssistant: 看约定。",
        "问：什么是定金？\n答：担保。\n分两种。\n问：能退吗？\n答：看约定。",
        "<s>Human: 什么是定金？\n</s><s>Assistant: 担保。\n分两种。\n</s><s>Human: "
        "能退吗？\n</s><s>Assistant: 看约定。\n</s>",
        "### Human: 什么是定金？### Assistant: 担保。\n分两种。### Human: 能退吗？### Assistant: 看约定。",
        "### User:\n什么是定金？\n### Assistant:\n担保。\n分两种。\n### User:\n能退吗？\n### "
        "Assistant:\n看约定。",
        "<|im_start|>user\n什么是定金？<|im_end|>\n<|im_start|>assistant\n担保。\n分两种。"
        "<|im_end|>\n<|im_start|>user\n能退吗？<|im_end|>\n"
        "<|im_start|>assistant\n看约定。<|im_end|>\n",
        "<s>[INST] 什么是定金？ [/INST] 担保。\n分两种。 </s><s>[INST] 能退吗？ [/INST] 看约定。 </s>",
        "[客户] 什么是定金？\n[客服] 担保。\n分两种。\n[客户] 能退吗？\n[客服] 看约定。",
    ],
)
@pytest.mark.parametrize("column", ["prompt", "text"])
def test_a_transcript_that_ends_with_the_assistant_holds_the_answer(tmp_path, text, column):
    got = read(tmp_path, {column: text})
    assert (
        shown(got.entry) == (TALK, ["看约定。"], [])
        and got.entry.answers[0].is_target
        and got.entry.kind == "sft"
    )
    assert got.inspection.format == "transcripts"
    assert shown(read(tmp_path, {column: text, "label": 0}).entry)[2] == [
        ("", {"ranking": [[0]], "acceptable": 0})
    ]


def test_a_transcript_that_asks_is_the_prompt(tmp_path):
    asks = "\n\nHuman: 什么是定金？\n\nAssistant: 担保。\n分两种。\n\nHuman: 能退吗？\n\nAssistant:"
    assert shown(read(tmp_path, {"prompt": asks}).entry) == (TALK, [], [])
    assert shown(read(tmp_path, {"prompt": asks, "chosen": "a", "rejected": "b"}).entry)[:2] == (
        TALK,
        ["a", "b"],
    )
    assert shown(read(tmp_path, {"prompt": asks, "response": "a"}).entry)[:2] == (TALK, ["a"])
    system = {"role": "system", "content": "s"}
    assert read(
        tmp_path,
        {"prompt": "<|im_start|>system\ns<|im_end|>\n<|im_start|>user\nq<|im_end|>\n<|im_start|>assistant\n"},
    ).entry.messages == [
        system,
        user("q"),
    ]


@pytest.mark.parametrize(
    "row",
    [
        {"instruction": "Sum it up.", "input": "Human: a\nAssistant: b", "output": "c"},
        {"prompt": "Human: a\nAssistant: b\n\nWho is right?", "response": "c"},
        {"prompt": "Answer: 4. Right?"},
        {"prompt": "问：只有一问"},
        {"prompt": "Doctor: a\nPatient: b"},
        {"prompt": "<s>struck</s> out"},
        {"prompt": "# Human: a title\ntext"},
    ],
)
def test_what_only_looks_like_a_transcript_stays_a_text(tmp_path, row):
    asked = "\n".join(row[name] for name in ("instruction", "input", "prompt") if name in row)
    assert read(tmp_path, row).entry.messages == [user(asked)]


def test_history_as_lines_with_names_in_brackets(tmp_path):
    row = {
        "query": "能退吗？",
        "history": "[客户] 什么是定金？\n【客服】担保。\n分两种。",
        "rank1": "a",
        "rank2": "b",
    }
    assert read(tmp_path, row).entry.messages == TALK


# ---- rows in rows ------------------------------------------------------------------------------------------


def test_seed_tasks_are_a_row_for_each_instance(tmp_path):
    row = {
        "id": "s1",
        "instruction": "改写。",
        "instances": [{"input": "每日两次", "output": "一天两次"}, {"input": "", "output": "x", "why": "?"}],
        "name": "dose",
    }
    got = read(tmp_path, row)
    assert [shown(e) for e in got.entries] == [
        ([user("改写。\n每日两次")], ["一天两次"], []),
        ([user("改写。")], ["x"], []),
    ]
    assert all(
        e.metadata == {"name": "dose"} and e.external_id == "s1" and e.answers[0].is_target
        for e in got.entries
    )
    assert got.records[0].dropped == ("instances[].why",) and got.inspection.format == "seed_tasks"
    assert read(tmp_path, row, {"instruction": "a", "instances": [{"input": "", "output": ""}]}).refused == [
        (2, "output", "empty_answer")
    ]


def test_output_with_the_better_and_the_worse_answer(tmp_path):
    row = {"instruction": "a", "input": "b", "output": ["good", "bad"], "history": [["c", "d"]]}
    expected = ([user("c"), said("d"), user("a\nb")], ["good", "bad"], [("", {"ranking": [[0], [1]]})])
    assert shown(read(tmp_path, row).entry) == expected
    assert shown(read(tmp_path, row | {"output": '["good", "bad"]'}).entry) == expected
    assert read(tmp_path, row | {"output": ["a", "b", "c"]}).refused == [(1, "output", "not_text")]
    # nothing says that the first is better
    assert read(tmp_path, {"instruction": "a", "response": ["x", "y"]}).refused
    assert read(tmp_path, row, row | {"output": "one"}, row).refused == [(2, "output", "type")]


@pytest.mark.parametrize(
    ("better", "worse"),
    [("selected", "rejected"), ("accepted", "rejected"), ("Selected", "rejected_response")],
)
def test_selected_and_rejected(tmp_path, better, worse):
    assert shown(read(tmp_path, {"instruct": "q", better: "x", worse: "y"}).entry) == (
        [user("q")],
        ["x", "y"],
        [("", {"ranking": [[0], [1]]})],
    )


def test_selected_alone_is_a_note(tmp_path):
    assert read(tmp_path, {"prompt": "q", "response": "a", "selected": True}).entry.metadata == {
        "selected": True
    }


@pytest.mark.parametrize(("label", "good"), [(1, 1), (0, 0), ("1", 1), ("0", 0), (1.0, 1), (True, 1)])
@pytest.mark.parametrize("talk", [False, True])
def test_kto_labels_as_numbers(tmp_path, label, good, talk):
    asked = (
        {"messages": [user("q"), said("a")]} if talk else {"prompt": [user("q")], "completion": [said("a")]}
    )
    assert shown(read(tmp_path, asked | {"label": label}).entry) == (
        [user("q")],
        ["a"],
        [("", {"ranking": [[0]], "acceptable": good})],
    )


# ---- parts, pictures, passages -----------------------------------------------------------------------------


def test_parts_with_a_value(tmp_path):
    parts = [{"type": "reasoning", "value": "hm"}, {"type": "text", "value": "A claim."}]
    got = read(
        tmp_path,
        {
            "messages": [
                {"role": "user", "content": [{"type": "text", "value": "A lien?"}]},
                {"role": "assistant", "content": parts},
            ]
        },
    )
    assert shown(got.entry) == ([user("A lien?")], ["A claim."], []) and got.records[0].dropped == (
        "messages[].reasoning",
    )
    call = {"type": "tool_call", "value": '{"name": "look", "arguments": {"a": 1}}'}
    talk = [user("q"), {"role": "assistant", "content": [call]}, {"role": "tool", "content": "r"}, said("a")]
    made = read(tmp_path, {"messages": talk}).entry.messages[1]
    assert made["content"] == "" and made["tool_calls"][0]["function"] == {
        "name": "look",
        "arguments": '{"a": 1}',
    }
    picture = {"messages": [user([{"type": "image_url", "value": "data:"}]), said("a")]}
    assert read(tmp_path, picture).refused == [(1, "messages", "not_text")]


@pytest.mark.parametrize("column", ["images", "image", "Video", "audios", "图片"])
def test_rows_with_pictures_are_refused(tmp_path, column):
    rows = [
        {"prompt": "<image>What?", "response": "a", column: ["x.png"]},
        {"prompt": "q", "response": "a", column: []},
    ]
    got = read(tmp_path, *rows, {"prompt": "r", "response": "a", column: None})
    assert (
        got.refused == [(1, column, "not_text")] and got.asked == ["q", "r"] and got.entries[0].metadata == {}
    )
    assert read(tmp_path, *rows, mapping={"images": ""}).entries[0].metadata == {column: ["x.png"]}


def test_pictures_in_parquet(tmp_path):
    table = pa.table(
        {"prompt": ["q"], "answer": ["a"], "image": pa.array([{"bytes": b"1", "path": "p"}]), "sha": [b"1"]}
    )
    pq.write_table(table, tmp_path / "x")
    assert Got(tmp_path / "x").refused == [(1, "image", "not_text")]
    got = Got(tmp_path / "x", mapping={"images": ""})
    assert got.records[0].dropped == ("image", "sha") and got.asked == ["q"]


def test_short_passages_tell_prompts_apart(tmp_path):
    rows = [{"question": "Who may visit?", "passage": f"Ward {x}: two.", "rating": ["Good"]} for x in "AB"]
    assert [e.sources[0]["text"] for e in read(tmp_path, *rows).entries] == ["Ward A: two.", "Ward B: two."]
    rows = [{"question": "Who may visit?", "source": f"Ward {x}: two visitors."} for x in "AB"]
    assert [e.sources[0]["text"] for e in read(tmp_path, *rows).entries] == [
        "Ward A: two visitors.",
        "Ward B: two visitors.",
    ]
    assert read(tmp_path, {"question": "q", "answer": "a", "source": "ultrachat"}).entry.sources == []


# ---- tables and objects ------------------------------------------------------------------------------------


def table(tmp_path, text):
    return [
        (r.line, list(r.entries[0].messages[0].values())[1], *(a.text for a in r.entries[0].answers))
        for r in Got(written(tmp_path / "x", text)).records
    ]


def test_tabs_without_quoting(tmp_path):
    head = "query\trank1\trank2\n"
    assert table(tmp_path, head + 'q1\t"甲\t乙\nq2\ta\tb\nq3\tc"\td\nq5\te\tf\n') == [
        (2, "q1", '"甲', "乙"), (3, "q2", "a", "b"), (4, "q3", 'c"', "d"), (5, "q5", "e", "f"),
    ]  # fmt: skip
    assert table(tmp_path, head + '"你好"是什么\t"嗨"\t"嘿" 吧\nq5\t"e"\tf\n') == [
        (2, '"你好"是什么', '"嗨"', '"嘿" 吧'),
        (3, "q5", '"e"', "f"),
    ]
    quoted = head + '"q ""1"""\t"a\nb"\tc\n"q2"\t"d"\t"e"\n'
    assert table(tmp_path, quoted) == [(2, 'q "1"', "a\nb", "c"), (4, "q2", "d", "e")]


def test_a_quote_far_behind_the_first_lines_binds_no_rows_together(tmp_path):
    # more than is looked at to tell how the table is written
    plain = [f"q{i}\ta{'x' * 200}\tb" for i in range(12_000)]
    rows = table(
        tmp_path,
        "\n".join(["query\trank1\trank2", *plain, 'q\t"open\tb', "r\ta\tb", 's\tclose"\tb', "t\ta\tb", ""]),
    )
    assert [row[1:3] for row in rows[-4:]] == [
        ("q", '"open'),
        ("r", "a"),
        ("s", 'close"'),
        ("t", "a"),
    ] and len(rows) == 12_004


def test_objects_one_after_another(tmp_path):
    rows = [{"instruction": f"q{i}", "output": f"a{i}"} for i in range(3)]
    got = Got(written(tmp_path / "x", "\n".join(json.dumps(row, indent=2) for row in rows)))
    assert (
        got.asked == ["q0", "q1", "q2"]
        and got.inspection.layout == "sequence"
        and [r.line for r in got.records] == [1, 5, 9]
    )
    broken = Got(
        written(
            tmp_path / "x",
            "\n".join([json.dumps(rows[0], indent=2), json.dumps(rows[1], indent=2), "{", '  "instruction"']),
        )
    )
    assert broken.asked == ["q0", "q1"] and broken.refused == [(9, "", "broken")]


# ---- other tools -------------------------------------------------------------------------------------------


def test_helpsteer3(tmp_path):
    talk = [user("a"), said("b"), user("c")]
    people = [{"score": -2, "reasoning": "…"}, {"score": -1, "reasoning": "…"}]
    rows = [
        {
            "domain": "code",
            "language": "python",
            "context": talk,
            "response1": "x",
            "response2": "y",
            "overall_preference": n,
            "individual_preference": people,
        }
        for n in (-2, 1, 2, 0)
    ]
    found = [
        {"ranking": [[0], [1]], "strength": [2]},
        {"ranking": [[1], [0]], "strength": [1]},
        {"ranking": [[1], [0]], "strength": [2]},
        {"ranking": [[0, 1]]},
    ]
    got = read(tmp_path, *rows)
    assert [shown(e) for e in got.entries] == [(talk, ["x", "y"], [("", document)]) for document in found]
    # none below 0 in sight
    assert [shown(e)[2] for e in read(tmp_path, *rows[1:3]).entries] == [
        [("", document)] for document in found[1:3]
    ]
    assert got.entries[0].metadata["individual_preference"] == people


def node(pk, parent, role, content, **more):
    return {pk: {"id": pk, "parentId": parent, "childrenIds": [], "role": role, "content": content, **more}}


NODES = (
    node("u1", None, "user", "Hi?")
    | node("a1", "u1", "assistant", "One.", model="m1", done=True)
    | node("a2", "u1", "assistant", "Two.", model="m2", done=True)
    | node("a3", "u1", "assistant", "Thr", model="m3", done=False)
    | node("u2", "a2", "user", "More?")
    | node("a4", "u2", "assistant", "Three.", model="m2", annotation={"rating": -1})
)
CHAT = {
    "id": "c",
    "user_id": "eve",
    "title": "t",
    "chat": {"models": ["m1"], "history": {"messages": NODES, "currentId": "a4"}, "messages": []},
}


def test_open_webui_chats(tmp_path):
    got = Got(written(tmp_path / "x", json.dumps([CHAT])))
    before = [user("Hi?"), said("Two."), user("More?")]
    assert [shown(e) for e in got.entries] == [
        ([user("Hi?")], ["One.", "Two."], []),
        (before, ["Three."], []),
        (before, ["Three."], [("eve", {"ranking": [[0]], "acceptable": 0})]),
    ]
    assert [a.model for a in got.entries[0].answers] == ["m1", "m2"] and not any(
        a.is_target for e in got.entries for a in e.answers
    )
    assert got.records[0].dropped == ("title",) and got.inspection.format == "open_webui_chat"
    circle = {
        "chat": {
            "history": {
                "messages": node("a", "b", "user", "x") | node("b", "a", "assistant", "y"),
                "currentId": "b",
            }
        }
    }
    files = {
        "chat": {
            "history": {
                "messages": node("a", None, "user", "x", files=[{}]) | node("b", "a", "assistant", "y"),
                "currentId": "b",
            }
        }
    }
    assert Got(written(tmp_path / "x", json.dumps([CHAT, circle, files]))).refused[0][1:] == ("chat", "turns")
    assert Got(written(tmp_path / "x", json.dumps([CHAT, files]))).refused[0][1:] == ("chat", "not_text")


def rated(rating, **data):
    meta = {"message_id": "a1", "chat_id": "c", "arena": False}
    return {
        "id": "f",
        "user_id": "eve",
        "version": 0,
        "type": "rating",
        "data": {"rating": rating, "model_id": "m1", **data},
        "meta": meta,
        "snapshot": {"chat": CHAT},
    }


def test_open_webui_feedback(tmp_path):
    got = Got(
        written(
            tmp_path / "x", json.dumps([rated(1, reason="accurate"), rated("-1", sibling_model_ids=["m2"])])
        )
    )
    assert shown(got.entries[0]) == ([user("Hi?")], ["One."], [("eve", {"ranking": [[0]], "acceptable": 1})])
    assert got.entries[0].metadata == {"reason": "accurate"}
    assert shown(got.entries[1])[2] == [("eve", {"ranking": [[0]], "acceptable": 0})]
    assert shown(got.entries[2]) == ([user("Hi?")], ["One.", "Two."], [("eve", {"ranking": [[1], [0]]})])
    missing = rated(1) | {"snapshot": None}
    assert Got(written(tmp_path / "x", json.dumps([rated(1), missing, rated(None)]))).refused[0][1:] == (
        "snapshot",
        "missing",
    )


ARGILLA = {"prompt": "q", "response-1": "x", "response-2": "y", "status": "completed"}


def test_argilla_with_its_columns_flattened(tmp_path):
    beside = {
        "order.responses.users": ["u1", "u2", "u3"],
        "order.responses.status": ["submitted", "submitted", "draft"],
    }
    ranks = [[{"rank": r, "value": "response-1"}, {"rank": 3 - r, "value": "response-2"}] for r in (1, 2, 1)]
    got = read(tmp_path, ARGILLA | beside | {"order.responses": ranks})
    assert shown(got.entry)[2] == [("u1", {"ranking": [[0], [1]]}), ("u2", {"ranking": [[1], [0]]})]
    got = read(
        tmp_path,
        ARGILLA
        | beside
        | {"order.responses": ["response-2", "tie", "response-1"], "why.responses": ["a", "b", "c"]},
    )
    assert (
        shown(got.entry)[2] == [("u1", {"ranking": [[1], [0]]}), ("u2", {"ranking": [[0, 1]]})]
        and "why.responses" in got.entry.metadata
    )
    assert read(
        tmp_path, ARGILLA | beside | {"order.responses": [[{"rank": 1, "value": "reply"}]]}
    ).refused == [(1, "order.responses", "verdict")]


def test_argilla_as_it_was_before(tmp_path):
    value = [{"rank": 2, "value": "response-1"}, {"rank": 1, "value": "response-2"}]
    people = [
        {"user_id": "u1", "value": value, "status": "submitted"},
        {"user_id": None, "value": value, "status": "discarded"},
    ]
    for column in ("ranking", "order"):
        assert shown(read(tmp_path, ARGILLA | {column: people}).entry)[2] == [("u1", {"ranking": [[1], [0]]})]


def test_label_studio_flattened(tmp_path):
    row = {
        "id": 1,
        "prompt": "q",
        "answer1": "x",
        "answer2": "y",
        "annotator": 7,
        "annotation_id": 3,
        "lead_time": 2.5,
    }
    for value in ("right", [{"selected": "right"}], {"selected": "right"}):
        assert shown(read(tmp_path, row | {"pw": value}).entry)[2] == [("7", {"ranking": [[1], [0]]})]
    assert read(tmp_path, row | {"rank": [{"ranker": {"best": ["i1", "i2"]}}]}).refused == [
        (1, "rank", "verdict")
    ]
    with pytest.raises(FileRefused):
        read(tmp_path, {"id": 1, "data": {"prompt": "q"}, "annotations": [{"id": 1, "result": []}]})


# ---- whatever stands in them -------------------------------------------------------------------------------

OWN = {
    "type": "preference",
    "group_id": "g",
    "context": [user("q")],
    "tools": None,
    "sources": [],
    "language": "",
    "tags": [],
    "weight": 1.0,
    "chosen": {"text": "x", "turns": [], "origin": "corrected"},
    "rejected": {"text": "y", "turns": [], "origin": "model:m"},
    "margin": None,
    "n_for": 1,
    "n_against": 0,
    "agreement": 1.0,
    "provenance": {"prompt": 1, "annotators": ["X"], "reason": "correction", "origins": [{"id": "1"}]},
}
BASES = [
    OWN,
    OWN | {"type": "ranked", "groups": [[OWN["chosen"]], [OWN["rejected"]]]},
    OWN | {"type": "binary", "answer": OWN["chosen"], "label": True},
    CHAT,
    rated(1, sibling_model_ids=["m2"]),
    {"instruction": "a", "instances": [{"input": "b", "output": "c"}]},
    {"instruction": "a", "output": ["b", "c"]},
    ARGILLA
    | {
        "order.responses": [[{"rank": 1, "value": "response-1"}]],
        "order.responses.users": ["u"],
        "order.responses.status": ["submitted"],
    },
    ARGILLA | {"order": [{"user_id": "u", "value": "response-1", "status": "submitted"}]},
    ARGILLA | {"annotation_id": 1, "lead_time": 1, "pw": [{"selected": "left"}]},
    {
        "context": [user("a")],
        "response1": "x",
        "response2": "y",
        "overall_preference": 1,
        "individual_preference": [],
    },
    {"prompt": "Human: a\nAssistant: b", "images": []},
    {
        "messages": [
            user("a"),
            {"role": "assistant", "content": [{"type": "tool_call", "value": '{"name": "f"}'}]},
            user("r"),
            said([{"type": "text", "value": "b"}]),
        ]
    },
]


def places(value, path=()):
    yield path
    for key, inner in (
        value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    ):
        yield from places(inner, (*path, key))


def put(value, path, new):
    if not path:
        return new
    copy = dict(value) if isinstance(value, dict) else list(value)
    copy[path[0]] = put(value[path[0]], path[1:], new)
    return copy


@settings(max_examples=200, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.data())
def test_whatever_stands_in_them_each_row_is_a_record_or_a_refusal(tmp_path_factory, data):
    base = data.draw(st.sampled_from(BASES))
    spoilt = base
    for _time in range(data.draw(st.integers(1, 3))):
        path = data.draw(st.sampled_from(list(places(spoilt))[1:] or [()]))
        if path:
            spoilt = put(spoilt, path, data.draw(VALUES))
    path = tmp_path_factory.getbasetemp() / "spoilt"
    path.write_text(jsonl(base, spoilt, base), encoding="utf-8", errors="surrogatepass")
    got = Got(path)
    assert len(got.all) == 3 and all(isinstance(got.all[i], Record) for i in (0, 2)), (
        got.inspection.given,
        got.refused,
    )


@pytest.mark.parametrize(
    "heading", ["患者提问", "患者问题", "用户提问", "用户问题", "咨询问题", "咨询内容", "题目", "题干"]
)
def test_a_table_of_consultations_tells_the_question_by_its_heading(tmp_path, heading):
    table = f"序号,科室,{heading},模型1回答,模型2回答,备注\n1,心内科,INR 6.8 怎么处理？,停药,加量,王主任\n"
    (record,) = Got(written(tmp_path / "x", table.encode("gb18030"))).records
    (entry,) = record.entries
    assert entry.messages == [user("INR 6.8 怎么处理？")]
    assert [answer.text for answer in entry.answers] == ["停药", "加量"]
