"""`openrlhf`: rows for OpenRLHF 0.11 (openrlhf/datasets), a stage at a time.

sft        {"messages": […, the answer]}               --data.input_key messages
rm, dpo    {"prompt", "chosen", "rejected"[, "margin"]} --data.prompt_key prompt
rl         {"prompt", "label": text}                    --data.input_key prompt --data.label_key label"""

import re

from django.utils.translation import gettext_lazy as _

from training_export.curate.examples import Preference, PromptOnly, Sft
from training_export.formats.base import LABELS, Format
from training_export.formats.rendered import encoded
from training_export.formats.stages.checks import StageChecker, answered, contents, with_media
from training_export.formats.stages.writer import StageWriter, stages

# prompts_dataset.py makes a picture of it; the other stages leave it as it is.
MARKS = re.compile(r"<image>")


class Writer(StageWriter):
    holds_margin = True

    def __init__(self, folder, options, splits):
        super().__init__(folder, options, splits)
        self.marks = MARKS if self.stage == "rl" else None

    def sft_line(self, shown, prompt, answer):
        return b'{"messages": %b, %b' % (prompt[:-1], answer.line[1:])

    def pair_line(self, shown, prompt, chosen, rejected):
        return b'{"prompt": %b, "chosen": %b, "rejected": %b' % (prompt, chosen.line, rejected.line)

    def prompt_line(self, shown, prompt, text):
        return b'{"prompt": %b, "label": %b' % (prompt, encoded(text))


class Checker(StageChecker):
    columns_of = {
        "sft": ("messages",),
        "rm": ("prompt", "chosen", "rejected"),
        "dpo": ("prompt", "chosen", "rejected"),
        "rl": ("prompt", "label"),
    }
    optional_of = {"rm": ("margin",)}

    def shaped(self, row):
        if self.kind == "sft":
            before, last, found = answered(row["messages"], "messages")
            return {"prompt": before, "answer": last}, found or plain_turns(row["messages"], "messages")
        found = plain_turns(row["prompt"], "prompt")
        if self.kind == "prompt":
            if not found and with_media(MARKS, contents(row["prompt"])):
                found = [("prompt", "media_mark", "")]
            return {"prompt": row["prompt"], "text": row["label"]}, found
        for side in self.answers:
            found = found or plain_turns(row[side], side)
        return row, found


def plain_turns(messages, column: str) -> list:
    """What is wrong with messages of which each may be a role and a text alone."""
    for i, message in enumerate(messages if isinstance(messages, list) else ()):
        if isinstance(message, dict) and (
            set(message) - {"role", "content"} or message.get("role") == "tool"
        ):
            return [(column, "tool_turns", f"{i + 1}")]
    return []


FORMAT = Format(
    name="openrlhf",
    label=LABELS["openrlhf"],
    trainer="openrlhf 0.11",
    takes=frozenset({Sft, Preference, PromptOnly}),
    writer=Writer,
    checker=Checker,
    options=("system", "sources", "allow_template_tokens", "margin", "stage"),
    not_honoured=(
        _("The weight of a row, and the votes for and against: OpenRLHF gives every row the same."),
        _("Tools: OpenRLHF renders conversations without tool definitions."),
        _("Good-or-bad labels: OpenRLHF has no KTO."),
        _("Ties: no trainer takes them."),
    ),
    stages=stages("sft", "rm", "dpo", "rl"),
)
