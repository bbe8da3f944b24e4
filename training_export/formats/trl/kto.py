"""`trl-kto`: {"prompt", "completion", "label"} for TRL's KTOTrainer, in an order where neighbours never share
a prompt."""

from collections import Counter

from django.utils.translation import gettext_lazy as _

from training_export.curate.examples import Binary
from training_export.formats.base import LABELS, Format
from training_export.formats.checks import TrlChecker
from training_export.formats.messages import LeftOut, identity
from training_export.formats.trl.writer import TrlWriter


def balance(labels: Counter) -> dict | None:
    """Weights that put the two labels in balance (Eq. 8 of arXiv 2402.01306: desirable/undesirable between 1
    and 4/3), or None for one class."""
    good, bad = labels[True], labels[False]
    if not good or not bad:
        return None
    if good * 3 < bad * 4 and bad <= good:
        return {"desirable_weight": 1.0, "undesirable_weight": 1.0}
    if good < bad:
        return {"desirable_weight": round(bad / good * 1.15, 3), "undesirable_weight": 1.0}
    return {"desirable_weight": 1.0, "undesirable_weight": round(good / bad / 1.15, 3)}


class Writer(TrlWriter):
    takes = Binary

    def __init__(self, folder, options, splits):
        super().__init__(folder, options, splits)
        self.labels = Counter()

    def trl_row(self, example, split, shown):
        answer = self.answer(shown, example.answer)
        if answer.before or answer.structured:
            # The label is of the whole answer, calls and all; put on its last turn alone it would say
            # something else.
            raise LeftOut("tool_turns_in_answer")
        line = b'{"prompt": %b, "completion": %b, "label": %b' % (
            shown.prompt,
            answer.line,
            b"true" if example.label else b"false",
        )
        self.put(
            split,
            self.end(line, shown),
            judged=hash((shown.prompt_id, answer.id)),
            way=bool(example.label),
            example=example,
            prompt=shown.prompt_id,
            structured=shown.structured or bool(shown.tail),
        )
        if split == "train":
            self.labels[bool(example.label)] += 1

    def extras(self, files):
        labels = self.written("train", self.labels)
        weights = balance(labels)
        if weights:
            self.note("kto_weights", desirable=labels[True], undesirable=labels[False], **weights)
        elif labels:
            self.note("one_class")
        return []


class Checker(TrlChecker):
    columns = ("prompt", "completion", "label")

    def start(self, name):
        super().start(name)
        self.labels = Counter()
        self.neighbour = None

    def more(self, row):
        found = []
        label = row["label"]
        if label is not True and label is not False:
            found.append(("label", "label", repr(label)[:40]))
        self.labels[label is True] += 1
        said = row["completion"]
        if isinstance(said, list) and said and isinstance(said[-1], dict) and "tool_calls" in said[-1]:
            found.append(("completion", "tool_turns_in_answer", ""))
        if self._prompt_id is not None and self._prompt_id == self.neighbour:
            found.append(("prompt", "neighbours", ""))
        self.neighbour = self._prompt_id
        return found

    def judge(self, row, prompt):
        self.judged, self.way = hash((prompt, identity(row["completion"]))), row["label"]

    def end(self):
        found = super().end()
        total = self.labels.total()
        if total and len(self.labels) == 1:
            found.append(("label", "one_class", ""))
        elif total and not 0.1 <= self.labels[True] / total <= 0.9:
            found.append(("label", "unbalanced", f"{self.labels[True]} / {self.labels[False]}"))
        return found


FORMAT = Format(
    name="trl-kto",
    label=LABELS["trl-kto"],
    trainer="trl 1.16 KTOTrainer",
    takes=frozenset({Binary}),
    writer=Writer,
    checker=Checker,
    not_honoured=(
        _("The weight of a row: KTOTrainer knows only one weight for all good and one for all bad rows."),
        _("The order of answers: good and bad are not a ranking."),
    ),
)
