"""Preferences, rankings, scores, annotators in columns, trees: the judgement comes in with the answers it is
about."""

import json

import pytest

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


def documents(entry):
    return [(j.annotator, j.document) for j in entry.judgements]


# ---- preference --------------------------------------------------------------------------------------------

TALK = [user("q1"), said("a1"), user("q2")]
SHAREGPT = [
    {"from": "human", "value": "q1"},
    {"from": "gpt", "value": "a1"},
    {"from": "human", "value": "q2"},
]


@pytest.mark.parametrize(
    "row",
    [
        {
            "conversations": SHAREGPT,
            "chosen": {"from": "gpt", "value": "好"},
            "rejected": {"from": "gpt", "value": "差"},
        },
        {"conversations": SHAREGPT, "chosen": "好", "rejected": "差"},
        {"messages": TALK, "chosen": said("好"), "rejected": said("差")},
        {"messages": TALK, "chosen": [said("好")], "rejected": [said("差")]},
        {"prompt": TALK, "chosen": [said("好")], "rejected": [said("差")]},
        {"prompt": TALK, "chosen": [*TALK, said("好")], "rejected": [*TALK, said("差")]},
        {"chosen": [*TALK, said("好")], "rejected": [*TALK, said("差")]},
        {"prompt": "q2", "history": [["q1", "a1"]], "chosen": "好", "rejected": "差"},
        {"instruction": "q2", "input": "", "history": [["q1", "a1"]], "chosen": "好", "rejected": "差"},
        {"question": "q2", "history": [["q1", "a1"]], "response_j": "好", "response_k": "差"},
        {"messages": [*TALK, said("好")], "rejected_response": "差"},
        {"query": "q2", "history": [["q1", "a1"]], "response": "好", "rejected_response": "差"},
        {"prompt": TALK, "pos_resp": "好", "neg_resp": "差"},
        {
            "input": {"messages": TALK, "tools": []},
            "preferred_output": [said("好")],
            "non_preferred_output": [said("差")],
        },
        {
            "chosen": "\n\nHuman: q1\n\nAssistant: a1\n\nHuman: q2\n\nAssistant: 好",
            "rejected": "\n\nHuman: q1\n\nAssistant: a1\n\nHuman: q2\n\nAssistant: 差",
        },
        {
            "prompt": "q2",
            "history": [["q1", "a1"]],
            "chosen": [user("q2"), said("好")],
            "rejected": [user("q2"), said("差")],
        },
    ],
)
def test_preference_shapes(tmp_path, row):
    got = Got(written(tmp_path / "x", jsonl(row)))
    assert got.inspection.format == "preference"
    entry = got.entry
    if "history" in row and isinstance(row.get("chosen"), list):
        assert entry.messages[-1] == user("q2")
    else:
        assert entry.messages == TALK
    assert [a.text for a in entry.answers] == ["好", "差"]
    assert documents(entry) == [("", {"ranking": [[0], [1]]})]
    assert not any(a.is_target for a in entry.answers)


def test_preference_of_plain_columns_with_system(tmp_path):
    entry = read_one(tmp_path, {"system": "s", "prompt": "q", "chosen": "a", "rejected": "b", "id": "p1"})
    assert entry.messages == [{"role": "system", "content": "s"}, user("q")]
    assert entry.external_id == "p1"
    entry = read_one(
        tmp_path,
        {"system": "s", "prompt": "q", "chosen": [user("q"), said("a")], "rejected": [user("q"), said("b")]},
    )
    assert entry.messages == [{"role": "system", "content": "s"}, user("q")]


