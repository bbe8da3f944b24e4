"""What the numbers of a column of judgements stand for is decided for the whole column, told by hand, or
asked for; never row by row."""

import pytest

from corpus import readers
from corpus.readers import limits
from corpus.readers.fields import GIVEN
from corpus.readers.judgements import scales
from corpus.records import FileRefused
from tests.corpus.files import Got, jsonl, written

TWO = {"response 1": "x", "response 2": "y"}
LETTERS = {"response_a": "x", "response_b": "y"}
FIRST, SECOND, TIE = {"ranking": [[0], [1]]}, {"ranking": [[1], [0]]}, {"ranking": [[0, 1]]}


def file(tmp_path, rows):
    return written(tmp_path / "x", jsonl(*({"prompt": f"q{i}"} | row for i, row in enumerate(rows))))


def read(tmp_path, rows, **mapping):
    return Got(file(tmp_path, rows), mapping=mapping)


def said(got):
    return [[j.document for j in entry.judgements] for entry in got.entries]


def refused(tmp_path, rows, **mapping):
    with pytest.raises(FileRefused) as no:
        read(tmp_path, rows, **mapping)
    return no.value


def column(name, *cells, answers=LETTERS):
    return [answers | {name: cell} for cell in cells]


@pytest.mark.parametrize("answers", [TWO, LETTERS])
@pytest.mark.parametrize(
    ("scale", "documents"),
    [("0-first", [FIRST, SECOND, TIE]), ("0-tie", [TIE, FIRST, SECOND])],
)
def test_zero_one_and_two_are_what_the_mapping_says(tmp_path, answers, scale, documents):
    rows = column("label", 0, 1, 2, answers=answers)
    no = refused(tmp_path, rows)
    assert no.code == "which_wins" and f"--map winner=label:{scale} " in str(no)
    got = read(tmp_path, rows, winner=f"label:{scale}")
    assert said(got) == [[d] for d in documents] and not got.refused


def test_the_sentence_says_what_each_mapping_means(tmp_path):
    no = refused(tmp_path, column("my label: 1", 0, 1, 2), winner="my label: 1")
    assert "--map 'winner=my label: 1:0-first' (0 = response_a wins, 1 = response_b wins, 2 = tie)" in str(no)
    assert "--map 'winner=my label: 1:0-tie' (0 = tie, 1 = response_a wins, 2 = response_b wins)" in str(no)
    assert "--map winner= (no judgement is taken from it)" in str(no)


def test_the_sentence_calls_answers_in_a_list_by_number(tmp_path):
    no = str(refused(tmp_path, [{"responses": ["x", "y"], "label": i} for i in range(3)]))
    assert "(0 = answer 1 wins, 1 = answer 2 wins, 2 = tie)" in no


def test_one_for_the_first_and_zero_for_the_second(tmp_path):
    rows = column("label", 1, 0, "1", 0.0)
    assert said(read(tmp_path, rows, winner="label:1-first")) == [[FIRST], [SECOND], [FIRST], [SECOND]]
    # counted from 1
    assert said(read(tmp_path, column("label", 1, 2), winner="label:1-first")) == [[FIRST], [SECOND]]
    no = refused(tmp_path, column("label", 0, 1, 2), winner="label:1-first")
    assert (
        no.code == "which_wins" and "0-tie" in str(no) and "0-first" in str(no) and "1-first" not in str(no)
    )


def test_what_stands_far_below_counts_as_well(tmp_path, monkeypatch):
    """The first zero comes after the rows by which the format is told."""
    ones = column("winner", *[1, 2] * limits.SAMPLE_ROWS)
    assert read(tmp_path, ones).inspection.scales == {}
    late = [*ones, *column("winner", 0)]
    assert refused(tmp_path, late).code == "which_wins"
    monkeypatch.setattr(limits, "JUDGED_ROWS", 10)
    path = file(tmp_path, late)
    # seen too late to be asked for: refused, and not read in another way
    assert Got(path).refused == [(len(late), "winner", "verdict")]
    with pytest.raises(FileRefused):
        readers.inspect(path, whole=True)


