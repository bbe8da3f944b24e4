"""`trl-sdft`: {"prompt": [messages], "privileged_context": text} for TRL's SDFTTrainer
(trl.experimental.sdft): the expert's answer, and the passages it rests on, are shown to the teacher alone."""

from django.utils.translation import gettext_lazy as _

from corpus.canonical import unified
from training_export.curate.examples import Sft
from training_export.formats.base import LABELS, Format
from training_export.formats.checks import TrlChecker
from training_export.formats.messages import LeftOut, blank, has_template_token, source_block
from training_export.formats.rendered import encoded
from training_export.formats.trl.writer import TrlWriter, part


class Writer(TrlWriter):
    takes = Sft

    def note_sources(self, example) -> None:
        """Nothing to note: the teacher sees the passages."""

    def trl_row(self, example, split, shown):
        if shown.tail:
            raise LeftOut("tools")  # the trainer renders prompts without them
        if shown.messages[-1]["role"] != "user":
            raise LeftOut("tool_reply_last")
        target = self.answer(shown, example.target)
        if target.before or "tool_calls" in target.final:
            raise LeftOut("tool_turns_in_answer")
        hint = example.target.text
        if example.sources and self.options.sources == "omit":
            hint = source_block(example.sources) + hint
            if not self.options.allow_template_tokens and has_template_token(hint):
                raise LeftOut("template_token")
        line = b'{"prompt": %b, "privileged_context": %b}\n' % (shown.prompt, encoded(hint))
        judged = hash((shown.prompt_id, unified(hint)))
        self.put(part(split, shown.structured), line, judged=judged, example=example)


class Checker(TrlChecker):
    columns = ("prompt", "privileged_context")
    optional = ()
    answers = ()

    def more(self, row):
        hint, prompt = row["privileged_context"], row["prompt"]
        if not isinstance(hint, str):
            return [("privileged_context", "not_text", "")]
        if blank(hint):
            return [("privileged_context", "empty_answer", "")]
        if not self.options.allow_template_tokens and has_template_token(hint):
            return [("privileged_context", "template_token", "")]
        if self._prompt_id is not None and prompt[-1]["role"] != "user":
            return [("prompt", "tool_reply_last", "")]
        return []

    def judge(self, row, prompt):
        self.judged = hash((prompt, unified(row["privileged_context"])))


FORMAT = Format(
    name="trl-sdft",
    label=LABELS["trl-sdft"],
    trainer="trl 1.16 experimental SDFTTrainer",
    takes=frozenset({Sft}),
    writer=Writer,
    checker=Checker,
    not_honoured=(
        _("The weight of a row: SDFTTrainer gives every row the same."),
        _("Tools: SDFTTrainer renders prompts without them, and takes no prompt that ends with a reply."),
    ),
)
