"""What docs/ARCHITECTURE.md says of screens, files and tests is so."""

import re
from pathlib import Path

import pytest
from django.urls import resolve

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "ARCHITECTURE.md").read_text(encoding="utf-8")
ROWS = [
    [cell.strip() for cell in line.strip("|").split("|")]
    for line in PAGE.splitlines()
    if line.startswith("| ") and re.search(r"\| `/", line)
]


def test_the_table_is_there():
    assert len(ROWS) > 20


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[0])
def test_a_screen_is_answered_by_the_file_that_is_named(row):
    _screen, address, views, verbs, tests = row
    path = address.strip("`").replace("<slug>", "ward").replace("<pk>", "1")
    func = resolve(path).func
    module = getattr(func, "view_class", None) or getattr(func, "cls", None) or func
    answered = Path(module.__module__.replace(".", "/") + ".py")
    if not (ROOT / answered).exists():
        answered = Path(module.__module__.replace(".", "/")) / "__init__.py"
    assert f"`{answered}`" in views
    named = re.findall(r"`([^`]+)`", f"{views} {verbs} {tests}")
    assert [name for name in named if not (ROOT / name).exists()] == []


def test_every_file_and_page_that_is_named_exists():
    pages = [ROOT / "docs" / "ARCHITECTURE.md", *sorted((ROOT / "docs" / "architecture").glob("*.md"))]
    rooms = "core|corpus|inference|feedback|annotation|training_export|config|tests|benchmarks|docs"
    missing = []
    for page in pages:
        text = page.read_text(encoding="utf-8")
        named = re.findall(rf"`((?:{rooms})/[\w./*-]*)`", text) + re.findall(r"\]\(([\w./-]+\.md)\)", text)
        for name in named:
            base = page.parent if name.endswith(".md") and not name.startswith("docs/") else ROOT
            if "*" not in name and not (base / name).exists():
                missing.append(f"{page.relative_to(ROOT)}: {name}")
    assert missing == []


def test_lines_are_short():
    pages = [ROOT / "docs" / "ARCHITECTURE.md", *sorted((ROOT / "docs" / "architecture").glob("*.md"))]
    long = [
        f"{p.name}: {line[:60]}"
        for p in pages
        for line in p.read_text().splitlines()
        if len(line) > 110 and not line.startswith("|")
    ]
    assert not long, "\n".join(long)
