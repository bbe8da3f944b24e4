"""Sending a bundle's files: one of them, or all as a zip made while it is sent. Only what the bundle lists
can be asked for."""

import zipfile
from collections.abc import Iterator
from pathlib import Path

from django.db import connections
from django.db.models import F
from django.http import FileResponse, Http404, StreamingHttpResponse

from core.models import Project
from training_export.models import Bundle
from training_export.publish import snapshots

_PIECE = 1 << 18


def bundle_or_404(project: Project, number: int) -> Bundle:
    """What the export of the project's number `number` published."""
    bundle = (
        Bundle.objects.select_related("snapshot", "snapshot__created_by")
        .filter(snapshot__project=project, snapshot__number=number, snapshot__folder="", withdrawn_at=None)
        .order_by("id")
        .first()
    )
    if bundle is None:
        raise Http404
    return bundle


def shown_or_404(project: Project, number: int) -> Bundle:
    """The bundle of the project's snapshot `number` for its page, which a withdrawn one keeps: its number,
    counts and manifest stay, its files are gone."""
    bundle = (
        Bundle.objects.select_related("snapshot", "snapshot__created_by")
        .filter(snapshot__project=project, snapshot__number=number, snapshot__folder="")
        .order_by(F("withdrawn_at").asc(nulls_first=True), "id")
        .first()
    )
    if bundle is None:
        raise Http404
    return bundle


def bundles_of(project: Project):
    """The project's published bundles, newest first, without their long fields."""
    rows = Bundle.objects.filter(
        snapshot__project=project, snapshot__folder="", withdrawn_at=None
    ).select_related("snapshot", "snapshot__created_by")
    return rows.defer("files", "manifest").order_by("-snapshot__number")


def withdrawn_of(project: Project):
    """The bundles whose files were removed because a person in them was erased, newest first."""
    rows = Bundle.objects.filter(
        snapshot__project=project, snapshot__folder="", withdrawn_at__isnull=False
    ).select_related("snapshot")
    return rows.defer("files", "manifest").order_by("-snapshot__number")


def names_of(bundle: Bundle) -> list[str]:
    return [entry["path"] for entry in bundle.files] + [snapshots.MANIFEST]


def one_file(bundle: Bundle, name: str) -> FileResponse:
    """`name` must be one of the bundle's own names, letter for letter: no path is ever built from the
    request."""
    if name not in names_of(bundle):
        raise Http404
    try:
        handle = open(snapshots.folder_of(bundle) / name, "rb")  # noqa: SIM115
    except FileNotFoundError:
        raise Http404
    kind = (
        "application/json"
        if name.endswith(".json")
        else "application/x-ndjson"
        if name.endswith(".jsonl")
        else "text/plain; charset=utf-8"
    )
    return FileResponse(
        handle,
        as_attachment=True,
        filename=f"{title_of(bundle)}-{Path(name).as_posix().replace('/', '-')}",
        content_type=kind,
    )


def all_files(bundle: Bundle) -> StreamingHttpResponse:
    """Everything as one zip, made in pieces; memory is that of one piece, and no database connection is held
    meanwhile."""
    folder, names, title = snapshots.folder_of(bundle), names_of(bundle), title_of(bundle)
    if not folder.is_dir():
        raise Http404
    response = StreamingHttpResponse(_zipped(folder, names, title), content_type="application/zip")
    response["Content-Disposition"] = f'attachment; filename="{title}.zip"'
    return response


def title_of(bundle: Bundle) -> str:
    return f"{bundle.snapshot.project.slug}-{bundle.snapshot.number:06d}-{bundle.format}"


class _Pipe:
    """What ZipFile writes into: pieces to be taken out again."""

    def __init__(self):
        self._pieces: list[bytes] = []

    def write(self, piece: bytes, /) -> int:
        self._pieces.append(bytes(piece))
        return len(piece)

    def flush(self) -> None:
        pass

    def close(self) -> None:
        pass

    def taken(self) -> bytes:
        out = b"".join(self._pieces)
        self._pieces.clear()
        return out


def _zipped(folder: Path, names: list[str], title: str) -> Iterator[bytes]:
    for connection in connections.all(initialized_only=True):
        if not connection.in_atomic_block:
            connection.close()
    pipe = _Pipe()
    with zipfile.ZipFile(pipe, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for name in names:
            with (
                open(folder / name, "rb") as source,
                archive.open(
                    zipfile.ZipInfo.from_file(folder / name, f"{title}/{name}"), "w", force_zip64=True
                ) as entry,
            ):
                while piece := source.read(_PIECE):
                    entry.write(piece)
                    if out := pipe.taken():
                        yield out
            yield pipe.taken()
    yield pipe.taken()
