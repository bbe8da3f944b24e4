"""Settings of a trainer as a file beside the data."""

import hashlib
from pathlib import Path

from training_export.formats.base import FileInfo


def put(folder: Path, name: str, lines: list[str]) -> FileInfo:
    """Writes `lines` (ASCII, without line ends) as the file `name`."""
    raw = ("\n".join(lines) + "\n").encode("ascii")
    (folder / name).write_bytes(raw)
    return FileInfo(name, 0, hashlib.sha256(raw).hexdigest(), "config")


def there(files: list[FileInfo], split: str) -> bool:
    """Whether there are rows of `split`."""
    return any(f.path == f"{split}.jsonl" for f in files)
