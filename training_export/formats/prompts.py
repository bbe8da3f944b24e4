"""Rows of one prompt each: what several Examples of a prompt say is gathered until the next prompt begins.
Pure."""

from dataclasses import dataclass, field

from training_export.curate.examples import Example, PromptOnly, Sft
from training_export.formats.messages import LeftOut
from training_export.formats.rendered import Rendered, Shown
from training_export.formats.rows import RowWriter


def judged_prompt(example: Example):
    """What is the same for all Examples that come of one judged prompt, whatever their contexts: they arrive
    one after the other."""
    return example.provenance.get("prompt") or example.group_id


@dataclass(slots=True)
class Gathered:
    """One context of a judged prompt (`of`), in one split, and what was said of it so far."""

    of: object
    split: str
    shown: Shown
    example: Example
    text: str = ""
    targets: list[tuple[Example, Rendered]] = field(default_factory=list)
    pairs: list[tuple[Example, Rendered, Rendered]] = field(default_factory=list)


class Gathering(RowWriter):
    """For writers of rows: `gather` gives what is held of the context of an Example, `write_gathered` is
    called for each when its judged prompt is over."""

    def __init__(self, folder, options, splits):
        super().__init__(folder, options, splits)
        self._of: object = None
        self._held: dict[tuple, Gathered] = {}

    def gather(self, example: Example, split: str, shown: Shown) -> tuple[Gathered, bool]:
        """(what is held of this context, whether it is new)."""
        of = judged_prompt(example)
        held = self._held.get((split, shown.prompt_id))
        # The same may be asked in two projects, whose rows then come in turn.
        if of != self._of and held is None:
            self._let_go()
        self._of = of
        if held is not None:
            return held, False
        held = self._held[split, shown.prompt_id] = Gathered(of, split, shown, example)
        return held, True

    def write_gathered(self, held: Gathered) -> None:
        raise NotImplementedError

    def _let_go(self) -> None:
        for held in self._held.values():
            self.write_gathered(held)
        self._held = {}

    def close(self):
        self._let_go()
        return super().close()


class PromptRows(Gathering):
    """One row a prompt, with the text of the answer that an expert gave to it, "" where nobody did. A second
    answer to the same prompt is left out."""

    def __init__(self, folder, options, splits):
        super().__init__(folder, options, splits)
        self.prompts = self.without = 0

    def gather_prompt(self, example: Sft | PromptOnly, split: str, shown: Shown) -> None:
        text = self.answer(shown, example.target).final["content"] if isinstance(example, Sft) else ""
        held, new = self.gather(example, split, shown)
        if new:
            held.text = text
        elif held.of != judged_prompt(example) and (held.text or isinstance(example, PromptOnly)):
            raise LeftOut("duplicate")  # another prompt asks the same, and has no answer to add
        elif isinstance(example, PromptOnly):
            self.joined += 1
        elif held.text:
            raise LeftOut("one_answer_a_prompt")
        else:
            held.text, held.example = text, example
            self.joined += 1

    def note_prompts(self) -> None:
        """The note that some rows, or all, have no answer to compare with."""
        if self.without:
            self.note("no_solution", without=self.without, prompts=self.prompts)