def test_a_file_whose_judgements_are_words_is_not_gone_through(tmp_path, monkeypatch):
    from corpus.readers import inspection

    seen = []
    real = inspection.raw_rows
    monkeypatch.setattr(inspection, "raw_rows", lambda *a: (seen.append(1) or row for row in real(*a)))
    readers.inspect(file(tmp_path, column("winner", *["A", "B", "tie"] * 100)), whole=True)
    assert len(seen) == limits.SAMPLE_ROWS
    readers.inspect(file(tmp_path, column("winner", *[1, 2, 1] * 100)), whole=True)
    assert len(seen) > 300


def test_people_who_number_numbered_answers_write_zero_for_neither(tmp_path):
    rows = [
        TWO | {"annotator1": 1, "annotator2": 0, "annotator3": 2},
        TWO | {"annotator1": 0, "annotator2": 0, "annotator3": 0},
    ]
    got = read(tmp_path, rows)
    assert said(got) == [[FIRST, TIE, SECOND], [TIE, TIE, TIE]]
    assert [j.annotator for j in got.entries[0].judgements] == ["annotator1", "annotator2", "annotator3"]
    # Elsewhere it may as well be the first answer: all of them are asked for together.
    rows = [
        LETTERS | {"annotator_li": 1, "annotator_wu": 0},
        LETTERS | {"annotator_li": 2, "annotator_wu": 0},
    ]
    no = refused(tmp_path, rows)
    assert "--map annotator_li=annotator_li:0-tie --map annotator_wu=annotator_wu:0-tie" in str(no)
    given = {"annotator_li": "annotator_li:0-tie", "annotator_wu": "annotator_wu:0-tie"}
    assert said(read(tmp_path, rows, **given)) == [[FIRST, TIE], [SECOND, TIE]]


@pytest.mark.parametrize(
    ("cell", "document"),
    [
        ("tie", TIE),
        ("no preference", TIE),
        ("都一样", TIE),
        ("both bad", TIE | {"acceptable": 0}),
        ("都不好", TIE | {"acceptable": 0}),
        ("都好", TIE | {"acceptable": 1}),
    ],
)
def test_a_tie_in_words_is_a_judgement(tmp_path, cell, document):
    assert said(read(tmp_path, column("annotator_li", "A", cell))) == [[FIRST], [document]]


@pytest.mark.parametrize(
    ("name", "documents"),
    [
        ("label (0=A, 1=B, 2=tie)", [FIRST, SECOND, TIE]),
        ("label（0=平局，1=回答1更好，2=回答2更好）", [TIE, FIRST, SECOND]),
        ("winner [0: tie; 1: first; 2: second]", [TIE, FIRST, SECOND]),
    ],
)
def test_a_header_may_say_it(tmp_path, name, documents):
    assert said(read(tmp_path, column(name, 0, 1, 2))) == [[d] for d in documents]
    assert said(read(tmp_path, column("label (1=first is better, 0=second is better)", 1, 0))) == [
        [FIRST],
        [SECOND],
    ]


def test_a_header_that_does_not_fit_is_no_help(tmp_path):
    assert refused(tmp_path, column("label (0=B, 1=A, 2=tie)", 0, 1, 2)).code == "which_wins"


def test_numbers_of_both_signs_under_other_names_are_asked_for(tmp_path):
    rows = column("preference", -1, 0, 1)
    no = refused(tmp_path, rows)
    assert "winner=preference:minus-first" in str(no) and "winner=preference:plus-first" in str(no)
    weak = {"strength": [1]}
    assert said(read(tmp_path, rows, winner="preference:minus-first")) == [
        [FIRST | weak],
        [TIE],
        [SECOND | weak],
    ]
    assert said(read(tmp_path, rows, strength="preference:plus-first")) == [
        [SECOND | weak],
        [TIE],
        [FIRST | weak],
    ]


def test_a_scale_of_more_steps_than_answers_is_asked_for(tmp_path):
    rows = column("preference", 1, 2, 3, 4, 5)
    assert "winner=preference:1-to-5" in str(refused(tmp_path, rows)) and "winner=preference:5-to-1" in str(
        refused(tmp_path, rows)
    )
    up = [
        FIRST | {"strength": [2]},
        FIRST | {"strength": [1]},
        TIE,
        SECOND | {"strength": [1]},
        SECOND | {"strength": [2]},
    ]
    assert said(read(tmp_path, rows, winner="preference:1-to-5")) == [[d] for d in up]
    assert said(read(tmp_path, rows, winner="preference:5-to-1")) == [[d] for d in up[::-1]]
    assert read(tmp_path, column("preference", 0), winner="preference:1-to-5").refused == [
        (1, "preference", "number")
    ]


