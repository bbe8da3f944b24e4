"""Which columns hold a judgement, and which answer it names: nothing is turned round, made up, or passed
over."""

import pytest

from corpus.records import FileRefused
from tests.corpus.files import Got, jsonl, written

TWO = {"prompt": "q", "answer_a": "x", "answer_b": "y"}
FIRST, SECOND, TIE = {"ranking": [[0], [1]]}, {"ranking": [[1], [0]]}, {"ranking": [[0, 1]]}


def read(tmp_path, *rows, **options):
    return Got(written(tmp_path / "x", jsonl(*rows)), **options)


def asked(tmp_path, *rows, **options):
    """The scales from which somebody has to choose before the rows can be read."""
    with pytest.raises(FileRefused) as refused:
        read(tmp_path, *rows, **options)
    assert refused.value.code == "which_wins"
    [one] = refused.value.inspection.asked
    assert all(scale in str(refused.value) for scale in one["scales"])
    return one["scales"]


def said(got):
    """[(annotator, document) of each row's judgements]."""
    return [[(j.annotator, j.document) for j in record.entries[0].judgements] for record in got.records]


def metadata(got):
    return [record.entries[0].metadata for record in got.records]


def test_numbers_of_both_signs_say_how_strongly(tmp_path):
    got = read(
        tmp_path,
        TWO | {"overall_preference": 1},
        TWO | {"prompt": "r", "overall_preference": -3},
        TWO | {"prompt": "s", "overall_preference": 0},
    )
    assert said(got) == [
        [("", SECOND | {"strength": [1]})],
        [("", FIRST | {"strength": [3]})],
        [("", {"ranking": [[0, 1]]})],
    ]
    assert said(
        read(tmp_path, TWO | {"overall_preference": 1}, TWO | {"prompt": "r", "overall_preference": 2})
    ) == [[("", FIRST)], [("", SECOND)]]


@pytest.mark.parametrize(
    "answers",
    [{"answer_a": "x", "answer_b": "y"}, {"answer_1": "x", "answer_2": "y"}, {"responses": ["x", "y"]}],
)
@pytest.mark.parametrize("values", [(0, 1), ("0", "1"), (0.0, 1.0)])
def test_a_column_with_a_zero_counts_from_zero(tmp_path, answers, values):
    rows = [{"prompt": f"q{value}", "winner": value} | answers for value in values]
    assert said(read(tmp_path, *rows)) == [[("", FIRST)], [("", SECOND)]]


def test_a_label_of_one_and_zero_beside_answers_is_asked_for(tmp_path):
    """1 may be the second answer, counted from 0, or say that the first is better."""
    for answers in ({"answer_a": "x", "answer_b": "y"}, {"responses": ["x", "y"]}):
        rows = [{"prompt": "q", "label": 1} | answers, {"prompt": "r", "label": 0} | answers]
        assert asked(tmp_path, *rows) == ["0-first", "1-first", "0-tie"]
        assert said(read(tmp_path, *rows, mapping={"winner": "label:0-first"})) == [
            [("", SECOND)],
            [("", FIRST)],
        ]
        assert said(read(tmp_path, *rows, mapping={"winner": "label:1-first"})) == [
            [("", FIRST)],
            [("", SECOND)],
        ]


@pytest.mark.parametrize(
    ("columns", "winner"),
    [(("answer_b", "answer_c"), "A"), (("answer_2", "answer_3"), "1"), (("answer_2", "answer_3"), "A")],
)
def test_a_column_that_a_row_does_not_have_is_not_another(tmp_path, columns, winner):
    got = read(tmp_path, {"prompt": "q", columns[0]: "x", columns[1]: "y", "winner": winner})
    assert got.refused == [(1, "winner", "verdict")]


def test_letters_and_numbers_name_columns_of_the_other_kind(tmp_path):
    three = {"prompt": "q", "answer_b": "x", "answer_c": "y", "answer_d": "z"}
    assert said(read(tmp_path, three | {"winner": "3>2"})) == [[("", {"ranking": [[1], [0]]})]]
    assert said(read(tmp_path, {"prompt": "q", "answer_1": "x", "answer_2": "y", "winner": "B"})) == [
        [("", SECOND)]
    ]
    assert said(read(tmp_path, {"prompt": "q", "answer_甲": "x", "answer_乙": "y", "winner": "B"})) == [
        [("", SECOND)]
    ]


