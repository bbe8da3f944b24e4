"""`verl`: prompts for reinforcement learning as Parquet, each with the answer to compare with where there is
one; `reward.py`, without which verl knows no reward for them; and `verl.yaml` with the length that was
measured: verl's own settings stop at prompts of more than 512 tokens."""

import hashlib
import re

from django.utils.translation import gettext_lazy as _

from training_export.curate.examples import PromptOnly, Sft
from training_export.formats.base import LABELS, FileInfo, Format
from training_export.formats.checks import TrlChecker
from training_export.formats.lines.writer import LineWriter, bare
from training_export.formats.messages import blank, has_template_token
from training_export.formats.rendered import encoded
from training_export.formats.tables import verl_reward
from training_export.formats.tables.checks import ParquetChecker
from training_export.formats.tables.files import ParquetStream

COLUMNS = ("data_source", "prompt", "ability", "reward_model", "extra_info")
OF_TEMPLATE = 32  # tokens that a chat template puts around a message, at most
STEP = 64
CONFIG, REWARD = "verl.yaml", "reward.py"


def schema():
    """The columns as pyarrow has them."""
    import pyarrow as pa

    text = pa.string()
    return pa.schema(
        [
            ("data_source", text),
            ("prompt", pa.list_(pa.struct([("role", text), ("content", text)]))),
            ("ability", text),
            ("reward_model", pa.struct([("style", text), ("ground_truth", text)])),
            ("extra_info", pa.struct([("split", text), ("index", pa.int64()), ("group_id", text)])),
        ]
    )


def characters(prompt: list[dict]) -> int:
    """Of all texts of a prompt."""
    return sum(len(m["content"]) for m in prompt)


