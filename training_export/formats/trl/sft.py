"""`trl-sft`: {"prompt": [messages], "completion": [message]} for TRL's SFTTrainer. Loss falls on the
completion only."""

from django.utils.translation import gettext_lazy as _

from training_export.curate.examples import Sft
from training_export.formats.base import LABELS, Format
from training_export.formats.checks import TrlChecker
from training_export.formats.messages import identity
from training_export.formats.trl.writer import TrlWriter, part, with_turns


class Writer(TrlWriter):
    takes = Sft

    def trl_row(self, example, split, shown):
        target = self.answer(shown, example.target)
        prompt, structured = with_turns(shown, target.before)
        line = self.end(b'{"prompt": %b, "completion": %b' % (prompt, target.line), shown)
        structured = structured or target.structured or bool(shown.tail)
        asked = self.prompt_id(shown, target.before) if target.before else shown.prompt_id
        self.put(part(split, structured), line, judged=hash((asked, target.id)), example=example)


class Checker(TrlChecker):
    columns = ("prompt", "completion")

    def judge(self, row, prompt):
        self.judged = hash((prompt, identity(row["completion"])))


FORMAT = Format(
    name="trl-sft",
    label=LABELS["trl-sft"],
    trainer="trl 1.16 SFTTrainer",
    takes=frozenset({Sft}),
    writer=Writer,
    checker=Checker,
    not_honoured=(
        _("The weight of a row: SFTTrainer gives every row the same."),
        _(
            "Tool calls inside an answer: they stand in the prompt, and only the answer's last turn "
            "is learnt."
        ),
    ),
)
