"""Vectors of texts: by characters, and by a model in a folder."""

import json
import math
import random
from collections import Counter

import numpy as np
import pytest

from core.errors import DomainError
from tests.training_export.steps.planted import texts
from tests.training_export.steps.rows_made import run, sft
from training_export.steps import Means
from training_export.steps.embeddings import vectors_of
from training_export.steps.embeddings.characters import LEAST_TEXTS
from training_export.steps.embeddings.local_model import pooling_in


def by_characters(some: list[str], seed: int = 0) -> np.ndarray:
    return vectors_of(some, "characters", Means(seed=seed))


def counted(text: str) -> Counter:
    return Counter(text[i : i + n] for n in (1, 2, 3) for i in range(len(text) - n + 1))


def test_cosines_of_few_texts_are_those_of_tf_idf_counted_by_hand():
    """(1 + ln tf) · (ln((1 + N) / (1 + df)) + 1), as scikit-learn has it, over the distinct texts; two runs
    that share one of 262,144 columns change a cosine by less than 0.02."""
    some = [a for _q, a in texts("zh", 25, 1)] + [a.lower() for _q, a in texts("en", 25, 1)]
    runs = [counted(text) for text in some]
    spread = Counter(run for found in runs for run in found)
    weights = [
        {
            run: (1 + math.log(n)) * (math.log((1 + len(some)) / (1 + spread[run])) + 1)
            for run, n in found.items()
        }
        for found in runs
    ]

    def cosine(a: dict, b: dict) -> float:
        norm = math.sqrt(sum(v * v for v in a.values()) * sum(v * v for v in b.values()))
        return sum(v * b.get(run, 0) for run, v in a.items()) / norm

    matrix = by_characters(some)
    assert np.linalg.norm(matrix, axis=1) == pytest.approx(1, abs=1e-5)
    for i in range(0, 50, 3):
        for j in range(50):
            assert float(matrix[i] @ matrix[j]) == pytest.approx(cosine(weights[i], weights[j]), abs=2e-2)


@pytest.mark.parametrize("count", [60, LEAST_TEXTS])
def test_order_and_copies_change_nothing_and_equal_texts_are_equal(count):
    some = [text for pair in texts("zh", count, 2) for text in pair]
    assert (len(set(some)) >= LEAST_TEXTS) == (count > 60)
    matrix = by_characters(some)
    order = [*range(len(some)), 3, 3, 7]
    random.Random(1).shuffle(order)
    shuffled = by_characters([some[i] for i in order])
    assert np.array_equal(shuffled, matrix[order])
    wide = by_characters(["ＡＢＣ  def", "abc DEF", "x"])
    assert np.array_equal(wide[0], wide[1])


def test_near_texts_are_near_in_both_languages():
    zh = ["高血压患者应当低盐饮食", "高血压病人应当低盐饮食", "房屋租赁合同如何解除"]
    en = ["how to end a lease", "how do I end a lease", "signs of diabetes"]
    zh, en = (by_characters(some + [f"no {n}" for n in range(9)]) for some in (zh, en))
    for matrix in (zh, en):
        assert matrix[0] @ matrix[1] > 0.5 > matrix[0] @ matrix[2] + 0.2


def test_no_texts_and_empty_texts_and_halves_of_characters():
    assert by_characters([]).shape[0] == 0
    matrix = by_characters(["", "一", "\ud83d"])
    assert not matrix[0].any() and np.isfinite(matrix).all()
    assert by_characters(["一个"]).shape[0] == 1
    assert by_characters(["", " "]).any() == np.False_


class Remembering:
    """A cache that keeps, and counts what it is given."""

    def __init__(self):
        self.held, self.puts = {}, 0

    def get(self, name, keys):
        return {key: self.held[name, key] for key in keys if (name, key) in self.held}

    def put(self, name, values):
        self.puts += len(values)
        self.held |= {(name, key): value for key, value in values.items()}