@pytest.mark.parametrize(
    ("row", "refused"),
    [
        ({"prompt": "q", "chosen": "a", "rejected": "a"}, ("rejected", "same_answers")),
        ({"prompt": "q", "chosen": "a\r\nb", "rejected": "a\nb"}, ("rejected", "same_answers")),
        ({"prompt": "q", "chosen": "e\u0301", "rejected": "\u00e9"}, ("rejected", "same_answers")),
        ({"prompt": "q", "chosen": "", "rejected": "b"}, ("chosen", "empty_answer")),
        ({"prompt": "q", "chosen": "a", "rejected": None}, ("rejected", "empty_answer")),
        ({"prompt": "", "chosen": "a", "rejected": "b"}, ("prompt", "empty_prompt")),
        ({"chosen": "a", "rejected": "b", "messages": None}, ("chosen", "empty_prompt")),
        (
            {"chosen": [user("q"), said("a")], "rejected": [user("r"), said("b")]},
            ("rejected", "contexts_differ"),
        ),
        (
            {"chosen": [user("q"), said("x"), user("r"), said("a")], "rejected": [user("q"), said("b")]},
            ("rejected", "contexts_differ"),
        ),
        ({"prompt": "q", "chosen": [user("q"), said("a")], "rejected": "b\n"}, None),
        ({"messages": TALK, "chosen": [], "rejected": "b"}, ("chosen", "answer")),
        ({"messages": TALK, "chosen": [user("x")], "rejected": "b"}, ("chosen", "answer")),
        ({"messages": [*TALK, said("a")], "chosen": "a", "rejected": "b"}, ("messages", "context")),
        ({"prompt": "q", "chosen": 1, "rejected": 2}, ("chosen", "type")),
        ({"query": "q", "response": "a", "rejected_response": "a"}, ("rejected_response", "same_answers")),
        ({"query": "q", "response": "", "rejected_response": "b"}, ("response", "empty_answer")),
        ({"query": "q", "response": "a", "rejected_response": ""}, ("rejected_response", "empty_answer")),
    ],
)
def test_preference_refusals(tmp_path, row, refused):
    if refused is None:
        assert [a.text for a in read_one(tmp_path, row).answers] == ["a", "b\n"]
    else:
        assert refusal(tmp_path, row) == refused


def test_preference_without_any_prompt(tmp_path):
    assert refusal(tmp_path, {"chosen": "a", "rejected": "b"}) == ("chosen", "empty_prompt")


def test_texts_that_only_compatibility_makes_equal_differ(tmp_path):
    assert len(read_one(tmp_path, {"prompt": "q", "chosen": "10⁹", "rejected": "109"}).answers) == 2


# ---- ranked lists ------------------------------------------------------------------------------------------


def test_rank_columns_hold_the_answers_best_first(tmp_path):
    got = Got(
        written(
            tmp_path / "x.tsv",
            "id\tquery\thistory\trank1\trank2\trank3\n0\tq\t[]\ta\tb\tc\n1\tr\t\tx\ty\t\n2\ts\t\tx\tx\ty\n3\tt\t\tx\t\t\n",
        )
    )
    assert got.inspection.format == "ranked"
    assert [[a.text for a in e.answers] for e in got.entries] == [["a", "b", "c"], ["x", "y"], ["x"]]
    assert [documents(e) for e in got.entries] == [
        [("", {"ranking": [[0], [1], [2]]})],
        [("", {"ranking": [[0], [1]]})],
        [],
    ]
    assert got.refused == [(4, "rank1", "same_answers")]


