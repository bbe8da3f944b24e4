"""`trl-rm`: {"prompt", "chosen", "rejected"[, "margin"]} for TRL's RewardTrainer."""

from django.utils.translation import gettext_lazy as _

from training_export.curate.examples import Preference
from training_export.formats.base import LABELS, Format
from training_export.formats.checks import PairChecker
from training_export.formats.trl.preference import PairWriter


class Writer(PairWriter):
    turns_in_answers = True  # the reward is of the whole conversation
    format_margin = True


class Checker(PairChecker):
    columns = ("prompt", "chosen", "rejected")
    turns_in_answers = True


FORMAT = Format(
    name="trl-rm",
    label=LABELS["trl-rm"],
    trainer="trl 1.16 RewardTrainer",
    takes=frozenset({Preference}),
    writer=Writer,
    checker=Checker,
    options=("system", "sources", "allow_template_tokens", "margin"),
    not_honoured=(
        _("The weight of a row, and the votes for and against: RewardTrainer gives every pair the same."),
        _("Ties: no trainer takes them."),
    ),
)
