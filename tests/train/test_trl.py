"""The real TRL trainers keep every row that was written, and train on the texts that were judged."""

from copy import deepcopy

import pytest

pytest.importorskip("trl", reason="make test-train installs the trainers")

from tests.train import data

pytestmark = pytest.mark.train


def load(folder, name="train.jsonl"):
    from datasets import load_dataset

    return load_dataset(
        "json", data_files=str(folder / name), split="train", cache_dir=str(folder / ".cache")
    )


def test_sft_keeps_every_row_and_learns_the_target_alone(tmp_path, tokenizer, model, arguments):
    from trl import SFTConfig, SFTTrainer

    examples = list(data.sft())
    files = data.written("trl-sft", tmp_path, examples)
    trainer = SFTTrainer(
        model=model, args=arguments(SFTConfig), train_dataset=load(tmp_path), processing_class=tokenizer
    )
    assert len(trainer.train_dataset) == files["train.jsonl"] == len(examples)
    learnt = set()
    for row in trainer.train_dataset:
        labels = [t for t in row["labels"] if t != -100]
        learnt.add(tokenizer.decode(labels))
        whole = tokenizer.decode(row["input_ids"])
        assert whole.endswith(tokenizer.decode(labels))
    assert learnt == {e.target.text + "<|im_end|>\n" for e in examples}
    trainer.train()


def test_sft_renders_tools_calls_and_replies(tmp_path, tokenizer, model, arguments):
    from trl import SFTConfig, SFTTrainer

    data.written("trl-sft", tmp_path, data.sft(1))
    trainer = SFTTrainer(
        model=model, args=arguments(SFTConfig), train_dataset=load(tmp_path), processing_class=tokenizer
    )
    texts = [tokenizer.decode(row["input_ids"]) for row in trainer.train_dataset]
    assert sum("# Tools" in t for t in texts) == 2
    assert any('<call>dose_limit {"drug": "对乙酰氨基酚"}</call>' in t for t in texts)
    assert any('<call>convert {"mg": 4000}</call>' in t and "<|im_start|>tool\n4000" in t for t in texts)
    assert all("null" not in t and "None" not in t for t in texts)


def test_dpo_keeps_every_pair(tmp_path, tokenizer, model, arguments):
    from trl import DPOConfig, DPOTrainer

    examples = list(data.preferences())
    files = data.written("trl-preference", tmp_path, examples)
    trainer = DPOTrainer(
        model=model,
        ref_model=deepcopy(model),
        args=arguments(DPOConfig),
        train_dataset=load(tmp_path),
        processing_class=tokenizer,
    )
    assert len(trainer.train_dataset) == files["train.jsonl"] == len(examples)
    pairs = {
        (tokenizer.decode(r["chosen_ids"]), tokenizer.decode(r["rejected_ids"]))
        for r in trainer.train_dataset
    }
    assert pairs == {(e.chosen.text + "<|im_end|>\n", e.rejected.text + "<|im_end|>\n") for e in examples}
    trainer.train()


@pytest.mark.parametrize("margin", ["none", "strength"])
def test_reward_keeps_every_pair(tmp_path, tokenizer, reward_model, arguments, margin):
    from trl import RewardConfig, RewardTrainer

    examples = list(data.preferences())
    files = data.written("trl-rm", tmp_path, examples, margin=margin)
    rows = load(tmp_path)
    assert ("margin" in rows.column_names) == (margin == "strength")
    trainer = RewardTrainer(
        model=reward_model, args=arguments(RewardConfig), train_dataset=rows, processing_class=tokenizer
    )
    assert len(trainer.train_dataset) == files["train.jsonl"] == len(examples)
    if margin == "strength":
        assert sorted({round(m, 6) for m in trainer.train_dataset["margin"]}) == [0.333333, 0.666667, 1.0]
    trainer.train()


def test_kto_keeps_every_row_and_pairs_no_prompt_with_itself(tmp_path, tokenizer, model, arguments):
    from trl import KTOConfig, KTOTrainer

    examples = list(data.binary())
    files = data.written("trl-kto", tmp_path, examples)
    trainer = KTOTrainer(
        model=model,
        ref_model=deepcopy(model),
        args=arguments(KTOConfig),
        train_dataset=load(tmp_path),
        processing_class=tokenizer,
    )
    kept = trainer.train_dataset
    assert len(kept) == files["train.jsonl"] == len(examples)
    assert sum(kept["label"]) == sum(e.label for e in examples)
    answers_of = {}
    for row in kept:
        answers_of.setdefault(tuple(row["prompt_ids"]), []).append(row["completion_ids"])
    # TRL turns the answers round inside each batch: no prompt may meet one of its own, not even across the
    # batch's ends.
    for row in kept:
        assert row["KL_completion_ids"] not in answers_of[tuple(row["prompt_ids"])]
    trainer.train()


def test_files_of_all_splits_load_together(tmp_path):
    from datasets import load_dataset

    from training_export.formats import FORMATS

    writer = FORMATS["trl-sft"].open(tmp_path, splits=("train", "validation"))
    for i, example in enumerate(data.sft()):
        writer.add(example, "validation" if i % 5 == 4 else "train")  # tool rows in both
    writer.close()
    both = load_dataset(
        "json",
        data_files={s: str(tmp_path / f"{s}.jsonl") for s in ("train", "validation")},
        cache_dir=str(tmp_path / ".cache"),
    )
    assert {s: len(rows) for s, rows in both.items()} == {"train": 32, "validation": 8}


def test_texts_survive_loading_code_point_for_code_point(tmp_path):
    examples = list(data.sft())
    data.written("trl-sft", tmp_path, examples)
    loaded = {row["completion"][0]["content"]: row["prompt"][-1]["content"] for row in load(tmp_path)}
    assert loaded == {e.target.text: e.context[-1]["content"] for e in examples}


def test_rows_with_tools_load_however_late_they_come(tmp_path, tokenizer, model, arguments):
    """datasets guesses the columns' types from the first 10 MB: with the tool rows behind them the whole file
    would not load."""
    from training_export.curate.examples import Answer, Sft

    plain = (
        Sft(
            context=[{"role": "user", "content": f"{i} " + "长" * 3000}],
            group_id=f"p{i}",
            target=Answer("短" * 1000),
        )
        for i in range(1000)
    )
    tools = [e for e in data.sft(1) if e.tools]
    data.written("trl-sft", tmp_path, [*plain, *tools])
    assert (tmp_path / "train.jsonl").stat().st_size > 11 << 20
    rows = load(tmp_path)
    assert len(rows) == 1002 and sum(r["tools"] != "null" for r in rows.select_columns("tools")) == 2
