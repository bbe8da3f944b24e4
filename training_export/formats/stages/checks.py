"""The strict checkers of the formats with a file for each stage: each puts a row into the shape that the
checks of TRL's rows know (prompt, answers, tools), and says what only its own trainer asks for."""

from collections import Counter

from training_export.formats.checks import TrlChecker, finite
from training_export.formats.messages import has_template_token, identity
from training_export.formats.stages.writer import KINDS

ANSWERS = {"sft": ("answer",), "pair": ("chosen", "rejected"), "label": ("answer",), "prompt": ()}
Found = list[tuple[str, str, str]]


class StageChecker(TrlChecker):
    """`columns_of`: {stage: the columns of its rows}; `holds`: which optional columns a stage has."""

    columns_of: dict[str, tuple[str, ...]] = {}
    optional_of: dict[str, tuple[str, ...]] = {}
    no_tools = "[]"

    def __init__(self, folder, options):
        super().__init__(folder, options)
        self.stage, self.kind = options.stage, KINDS[options.stage]
        self.columns, self.optional = self.columns_of[self.stage], self.optional_of.get(self.stage, ())
        self.answers = ANSWERS[self.kind]

    def shaped(self, row: dict) -> tuple[dict, Found]:
        """(`row` with "prompt", the answers of its kind as lists of one message, "text", "label", "margin"
        and "tools" as it has them; what is wrong with it already)."""
        raise NotImplementedError

    def start(self, name):
        super().start(name)
        self.labels: Counter = Counter()
        self.neighbour = None

    def row(self, row):
        shaped, found = self.shaped(row)
        if found:
            self.judged = None
            return found
        found = super().row(shaped)
        if not found and self.kind == "pair" and identity(shaped["chosen"]) == identity(shaped["rejected"]):
            found = [("rejected", "same_answers", "")]
        if found:
            self.judged = None
        return found

    def tools(self, row):
        return [] if row["tools"] == self.no_tools else super().tools(row | {"tools": none_as_wrong(row)})

    def more(self, row):
        found = []
        if "margin" in row and not finite(row["margin"]):
            found.append(("margin", "margin", repr(row["margin"])[:40]))
        if self.kind == "prompt":
            if not isinstance(row["text"], str):
                found.append((self.columns[-1], "not_text", ""))
            elif not self.options.allow_template_tokens and has_template_token(row["text"]):
                found.append((self.columns[-1], "template_token", ""))
        if self.kind == "label":
            label = row["label"]
            if label is not True and label is not False:
                found.append(("label", "label", repr(label)[:40]))
            self.labels[label is True] += 1
            if self._prompt_id is not None and self._prompt_id == self.neighbour:
                found.append(("", "neighbours", ""))
            self.neighbour = self._prompt_id
        return found

    def judge(self, row, prompt):
        if self.kind == "prompt":
            self.judged = hash(("prompt", prompt))
        elif self.kind == "pair":
            one, other = identity(row["chosen"]), identity(row["rejected"])
            self.judged, self.way = hash((prompt, min(one, other), max(one, other))), one < other
        else:
            self.judged, self.way = hash((prompt, identity(row["answer"]))), row.get("label", False)

    def end(self):
        found = super().end()
        total = self.labels.total()
        if total and len(self.labels) == 1:
            found.append(("label", "one_class", ""))
        elif total and not 0.1 <= self.labels[True] / total <= 0.9:
            found.append(("label", "unbalanced", f"{self.labels[True]} / {self.labels[False]}"))
        return found


def none_as_wrong(row: dict):
    """The tools of `row`, where "null" is no way to say that there are none."""
    return "" if row["tools"] == "null" else row["tools"]


def answered(messages, column: str) -> tuple[list, list, Found]:
    """(all but the last message, the last alone, what is wrong with the list)."""
    if not isinstance(messages, list) or not all(isinstance(m, dict) for m in messages):
        return [], [], [(column, "not_messages", "")]
    if len(messages) < 2:
        return [], [], [(column, "no_assistant", "")]
    return messages[:-1], messages[-1:], []


def with_media(marks, texts) -> bool:
    """Whether one of `texts` holds a mark that the trainer takes for a picture or the like."""
    return any(isinstance(text, str) and marks.search(text) for text in texts)


def contents(messages) -> list:
    """The texts of `messages`, of whatever form they are."""
    return [m.get("content") for m in messages if isinstance(m, dict)] if isinstance(messages, list) else []
