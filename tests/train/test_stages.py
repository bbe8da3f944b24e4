"""What the loaders of OpenRLHF, ms-swift and Axolotl themselves make of the rows written for them (see
trainer_sources: only what turns rows into tokens is run, nothing is trained). Of Bailian there is no
source."""

from types import SimpleNamespace

import pytest
import yaml

pytest.importorskip("trl", reason="make test-train installs the trainers")

from tests.train import data, trainer_sources
from tests.train.test_trl import load
from tests.train.trainer_sources import needs_sources
from training_export.formats import FORMATS, Options

pytestmark = [pytest.mark.train, needs_sources]
ENDS = "<|im_end|>\n"


def written(form, stage, folder, examples):
    options = Options(stage=stage)
    writer = FORMATS[form].open(folder, options)
    for example in examples:
        writer.add(example)
    writer.close()
    assert not [p for p in FORMATS[form].check(folder, options) if p.level == "error"]
    assert not writer.left_out
    return load(folder)


def plain(examples):
    return [e for e in examples if not e.tools]


# --- OpenRLHF


def asked(**keys):
    """A strategy, of which the data sets read the arguments alone."""
    given = SimpleNamespace(apply_chat_template=True, **keys)
    return SimpleNamespace(args=SimpleNamespace(data=given), is_rank_0=lambda: True)


def test_openrlhf_learns_the_target_alone(tmp_path, tokenizer):
    examples = plain(data.sft())
    rows = written("openrlhf", "sft", tmp_path, examples)
    module = trainer_sources.openrlhf("sft_dataset")
    made = module.SFTDataset(rows, tokenizer, 4096, asked(input_key="messages"), num_processors=1)
    assert len(made) == len(examples)
    assert set(made.responses) == {e.target.text + ENDS for e in examples}
    for i in range(len(made)):
        ids, _attention, mask = made[i]
        learnt = tokenizer.decode(ids[0][1:][mask[0][:-1].bool()])
        assert made.responses[i].rstrip("\n") == learnt


@pytest.mark.parametrize("stage", ["rm", "dpo"])
def test_openrlhf_keeps_every_pair(tmp_path, tokenizer, stage):
    examples = plain(data.preferences())
    rows = written("openrlhf", stage, tmp_path, examples)
    module = trainer_sources.openrlhf("reward_dataset")
    strategy = asked(prompt_key="prompt", chosen_key="chosen", rejected_key="rejected")
    made = module.RewardDataset(rows, tokenizer, 4096, strategy, is_dpo=stage == "dpo", num_processors=1)
    assert {(c, r) for c, r in zip(made.chosens, made.rejects, strict=True)} == {
        (e.chosen.text + ENDS, e.rejected.text + ENDS) for e in examples
    }
    assert len(made) == len(examples)


def test_openrlhf_reads_prompts_and_labels_and_makes_pictures_of_marks(tmp_path, tokenizer):
    examples = plain(data.sft())
    rows = written("openrlhf", "rl", tmp_path, examples)
    module = trainer_sources.openrlhf("prompts_dataset")
    made = module.PromptDataset(rows, tokenizer, asked(input_key="prompt", label_key="label"))
    assert set(made.labels) == {e.target.text for e in examples} and len(made) == len(examples)
    assert all(e.context[-1]["content"] in "".join(made.prompts) for e in examples)
    assert module._str_to_content_list("<image>?") != "<image>?"  # why such prompts are left out


# --- ms-swift


@pytest.fixture()
def swift():
    with trainer_sources.swift() as modules:
        yield modules


@pytest.mark.parametrize("stage", ["sft", "rm", "dpo", "kto", "rl"])
def test_swift_keeps_every_row_as_it_was_meant(tmp_path, swift, stage):
    core, _loss = swift
    make = {"sft": data.sft, "rl": data.sft, "kto": data.binary}.get(stage, data.preferences)
    examples = list(make())
    rows = written("swift", stage, tmp_path, examples)
    kept = core.AutoPreprocessor()(rows, strict=True)
    assert len(kept) == len(examples)
    last = {(row["messages"][-1]["role"], row["messages"][-1]["content"]) for row in kept}
    if stage == "rl":
        assert set(kept["solution"]) == {e.target.text for e in examples}
        assert {role for role, _ in last} == {"user", "tool_response"}
        return
    texts = {"sft": "target", "kto": "answer"}.get(stage, "chosen")
    assert last == {("assistant", getattr(e, texts).text) for e in examples}
    if stage == "kto":
        assert {(r["messages"][-1]["content"], r["label"]) for r in kept} == {
            (e.answer.text, e.label) for e in examples
        }
    elif stage != "sft":
        assert set(kept["rejected_response"]) == {e.rejected.text for e in examples}
    with_tools = [row for row in kept if row["tools"]]
    assert len(with_tools) == len([e for e in examples if e.tools])
    assert all(row["tools"] == data.TOOLS for row in with_tools)


def test_swift_puts_loss_on_the_judged_answer_alone(tmp_path, swift):
    core, loss = swift
    kept = core.AutoPreprocessor()(written("swift", "sft", tmp_path, plain(data.sft())), strict=True)
    talks = [row["messages"] for row in kept if len(row["messages"]) > 3]
    assert talks
    for messages in talks:
        messages = [m for m in messages if m["role"] != "system"]
        kinds = ["response" if m["role"] == "assistant" else "other" for m in messages]
        _texts, scale = loss.LossScale("default")([m["content"] for m in messages], kinds, messages)
        assert scale == [0.0] * (len(messages) - 1) + [1.0]


