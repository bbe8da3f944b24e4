"""Files of rows as a format would have published them, and what its checker says."""

import json

from training_export.formats import FORMATS, Options

# The formats whose trainer starts with a training file alone.
ALONE = [name for name, form in FORMATS.items() if not form.needs]


def put(folder, rows, name="train.jsonl"):
    """`rows` (objects, or lines as bytes) as a published file with its side file."""
    lines = [r if isinstance(r, bytes) else (json.dumps(r, ensure_ascii=False) + "\n").encode() for r in rows]
    (folder / "provenance").mkdir(exist_ok=True)
    (folder / name).write_bytes(b"".join(lines))
    (folder / "provenance" / name).write_text("{}\n" * len(rows))


def found(folder, form, **options):
    """[(file, line, code)] of the errors in `folder`."""
    return [
        (p.file, p.line, p.code)
        for p in FORMATS[form].check(folder, Options(**options))
        if p.level == "error"
    ]
