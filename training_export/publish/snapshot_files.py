"""The folder of a data set that a recipe made: rows by kind and side, and the data card."""

import hashlib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from itertools import chain
from pathlib import Path

from django.conf import settings
from django.utils.translation import gettext as _

from core.errors import DomainError
from core.models import Project
from training_export.curate.examples import Example
from training_export.formats.base import SPLITS, FileInfo
from training_export.formats.canonical import NAMES
from training_export.models import Snapshot
from training_export.publish.parquet_rows import RowsWriter, columns_of, rows_with_keys
from training_export.publish.workplace import write_durably

DATA, CARD, DROPPED = "data", "README.md", "dropped.parquet"
DELTA = "delta"  # the step that leaves out what an earlier data set has


class SnapshotFiles:
    """Writes the rows of one data set into `folder`."""

    def __init__(self, folder: Path):
        self._folder = folder
        self._writers: dict[tuple[str, str], RowsWriter] = {}
        self.counts: Counter = Counter()

    def add(self, example: Example, side: str, keys: Mapping[str, Sequence[str]]) -> None:
        """Put one row on `side`, with the keys that decided on it."""
        kind = NAMES[type(example)]
        writer = self._writers.get((kind, side))
        if writer is None:
            path = self._folder / name_of(kind, side)
            writer = self._writers[kind, side] = RowsWriter(path, kind)
        writer.add(example, keys)
        self.counts[kind] += 1

    def close(self) -> list[FileInfo]:
        """All files are whole; what they are, the data in the order of their names."""
        found = []
        for (kind, side), writer in sorted(self._writers.items()):
            writer.close()
            name = name_of(kind, side)
            found.append(FileInfo(name, writer.rows, sha256_of(self._folder / name)))
        return found


def name_of(kind: str, side: str) -> str:
    """Where the rows of a kind and side stand in a data set's folder."""
    return f"{DATA}/{kind}-{side}.parquet"


def sha256_of(path: Path) -> str:
    """The SHA-256 of a file, hex."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def write_card(folder: Path, *, title: str, files: list[FileInfo], lines: list[str]) -> FileInfo:
    """The data card: `datasets.load_dataset(folder, kind)` reads its front matter."""
    configs: dict[str, list[str]] = {}
    for file in files:
        kind, _dash, side = Path(file.path).stem.partition("-")
        configs.setdefault(kind, []).append(f"  - split: {side}\n    path: {file.path}")
    front = "".join(
        f"- config_name: {kind}\n  data_files:\n" + "\n".join(parts) + "\n" for kind, parts in configs.items()
    )
    text = f"---\nconfigs:\n{front}---\n\n# {title}\n\n" + "\n".join(lines) + "\n"
    write_durably(folder / CARD, text)
    return FileInfo(CARD, 0, sha256_of(folder / CARD), "config")


def folder_of_snapshot(snapshot: Snapshot) -> Path:
    """Where the rows of the data set are."""
    return Path(settings.FILES_DIR) / snapshot.folder


def snapshot_or_refused(project: Project, number: int, *, withdrawn: bool = False) -> Snapshot:
    """The project's data set `number` if a recipe made it and, unless `withdrawn`, it is not withdrawn;
    DomainError "no_snapshot"."""
    found = Snapshot.objects.filter(project=project, number=number).exclude(folder="")
    if not withdrawn:
        found = found.filter(withdrawn_at=None)
    snapshot = found.select_related("recipe_version__recipe").first()
    if snapshot is None:
        raise DomainError(
            "no_snapshot",
            _("There is no data set %(number)s made by a recipe, or it was withdrawn.") % {"number": number},
            status=404,
            field="number",
        )
    return snapshot


def sides_of(snapshot: Snapshot) -> Iterator[tuple[str, str, Path]]:
    """(kind, side, file) of all that the data set holds, sides in the order train, validation, test."""
    for kind in NAMES.values():
        for side in SPLITS:
            path = folder_of_snapshot(snapshot) / name_of(kind, side)
            if path.exists():
                yield kind, side, path


def rows_of_snapshot(project: Project, number: int) -> Iterator[Example]:
    """All rows of a data set; DomainError "no_snapshot"."""
    for example, _side, _keys in sided_rows_of(snapshot_or_refused(project, number)):
        yield example


def sided_rows_of(snapshot: Snapshot) -> Iterator[tuple[Example, str, dict[str, list[str]]]]:
    """(row, its side, the keys that decided on it) of a data set."""
    for _kind, side, path in sides_of(snapshot):
        for example, keys in rows_with_keys(path):
            yield example, side, keys


def ways_of_snapshot(snapshot: Snapshot) -> dict[bytes, set[str]]:
    """{key of what a row judges: which ways}, of what the data set holds and, where it is incremental itself,
    of what it left to the earlier ones."""
    found: dict[bytes, set[str]] = {}
    files = [path for _kind, _side, path in sides_of(snapshot)]
    left = folder_of_snapshot(snapshot) / DROPPED
    kept = (row for path in files for row in columns_of(path, "key", "way"))
    earlier = (row for row in columns_of(left, "key", "way", "step") if row["step"] == DELTA)
    for row in chain(kept, earlier):
        found.setdefault(bytes.fromhex(row["key"]), set()).add(row["way"])
    return found
