"""A row as the tokens a model reads: what was asked, by the model's own chat template, and the answer. Pure.

The answer's tokens are those of its text alone, whatever stands before it, so that a score with the question
and one without speak of the same tokens; the end of the turn is not among them. Passages that were shown
beside a question are not given, as an export leaves them out unless it is asked for them. A system message
that a template does not take is put before the first user turn, as an export does under `system: merge`."""

import json
from dataclasses import dataclass
from typing import Any

from training_export.curate.examples import Answer
from training_export.formats.base import Options
from training_export.formats.messages import LeftOut, answer_messages, prompt_messages

# Templates that print a date print today's if they are given none, and a score must not depend on the day;
# templates of models that think leave room for a thought, of which these answers have none.
TEMPLATE_WORDS = {"date_string": "26 Jul 2024", "enable_thinking": False}


class NotScored(Exception):
    """This row cannot be given to the model; `code` is one of the notes of scoring.telling."""

    def __init__(self, code: str):
        super().__init__(code)
        self.code = code


@dataclass(slots=True)
class Piece:
    """Tokens to score: the `answer` after the `context`. `cut`: how many tokens of both had no room."""

    context: list[int]
    answer: list[int]
    cut: int = 0


@dataclass(slots=True)
class Asked:
    """A question and its answer as messages. `turns`: up to and with the turns before the `final` one."""

    turns: list[dict]
    final: dict
    tools: list | None


def asked(example: Any, answer: Answer, *, merge: bool = False) -> Asked:
    """What `example` asks and `answer` says. `merge`: a system message becomes the head of the first user
    turn. NotScored for what no template could render."""
    try:
        turns = prompt_messages(example, Options(system="merge" if merge else "keep"))
        before, final = answer_messages(answer)
    except LeftOut:
        raise NotScored("template_refuses") from None
    return Asked([*turns, *before], final, example.tools or None)


class Texts:
    """What the tokenizer of a model makes of rows. `most`: tokens of a piece."""

    def __init__(self, tokenizer: Any, most: int):
        self.tokenizer, self.most = tokenizer, most
        self.has_template = bool(getattr(tokenizer, "chat_template", None))

    @property
    def start(self) -> list[int]:
        """What stands before a text that nothing was asked for: the token for the beginning, or else the one
        that ends the text before it (as EleutherAI's lm-evaluation-harness does)."""
        for token in (self.tokenizer.bos_token_id, self.tokenizer.eos_token_id):
            if token is not None:
                return [token]
        raise NotScored("no_start_token")

    def ids(self, text: str) -> list[int]:
        """The tokens of `text` and no others."""
        return list(self.tokenizer(text, add_special_tokens=False, verbose=False)["input_ids"])

    def rendered(self, turns: list[dict], tools: list | None, *, generation: bool = True) -> str:
        """`turns` by the chat template, open for the answer if `generation`; where the tokenizer has none,
        "### role" over each turn. NotScored where the template refuses."""
        if not self.has_template:
            blocks = [("tools", json.dumps(tools, ensure_ascii=False))] if tools else []
            for turn in turns:
                calls = turn.get("tool_calls")
                said = [turn["content"], json.dumps(calls, ensure_ascii=False) if calls else ""]
                blocks.append((turn["role"], "\n".join(text for text in said if text)))
            whole = "".join(f"### {role}\n{text}\n\n" for role, text in blocks)
            return whole + "### assistant\n" if generation else whole
        try:
            return str(
                self.tokenizer.apply_chat_template(
                    turns, tools=tools, tokenize=False, add_generation_prompt=generation, **TEMPLATE_WORDS
                )
            )
        except Exception as refused:
            raise NotScored("template_refuses") from refused

    def prompt(self, said: Asked, example: Any, answer: Answer) -> tuple[Asked, str]:
        """(`said`, as it was rendered, what is asked as one text), with the system message merged where the
        template takes none."""
        try:
            return said, self.rendered(said.turns, said.tools)
        except NotScored:
            if said.turns[0]["role"] != "system":
                raise
        said = asked(example, answer, merge=True)
        return said, self.rendered(said.turns, said.tools)

    def answer_text(self, said: Asked, prompt: str) -> str:
        """The text of the answer: as it was written, or, of an answer that is a call of a tool, as the
        template writes the call."""
        if not said.final.get("tool_calls"):
            return said.final["content"]
        whole = self.rendered([*said.turns, said.final], said.tools, generation=False)
        if not whole.startswith(prompt):
            raise NotScored("template_refuses")
        return whole[len(prompt) :]

    def piece(self, example: Any, answer: Answer) -> Piece:
        """`answer` after what `example` asked."""
        said, prompt = self.prompt(asked(example, answer), example, answer)
        return self.fitted(self.ids(prompt), self.ids(self.answer_text(said, prompt)))

    def alone(self, piece: Piece) -> Piece:
        """The answer of `piece` after nothing."""
        return Piece(self.start, piece.answer, piece.cut)

    def fitted(self, context: list[int], answer: list[int]) -> Piece:
        """Both within `most`: of the answer the first half of it, so that a score never depends on how long
        the question was, of the context the last that fit. NotScored for an answer without tokens."""
        if not answer:
            raise NotScored("no_answer")
        context = context or self.start
        kept = answer[: self.most // 2]
        room = self.most - len(kept)
        cut = len(answer) - len(kept) + max(0, len(context) - room)
        return Piece(context[-room:], kept, cut)
