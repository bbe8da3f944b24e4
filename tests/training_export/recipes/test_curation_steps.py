"""Steps inside a recipe: what they ask of sets, keys and seeds is there."""

import pytest

from annotation.models import ItemTag
from core.errors import DomainError
from tests import cast
from tests.training_export import judged
from tests.training_export.recipes.filled import filled, made, question
from training_export.curate.splits import Splitter, keys_of
from training_export.publish.parquet_rows import rows_of
from training_export.publish.snapshot_files import rows_of_snapshot, sides_of

pytestmark = pytest.mark.django_db


def reserve(project, text: str) -> None:
    """Keep an item that asks `text` for evaluation."""
    item = judged.item(project, prompt=cast.make_prompt(project, text))
    ItemTag.objects.create(item=item, name="evaluation")


def step(snapshot, name: str) -> dict:
    return next(one for one in snapshot.manifest["steps"] if one["step"] == name)


def test_what_is_kept_for_evaluation_does_not_stand_in_training():
    project = filled(12)
    reserve(project, question(3).upper())
    snapshot = made(project, steps=[{"decontaminate": {"similarity": 0.99}}])
    assert step(snapshot, "decontaminate")["dropped"] == {"evaluation_question": 3}
    asked = {row.context[-1]["content"] for row in rows_of_snapshot(project, snapshot.number)}
    assert asked == {question(n) for n in range(12) if n != 3}


def test_pairs_are_cleaned_and_mixed_with_those_of_another_project():
    project, chat = filled(4), filled(9, slug="chat")
    given = {"sets": {"chat": {"project": "chat"}}, "kinds": ["preference"]}
    steps = [{"preference-hygiene": {"per_prompt": 2}}, {"mix": {"sets": "chat", "ratio": "2:1"}}]
    snapshot = made(project, steps=[*steps, {"distribution": {"reference": "chat"}}], **given)
    assert step(snapshot, "preference-hygiene")["dropped"] == {"prompt_cap": 5}
    rows = list(rows_of_snapshot(project, snapshot.number))
    assert len(rows) == 8 + 4 and sum(row.provenance.get("general", False) for row in rows) == 4
    assert {row.provenance["set"] for row in rows if "set" in row.provenance} == {"chat"}
    assert step(snapshot, "distribution")["figures"]["count"] == {"rows": 12, "reference": 29}
    assert chat.pk != project.pk
    with pytest.raises(DomainError) as refused:
        made(project, steps=[{"mix": {"sets": "talk"}}], **given)
    assert refused.value.code == "no_set"


def test_sides_are_those_of_the_questions_and_stay_as_the_project_grows():
    project = filled(16)
    steps = [{"split": {"shares": [50, 25, 25]}}]
    first = made(project, steps=steps)

    def sides(snapshot) -> dict[str, str]:
        return {
            row.context[-1]["content"]: side
            for _kind, side, path in sides_of(snapshot)
            for row in rows_of(path)
        }

    splitter = Splitter((50, 25, 25), 0)
    expected = {
        question(n): splitter.side(
            keys_of("prompt", messages=[{"role": "user", "content": question(n)}], sources=[])
        )
        for n in range(16)
    }
    assert sides(first) == expected and len(set(expected.values())) == 3
    later = judged.item(project, prompt=cast.make_prompt(project, "A later one"))
    judged.judge(later, project.annotators.first(), {"ranking": [[0], [1], [2]]})
    after = sides(made(project, steps=steps))
    assert after.pop("A later one") and after == expected
