"""Message catalogues without gettext on the machine: extract with Babel and Django's own template reader,
compile with Babel.

The catalogue is locale/zh_Hans/LC_MESSAGES/django.po; msgids are English. Strings of JavaScript come from
templates."""

import ast
import io
import re
from collections.abc import Iterator
from pathlib import Path

KEYWORDS = {
    "_": None,
    "gettext": None,
    "gettext_lazy": None,
    "gettext_noop": None,
    "ngettext": (1, 2),
    "ngettext_lazy": (1, 2),
    "pgettext": ((1, "c"), 2),
    "pgettext_lazy": ((1, "c"), 2),
    "npgettext": ((1, "c"), 2, 3),
    "npgettext_lazy": ((1, "c"), 2, 3),
}
SKIPPED = {"tests", "benchmarks", "migrations", "node_modules", "data", "staticfiles", "build", "venv"}
PLACEHOLDER = re.compile(r"%\(\w+\)[sdf]|%[sd]|\{\w*\}")


def po_path(locale_dir: Path, locale: str = "zh_Hans") -> Path:
    return locale_dir / locale / "LC_MESSAGES" / "django.po"


def compile_stale(locale_dir: Path) -> list[Path]:
    """Write each .mo that is missing or older than its .po; returns what was written. Costs two stat calls
    when nothing changed."""
    written = []
    for source in sorted(locale_dir.glob("*/LC_MESSAGES/django.po")):
        target = source.with_suffix(".mo")
        if target.exists() and target.stat().st_mtime_ns >= source.stat().st_mtime_ns:
            continue
        from babel.messages.mofile import write_mo

        part = target.with_suffix(".mo.part")
        with part.open("wb") as out:
            write_mo(out, _read(source))
        part.replace(target)  # whole or not: another process may be reading
        written.append(target)
    return written


def _read(path: Path, locale: str | None = None):
    from babel.messages.pofile import read_po

    with path.open("rb") as source:
        return read_po(source, locale=locale or path.parts[-3])


def sources(root: Path) -> Iterator[Path]:
    """Python modules and templates of the project, in a steady order."""
    for path in sorted(
        [*root.glob("*/**/*.py"), *root.glob("templates/**/*.html"), *root.glob("*/templates/**/*.html")]
    ):
        parts = path.relative_to(root).parts
        if not SKIPPED.intersection(parts) and not any(part.startswith(".") for part in parts):
            yield path


def extract(root: Path):
    """A Babel catalogue (template) of every msgid in the code, with the files it stands in."""
    from babel.messages.catalog import Catalog
    from babel.messages.extract import extract as babel_extract
    from django.utils.translation.template import templatize

    found = Catalog(project="Touchstone", charset="utf-8")
    for path in sources(root):
        text = path.read_text(encoding="utf-8")
        name = str(path.relative_to(root))
        if path.suffix == ".html":
            # Django makes pseudo-Python of a template, for xgettext; stripped of indentation it passes
            # Python's own tokenizer
            text = "\n".join(line.strip() for line in templatize(text, origin=name).splitlines())
        for _line, message, comments, context in babel_extract(
            "python", io.BytesIO(text.encode()), keywords=KEYWORDS, comment_tags=("Translators:",)
        ):
            if message and (message if isinstance(message, str) else message[0]):
                found.add(message, None, locations=[(name, 0)], auto_comments=comments, context=context)
    return found


def update(root: Path, locale: str = "zh_Hans") -> dict[str, int]:
    """Bring the .po in line with the code: new msgids come in empty, translations stay, what is no longer
    used goes."""
    from babel.messages.catalog import Catalog
    from babel.messages.pofile import write_po

    path = po_path(root / "locale", locale)
    path.parent.mkdir(parents=True, exist_ok=True)
    old = (
        _read(path, locale)
        if path.exists()
        else Catalog(locale=locale, project="Touchstone", charset="utf-8", fuzzy=False)
    )
    before = {_key(m) for m in old if m.id}
    template = extract(root)
    old.update(template, no_fuzzy_matching=True)
    after = {_key(m) for m in old if m.id}
    with path.open("wb") as out:
        write_po(
            out,
            old,
            width=140,
            ignore_obsolete=True,
            include_lineno=False,
            sort_output=True,
            omit_header=False,
        )
    return {
        "messages": len(after),
        "new": len(after - before),
        "gone": len(before - after),
        "missing": len(problems(root, locale)),
    }


def _key(message) -> tuple:
    return (message.context, message.id if isinstance(message.id, str) else message.id[0])


def problems(root: Path, locale: str = "zh_Hans") -> list[str]:
    """What keeps the catalogue from being complete, a line each: missing, fuzzy, no longer used, placeholders
    that differ."""
    path = po_path(root / "locale", locale)
    if not path.exists():
        return [f"{path.relative_to(root)} does not exist"]
    have = {_key(m): m for m in _read(path, locale) if m.id}
    want = {_key(m): m for m in extract(root) if m.id}
    out = []
    for key, message in sorted(want.items(), key=lambda pair: (pair[0][0] or "", pair[0][1])):
        where = message.locations[0][0] if message.locations else "?"
        translated = have.get(key)
        strings = (
            []
            if translated is None
            else [translated.string]
            if isinstance(translated.string, str)
            else list(translated.string)
        )
        if not strings or not all(strings):
            out.append(f"missing: {key[1]!r} ({where})")
        elif translated.fuzzy:
            out.append(f"fuzzy: {key[1]!r} ({where})")
        elif isinstance(message.id, str) != isinstance(translated.id, str):
            out.append(f"plural differs: {key[1]!r} ({where})")
        else:
            wanted = set(PLACEHOLDER.findall(message.id if isinstance(message.id, str) else message.id[1]))
            out += [
                f"placeholders differ: {key[1]!r} ({where})"
                for string in strings
                if set(PLACEHOLDER.findall(string)) != wanted
            ]
    out += [f"no longer used: {key[1]!r}" for key in sorted(have.keys() - want.keys(), key=str)]
    return out


def untranslatable(root: Path) -> list[str]:
    """Calls of gettext with something that is not a literal: extraction cannot see them. A line each."""
    out = []
    for path in sources(root):
        if path.suffix != ".py":
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if (
                isinstance(node, ast.Call)
                and isinstance(node.func, ast.Name)
                and node.func.id in KEYWORDS
                and node.args
            ):
                first = node.args[0]
                if isinstance(first, ast.JoinedStr):
                    out.append(f"{path.relative_to(root)}:{node.lineno}: gettext of an f-string")
    return out
