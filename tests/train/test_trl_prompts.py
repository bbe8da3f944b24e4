"""TRL's trainers of prompts and triples take what is written for them: GRPO and RLOO with the rewards that
lie beside the data, SDFT and TPO of trl.experimental."""

import importlib
import sys

import pytest

pytest.importorskip("trl", reason="make test-train installs the trainers")

from tests.train import data
from tests.train.test_trl import load
from training_export.curate.examples import Answer, PromptOnly, Sft
from training_export.formats import FORMATS

pytestmark = pytest.mark.train


def written(form, folder, examples):
    """The writer, after the rows of `examples` were written and checked."""
    writer = FORMATS[form].open(folder)
    for example in examples:
        writer.add(example)
    writer.close()
    assert not [p for p in FORMATS[form].check(folder) if p.level == "error"]
    return writer


def without_tools(examples):
    return [e for e in examples if not e.tools]


def config_of(cls, tmp_path, **more):
    common = {"output_dir": str(tmp_path / "out"), "max_steps": 2, "per_device_train_batch_size": 4}
    common |= {"report_to": "none", "save_strategy": "no", "use_cpu": True, "bf16": False, "seed": 0}
    return cls(**common | {"max_completion_length": 8, "disable_tqdm": True} | more)


@pytest.fixture()
def beside(tmp_path, monkeypatch):
    """Imports `rewards` as `trl grpo --reward_funcs rewards.overlap` does in the folder of the data."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, "rewards", raising=False)

    def imported():
        module = importlib.import_module("rewards")
        assert module.__file__.startswith(str(tmp_path))
        return module

    yield imported
    sys.modules.pop("rewards", None)


@pytest.fixture()
def saved(tmp_path, tokenizer, model):
    """The model in a folder: some trainers load a second one from where the first came from."""
    folder = tmp_path / "model"
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return str(folder)


@pytest.mark.parametrize("kind", ["GRPO", "RLOO"])
def test_prompts_are_answered_and_rewarded_by_their_solution(tmp_path, tokenizer, saved, beside, kind):
    import trl

    examples = without_tools(data.sft(2))
    more = PromptOnly(context=[{"role": "user", "content": "nobody answered"}], group_id="none")
    writer = written("trl-grpo", tmp_path, [*examples, more])
    assert not writer.left_out
    rewards, seen = beside(), []

    def watched(completions, solution, **columns):
        seen.extend(zip(columns["prompts"], solution, strict=True))
        return rewards.overlap(completions, solution, **columns)

    train = load(tmp_path)
    assert len(train) == len(examples) + 1 and train.column_names == ["prompt", "solution"]
    trainer = getattr(trl, f"{kind}Trainer")(
        model=saved,
        reward_funcs=[watched, rewards.contains],
        args=config_of(getattr(trl, f"{kind}Config"), tmp_path, num_generations=2, max_steps=8),
        train_dataset=train,
        processing_class=tokenizer,
    )
    trainer.train()
    wanted = {e.context[-1]["content"]: e.target.text for e in examples} | {"nobody answered": ""}
    assert seen and all(wanted[prompt[-1]["content"]] == solution for prompt, solution in seen)
    assert {solution for _prompt, solution in seen} == set(wanted.values())


def test_the_teacher_sees_what_is_written_for_it(tmp_path, tokenizer, saved):
    from trl.experimental.sdft import SDFTConfig, SDFTTrainer

    passage = [{"title": "说明书", "text": "一天不超过4克。"}]
    examples = [
        *without_tools(data.sft(2)),
        Sft([{"role": "user", "content": "几克?"}], "s", sources=passage, target=Answer("4 克")),
    ]
    writer = written("trl-sdft", tmp_path, examples)
    assert not writer.left_out
    train = load(tmp_path)
    assert len(train) == len(examples)
    trainer = SDFTTrainer(
        model=saved,
        args=config_of(SDFTConfig, tmp_path, num_generations=2),
        train_dataset=train,
        processing_class=tokenizer,
    )
    row = train[len(train) - 1]
    [shown] = trainer.teacher_context_builder.select_generation_prompts(
        [row["prompt"]], [row["privileged_context"]]
    )
    assert shown[-1]["content"] == "几克?\n\n[1] 说明书\n一天不超过4克。\n\n4 克"
    trainer.train()


def test_sdft_takes_no_prompt_that_ends_with_a_tools_reply():
    """Which is why our rows have none."""
    from trl.experimental.sdft.sdft_trainer import _extract_last_user_text

    with pytest.raises(ValueError, match="user turn"):
        _extract_last_user_text([{"role": "user", "content": "?"}, {"role": "tool", "content": "4"}])


def test_triples_keep_their_three_answers(tmp_path, tokenizer, model, arguments):
    from trl.experimental.tpo import TPOConfig, TPOTrainer

    examples = list(data.triples(2))
    writer = written("trl-tpo", tmp_path, examples)
    pairs = list(data.preferences(2))
    assert not writer.left_out and writer.joined == len(examples) - len(pairs)
    trainer = TPOTrainer(
        model=model, args=arguments(TPOConfig), train_dataset=load(tmp_path), processing_class=tokenizer
    )
    triples = {
        tuple(tokenizer.decode(row[f"{side}_ids"]) for side in ("chosen", "rejected", "reference"))
        for row in trainer.train_dataset
    }
    targets = {e.group_id: e.target.text for e in data.sft(2)}
    assert triples == {
        tuple(f"{text}<|im_end|>\n" for text in (p.chosen.text, p.rejected.text, targets[p.group_id]))
        for p in pairs
    }
    trainer.train()