def config(longest: tuple[int, int], validation: str) -> str:
    """`verl.yaml`. `longest`: the characters and messages of the longest prompt; `validation`: the file to
    evaluate on."""
    length, messages = longest
    most = -(-(length + OF_TEMPLATE * messages) // STEP) * STEP
    return f"""\
# Inside this folder:
#   python3 -m verl.trainer.main_ppo --config-path="$PWD" --config-name=verl \\
#     data.train_files="$PWD/train.parquet" data.val_files="$PWD/{validation}" \\
#     reward.custom_reward_function.path="$PWD/{REWARD}" actor_rollout_ref.model.path=MODEL
hydra:
  searchpath:
    - pkg://verl.trainer.config
defaults:
  - ppo_trainer
  - _self_
data:
  train_files: train.parquet
  val_files: {validation}
  # The longest prompt has {length} characters in {messages} messages. One token for a character is more than
  # tokenizers need for English or Chinese; count with yours and lower this, it costs memory.
  max_prompt_length: {most}
  # A prompt that is longer all the same is left out; otherwise it would stop the training.
  filter_overlong_prompts: true
  truncation: error
reward:
  custom_reward_function:
    path: {REWARD}
    name: compute_score
"""


class Writer(LineWriter):
    takes = (Sft, PromptOnly)
    suffix = ".parquet"

    def __init__(self, folder, options, splits):
        super().__init__(folder, options, splits)
        self.longest = (0, 0)
        self.without_answer = 0
        self._answered: int | None = None  # the last prompt with an answer; a prompt's rows come together

    def line_of(self, example, split, shown):
        answer, said = "", 0
        if type(example) is PromptOnly and shown.prompt_id == self._answered:
            self.joined += 1  # its answer's row asks the same
            return
        if type(example) is Sft:
            self._answered = shown.prompt_id
            target = self.text_answer(shown, example.target)
            answer, said = target.final["content"], target.id
        prompt = bare(shown.messages)
        row = {
            "data_source": self.options.name,
            "prompt": prompt,
            "ability": next((t for t in (*example.tags, example.language) if not blank(t)), "general"),
            "reward_model": {"style": "rule" if answer else "model", "ground_truth": answer},
            "extra_info": {"split": split, "group_id": example.group_id},
        }
        judged = hash((shown.prompt_id, said))
        self.put(split, encoded(row) + b"\n", judged=judged, example=example)
        self.without_answer += not answer
        # By what is allowed for them: many short messages may need more than a long one.
        self.longest = max(
            self.longest,
            (characters(prompt), len(prompt)),
            key=lambda one: one[0] + OF_TEMPLATE * one[1],
        )

    def opened(self, path, target):
        def made(row: dict, place: int) -> dict:
            return row | {"extra_info": row["extra_info"] | {"index": place}}

        return ParquetStream(path, self._pool, schema(), made)

    def extras(self, files):
        if not files:
            return []
        names = {f.path for f in files}
        validation = next(n for n in ("validation.parquet", "test.parquet", *sorted(names)) if n in names)
        if validation == "train.parquet":
            self.note("verl_no_validation")
        if self.without_answer:
            self.note("prompts_without_answer", rows=self.without_answer)
        with open(verl_reward.__file__, encoding="utf-8") as file:
            reward = file.read()
        made = []
        for name, text in ((CONFIG, config(self.longest, validation)), (REWARD, reward)):
            (self.folder / name).write_text(text, encoding="utf-8")
            made.append(FileInfo(name, 0, hashlib.sha256(text.encode()).hexdigest(), "config"))
        return made


class Checker(ParquetChecker, TrlChecker):
    columns = COLUMNS
    optional = ()

    def start(self, name):
        super().start(name)
        self._longest = 0

    def row(self, row):
        found = self.prompt(row)
        if not found:
            self._longest = max(self._longest, characters(row["prompt"]))
            if any(m["role"] == "tool" for m in row["prompt"]):
                found.append(("prompt", "tool_turns", ""))
        for column in ("data_source", "ability"):
            if not isinstance(row[column], str) or blank(row[column]):
                found.append((column, "not_plain_text", ""))
        found += self._answer(row["reward_model"])
        given = row["extra_info"]
        if not isinstance(given, dict) or (given.get("split"), given.get("index")) != (
            self.name.removesuffix(self.suffix),
            self.rows - 1,
        ):
            found.append(("extra_info", "place", ""))
        if not found:
            self.judged = hash((self._prompt_id, row["reward_model"]["ground_truth"]))
        return found

    def _answer(self, given) -> list:
        if not isinstance(given, dict) or given.keys() != {"style", "ground_truth"}:
            return [("reward_model", "bad_field", "")]
        text = given["ground_truth"]
        if not isinstance(text, str) or given["style"] not in ("rule", "model"):
            return [("reward_model", "no_answer_to_compare", "")]
        if (given["style"] == "rule") == blank(text):
            return [("reward_model", "no_answer_to_compare", "")]
        if not self.options.allow_template_tokens and has_template_token(text):
            return [("reward_model", "template_token", "")]
        return []

    def end(self):
        found = [] if (self.folder / REWARD).exists() else [("", "missing_file", REWARD)]
        try:
            text = (self.folder / CONFIG).read_text(encoding="utf-8")
        except OSError:
            return [*found, ("", "missing_file", CONFIG)]
        length = re.search(r"^  max_prompt_length: (\d+)$", text, re.M)
        needed = ("\n  filter_overlong_prompts: true\n", f"\n    path: {REWARD}\n    name: compute_score\n")
        if length is None or not all(line in text for line in needed):
            found.append(("", "verl_config", CONFIG))
        elif self._longest > int(length[1]):
            found.append(("prompt", "prompt_length", f"{self._longest} > {length[1]}"))
        return found


FORMAT = Format(
    name="verl",
    label=LABELS["verl"],
    trainer="verl 0.9 RLHFDataset",
    takes=frozenset({Sft, PromptOnly}),
    writer=Writer,
    checker=Checker,
    not_honoured=(
        _("The weight of a row: every prompt is asked as often as any other."),
        _("Several right answers to one prompt: each stands in a row of its own."),
    ),
    options=("system", "sources", "allow_template_tokens", "name"),
)