def test_swift_drops_equal_answers_itself_and_null(swift):
    core, _loss = swift
    for said in ("same", None):
        row = {"messages": [{"role": "assistant", "content": "same"}], "rejected_response": said}
        with pytest.raises(ValueError, match="rejected_response"):
            core.RowPreprocessor._check_rejected_response(row)


# --- Axolotl


def axolotl_settings(folder, stage):
    """(its settings as it holds them, those of the data set)."""
    from axolotl.utils.dict import DictDefault

    cfg = DictDefault(yaml.safe_load((folder / f"{stage}.yaml").read_text(encoding="ascii")))
    return cfg, cfg["datasets"][0]


def test_axolotl_learns_the_target_alone(tmp_path, tokenizer):
    examples = list(data.sft())
    rows = written("axolotl", "sft", tmp_path, examples)
    [module] = trainer_sources.axolotl("chat_template")
    strategy = module.load(tokenizer, *axolotl_settings(tmp_path, "sft"))
    learnt, calls = set(), 0
    for row in rows:
        made = strategy.tokenize_prompt(row)
        learnt.add(tokenizer.decode([t for t in made["labels"] if t != -100]))
        whole = tokenizer.decode(made["input_ids"])
        calls += '<call>dose_limit {"drug": "对乙酰氨基酚"}</call>' in whole
        assert ("# Tools" in whole) == (row["tools"] != "[]")
    assert learnt == {e.target.text + "<|im_end|>" for e in examples} and calls == 8


def test_axolotl_keeps_every_pair(tmp_path, tokenizer):
    examples = plain(data.preferences())
    rows = written("axolotl", "dpo", tmp_path, examples)
    [module] = trainer_sources.axolotl("dpo.chat_template")
    cfg, _of_data = axolotl_settings(tmp_path, "dpo")
    transform, _more = module.default(cfg)
    made = [transform(dict(row), tokenizer=tokenizer) for row in rows]
    assert {(row["chosen"], row["rejected"]) for row in made} == {
        (e.chosen.text + "<|im_end|>", e.rejected.text + "<|im_end|>") for e in examples
    }
    assert all(row["prompt"].endswith("<|im_start|>assistant\n") for row in made)


@pytest.mark.parametrize(
    ("answer", "learnt"),
    [
        ("user", "user\n[[dummy_message]]<|im_end|>\n<|im_start|>assistant\nuser<|im_end|>"),
        ("good ", ""),  # not found: all that is left is the last character, a line end
    ],
)
def test_axolotl_learns_something_else_than_some_answers(tokenizer, answer, learnt):
    """Which is why they are left out: it looks for the answer's text in all that was rendered, and a template
    may trim it."""
    [module] = trainer_sources.axolotl("dpo.chat_template")
    from axolotl.utils.dict import DictDefault

    trimming = (
        "{% for message in messages %}<|im_start|>{{ message.role }}\n{{ message.content | trim }}"
        "<|im_end|>\n{% endfor %}"
    )
    cfg = DictDefault({"datasets": [{}], "chat_template": "jinja", "chat_template_jinja": trimming})
    transform, _more = module.default(cfg)
    row = {"messages": [{"role": "user", "content": "?"}]}
    row |= {side: {"role": "assistant", "content": answer} for side in ("chosen", "rejected")}
    assert transform(row, tokenizer=tokenizer)["chosen"] == learnt


def test_axolotl_reads_labels_of_whole_talks(tmp_path, tokenizer):
    examples = plain(data.binary())
    rows = written("axolotl", "kto", tmp_path, examples)
    [module] = trainer_sources.axolotl("kto.chatml")
    transform = module.argilla_chat({})
    made = [transform(dict(row)) for row in rows]
    assert {(row["completion"], row["label"]) for row in made} == {
        (e.answer.text + "<|im_end|>", e.label) for e in examples
    }
    talk = [row["prompt"] for row in made if "2? #0" in row["prompt"]]
    assert talk[0].startswith("<|im_start|>user\n1?<|im_end|>\n<|im_start|>assistant\none<|im_end|>\n")


def test_axolotl_reads_pairs_for_a_reward_model(tmp_path, tokenizer):
    examples = [e for e in plain(data.preferences()) if e.context[0]["role"] != "user" or len(e.context) == 1]
    rows = written("axolotl", "rm", tmp_path, examples)
    [module] = trainer_sources.axolotl("bradley_terry.chat_template")
    strategy = module.load(tokenizer, *axolotl_settings(tmp_path, "rm"))
    made = [strategy._tokenize_single_prompt(dict(row)) for row in rows]
    ends = {tuple(tokenizer.decode(row[f"{s}_ids"]) for s in ("chosen", "rejected")) for row in made}
    assert len(ends) == len(examples)
    for example in examples:
        pairs = [
            (c, r) for c, r in ends if example.chosen.text + ENDS in c and example.rejected.text + ENDS in r
        ]
        assert pairs and all(example.context[-1]["content"] in c for c, _ in pairs)
