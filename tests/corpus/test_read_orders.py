"""Ranks and scores of all answers in one cell: each is understood, or its row is refused by field and
reason."""

import csv
import io

import pytest

from corpus.records import FileRefused
from tests.corpus.files import Got, jsonl, written

THREE = {"prompt": "q", "answer_1": "x", "answer_2": "y", "answer_3": "z"}
LIST = {"prompt": "q", "responses": ["x", "y", "z"]}
BY_MODEL = {"models": ["ant", "bee", "cat"]}


def read(tmp_path, row, **mapping):
    return Got(written(tmp_path / "x", jsonl(row)), mapping=mapping)


def ranking(got):
    return [j.document["ranking"] for j in got.entry.judgements]


@pytest.mark.parametrize("row", [THREE, LIST])
@pytest.mark.parametrize(
    ("cell", "groups"),
    [
        ("2>1>3", [[1], [0], [2]]),
        ("B>C>A", [[1], [2], [0]]),
        ("b > c = a", [[1], [0, 2]]),
        ("1<3", [[2], [0]]),
        ("回答2>回答1", [[1], [0]]),
        ("1,3,2", [[0], [2], [1]]),
        ("2 1 3", [[1], [0], [2]]),
        ("1，1，2", [[0, 1], [2]]),
        ("B, C, A", [[1], [2], [0]]),
        ("CAB", [[2], [0], [1]]),
        (["B", "C", "A"], [[1], [2], [0]]),
        (["answer_2", "answer_1"], [[1], [0]]),
        ([["B"], ["A", "C"]], [[1], [0, 2]]),
        ([[2], [1, 3]], [[1], [0, 2]]),
        ([["answer_1", "answer_2"]], [[0, 1]]),
        ({"answer_1": 3, "answer_2": 1, "answer_3": 2}, [[1], [2], [0]]),
        ({"A": 2, "B": 1}, [[1], [0]]),
        ('{"1": 2, "2": 1, "3": null}', [[1], [0]]),
        ({"bee": 1, "Ant": 2, "cat": 2}, [[1], [0, 2]]),
        ("bee>ant>cat", [[1], [0], [2]]),
    ],
)
def test_ranks_in_one_cell(tmp_path, row, cell, groups):
    got = read(tmp_path, row | BY_MODEL | {"ranking": cell})
    assert ranking(got) == [groups] and got.entry.metadata == {}


@pytest.mark.parametrize("row", [THREE, LIST])
@pytest.mark.parametrize(
    ("cell", "code"),
    [
        ([1, 2], "length"),
        ("1,2", "length"),
        ([1, 2, 3, 4], "length"),
        ("2>1>4", "order"),
        ("2>1<3", "order"),
        ("2>2>1", "order"),
        ([["A"], ["A", "B"]], "order"),
        ([["A", "D"]], "order"),
        ([{"answer": "A", "rank": 1}], "length"),
        ([{"rank": 1}, {"rank": 2}, {"rank": 3}], "order"),
        ({"answer_1": 1, "answer_9": 2}, "order"),
        ({"A": 1, "answer_1": 2}, "order"),
        ({"A": "first", "B": "second"}, "number"),
        ({"A": [1], "B": 2}, "number"),
    ],
)
def test_ranks_that_are_not_understood_refuse_the_row(tmp_path, row, cell, code):
    assert read(tmp_path, row | {"ranks": cell}).refused == [(1, "ranks", code)]
    assert read(tmp_path, row | {"place": cell}, ranks="place").refused == [(1, "place", code)]


@pytest.mark.parametrize(
    ("cell", "groups"),
    [
        ({"answer_1": 3, "answer_2": 9}, [[1], [0]]),
        ("3 9 1", [[1], [0], [2]]),
        ("3;9;9", [[1, 2], [0]]),
        ({"ant": 3, "bee": 1}, [[0], [1]]),
    ],
)
def test_scores_in_one_cell(tmp_path, cell, groups):
    for row in (THREE, LIST):
        assert ranking(read(tmp_path, row | BY_MODEL | {"scores": cell})) == [groups]


