"""An export of end users' words, read back."""

import json

from training_export.options import ExportOptions
from training_export.publish import snapshots


def exported(project, form, **options):
    """({split: rows}, {split: provenance}, left out)."""
    options = {"include": "draft-choices,thumbs,corrections"} | options
    bundle = snapshots.build(
        project=project, actor=None, options=ExportOptions.of({"format": form} | options)
    )
    folder = snapshots.folder_of(bundle)
    rows, sides = {}, {}
    for path in sorted(folder.glob("*.jsonl")):
        rows[path.stem] = [json.loads(line) for line in path.read_text().splitlines()]
        sides[path.stem] = [
            json.loads(line) for line in (folder / "provenance" / path.name).read_text().splitlines()
        ]
    return rows, sides, bundle.snapshot.left_out


def said(row, column):
    return row[column][0]["content"]
