"""Taking a file in: records → prompts, answers, items and imported judgements, chunk by chunk.

A chunk is one transaction under the project's import lock (its BenchSettings row), together with the job's
checkpoint: a killed run goes on after its last chunk, and since a record that is known adds nothing,
running a file twice does no harm either."""

import contextlib
import gc
import hashlib
import json
import logging
import time
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path

from django.db import OperationalError, connection, transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from annotation.imports import chunk_rows, preview
from annotation.imports import existing as known
from annotation.imports.added import Added, ItemFroze, KeySource, Numbers
from annotation.imports.chunk import Chunk
from annotation.imports.prefetch import CHUNK_RECORDS, Chunks
from annotation.imports.prepare import Ready, prepare
from annotation.models import Annotation, AnnotationVersion, BenchSettings, Item, ItemAnswer
from core import events
from core.db import bulk
from core.errors import DomainError
from core.jobs.control import NoControl
from corpus import readers
from corpus.models import ImportBatch, Prompt, PromptOrigin, Response
from corpus.records import FileRefused, Record, Refusal

log = logging.getLogger(__name__)
LISTED_ERRORS = 200  # in a report kept on a row; the file beside it has all
LISTED_COLUMNS = 200  # names of columns in a report; what other names there are is counted as one
ERRORS_FILE = "errors.jsonl"
MANY = 50_000  # records, from which on it is worth its half a second to tell the database of them at once
_TRIES = 5


@dataclass
class Counts(Numbers):
    """The report so far. read = imported + duplicates + refused. `notes`, `dropped`: {column: records}."""

    read: int = 0
    notes: dict[str, int] = field(default_factory=dict)
    dropped: dict[str, int] = field(default_factory=dict)

    def add(self, added: Added) -> None:
        self.increase(added)
        for into, more in ((self.notes, added.notes), (self.dropped, added.dropped)):
            for column, n in more.items():
                name = column if column in into or len(into) < LISTED_COLUMNS else "…"
                into[name] = into.get(name, 0) + n
        self.read += added.imported + added.duplicates + added.refused


class Errors:
    """Refused rows: all of them in a file (if there is a folder for it), the first few in the report."""

    def __init__(self, folder: Path | None, keep: int = 0):
        """`keep`: bytes of the file that belong to chunks taken in by an earlier run; what stands behind them
        is dropped."""
        self.listed: list[dict] = []
        self._file = None
        self._limit: int | None = None
        if folder is None:
            return
        self._limit = LISTED_ERRORS
        path = folder / ERRORS_FILE
        path.touch()
        self._file = open(path, "r+b")  # noqa: SIM115
        self._file.truncate(keep)
        for line in self._file:
            if len(self.listed) < LISTED_ERRORS:
                self.listed.append(json.loads(line))
        self._file.seek(0, 2)

    def add(self, refusals: Iterable[Refusal]) -> int:
        """Keep them; the size of the file afterwards."""
        for refusal in refusals:
            error = refusal.as_dict()
            if self._limit is None or len(self.listed) < self._limit:
                self.listed.append(error)
            if self._file is not None:
                self._file.write(
                    json.dumps(error, ensure_ascii=False).encode("utf-8", "backslashreplace") + b"\n"
                )
        if self._file is None:
            return 0
        self._file.flush()
        return self._file.tell()

    def back_to(self, size: int, listed: int) -> None:
        """Forget what was added since the file had `size` bytes and `listed` errors were listed."""
        del self.listed[listed:]
        if self._file is not None:
            self._file.truncate(size)
            self._file.seek(0, 2)

    def close(self) -> None:
        if self._file is not None:
            self._file.close()


@dataclass
class Source:
    """The file an import reads, and what it has led to so far. `batch` is made with the first chunk that adds
    anything."""

    name: str
    sha256: str
    join: str | None = None
    job_id: int | None = None
    batch_id: int | None = None
    taken: int = 0  # records
    counts: Counts = field(default_factory=Counts)


