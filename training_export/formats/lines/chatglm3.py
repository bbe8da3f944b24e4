"""`chatglm3`: {"conversations": [{"role", "content"}]} for the fine-tuning of ChatGLM3's own repository. Its
script has no tools, learns every turn of the assistant, and asks for a validation file."""

from django.utils.translation import gettext_lazy as _

from training_export.curate.examples import Sft
from training_export.formats.base import LABELS, Format, Problem
from training_export.formats.lines.checks import TranslatedChecker, has_tools, only_keys
from training_export.formats.lines.writer import LineWriter, bare
from training_export.formats.rendered import encoded


class Writer(LineWriter):
    takes = (Sft,)

    def __init__(self, folder, options, splits):
        super().__init__(folder, options, splits)
        self.with_earlier_answers = 0

    def line_of(self, example, split, shown):
        target = self.text_answer(shown, example.target)
        messages = [*bare(shown.messages), target.final]
        self.put(
            split,
            encoded({"conversations": messages}) + b"\n",
            judged=hash((shown.prompt_id, target.id)),
            example=example,
        )
        self.with_earlier_answers += any(m["role"] == "assistant" for m in messages[:-1])

    def extras(self, files):
        if self.with_earlier_answers:
            self.note("earlier_turns_learnt", rows=self.with_earlier_answers)
        return []


class Checker(TranslatedChecker):
    columns = ("conversations",)
    optional = ()
    came_from = {"prompt": "conversations", "completion": "conversations"}

    def translated(self, row):
        messages = row["conversations"]
        if has_tools(messages):
            return [("conversations", "tool_turns", "")], {}
        if more := only_keys(messages, frozenset({"role", "content"})):
            return [("conversations", "message_keys", ", ".join(more))], {}
        if not isinstance(messages, list) or not messages:
            return [("conversations", "not_messages", "")], {}
        return [], {"prompt": messages[:-1], "completion": messages[-1:]}

    def together(self):
        yield from super().together()
        # Not by a file that is there: one without a row is none.
        if "train.jsonl" in self.ledger.parts and not self.ledger.parts.get("validation.jsonl"):
            yield Problem("validation.jsonl", 0, "", "validation_missing")


FORMAT = Format(
    name="chatglm3",
    label=LABELS["chatglm3"],
    trainer="ChatGLM3 finetune_hf.py",
    takes=frozenset({Sft}),
    writer=Writer,
    checker=Checker,
    not_honoured=(
        _("The weight of a row: the script gives every row the same."),
        _("That only the last answer was judged: the script learns every turn of the assistant."),
    ),
    needs=("validation",),
)
