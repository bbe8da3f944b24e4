"""Write a file, read it as an import would."""

import json
from pathlib import Path

from corpus import readers
from corpus.records import Record, Refusal


def written(path: Path, content: bytes | str) -> Path:
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def jsonl(*rows) -> str:
    """Rows as JSON lines; a str is taken as a line already written."""
    return "".join(
        (row if isinstance(row, str) else json.dumps(row, ensure_ascii=False)) + "\n" for row in rows
    )


class Got:
    """What reading a file gave."""

    def __init__(self, path, *, mapping=None, encoding=None, delimiter=None, join=None, model=None):
        self.inspection = readers.inspect(
            path, mapping=mapping, encoding=encoding, delimiter=delimiter, join=join
        )
        self.all = list(readers.read(path, self.inspection, model=model, join=join))
        self.records = [r for r in self.all if isinstance(r, Record)]
        self.refusals = [r for r in self.all if isinstance(r, Refusal)]
        self.entries = [e for r in self.records for e in r.entries]

    @property
    def entry(self):
        assert not self.refusals, self.refusals
        assert len(self.entries) == 1, self.entries
        return self.entries[0]

    @property
    def refused(self) -> list[tuple]:
        """(line, field, code) of each refusal."""
        return [(r.line, r.field, r.code) for r in self.refusals]

    @property
    def asked(self) -> list[str]:
        """The last message of each prompt."""
        return [e.messages[-1]["content"] for e in self.entries]
