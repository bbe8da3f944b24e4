"""`openai-preference`: {"input", "preferred_output", "non_preferred_output"} for preference tuning at the
services that take OpenAI's rows (Azure, Together, Fireworks). The answers are texts."""

import json

from django.utils.translation import gettext_lazy as _

from training_export.curate.examples import Preference
from training_export.formats.base import LABELS, Format
from training_export.formats.hosted.calls import MESSAGE_KEYS, api_messages, call_problem, tools_well_formed
from training_export.formats.hosted.openai_messages import FEWEST
from training_export.formats.lines.checks import TranslatedPairChecker, only_keys
from training_export.formats.lines.writer import LineWriter, pair_judged
from training_export.formats.messages import LeftOut
from training_export.formats.rendered import encoded

_INPUT = {"messages", "tools", "parallel_tool_calls"}


class Writer(LineWriter):
    takes = (Preference,)
    holds_tools = True

    def check_prompt(self, shown):
        if not tools_well_formed(shown.tools or []):
            raise LeftOut("tools_form")
        api_messages(shown.messages)

    def line_of(self, example, split, shown):
        chosen, rejected = self.answer(shown, example.chosen), self.answer(shown, example.rejected)
        self.together(shown, chosen, rejected)
        judged = pair_judged(shown.prompt_id, chosen, rejected)
        given = {"messages": api_messages(shown.messages), "tools": shown.tools or []}
        line = b'{"input": %b, "preferred_output": %b, "non_preferred_output": %b}\n' % (
            encoded(given | {"parallel_tool_calls": True}),
            chosen.line,
            rejected.line,
        )
        self.put(split, line, **judged, example=example)


class Checker(TranslatedPairChecker):
    columns = ("input", "preferred_output", "non_preferred_output")
    optional = ()
    came_from = {
        "prompt": "input",
        "tools": "input",
        "chosen": "preferred_output",
        "rejected": "non_preferred_output",
    }
    date_like = False

    def translated(self, row):
        given, found = row["input"], []
        if not isinstance(given, dict) or given.keys() != _INPUT:
            return [("input", "bad_field", "")], {}
        if given["parallel_tool_calls"] is not True and given["parallel_tool_calls"] is not False:
            found.append(("input", "bad_field", "parallel_tool_calls"))
        if not tools_well_formed(given["tools"]):
            found.append(("input", "tools_form", ""))
        for column in ("preferred_output", "non_preferred_output"):
            said = row[column]
            if not isinstance(said, list) or len(said) != 1 or not isinstance(said[0], dict):
                found.append((column, "one_message", ""))
            elif more := only_keys(said, frozenset({"role", "content"})):
                found.append((column, "message_keys", ", ".join(more)))
        if more := only_keys(given["messages"], MESSAGE_KEYS):
            found.append(("input", "message_keys", ", ".join(more)))
        trl = {
            "prompt": given["messages"],
            "chosen": row["preferred_output"],
            "rejected": row["non_preferred_output"],
        }
        if given["tools"] and not found:
            trl["tools"] = json.dumps(given["tools"], ensure_ascii=False)
        return found, trl

    def row(self, row):
        found = super().row(row)
        if not found:
            code, detail = call_problem(row["input"]["messages"])
            if code:
                self.judged = None
                return [("input", code, detail)]
        return found

    def end(self):
        if self.name == "train.jsonl" and 0 < self.rows < FEWEST:
            return [("", "few_rows", f"{self.rows} / {FEWEST}")]
        return []


FORMAT = Format(
    name="openai-preference",
    label=LABELS["openai-preference"],
    trainer="Azure, Together, Fireworks: preference tuning (DPO)",
    takes=frozenset({Preference}),
    writer=Writer,
    checker=Checker,
    not_honoured=(
        _("The weight of a row, the votes for and against, and margins: every pair counts the same."),
        _("Ties: no trainer takes them."),
    ),
)
