"""Any file → checked records. Pure (no database), streaming, strict: what cannot be kept code point for code
point is refused with its line. `inspect` looks at the file by its content; `read` streams it.
docs/import.md states every rule."""

from collections.abc import Iterator
from pathlib import Path

from corpus.records import Inspection, Record, Refusal


def inspect(
    path: str | Path,
    *,
    name: str = "",
    encoding: str | None = None,
    mapping: dict[str, str] | None = None,
    delimiter: str | None = None,
    join: str | None = None,
    whole: bool = False,
) -> Inspection:
    """What the file at `path` is, by its content. FileRefused when no row of it can be read, or
    ("which_wins") when it cannot be told which answer its judgements put first; a compressed file is gone
    through once, so that a bomb or a damaged archive is refused before any row is taken. `mapping`: {our
    field: column, or column:scale}. `join`: the column that names the prompt when the rows are answers to
    prompts known already. `whole`: columns of judgements are looked at to the end of the file before their
    numbers are read, not only in the first limits.JUDGED_ROWS."""
    from corpus.readers.inspection import inspect_file

    return inspect_file(
        Path(path),
        name=name,
        encoding=encoding,
        mapping=mapping or {},
        delimiter=delimiter,
        join=join,
        whole=whole,
    )


def read(
    path: str | Path, inspection: Inspection, *, model: str | None = None, join: str | None = None
) -> Iterator[Record | Refusal]:
    """Every record of the file, in file order: a Record, or a Refusal naming line, field and reason. `model`:
    who gave the answers; `join`: the column holding the id of a prompt already known (rows become entries
    of kind "answer")."""
    from corpus.readers.reading import records

    return records(Path(path), inspection, model=model, join=join)


__all__ = ["Inspection", "inspect", "read"]