@pytest.mark.parametrize(
    ("beside", "ranking"),
    [
        ({"ranks": [1, 2, 3]}, [[0], [1], [2]]),
        ({"ranks": [2, 0, 1]}, [[1], [2], [0]]),
        ({"ranks": ["1", " 2", "1.0"]}, [[0, 2], [1]]),
        ({"ranks": [0, None, 1]}, [[0], [2]]),
        ({"ranking": [3, 1, 2]}, [[1], [2], [0]]),
        ({"ranks": [None, None, 1]}, None),
        ({"ranks": [None, None, None]}, None),
        ({"ranks": None}, None),
        ({"scores": [1, 3.5, 2]}, [[1], [2], [0]]),
        ({"scores": ["8", "9", "9"]}, [[1, 2], [0]]),
        ({"scores": [1, None, 2]}, [[2], [0]]),
        ({"scores": [5, 5, 5]}, [[0, 1, 2]]),
        ({"scores": "[1, 2, 3]"}, [[2], [1], [0]]),
        ({}, None),
    ],
)
def test_answer_lists_with_ranks_or_scores(tmp_path, beside, ranking):
    entry = read_one(tmp_path, {"prompt": "q", "responses": ["a", "b", "c"], **beside})
    assert [a.text for a in entry.answers] == ["a", "b", "c"]
    assert documents(entry) == ([("", {"ranking": ranking})] if ranking else [])


def test_answer_lists_of_objects(tmp_path):
    row = {
        "prompt": "q",
        "answers": [{"answer": "a", "rank": 2.0, "model": "m1"}, {"answer": "b", "rank": 1.0, "model": "m2"}],
    }
    entry = read_one(tmp_path, row)
    assert [(a.text, a.model, a.origin) for a in entry.answers] == [
        ("a", "m1", "model"),
        ("b", "m2", "model"),
    ]
    assert documents(entry) == [("", {"ranking": [[1], [0]]})]
    row = {
        "instruction": "q",
        "completions": [
            {"response": "a", "overall_score": 3, "model": "x"},
            {"response": "b", "overall_score": "7.5"},
        ],
    }
    assert documents(read_one(tmp_path, row)) == [("", {"ranking": [[1], [0]]})]
    row = {"prompt": "q", "responses": ["a", "b"], "models": ["m1", "m2"]}
    assert [a.model for a in read_one(tmp_path, row).answers] == ["m1", "m2"]


def test_answers_a_model_did_not_give_are_left_out_with_their_rank(tmp_path):
    entry = read_one(tmp_path, {"prompt": "q", "responses": ["a", None, "", "d"], "ranks": [3, 1, 2, 4]})
    assert [a.text for a in entry.answers] == ["a", "d"]
    assert documents(entry) == [("", {"ranking": [[0], [1]]})]


@pytest.mark.parametrize(
    ("beside", "refused"),
    [
        ({"ranks": [1, 2]}, ("ranks", "length")),
        ({"ranks": ["first", "second", "third"]}, ("ranks", "number")),
        ({"scores": ["8", "9_0", "1"]}, ("scores", "number")),
        ({"scores": [True, False, 1]}, ("scores", "number")),
        ({"responses": ["a", "a", "b"], "ranks": [1, 2, 3]}, ("ranks", "same_answers")),
        ({"responses": ["a", 5, "b"]}, ("responses", "type")),
        ({"responses": ["a", "  ", "b"]}, ("responses", "empty_answer")),
        ({"responses": [None, "", None]}, ("responses", "empty_answer")),
        ({"responses": [f"a{i}" for i in range(11)]}, ("responses", "too_many_answers")),
    ],
)
def test_answer_lists_that_are_refused(tmp_path, beside, refused):
    assert refusal(tmp_path, {"prompt": "q", "responses": ["a", "b", "c"], **beside}) == refused


def test_equal_answers_of_two_models_with_equal_ranks_stay(tmp_path):
    entry = read_one(
        tmp_path, {"prompt": "q", "responses": ["a", "a", "b"], "ranks": [1, 1, 2], "models": ["x", "y", "z"]}
    )
    assert [(a.text, a.model) for a in entry.answers] == [("a", "x"), ("a", "y"), ("b", "z")]


# ---- answers and annotators in columns ---------------------------------------------------------------------


