"""`ifd`: how little the question helps with the answer (Instruction-Following Difficulty). Pure.

Cherry-LLM (arXiv 2308.12032): IFD = s(A|Q) / s(A), with s the mean negative log-likelihood of the answer's
tokens after the question and after nothing. Superfiltering (arXiv 2402.00530): the ratio of the perplexities,
PPL(A|Q) / PPL(A). Above 1 the question makes the answer less likely: the two do not belong together. Of the
others the highest are those from which a model learns most to follow."""

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
    """Which model, which of the two ratios, and how many stay."""

    model: str | None = model_option()
    ratio: str = option(
        "likelihood", _("Ratio of"), kind=Kind.CHOICE,
        help="Of mean negative log-likelihoods, as in Cherry-LLM, or of perplexities, as in Superfiltering.",
        choices={"likelihood": _("Mean log-likelihoods"), "perplexity": _("Perplexities")},
    )  # fmt: skip
    share: float | None = share_option(
        0.1,
        "Of the rows at most 1, the share with the highest ratio stays (0.1: a tenth); 1 for all of them.",
    )
    most_tokens: int = most_tokens_option()
    precision: str = precision_option()


def _ratios(rows: Rows, parameters: Parameters, report: Report, means: Means) -> Tally:
    scorer = Likelihood(folder_of(parameters.model, means), parameters.most_tokens, parameters.precision)
    texts = scorer.texts
    if not texts.has_template:
        report.note("no_template")

    def pieces_of(row: Row) -> list[Piece]:
        piece = texts.piece(row.example, best_answer(row))
        return [piece, texts.alone(piece)]

    def ratio(nlls: list[float]) -> float:
        after, alone = nlls
        return after / alone if parameters.ratio == "likelihood" else math.exp(after - alone)

    return scores_of(rows, scorer, pieces_of, ratio, report, means)


def _work(rows: Rows, parameters: Parameters, report: Report, means: Means) -> Iterator[Row]:
    tally = _ratios(rows, parameters, report, means)
    scores = tally.scores
    aligned = [place for place in tally.places if scores[place] <= 1]
    stay = top(scores, aligned, parameters.share or 1.0, highest=True)

    def reason_of(place: int) -> str:
        if scores[place] > 1:
            return "not_aligned"
        return "" if place in stay else "outside_share"

    yield from tally.hand_on(rows, reason_of, worst="highest")


STEP = Step(
    name="ifd",
    version=1,
    label=_("Keep what teaches to follow (IFD)"),
    about=_("A local language model compares how likely the answer is with and without the question; "
            "the rows where the question helps least stay, those where it misleads do not."),
    parameters=Parameters,
    work=_work,
    reasons={
        "not_aligned": _("The question makes the answer less likely: the two do not belong together."),
        "outside_share": _("The row is not in the share of scores that was to stay."),
    },
    notes=NOTES,
    heavy=True,
)  # fmt: skip
