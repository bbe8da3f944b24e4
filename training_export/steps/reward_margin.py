"""`reward-margin`: does a local reward model agree with a preference? Pure.

margin = r(chosen) - r(rejected); under Bradley and Terry the model holds the chosen answer for the better one
with probability 1 / (1 + exp(-margin)), so that -2 is 88 % sure of the opposite. What people judged is not
wrong for that: a row that is dropped here is one to look at again."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import cast

from django.utils.translation import gettext_lazy as _

from training_export.curate.examples import Preference
from training_export.option import Kind, option
from training_export.steps.base import Means, Report, Row, Rows, Step
from training_export.steps.scoring.local_model import folder_of
from training_export.steps.scoring.options import model_option, most_tokens_option, precision_option
from training_export.steps.scoring.passes import scores_of
from training_export.steps.scoring.rewards import Rewards
from training_export.steps.scoring.telling import NOTES, Tally
from training_export.steps.scoring.texts import NotScored, Piece


@dataclass(frozen=True)
class Parameters:
    """Which model, which margins are dropped, and whether they are written."""

    model: str | None = model_option()
    least: float | None = option(
        None, _("Least margin"), kind=Kind.NUMBER, minimum=-1000, maximum=1000,
        help="Rows with a smaller margin are dropped: 0 drops all pairs that the model would turn round.",
    )  # fmt: skip
    disagreement: float = option(
        2.0, _("Strong disagreement from"), kind=Kind.NUMBER, minimum=0, maximum=1000,
        help="Rows are dropped where the rejected answer is ahead by more than this; 1000 drops none.",
    )  # fmt: skip
    write: bool = option(
        False, _("Write the margin into the row"), kind=Kind.FLAG,
        help="Rows that stay get this margin, for training a reward model; 0 where it is negative.",
    )  # fmt: skip
    most_tokens: int = most_tokens_option()
    precision: str = precision_option()


def _margins(rows: Rows, parameters: Parameters, report: Report, means: Means) -> Tally:
    scorer = Rewards(folder_of(parameters.model, means), parameters.most_tokens, parameters.precision)
    if not scorer.texts.has_template:
        report.note("no_template")

    def pieces_of(row: Row) -> list[Piece]:
        example = row.example
        if not isinstance(example, Preference):
            raise NotScored("no_pair")
        return [scorer.piece(example, example.chosen), scorer.piece(example, example.rejected)]

    return scores_of(rows, scorer, pieces_of, lambda rewards: rewards[0] - rewards[1], report, means)


def _work(rows: Rows, parameters: Parameters, report: Report, means: Means) -> Iterator[Row]:
    tally = _margins(rows, parameters, report, means)

    def reason_of(place: int) -> str:
        margin = tally.scores[place]
        if margin < -parameters.disagreement:
            return "model_disagrees"
        return "small_margin" if parameters.least is not None and margin < parameters.least else ""

    yield from tally.hand_on(
        rows, reason_of, worst="lowest", changed=_with_margin if parameters.write else None
    )


def _with_margin(row: Row, margin: float) -> Row:
    """A negative margin would ask a trainer for the opposite of what was judged."""
    example = cast(Preference, row.example)  # no other row has a margin
    return replace(row, example=replace(example, margin=round(max(0.0, margin), 6)))


STEP = Step(
    name="reward-margin",
    version=1,
    label=_("Compare preferences with a reward model"),
    about=_("A local reward model scores both answers; pairs where it strongly prefers the rejected one, "
            "or sees too small a margin, are dropped."),
    parameters=Parameters,
    work=_work,
    reasons={
        "model_disagrees": _("The reward model strongly prefers the rejected answer."),
        "small_margin": _("The reward model sees a smaller margin between the answers than was asked for."),
    },
    notes=NOTES,
    heavy=True,
)  # fmt: skip