def test_named_annotators_in_columns(tmp_path):
    lines = [
        "prompt,answer_a,answer_b,annotator_张,label_alice,preference_bob",
        "q,x,y,A,b,tie",
        "r,x,y,1,2,",
        "s,x,y,A>B,answer_b,平",
        "t,x,y,A,nobody,A",
    ]
    got = Got(written(tmp_path / "x.csv", "\n".join(lines)))
    assert got.inspection.format == "pairs"
    assert got.inspection.mapping["annotator_张"] == "annotator_张"
    first, second, third = got.entries
    a, b, tie = {"ranking": [[0], [1]]}, {"ranking": [[1], [0]]}, {"ranking": [[0, 1]]}
    assert documents(first) == [("张", a), ("alice", b), ("bob", tie)]
    assert documents(second) == [("张", a), ("alice", b)]
    assert documents(third) == [("张", a), ("alice", b), ("bob", tie)]
    assert got.refused == [(5, "label_alice", "verdict")]


def test_annotators_by_bare_names_are_known_by_what_stands_in_their_columns(tmp_path):
    rows = [
        {
            "prompt": "q",
            "response_1": "x",
            "response_2": "y",
            "张医生": "A",
            "李医生": "tie",
            "note": "A note",
        },
        {"prompt": "r", "response_1": "x", "response_2": "z", "张医生": "2", "李医生": "B", "note": ""},
    ]
    got = Got(written(tmp_path / "x", jsonl(*rows)))
    assert [documents(e) for e in got.entries] == [
        [("张医生", {"ranking": [[0], [1]]}), ("李医生", {"ranking": [[0, 1]]})],
        [("张医生", {"ranking": [[1], [0]]}), ("李医生", {"ranking": [[1], [0]]})],
    ]
    assert got.entries[0].metadata == {"note": "A note"}
    assert got.inspection.mapping["annotator_张医生"] == "张医生"
    assert Got(tmp_path / "x", mapping=got.inspection.mapping).all == got.all


@pytest.mark.parametrize(
    ("winner", "document"),
    [
        ("model_a", {"ranking": [[0], [1]]}),
        ("model_b", {"ranking": [[1], [0]]}),
        ("tie", {"ranking": [[0, 1]]}),
        ("tie (bothbad)", {"ranking": [[0, 1]], "acceptable": 0}),
        ("both good", {"ranking": [[0, 1]], "acceptable": 1}),
        ("", None),
        (None, None),
        (1, {"ranking": [[0], [1]]}),
        (2.0, {"ranking": [[1], [0]]}),
    ],
)
def test_a_winner_column(tmp_path, winner, document):
    row = {
        "prompt": "q",
        "answer_a": "x",
        "answer_b": "y",
        "model_a": "m1",
        "model_b": "m2",
        "winner": winner,
    }
    entry = read_one(tmp_path, row)
    assert documents(entry) == ([("", document)] if document else [])
    assert [a.model for a in entry.answers] == ["m1", "m2"]


def test_columns_that_count_from_zero(tmp_path):
    entry = read_one(tmp_path, {"question": "q", "answer_0": "x", "answer_1": "y", "winner": 0})
    assert documents(entry) == [("", {"ranking": [[0], [1]]})]
    assert refusal(tmp_path, {"question": "q", "answer_0": "x", "answer_1": "y", "winner": 2}) == (
        "winner",
        "verdict",
    )


def test_conversations_of_two_models(tmp_path):
    row = {
        "conversation_a": [user("q"), said("x")],
        "conversation_b": [user("q"), said("y")],
        "model_a": "m",
        "model_b": "n",
        "winner": "model_b",
    }
    entry = read_one(tmp_path, row)
    assert (entry.messages, [a.text for a in entry.answers], documents(entry)) == (
        [user("q")],
        ["x", "y"],
        [("", {"ranking": [[1], [0]]})],
    )
    row["conversation_b"] = [user("other"), said("y")]
    assert refusal(tmp_path, row) == ("conversation_b", "contexts_differ")


