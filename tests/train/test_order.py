"""From judgements in the database, through the command, to a reward model that ranks the answers of prompts
it has never seen as the annotators would; from flipped pairs it does not."""

import json
import random
from copy import deepcopy
from io import StringIO
from pathlib import Path

import pytest

pytest.importorskip("trl", reason="make test-train installs the trainers")

from django.core.management import call_command

from tests.train.test_trl import load
from tests.training_export import judged

pytestmark = [pytest.mark.train, pytest.mark.django_db]

# What the annotators look for, best first: is the advice checked, likely, guessed or careless.
CARE = ("查过说明书", "应该可以", "大概吧", "随便吃")
WORDS = ("饭后", "早晨", "多喝水", "一片", "两次", "休息", "按时", "复诊")


def answers(draw: random.Random) -> list[str]:
    """Four answers of different care, in the order of CARE; the tell-tale word stands anywhere among the
    others."""
    out = []
    for care in CARE:
        words = draw.choices(WORDS, k=4)
        words.insert(draw.randrange(5), care)
        out.append(",".join(words))
    return out


def ranked_project(n: int):
    """`n` prompts, each ranked by an annotator (some with a tie or a partial ranking), a line under the
    second answer, the third corrected."""
    draw = random.Random(7)
    project = judged.project(slug="care")
    [person] = judged.annotators(project, 1)
    for i in range(n):
        texts = answers(draw)
        shown = list(range(4))
        draw.shuffle(shown)
        item = judged.item(project, [texts[n] for n in shown])
        ranking = [[shown.index(n)] for n in range(4)]
        if i % 10 == 0:
            ranking = [ranking[0], ranking[1] + ranking[2], ranking[3]]
        document = {"ranking": ranking} if i % 10 != 5 else {"ranking": ranking[:1], "rest": "worse"}
        document |= {"acceptable": min(2, len(document["ranking"]))}
        if i % 3 == 0:
            document |= {
                "corrections": [{"target": "response", "answer": shown.index(2), "text": f"问过医生第{i}次"}]
            }
        judged.judge(item, person, document)


def export(folder, **options) -> dict[str, int]:
    """{file: rows} of the command's export of the project."""
    said = StringIO()
    call_command("export_dataset", "care", out=str(folder), json=True, stdout=said, **options)
    return {Path(f["path"]).name: f["rows"] for f in json.loads(said.getvalue())["files"]}


def trained(reward_model, tokenizer, arguments, train, held_out) -> float:
    from trl import RewardConfig, RewardTrainer

    args = arguments(
        RewardConfig,
        max_steps=100,
        per_device_train_batch_size=16,
        per_device_eval_batch_size=64,
        learning_rate=5e-3,
        warmup_steps=10,
        logging_steps=40,
    )
    trainer = RewardTrainer(
        model=reward_model, args=args, train_dataset=train, eval_dataset=held_out, processing_class=tokenizer
    )
    assert (len(trainer.train_dataset), len(trainer.eval_dataset)) == (len(train), len(held_out))
    trainer.train()
    return trainer.evaluate()["eval_accuracy"]


@pytest.fixture()
def exported(tmp_path):
    ranked_project(150)
    return tmp_path / "out", export(tmp_path / "out", format="trl-rm", split="70,30,0")


def test_reward_model_learns_the_annotators_order_on_held_out_prompts(
    exported, reward_model, tokenizer, arguments
):
    folder, rows = exported
    train, held_out = load(folder), load(folder, "validation.jsonl")
    assert (len(train), len(held_out)) == (rows["train.jsonl"], rows["validation.jsonl"])
    assert len(held_out) >= 100
    assert not {r[0]["content"] for r in train["prompt"]} & {r[0]["content"] for r in held_out["prompt"]}
    assert trained(reward_model, tokenizer, arguments, train, held_out) >= 0.8


def test_flipped_pairs_do_not_pass_for_the_annotators_order(exported, reward_model, tokenizer, arguments):
    folder, _ = exported
    flipped = load(folder).map(lambda r: {"chosen": r["rejected"], "rejected": r["chosen"]})
    assert trained(reward_model, tokenizer, arguments, flipped, load(folder, "validation.jsonl")) < 0.2


# Of 30 prompts 24 are ranked in full (6 pairs), 3 with a tie (5), 3 with one answer above the rest (3); 10
# have a correction. The line labels all four.
@pytest.mark.parametrize(
    ("form", "kind", "rows"),
    [("trl-sft", "SFT", 10), ("trl-preference", "DPO", 178), ("trl-kto", "KTO", 120)],
)
def test_rows_of_the_command_are_rows_of_the_trainer(tmp_path, model, tokenizer, arguments, form, kind, rows):
    import trl

    ranked_project(30)
    written = export(tmp_path / "out", format=form)["train.jsonl"]
    assert written == rows
    more = {"ref_model": deepcopy(model)} if kind != "SFT" else {}
    train = load(tmp_path / "out")
    trainer = getattr(trl, kind + "Trainer")(
        model=model,
        args=arguments(getattr(trl, kind + "Config")),
        train_dataset=train,
        processing_class=tokenizer,
        **more,
    )
    assert len(trainer.train_dataset) == len(train) == written
    trainer.train()
