"""`clean`: rows that nobody would want to learn from, by their form alone. Pure.

What an answer must be like (its length, its language, that it does not repeat itself) is asked of the answers
a model learns to give; a rejected one may be as bad as it likes. What would harm the training itself (no
text, a wrong encoding, control tokens) is asked of every text of a row."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from training_export.curate.examples import Example
from training_export.curate.identity import answers_of
from training_export.formats.messages import blank, has_template_token
from training_export.formats.reasons import REASONS
from training_export.option import Kind, option
from training_export.option_values import invalid
from training_export.steps.base import Means, Report, Row, Rows, Step
from training_export.steps.clean.encoding import is_mojibake
from training_export.steps.clean.structure import has_broken_json, has_open_fence
from training_export.steps.clean.wording import is_refusal, other_language, repeated_share
from training_export.steps.texts import all_texts, learned_answers, question_of


@dataclass(frozen=True)
class Parameters:
    """What is looked for. A limit of 0 is none."""

    empty: bool = option(
        True, _("Nothing in the question or in an answer"), kind=Kind.FLAG,
        help="Drop rows without a question, or with an answer that is empty or blank.",
    )  # fmt: skip
    question_min: int = option(
        2, _("Fewest characters of a question"), kind=Kind.INTEGER, minimum=0,
        help="Drop rows whose last user turn has fewer characters; 0: no limit.",
    )  # fmt: skip
    question_max: int = option(
        32_000, _("Most characters of a question"), kind=Kind.INTEGER, minimum=0,
        help="Drop rows whose last user turn has more characters; 0: no limit.",
    )  # fmt: skip
    answer_min: int = option(
        2, _("Fewest characters of an answer"), kind=Kind.INTEGER, minimum=0,
        help="Drop rows where an answer to learn has fewer characters; 0: no limit.",
    )  # fmt: skip
    answer_max: int = option(
        32_000, _("Most characters of an answer"), kind=Kind.INTEGER, minimum=0,
        help="Drop rows where an answer to learn has more characters; 0: no limit.",
    )  # fmt: skip
    repetition: float = option(
        0.5, _("Most repetition"), kind=Kind.NUMBER, minimum=0, maximum=1,
        help="Drop rows where more than this share of the runs of ten characters of an answer to learn stood "
        "in it before; 1: no limit. Prose has below 0.1, tables and code up to 0.4, an answer caught in a "
        "loop nearly 1.",
    )  # fmt: skip
    mojibake: bool = option(
        True, _("Read in the wrong encoding"), kind=Kind.FLAG,
        help="Drop rows with a text that was read in the wrong encoding (UTF-8 as Latin-1, as GBK, …) or "
        "that holds U+FFFD.",
    )  # fmt: skip
    template_tokens: bool = option(
        True, _("Control tokens of a chat template"), kind=Kind.FLAG,
        help="Drop rows with a text that holds a chat template's control tokens.",
    )  # fmt: skip
    language: bool = option(
        True, _("Answered in another language"), kind=Kind.FLAG,
        help="Drop rows where a Chinese question is answered in English or the other way round, and the "
        "question does not ask for it.",
    )  # fmt: skip
    refusals: bool = option(
        False, _("Refusals"), kind=Kind.FLAG,
        help="Drop rows where an answer to learn refuses to answer. Off, as experts may have found a refusal "
        "the right answer.",
    )  # fmt: skip
    markdown: bool = option(
        True, _("A block of code without an end"), kind=Kind.FLAG,
        help="Drop rows where an answer to learn opens a fenced block and never closes it.",
    )  # fmt: skip
    json: bool = option(
        True, _("Broken JSON"), kind=Kind.FLAG,
        help="Drop rows where an answer to learn claims to be JSON and cannot be read as it.",
    )  # fmt: skip

    def __post_init__(self):
        for least, most in (("question_min", "question_max"), ("answer_min", "answer_max")):
            if 0 < getattr(self, most) < getattr(self, least):
                raise invalid(most, gettext("This must not be less than the fewest."))


def _empty(example: Example) -> str | None:
    if blank(question_of(example)):
        return "question"
    for number, answer in enumerate(answers_of(example)):
        if blank(answer.text) and not answer.turns:
            return str(number)
    return None


def _length(text: str, least: int, most: int) -> tuple[bool, bool]:
    return len(text) < least, 0 < most < len(text)


def fault_of(example: Example, asked: Parameters) -> tuple[str, str] | None:
    """(reason, detail) of the first thing wrong with a row, or None."""
    question, learned = question_of(example), [answer.text for answer in learned_answers(example)]
    if asked.empty and (where := _empty(example)) is not None:
        return "empty", where
    for name, texts, least, most in (
        ("question", [question], asked.question_min, asked.question_max),
        ("answer", learned, asked.answer_min, asked.answer_max),
    ):
        for text in texts:
            short, long = _length(text, least, most)
            if short or long:
                # a call of a tool has no text after it
                if short and not text and name == "answer":
                    continue
                return f"{name}_{'short' if short else 'long'}", str(len(text))
    if asked.mojibake or asked.template_tokens:
        for text in all_texts(example):
            if asked.mojibake and is_mojibake(text):
                return "mojibake", ""
            if asked.template_tokens and has_template_token(text):
                return "template_token", ""
    if asked.repetition < 1:
        for text in learned:
            if (share := repeated_share(text)) > asked.repetition:
                return "repetition", f"{share:.2f}"
    for wanted, reason, wrong in _OF_ANSWERS:
        if getattr(asked, wanted) and any(wrong(question, text) for text in learned):
            return reason, ""
    return None


# (parameter, reason, whether an answer to a question has the fault)
_OF_ANSWERS: tuple[tuple[str, str, Callable[[str, str], bool]], ...] = (
    ("language", "other_language", other_language),
    ("refusals", "refusal", lambda question, answer: is_refusal(answer)),
    ("markdown", "open_fence", lambda question, answer: has_open_fence(answer)),
    ("json", "broken_json", lambda question, answer: has_broken_json(answer)),
)


def _work(rows: Rows, parameters: Parameters, report: Report, means: Means) -> Iterator[Row]:
    for place, row in enumerate(rows):
        means.progress(place + 1, len(rows))
        if fault := fault_of(row.example, parameters):
            report.drop(row, *fault)
        else:
            yield row


STEP = Step(
    name="clean",
    version=1,
    label=_("Drop rows with faults of form"),
    about=_(
        "Drops rows with an empty, very short or very long text, repetition, a wrong encoding, control "
        "tokens of chat templates, an answer in another language, a block of code or JSON that breaks off, "
        "and refusals if asked for. No text is changed."
    ),
    parameters=Parameters,
    work=_work,
    reasons={
        "empty": _("The question or an answer has no text."),
        "question_short": _("The question is shorter than the fewest characters asked for."),
        "question_long": _("The question is longer than the most characters allowed."),
        "answer_short": _("An answer is shorter than the fewest characters asked for."),
        "answer_long": _("An answer is longer than the most characters allowed."),
        "repetition": _("An answer repeats itself more than is allowed."),
        "mojibake": _("A text was read in the wrong encoding, or holds the sign for what could not be read."),
        "template_token": REASONS["template_token"],
        "other_language": _(
            "The answer is in another language than the question, which does not ask for that."
        ),
        "refusal": _("The answer refuses to answer."),
        "open_fence": _("A block of code in the answer is opened and never closed."),
        "broken_json": _("The answer claims to be JSON and cannot be read as it."),
    },
)
