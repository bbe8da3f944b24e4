"""`trl-preference`: {"prompt", "chosen", "rejected"} (messages) for TRL's DPOTrainer."""

from django.utils.translation import gettext_lazy as _

from training_export.curate.examples import Preference
from training_export.formats.base import LABELS, Format
from training_export.formats.checks import PairChecker
from training_export.formats.messages import LeftOut, identity
from training_export.formats.rendered import encoded
from training_export.formats.trl.writer import TrlWriter, part, with_turns


class PairWriter(TrlWriter):
    """`turns_in_answers`: whether answers may hold different tool turns. DPO's loss would fall on the tools'
    replies."""

    takes = Preference
    turns_in_answers = False

    def __init__(self, folder, options, splits):
        super().__init__(folder, options, splits)
        self.pairs = self.corrections = 0

    def together(self, shown, chosen, rejected):
        if chosen.before != rejected.before and not self.turns_in_answers:
            raise LeftOut("tool_turns_in_answer")

    def trl_row(self, example, split, shown):
        chosen, rejected = self.answer(shown, example.chosen), self.answer(shown, example.rejected)
        prompt, structured, asked, tail = shown.prompt, shown.structured, shown.prompt_id, b""
        one, other = chosen.line, rejected.line
        judged = chosen.id, rejected.id
        if chosen.before or rejected.before:
            self.together(shown, chosen, rejected)
            if chosen.before == rejected.before:
                prompt, structured = with_turns(shown, chosen.before)
                asked = self.prompt_id(shown, chosen.before)
            else:
                whole = [*chosen.before, chosen.final], [*rejected.before, rejected.final]
                one, other = encoded(whole[0]), encoded(whole[1])
                judged = identity(whole[0]), identity(whole[1])
        if judged[0] == judged[1]:
            raise LeftOut("same_answers")
        if self.options.margin != "none" and self.format_margin:
            if example.margin is None:
                raise LeftOut("no_margin")
            tail = b', "margin": %b' % repr(float(example.margin)).encode()
        line = self.end(b'{"prompt": %b, "chosen": %b, "rejected": %b%b' % (prompt, one, other, tail), shown)
        structured = structured or chosen.structured or rejected.structured or bool(shown.tail)
        self.put(
            part(split, structured),
            line,
            judged=hash((asked, min(judged), max(judged))),
            way=judged[0] < judged[1],
            example=example,
        )
        self.pairs += 1
        self.corrections += example.provenance.get("reason") == "correction"

    format_margin = False


class Writer(PairWriter):
    def extras(self, files):
        # Pairs that share nearly all tokens push the chosen answer's probability down, too (arXiv
        # 2402.13228).
        if self.pairs and self.corrections / self.pairs > 0.25:
            self.note("near_identical", share=round(self.corrections / self.pairs, 3))
        return []


class Checker(PairChecker):
    columns = ("prompt", "chosen", "rejected")
    optional = ("tools",)


FORMAT = Format(
    name="trl-preference",
    label=LABELS["trl-preference"],
    trainer="trl 1.16 DPOTrainer",
    takes=frozenset({Preference}),
    writer=Writer,
    checker=Checker,
    not_honoured=(
        _("The weight of a row, and the votes for and against: DPOTrainer gives every pair the same."),
        _("Margins: DPOTrainer has none."),
        _("Ties: no trainer takes them."),
    ),
)