def test_several_answers_in_columns_with_ranks_scores_and_orders(tmp_path):
    row = {"prompt": "q", "answer_1": "a", "answer_2": "b", "answer_3": "c"}
    assert documents(read_one(tmp_path, row)) == []
    assert documents(read_one(tmp_path, row | {"rank_1": 2, "rank_2": 1, "rank_3": 1})) == [
        ("", {"ranking": [[1, 2], [0]]})
    ]
    assert documents(
        read_one(tmp_path, row | {"answer_1_score": "1", "answer_2_score": "3", "answer_3_score": None})
    ) == [("", {"ranking": [[1], [0]]})]
    judged = read_one(tmp_path, row | {"annotator_x": "B>A=C", "annotator_y": "c > a", "annotator_z": "3"})
    assert documents(judged) == [
        ("x", {"ranking": [[1], [0, 2]]}),
        ("y", {"ranking": [[2], [0]]}),
        ("z", {"ranking": [[2]], "rest": "worse"}),
    ]
    assert refusal(tmp_path, row | {"annotator_x": "A>A"}) == ("annotator_x", "verdict")
    assert refusal(tmp_path, row | {"answer_2": "a", "annotator_x": "A>B"}) == ("annotator_x", "same_answers")


def test_letters_keep_their_answers_when_one_is_missing(tmp_path):
    entry = read_one(
        tmp_path,
        {
            "prompt": "q",
            "answer_1": "",
            "answer_2": "b",
            "answer_3": "c",
            "annotator_x": "2>3",
            "annotator_y": "B>C",
        },
    )
    assert [documents(entry)[i][1] for i in (0, 1)] == [{"ranking": [[0], [1]]}] * 2


# ---- trees -------------------------------------------------------------------------------------------------


def node(text, *replies, role="assistant", **fields):
    return {"message_id": text, "text": text, "role": role, "replies": list(replies), **fields}


def test_one_entry_per_set_of_sibling_answers(tmp_path):
    tree = node(
        "q",
        node(
            "a",
            node("more?", node("a1", rank=1), node("a2", rank=0), role="prompter"),
            rank=0,
            synthetic=True,
            model_name="m",
        ),
        node("b", node("why?", node("b1", rank=0), role="prompter"), rank=1, synthetic=False),
        node("c", rank=None),
        node("gone", rank=2, deleted=True),
        role="prompter",
        lang="zh",
    )
    got = Got(written(tmp_path / "x", jsonl({"message_tree_id": "t", "tree_state": "ready", "prompt": tree})))
    assert got.inspection.format == "tree"
    top, below = got.entries
    assert (top.kind, top.messages, top.external_id, top.metadata) == (
        "ranking",
        [user("q")],
        "q",
        {"message_tree_id": "t", "lang": "zh"},
    )
    assert [(a.text, a.model, a.origin, a.external_id) for a in top.answers] == [
        ("a", "m", "model", "a"),
        ("b", None, "human", "b"),
        ("c", None, "imported", "c"),
    ]
    assert documents(top) == [("", {"ranking": [[0], [1]]})]
    assert below.messages == [user("q"), said("a"), user("more?")]
    assert documents(below) == [("", {"ranking": [[1], [0]]})]
    assert Got(written(tmp_path / "y", jsonl(tree))).all[0].entries[0].messages == [user("q")]


def test_trees_with_ties_or_without_ranks(tmp_path):
    tie = node("q", node("a", rank=0), node("b", rank=0), node("c", rank=1), role="prompter")
    assert documents(read_one(tmp_path, {"prompt": tie})) == [("", {"ranking": [[0, 1], [2]]})]
    bare = node("q", node("a"), node("b"), role="prompter")
    assert documents(read_one(tmp_path, {"prompt": bare})) == []


