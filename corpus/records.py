"""What a reader makes of a file: checked records, or refusals that name line, field and reason. Pure: no
database.

A reader yields one `Record` or one `Refusal` per record of the file, in file order."""

from dataclasses import asdict, dataclass, field


@dataclass(slots=True)
class AnswerIn:
    """One answer. `turns`: tool calls and observations that came before the final text. `is_target`: the file
    offers it as the answer to learn (an SFT row). `cut`: why it ends before its end (corpus.endings), ""
    for one that does not."""

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
    """A judgement found in the data. `document` is annotation.document's, with indexes into `Entry.answers`
    where a stored document has slot numbers. `annotator`: the source column or name; "" = the file itself."""

    document: dict
    annotator: str = ""


@dataclass(slots=True)
class Entry:
    """One prompt with its answers and judgements. `kind`: what the data looks like: "ranking" (several
    answers, or judged ones), "qa" (question, answer, source passage), "sft" (one target answer), "prompt"
    (no answer), "answer" (answers for a prompt known by `external_id`; `messages` is empty)."""

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
    """One record of the file: `line` is 1-based and physical, where the record begins (row number in
    Parquet). `dropped`: the names of what stood in it and was neither taken nor kept as a note."""

    line: int
    entries: list[Entry]
    dropped: tuple[str, ...] = ()


@dataclass(slots=True)
class Refusal:
    """A record that was not taken. `code` is stable for scripts; `reason` is a sentence in the active
    language."""

    line: int
    field: str
    code: str
    reason: str

    def as_dict(self) -> dict:
        return {"line": self.line, "field": self.field, "reason": self.reason, "code": self.code}


class FileRefused(Exception):
    """The file as a whole cannot be taken (binary, LFS pointer, bomb, unknown encoding …). `code` is stable,
    str() is the sentence. `inspection`: what was seen of its rows before it was refused, if that far; a
    mapping by hand may still make sense of them."""

    inspection: object | None = None

    def __init__(self, code: str, reason: str):
        super().__init__(reason)
        self.code = code


@dataclass
class Inspection:
    """What a file is. `mapping` is {our field: column} as found (a given mapping included), `given` only what
    was given or seen in the rows; `scales` {column: what its numbers stand for} (scales.py), `asked` what
    of that must be told by hand (deciding.Asked); `columns` the names seen in the first rows, `sample`
    those rows as dicts (long texts cut). `container`: json · jsonl · csv · parquet; `compression`: "" ·
    gzip · zip; `delimiter` only for csv; `layout`: where the rows of a JSON file stand (list · lists ·
    texts · keyed · lists_of_lists · single · sequence); of a table: cr · unquoted. `unread`: columns of a
    Parquet file whose values cannot be read (bytes, maps, durations)."""

    container: str
    compression: str = ""
    encoding: str = "utf-8"
    delimiter: str = ""
    format: str = ""
    columns: list[str] = field(default_factory=list)
    sample: list[dict] = field(default_factory=list)
    mapping: dict[str, str] = field(default_factory=dict)
    given: dict[str, str] = field(default_factory=dict)
    scales: dict[str, str] = field(default_factory=dict)
    asked: list[dict] = field(default_factory=list)
    layout: str = ""
    name: str = ""
    unread: list[str] = field(default_factory=list)

    def as_dict(self) -> dict:
        """JSON-ready."""
        return asdict(self)
