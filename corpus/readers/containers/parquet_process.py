"""`python -m corpus.readers.containers.parquet_process`: what corpus.readers.containers.parquet starts, and
reads from its standard output. What to read, and how, comes on the standard input."""

import json
import os
import resource
import sys
from pathlib import Path


def main() -> None:
    given = json.load(sys.stdin)
    most = given["limits"]["PARQUET_MEMORY"]
    resource.setrlimit(resource.RLIMIT_DATA, (most, most))  # Linux counts all private memory
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    # Arrow's own allocators reserve more than they use.
    os.environ["ARROW_DEFAULT_MEMORY_POOL"] = "system"
    import django
    from django.conf import settings
    from django.utils import translation

    root = Path(__file__).resolve().parents[3]
    settings.configure(USE_I18N=True, LANGUAGE_CODE=given["language"], LOCALE_PATHS=[root / "locale"])
    django.setup()
    from corpus.readers import limits
    from corpus.readers.containers import parquet_decoding
    from corpus.readers.errors import RowRefused
    from corpus.records import FileRefused

    for name, value in given["limits"].items():
        setattr(limits, name, value)
    path = Path(given["path"])

    def say(what) -> None:
        sys.stdout.write(json.dumps(what) + "\n")

    with translation.override(given["language"]):
        try:
            say({"unread": parquet_decoding.unread(path)})
            sys.stdout.flush()
            for number, row in parquet_decoding.rows(path, **given["how"]) if given["how"] else ():
                refused = [row.field, row.code, str(row)] if isinstance(row, RowRefused) else []
                say([number, None if refused else row, *refused])
        except FileRefused as no:
            say({"refused": [no.code, str(no)]})
        except MemoryError:
            say({"memory": True})
    sys.stdout.write("{}\n")


if __name__ == "__main__":
    main()
