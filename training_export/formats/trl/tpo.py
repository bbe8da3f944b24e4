"""`trl-tpo`: {"prompt", "chosen", "rejected", "reference"} (messages) for TRL's TPOTrainer
(trl.experimental.tpo): a pair, and the answer to learn of the same prompt."""

from django.utils.translation import gettext_lazy as _

from training_export.curate.examples import Preference, Sft
from training_export.formats.base import LABELS, Format
from training_export.formats.checks import PairChecker
from training_export.formats.messages import LeftOut, identity
from training_export.formats.prompts import Gathering
from training_export.formats.trl.writer import TrlWriter, part


class Writer(Gathering, TrlWriter):
    takes = (Sft, Preference)

    def together(self, shown, chosen, rejected):
        if chosen.before or rejected.before:
            raise LeftOut("tool_turns_in_answer")

    def trl_row(self, example, split, shown):
        if isinstance(example, Sft):
            target = self.answer(shown, example.target)
            if target.before:
                raise LeftOut("tool_turns_in_answer")
            self.gather(example, split, shown)[0].targets.append((example, target))
            return
        chosen, rejected = self.answer(shown, example.chosen), self.answer(shown, example.rejected)
        self.together(shown, chosen, rejected)
        if chosen.id == rejected.id:
            raise LeftOut("same_answers")
        self.gather(example, split, shown)[0].pairs.append((example, chosen, rejected))

    def write_gathered(self, held):
        for target, _reference in held.targets[1:] if held.pairs else held.targets:
            self.leave_out("one_answer_a_prompt" if held.pairs else "no_pair_beside", target.provenance)
        if not held.targets:
            for pair, _chosen, _rejected in held.pairs:
                self.leave_out("no_reference", pair.provenance)
            return
        if not held.pairs:
            return
        target, reference = held.targets[0]
        rows = [self._triple(held, pair, *answers, reference) for pair, *answers in held.pairs]
        if any(rows):
            self.joined += 1
        else:
            self.leave_out("no_pair_beside", target.provenance)

    def _triple(self, held, pair, chosen, rejected, reference) -> bool:
        """Whether the pair became a row."""
        if rejected.id == reference.id:
            self.leave_out("reference_rejected", pair.provenance)
            return False
        shown = held.shown
        line = self.end(
            b'{"prompt": %b, "chosen": %b, "rejected": %b, "reference": %b'
            % (shown.prompt, chosen.line, rejected.line, reference.line),
            shown,
        )
        structured = shown.structured or bool(shown.tail)
        structured = structured or chosen.structured or rejected.structured or reference.structured
        one, other = chosen.id, rejected.id
        self.put(
            part(held.split, structured),
            line,
            judged=hash((shown.prompt_id, min(one, other), max(one, other))),
            way=one < other,
            example=pair,
        )
        return True


class Checker(PairChecker):
    columns = ("prompt", "chosen", "rejected", "reference")
    optional = ("tools",)
    answers = ("chosen", "rejected", "reference")

    def row(self, row):
        found = super().row(row)
        if not found and identity(row["reference"]) == identity(row["rejected"]):
            self.judged = None
            return [("reference", "reference_rejected", "")]
        return found


FORMAT = Format(
    name="trl-tpo",
    label=LABELS["trl-tpo"],
    trainer="trl 1.16 experimental TPOTrainer",
    takes=frozenset({Preference, Sft}),
    writer=Writer,
    checker=Checker,
    not_honoured=(
        _("The weight of a row, and the votes for and against: TPOTrainer gives every row the same."),
        _("Pairs of prompts without an answer to learn, and answers to learn of prompts without a pair."),
        _("Ties: no trainer takes them."),
    ),
)
