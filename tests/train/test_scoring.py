"""The steps that score with a model, on tiny real models: every score is held to its formula, computed one
row at a time, one token at a time, in 64-bit numbers and without padding."""

import json
import math
import shutil
import struct

import pytest

pytest.importorskip("torch", reason="make test-train installs the trainers")

from core.errors import DomainError
from tests.train.conftest import TEMPLATE, config
from tests.training_export.steps.rows_made import asked, pair, run, sft
from training_export.curate.examples import Answer, PromptOnly, Sft
from training_export.curate.identity import content_key
from training_export.steps import Cache, Means, Row
from training_export.steps.scoring.batches import scored
from training_export.steps.scoring.likelihood import Likelihood
from training_export.steps.scoring.rewards import Rewards
from training_export.steps.scoring.texts import Piece

pytestmark = pytest.mark.train

TEXTS = [
    ("阿司匹林一天最多吃多少?", "成人一般不超过 4 克，分次服用；有胃病史的人先问医生。"),
    ("Can I take it with wine?", "No."),
    ("头痛怎么办?", "先休息、喝水。" * 6),
    ("What does NSAID mean? " * 5, "Non-steroidal anti-inflammatory drug 😀"),
    ("1+1?", "2"),
]
ROWS = [sft(question, answer) for question, answer in TEXTS]
NO_SYSTEM = (
    "{% if messages[0].role == 'system' %}{{ raise_exception('no system role') }}{% endif %}" + TEMPLATE
)


class Kept(Cache):
    """A cache that keeps, and counts what was put."""

    def __init__(self):
        self.held, self.puts = {}, []

    def get(self, name, keys):
        return {key: self.held[name, key] for key in keys if (name, key) in self.held}

    def put(self, name, values):
        self.puts.append(len(values))
        self.held |= {(name, key): value for key, value in values.items()}


def saved(folder, model, tokenizer):
    """`folder` with a model of large random weights: those that training starts from tell all tokens apart
    from none."""
    import torch

    torch.manual_seed(1)
    with torch.no_grad():
        for weights in model.parameters():
            if weights.ndim > 1:
                weights.normal_(0, 0.3)
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def folders(tmp_path_factory, tokenizer):
    """{name: folder}: a Qwen with a chat template, a Llama with a start token, a GPT-2 without a template, a
    reward model."""
    import copy

    from transformers import (
        GPT2Config,
        GPT2LMHeadModel,
        LlamaConfig,
        LlamaForCausalLM,
        Qwen2ForCausalLM,
        Qwen2ForSequenceClassification,
    )

    root = tmp_path_factory.mktemp("models")
    begun, bare = copy.deepcopy(tokenizer), copy.deepcopy(tokenizer)
    begun.add_special_tokens({"bos_token": "<|begin|>"})
    bare.chat_template = None
    ids = {"pad_token_id": tokenizer.pad_token_id, "eos_token_id": tokenizer.eos_token_id}
    llama = LlamaConfig(
        vocab_size=len(begun), hidden_size=32, intermediate_size=48, num_hidden_layers=2,
        num_attention_heads=4, num_key_value_heads=2, max_position_embeddings=2048,
        bos_token_id=begun.bos_token_id, **ids,
    )  # fmt: skip
    gpt2 = GPT2Config(
        vocab_size=len(bare), n_embd=32, n_layer=2, n_head=2, n_positions=2048, bos_token_id=None, **ids
    )
    return {
        "qwen": saved(root / "qwen", Qwen2ForCausalLM(config(tokenizer)), tokenizer),
        "llama": saved(root / "llama", LlamaForCausalLM(llama), begun),
        "gpt2": saved(root / "gpt2", GPT2LMHeadModel(gpt2), bare),
        "reward": saved(
            root / "reward", Qwen2ForSequenceClassification(config(tokenizer, num_labels=1)), tokenizer
        ),
    }


