"""A published bundle for the person who asked: its files in a folder of theirs, and what they are told of
them."""

import json
import os
import secrets
import shutil
from pathlib import Path

from django.utils.translation import gettext as _

from core.errors import Conflict, DomainError
from training_export.models import Bundle
from training_export.publish.snapshots import MANIFEST, folder_of


def copy_to(bundle: Bundle, out: Path) -> Path:
    """The bundle's files in folder `out`, complete or not there. An empty or missing folder appears by a
    rename. In one that holds other things the files of an earlier export are replaced one by one, the
    manifest last; a file of somebody else is never overwritten."""
    out = out.absolute()
    if out.exists() and not out.is_dir():
        raise DomainError("not_a_folder", _("%(path)s is not a folder.") % {"path": out}, field="out")
    out.parent.mkdir(parents=True, exist_ok=True)
    names = [f["path"] for f in bundle.files]
    earlier = _listed(out)
    taken = [n for n in names if (out / n).exists() and n not in earlier]
    if taken:
        raise Conflict(
            "file_exists",
            _("%(path)s is already there and is not of an export.") % {"path": out / taken[0]},
            field="out",
        )
    temporary = out.with_name(f".{out.name}.{secrets.token_hex(4)}.partial")
    try:
        shutil.copytree(folder_of(bundle), temporary)
        if not out.exists() or not any(out.iterdir()):
            if out.exists():
                out.rmdir()
            os.rename(temporary, out)
            return out
        (out / MANIFEST).unlink(missing_ok=True)
        for name in earlier - set(names):
            (out / name).unlink(missing_ok=True)
        for name in [*names, MANIFEST]:
            (out / name).parent.mkdir(parents=True, exist_ok=True)
            os.replace(temporary / name, out / name)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    return out


def _listed(out: Path) -> set[str]:
    """The files that an earlier export's manifest in `out` names, inside `out` only."""
    try:
        files = json.loads((out / MANIFEST).read_text(encoding="utf-8"))["files"]
        names = {f["path"] for f in files}
    except (OSError, ValueError, KeyError, TypeError):
        return set()
    return {
        n for n in names if isinstance(n, str) and not Path(n).is_absolute() and ".." not in Path(n).parts
    }


def result_of(bundle: Bundle) -> dict:
    """What a job and the command answer with; paths are relative to the bundle's folder. "files" are what a
    trainer loads, with the configuration beside it; "side_files" say where each row came from, so that
    rows are not counted twice."""

    def listed(side: bool) -> list[dict]:
        return [
            {k: f[k] for k in ("path", "rows", "sha256")}
            for f in bundle.files
            if (f.get("role") == "provenance") == side
        ]

    return {
        "snapshot": bundle.snapshot.number,
        "bundle": bundle.pk,
        "files": listed(side=False),
        "side_files": listed(side=True),
        "content_sha256": bundle.snapshot.content_sha256,
        "left_out": bundle.snapshot.left_out,
        "manifest": MANIFEST,
        "notes": [
            {k: v for k, v in note.items() if k != "text"} for note in bundle.manifest.get("notes", [])
        ],
    }
