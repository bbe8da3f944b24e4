"""Run by LLaMA-Factory's own Python (it cannot live beside this TRL): what its loader makes of an exported
folder.

python llamafactory_rows.py FOLDER MODEL STAGE → one JSON line {"rows": n, "texts": [...]}: what it kept,
decoded. MODEL: a folder with config and tokenizer. The training YAML of the stage is read as it was
exported, template and all; only the model and the machine's limits are set here."""

import importlib.machinery
import json
import os
import sys
import types

for name in ("torchaudio", "torchvision"):  # wheels that load only beside a CUDA torch; not needed for text
    try:
        __import__(name)
    except Exception:
        sys.modules[name] = types.ModuleType(name)
        sys.modules[name].__spec__ = importlib.machinery.ModuleSpec(name, None)
        if name == "torchvision":
            del sys.modules[name]

import yaml  # noqa: E402


def main(folder: str, model: str, stage: str) -> None:
    from llamafactory.data import get_dataset, get_template_and_fix_tokenizer
    from llamafactory.hparams import get_train_args
    from transformers import AutoTokenizer

    os.chdir(folder)
    with open(f"{stage}.yaml") as file:
        config = yaml.safe_load(file)
    config |= {
        "model_name_or_path": model,
        "bf16": False,
        "preprocessing_num_workers": 1,
        "output_dir": os.path.join(folder, ".out"),
    }
    config |= {"overwrite_cache": True, "use_cpu": True}
    model_args, data_args, training_args, _, _ = get_train_args(config)
    tokenizer = AutoTokenizer.from_pretrained(model)
    template = get_template_and_fix_tokenizer(tokenizer, data_args)
    loader_stage = "rm" if stage == "dpo" else stage
    module = get_dataset(
        template, model_args, data_args, training_args, stage=loader_stage, tokenizer=tokenizer
    )
    rows = module["train_dataset"]

    def learnt(ids, labels):
        return tokenizer.decode([t for t in labels if t != -100]), tokenizer.decode(ids)

    texts = []
    for row in rows:
        if loader_stage == "rm":
            texts.append(
                [
                    *learnt(row["chosen_input_ids"], row["chosen_labels"]),
                    *learnt(row["rejected_input_ids"], row["rejected_labels"]),
                ]
            )
        else:
            texts.append([*learnt(row["input_ids"], row["labels"]), row.get("kto_tags")])
    out = {"rows": len(rows), "texts": texts}
    if module.get("eval_dataset") is not None:
        out["evaluation"] = len(module["eval_dataset"])
    print("RESULT " + json.dumps(out))


if __name__ == "__main__":
    main(*sys.argv[1:])