@pytest.mark.parametrize(
    "beside",
    [
        {"label_version": 1},
        {"vote_count": 2},
        {"annotator_count": 1},
        {"annotator_1_confidence": 2},
        {"judge_id": 1, "judge_comment": "更准确"},
        {"标注_时间": "1"},
        {"annotator_id": 7, "annotator_name": "A"},
        {"turn": 1},
        {"group": "A"},
        {"raw_preference": 2},
        {"choice_reason": "It is shorter, and right."},
        {"preference_statement": "Response 1 is slightly better, since it names the source."},
    ],
)
def test_what_is_about_a_judgement_is_none(tmp_path, beside):
    got = read(tmp_path, TWO | {"winner": "B"} | beside)
    [[(who, document)]] = said(got)
    assert document == SECOND and who == str(beside.get("annotator_id", ""))
    assert metadata(got)[0] == {k: v for k, v in beside.items() if k != "annotator_id"}


def test_one_column_of_words_makes_no_judge_of_one_of_numbers(tmp_path):
    got = read(tmp_path, TWO | {"张医生": "B", "章": 1})
    assert said(got) == [[("张医生", SECOND)]] and metadata(got) == [{"章": 1}]


@pytest.mark.parametrize(
    "beside",
    [
        {"preference_score": 2},
        {"annotator_count": 2},
        {"label_source": "human"},
        {"judge_model": "gpt-4"},
        {"rater_x": 4},
    ],
)
def test_numbers_beside_chosen_and_rejected_judge_nothing(tmp_path, beside):
    got = read(tmp_path, {"prompt": "q", "chosen": "x", "rejected": "y"} | beside)
    assert said(got) == [[("", FIRST)]] and metadata(got) == [beside]


def test_an_unknown_word_is_refused_and_not_passed_over(tmp_path):
    assert read(tmp_path, TWO | {"choice_li": "A", "choice_wu": "unsure"}).refused == [
        (1, "choice_wu", "verdict")
    ]


@pytest.mark.parametrize("nothing", ["None", "none", "-", " ", "null", None])
def test_a_cell_that_says_nothing(tmp_path, nothing):
    got = read(tmp_path, TWO | {"annotator_z": nothing}, TWO | {"prompt": "r", "annotator_z": "A"})
    assert said(got) == [[], [("z", FIRST)]]


def test_people_are_found_whatever_a_data_frame_made_of_their_cells(tmp_path):
    table = "prompt,answer_a,answer_b,张医生,李医生\nQ1,one,two,1.0,2.0\nQ2,one,two,,1.0\nQ3,one,two,-, \n"
    got = Got(written(tmp_path / "x.csv", table))
    assert said(got) == [[("张医生", FIRST), ("李医生", SECOND)], [("李医生", FIRST)], []]
    # the first row has no such columns
    got = read(tmp_path, TWO, TWO | {"prompt": "r", "张医生": "模型B", "李医生": "回答A"})
    assert said(got) == [[], [("张医生", SECOND), ("李医生", FIRST)]]
    assert said(read(tmp_path, TWO | {"annotator_z": "1.0"})) == [[("z", FIRST)]]


def test_the_chosen_column_may_hold_a_letter(tmp_path):
    two = {"prompt": "q", "response_a": "x", "response_b": "y"}
    for name in ("chosen", "preferred", "preferred_response"):
        assert said(read(tmp_path, two | {name: "B"})) == [[("", SECOND)]]
    got = read(tmp_path, two | {"chosen": "b", "rejected": "a"})
    assert said(got) == [[("", SECOND)]] and [a.text for a in got.entry.answers] == ["x", "y"]


def test_a_winner_may_be_named_by_its_model(tmp_path):
    row = TWO | {"model_a": "Qwen-14B", "model_b": "Baichuan2", "winner": "baichuan2"}
    assert said(read(tmp_path, row)) == [[("", SECOND)]]
    assert read(tmp_path, row | {"model_b": "qwen-14b", "winner": "qwen-14b"}).refused == [
        (1, "winner", "verdict")
    ]