@pytest.fixture()
def forwards(monkeypatch):
    """The shapes of all that any model was given, in their order."""
    from torch.nn import Module

    seen, call = [], Module.__call__

    def counted(module, *args, **kwargs):
        if type(module).__name__.startswith(("Qwen2For", "LlamaFor", "GPT2LM")):  # not the body inside
            seen.append(tuple(kwargs["input_ids"].shape))
        return call(module, *args, **kwargs)

    monkeypatch.setattr(Module, "__call__", counted)
    return seen


class Plainly:
    """A model asked token by token."""

    def __init__(self, folder):
        import torch
        from transformers import AutoModelForCausalLM, AutoTokenizer

        self.torch, self.tokenizer = torch, AutoTokenizer.from_pretrained(folder)
        self.model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float64).eval()

    def ids(self, text):
        return self.tokenizer.encode(text, add_special_tokens=False)

    def prompt(self, messages):
        if self.tokenizer.chat_template:
            return self.tokenizer.apply_chat_template(
                messages, add_generation_prompt=True, tokenize=True, return_dict=False
            )
        return self.ids("".join(f"### {m['role']}\n{m['content']}\n\n" for m in messages) + "### assistant\n")

    def start(self):
        first = self.tokenizer.bos_token_id
        return [self.tokenizer.eos_token_id if first is None else first]

    def mean_nll(self, context, answer):
        total = 0.0
        for place, token in enumerate(answer):
            with self.torch.no_grad():
                logits = self.model(input_ids=self.torch.tensor([context + answer[:place]])).logits[0, -1]
            total -= float(self.torch.log_softmax(logits, -1)[token])
        return total / len(answer)


def by_row(report, rows):
    return [report.scores[content_key(row.example).hex()] for row in rows]


@pytest.mark.parametrize("name", ["qwen", "llama", "gpt2"])
def test_perplexity_is_its_formula(folders, name):
    plain = Plainly(folders[name])
    after, alone = [], []
    for question, answer in TEXTS:
        said = plain.ids(answer)
        after.append(plain.mean_nll(plain.prompt(asked(question)), said))
        alone.append(plain.mean_nll(plain.start(), said))
    assert max(after) - min(after) > 0.1  # there is something to tell apart
    kept, report = run("perplexity", ROWS, model=str(folders[name]))
    assert kept == ROWS
    assert [math.log(score) for score in by_row(report, ROWS)] == pytest.approx(after, abs=1e-9, rel=0)
    report = run("perplexity", ROWS, model=str(folders[name]), given="nothing")[1]
    assert [math.log(score) for score in by_row(report, ROWS)] == pytest.approx(alone, abs=1e-9, rel=0)
    assert (("no_template", "") in run("perplexity", ROWS, model=str(folders[name]))[1].notes) == (
        name == "gpt2"
    )


def test_single_precision_is_the_same_to_the_fifth_digit_and_cached_by_itself(folders):
    means = Means(model=str(folders["llama"]), cache=Kept())
    double = by_row(run("perplexity", ROWS, means)[1], ROWS)
    single = by_row(run("perplexity", ROWS, means, precision="single")[1], ROWS)
    assert single != double and sum(means.cache.puts) == 2 * len(ROWS)
    assert [math.log(a) for a in single] == pytest.approx([math.log(b) for b in double], abs=1e-5, rel=0)


@pytest.mark.parametrize("name", ["qwen", "gpt2"])
def test_ifd_is_its_formula_and_rows_above_one_go(folders, name):
    plain = Plainly(folders[name])
    ratios, perplexities = [], []
    for question, answer in TEXTS:
        said = plain.ids(answer)
        after, alone = (
            plain.mean_nll(plain.prompt(asked(question)), said),
            plain.mean_nll(plain.start(), said),
        )
        ratios.append(after / alone)
        perplexities.append(math.exp(after) / math.exp(alone))
    misled = [row for row, ratio in zip(ROWS, ratios, strict=True) if ratio > 1]
    assert misled and len(misled) < len(ROWS)
    kept, report = run("ifd", ROWS, Means(model=str(folders[name])), share=1.0)
    assert by_row(report, ROWS) == pytest.approx(ratios, abs=1e-9, rel=0)
    assert kept == [row for row in ROWS if row not in misled]
    assert report.dropped == {"not_aligned": len(misled)}
    kept, report = run("ifd", ROWS, Means(model=str(folders[name])), ratio="perplexity", share=0.01)
    assert by_row(report, ROWS) == pytest.approx(perplexities, rel=1e-9)
    best = max(ratio for ratio in ratios if ratio <= 1)
    assert kept == [ROWS[ratios.index(best)]]  # of the others, the highest


