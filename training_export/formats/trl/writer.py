"""What the TRL formats share: `train.jsonl` (`validation.jsonl`, `test.jsonl`) of conversational rows
with the prompt in its own column."""

from training_export.curate.examples import Example
from training_export.formats.messages import LeftOut
from training_export.formats.rendered import encoded
from training_export.formats.rows import RowWriter

# Read by TRL with json.loads; a string on every row, so that no loader has to guess a type from nulls.
_NO_TOOLS = b', "tools": "null"}\n'


class TrlWriter(RowWriter):
    takes: type[Example] | tuple[type[Example], ...]
    no_tools = _NO_TOOLS  # how a row without tools ends, where others have some

    def __init__(self, folder, options, splits):
        super().__init__(folder, options, splits)
        self.any_tools = False

    def row(self, example, split: str) -> None:
        if not isinstance(example, self.takes):
            raise LeftOut("wrong_kind")
        self.note_sources(example)
        self.trl_row(example, split, self.shown(example))

    def note_sources(self, example) -> None:
        """Notes that passages do not stand in the prompts, where they do not."""
        if example.sources and self.options.sources == "omit":
            self.note_once("sources_omitted")

    def trl_row(self, example, split: str, shown) -> None:
        raise NotImplementedError

    def end(self, line: bytes, shown) -> bytes:
        """`line` (without its closing brace) with the tools of the prompt, if it has any, as its last
        column."""
        if shown.tail:
            self.any_tools = True
            return b'%b, "tools": %b}\n' % (line, shown.tail)
        return line + b"}\n"

    def must_copy(self) -> bool:
        return self.any_tools

    def final_line(self, line: bytes) -> bytes:
        # Only a row with tools ends in a string.
        return line if not self.any_tools or line.endswith(b'"}\n') else line[:-2] + self.no_tools


def with_turns(shown, before: list) -> tuple[bytes, bool]:
    """The prompt's JSON with an answer's tool turns at its end: loss then falls on the answer's last turn
    alone, never on a tool's reply."""
    if not before:
        return shown.prompt, shown.structured
    return encoded([*shown.messages, *before]), True


def part(split: str, structured: bool) -> str:
    return f"{split}+tools" if structured else split