@pytest.mark.parametrize(
    "beside",
    [
        {"ranks": [2, 1]},
        {"scores": [1, 5]},
        {"rating_a": 1, "rating_b": 5},
        {"model_a_score": 1, "model_b_score": 5},
        {"preference_strength": 2},
    ],
)
def test_ranks_and_scores_beside_columns_of_answers(tmp_path, beside):
    [[(_who, document)]] = said(read(tmp_path, TWO | beside))
    assert document["ranking"] == [[1], [0]]


def test_scores_behind_chinese_names_and_models_in_a_list(tmp_path):
    got = read(tmp_path, {"问题": "q", "回答1": "x", "回答2": "y", "回答1评分": 2, "回答2评分": 5})
    assert said(got) == [[("", SECOND)]]
    got = read(tmp_path, TWO | {"models": ["m1", "m2"], "rank": 7})
    assert [a.model for a in got.entry.answers] == ["m1", "m2"] and metadata(got) == [{"rank": 7}]
    got = read(
        tmp_path,
        {"instruction": "q", "generations": ["x", "y"], "rating": [2, 5], "generation_models": ["m1", "m2"]},
    )
    assert said(got) == [[("", SECOND)]] and [a.model for a in got.entry.answers] == ["m1", "m2"]


def test_a_strength_in_words_does_not_cost_the_row_its_winner(tmp_path):
    got = read(tmp_path, TWO | {"winner": "B", "preference_strength": "strong"})
    assert said(got) == [[("", SECOND)]] and metadata(got) == [{"preference_strength": "strong"}]


@pytest.mark.parametrize("names", [("winner_a", "winner_b"), ("winner_model_a", "winner_model_b")])
@pytest.mark.parametrize("tie", [True, False])
def test_a_column_for_each_answer_says_which_won(tmp_path, names, tie):
    cells = [(1, 0), (0.0, 1.0), ("0", "0")]
    rows = [
        TWO
        | {"prompt": f"q{i}"}
        | dict(zip(names, won, strict=True))
        | ({"winner_tie": int(i == 2)} if tie else {})
        for i, won in enumerate(cells)
    ]
    assert said(read(tmp_path, *rows)) == [[("", FIRST)], [("", SECOND)], [("", {"ranking": [[0, 1]]})]]


def test_two_people_called_a_and_b_stay_two_people(tmp_path):
    rows = [
        TWO | {"prompt": "q", "winner_a": 1, "winner_b": 1},
        TWO | {"prompt": "r", "winner_a": 2, "winner_b": 1},
    ]
    assert said(read(tmp_path, *rows)) == [[("a", FIRST), ("b", FIRST)], [("a", SECOND), ("b", FIRST)]]


@pytest.mark.parametrize(
    "answers",
    [{"answer_1": "x", "answer_2": "y"}, {"answer_a": "x", "answer_b": "y"}, {"responses": ["x", "y"]}],
)
@pytest.mark.parametrize("cells", [(0, 1, 2), ("0", "2", "1"), (2.0, 1.0, 0.0)])
def test_a_zero_beside_the_number_of_the_last_answer_is_asked_for(tmp_path, answers, cells):
    rows = [{"prompt": f"q{cell}", "winner": cell} | answers for cell in cells]
    assert asked(tmp_path, *rows) == ["0-first", "0-tie"]


@pytest.mark.parametrize(
    "answers",
    [{"answer_1": "x", "answer_2": "y"}, {"answer_a": "x", "answer_b": "y"}, {"responses": ["x", "y"]}],
)
def test_a_zero_beside_letters_is_a_tie_unless_ties_have_a_word(tmp_path, answers):
    rows = [{"prompt": f"q{cell}", "winner": cell} | answers for cell in ("A", "B", "0")]
    assert said(read(tmp_path, *rows)) == [[("", FIRST)], [("", SECOND)], [("", TIE)]]
    assert asked(tmp_path, *rows, rows[0] | {"prompt": "r", "winner": "tie"})


