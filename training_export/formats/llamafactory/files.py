"""dataset_info.json and the training YAMLs of a LLaMA-Factory folder."""

import hashlib
import json
from collections import Counter
from pathlib import Path
from typing import Any

from training_export.formats.base import SPLITS, FileInfo
from training_export.formats.trl.kto import balance

TAGS = {
    "role_tag": "from",
    "content_tag": "value",
    "user_tag": "human",
    "assistant_tag": "gpt",
    "observation_tag": "observation",
    "function_tag": "function_call",
    "system_tag": "system",
}
_SHAREGPT = {"messages": "conversations", "system": "system", "tools": "tools"}
# Every column of the file is named, since one name given makes LLaMA-Factory forget its defaults for all
# others.
ENTRIES: dict[str, dict[str, Any]] = {
    "sft_alpaca": {
        "formatting": "alpaca",
        "columns": {"prompt": "instruction", "query": "input", "response": "output", "system": "system"},
    },
    "sft_sharegpt": {"formatting": "sharegpt", "columns": _SHAREGPT, "tags": TAGS},
    "preference": {
        "formatting": "sharegpt",
        "ranking": True,
        "columns": _SHAREGPT | {"chosen": "chosen", "rejected": "rejected"},
        "tags": TAGS,
    },
    "kto": {"formatting": "sharegpt", "columns": _SHAREGPT | {"kto_tag": "kto_tag"}, "tags": TAGS},
}
STAGES = {
    "sft": ("sft_alpaca", "sft_sharegpt"),
    "rm": ("preference",),
    "dpo": ("preference",),
    "kto": ("kto",),
}


def kind_and_split(path: str) -> tuple[str, str]:
    """("sft_alpaca", "train") of "sft_alpaca_train.jsonl"."""
    kind, _, split = path.removesuffix(".jsonl").rpartition("_")
    return kind, split


def dataset_name(prefix: str, kind: str, split: str) -> str:
    """The name in dataset_info.json; the training split has none of its own."""
    return f"{prefix}_{kind}" + ("" if split == "train" else f"_{split}")


def dataset_info(paths: list[str], prefix: str) -> dict:
    """The entries for these data files."""
    info = {}
    for path in paths:
        kind, split = kind_and_split(path)
        info[dataset_name(prefix, kind, split)] = {"file_name": path, **ENTRIES[kind]}
    return info


def write(
    folder: Path, files: list[FileInfo], options, *, near_identical: bool, labels: Counter, thoughts: dict
) -> list[FileInfo]:
    """Writes the configuration for the data files `files`. `thoughts`: {kind of row: whether its answers hold
    one, {True, False} if some do}."""
    paths = [f.path for f in files]
    out = []
    if paths:
        # ASCII, since LLaMA-Factory opens it in the machine's own encoding.
        out.append(
            _put(folder, "dataset_info.json", json.dumps(dataset_info(paths, options.name), indent=2) + "\n")
        )
    there = {kind_and_split(p) for p in paths}
    for stage, kinds in STAGES.items():
        if any((kind, "train") in there for kind in kinds):
            thinking = _thinking(thoughts.get(kinds[0].partition("_")[0], {False}))
            text = yaml(
                stage,
                kinds,
                there,
                options.name,
                near_identical=near_identical,
                labels=labels,
                thinking=thinking,
            )
            out.append(_put(folder, f"{stage}.yaml", text))
    return out


def yaml(
    stage: str,
    kinds: tuple,
    there: set,
    prefix: str,
    *,
    near_identical: bool,
    labels: Counter,
    thinking: list[str],
) -> str:
    """The training configuration of one stage. Model and template are the engineer's to choose."""
    train = [dataset_name(prefix, kind, "train") for kind in kinds if (kind, "train") in there]
    evaluate = [dataset_name(prefix, kind, "validation") for kind in kinds if (kind, "validation") in there]
    lines = [
        f"# llamafactory-cli train {stage}.yaml    (in this folder)",
        "# Set the model, and the template that belongs to it; every other value is a start.",
        "model_name_or_path: /path/to/model",
        "template: qwen3",
        *thinking,
        "trust_remote_code: false",
        "",
        f"stage: {stage}",
        "do_train: true",
        "finetuning_type: lora",
        "lora_target: all",
        "lora_rank: 16",
        *_STAGE[stage],
        *(
            [
                "# Many pairs differ little: this term keeps the chosen answer's probability up "
                "(arXiv 2402.13228).",
                "pref_ftx: 1.0",
            ]
            * (stage == "dpo" and near_identical)
        ),
        *(_weights(labels) if stage == "kto" else []),
        "",
        "dataset_dir: .",
        f"dataset: {','.join(train)}",
        *(
            [f"eval_dataset: {','.join(evaluate)}", "eval_strategy: epoch", "per_device_eval_batch_size: 2"]
            if evaluate
            else []
        ),
        "# Longer rows are cut here.",
        "cutoff_len: 4096",
        "preprocessing_num_workers: 4",
        "",
        f"output_dir: output/{stage}",
        "logging_steps: 10",
        "save_strategy: epoch",
        "report_to: none",
        "",
        "per_device_train_batch_size: 2",
        "gradient_accumulation_steps: 8",
        *_RATES[stage],
        "num_train_epochs: 1.0",
        "lr_scheduler_type: cosine",
        "warmup_ratio: 0.1",
        "bf16: true",
    ]
    return "\n".join(lines) + "\n"


_STAGE = {
    "sft": ["# Only the last answer was judged: earlier ones are context.", "mask_history: true"],
    "rm": [],
    "dpo": ["pref_beta: 0.1", "pref_loss: sigmoid"],
    "kto": ["pref_beta: 0.1"],
}
_SFT_TERM = [
    "# Many pairs differ little: this term keeps the chosen answer's probability up (arXiv 2402.13228).",
    "pref_ftx: 1.0",
]
_RATES = {
    "sft": ["learning_rate: 1.0e-4"],
    "rm": ["learning_rate: 1.0e-4"],
    "dpo": ["learning_rate: 5.0e-6"],
    "kto": ["learning_rate: 5.0e-6"],
}


def _thinking(held: set[bool]) -> list[str]:
    """LLaMA-Factory's own default, true, makes templates of reasoning models put an empty thought before
    every answer that has none, and train on it."""
    if held == {True}:
        return ["# Every answer holds a thought (<think> ... </think>).", "enable_thinking: true"]
    if True in held:
        return [
            "# Some answers hold a thought; before the others the template's empty one stands in the "
            "prompt, and is not learnt.",
            "enable_thinking: null",
        ]
    return [
        "# No answer holds a thought: the template's empty one stands in the prompt, and is not learnt.",
        "enable_thinking: false",
    ]


def _weights(labels: Counter) -> list[str]:
    weights = balance(labels)
    if not weights:
        return []
    return [
        f"# {labels[True]} good and {labels[False]} bad rows",
        f"kto_chosen_weight: {weights['desirable_weight']}",
        f"kto_rejected_weight: {weights['undesirable_weight']}",
    ]


def _put(folder: Path, name: str, text: str) -> FileInfo:
    raw = text.encode("ascii")
    (folder / name).write_bytes(raw)
    return FileInfo(name, 0, hashlib.sha256(raw).hexdigest(), "config")


DATA_FILES = [f"{kind}_{split}.jsonl" for split in SPLITS for kind in ENTRIES]
