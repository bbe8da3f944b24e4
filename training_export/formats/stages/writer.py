"""What the formats with a file for each stage share: `train.jsonl` (`validation.jsonl`, `test.jsonl`) of rows
of one stage, and what is told of them."""

import re
from collections import Counter
from collections.abc import Mapping

from training_export.curate.examples import Binary, Preference, PromptOnly, Sft
from training_export.formats.messages import LeftOut, identity
from training_export.formats.prompts import PromptRows
from training_export.formats.rendered import Rendered, encoded
from training_export.formats.trl.kto import balance
from training_export.formats.trl.writer import TrlWriter, part

# What the rows of a stage are made of.
KINDS = {"sft": "sft", "rm": "pair", "dpo": "pair", "kto": "label", "rl": "prompt"}
TAKES = {
    "sft": frozenset({Sft}),
    "rm": frozenset({Preference}),
    "dpo": frozenset({Preference}),
    "kto": frozenset({Binary}),
    "rl": frozenset({Sft, PromptOnly}),
}
NEAR_IDENTICAL = 0.25  # share of corrections among the pairs from which on it is noted


def stages(*names: str) -> Mapping[str, frozenset]:
    """{stage: the Example classes of its rows}."""
    return {name: TAKES[name] for name in names}


class StageWriter(PromptRows, TrlWriter):
    """Subclasses say how messages look (`turns`), what their trainer cannot hold (`context_held`,
    `answer_held`), and what a row of each kind is (`sft_line`, `pair_line`, `label_line`, `prompt_line`:
    bytes without the closing brace)."""

    holds_tools = False
    holds_margin = False
    no_tools = b', "tools": "[]"}\n'
    marks: re.Pattern | None = None  # in a text, what the trainer takes for something else

    def __init__(self, folder, options, splits):
        super().__init__(folder, options, splits)
        self.stage = self.options.stage
        self.takes = tuple(TAKES[self.stage])
        self.labels: Counter = Counter()
        self.pairs = self.corrections = 0

    # -- what subclasses say

    def turns(self, messages: list[dict]) -> list[dict]:
        """`messages` that stand before an answer, as the trainer has them."""
        return messages

    def context_held(self, shown) -> None:
        """LeftOut for a context that this stage cannot hold."""

    def answer_held(self, answer: Rendered) -> None:
        """LeftOut for an answer that this stage cannot hold."""

    def sft_line(self, shown, prompt: bytes, answer: Rendered) -> bytes:
        raise NotImplementedError

    def pair_line(self, shown, prompt: bytes, chosen: Rendered, rejected: Rendered) -> bytes:
        raise NotImplementedError

    def label_line(self, shown, prompt: bytes, answer: Rendered, label: bool) -> bytes:
        raise NotImplementedError

    def prompt_line(self, shown, prompt: bytes, text: str) -> bytes:
        raise NotImplementedError

    def settings(self, files) -> list:
        """Further files: the trainer's settings."""
        return []

    # -- rendering

    def _render(self, shown, example):
        super()._render(shown, example)
        if not self.holds_tools and shown.tail:
            raise LeftOut("tools")
        if not self.holds_tools and (shown.structured or any(m["role"] == "tool" for m in shown.messages)):
            raise LeftOut("tool_turns")
        self._without_marks([m["content"] for m in shown.messages])
        self.context_held(shown)
        shown.prompt = encoded(self.turns(shown.messages))

    def _rendered(self, answer):
        out = super()._rendered(answer)
        try:
            if not out.code:
                if not self.holds_tools and (out.structured or out.before):
                    raise LeftOut("tool_turns_in_answer")
                self._without_marks([m["content"] for m in (*out.before, out.final)])
                self.answer_held(out)
                if out.structured:  # as the file will tell one from another: without what it does not hold
                    out.id = identity(self.turns([out.final]))
        except LeftOut as refused:
            out.code = refused.code
        return out

    def _without_marks(self, texts: list[str]) -> None:
        if self.marks is not None and any(self.marks.search(text) for text in texts):
            raise LeftOut("media_mark")

    def prompt_id(self, shown, before):
        return hash((identity(self.turns([*shown.messages, *before])), shown.tool_text))

    def together(self, shown, chosen, rejected):
        if chosen.before != rejected.before or "tool_calls" in chosen.final or "tool_calls" in rejected.final:
            raise LeftOut("tool_turns_in_answer")

    def _up_to(self, shown, before: list) -> tuple[bytes, int, bool]:
        """(the prompt with an answer's turns `before` behind it, as JSON; what stands for it; whether there
        is more in it than plain turns)."""
        if not before:
            return shown.prompt, shown.prompt_id, shown.structured or bool(shown.tail)
        return encoded(self.turns([*shown.messages, *before])), self.prompt_id(shown, before), True

    # -- rows

    def trl_row(self, example, split, shown):
        getattr(self, f"_{KINDS[self.stage]}")(example, split, shown)

    def end(self, line, shown):
        if self.holds_tools and not shown.tail and line.endswith(b'"'):
            # A row that ends in a text could not be told from one that ends in tools (see `final_line`).
            return line + self.no_tools
        return super().end(line, shown)

    def _sft(self, example, split, shown):
        target = self.answer(shown, example.target)
        prompt, asked, structured = self._up_to(shown, target.before)
        line = self.end(self.sft_line(shown, prompt, target), shown)
        judged = hash((asked, target.id))
        self.put(part(split, structured or target.structured), line, judged=judged, example=example)

    def _pair(self, example, split, shown):
        chosen, rejected = self.answer(shown, example.chosen), self.answer(shown, example.rejected)
        self.together(shown, chosen, rejected)
        if chosen.id == rejected.id:
            raise LeftOut("same_answers")
        prompt, asked, structured = self._up_to(shown, chosen.before)
        line = self.pair_line(shown, prompt, chosen, rejected)
        if self.options.margin != "none" and self.holds_margin and self.stage == "rm":
            if example.margin is None:
                raise LeftOut("no_margin")
            line += b', "margin": %b' % repr(float(example.margin)).encode()
        self.put(
            part(split, structured),
            self.end(line, shown),
            judged=hash((asked, min(chosen.id, rejected.id), max(chosen.id, rejected.id))),
            way=chosen.id < rejected.id,
            example=example,
        )
        self.pairs += 1
        self.corrections += example.provenance.get("reason") == "correction"

    def _label(self, example, split, shown):
        answer = self.answer(shown, example.answer)
        if answer.before or "tool_calls" in answer.final:
            raise LeftOut("tool_turns_in_answer")
        self.put(
            split,
            self.end(self.label_line(shown, shown.prompt, answer, bool(example.label)), shown),
            judged=hash((shown.prompt_id, answer.id)),
            way=bool(example.label),
            example=example,
            prompt=shown.prompt_id,
            structured=shown.structured or bool(shown.tail),
        )
        if split == "train":
            self.labels[bool(example.label)] += 1

    def _prompt(self, example, split, shown):
        self.gather_prompt(example, split, shown)

    def write_gathered(self, held):
        self.prompts += 1
        self.without += not held.text
        shown = held.shown
        line = self.end(self.prompt_line(shown, shown.prompt, held.text), shown)
        stream = part(held.split, shown.structured or bool(shown.tail))
        self.put(stream, line, judged=hash(("prompt", shown.prompt_id)), example=held.example)

    # -- what is told of them

    def near_identical(self) -> float:
        """The share of corrections among the pairs, if it is so large that it matters, else 0."""
        share = self.corrections / self.pairs if self.pairs else 0
        return share if share > NEAR_IDENTICAL else 0

    def weights(self) -> dict | None:
        """The KTO trainer's weights that balance the labels of the training rows, None for one class."""
        return balance(self.written("train", self.labels))

    def extras(self, files):
        if self.stage == "dpo" and (share := self.near_identical()):
            self.note("near_identical", share=round(share, 3))
        if self.stage == "kto":
            labels = self.written("train", self.labels)
            if weights := self.weights():
                self.note("kto_weights", desirable=labels[True], undesirable=labels[False], **weights)
            elif labels:
                self.note("one_class")
        if self.stage == "rl":
            self.note_prompts()
        return self.settings(files) if files else []
