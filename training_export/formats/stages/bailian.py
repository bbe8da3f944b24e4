"""`bailian`: rows for Alibaba Cloud Model Studio (Bailian): SFT in ChatML, DPO with two answers. Its rules
are those of its page on uploading data for text models.

sft   {"messages": [system?, user, the answer]}
dpo   {"messages": […, user], "chosen": message, "rejected": message}"""

from django.utils.translation import gettext_lazy as _

from training_export.curate.examples import Preference, Sft
from training_export.formats.base import LABELS, Format
from training_export.formats.messages import LeftOut
from training_export.formats.stages.checks import StageChecker, answered
from training_export.formats.stages.openrlhf import plain_turns
from training_export.formats.stages.writer import StageWriter, stages

MOST_BYTES = 200_000_000  # of one file that is uploaded


class Writer(StageWriter):
    def context_held(self, shown):
        # Every answer in `messages` is learnt; what keeps the loss off one, `loss_weight`, is by invitation.
        if self.stage == "sft" and any(m["role"] == "assistant" for m in shown.messages):
            raise LeftOut("unjudged_turns")

    def sft_line(self, shown, prompt, answer):
        return b'{"messages": %b, %b' % (prompt[:-1], answer.line[1:])

    def pair_line(self, shown, prompt, chosen, rejected):
        sides = (prompt, chosen.line[1:-1], rejected.line[1:-1])
        return b'{"messages": %b, "chosen": %b, "rejected": %b' % sides


class Checker(StageChecker):
    columns_of = {"sft": ("messages",), "dpo": ("messages", "chosen", "rejected")}

    def shaped(self, row):
        found = plain_turns(row["messages"], "messages")
        if self.kind == "pair":
            sides = {}
            for side in self.answers:
                if not found and not isinstance(row[side], dict):
                    found = [(side, "not_messages", "")]
                sides[side] = [row[side]]
                found = found or plain_turns(sides[side], side)
            return sides | {"prompt": row["messages"]}, found
        before, last, wrong = answered(row["messages"], "messages")
        found = found or wrong
        if not found and any(m.get("role") == "assistant" for m in before):
            found = [("messages", "unjudged_turns", "")]
        return {"prompt": before, "answer": last}, found

    def end(self):
        found = super().end()
        if (self.folder / self.name).exists() and (self.folder / self.name).stat().st_size > MOST_BYTES:
            found.append(("", "one_file", ""))
        return found


FORMAT = Format(
    name="bailian",
    label=LABELS["bailian"],
    trainer="Alibaba Cloud Model Studio",
    takes=frozenset({Sft, Preference}),
    writer=Writer,
    checker=Checker,
    options=("system", "sources", "allow_template_tokens", "stage"),
    not_honoured=(
        _("The weight of a row, and the votes for and against: every row is given the same."),
        _("Conversations with earlier answers, for SFT: every answer in a row is learnt."),
        _("Tools: this format writes conversations without them."),
        _("Ties: no trainer takes them."),
    ),
    stages=stages("sft", "dpo"),
)
