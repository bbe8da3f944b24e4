"""A Parquet file says a text once and means it in every row: what a file of a kilobyte unpacks to does not
fill the memory."""

import subprocess
import sys

import pyarrow
import pyarrow.parquet as pq
import pytest

from corpus.readers import limits
from corpus.readers.containers import parquet
from corpus.readers.errors import RowRefused
from corpus.records import FileRefused
from tests.processes import ROOT

MIB = 1024 * 1024
READ = """
import resource, sys, os
resource.setrlimit(resource.RLIMIT_AS, (2 << 30, 2 << 30))
os.environ.update(DJANGO_SETTINGS_MODULE="config.settings", DATA_DIR=sys.argv[2], SECRET_KEY="x" * 50)
import django
django.setup()
from pathlib import Path
from corpus.readers.containers import parquet
print(sum(1 for _number, row in parquet.rows(Path(sys.argv[1])) if not isinstance(row, dict)))
"""


def written(path, table, **options):
    pq.write_table(table, path, compression="zstd", dictionary_pagesize_limit=1 << 30, **options)
    return path


def repeated(text: str, n: int) -> pyarrow.Array:
    return pyarrow.DictionaryArray.from_arrays(pyarrow.array([0] * n, pyarrow.int32()), pyarrow.array([text]))


def refused_of(path, tmp_path) -> int:
    """How many rows are refused, read by a process that may have 2 GB."""
    out = subprocess.run(
        [sys.executable, "-c", READ, path, tmp_path], cwd=ROOT, capture_output=True, text=True, timeout=120
    )
    assert out.returncode == 0, out.stderr[-500:]
    return int(out.stdout)


def test_a_large_text_in_every_row_is_refused_row_by_row(tmp_path):
    path = written(
        tmp_path / "a.parquet",
        pyarrow.table({"prompt": repeated("x" * (20 * MIB), 300), "answer": ["a"] * 300}),
    )
    assert path.stat().st_size < 8000
    assert refused_of(path, tmp_path) == 300


def test_rows_are_what_they_were(tmp_path):
    table = pyarrow.table(
        {
            "prompt": ["问题" * 3000, "q", None] * 60,
            "tags": [["a", "b"], [], None] * 60,
            "extra": [{"n": 1, "s": "x"}, None, {"n": None, "s": "y"}] * 60,
            "kind": pyarrow.array(["k", "l", "k"] * 60).dictionary_encode(),
            "messages": [[{"role": "user", "content": "你好"}], [], None] * 60,
        }
    )
    rows = [row for _number, row in parquet.rows(written(tmp_path / "a.parquet", table))]
    assert rows == table.to_pylist()


def test_large_rows_are_read_one_by_one(tmp_path, monkeypatch):
    monkeypatch.setattr(limits, "PARQUET_BATCH_BYTES", 1000)
    table = pyarrow.table({"prompt": ["x" * 900, "y" * 900, "z"]})
    assert [row for _n, row in parquet.rows(written(tmp_path / "a.parquet", table))] == table.to_pylist()
    bad = pyarrow.table(
        {"prompt": pyarrow.array([b"x" * 2000, b"\xff", b"z"]).cast(pyarrow.binary()).view(pyarrow.string())}
    )
    read = [row for _n, row in parquet.rows(written(tmp_path / "b.parquet", bad))]
    assert isinstance(read[1], RowRefused) and read[1].code == "encoding" and read[2] == {"prompt": "z"}


def test_lists_of_millions_of_nothings_are_refused_by_their_number(tmp_path, monkeypatch):
    monkeypatch.setattr(limits, "MAX_PARQUET_VALUES", 1000)
    path = written(tmp_path / "a.parquet", pyarrow.table({"prompt": ["p"], "numbers": [[0] * 1001]}))
    with pytest.raises(FileRefused) as refused:
        list(parquet.rows(path))
    assert refused.value.code == "too_large"


def test_no_row_is_lost_between_row_groups_and_dictionaries(tmp_path):
    texts = [f"text {i} " * 200 if i % 3 else None for i in range(1000)]
    table = pyarrow.table(
        {
            "prompt": texts,
            "answer": [f"a{i % 7}" for i in range(1000)],
            "turns": [[{"role": f"r{i}"}] for i in range(1000)],
        }
    )
    pq.write_table(
        table, tmp_path / "a.parquet", row_group_size=70, dictionary_pagesize_limit=4000, data_page_size=2000
    )
    assert [row for _n, row in parquet.rows(tmp_path / "a.parquet")] == table.to_pylist()
