"""docs/import.md states every field, limit, format and refusal that there is."""

import re
from pathlib import Path

import pytest

from corpus.readers import limits
from corpus.readers.fields import ALIASES
from corpus.readers.shapes import SHAPES
from corpus.readers.turns import ROLES

ROOT = Path(__file__).resolve().parents[2]
TEXT = (ROOT / "docs/import.md").read_text()
NOT_FIELDS = {"answer1_id", "answer2_id"}  # only to recognise files that are refused


@pytest.mark.parametrize("ours", sorted(set(ALIASES) - NOT_FIELDS))
def test_every_field_with_all_its_columns(ours):
    assert f"`{ours}`" in TEXT
    rows = [line for line in TEXT.splitlines() if line.startswith("|") and f"`{ours}`" in line.split("|")[1]]
    stated = set(re.split(r"[,;:|()]\s*|\s+", rows[0].split("|", 2)[2]))
    assert set(ALIASES[ours]) <= stated


@pytest.mark.parametrize("name", sorted(SHAPES))
def test_every_format(name):
    assert f"`{name}`" in TEXT


def test_every_role():
    stated = next(line for line in TEXT.splitlines() if line.startswith("| roles"))
    assert {alias for aliases in ROLES.values() for alias in aliases} - {"tool_calls"} <= set(
        re.split(r"[^\w]+", stated)
    )


@pytest.mark.parametrize(
    "value",
    [
        limits.MAX_FILE_BYTES // limits.MIB,
        limits.MAX_RATIO,
        limits.RATIO_FROM // limits.MIB,
        limits.MAX_RECORD_BYTES // limits.MIB,
        limits.MAX_TEXT,
        limits.MAX_DEPTH,
        limits.MAX_COLUMNS,
        limits.MAX_TURNS,
        limits.MAX_NODES,
        limits.MAX_ANSWERS,
        limits.MAX_SOURCES,
        limits.MAX_ID,
        limits.MAX_PARQUET_CHUNK // limits.MIB,
    ],
)
def test_every_limit(value):
    assert re.search(rf"(?:\||from) {value:,} ?\D", TEXT.split("## Limits")[1])


def test_every_code_of_a_refusal():
    made = set()
    for path in (ROOT / "corpus/readers").glob("*.py"):
        source = path.read_text()
        made |= set(re.findall(r'RowRefused\(\s*[^,()]*(?:\([^()]*\))?[^,()]*,\s*"([a-z_]+)"', source))
        made |= set(re.findall(r'FileRefused\(\s*"([a-z_]+)"', source))
    assert len(made) > 40
    # explained by their own words
    common = {"mapping", "encoding", "delimiter", "header", "columns", "columnar", "parquet", "model", "id"}
    rare = {
        "too_many_turns",
        "too_many_answers",
        "too_many_sources",
        "length",
        "verdict",
        "answer",
        "turns",
        "tree",
    }
    missing = {code for code in made - common - rare if f"`{code}`" not in TEXT}
    assert not missing
