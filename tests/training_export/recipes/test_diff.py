"""Two data sets of a project, compared row by row."""

import pytest

from annotation.models import Item
from tests import cast
from tests.training_export import judged
from tests.training_export.recipes.filled import filled, made, question
from training_export.recipes.diff import difference

pytestmark = pytest.mark.django_db


def test_in_out_flipped_and_changed_are_told_apart_with_reasons():
    project = filled(4)
    first = made(project)
    by = list(project.annotators.order_by("pk"))
    items = {i.prompt.messages[0]["content"]: i for i in Item.objects.select_related("prompt")}
    for person in by:  # turned round
        judged.judge(items[question(1)], person, {"ranking": [[1], [0], [2]]})
    judged.judge(items[question(2)], by[0], {"ranking": [[0, 1], [2]]})  # one no longer tells 0 from 1
    new = judged.item(project, ["a", "b"], prompt=cast.make_prompt(project, "A new one"))
    judged.judge(new, by[0], {"ranking": [[0], [1]]})
    for person in by:  # taken back
        judged.judge(items[question(3)], person, {}, action="undo")
    found = difference(first, made(project))
    assert (found.into, found.out, found.flipped) == (1, 3, 1)
    assert found.by_reason["new"] == 1 and found.by_reason["not_given"] == 3
    assert found.by_reason["flipped"] == 1 and found.changed == found.by_reason["numbers"] == 1
    assert {row["kind"] for rows in found.samples.values() for row in rows} == {"preference"}
    assert found.as_dict()["in"] == 1


def test_what_a_step_dropped_is_no_longer_given_for_its_reason():
    project = filled(2)
    twin = judged.item(
        project,
        ["Keep it 10 days, said 0.", "Keep it 20 days, said 0."],
        prompt=cast.make_prompt(project, question(0).upper()),
    )
    judged.judge(twin, project.annotators.first(), {"ranking": [[0], [1]]})
    whole, cleaned = made(project), made(project, steps=["exact-duplicates"])
    found = difference(whole, cleaned)
    assert (found.into, found.out, found.flipped) == (0, 1, 0)
    assert found.by_reason["exact-duplicates:exact_duplicate"] == 1
    assert found.changed == found.by_reason["numbers"]  # what is left of its prompt weighs more
    assert difference(cleaned, whole).by_reason["dropped_before"] == 1


def test_a_data_set_is_not_different_from_itself():
    snapshot = made(filled(3))
    assert difference(snapshot, snapshot).as_dict() == {
        "in": 0,
        "out": 0,
        "changed": 0,
        "flipped": 0,
        "by_reason": {},
    }
