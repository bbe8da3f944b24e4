"""Data sets that recipes made of judgements by a known rule, trained on by their own script, as it is, with
the trainer's own command."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("trl", reason="make test-train installs the trainers")

from tests import cast
from tests.train.conftest import config
from tests.training_export import judged
from training_export.bundles.make import form_named, make_bundle, options_for
from training_export.publish.parquet_rows import rows_of
from training_export.publish.snapshot_files import folder_of_snapshot, rows_of_snapshot
from training_export.publish.snapshots import folder_of
from training_export.recipes.actions import apply_recipe
from training_export.recipes.document import RecipeDocument
from training_export.recipes.make import make_snapshot

pytestmark = [pytest.mark.train, pytest.mark.django_db]
GOOD, BAD = "Take it with a meal.", "Take it on an empty stomach."
BUNDLES = [
    ("sft", "trl-sft", ["--max_steps", "2"]),
    ("preference", "trl-preference", ["--max_steps", "2"]),
    ("preference", "trl-rm", ["--max_steps", "2"]),
    ("binary", "trl-kto", ["--max_steps", "2"]),
    ("sft", "trl-grpo", ["--max_steps", "1", "--num_generations", "2", "--max_completion_length", "8"]),
]
ON_CPU = ["--use_cpu", "--bf16", "False", "--report_to", "none", "--save_strategy", "no"]


def asked(n: int) -> str:
    return f"How do I take medicine number {n}?"


@pytest.fixture
def project():
    """Sixty items: the answer with a meal is better, and its rival is corrected to it now and then."""
    made = judged.project()
    expert = judged.annotators(made, 1)[0]
    for n in range(60):
        order = [BAD, GOOD] if n % 2 else [GOOD, BAD]
        item = judged.item(made, [f"{text} ({n})" for text in order], prompt=cast.make_prompt(made, asked(n)))
        better = order.index(GOOD)
        document = {"ranking": [[better], [1 - better]], "acceptable": 1}
        if n % 3 == 0:
            correction = {"target": "response", "answer": better, "text": f"{GOOD} Always. ({n})"}
            document["corrections"] = [correction]
        judged.judge(item, expert, document)
    return made


def snapshot_of(project, kind: str, *steps):
    document = RecipeDocument.of({"kinds": [kind], "steps": list(steps)})
    version, _new = apply_recipe(project=project, actor=None, name=kind, document=document)
    return make_snapshot(project=project, actor=None, version=version)


def saved(tokenizer, folder: Path, *, reward: bool = False) -> Path:
    import torch
    from transformers import Qwen2ForCausalLM, Qwen2ForSequenceClassification

    torch.manual_seed(0)
    kind = Qwen2ForSequenceClassification if reward else Qwen2ForCausalLM
    kind(config(tokenizer, **({"num_labels": 1} if reward else {}))).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def trained(bundle, model: Path, out: Path, *more: str) -> str:
    """What the bundle's own script said; it must have ended well."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    said = subprocess.run(
        ["sh", str(folder_of(bundle) / "train.sh"), str(model), str(out), *ON_CPU, *more],
        env={**os.environ, "PATH": path, "HF_HUB_OFFLINE": "1"},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert said.returncode == 0, said.stderr[-3000:]
    return said.stdout


@pytest.mark.parametrize(("kind", "name", "more"), BUNDLES)
def test_the_script_of_a_bundle_trains_as_it_is(project, tokenizer, tmp_path, kind, name, more):
    snapshot = snapshot_of(project, kind, {"split": {"shares": [80, 20, 0]}})
    form = form_named(name)
    bundle = make_bundle(snapshot=snapshot, actor=None, form=form, options=options_for(form, {}))
    assert not bundle.manifest["left_out"]
    model = saved(tokenizer, tmp_path / "model")
    trained(bundle, model, tmp_path / "out", *more)
    assert (tmp_path / "out" / "config.json").exists()


def test_a_reward_model_learns_the_experts_rule_from_the_bundle(project, tokenizer, tmp_path):
    """Right on at least nine of ten pairs of prompts that were held back."""
    import torch
    from transformers import AutoModelForSequenceClassification

    snapshot = snapshot_of(project, "preference", {"split": {"shares": [70, 30, 0]}})
    form = form_named("trl-rm")
    bundle = make_bundle(snapshot=snapshot, actor=None, form=form, options=options_for(form, {}))
    model = saved(tokenizer, tmp_path / "model", reward=True)
    steps = ["--max_steps", "40", "--learning_rate", "5e-3", "--per_device_train_batch_size", "16"]
    trained(bundle, model, tmp_path / "out", *steps, "--eval_strategy", "no", "--seed", "0")
    judge = AutoModelForSequenceClassification.from_pretrained(tmp_path / "out").eval()

    def score(row, answer) -> float:
        messages = [*row.context, {"role": "assistant", "content": answer.text}]
        text = tokenizer.apply_chat_template(messages, tokenize=False)
        with torch.no_grad():
            return judge(**tokenizer(text, return_tensors="pt")).logits[0, 0].item()

    held = snapshot.manifest["files"]
    assert {"data/preference-train.parquet", "data/preference-validation.parquet"} <= {
        f["path"] for f in held
    }

    rows = list(rows_of(folder_of_snapshot(snapshot) / "data/preference-validation.parquet"))
    rows = [row for row in rows if BAD in row.rejected.text]
    right = sum(score(row, row.chosen) > score(row, row.rejected) for row in rows)
    assert len(rows) >= 10 and right / len(rows) >= 0.9
    assert len(list(rows_of_snapshot(project, snapshot.number))) == 80
