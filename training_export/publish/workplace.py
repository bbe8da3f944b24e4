"""Where an export is made before it is published: a folder of its own on the disk of the published ones."""

import fcntl
import os
import secrets
import shutil
from contextlib import contextmanager
from pathlib import Path

from django.conf import settings

_TEMPORARY = ".building-"


def root() -> Path:
    """The folder of all exports."""
    return Path(settings.FILES_DIR) / "exports"


def write_durably(path: Path, text: str) -> None:
    """A file that is on the disk before anybody is told of it."""
    with open(path, "w", encoding="utf-8", newline="\n") as out:
        out.write(text)
        out.flush()
        os.fsync(out.fileno())


def sync(folder: Path) -> None:
    """What was renamed in `folder` is on the disk."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def put_in_place(place: Path, target: Path) -> None:
    """The folder `place` becomes `target`, by a rename that is on the disk when this returns. What stands
    there can only be of a run that died before its commit."""
    target.parent.mkdir(parents=True, exist_ok=True)
    if target.exists():
        shutil.rmtree(target)
    os.rename(place, target)
    sync(target.parent)


@contextmanager
def workplace():
    """A folder of its own on the disk of the published ones, held by a lock that dies with the process."""
    place = root() / f"{_TEMPORARY}{secrets.token_hex(8)}"
    place.parent.mkdir(parents=True, exist_ok=True)
    lock_path = place.with_name(place.name + ".lock")
    with open(lock_path, "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        place.mkdir()
        try:
            yield place
        finally:
            shutil.rmtree(place, ignore_errors=True)
            lock_path.unlink(missing_ok=True)


def sweep() -> int:
    """Remove the temporary folders of runs that were killed; those still at work hold their lock. Returns how
    many."""
    swept = 0
    for lock_path in root().glob(f"{_TEMPORARY}*.lock"):
        try:
            with open(lock_path) as lock:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(lock_path.with_suffix(""), ignore_errors=True)
                lock_path.unlink(missing_ok=True)
                swept += 1
        except OSError:
            continue
    return swept