def test_one_two_three_is_asked_for(tmp_path):
    rows = column("verdict", 1, 2, 3)
    no = str(refused(tmp_path, rows))
    assert all(f"winner=verdict:{scale} " in no for scale in ("3-tie", "1-to-3", "3-to-1"))
    assert said(read(tmp_path, rows, winner="verdict:3-tie")) == [[FIRST], [SECOND], [TIE]]
    assert [d["ranking"] for [d] in said(read(tmp_path, rows, winner="verdict:1-to-3"))] == [
        [[0], [1]],
        [[0, 1]],
        [[1], [0]],
    ]


def test_a_slip_of_the_pen_refuses_its_row_alone(tmp_path):
    got = read(tmp_path, column("winner", *[1, 2] * 20, 7))
    assert got.refused == [(41, "winner", "verdict")] and len(got.records) == 40


def test_a_broken_number_is_not_another(tmp_path):
    ten = {f"answer_{i}": f"a{i}" for i in range(1, 11)}
    assert read(tmp_path, [ten | {"winner": "1.00001"}, ten | {"winner": "2.0"}]).refused == [
        (1, "winner", "verdict")
    ]
    assert read(tmp_path, [ten | {"winner": "1.00"}, ten | {"winner": "2.0"}]).refused == [
        (1, "winner", "verdict")
    ]


def test_more_than_two_answers(tmp_path):
    three = {"answer_1": "x", "answer_2": "y", "answer_3": "z"}
    rows = column("label", 0, 1, 2, 3, answers=three)
    assert refused(tmp_path, rows).code == "which_wins"
    best = [{"ranking": [[i]], "rest": "worse"} for i in range(3)]
    assert said(read(tmp_path, rows, winner="label:0-first")) == [
        [best[0]],
        [best[1]],
        [best[2]],
        [{"ranking": [[0, 1, 2]]}],
    ]
    assert said(read(tmp_path, rows, winner="label:0-tie")) == [
        [{"ranking": [[0, 1, 2]]}],
        [best[0]],
        [best[1]],
        [best[2]],
    ]


def test_scores_of_which_the_smallest_is_the_best(tmp_path):
    rows = [LETTERS | {"scores": [1, 5]}]
    assert said(read(tmp_path, rows)) == [[SECOND]]
    assert said(read(tmp_path, rows, scores="scores:low-best")) == [[FIRST]]
    rows = [LETTERS | {"score_a": 1, "score_b": 5}]
    assert said(read(tmp_path, rows, score_a="score_a:low-best", score_b="score_b:low-best")) == [[FIRST]]
    rows = [LETTERS | {"ranks": [1, 2]}]
    assert said(read(tmp_path, rows, ranks="ranks:high-best")) == [[SECOND]]
    rows = [{"answers": [{"text": "x", "score": 1}, {"text": "y", "score": 5}]}]
    assert said(read(tmp_path, rows)) == [[SECOND]] and said(
        read(tmp_path, rows, answers="answers:low-best")
    ) == [[FIRST]]


def test_a_scale_that_is_none_is_refused_by_name(tmp_path):
    no = refused(tmp_path, column("label", 0, 1, 2), winner="label:backwards")
    assert no.code == "mapping" and "backwards" in str(no) and "0-first" in str(no)
    assert refused(tmp_path, [LETTERS | {"scores": [1, 2]}], scores="scores:0-first").code == "mapping"
    got = read(tmp_path, column("label:0-first", "A"), winner="label:0-first")  # a column of that very name
    assert said(got) == [[FIRST]]


def test_every_field_with_scales_is_one_of_ours():
    fields = [name for name in GIVEN if scales.offered(name)]
    assert {"winner", "strength", "ranks", "scores", "score_1", "rank_1", "answers"} <= set(fields) and not {
        "rank1",
        "prompt",
    } & set(fields)
    for field in fields:
        for scale in scales.offered(field):
            assert scales.is_scale(scale, field) and scales.told(scale, ["a", "b"])
