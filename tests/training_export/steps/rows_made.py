"""Rows for the tests of the steps."""

from training_export.curate.examples import Answer, Binary, Preference, Sft
from training_export.steps import STEPS, Means, Report, Row


def asked(*turns: str, system: str = "") -> list[dict]:
    """A context of user and assistant turns in turn, after a system message if there is one."""
    said = [{"role": ("user", "assistant")[i % 2], "content": text} for i, text in enumerate(turns)]
    return [{"role": "system", "content": system}, *said] if system else said


def sft(question: str, answer: str, **more) -> Row:
    """A row to learn an answer from. `more`: fields of the Example; `keys` those of the Row."""
    keys = more.pop("keys", {"prompt": [question]})
    more = {"provenance": {"prompt": abs(hash(question)) % 1000, "status": "raw", "annotators": ["a"]}} | more
    return Row(Sft(asked(question), question, target=Answer(answer), **more), keys)


def pair(question: str, chosen: str, rejected: str, **more) -> Row:
    """A row of one preference."""
    keys = more.pop("keys", {"prompt": [question]})
    more = {"provenance": {"prompt": 1, "status": "raw", "annotators": ["a"]}} | more
    example = Preference(asked(question), question, chosen=Answer(chosen), rejected=Answer(rejected), **more)
    return Row(example, keys)


def label(question: str, answer: str, good: bool, **more) -> Row:
    """A row of one good-or-bad label."""
    keys = more.pop("keys", {"prompt": [question]})
    return Row(Binary(asked(question), question, answer=Answer(answer), label=good, **more), keys)


def run(name: str, rows: list[Row], means: Means | None = None, **parameters) -> tuple[list[Row], Report]:
    """(what the step keeps of `rows`, its report)."""
    step, report = STEPS[name], Report()
    kept = list(step.run(rows, step.parameters_of(parameters), report, means or Means()))
    assert report.taken == len(rows)
    assert report.kept == len(kept)
    assert set(report.dropped) <= set(step.reasons) and {code for code, _d in report.notes} <= set(step.notes)
    return kept, report
