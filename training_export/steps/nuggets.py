"""`nuggets`: does a row, shown as the one example, help the model with other tasks? (arXiv 2312.10302). Pure.

Over m tasks (q_j, a_j): zero-shot s_zsl(j) = (1/L) Σ log P(a_j,i | q_j, a_j,<i), one-shot s_iit(j; z) =
(1/L) Σ log P(a_j,i | q_z, a_z, q_j, a_j,<i); the golden score of z is the share of tasks whose one-shot score
is above the zero-shot one. A system message stands at the head of its user turn in both, since a conversation
has but one system. The tasks are drawn from a named set by the seed. One forward for each row and task: with
a row's own turns read once (scoring.likelihood), yet a matter of a GPU from some thousand rows on."""

from collections.abc import Iterator
from dataclasses import MISSING, dataclass

from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from core.errors import DomainError
from training_export.curate.draws import drawn_number
from training_export.curate.examples import Answer
from training_export.curate.identity import answers_of, content_key
from training_export.option import Kind, option
from training_export.steps.base import Means, Report, Row, Rows, Step
from training_export.steps.scoring.batches import scored
from training_export.steps.scoring.likelihood import Likelihood
from training_export.steps.scoring.local_model import folder_of
from training_export.steps.scoring.options import (
    model_option,
    most_tokens_option,
    precision_option,
    share_option,
)
from training_export.steps.scoring.passes import best_answer
from training_export.steps.scoring.telling import NOTES, Tally, top
from training_export.steps.scoring.texts import Asked, NotScored, Piece, Texts, asked


@dataclass(frozen=True)
class Parameters:
    """Which model, which tasks, and which golden scores stay."""

    tasks: str = option(
        MISSING, _("Set of tasks"), kind=Kind.TEXT,
        help="The set whose questions and answers a row should help with, by its name.",
    )  # fmt: skip
    model: str | None = model_option()
    anchors: int = option(
        20, _("Number of tasks"), kind=Kind.INTEGER, minimum=1, maximum=1000,
        help="How many tasks are drawn from the set; the paper takes 100 or 1000, on a CPU 20 are much.",
    )  # fmt: skip
    threshold: float = option(
        0.5, _("Golden score above"), kind=Kind.NUMBER, minimum=-1, maximum=1,
        help="Rows stay that help with more than this share of the tasks; the paper tries 0.5 to 0.85.",
    )  # fmt: skip
    share: float | None = share_option(
        None,
        "Keep this share of the rows with the highest golden scores, instead of those above a threshold.",
    )
    most_tokens: int = most_tokens_option()
    precision: str = precision_option()


def _work(rows: Rows, parameters: Parameters, report: Report, means: Means) -> Iterator[Row]:
    tally = _golden_scores(rows, parameters, report, means)
    scores = tally.scores
    if parameters.share is None:
        stay = {place for place in tally.places if scores[place] > parameters.threshold}
    else:
        stay = top(scores, tally.places, parameters.share, highest=True)
    why = "helps_too_little" if parameters.share is None else "outside_share"
    yield from tally.hand_on(rows, lambda place: "" if place in stay else why, worst="lowest")


def _golden_scores(rows: Rows, parameters: Parameters, report: Report, means: Means) -> Tally:
    scorer = Likelihood(folder_of(parameters.model, means), parameters.most_tokens, parameters.precision)
    if not scorer.texts.has_template:
        report.note("no_template")
    tasks = _tasks(scorer.texts, parameters, means)
    number, whole = len(tasks), len(tasks) * (len(rows) + 1)
    zero_shot = scored(
        scorer, [piece for _task, piece in tasks], means.cache, lambda done: means.progress(done, whole)
    )
    tally = Tally(report)
    for place, row in enumerate(rows):
        before = number * (place + 1)

        def told(done: int, before: int = before) -> None:
            means.progress(before + done, whole)

        try:
            pieces = [_one_shot(scorer.texts, row, task) for task, _piece in tasks]
        except NotScored as no:
            tally.add(no.code)
            told(number)
            continue
        if any(piece.cut for piece in pieces):
            tally.cut.add(place)
        one_shot = scored(scorer, pieces, means.cache, told, scorer.measured_by_prefix)
        # smaller is likelier: these are negative log-likelihoods
        helped = sum(with_it < without for with_it, without in zip(one_shot, zero_shot, strict=True))
        tally.add(helped / number)
    return tally


def _tasks(texts: Texts, parameters: Parameters, means: Means) -> list[tuple[Asked, Piece]]:
    """The tasks drawn, each with its zero-shot piece; DomainError where none of the set can be used."""
    usable = {
        content_key(row.example): row for row in means.sets(parameters.tasks) if answers_of(row.example)
    }
    drawn = sorted(usable, key=lambda key: drawn_number(means.seed, "nuggets", key.hex()))
    found = []
    for key in drawn:
        if len(found) == parameters.anchors:
            break
        example = usable[key].example
        answer = answers_of(example)[0]
        try:
            task = asked(example, answer, merge=True)
            found.append((task, _piece(texts, task.turns, task)))
        except NotScored:
            continue
    if not found:
        raise DomainError(
            "no_tasks",
            gettext("The set %(name)s holds no question with an answer that the model can read.")
            % {"name": str(parameters.tasks)[:60]},
            field="tasks",
        )
    return found


def _one_shot(texts: Texts, row: Row, task: Asked) -> Piece:
    """The answer of `task` after `row` and the question of `task`."""
    answer: Answer = best_answer(row)
    if not answer.text and not answer.turns:
        raise NotScored("no_answer")
    shown = asked(row.example, answer, merge=True)
    tools = [*(shown.tools or []), *(tool for tool in task.tools or [] if tool not in (shown.tools or []))]
    return _piece(texts, [*shown.turns, shown.final, *task.turns], task, tools or None)


def _piece(texts: Texts, turns: list[dict], task: Asked, tools: list | None = None) -> Piece:
    """The answer of `task` after `turns`; its tokens are the same whatever stands before it."""
    final = texts.answer_text(task, texts.rendered(task.turns, task.tools))
    prompt = texts.rendered(turns, tools or task.tools)
    return texts.fitted(texts.ids(prompt), texts.ids(final))


STEP = Step(
    name="nuggets",
    version=1,
    label=_("Keep what helps with other tasks (Nuggets)"),
    about=_("Each row is shown to a local language model as the one example before a set of tasks; "
            "the rows that help with most of them stay."),
    parameters=Parameters,
    work=_work,
    reasons={
        "helps_too_little": _("As an example the row helps with too few of the tasks."),
        "outside_share": _("The row is not in the share of scores that was to stay."),
    },
    notes=NOTES,
    heavy=True,
)  # fmt: skip
