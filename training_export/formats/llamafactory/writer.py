"""`llamafactory`: one folder for all stages of LLaMA-Factory 0.9.5: rows, `dataset_info.json`, a training
YAML per stage.

sft_alpaca_train.jsonl     {"instruction", "input", "output", "system"}: one question, one answer
sft_sharegpt_train.jsonl   {"conversations": [{"from", "value"}], "system", "tools"}: more turns, or tools
preference_train.jsonl     {"conversations" (odd count), "chosen": {"from", "value"}, "rejected": {…},
                           "system", "tools"}: stages rm and dpo
kto_train.jsonl            {"conversations" (even count), "kto_tag": true, "system", "tools"}"""

import json
from collections import Counter

from django.utils.translation import gettext_lazy as _

from training_export.curate.examples import Binary, Preference, Sft
from training_export.formats.base import LABELS, Format
from training_export.formats.llamafactory import files as llamafactory_files
from training_export.formats.llamafactory.checks import Checker
from training_export.formats.llamafactory.tools import tool_list
from training_export.formats.messages import LeftOut, has_template_token, identity
from training_export.formats.rendered import Rendered, encoded
from training_export.formats.rows import RowWriter

_TURN = {"user": "human", "assistant": "gpt", "tool": "observation"}
_ROLE = {ours: role for role, ours in _TURN.items()}


def _call_value(message: dict) -> str:
    """The value of a function_call turn: one call as an object, several as a list."""
    if message["content"]:
        # The turn holds the call alone; a text beside it would be lost.
        raise LeftOut("text_beside_call")
    calls = [
        {"name": c["function"]["name"], "arguments": c["function"]["arguments"]}
        for c in message["tool_calls"]
    ]
    return json.dumps(calls[0] if len(calls) == 1 else calls, ensure_ascii=False)


def turn(message: dict) -> dict:
    """{"from", "value"} of one message that is not the system's."""
    role = message["role"]
    if message.get("tool_calls"):
        return {"from": "function_call", "value": _call_value(message)}
    return {"from": _TURN[role], "value": message["content"]}


def said(turns: list[dict]) -> int:
    """What stands for turns of LLaMA-Factory: equal turns, equal numbers. The plain answer has the number
    that all formats give it."""
    return identity([{"role": _ROLE.get(one["from"], one["from"]), "content": one["value"]} for one in turns])


def holds_thought(value: str) -> bool:
    """Whether LLaMA-Factory finds a thought in an answer: either of the two marks is enough for it."""
    return "<think>" in value or "</think>" in value