@pytest.mark.parametrize(
    ("tree", "refused"),
    [
        (node("q", node("a", rank=0), role="prompter"), ("replies", "no_siblings")),
        (node("q", role="prompter"), ("replies", "no_siblings")),
        (node("q", node("a"), node("b", role="narrator"), role="prompter"), ("role", "role")),
        (node("q", node("a"), node(" "), role="prompter"), ("text", "empty_answer")),
        (node("q", node("a", rank="x"), node("b", rank=1), role="prompter"), ("rank", "number")),
        (node("q", node("a", rank=0), node("a", rank=1), role="prompter"), ("rank", "same_answers")),
        (node("q", *[node(f"a{i}") for i in range(11)], role="prompter"), ("replies", "too_many_answers")),
        (node("q", "a", "b", role="prompter"), ("replies", "tree")),
    ],
)
def test_trees_that_are_refused(tmp_path, tree, refused):
    assert refusal(tmp_path, {"prompt": tree}) == refused


def test_documents_are_those_of_the_bench(tmp_path):
    from annotation import document_checks

    rows = [
        {"prompt": "q", "chosen": "a", "rejected": "b"},
        {"prompt": "q", "completion": "a", "label": "False"},
        {"prompt": "q", "responses": ["a", "b", "c"], "ranks": [1, 1, None]},
        {"prompt": "q", "answer_a": "x", "answer_b": "y", "winner": "both bad"},
        {"prompt": "q", "answer_1": "a", "answer_2": "b", "answer_3": "c", "annotator_z": "3"},
    ]
    for row in rows:
        entry = read_one(tmp_path, row)
        for judgement in entry.judgements:
            document_checks.check_shape(json.loads(json.dumps(judgement.document)))
            document_checks.check_complete(judgement.document, kind="ranking", slot_count=len(entry.answers))


def test_mapping_switches_off_and_adds_numbered_columns(tmp_path):
    row = {"prompt": "q", "answer_a": "x", "answer_b": "y", "winner": "A", "third": "z", "annotator_li": "B"}
    entry = read_one(tmp_path, row, mapping={"winner": "", "annotator_li": ""})
    assert (documents(entry), entry.metadata) == ([], {"winner": "A", "third": "z", "annotator_li": "B"})
    entry = read_one(tmp_path, row, mapping={"answer_c": "third"})
    assert [a.text for a in entry.answers] == ["x", "y", "z"]
    entry = read_one(tmp_path, row, mapping={"answer_b": "", "answer_c": "third", "annotator_li": ""})
    assert [a.text for a in entry.answers] == ["x", "z"]
    ranked = {"prompt": "q", "rank1": "x", "rank2": "y", "rank3": "z"}
    assert [a.text for a in read_one(tmp_path, ranked, mapping={"rank3": ""}).answers] == ["x", "y"]
    by_hand = read_one(
        tmp_path,
        {"prompt": "q", "good one": "x", "poor one": "y"},
        mapping={"rank2": "poor one", "rank1": "good one"},
    )
    assert [a.text for a in by_hand.answers] == ["x", "y"]


def test_a_tree_with_too_many_messages(tmp_path, monkeypatch):
    from corpus.readers import limits

    monkeypatch.setattr(limits, "MAX_NODES", 3)
    tree = node("q", node("a"), node("b"), node("c"), role="prompter")
    assert refusal(tmp_path, {"prompt": tree}) == ("replies", "too_long")


def test_annotators_beside_chosen_and_rejected(tmp_path):
    row = {
        "prompt": "q",
        "chosen": "a",
        "rejected": "b",
        "annotator_li": "chosen",
        "annotator_wu": "rejected",
        "annotator_xu": "tie",
        "label": "x",
    }
    entry = read_one(tmp_path, row)
    better, worse = {"ranking": [[0], [1]]}, {"ranking": [[1], [0]]}
    assert documents(entry) == [("", better), ("li", better), ("wu", worse), ("xu", {"ranking": [[0, 1]]})]
    assert entry.metadata == {"label": "x"}