@pytest.mark.parametrize(
    ("cell", "code"),
    [([3, 9], "length"), ([[3], [9], [1]], "order"), ({"answer_7": 3}, "order"), ("3,x,1", "order")],
)
def test_scores_that_are_not_understood_refuse_the_row(tmp_path, cell, code):
    for row in (THREE, LIST):
        assert read(tmp_path, row | {"value": cell}, scores="value").refused == [(1, "value", code)]


@pytest.mark.parametrize("cell", [7, "7", "gold", 0.5, True])
def test_one_thing_said_of_the_row_is_no_rank_of_its_answers(tmp_path, cell):
    for row in (THREE, LIST):
        for name in ("rank", "score"):
            got = read(tmp_path, row | {name: cell})
            assert got.entry.judgements == [] and got.entry.metadata == {name: cell}
        for ours in ("ranks", "scores"):  # unless the mapping says that it is one
            [(line, field, code)] = read(tmp_path, row | {"rank": cell}, **{ours: "rank"}).refused
            assert (line, field, code) == (1, "rank", "order")


def test_beside_one_that_says_nothing_of_the_answers_the_other_is_taken(tmp_path):
    got = read(tmp_path, THREE | {"rank": 7, "ranking": "2>1>3"})
    assert ranking(got) == [[[1], [0], [2]]] and got.entry.metadata == {"rank": 7}


def test_a_table_with_every_spelling(tmp_path):
    out = io.StringIO()
    table = csv.writer(out)
    table.writerow(["prompt", "answer_1", "answer_2", "answer_3", "ranking"])
    for cell in ("2>1>3", "B>C>A", "1,3,2", "no idea", ""):
        table.writerow([f"q{cell}", "x", "y", "z", cell])
    got = Got(written(tmp_path / "x.csv", out.getvalue()))
    assert [[j.document["ranking"] for j in e.judgements] for e in got.entries] == [
        [[[1], [0], [2]]],
        [[[1], [2], [0]]],
        [[[0], [2], [1]]],
        [],
    ]
    assert got.refused == [(5, "ranking", "order")]


def test_numbers_that_are_ranks_or_the_answers_in_order_are_asked_for(tmp_path):
    with pytest.raises(FileRefused) as no:
        read(tmp_path, THREE | {"ranking": "2,3,1"})
    assert (
        no.value.code == "which_wins"
        and "--map ranks=ranking:low-best" in str(no.value)
        and "--map ranks=ranking:in-order" in str(no.value)
    )
    assert ranking(read(tmp_path, THREE | {"ranking": "2,3,1"}, ranks="ranking:low-best")) == [
        [[2], [0], [1]]
    ]
    assert ranking(read(tmp_path, THREE | {"ranking": "2,3,1"}, ranks="ranking:in-order")) == [
        [[1], [2], [0]]
    ]
    assert ranking(read(tmp_path, THREE | {"ranking": [1, 2, 0]}, ranks="ranking:in-order")) == [
        [[1], [2], [0]]
    ]
    # one that is no order: the column holds ranks
    rows = [THREE | {"ranking": "2,3,1"}, THREE | {"prompt": "r", "ranking": "1,1,2"}]
    got = Got(written(tmp_path / "x", jsonl(*rows)))
    assert [e.judgements[0].document["ranking"] for e in got.entries] == [[[2], [0], [1]], [[0, 1], [2]]]


def test_an_annotator_may_rank_by_name(tmp_path):
    got = read(tmp_path, THREE | {"annotator_li": {"A": 2, "B": 1, "C": 3}, "annotator_wu": ["C", "A", "B"]})
    assert ranking(got) == [[[1], [0], [2]], [[2], [0], [1]]]
    assert read(tmp_path, THREE | {"annotator_li": {"A": 2, "X": 1}}).refused == [
        (1, "annotator_li", "order")
    ]
