"""An export for one stage of a trainer, and prompts with what experts say of them: collected, written and
told in the manifest."""

import json

import pytest

from core.errors import DomainError
from tests import cast
from tests.training_export import judged
from training_export.options import ExportOptions
from training_export.publish import snapshots

pytestmark = pytest.mark.django_db


def exported(project, **options):
    """(manifest, rows, the side file's rows) of an export."""
    bundle = snapshots.build(project=project, actor=None, options=ExportOptions.of(options))
    folder = snapshots.folder_of(bundle)
    rows = [json.loads(line) for line in (folder / "train.jsonl").read_text().splitlines()]
    sides = [json.loads(line) for line in (folder / "provenance/train.jsonl").read_text().splitlines()]
    return bundle.manifest, rows, sides


@pytest.fixture()
def project():
    """Checked pairs: one kept, one fixed, one dropped for its answer, one for its question, one whose
    question was put right; and a prompt that nobody has judged."""
    made = judged.project(slug="checked", kind="qa")
    [person] = judged.annotators(made, 1)
    verdicts = [
        {"verdict": "keep"},
        {"verdict": "fix", "corrections": [{"target": "response", "answer": 0, "text": "Two, at a time."}]},
        {"verdict": "drop", "reasons": ["wrong_answer"]},
        {"verdict": "drop", "reasons": ["bad_question"]},
        {"verdict": "fix", "corrections": [{"target": "question", "text": "How many at a time?"}]},
    ]
    for n, verdict in enumerate(verdicts):
        item = judged.item(made, (f"Two {n}.",), prompt=cast.make_prompt(made, f"How many {n}?"))
        judged.judge(item, person, verdict)
    judged.item(made, ("Three.",), prompt=cast.make_prompt(made, "Who knows?"))
    return made


@pytest.mark.parametrize(
    ("form", "stage", "question", "column"),
    [
        ("trl-grpo", "", "prompt", "solution"),
        ("swift", "rl", "messages", "solution"),
        ("openrlhf", "rl", "prompt", "label"),
    ],
)
def test_prompts_with_what_experts_say_of_them(project, form, stage, question, column):
    manifest, rows, sides = exported(project, format=form, stage=stage)
    assert {row[question][-1]["content"]: row[column] for row in rows} == {
        "How many 0?": "Two 0.",
        "How many 1?": "Two, at a time.",
        "How many 2?": "",
        "How many at a time?": "Two 4.",
        "Who knows?": "",
    }
    left_out = {code: entry["count"] for code, entry in manifest["left_out"].items()}
    assert (left_out["question_dropped"], left_out["question_replaced"]) == (1, 1)
    assert manifest["counts"]["examples"] == {"PromptOnly": 4, "Sft": 3}
    assert manifest["counts"]["rows"] == 5 and manifest["counts"]["joined"] == 2
    assert [side["reason"] for side in sides].count("prompt") == 2
    assert manifest["stage"] == stage
    [note] = [n for n in manifest["notes"] if n["code"] == "no_solution"]
    assert (note["without"], note["prompts"]) == (2, 5)


def test_only_what_the_stage_learns_from_is_collected(project):
    kinds = {}
    for stage in ("sft", "rm", "dpo", "kto", "rl"):
        manifest, _rows, _sides = exported(project, format="swift", stage=stage)
        kinds[stage] = set(manifest["counts"]["examples"])
        assert manifest["stage"] == stage and manifest["options"]["stage"] == stage
    pairs = {"Preference"}
    assert kinds == {
        "sft": {"Sft"},
        "rm": pairs,
        "dpo": pairs,
        "kto": {"Binary"},
        "rl": {"Sft", "PromptOnly"},
    }
    manifest, _rows, _sides = exported(project, format="swift")
    assert manifest["stage"] == "sft" and manifest["options"]["stage"] == ""
    with pytest.raises(DomainError) as refused:
        exported(project, format="bailian", stage="kto")
    assert refused.value.field == "stage"


def test_a_triple_is_a_pair_and_a_correction_of_its_prompt():
    project = judged.project(slug="triples")
    [person] = judged.annotators(project, 1)
    corrected = judged.item(project, ("good", "poor"), targets=[0])
    judged.judge(
        corrected,
        person,
        {"ranking": [[0], [1]], "corrections": [{"target": "response", "answer": 0, "text": "best"}]},
    )
    judged.judge(judged.item(project, ("a", "b")), person, {"ranking": [[0], [1]]})
    manifest, rows, _sides = exported(project, format="trl-tpo")
    said = {tuple(row[c][0]["content"] for c in ("chosen", "rejected", "reference")) for row in rows}
    assert said == {("good", "poor", "best"), ("best", "good", "best")}
    assert manifest["left_out"]["no_reference"]["count"] == 1
    assert manifest["counts"]["joined"] == 1 and manifest["counts"]["examples"]["Sft"] == 1
