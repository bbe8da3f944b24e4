"""Whatever a small Parquet file unpacks to, nobody gives more memory for it than is said: not the program
that asks, nor the process that unpacks."""

import json
import subprocess
import sys

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from corpus import readers
from corpus.readers import limits
from corpus.readers.containers import parquet
from corpus.readers.errors import RowRefused
from corpus.records import FileRefused
from tests.processes import ROOT

MIB = 1024 * 1024
READ = """
import json, os, resource, sys
os.environ.update(DJANGO_SETTINGS_MODULE="config.settings", DATA_DIR=sys.argv[2], SECRET_KEY="x" * 50)
import django
django.setup()
from collections import Counter
from pathlib import Path
from corpus import readers
from corpus.records import FileRefused
try:
    path = Path(sys.argv[1])
    found = readers.inspect(path, mapping={"prompt": "prompt"})
    rows = Counter(getattr(row, "code", "") for row in readers.read(path, found))
except FileRefused as no:
    rows = {no.code: 1}
# not RUSAGE_SELF: a process begins with the peak of the one that started it
own = next(line for line in open("/proc/self/status") if line.startswith("VmHWM"))
peak = {"self": int(own.split()[1]) // 1024,
        "children": resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss // 1024}
print(json.dumps([rows, peak]))
"""


def same(text: str, count: int) -> pa.Array:
    """`count` times `text`, which is held once."""
    return pa.DictionaryArray.from_arrays(pa.array([0] * count, pa.int32()), pa.array([text]))


def listed(values: pa.Array, each: int) -> pa.Array:
    return pa.ListArray.from_arrays(pa.array(range(0, len(values) + 1, each), pa.int32()), values)


def talks(rows: int, turns: int, text: str) -> pa.Array:
    parts = [same("user", rows * turns), same(text, rows * turns)]
    return listed(pa.StructArray.from_arrays(parts, ["role", "content"]), turns)


BOMBS = {
    "millions of texts in a list": lambda: {
        "prompt": ["p"] * 10,
        "answers": listed(same("x" * 100, 1_000_000), 100_000),
    },
    "a long text many times in a list": lambda: {
        "prompt": ["p"] * 64,
        "answers": listed(same("x" * MIB, 30 * 64), 30),
    },
    "a long text in every turn": lambda: {"prompt": ["p"] * 64, "messages": talks(64, 200, "x" * 50_000)},
    "a list of nothing but numbers": lambda: {
        "prompt": ["p"],
        "numbers": listed(pa.array([7] * 19_000_000, pa.int8()), 19_000_000),
    },
    "a text of a hundred megabytes": lambda: {"prompt": same("x" * 100 * MIB, 3), "answer": ["a"] * 3},
    "a hundred columns of long texts": lambda: {
        "prompt": ["p"] * 64,
        **{f"c{i}": same("x" * 200_000, 64) for i in range(100)},
    },
}


@pytest.mark.parametrize("name", BOMBS)
def test_a_small_file_takes_little_memory(name, tmp_path):
    path = tmp_path / "a.parquet"
    pq.write_table(pa.table(BOMBS[name]()), path, compression="zstd", dictionary_pagesize_limit=1 << 30)
    assert path.stat().st_size < 100_000
    out = subprocess.run(
        [sys.executable, "-c", READ, path, tmp_path], cwd=ROOT, capture_output=True, text=True, timeout=300
    )
    assert out.returncode == 0, out.stderr[-500:]
    rows, peak = json.loads(out.stdout)
    assert rows.keys() <= {"too_long", "parquet", "too_large", "bomb"}, rows
    assert peak["self"] < 200 and peak["children"] < 350, peak


def test_rows_that_do_not_fit_together_are_read_one_by_one(tmp_path, monkeypatch):
    text = "x" * 1_000_000
    table = pa.table({"prompt": [str(n) for n in range(80)], "answers": listed(same(text, 80 * 4), 4)})
    pq.write_table(table, tmp_path / "a", compression="zstd")
    monkeypatch.setattr(limits, "PARQUET_MEMORY", 160 * MIB)
    read = list(parquet.rows(tmp_path / "a"))
    assert [n for n, _row in read] == list(range(1, 81))
    assert [row["prompt"] for _n, row in read] == [str(n) for n in range(80)]
    assert all(row["answers"] == [text] * 4 for _n, row in read)


def test_what_stands_before_a_row_that_fits_nowhere_is_read(tmp_path):
    few, many = [["a"]] * 100, [["x" * 1_000_000] * 400]
    table = pa.table({"prompt": ["p"] * 101, "answers": few + many})
    pq.write_table(table, tmp_path / "a", compression="zstd", row_group_size=10)
    read = list(parquet.rows(tmp_path / "a"))
    assert [row for _n, row in read[:100]] == [{"prompt": "p", "answers": ["a"]}] * 100
    assert [(n, row.code) for n, row in read[100:]] == [(101, "parquet")]
    assert "256 MB" in str(read[100][1])


def test_a_reader_that_is_killed_costs_the_rest_of_the_file_only(tmp_path, monkeypatch):
    pq.write_table(pa.table({"prompt": ["p"]}), tmp_path / "a")
    killed = "import os, signal; os.kill(os.getpid(), signal.SIGKILL)"
    start = subprocess.Popen
    monkeypatch.setattr(
        parquet.subprocess, "Popen", lambda command, **how: start([command[0], "-c", killed], **how)
    )
    with pytest.raises(FileRefused) as refused:
        list(parquet.rows(tmp_path / "a"))
    assert refused.value.code == "too_large"


def test_reasons_are_said_in_the_language_of_who_asks(tmp_path):
    from django.utils import translation

    pq.write_table(pa.table({"prompt": ["a" * 5_000_000]}), tmp_path / "a")
    with translation.override("zh-hans"):
        (_number, row), *_none = parquet.rows(tmp_path / "a")
    assert isinstance(row, RowRefused) and "记录" in str(row)


@pytest.mark.parametrize("zip64", [False, True])
def test_a_zip_of_many_members_is_refused_before_their_list_is_read(zip64, tmp_path, monkeypatch):
    import zipfile

    with zipfile.ZipFile(tmp_path / "a", "w") as archive:
        for i in range(300):
            archive.writestr(f"{i:06}" + "x" * 60, "")
    if zip64:  # the list's length stands in a record of its own
        raw = (tmp_path / "a").read_bytes()
        at = raw.rindex(b"PK\x05\x06")
        record = b"PK\x06\x06" + bytes(36) + raw[at + 12 : at + 16] + bytes(12)
        locator = b"PK\x06\x07" + bytes(4) + at.to_bytes(8, "little") + bytes(4)
        ending = raw[at : at + 12] + b"\xff" * 8 + raw[at + 20 :]
        (tmp_path / "a").write_bytes(raw[:at] + record + locator + ending)
    monkeypatch.setattr(limits, "MAX_ZIP_DIRECTORY", 10_000)
    monkeypatch.setattr(zipfile, "ZipFile", lambda path: pytest.fail("the list was read"))
    with pytest.raises(FileRefused) as refused:
        readers.inspect(tmp_path / "a")
    assert refused.value.code == "archive"
