"""What a reader makes of a file: checked records, or refusals that name line, field and reason. Pure: no database.

A reader yields one `Record` or one `Refusal` per record of the file, in file order."""

from dataclasses import dataclass, field


@dataclass(slots=True)
class AnswerIn:
    """One answer. `turns`: tool calls and observations that came before the final text. `is_target`: the file offers it
    as the answer to learn (an SFT row). `cut`: why it ends before its end (corpus.endings), "" for one that does not."""

    text: str
    model: str | None = None
    origin: str = "imported"  # corpus.models.Response.Origin
    turns: list | None = None
    external_id: str = ""
    parameters: dict | None = None
    is_target: bool = False
    cut: str = ""


@dataclass(slots=True)
class JudgementIn:
    """A judgement found in the data. `document` is annotation.document's, with indexes into `Entry.answers` where a stored
    document has slot numbers. `annotator`: the source column or name; "" = the file itself."""

    document: dict
    annotator: str = ""


@dataclass(slots=True)
class Entry:
    """One prompt with its answers and judgements. `kind`: what the data looks like: "ranking" (several answers, or judged ones),
    "qa" (question, answer, source passage), "sft" (one target answer), "prompt" (no answer), "answer" (answers for a prompt
    known by `external_id`; `messages` is empty)."""

    kind: str
    messages: list
    answers: list[AnswerIn] = field(default_factory=list)
    judgements: list[JudgementIn] = field(default_factory=list)
    tools: list | None = None
    sources: list = field(default_factory=list)
    metadata: dict = field(default_factory=dict)
    external_id: str = ""


@dataclass(slots=True)
class Record:
    """One record of the file: `line` is 1-based and physical, where the record begins (row number in Parquet). `dropped`: the
    names of what stood in it and was neither taken nor kept as a note."""

    line: int
    entries: list[Entry]
    dropped: tuple[str, ...] = ()


@dataclass(slots=True)
class Refusal:
    """A record that was not taken. `code` is stable for scripts; `reason` is a sentence in the active language."""

    line: int
    field: str
    code: str
    reason: str

    def as_dict(self) -> dict:
        return {"line": self.line, "field": self.field, "reason": self.reason, "code": self.code}


class FileRefused(Exception):
    """The file as a whole cannot be taken (binary, LFS pointer, bomb, unknown encoding …). `code` is stable, str() is the sentence.
    `inspection`: what was seen of its rows before it was refused, if that far; a mapping by hand may still make sense of them."""

    inspection: object | None = None

    def __init__(self, code: str, reason: str):
        super().__init__(reason)
        self.code = code