def nugget_pieces(plain, row, tasks):
    """[(one-shot context, zero-shot context, the task's answer)]"""
    shown = [*row.example.context, {"role": "assistant", "content": row.example.target.text}]
    return [
        (plain.prompt(shown + asked(question)), plain.prompt(asked(question)), plain.ids(answer))
        for question, answer in tasks
    ]


@pytest.mark.parametrize("name", ["qwen", "llama", "gpt2"])
def test_golden_scores_are_their_formula(folders, name):
    tasks = [
        ("几点睡?", "十一点前。"),
        ("Why?", "Because."),
        ("水?", "每天八杯。"),
        ("Dose?", "5 mg"),
        ("?", "!"),
    ]
    plain, expected = Plainly(folders[name]), []
    for row in ROWS:
        helped = 0
        for one_shot, zero_shot, answer in nugget_pieces(plain, row, tasks):
            helped += -plain.mean_nll(one_shot, answer) > -plain.mean_nll(zero_shot, answer)
        expected.append(helped / len(tasks))
    assert len(set(expected)) > 1
    means = Means(model=str(folders[name]), sets={"medicine": [sft(*task) for task in tasks]}.__getitem__)
    kept, report = run("nuggets", ROWS, means, tasks="medicine")
    assert by_row(report, ROWS) == pytest.approx(expected)
    assert kept == [row for row, score in zip(ROWS, expected, strict=True) if score > 0.5]
    best = sorted(range(5), key=lambda place: (-expected[place], place))[:2]
    assert run("nuggets", ROWS, means, tasks="medicine", share=0.4)[0] == [ROWS[p] for p in sorted(best)]
    assert set(by_row(run("nuggets", ROWS, means, tasks="medicine", anchors=1)[1], ROWS)) <= {0.0, 1.0}


def test_reading_a_common_beginning_once_changes_no_score(folders, forwards):
    tasks = [(question * 3, answer) for question, answer in TEXTS]
    for name in ("qwen", "llama", "gpt2"):
        plain, scorer = Plainly(folders[name]), Likelihood(folders[name], 2048)
        made = nugget_pieces(plain, ROWS[2], tasks)
        pieces = [Piece(context, answer) for context, _zero, answer in made]
        plainly = [plain.mean_nll(context, answer) for context, _zero, answer in made]
        forwards.clear()
        assert scored(scorer, pieces, Cache(), measured=scorer.measured_by_prefix) == pytest.approx(
            plainly, abs=1e-9, rel=0
        )
        (one, common), *others = forwards
        assert one == 1 and common > 100  # the row's own turns, once
        assert sum(rows for rows, _longest in others) == len(tasks)
        assert max(longest for _rows, longest in others) + common == max(
            map(len, (p.context + p.answer for p in pieces))
        )


