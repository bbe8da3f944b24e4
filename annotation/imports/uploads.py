"""Files on their way in: staged between upload and start, then in the folder of their job.

Everything lies under FILES_DIR, which all web processes and workers share; nothing is held in memory. A
staged upload belongs to the person who sent it and to one project, and is thrown away after a day."""

import json
import os
import re
import secrets
import shutil
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path

from django.conf import settings
from django.core.files.uploadedfile import UploadedFile
from django.utils.translation import gettext as _

from core.errors import DomainError

FILE = "upload"
META = "upload.json"
KEPT_SECONDS = 24 * 3600
_TOKEN = re.compile(r"[A-Za-z0-9_-]{16,64}")


@dataclass
class Options:
    """How a file is to be read: what `import_file` takes beside the file."""

    mapping: dict[str, str] = field(default_factory=dict)
    model: str = ""
    join: str = ""
    encoding: str = ""
    delimiter: str = ""


@dataclass
class Staged:
    """An upload that waits for its start. `trial`: the job of the last dry run with these options;
    `proposed`: the columns that were taken for answers, since nothing is named as one."""

    token: str
    name: str
    project: int
    user: int
    size: int
    options: Options = field(default_factory=Options)
    trial: int | None = None
    proposed: list[str] = field(default_factory=list)

    @property
    def path(self) -> Path:
        return _folder(self.token) / FILE

    def save(self) -> None:
        path = _folder(self.token) / META
        part = path.with_suffix(f".{secrets.token_hex(4)}")
        part.write_text(json.dumps(asdict(self)), encoding="utf-8")
        part.replace(path)

    def discard(self) -> None:
        shutil.rmtree(_folder(self.token), ignore_errors=True)


def root() -> Path:
    return Path(settings.FILES_DIR) / "uploads"


def _folder(token: str) -> Path:
    return root() / token


def check_length(request) -> None:
    """Refuse a body that is larger than an import may be, before any of it is read. WSGI reads no further
    than the length stated."""
    if int(request.META.get("CONTENT_LENGTH") or 0) > settings.IMPORT_MAX_BYTES + 64 * 1024:
        raise DomainError(
            "too_large",
            _("The file is larger than %(n)d MB.") % {"n": settings.IMPORT_MAX_BYTES // 1024**2},
            status=413,
            field="file",
        )


def check_file(file: UploadedFile | None) -> UploadedFile:
    """The upload, if there is one with something in it."""
    if file is None:
        raise DomainError("no_file", _("Choose a file."), field="file")
    if not file.size:
        raise DomainError("empty_file", _("The file is empty."), field="file")
    if file.size > settings.IMPORT_MAX_BYTES:
        raise DomainError(
            "too_large",
            _("The file is larger than %(n)d MB.") % {"n": settings.IMPORT_MAX_BYTES // 1024**2},
            status=413,
            field="file",
        )
    return file


def keep(file: UploadedFile, target: Path) -> None:
    """Put the upload at `target`: moved if it is on disk already, else written in pieces."""
    on_disk = getattr(file, "temporary_file_path", None)
    if on_disk is not None:
        shutil.copyfile(on_disk(), target) if os.stat(on_disk()).st_dev != os.stat(
            target.parent
        ).st_dev else os.link(on_disk(), target)
        return
    with open(target, "wb") as out:
        for part in file.chunks():
            out.write(part)


def stage(file: UploadedFile, *, project, user) -> Staged:
    """Keep an upload until its owner starts or discards it."""
    sweep_staged()
    staged = Staged(
        secrets.token_urlsafe(24),
        Path(file.name or "upload").name[-255:],
        project.pk,
        user.pk,
        file.size or 0,
    )
    _folder(staged.token).mkdir(parents=True)
    try:
        keep(file, staged.path)
        staged.save()
    except BaseException:  # a full disk is not to stay full of half a file
        staged.discard()
        raise
    return staged


def staged(token: str, *, project, user) -> Staged | None:
    """The staged upload `token` of this person in this project."""
    if not _TOKEN.fullmatch(token):
        return None
    try:
        data = json.loads((_folder(token) / META).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    found = Staged(**data | {"options": Options(**data["options"])})
    return found if (found.project, found.user) == (project.pk, user.pk) and found.path.exists() else None


def hand_over(source: Path, target: Path) -> None:
    """The same file under a second name; its bytes are not copied where the disk allows."""
    target.unlink(missing_ok=True)
    try:
        os.link(source, target)
    except OSError:
        shutil.copyfile(source, target)


def sweep_staged() -> int:
    """Throw away what was staged more than a day ago; how many."""
    gone = 0
    if not root().is_dir():
        return 0
    for entry in os.scandir(root()):
        if entry.is_dir() and time.time() - entry.stat().st_mtime > KEPT_SECONDS:
            shutil.rmtree(entry.path, ignore_errors=True)
            gone += 1
    return gone
