"""Rows that say nearly the same: planted ones are found, strange ones stay, whatever the order."""

import random
from itertools import combinations

import pytest

from core.errors import DomainError
from tests.training_export.steps.planted import one_character_edited, texts
from tests.training_export.steps.rows_made import label, pair, run, sft
from training_export.curate.examples import EvalQuestion
from training_export.steps import STEPS, Means, Row
from training_export.steps.near_duplicates import bands_of
from training_export.steps.twins import Clusters


def said(row: Row) -> tuple:
    return (row.example.context[0]["content"], row.example.target.text)


def likeness(one: Row, other: Row, run: int = 5) -> float:
    """The smaller Jaccard index of questions and answers, counted on its own."""

    def index(a: str, b: str) -> float:
        first, second = ({t[i : i + run] for i in range(max(1, len(t) - run + 1))} for t in (a, b))
        return len(first & second) / len(first | second)

    pairs = zip(said(one), said(other), strict=True)
    return min(index(a.casefold(), b.casefold()) for a, b in pairs)


@pytest.mark.parametrize("language", ["zh", "en"])
def test_planted_twins_are_found_and_nothing_else(language):
    """Of 300 rows 60 come again word for word and 90 with one character of the answer changed. What is a twin
    is counted anew over all pairs."""
    base = [sft(q, a) for q, a in texts(language, 300, 3)]
    rows = base + [sft(*said(row)) for row in base[:60]]
    edited = [sft(said(row)[0], one_character_edited(said(row)[1], 1)) for row in base[60:150]]
    rows += edited
    kept, _report = run("near-duplicates", rows, keep="first")
    pairs = {(i, j) for i, j in combinations(range(len(rows)), 2) if likeness(rows[i], rows[j]) >= 0.8}
    gone = {i for i, row in enumerate(rows) if not any(row is k for k in kept)}
    planted = {i for i in range(300, 450) if likeness(rows[i - 300], rows[i]) >= 0.8}
    true = {j for _i, j in pairs}
    recall, precision = len(gone & planted) / len(planted), len(gone & true) / len(gone)
    print(
        f"near-duplicates {language}: planted {len(planted)}, recall {recall:.3f}, precision {precision:.3f}"
    )
    assert len(planted) >= 145
    assert recall >= 0.99 and precision == 1
    stay = [i for i in range(len(rows)) if i not in gone]
    assert not pairs & set(combinations(stay, 2))  # no twins are left
    assert all(any((j, i) in pairs for j in stay) for i in gone)  # and each that went has its twin there


@pytest.mark.parametrize("keep", ["best-judged", "longest"])
def test_the_order_of_the_rows_does_not_say_which_texts_stay(keep):
    draw = random.Random(4)
    rows = []
    for question, answer in texts("zh", 60, 4):
        for number in range(draw.randrange(1, 5)):
            provenance = {
                "status": draw.choice(["raw", "accepted"]),
                "annotators": ["x"] * draw.randrange(1, 4),
            }
            rows.append(sft(question, one_character_edited(answer, number), provenance=provenance))
    seen = set()
    for _ in range(4):
        draw.shuffle(rows)
        kept, report = run("near-duplicates", rows, keep=keep, threshold=0.75)
        assert [row for row in rows if any(row is k for k in kept)] == kept  # in the order they came in
        seen.add((frozenset(map(said, kept)), report.figures["clusters"]["count"]))
    assert len(seen) == 1 and len(kept) < len(rows)


def test_the_first_stays_where_that_is_asked_for():
    question, answer = texts("zh", 1, 1)[0]
    rows = [sft(question, one_character_edited(answer, n), provenance={"status": s}) for n, s in
            enumerate(["raw", "settled", "accepted"])]  # fmt: skip
    assert run("near-duplicates", rows, keep="first", threshold=0.7)[0] == rows[:1]
    assert run("near-duplicates", rows, threshold=0.7)[0] == rows[1:2]


def test_in_a_chain_the_ends_that_are_no_twins_both_stay():
    middle = "".join(chr(0x4E00 + i * 7) for i in range(200))
    first, last = "东西南北" * 4 + middle[16:], middle[:-16] + "春夏秋冬" * 4
    rows = [sft("问题是什么", text) for text in (first, middle, last)]
    assert likeness(rows[0], rows[1]) >= 0.8 > likeness(rows[0], rows[2])
    best = {"provenance": {"status": "settled"}}
    kept, report = run("near-duplicates", [sft("问题是什么", first, **best), *rows[1:]])
    assert [said(row)[1] for row in kept] == [first, last]
    assert report.figures["clusters"] == {"count": 1, "largest": 3}