def test_a_reward_margin_is_the_difference_of_two_rewards_asked_one_by_one(folders):
    import torch
    from transformers import AutoModelForSequenceClassification, AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(folders["reward"])
    model = AutoModelForSequenceClassification.from_pretrained(folders["reward"], dtype=torch.float64).eval()

    def reward(question, answer):
        said = [*asked(question), {"role": "assistant", "content": answer}]
        ids = tokenizer.apply_chat_template(said, tokenize=True, return_dict=False)
        with torch.no_grad():
            return float(model(torch.tensor([ids])).logits[0, 0])

    answers = [answer for _question, answer in TEXTS]
    rows = [
        pair(question, answer, other)
        for (question, answer), other in zip(TEXTS, answers[1:] + answers[:1], strict=True)
    ]
    expected = [
        reward(r.example.group_id, r.example.chosen.text)
        - reward(r.example.group_id, r.example.rejected.text)
        for r in rows
    ]
    assert min(expected) < 0 < max(expected)
    given = {"model": str(folders["reward"])}
    kept, report = run("reward-margin", [*rows, ROWS[0]], disagreement=1000, **given)
    assert kept == [*rows, ROWS[0]] and by_row(report, rows) == pytest.approx(expected, abs=1e-9, rel=0)
    assert report.notes == [("no_pair", "1")]
    kept, report = run("reward-margin", rows, disagreement=1000, least=0, write=True, **given)
    good = [place for place, margin in enumerate(expected) if margin >= 0]
    assert [row.example.chosen for row in kept] == [rows[place].example.chosen for place in good]
    assert [row.example.margin for row in kept] == pytest.approx([expected[p] for p in good], abs=1e-6, rel=0)
    assert report.dropped == {"small_margin": len(rows) - len(good)} and report.changed == len(good)
    assert all(row.example.margin is None for row in rows)  # what was handed in stays as it was
    disagreement = -min(expected) * 0.9
    report = run("reward-margin", rows, disagreement=disagreement, **given)[1]
    assert report.dropped == {"model_disagrees": sum(margin < -disagreement for margin in expected)}
    kept = run("reward-margin", rows, disagreement=1000, write=True, **given)[0]
    assert min(row.example.margin for row in kept) == 0


@pytest.mark.parametrize("name", ["qwen", "llama", "gpt2", "reward"])
def test_the_size_of_a_batch_changes_no_score(folders, forwards, name):
    found, numbers = [], []
    for size in (1, 300, 100_000):
        if name == "reward":
            scorer = Rewards(folders[name], 2048, batch_tokens=size)
            pieces = [scorer.piece(row.example, row.example.target) for row in ROWS]
        else:
            scorer = Likelihood(folders[name], 2048, batch_tokens=size)
            pieces = [scorer.texts.piece(row.example, row.example.target) for row in ROWS]
        forwards.clear()
        found.append(scored(scorer, pieces, Cache()))
        numbers.append(len(forwards))
    assert numbers[0] == len(ROWS) and numbers[2] == 1 and numbers[1] not in (1, len(ROWS))
    for other in found[1:]:
        assert other == pytest.approx(found[0], abs=1e-9, rel=0)


def test_a_second_run_reads_only_what_is_new(folders, forwards):
    means = Means(model=str(folders["qwen"]), cache=Kept())
    first = run("ifd", ROWS[:4], means, share=1.0)[1]
    read = sum(rows for rows, _longest in forwards)
    assert read == 8 and sum(means.cache.puts) == 8
    assert {len(value) for value in means.cache.held.values()} == {8}
    forwards.clear()
    assert run("ifd", ROWS[:4], means, share=1.0)[1].as_dict() == first.as_dict() and not forwards
    # other limits, another ratio, and perplexity ask for nothing that is not known
    run("ifd", ROWS[:4], means, share=0.5, ratio="perplexity")
    run("perplexity", ROWS[:4], means, maximum=3.0)
    run("perplexity", ROWS[:4], means, given="nothing")
    assert not forwards
    run("ifd", [*ROWS, ROWS[4]], means, share=1.0)
    assert sum(rows for rows, _longest in forwards) == 2  # the fifth with and without its question, once
    values = {struct.unpack("<d", value)[0] for value in means.cache.held.values()}
    assert len(values) == 10


def test_a_run_that_was_broken_off_goes_on_where_it_was(folders, forwards, monkeypatch):
    monkeypatch.setattr("training_export.steps.scoring.likelihood.MOST_LOGITS", 1)  # each row a batch
    cache, told = Kept(), []

    def cancelled(done, total):
        told.append((done, total))
        if done >= 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run("perplexity", ROWS, Means(model=str(folders["qwen"]), cache=cache, progress=cancelled))
    assert len(forwards) == len(cache.held) == 3 and told == [(0, 5), (1, 5), (2, 5), (3, 5)]
    whole = run("perplexity", ROWS, Means(model=str(folders["qwen"])))[1]
    forwards.clear()
    told.clear()
    later = Means(model=str(folders["qwen"]), cache=cache, progress=lambda *told_of: told.append(told_of))
    assert run("perplexity", ROWS, later)[1].scores == whole.scores
    assert len(forwards) == 2 and told == [(3, 5), (4, 5), (5, 5), (5, 5)]