@pytest.fixture(scope="module")
def encoder(tmp_path_factory):
    """A small BERT with weights of chance, as transformers stores one."""
    torch = pytest.importorskip("torch")
    from tokenizers import Tokenizer, models, pre_tokenizers, processors
    from transformers import BertConfig, BertModel, PreTrainedTokenizerFast

    folder = tmp_path_factory.mktemp("encoder")
    characters = sorted({c for pair in texts("zh", 40, 1) for text in pair for c in text})
    vocabulary = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *characters]
    numbers = {word: number for number, word in enumerate(vocabulary)}
    tokenizer = Tokenizer(models.WordPiece(numbers, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    ends = [(word, numbers[word]) for word in ("[CLS]", "[SEP]")]
    tokenizer.post_processor = processors.TemplateProcessing(single="[CLS] $A [SEP]", special_tokens=ends)
    named = {"pad_token": "[PAD]", "unk_token": "[UNK]", "cls_token": "[CLS]", "sep_token": "[SEP]"}
    PreTrainedTokenizerFast(tokenizer_object=tokenizer, **named).save_pretrained(folder)
    torch.manual_seed(0)
    sizes = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4, "intermediate_size": 64}
    sizes["initializer_range"] = 0.5  # with the usual 0.02 all texts have nearly one vector
    config = BertConfig(vocab_size=len(vocabulary), max_position_embeddings=64, **sizes)
    BertModel(config).save_pretrained(folder)
    return folder


def one_by_one(folder, some: list[str], first: bool) -> np.ndarray:
    """Vectors of single texts, without padding."""
    import torch
    from transformers import AutoModel, AutoTokenizer

    tokenizer, model = AutoTokenizer.from_pretrained(folder), AutoModel.from_pretrained(folder).eval()
    out = []
    for text in some:
        with torch.no_grad():
            read = tokenizer(text, truncation=True, max_length=64, return_tensors="pt")
            states = model(**read).last_hidden_state[0]
        vector = (states[0] if first else states.mean(0)).numpy()
        out.append(vector / np.linalg.norm(vector))
    return np.array(out)


@pytest.mark.parametrize("pooling", ["plain", "mean", "cls"])
def test_a_model_in_a_folder_gives_the_vectors_it_gives_text_by_text(encoder, tmp_path, pooling):
    folder = tmp_path / "model"
    folder.mkdir()
    for file in encoder.iterdir():
        (folder / file.name).write_bytes(file.read_bytes())
    if pooling != "plain":
        (folder / "1_Pooling").mkdir()
        kinds = ("sentence_transformers.models.Transformer", "sentence_transformers.models.Pooling")
        modules = [{"type": kind, "path": path} for kind, path in zip(kinds, ("", "1_Pooling"), strict=True)]
        (folder / "modules.json").write_text(json.dumps(modules))
        modes = {"pooling_mode_cls_token": pooling == "cls", "pooling_mode_mean_tokens": pooling == "mean"}
        settings = {"word_embedding_dimension": 32, **modes}
        (folder / "1_Pooling" / "config.json").write_text(json.dumps(settings))
    some = [text for pair in texts("zh", 40, 1) for text in pair]
    cache = Remembering()
    found = vectors_of([*some, some[0]], "model", Means(model=str(folder), cache=cache))
    assert len(np.unique(found.round(3), axis=0)) == len(set(some)) and (found @ found.T).min() < 0.7
    assert found[:-1] == pytest.approx(one_by_one(folder, some, pooling == "cls"), abs=1e-4)
    assert np.array_equal(found[0], found[-1]) and cache.puts == len(set(some))
    again = vectors_of(some[::-1], "model", Means(model=str(folder), cache=cache))
    assert np.array_equal(again, found[-2::-1]) and cache.puts == len(set(some))


def test_the_steps_work_on_a_models_vectors(encoder):
    rows = [sft(q, a) for q, a in texts("zh", 30, 1)]
    means = Means(model=str(encoder))
    assert len(run("k-center", rows, means, budget=7, vectors="model")[0]) == 7
    copies = [*rows, *[sft(q, a) for q, a in texts("zh", 30, 1)]]
    kept, _report = run("semantic-duplicates", copies, means, vectors="model", threshold=1, keep="first")
    assert kept == rows


def written(folder, modules, pooling):
    (folder / "1_Pooling").mkdir()
    (folder / "modules.json").write_text(json.dumps([{"type": f"x.{m}", "path": f"1_{m}"} for m in modules]))
    (folder / "1_Pooling" / "config.json").write_text(json.dumps(pooling))
    return folder


def test_how_a_folder_says_its_vectors_are_made(tmp_path):
    assert pooling_in(tmp_path) == "mean"
    known = written(tmp_path, ["Transformer", "Pooling", "Normalize"], {"pooling_mode": "cls"})
    assert pooling_in(known) == "cls"


@pytest.mark.parametrize(
    ("modules", "pooling", "named"),
    [
        (["Transformer", "Pooling", "Dense"], {"pooling_mode_mean_tokens": True}, "Dense"),
        (["Transformer", "Pooling"], {"pooling_mode_max_tokens": True}, "max_tokens"),
        (["Transformer", "Pooling"], {"pooling_mode": "mean+max"}, "mean, max"),
    ],
)
def test_ways_that_are_not_known_are_refused(tmp_path, modules, pooling, named):
    with pytest.raises(DomainError) as refused:
        pooling_in(written(tmp_path, modules, pooling))
    assert refused.value.code == "wrong_model" and named in str(refused.value)


def test_a_file_that_cannot_be_read_is_named(tmp_path):
    (tmp_path / "modules.json").write_text("{")
    with pytest.raises(DomainError) as refused:
        pooling_in(tmp_path)
    assert refused.value.code == "unreadable_model" and "modules.json" in str(refused.value)
