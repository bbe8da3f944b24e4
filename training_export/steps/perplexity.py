"""`perplexity`: how surprised a local language model is by the answer. Pure.

PPL = exp(-(1/N) · Σ log P(a_i | context, a_<i)) over the N tokens of the answer. High: what the model has not
learned, or what is wrong; low: what it says by itself."""

import math
from collections.abc import Iterator
from dataclasses import dataclass

from django.utils.translation import gettext_lazy as _

from training_export.option import Kind, option
from training_export.steps.base import Means, Report, Row, Rows, Step
from training_export.steps.scoring.likelihood import Likelihood
from training_export.steps.scoring.local_model import folder_of
from training_export.steps.scoring.options import (
    model_option,
    most_tokens_option,
    precision_option,
    share_option,
)
from training_export.steps.scoring.passes import best_answer, scores_of
from training_export.steps.scoring.telling import NOTES, Tally, top
from training_export.steps.scoring.texts import Piece


@dataclass(frozen=True)
class Parameters:
    """Which model, of what, and which perplexities stay."""

    model: str | None = model_option()
    given: str = option(
        "context", _("What the model is given"), kind=Kind.CHOICE,
        help="Whether the answer is scored after what was asked, or as a text of its own.",
        choices={"context": _("What was asked"), "nothing": _("The answer alone")},
    )  # fmt: skip
    minimum: float | None = option(
        None, _("Least perplexity"), kind=Kind.NUMBER, minimum=0, maximum=10**9,
        help="Rows below it are dropped: the model says that by itself.",
    )  # fmt: skip
    maximum: float | None = option(
        None, _("Most perplexity"), kind=Kind.NUMBER, minimum=0, maximum=10**9,
        help="Rows above it are dropped: broken text, another language, what nobody would say.",
    )  # fmt: skip
    share: float | None = share_option(
        None, "Of the rows between the limits, the share that stays (0.25: a quarter); all without it."
    )
    side: str = option(
        "highest", _("Which stay"), kind=Kind.CHOICE,
        help="Whether the share is of the highest perplexities or of the lowest.",
        choices={
            "highest": _("The highest: what the model has not learned"),
            "lowest": _("The lowest: what is closest to the model"),
        },
    )  # fmt: skip
    most_tokens: int = most_tokens_option()
    precision: str = precision_option()


def _perplexities(rows: Rows, parameters: Parameters, report: Report, means: Means) -> Tally:
    scorer = Likelihood(folder_of(parameters.model, means), parameters.most_tokens, parameters.precision)
    texts = scorer.texts
    if parameters.given == "context" and not texts.has_template:
        report.note("no_template")

    def pieces_of(row: Row) -> list[Piece]:
        piece = texts.piece(row.example, best_answer(row))
        return [piece if parameters.given == "context" else texts.alone(piece)]

    return scores_of(rows, scorer, pieces_of, lambda nlls: math.exp(nlls[0]), report, means)


def _work(rows: Rows, parameters: Parameters, report: Report, means: Means) -> Iterator[Row]:
    tally = _perplexities(rows, parameters, report, means)
    scores = tally.scores
    least = 0.0 if parameters.minimum is None else parameters.minimum
    most = math.inf if parameters.maximum is None else parameters.maximum
    within = [place for place in tally.places if least <= scores[place] <= most]
    stay = top(scores, within, parameters.share or 1.0, highest=parameters.side == "highest")

    def reason_of(place: int) -> str:
        if scores[place] < least:
            return "low_perplexity"
        if scores[place] > most:
            return "high_perplexity"
        return "" if place in stay else "outside_share"

    yield from tally.hand_on(rows, reason_of, worst="highest")


STEP = Step(
    name="perplexity",
    version=1,
    label=_("Keep rows by perplexity"),
    about=_("A local language model tells how much each answer surprises it; "
            "rows within limits, or a share, stay."),
    parameters=Parameters,
    work=_work,
    reasons={
        "low_perplexity": _("The answer surprises the model less than was asked for."),
        "high_perplexity": _("The answer surprises the model more than was allowed."),
        "outside_share": _("The row is not in the share of scores that was to stay."),
    },
    notes=NOTES,
    heavy=True,
)  # fmt: skip
