"""Taking an existing log in: file → rows of the ingest API → the same verb that the API calls, a few hundred
rows at a time."""

from collections.abc import Iterable, Iterator
from pathlib import Path

from django.utils.translation import gettext as _

from core.errors import DomainError
from corpus import readers
from corpus.readers.errors import RowRefused
from corpus.readers.reading import raw_rows
from corpus.records import FileRefused
from feedback.conversations.privacy import reason_keys, settings_of
from feedback.ingest import batch as ingest
from feedback.ingest.log_columns import check_mapping
from feedback.ingest.log_rows import Log
from feedback.ingest.rows import Rules

MOST_NAMED = 100  # columns in the report
CHUNK_ROWS, CHUNK_TEXT = 500, 2_000_000  # rows, or about so many characters, in one transaction


def import_log(
    *,
    project,
    actor,
    path,
    mapping: dict[str, str] | None = None,
    model: str = "",
    zero: str = "down",
    encoding: str | None = None,
    delimiter: str | None = None,
    report_errors=None,
) -> dict:
    """Take the log at `path` into `project`: {"read", "imported", "conversations", "messages", "reactions",
    "choices", "duplicates", "refused", "errors": [{"line", "field", "reason", "code"}],
    "feedback_columns", "not_taken", "container", "encoding"}.

    read = imported + duplicates + refused; `feedback_columns` {field: column} were taken for feedback; in
    `not_taken` {column: rows} something stood that was taken for nothing. `report_errors(error)` is called
    for each refused row instead of listing it. The same file again adds nothing. DomainError when the file
    as a whole is refused."""
    path, mapping = Path(path), mapping or {}
    if (unknown := check_mapping(mapping)) is not None:
        raise DomainError(
            "mapping", _("There is no field %(name)s to map a column to.") % {"name": unknown[:60]}
        )
    report = dict.fromkeys(
        ("read", "imported", "conversations", "messages", "reactions", "choices", "duplicates", "refused"), 0
    )
    errors: list[dict] = []
    settings = settings_of(project)
    up, down = (reason_keys(reasons) or frozenset() for reasons in (settings.up, settings.down))
    log = Log(bytes(project.hash_key), mapping, zero=zero, model=model, up=up, down=down)
    try:
        inspection = _inspect(path, encoding, delimiter)
        for chunk in _chunks(_converted(path, inspection, log)):
            _take(chunk, project, actor, report, report_errors or errors.append)
    except FileRefused as refused:
        raise DomainError(refused.code, str(refused)) from refused
    columns = {"feedback_columns": log.feedback, "not_taken": dict(log.not_taken.most_common(MOST_NAMED))}
    return (
        report
        | columns
        | {"errors": errors, "container": inspection.container, "encoding": inspection.encoding}
    )


def _inspect(path: Path, encoding: str | None, delimiter: str | None):
    """What kind of file it is. What its columns mean is asked here, of the rows, so a file whose columns mean
    nothing to an import of items will do."""
    try:
        return readers.inspect(path, name=path.name, encoding=encoding, delimiter=delimiter)
    except FileRefused as refused:
        if refused.inspection is None:
            raise
        return refused.inspection


def _converted(path: Path, inspection, log: Log) -> Iterator[tuple[int, list[dict] | RowRefused]]:
    found = False
    for line, row in raw_rows(path, inspection):
        found = True
        if isinstance(row, RowRefused):
            yield line, row
            continue
        try:
            yield line, log.rows(row)
        except RowRefused as refused:
            yield line, refused
    if not found:
        raise FileRefused("no_rows", _("The file has no rows."))


def _chunks(
    rows: Iterable[tuple[int, list[dict] | RowRefused]],
) -> Iterator[list[tuple[int, list[dict] | RowRefused]]]:
    chunk: list = []
    size = 0
    for line, row in rows:
        chunk.append((line, row))
        if not isinstance(row, RowRefused):
            size += sum(_size(one) for one in row)
        if len(chunk) >= CHUNK_ROWS or size >= CHUNK_TEXT:
            yield chunk
            chunk, size = [], 0
    if chunk:
        yield chunk


def _size(row: dict) -> int:
    """About how many characters."""
    messages = row.get("messages")
    return (
        sum(len(m["content"]) for m in messages if isinstance(m, dict) and isinstance(m.get("content"), str))
        if isinstance(messages, list)
        else 0
    )


def _take(chunk, project, actor, report: dict, refuse) -> None:
    sent = [
        (i, one) for i, (_line, rows) in enumerate(chunk) if not isinstance(rows, RowRefused) for one in rows
    ]
    # Reasons were compared with the project's list already: words that are none of its keys became tags.
    outcome = ingest.take(
        project=project, rows=[one for _i, one in sent], source="import", actor=actor, rules=Rules()
    )
    of_row: dict[int, list[ingest.Result]] = {}
    for (i, _row), result in zip(sent, outcome.results, strict=True):
        of_row.setdefault(i, []).append(result)
    for i, (line, rows) in enumerate(chunk):
        report["read"] += 1
        results = of_row.get(i, [])
        error = next((r.error for r in results if r.error is not None), None)
        if isinstance(rows, RowRefused) or error is not None:
            why = rows if isinstance(rows, RowRefused) else error
            report["refused"] += 1
            refuse({"line": line, "field": why.field, "reason": str(why), "code": why.code})
        else:
            report["imported" if any(r.status == "accepted" for r in results) else "duplicates"] += 1
    for name in ("conversations", "messages", "reactions", "choices"):
        report[name] += getattr(outcome.counts, name)