def test_a_short_question_that_differs_in_one_figure_is_another_question():
    answer = texts("zh", 1, 9)[0][1]
    rows = [sft("2岁孩子发烧吃多少毫升?", answer), sft("8岁孩子发烧吃多少毫升?", answer)]
    assert run("near-duplicates", rows)[0] == rows
    assert run("near-duplicates", rows, over="answer")[1].dropped.total() == 1
    assert run("near-duplicates", rows, over="prompt", threshold=0.3)[1].dropped.total() == 1


def test_opposite_judgements_and_other_kinds_are_no_twins():
    good, poor = (a for _q, a in texts("zh", 2, 11))
    rows = [pair("怎么办?", good, poor), pair("怎么办?", poor, good), label("怎么办?", good, True)]
    rows += [
        label("怎么办?", good, False),
        sft("怎么办?", good),
        sft("怎么办?", good, sources=[{"text": "另一份"}]),
    ]
    assert run("near-duplicates", rows)[0] == rows


def test_rows_near_those_of_another_set_are_dropped():
    base = texts("en", 30, 6)
    held = [sft(q, one_character_edited(a, 1)) for q, a in base[:5]]
    asked = [Row(EvalQuestion([{"role": "user", "content": q}], "g")) for q, _a in base[5:8]]
    sets = {"held out": held, "questions": asked}
    rows = [sft(q, a) for q, a in base]
    kept, report = run("near-duplicates", rows, Means(sets=sets.__getitem__), against="held out, questions")
    assert kept == rows[5:] and report.dropped == {"near_duplicate_elsewhere": 5}
    assert report.samples["near_duplicate_elsewhere"][0]["detail"].startswith("held out, 0.9")
    kept, report = run(
        "near-duplicates", rows, Means(sets=sets.__getitem__), against="questions", over="prompt"
    )
    gone = {q for q, _a in base[5:8]}
    assert not gone & {row.example.context[0]["content"] for row in kept}
    assert report.dropped["near_duplicate_elsewhere"] >= 3


def test_another_set_that_nobody_knows_is_told():
    def unknown(name):
        raise DomainError("unknown_set", name, field="against")

    with pytest.raises(DomainError):
        run("near-duplicates", [sft("q", "a")], Means(sets=unknown), against="nothing")


def test_odd_texts_harm_nobody():
    rows = [sft("", ""), sft("", ""), sft("\ud83d 半个", "\ud83d 半个字符"), sft("a", "b"), sft("a", "b")]
    kept, report = run("near-duplicates", rows)
    assert kept == rows[:4] and report.dropped == {"near_duplicate": 1}


def test_many_copies_of_one_row_are_one_cluster():
    rows = [sft("同一个问题", "同一个回答，一个字也不差")] * 3000
    kept, report = run("near-duplicates", rows)
    assert len(kept) == 1 and report.figures["clusters"] == {"count": 1, "largest": 3000}


def test_the_bands_find_what_is_at_the_threshold():
    for threshold in (0.3, 0.5, 0.7, 0.8, 0.9, 0.97):
        bands, rows = bands_of(threshold)
        assert bands * rows <= 128
        assert 1 - (1 - threshold**rows) ** bands >= 0.99
    assert bands_of(0.8) == (21, 6)


def test_clusters_are_the_connected_parts():
    draw = random.Random(2)
    edges = [(draw.randrange(200), draw.randrange(200)) for _ in range(120)]
    clusters = Clusters()
    for a, b in edges:
        clusters.join(a, b)
    reach = {n: {n} for n in range(200)}
    for a, b in edges:  # each time whole sets are put together
        both = reach[a] | reach[b]
        for n in both:
            reach[n] = both
    assert {frozenset(c) for c in clusters.of(range(200))} == {
        frozenset(s) for s in reach.values() if len(s) > 1
    }


def test_a_threshold_is_a_share():
    for wrong in (0, 1.5, "much"):
        with pytest.raises(DomainError):
            STEPS["near-duplicates"].parameters_of({"threshold": wrong})


def test_opposite_pairs_of_nearly_equal_answers_are_no_twins():
    good, poor = (f"Take {n} grams of it with a large meal in the evening, never more." for n in ("4", "5"))
    rows = [pair("How much of it may I take?", good, poor), pair("How much of it may I take?", poor, good)]
    assert run("near-duplicates", rows, threshold=0.7)[0] == rows
    assert run("near-duplicates", [rows[0], rows[0]], threshold=0.7)[0] == rows[:1]
