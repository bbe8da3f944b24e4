"""Few rows that cover the many."""

import random

import numpy as np
import pytest

from core.errors import DomainError
from tests.training_export.steps.planted import texts
from tests.training_export.steps.rows_made import run, sft
from training_export.steps import STEPS, Means
from training_export.steps.embeddings import vectors_of
from training_export.steps.k_center import centres


def points(count: int, size: int, seed: int) -> np.ndarray:
    matrix = np.random.default_rng(seed).normal(size=(count, size))
    return (matrix / np.linalg.norm(matrix, axis=1, keepdims=True)).astype(np.float32)


def brute(matrix: np.ndarray, first: int, budget: int) -> tuple[list[int], list[float]]:
    """Gonzalez's greedy in plain words: every distance anew at every step, in 64 bits."""
    distances = 1 - matrix.astype(np.float64) @ matrix.astype(np.float64).T
    chosen, left = [first], []
    while True:
        nearest = [
            min(distances[i, j] for j in chosen) if i not in chosen else -1 for i in range(len(matrix))
        ]
        farthest = int(np.argmax(nearest))
        left.append(max(nearest[farthest], 0))
        if len(chosen) == budget:
            return chosen, left
        chosen.append(farthest)


@pytest.mark.parametrize("seed", range(5))
def test_it_chooses_what_a_plain_loop_chooses(seed):
    matrix = points(120, 8, seed)
    chosen, left = centres(matrix, 25, 0)
    assert chosen[0] == int(np.argmax(matrix @ matrix.mean(axis=0)))
    expected, distances = brute(matrix, chosen[0], 25)
    assert chosen == expected
    assert left == pytest.approx(distances, abs=1e-5)


def test_the_radius_ends_it_and_every_row_is_within_it():
    matrix = points(400, 6, 9)
    chosen, left = centres(matrix, 400, 0.15)
    nearest = (1 - matrix @ matrix[chosen].T).min(axis=1)
    assert nearest.max() <= 0.15 + 1e-5 and left[-1] <= 0.15 < left[-2]
    # at most twice what is possible: no two centres lie within the last distance but one
    between = 1 - matrix[chosen] @ matrix[chosen].T + 9 * np.eye(len(chosen))
    assert between.min() > 0.15
    both, _left = centres(matrix, 10, 0.15)
    assert both == chosen[:10]


def test_copies_are_not_chosen_twice_and_rows_of_zeros_are_rows():
    matrix = np.vstack([points(5, 4, 1)] * 3 + [np.zeros((1, 4), dtype=np.float32)])
    chosen, left = centres(matrix, 16, 0)
    assert len(chosen) == 6 and left[-1] == pytest.approx(0, abs=1e-6) and 15 in chosen
    assert centres(matrix[:0], 3, 0) == ([], [])


def test_the_step_chooses_the_same_texts_whatever_the_order():
    rows = [sft(q, a) for q, a in texts("zh", 80, 3) + texts("en", 80, 3)]
    draw, chosen = random.Random(1), set()
    for _ in range(3):
        draw.shuffle(rows)
        kept, report = run("k-center", rows, budget=20)
        assert len(kept) == 20 and [row for row in rows if row in kept] == kept
        chosen.add(frozenset(row.example.target.text for row in kept))
        assert report.dropped == {"not_chosen": 140}
    assert len(chosen) == 1
    told = report.figures["distance_left"]
    assert told[0][0] == 1 and told[-1][0] == 20 and told[0][1] > told[-1][1] > 0


def test_every_row_is_near_one_that_was_chosen():
    rows = [sft(q, a) for q, a in texts("zh", 150, 6)]
    kept, _report = run("k-center", rows, radius=0.5, over="prompt")
    matrix = vectors_of([row.example.context[0]["content"] for row in rows], "characters", Means())
    places = [i for i, row in enumerate(rows) if any(row is k for k in kept)]
    assert (1 - matrix @ matrix[places].T).min(axis=1).max() <= 0.5 + 1e-5
    assert 1 < len(kept) < len({row.example.context[0]["content"] for row in rows})


def test_fewer_texts_than_asked_for_are_told():
    rows = [sft("同一个问题", f"回答{n % 3}") for n in range(9)]
    kept, report = run("k-center", rows, budget=5)
    assert len(kept) == 3 and report.notes == [("covered", "3")]
    assert run("k-center", [], budget=5)[0] == []


def test_budget_or_radius_must_be_said():
    with pytest.raises(DomainError) as refused:
        STEPS["k-center"].parameters_of({})
    assert refused.value.field == "budget"


def test_a_recipe_with_it_can_be_saved_and_read_again():
    from training_export.recipes.document import RecipeDocument

    recipe = RecipeDocument.of({"kinds": ["sft"], "steps": [{"k-center": {"budget": 5}}]})
    assert RecipeDocument.of(recipe.as_dict()) == recipe