def test_another_model_in_the_same_folder_is_scored_anew(folders, forwards, tmp_path, tokenizer):
    folder = shutil.copytree(folders["qwen"], tmp_path / "model")
    cache = Kept()
    first = run("perplexity", ROWS, Means(model=str(folder), cache=cache))[1]
    forwards.clear()
    template = folder / "chat_template.jinja"
    template.write_text(template.read_text() + " ")
    again = run("perplexity", ROWS, Means(model=str(folder), cache=cache))[1]
    assert forwards and by_row(again, ROWS) != by_row(first, ROWS)


def test_a_template_without_system_turns_gets_it_in_the_question(folders, tmp_path):
    folder = shutil.copytree(folders["qwen"], tmp_path / "model")
    (folder / "chat_template.jinja").write_text(NO_SYSTEM)
    plain = Plainly(folder)
    row = Row(Sft(asked("头痛?", system="你是药师。"), "a", target=Answer("休息。")))
    expected = plain.mean_nll(plain.prompt(asked("你是药师。\n\n头痛?")), plain.ids("休息。"))
    report = run("perplexity", [row], model=str(folder))[1]
    assert [math.log(score) for score in by_row(report, [row])] == pytest.approx([expected], abs=1e-9, rel=0)


def test_tools_calls_and_earlier_turns_are_read_as_the_template_writes_them(folders):
    plain = Plainly(folders["qwen"])
    tools = [{"type": "function", "function": {"name": "limit", "parameters": {"type": "object"}}}]
    call = {
        "role": "assistant",
        "content": "",
        "tool_calls": [
            {"type": "function", "function": {"name": "limit", "arguments": {"drug": "阿司匹林"}}}
        ],
    }
    reply = {"role": "tool", "content": "4 g"}
    question = asked("上限?")
    rows = [
        Row(Sft(question, "a", tools, target=Answer("四克。", (call, reply)))),
        Row(Sft(question, "a", tools, target=Answer("", (call,)))),
    ]

    def rendered(messages, generation):
        return plain.tokenizer.apply_chat_template(
            messages, tools=tools, tokenize=False, add_generation_prompt=generation
        )

    opened, called = rendered(question, True), rendered([*question, call], False)
    assert called.startswith(opened) and "<call>limit" in called[len(opened) :]
    expected = [
        plain.mean_nll(plain.ids(rendered([*question, call, reply], True)), plain.ids("四克。")),
        plain.mean_nll(plain.ids(opened), plain.ids(called[len(opened) :])),
    ]
    report = run("perplexity", rows, model=str(folders["qwen"]))[1]
    assert [math.log(score) for score in by_row(report, rows)] == pytest.approx(expected, abs=1e-9, rel=0)


def test_rows_without_a_score_are_kept_and_told_of(folders, tmp_path):
    folder = shutil.copytree(folders["qwen"], tmp_path / "model")
    refuses = "{% if 'refuse' in messages[0].content %}{{ raise_exception('no') }}{% endif %}"
    (folder / "chat_template.jinja").write_text(refuses + TEMPLATE)
    rows = [
        Row(PromptOnly(asked("Only a question?"), "p", provenance={"prompt": 7})),
        sft("please refuse this", "no", provenance={"prompt": 8}),
        sft("empty", "", provenance={"prompt": 9}),
        *ROWS,
    ]
    kept, report = run("ifd", rows, model=str(folder), share=1.0)
    assert kept[:3] == rows[:3] and set(report.scores) == {content_key(r.example).hex() for r in ROWS}
    assert set(report.notes) == {("no_answer", "2"), ("template_refuses", "1")}
    assert report.samples["no_answer"] == [{"prompt": 7}, {"prompt": 9}]
    assert report.samples["template_refuses"] == [{"prompt": 8}]


