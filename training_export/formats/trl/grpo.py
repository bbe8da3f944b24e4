"""`trl-grpo`: {"prompt": [messages], "solution": text} for TRL's GRPOTrainer and RLOOTrainer, one row a
prompt, and `rewards.py` beside it."""

import hashlib
from pathlib import Path

from django.utils.translation import gettext_lazy as _

from training_export.curate.examples import PromptOnly, Sft
from training_export.formats.base import LABELS, FileInfo, Format
from training_export.formats.checks import TrlChecker
from training_export.formats.messages import LeftOut, has_template_token
from training_export.formats.prompts import PromptRows
from training_export.formats.rendered import encoded
from training_export.formats.trl import rewards
from training_export.formats.trl.writer import TrlWriter, part

REWARDS = "rewards.py"


class Writer(PromptRows, TrlWriter):
    takes = (Sft, PromptOnly)

    def trl_row(self, example, split, shown):
        if shown.tail:
            # GRPOTrainer is given its tools as Python functions; a column of definitions is not shown to
            # the model.
            raise LeftOut("tools")
        self.gather_prompt(example, split, shown)

    def write_gathered(self, held):
        self.prompts += 1
        self.without += not held.text
        line = b'{"prompt": %b, "solution": %b}\n' % (held.shown.prompt, encoded(held.text))
        stream = part(held.split, held.shown.structured)
        self.put(stream, line, judged=hash(("prompt", held.shown.prompt_id)), example=held.example)

    def extras(self, files):
        self.note_prompts()
        if not files:
            return []
        raw = Path(rewards.__file__).read_bytes()
        (self.folder / REWARDS).write_bytes(raw)
        return [FileInfo(REWARDS, 0, hashlib.sha256(raw).hexdigest(), "config")]


class Checker(TrlChecker):
    columns = ("prompt", "solution")
    optional = ()
    answers = ()

    def more(self, row):
        if not isinstance(row["solution"], str):
            return [("solution", "not_text", "")]
        if not self.options.allow_template_tokens and has_template_token(row["solution"]):
            return [("solution", "template_token", "")]
        return []

    def judge(self, row, prompt):
        self.judged = hash(("prompt", prompt))


FORMAT = Format(
    name="trl-grpo",
    label=LABELS["trl-grpo"],
    trainer="trl 1.16 GRPOTrainer, RLOOTrainer",
    takes=frozenset({Sft, PromptOnly}),
    writer=Writer,
    checker=Checker,
    not_honoured=(
        _("Rankings and labels: only the answer that an expert gave is there to compare with."),
        _("Tool definitions: GRPOTrainer is given its tools as Python functions."),
    ),
)
