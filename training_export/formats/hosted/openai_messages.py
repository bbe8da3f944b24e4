"""`openai-messages`: {"messages": […], "tools"?} for supervised tuning at the services that take OpenAI's
rows (Azure, Together, Fireworks). The assistant's earlier turns have the weight 0: only the answer that was
judged is learnt."""

import json

from django.utils.translation import gettext_lazy as _

from training_export.curate.examples import Sft
from training_export.formats.base import LABELS, Format
from training_export.formats.hosted.calls import MESSAGE_KEYS, api_messages, call_problem, tools_well_formed
from training_export.formats.lines.checks import TranslatedChecker, only_keys
from training_export.formats.lines.writer import LineWriter
from training_export.formats.messages import LeftOut
from training_export.formats.rendered import encoded

FEWEST = 10  # rows of a training file that the services take


class Writer(LineWriter):
    takes = (Sft,)
    holds_tools = True

    def check_prompt(self, shown):
        if not tools_well_formed(shown.tools or []):
            raise LeftOut("tools_form")

    def line_of(self, example, split, shown):
        target = self.answer(shown, example.target)
        if "tool_calls" in target.final:
            raise LeftOut("tool_turns_in_answer")  # a call without its reply, which the API refuses
        messages = api_messages([*shown.messages, *target.before])
        weighed = [m | {"weight": 0} if m["role"] == "assistant" else m for m in messages]
        row = {"messages": [*weighed, target.final | {"weight": 1}]}
        if shown.tools:
            row["tools"] = shown.tools
        asked = self.prompt_id(shown, target.before) if target.before else shown.prompt_id
        self.put(split, encoded(row) + b"\n", judged=hash((asked, target.id)), example=example)


class Checker(TranslatedChecker):
    same_columns = False  # tools stand only where there are some
    columns = ("messages",)
    came_from = {"prompt": "messages", "completion": "messages"}
    date_like = False

    def translated(self, row):
        messages, tools = row["messages"], row.get("tools")
        if not isinstance(messages, list) or not all(isinstance(m, dict) for m in messages) or not messages:
            return [("messages", "not_messages", "")], {}
        if more := only_keys(messages, MESSAGE_KEYS | {"weight"}):
            return [("messages", "message_keys", ", ".join(more))], {}
        if place := _wrong_weight(messages):
            return [("messages", "weight", f"{place}")], {}
        if tools is not None and not (tools and tools_well_formed(tools)):
            return [("tools", "tools_form", "")], {}
        plain = [{k: v for k, v in m.items() if k != "weight"} for m in messages]
        trl = {"prompt": plain[:-1], "completion": plain[-1:]}
        if tools:
            trl["tools"] = json.dumps(tools, ensure_ascii=False)
        self._plain = plain
        return [], trl

    def row(self, row):
        found = super().row(row)
        if not found:
            code, detail = call_problem(self._plain)
            if code:
                self.judged = None
                return [("messages", code, detail)]
        return found

    def end(self):
        if self.name == "train.jsonl" and 0 < self.rows < FEWEST:
            return [("", "few_rows", f"{self.rows} / {FEWEST}")]
        return []


def _wrong_weight(messages: list[dict]) -> int:
    """The place (from 1) of a message whose weight is not as it must be, 0 if there is none: 1 for the last,
    0 for the assistant's others, none for anybody else's."""
    for place, message in enumerate(messages, 1):
        weight, last = message.get("weight"), place == len(messages)
        if message.get("role") != "assistant":
            if "weight" in message:
                return place
        elif type(weight) is not int or weight != int(last):
            return place
    return 0


FORMAT = Format(
    name="openai-messages",
    label=LABELS["openai-messages"],
    trainer="Azure, Together, Fireworks: supervised tuning",
    takes=frozenset({Sft}),
    writer=Writer,
    checker=Checker,
    not_honoured=(
        _("The weight of a row: the services give every row the same."),
        _("Tool calls inside an answer: only the answer's last turn is learnt."),
    ),
)
