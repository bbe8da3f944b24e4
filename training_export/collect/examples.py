"""All rows that a project gives: of judged prompts first, then of end users' words."""

from collections import Counter
from collections.abc import Iterator
from typing import NamedTuple, Protocol

from training_export.collect import judged_prompts
from training_export.collect.consistent_read import Reading
from training_export.collect.end_user_feedback import FeedbackRows
from training_export.curate.assemble import examples_of
from training_export.curate.rules import CurationRules
from training_export.publish.tolerance import Tolerance


class Asked(Protocol):
    """What is asked of end users' words; `ExportOptions` and a recipe's sources are such."""

    @property
    def include(self) -> tuple: ...

    @property
    def thumbs_per_user(self) -> int: ...

    @property
    def thumbs_balance(self) -> tuple | None: ...

    @property
    def seed(self) -> int: ...


class PromptRows(NamedTuple):
    """The rows of one prompt (none where it gave none), the keys that decide on their side of a split, the
    group of the prompt itself ("" where end users' words give way to a correction of the same context), and
    how many stored prompts have been read by now."""

    rows: list
    keys: frozenset
    group: str
    done: int


def feedback_rows(
    project,
    reading: Reading,
    asked: Asked,
    *,
    takes: frozenset,
    rules: CurationRules,
    split_by: str = "",
    tolerance: Tolerance | None = None,
) -> FeedbackRows:
    """What end users said, as rows of the classes in `takes`."""
    return FeedbackRows(
        project,
        reading,
        include=asked.include,
        takes=takes,
        rules=rules,
        split_by=split_by,
        seed=asked.seed,
        per_user=asked.thumbs_per_user,
        balance=asked.thumbs_balance,
        tolerance=tolerance,
    )


def examples(
    project,
    reading: Reading,
    asked: Asked,
    *,
    takes: frozenset,
    rules: CurationRules,
    tolerance: Tolerance,
    left_out: Counter,
    split_by: str = "",
    judged_since: int = 0,
) -> Iterator[PromptRows]:
    """Every prompt's rows of the classes in `takes` under `rules`; what gave none is counted in `left_out`.
    One stored row that nothing can be made of goes to `tolerance`. `judged_since`: only of prompts that
    somebody has judged after this Event."""
    done = 0
    for chunk in judged_prompts.stream(project, reading, split_by=split_by):
        for judged in chunk:
            done += 1
            rows: list = []
            if judged.wrong is not None:
                tolerance.prompt(judged.prompt, judged.wrong, judged.fault)
            elif judged_since and not any(said.event > judged_since for said in judged.prompt.judgements):
                left_out["not_since"] += 1
            else:
                try:
                    rows, reasons = examples_of(judged.prompt, rules, takes)
                    if reasons:
                        left_out += reasons
                except Exception as wrong:
                    tolerance.prompt(judged.prompt, wrong)
            yield PromptRows(rows, judged.keys, judged.prompt.group_id, done)
    if asked.include:
        said = feedback_rows(
            project, reading, asked, takes=takes, rules=rules, split_by=split_by, tolerance=tolerance
        )
        for rows, keys in said.chunks():
            yield PromptRows(rows, keys, "", done)
        left_out += said.left_out