def import_file(
    *,
    project,
    actor,
    path,
    name: str = "",
    mapping: dict[str, str] | None = None,
    model: str | None = None,
    join: str | None = None,
    encoding: str | None = None,
    delimiter: str | None = None,
    dry_run: bool = False,
    ctl=None,
    folder: Path | None = None,
) -> dict:
    """Take the file at `path` into `project` and return the report: {"read", "imported", "items",
    "responses", "annotations", "duplicates", "errors": [{"line", "field", "reason", "code"}], and
    "refused", "prompts", "personal_data", "waiting", "format", "encoding", "notes" and "dropped":
    [{"column", "records"}]: what is kept as a note only, and what is not kept at all}; for a file with
    judgements "judged", which answer wins in its first rows (imports.preview.Preview.as_report).

    With `folder` all refused rows go to `errors.jsonl` there and the report lists the first 200; without,
    it lists all. `ctl` is the Control of the job this runs in; its checkpoint is where a killed run goes
    on. `dry_run` reads the database but writes nothing to it. DomainError when the file as a whole is
    refused."""
    path = Path(path)
    try:
        inspection = readers.inspect(
            path,
            name=name or path.name,
            encoding=encoding,
            mapping=mapping or {},
            delimiter=delimiter,
            join=join,
            whole=True,
        )
        judged = preview.of_file(path, inspection, model=model, join=join)
        records = readers.read(path, inspection, model=model, join=join)
        with _fewer_collections():
            report = take(
                records,
                project=project,
                actor=actor,
                name=name or path.name,
                sha256=_sha256(path),
                join=join,
                dry_run=dry_run,
                ctl=ctl,
                folder=folder,
            )
    except FileRefused as refused:
        raise refusal(refused) from refused
    found = {"format": inspection.format, "encoding": inspection.encoding}
    return report | found | ({"judged": judged.as_report()} if judged else {})


def refusal(refused: FileRefused) -> DomainError:
    """Why a file as a whole is not taken; with what must be told first ("asked": columns, the scales that
    fit), for programs."""
    asked = getattr(refused.inspection, "asked", None)
    return DomainError(refused.code, str(refused), field="file", data={"asked": asked} if asked else None)


def take(
    records: Iterable[Record | Refusal],
    *,
    project,
    actor,
    name: str = "",
    sha256: str = "",
    join: str | None = None,
    dry_run: bool = False,
    ctl=None,
    folder: Path | None = None,
) -> dict:
    """Take `records` in; `import_file` without the file."""
    ctl = ctl or NoControl()
    job = getattr(ctl, "job", None)
    source = Source(name=name[-255:], sha256=sha256, join=join, job_id=getattr(job, "pk", None))
    before = dict(getattr(job, "checkpoint", None) or {}) if not dry_run else {}
    if before:
        source.counts, source.taken, source.batch_id = (
            Counts(**before["counts"]),
            before["records"],
            before["batch"],
        )
    errors = Errors(folder, before.get("errors_bytes", 0))
    errors_bytes = before.get("errors_bytes", 0)
    bench = BenchSettings.objects.filter(project=project).first()
    if bench is None:
        raise DomainError("no_bench", _("This project has no settings for its bench."))
    keys = KeySource(dry=dry_run)
    trial = known.Trial() if dry_run else None
    chunks = Chunks(
        _prepared(_after(records, source.taken, ctl), bytes(project.hash_key), str(bench.kind)), CHUNK_RECORDS
    )
    try:
        for chunk in chunks:
            listed = len(errors.listed)
            for attempt in range(_TRIES):
                try:
                    if trial is not None:
                        added = Chunk(project=project, bench=bench, keys=keys, join=join, trial=trial).run(
                            chunk
                        )
                        errors.add(added.refusals)
                    else:
                        added, errors_bytes = _commit(
                            chunk, source, project, actor, keys, errors, ctl, chunks.ahead
                        )
                    break
                except (ItemFroze, OperationalError):
                    # Somebody began to work on an item, or two transactions waited for each other: decide
                    # again on what is there now.
                    errors.back_to(errors_bytes, listed)
                    if attempt == _TRIES - 1:
                        raise
                    time.sleep(0.05 * 4**attempt)
            if trial is not None:
                source.counts.add(added)
                source.taken += len(chunk)
            ctl.progress(source.taken)
    finally:
        errors.close()
        if trial is not None:
            trial.close()
    if trial is None and source.counts.imported >= MANY:
        bulk.analyze(Prompt, PromptOrigin, Response, Item, ItemAnswer, Annotation, AnnotationVersion)
    counts = source.counts
    columns = {"notes": _by_number(counts.notes), "dropped": _by_number(counts.dropped)}
    report = (
        {"read": counts.read}  # first, as people read it
        | asdict(counts)
        | columns
        | {"waiting": max(0, counts.waiting), "errors": errors.listed, "dry_run": dry_run}
    )
    if folder is not None:
        report["errors_file"] = ERRORS_FILE
    return report


