"""What the writers of this folder share: one row for each Example of the classes that a format takes, in
`train.jsonl` (`validation.jsonl`, `test.jsonl`)."""

from training_export.curate.examples import Example
from training_export.formats.messages import LeftOut
from training_export.formats.rows import RowWriter


class LineWriter(RowWriter):
    """`takes`: the classes of Examples. `holds_tools`: whether a row may have definitions of tools, calls and
    tools' replies."""

    takes: tuple[type[Example], ...]
    holds_tools = False

    def row(self, example, split: str) -> None:
        if not isinstance(example, self.takes):
            raise LeftOut("wrong_kind")
        if example.sources and self.options.sources == "omit":
            self.note_once("sources_omitted")
        self.line_of(example, split, self.shown(example))

    def _render(self, shown, example):
        super()._render(shown, example)
        self.check_prompt(shown)

    def check_prompt(self, shown) -> None:
        """LeftOut for a prompt that no row can hold, whatever its answers are."""
        if not self.holds_tools:
            no_tools(shown)

    def line_of(self, example, split: str, shown) -> None:
        """Calls `put` for what `example` becomes, or raises LeftOut."""
        raise NotImplementedError

    def text_answer(self, shown, answer):
        """`answer` rendered; LeftOut if it is more than one turn with a text."""
        rendered = self.answer(shown, answer)
        if rendered.structured:
            raise LeftOut("tool_turns_in_answer")
        return rendered

    def together(self, shown, chosen, rejected):
        if chosen.structured or rejected.structured:
            raise LeftOut("tool_turns_in_answer")


def no_tools(shown) -> None:
    """LeftOut where a prompt has definitions of tools, calls or tools' replies."""
    if shown.tools:
        raise LeftOut("tools")
    if any(m["role"] == "tool" or "tool_calls" in m for m in shown.messages):
        raise LeftOut("tool_turns")


def bare(messages: list[dict]) -> list[dict]:
    """Messages with nothing but role and text."""
    return [{"role": m["role"], "content": m["content"]} for m in messages]


def only_question(messages: list[dict]) -> str:
    """The text of a prompt that is one question. LeftOut for more turns, or a system message."""
    if messages[0]["role"] == "system":
        raise LeftOut("system_beside")
    if len(messages) > 1:
        raise LeftOut("more_turns")
    return messages[0]["content"]


def pair_judged(prompt_id: int, chosen, rejected) -> dict:
    """What the Ledger needs of a pair; LeftOut for a pair of equals."""
    if chosen.id == rejected.id:
        raise LeftOut("same_answers")
    judged = hash((prompt_id, min(chosen.id, rejected.id), max(chosen.id, rejected.id)))
    return {"judged": judged, "way": chosen.id < rejected.id}