def test_what_is_too_long_is_cut_and_told_of(folders):
    plain = Plainly(folders["qwen"])
    rows = [sft("长" * 40, "短"), sft("short", "long " * 40), sft("short", "short")]
    expected = []
    for row in rows:
        answer = plain.ids(row.example.target.text)[:32]
        context = plain.prompt(row.example.context)[-(64 - len(answer)) :]
        expected.append(plain.mean_nll(context, answer))
    report = run("perplexity", rows, model=str(folders["qwen"]), most_tokens=64)[1]
    assert [math.log(score) for score in by_row(report, rows)] == pytest.approx(expected, abs=1e-9, rel=0)
    assert report.notes == [("cut", "2")]


def test_those_that_score_worst_are_named_first_and_the_spread_is_told(folders):
    rows = [sft(f"q{i}", answer, provenance={"prompt": i + 1}) for i, (_q, answer) in enumerate(TEXTS)]
    whole = run("perplexity", rows, model=str(folders["qwen"]))[1]
    scores = by_row(whole, rows)
    order = sorted(range(5), key=lambda place: -scores[place])
    assert [place["prompt"] - 1 for place in whole.figures["worst"]] == order
    limit = scores[order[1]] * 0.999
    kept, report = run("perplexity", rows, model=str(folders["qwen"]), maximum=limit)
    assert kept == [row for row, score in zip(rows, scores, strict=True) if score <= limit]
    assert [place["prompt"] - 1 for place in report.samples["high_perplexity"]] == order[:2]
    assert float(report.samples["high_perplexity"][0]["detail"]) == pytest.approx(scores[order[0]], rel=1e-5)
    assert report.scores == whole.scores  # of the dropped ones too
    figure = report.figures["scores"]
    assert (
        figure["number"] == 5 == sum(figure["counts"]) and len(figure["edges"]) == len(figure["counts"]) + 1
    )
    assert figure["quantiles"]["0.5"] == sorted(scores)[2]
    json.dumps(report.as_dict(), allow_nan=False)


@pytest.mark.parametrize(
    ("step", "name", "code"),
    [("perplexity", "reward", "wrong_model"), ("reward-margin", "qwen", "wrong_model")],
)
def test_a_model_of_another_kind_is_refused_instead_of_made_up(folders, step, name, code):
    """transformers would load it and draw the weights that are missing."""
    with pytest.raises(DomainError) as refused:
        run(step, [pair("q", "a", "b")], model=str(folders[name]))
    assert (refused.value.code, refused.value.field) == (code, "model")


def test_a_reward_model_whose_head_is_missing_is_refused(folders, tmp_path):
    folder = shutil.copytree(folders["qwen"], tmp_path / "model")
    told = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(told | {"num_labels": 1, "id2label": {"0": "reward"}}))
    with pytest.raises(DomainError, match="score") as refused:
        run("reward-margin", [pair("q", "a", "b")], model=str(folder))
    assert refused.value.code == "wrong_model"


def test_a_broken_model_is_refused_in_words(folders, tmp_path):
    folder = shutil.copytree(folders["qwen"], tmp_path / "model")
    (folder / "model.safetensors").write_bytes(b"nothing")
    with pytest.raises(DomainError) as refused:
        run("perplexity", ROWS, model=str(folder))
    assert refused.value.code == "unreadable_model" and str(folder) in str(refused.value)
    (folder / "config.json").write_text("{")
    with pytest.raises(DomainError) as refused:
        run("perplexity", ROWS, model=str(folder))
    assert refused.value.code == "unreadable_model"


def test_a_set_without_questions_that_can_be_used_is_refused(folders):
    means = Means(model=str(folders["qwen"]), sets={"none": [Row(PromptOnly(asked("q"), "q"))]}.__getitem__)
    with pytest.raises(DomainError) as refused:
        run("nuggets", ROWS, means, tasks="none")
    assert (refused.value.code, refused.value.field) == ("no_tasks", "tasks")