def test_letters_go_by_the_columns_also_where_numbers_count_from_zero(tmp_path):
    rows = [{"prompt": f"q{i}", "answer_1": "x", "answer_2": "y", "winner": i % 2} for i in range(50)]
    got = read(tmp_path, *rows, rows[0] | {"prompt": "r", "winner": "A"})
    assert said(got)[-1] == [("", FIRST)]


@pytest.mark.parametrize(
    "columns",
    [
        ("answer_a", "answer_b", "answer_c"),
        ("answer_1", "answer_2", "answer_3"),
        ("回答甲", "回答乙", "回答丙"),
    ],
)
@pytest.mark.parametrize(("winner", "equal"), [("A=B", [0, 1]), ("b=a", [1, 0])])
def test_two_equal_answers_say_nothing_of_a_third(tmp_path, columns, winner, equal):
    row = {"prompt": "q", "winner": winner} | dict(zip(columns, "xyz", strict=True))
    got = read(tmp_path, row, row | {"prompt": "r", columns[1]: ""}, row | {"prompt": "s", columns[2]: ""})
    assert said(got) == [[("", {"ranking": [equal]})]] * 2 and got.refused == [(2, "winner", "verdict")]


def test_more_columns_than_letters(tmp_path):
    empty = {f"answer_{i}": "" for i in range(1, 10)}
    assert said(read(tmp_path, TWO | empty | {"winner": "a"})) == [[("", FIRST)]]


def test_a_number_without_end_is_one_refused_row(tmp_path):
    got = read(
        tmp_path,
        f'{{"prompt": "q", "answer_a": "x", "answer_b": "y", "winner": {10**400}}}',
        TWO | {"winner": 2},
    )
    assert said(got) == [[("", SECOND)]] and got.refused == [(1, "winner", "verdict")]


WON = ({"winner_a": 1, "winner_b": 0}, {"winner_a": 0, "winner_b": 1})


@pytest.mark.parametrize("nothing", [{"winner_a": "", "winner_b": None}, {}])
def test_a_row_in_which_nobody_said_which_won_hides_not_the_others(tmp_path, nothing):
    got = read(tmp_path, *(TWO | {"prompt": f"q{i}"} | won for i, won in enumerate((nothing, *WON))))
    assert said(got) == [[], [("", FIRST)], [("", SECOND)]]


def test_what_won_stands_above_scores(tmp_path):
    scores = {"score_a": 1, "score_b": 5}
    got = read(tmp_path, TWO | WON[0] | scores)
    assert said(got) == [[("", FIRST)]] and metadata(got) == [scores]
    got = read(tmp_path, TWO | WON[0] | scores, mapping={"score_a": "score_a", "score_b": "score_b"})
    assert said(got) == [[("", SECOND)]] and metadata(got) == [WON[0]]


def test_ones_and_zeros_in_columns_named_after_the_answers_are_asked_for(tmp_path):
    """People called a and b, or votes for the answers a and b."""
    rows = [TWO | {"vote_a": 1, "vote_b": 0}, TWO | {"prompt": "r", "vote_a": 0, "vote_b": 1}]
    with pytest.raises(FileRefused) as refused:
        read(tmp_path, *rows)
    assert refused.value.code == "which_wins" and "--map score_a=vote_a --map score_b=vote_b" in str(
        refused.value
    )
    people = {"annotator_a": "vote_a:0-first", "annotator_b": "vote_b:0-first"}
    assert said(read(tmp_path, *rows, mapping=people)) == [
        [("a", SECOND), ("b", FIRST)],
        [("a", FIRST), ("b", SECOND)],
    ]
    assert said(read(tmp_path, *rows, mapping={"score_a": "vote_a", "score_b": "vote_b"})) == [
        [("", FIRST)],
        [("", SECOND)],
    ]


@pytest.mark.parametrize("cells", [[(1, 1)], [(1, 0), (1, 1)], [(1, 3), (2, 1)], [(0.5, 1), (1, 0.5)]])
def test_other_numbers_in_columns_of_what_won_are_no_judgement(tmp_path, cells):
    rows = [{"winner_model_a": a, "winner_model_b": b, "winner_tie": 0} for a, b in cells]
    got = read(tmp_path, *(TWO | {"prompt": f"q{i}"} | row for i, row in enumerate(rows)))
    assert said(got) == [[]] * len(rows) and metadata(got) == rows