def _commit(
    chunk: list[Ready | Refusal], source: Source, project, actor, keys: KeySource, errors: Errors, ctl, ahead
) -> tuple[Added, int]:
    """One chunk in one transaction, with its event and the checkpoint. `source` moves on only once it is
    committed. In the context `ahead()` the next chunk is made ready: while PostgreSQL writes this one, and
    while either database commits it (SQLite does the rest of its work in our thread, one small step after
    the other, and would have to ask another thread for the interpreter after each)."""
    with contextlib.ExitStack() as committed, transaction.atomic():
        bench = BenchSettings.objects.select_for_update(no_key=True).get(project=project)
        work = Chunk(project=project, bench=bench, keys=keys, join=source.join)
        added = work.run(chunk)
        batch_id = source.batch_id
        if connection.vendor == "postgresql":
            committed.enter_context(ahead())
        if work.anything():
            chunk_rows.lock_changed(work)
            if batch_id is None:
                batch_id = ImportBatch.objects.create(
                    project=project, job_id=source.job_id, name=source.name, sha256=source.sha256
                ).pk
            lines = [record.line for record in chunk]
            counted = {n: getattr(added, n) for n in ("prompts", "responses", "items", "annotations")}
            event = events.append(
                project=project,
                actor=actor,
                verb="import",
                batch=batch_id,
                lines=[min(lines), max(lines)],
                **counted,
            )
            chunk_rows.write(work, batch_id=batch_id, event_id=event.pk, now=timezone.now())
        counts = Counts(**asdict(source.counts))
        counts.add(added)
        size = errors.add(added.refusals)
        taken = source.taken + len(chunk)
        ctl.checkpoint({"records": taken, "counts": asdict(counts), "batch": batch_id, "errors_bytes": size})
        if connection.vendor != "postgresql":
            committed.enter_context(ahead())
    source.counts, source.taken, source.batch_id = counts, taken, batch_id
    return added, size


def _after(records: Iterable[Record | Refusal], taken: int, ctl) -> Iterator[Record | Refusal]:
    """Without the records that an earlier run of the same job took in."""
    for number, record in enumerate(records):
        if number < taken:
            if number % 1000 == 0:
                ctl.check()
            continue
        yield record


def _prepared(records: Iterable[Record | Refusal], key: bytes, kind: str) -> Iterator[Ready | Refusal]:
    for record in records:
        yield record if isinstance(record, Refusal) else prepare(record, key=key, kind=kind)


def _by_number(columns: dict[str, int]) -> list[dict]:
    return [
        {"column": name, "records": n}
        for name, n in sorted(columns.items(), key=lambda pair: (-pair[1], pair[0]))
    ]


@contextlib.contextmanager
def _fewer_collections() -> Iterator[None]:
    """A chunk is some hundred thousand objects without a cycle; looking for cycles among them at the usual
    pace costs a tenth of the time."""
    before = gc.get_threshold()
    gc.set_threshold(max(before[0], 50_000), *before[1:])
    try:
        yield
    finally:
        gc.set_threshold(*before)


def _sha256(path: Path) -> str:
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