class Writer(RowWriter):
    def __init__(self, folder, options, splits):
        super().__init__(folder, options, splits)
        self.pairs = self.corrections = 0
        self.labels = Counter()
        self.thoughts: dict[str, set[bool]] = {}  # by kind of row: whether answers hold a thought

    def row(self, example, split):
        kind = type(example)
        if kind not in (Sft, Preference, Binary):
            raise LeftOut("wrong_kind")
        if example.sources and self.options.sources == "omit":
            self.note_once("sources_omitted")
        {Sft: self._sft, Preference: self._preference, Binary: self._kto}[kind](
            example, split, self.shown(example)
        )

    def _render(self, shown, example):
        """Adds to what all formats need: the turns as LLaMA-Factory has them, and the end of a row."""
        super()._render(shown, example)
        messages = shown.messages
        system = messages[0]["content"] if messages[0]["role"] == "system" else ""
        shown.messages = messages[1:] if messages[0]["role"] == "system" else messages
        tools = tool_list(example.tools) if example.tools else ""
        if tools and has_template_token(tools) and not self.options.allow_template_tokens:
            raise LeftOut("template_token")
        turns = alternating(shown.messages)
        shown.prompt = encoded(turns)
        shown.tail = b', "system": %b, "tools": %b}\n' % (encoded(system), encoded(tools))
        alone = len(turns) == 1 and not tools and turns[0]["from"] == "human"
        if alone:  # the alpaca row up to its answer
            shown.head = b'{"instruction": %b, "input": "", "system": %b' % (
                encoded(turns[0]["value"]),
                encoded(system),
            )

    def prompt_id(self, shown, before):
        return hash((said(alternating([*shown.messages, *before])), shown.tail))

    def together(self, shown, chosen, rejected):
        prompts = set()
        for answer in (chosen, rejected):
            prompts.add(self._up_to(shown, answer)[0])
            turn(answer.final)  # refuses a call with a text beside it
        if len(prompts) > 1:
            raise LeftOut("tool_turns_in_answer")

    def _up_to(self, shown, rendered: Rendered) -> tuple[bytes, int]:
        """(the conversation up to an answer as JSON, what stands for it)."""
        if not rendered.before:
            return shown.prompt, shown.prompt_id
        return encoded(alternating([*shown.messages, *rendered.before])), self.prompt_id(
            shown, rendered.before
        )

    def _answered(self, shown, answer) -> tuple[bytes, bytes, Rendered, int, int]:
        """(the conversation up to the answer as JSON, the answer's turn as JSON, the answer, what stands for
        the conversation, and for the turn)."""
        rendered = self.answer(shown, answer)
        prompt, asked = self._up_to(shown, rendered)
        last = turn(rendered.final)
        return prompt, encoded(last), rendered, asked, said([last]) if rendered.structured else rendered.id

    def _sft(self, example, split, shown):
        prompt, last, target, asked, number = self._answered(shown, example.target)
        judged = hash((asked, number))
        if shown.head and not target.structured:
            line = b'%b, "output": %b}\n' % (shown.head, encoded(example.target.text))
            self.put(f"sft_alpaca_{split}", line, judged=judged, example=example)
        else:
            self.put(
                f"sft_sharegpt_{split}",
                b'{"conversations": %b, %b]%b' % (prompt[:-1], last, shown.tail),
                judged=judged,
                example=example,
            )
        self._heard("sft", split, target)

    def _preference(self, example, split, shown):
        prompt, chosen, better, asked, one = self._answered(shown, example.chosen)
        other_prompt, rejected, worse, _asked, other = self._answered(shown, example.rejected)
        if prompt != other_prompt:
            raise LeftOut("tool_turns_in_answer")
        if one == other:
            raise LeftOut("same_answers")
        line = b'{"conversations": %b, "chosen": %b, "rejected": %b%b' % (
            prompt,
            chosen,
            rejected,
            shown.tail,
        )
        self.put(
            f"preference_{split}",
            line,
            judged=hash((asked, min(one, other), max(one, other))),
            way=one < other,
            example=example,
        )
        self.pairs += 1
        self.corrections += example.provenance.get("reason") == "correction"
        self._heard("preference", split, better, worse)

    def _kto(self, example, split, shown):
        prompt, last, answer, asked, number = self._answered(shown, example.answer)
        if answer.before:
            raise LeftOut("tool_turns_in_answer")
        line = b'{"conversations": %b, %b], "kto_tag": %b%b' % (
            prompt[:-1],
            last,
            b"true" if example.label else b"false",
            shown.tail,
        )
        # The kinds share one ledger: a label and a target of the same answer are no duplicates.
        judged = hash(("kto", asked, number))
        self.put(f"kto_{split}", line, judged=judged, way=example.label, example=example, prompt=asked)
        if split == "train":
            self.labels[example.label] += 1
        self._heard("kto", split, answer)

    def _heard(self, kind: str, split: str, *answers: Rendered) -> None:
        """Notes whether these answers, of rows that a training run reads, hold thoughts."""
        if split != "test":
            self.thoughts.setdefault(kind, set()).update(
                holds_thought(answer.final["content"]) for answer in answers
            )

    def extras(self, files):
        share = self.corrections / self.pairs if self.pairs else 0
        if share > 0.25:
            self.note("near_identical", share=round(share, 3))
        labels = self.written("kto_train", self.labels)
        if len(labels) == 1:
            self.note("one_class")
        return llamafactory_files.write(
            self.folder,
            files,
            self.options,
            near_identical=share > 0.25,
            labels=labels,
            thoughts=self.thoughts,
        )


def alternating(messages: list[dict]) -> list[dict]:
    """The turns, if they alternate as LLaMA-Factory asks (its loader drops the row otherwise, with a warning
    nobody reads)."""
    turns = [turn(m) for m in messages]
    for i, one in enumerate(turns):
        if (one["from"] in ("gpt", "function_call")) != (i % 2 == 1):
            raise LeftOut("turn_order")
    return turns


FORMAT = Format(
    name="llamafactory",
    label=LABELS["llamafactory"],
    trainer="llamafactory 0.9.5",
    takes=frozenset({Sft, Preference, Binary}),
    writer=Writer,
    checker=Checker,
    options=("system", "sources", "allow_template_tokens", "name"),
    not_honoured=(
        _("The weight of a row, and the votes for and against: LLaMA-Factory gives every row the same."),
        _("Margins: its reward stage has none."),
        _(
            "Tool calls inside an answer: they are context, and with mask_history only the answer's "
            "last turn is learnt."
        ),
        _("Rows longer than cutoff_len are cut, not left out."),
    ),
)