@pytest.mark.parametrize("answers", [{"answer_a": "x", "answer_b": "y"}, {"answer_1": "x", "answer_2": "y"}])
def test_the_chosen_column_may_count_from_zero(tmp_path, answers):
    rows = [{"prompt": f"q{i}", "chosen": i} | answers for i in (0, 1)]
    assert said(read(tmp_path, *rows)) == [[("", FIRST)], [("", SECOND)]]
    assert said(read(tmp_path, *(row | {"rejected": 1 - i} for i, row in enumerate(rows)))) == [
        [("", FIRST)],
        [("", SECOND)],
    ]
    only = rows[1] | {"rejected": 0}
    assert asked(tmp_path, only) == ["0-first", "1-first", "0-tie"]
    assert said(read(tmp_path, only, mapping={"winner": "chosen:0-first"})) == [[("", SECOND)]]
    assert said(read(tmp_path, only, mapping={"winner": "chosen:1-first"})) == [[("", FIRST)]]


def test_a_label_beside_a_conversation_and_its_answers(tmp_path):
    row = {"messages": [{"role": "user", "content": "q"}], "answers": ["x", "y"]}
    assert said(read(tmp_path, row | {"label": "B"})) == [[("", SECOND)]]
    two = [row | {"label": 0}, row | {"answers": ["y", "z"], "label": 1}]
    assert said(read(tmp_path, *two, mapping={"winner": "label:0-first"})) == [[("", FIRST)], [("", SECOND)]]
    got = read(tmp_path, row | {"label": True})
    assert said(got) == [[]] and metadata(got) == [{"label": True}]
    answered = {
        "messages": [*row["messages"], {"role": "assistant", "content": "a"}],
        "answers": ["x", "y"],
        "label": 1,
    }
    assert read(tmp_path, answered).inspection.format == "kto"


@pytest.mark.parametrize("name", ["谁更好", "哪个更好", "胜者", "which_is_better", "更优回答"])
@pytest.mark.parametrize(
    ("first", "second"),
    [("A", "B"), ("A更好", "B更好"), ("模型A 胜出", "模型B 胜出"), ("A is better", "b wins")],
)
def test_which_answer_is_better_in_words_that_people_write(tmp_path, name, first, second):
    answers = {"问题": "q", "模型A回答": "x", "模型B回答": "y"}
    got = read(tmp_path, *(answers | {"问题": v, name: v} for v in (first, second, "都不好", "平局")))
    bad, tie = {"ranking": [[0, 1]], "acceptable": 0}, TIE
    assert said(got) == [[("", FIRST)], [("", SECOND)], [("", bad)], [("", tie)]]


def test_words_about_an_answer_that_do_not_say_that_it_wins_refuse_the_row(tmp_path):
    got = read(tmp_path, TWO | {"谁更好": "A"}, TWO | {"prompt": "r", "谁更好": "A不好"})
    assert [(r.line, r.code) for r in got.refusals] == [(2, "verdict")]


def test_a_mapping_names_the_model_of_a_column_of_answers(tmp_path):
    """What the rows say of a model stands above it; a column that is called like it is a column."""
    rows = [TWO | {"model_b": "own"}, TWO | {"prompt": "r", "model_b": ""}]
    got = read(tmp_path, *rows, mapping={"model_a": "=qwen-72b", "model_b": "=other"})
    models = [[a.model for a in record.entries[0].answers] for record in got.records]
    assert models == [["qwen-72b", "own"], ["qwen-72b", "other"]]
    assert {a.origin for record in got.records for a in record.entries[0].answers} == {"model"}
    got = read(tmp_path, TWO | {"=m": "own"}, mapping={"model_a": "=m"})
    assert [a.model for a in got.records[0].entries[0].answers] == ["own", None]
    assert metadata(got) == [{}]


@pytest.mark.parametrize("given", [{"model_a": "="}, {"answer_a": "=x"}, {"winner": "=x"}])
def test_only_a_model_can_be_named_instead_of_a_column(tmp_path, given):
    with pytest.raises(FileRefused) as refused:
        read(tmp_path, TWO, mapping=given)
    assert refused.value.code == "mapping"
