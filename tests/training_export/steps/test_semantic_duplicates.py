"""Rows that mean the same in other words."""

import random
from itertools import combinations

import numpy as np
import pytest

from tests.training_export.steps.planted import paraphrased, texts
from tests.training_export.steps.rows_made import label, pair, run, sft
from training_export.steps.semantic_duplicates import BLOCK, twins


def said(row) -> tuple:
    return (row.example.context[0]["content"], row.example.target.text)


@pytest.mark.parametrize(
    ("language", "threshold", "recall", "precision"),
    [("zh", 0.85, 0.45, 0.95), ("zh", 0.75, 0.8, 0.85), ("en", 0.9, 0.2, 0.85)],
)
def test_planted_paraphrases_are_found_by_characters(language, threshold, recall, precision):
    """Of 200 rows 50 come again in other words and another order. The others are hard to tell apart: all are
    put together of the same few sentences."""
    base = texts(language, 200, 1)
    planted = [(paraphrased(q, 1), paraphrased(a, 0)) for q, a in base[::4]]
    rows = [sft(q, a) for q, a in base + planted]
    kept, report = run("semantic-duplicates", rows, threshold=threshold, keep="first")
    gone = {i for i, row in enumerate(rows) if not any(row is k for k in kept)}
    found = len([i for i in gone if i >= 200])
    print(f"semantic {language} at {threshold}: recall {found / 50:.2f}, precision {found / len(gone):.2f}")
    assert found / 50 >= recall
    assert found / len(gone) >= precision
    assert sum(report.figures["cosines"].values()) == len(gone)


def brute(matrix: np.ndarray, parts: np.ndarray, threshold: float) -> list[int]:
    """What stays, row by row, without any blocks."""
    stay: list[int] = []
    for i, own in enumerate(parts):
        cosines = [
            min(float(matrix[a] @ matrix[b]) for a, b in zip(own, parts[j], strict=True)) for j in stay
        ]
        if max(cosines, default=-1) < threshold:
            stay.append(i)
    return stay


@pytest.mark.parametrize("count", [1, 300, 2 * BLOCK + 100])
def test_blocks_find_what_a_plain_loop_finds(count):
    draw = np.random.default_rng(3)
    groups = draw.normal(size=(max(1, count // 8), 16))
    matrix = groups[draw.integers(len(groups), size=count)] + 0.12 * draw.normal(size=(count, 16))
    matrix = (matrix / np.linalg.norm(matrix, axis=1, keepdims=True)).astype(np.float32)
    parts = np.stack([np.arange(count), draw.permutation(count)], axis=1)[:, : 1 + count % 2]
    found = twins(matrix, parts, 0.9)
    gone = {row for row, _twin, _cosine in found}
    assert sorted(set(range(count)) - gone) == brute(matrix, parts, 0.9)
    for row, twin, cosine in found:
        assert twin < row and twin not in gone
        assert cosine == pytest.approx(
            min(float(matrix[parts[row, p]] @ matrix[parts[twin, p]]) for p in range(parts.shape[1])),
            abs=1e-5,
        )


def test_answers_to_one_question_and_opposite_judgements_stay():
    (question, good), (_other, poor) = texts("zh", 2, 8)
    rows = [sft(question, good), sft(question, poor), pair(question, good, poor), pair(question, poor, good)]
    rows += [label(question, good, True), label(question, good, False)]
    assert run("semantic-duplicates", rows)[0] == rows
    assert len(run("semantic-duplicates", rows, over="prompt")[0]) == 1


@pytest.mark.parametrize("keep", ["best-judged", "longest"])
def test_the_order_of_the_rows_does_not_say_which_texts_stay(keep):
    draw = random.Random(5)
    base = texts("zh", 40, 2)
    rows = [sft(q, a, provenance={"status": draw.choice(["raw", "settled"])}) for q, a in base]
    rows += [sft(q, paraphrased(a, n)) for n in range(2) for q, a in base]
    kept = []
    for _ in range(3):
        draw.shuffle(rows)
        kept.append(frozenset(map(said, run("semantic-duplicates", rows, threshold=0.85, keep=keep)[0])))
    assert len(set(kept)) == 1 and len(kept[0]) < len(rows)


def test_which_of_the_twins_stays_is_said():
    question, answer = texts("zh", 1, 3)[0]
    rows = [sft(question, answer), sft(question, answer, provenance={"status": "settled"}), sft("", "")]
    assert run("semantic-duplicates", rows)[0] == rows[1:]
    assert run("semantic-duplicates", rows, keep="first", threshold=1)[0] == [rows[0], rows[2]]
    assert run("semantic-duplicates", [])[0] == []


def test_no_two_rows_that_stay_are_twins():
    rows = [sft(q, a) for q, a in texts("en", 120, 7)]
    kept, _report = run("semantic-duplicates", rows, threshold=0.6)
    again, report = run("semantic-duplicates", kept, threshold=0.99)
    assert again == kept and len(kept) < len(rows)
    assert len(list(combinations(kept, 2))) > 0 and not report.dropped