def test_annotators_beside_a_list_of_answers(tmp_path):
    row = {
        "prompt": "q",
        "answers": ["a", None, "c"],
        "annotator_li": [1, 3, 2],
        "annotator_wu": "C>A",
        "annotator_xu": "[2, null, 1]",
    }
    first, second = {"ranking": [[0], [1]]}, {"ranking": [[1], [0]]}
    assert documents(read_one(tmp_path, row)) == [("li", first), ("wu", second), ("xu", second)]
    assert refusal(tmp_path, row | {"annotator_li": [1, 2]}) == ("annotator_li", "length")


def test_a_column_says_who_judged_the_row(tmp_path):
    for row in (
        {"prompt": "q", "chosen": "a", "rejected": "b"},
        {"prompt": "q", "completion": "a", "label": 1},
        {"prompt": "q", "rank1": "a", "rank2": "b"},
        {"prompt": "q", "responses": ["a", "b"], "scores": [1, 2]},
        {"prompt": "q", "answer_a": "a", "answer_b": "b", "winner": "B"},
    ):
        for column in ("annotator", "labeler", "judge", "标注员"):
            entry = read_one(tmp_path, row | {column: "李"})
            assert [j.annotator for j in entry.judgements] == ["李"]
            assert entry.metadata == {}


@pytest.mark.parametrize(
    ("strength", "document"),
    [
        (-3, {"ranking": [[0], [1]], "strength": [3]}),
        (1, {"ranking": [[1], [0]], "strength": [1]}),
        ("2", {"ranking": [[1], [0]], "strength": [2]}),
        (0, {"ranking": [[0, 1]]}),
        (None, None),
    ],
)
def test_how_strongly_the_file_prefers_one_of_two(tmp_path, strength, document):
    row = {"prompt": "q", "response_1": "x", "response_2": "y", "preference_strength": strength}
    row["preference_statement"] = "Response 1 is slightly better, since it names the source."
    entry = read_one(tmp_path, row)
    assert documents(entry) == ([("", document)] if document else [])
    assert entry.metadata == {"preference_statement": row["preference_statement"]}


def test_a_strength_that_is_none(tmp_path):
    row = {"prompt": "q", "response_1": "x", "response_2": "y"}
    for value in (4, 0.5, "much", True):
        assert refusal(tmp_path, row | {"preference_strength": value}) == ("preference_strength", "number")
    assert refusal(tmp_path, row | {"response_2": "x", "preference_strength": -1}) == (
        "preference_strength",
        "same_answers",
    )
    assert documents(read_one(tmp_path, row | {"preference_strength": -1, "winner": "B"})) == [
        ("", {"ranking": [[1], [0]]})
    ]


def test_the_winner_stands_above_ranks_and_ranks_above_scores(tmp_path):
    row = {"prompt": "q", "answer_a": "a", "answer_b": "b", "score_a": 1, "score_b": 2}
    assert documents(read_one(tmp_path, row)) == [("", {"ranking": [[1], [0]]})]
    assert documents(read_one(tmp_path, row | {"rank_a": 1, "rank_b": 2})) == [("", {"ranking": [[0], [1]]})]
    assert documents(read_one(tmp_path, row | {"winner": "tie"})) == [("", {"ranking": [[0, 1]]})]
    assert refusal(tmp_path, row | {"winner": "A", "preference": "B"}) == ("preference", "contradiction")


def test_bare_names_with_numbers_only_need_company(tmp_path):
    rows = [
        {"prompt": "q", "模型A回答": "x", "模型B回答": "y", "王": 1, "李": 2},
        {"prompt": "r", "模型A回答": "x", "模型B回答": "y", "王": 2, "李": ""},
    ]
    got = Got(written(tmp_path / "x", jsonl(*rows)))
    assert [[j.annotator for j in e.judgements] for e in got.entries] == [["王", "李"], ["王"]]
    got = Got(written(tmp_path / "y", jsonl(*({k: v for k, v in r.items() if k != "李"} for r in rows))))
    assert [e.judgements for e in got.entries] == [[], []]
    assert got.entries[0].metadata == {"王": 1}
