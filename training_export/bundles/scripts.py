"""What stands beside the data of a bundle: `train.sh MODEL_PATH OUTPUT_DIR` and ten lines to read."""

import os
from pathlib import Path

from training_export.formats import Format
from training_export.formats.base import SPLITS, FileInfo
from training_export.models import Snapshot
from training_export.publish.snapshot_files import sha256_of
from training_export.publish.workplace import write_durably

SCRIPT, CARD = "train.sh", "README.md"

# {format: its command of TRL's, and what it needs beyond the defaults}
TRL = {
    "trl-sft": ("sft", "--max_length 4096"),
    "trl-preference": ("dpo", "--max_length 4096"),
    "trl-rm": ("reward", "--max_length 4096"),
    "trl-kto": ("kto", "--max_length 4096 --per_device_train_batch_size 4"),
    "trl-grpo": ("grpo", "--reward_funcs rewards.reward"),
}

_TRL = """\
#!/bin/sh
# Trains on this folder: train.sh MODEL_PATH OUTPUT_DIR [more options of "trl {command}"].
# What is given after the two stands above what is written here.
set -eu
[ $# -ge 2 ] || {{ echo "usage: train.sh MODEL_PATH OUTPUT_DIR [options of trl {command}]" >&2; exit 2; }}
model=$1 output=$2
shift 2
here=$(CDPATH= cd -- "$(dirname -- "$0")" && pwd)
cd "$here"
export PYTHONPATH="$here${{PYTHONPATH:+:$PYTHONPATH}}"
exec trl {command} --model_name_or_path "$model" --output_dir "$output" --dataset_name "$here" \\
    {options}{evaluation} "$@"
"""

_LLAMAFACTORY = """\
#!/bin/sh
# Trains on this folder: train.sh MODEL_PATH OUTPUT_DIR [sft | rm | dpo | kto] [name=value …].
# The stage is the first that the folder has data for, unless it is said; its template is in its YAML.
set -eu
[ $# -ge 2 ] || { echo "usage: train.sh MODEL_PATH OUTPUT_DIR [stage] [name=value …]" >&2; exit 2; }
model=$1 output=$2
shift 2
cd -- "$(dirname -- "$0")"
stage=
case ${1:-} in sft|rm|dpo|kto) stage=$1; shift;; esac
if [ -z "$stage" ]; then
  for one in sft dpo rm kto; do if [ -f "$one.yaml" ]; then stage=$one; break; fi; done
fi
exec llamafactory-cli train "$stage.yaml" model_name_or_path="$model" output_dir="$output" "$@"
"""


def write_scripts(folder: Path, snapshot: Snapshot, form: Format, made: dict) -> list[FileInfo]:
    """Write the script, where the trainer has a command, and the card; what they are."""
    found = []
    sides = [side for side in SPLITS if any(Path(f["path"]).stem == side for f in made["files"])]
    script = ""
    if form.name in TRL:
        command, options = TRL[form.name]
        evaluation = " --eval_strategy epoch --dataset_test_split validation" if "validation" in sides else ""
        script = _TRL.format(command=command, options=options, evaluation=evaluation)
    elif form.name == "llamafactory":
        script = _LLAMAFACTORY
    if script:
        write_durably(folder / SCRIPT, script)
        os.chmod(folder / SCRIPT, 0o755)  # noqa: S103 (to be run by whoever may read it)
        found.append(FileInfo(SCRIPT, 0, sha256_of(folder / SCRIPT), "config"))
    if not (folder / CARD).exists():
        write_durably(folder / CARD, _card(snapshot, form, made, sides, bool(script)))
        found.append(FileInfo(CARD, 0, sha256_of(folder / CARD), "config"))
    return found


def _card(snapshot: Snapshot, form: Format, made: dict, sides: list[str], script: bool) -> str:
    front = ""
    if sides:  # `load_dataset(folder)` would take provenance for data otherwise
        files = {Path(f["path"]).stem: f["path"] for f in made["files"] if f["role"] == "data"}
        parts = "".join(f"  - split: {side}\n    path: {files[side]}\n" for side in sides if side in files)
        front = f"---\nconfigs:\n- config_name: default\n  data_files:\n{parts}---\n\n"
    lines = [
        f"# {snapshot.project.title}, data set {snapshot.number}: {form.name}",
        "",
        f"{made['counts']['rows']} rows for {form.trainer or 'tools of your own'}.",
        f"Identity of the data set: `{snapshot.content_sha256}`.",
        "",
        "- `sh train.sh MODEL_PATH OUTPUT_DIR` trains; options of the trainer may follow."
        if script
        else "- The file is read by the trainer as it is.",
        "- `provenance/` names, line for line, the judgements, people (by pseudonym) and models of each row.",
        "- `manifest.json`: counts, hashes, what was left out and why, what the trainer does not honour.",
    ]
    return front + "\n".join(lines) + "\n"
