"""What the upload page shows before anything is taken in."""

import json

from corpus import readers
from corpus.readers import limits
from tests.corpus.files import jsonl, written


def test_inspection_shows_columns_meaning_and_first_rows(tmp_path):
    rows = [{"instruction": f"q{i}", "output": "x" * 1000, "tags": ["a"], "extra": None} for i in range(60)]
    rows[3] = {"Instruction": "q", "response": "a", "new": 1}
    found = readers.inspect(written(tmp_path / "x.csv", jsonl(*rows)), name="x.csv")
    assert (found.container, found.compression, found.encoding, found.format, found.name) == (
        "jsonl",
        "",
        "utf-8",
        "alpaca",
        "x.csv",
    )
    assert found.columns == ["instruction", "output", "tags", "extra", "Instruction", "response", "new"]
    assert found.mapping == {"prompt": "instruction", "answer": "output"}
    assert len(found.sample) == limits.SHOWN_ROWS
    assert found.sample[0] == {"instruction": "q0", "output": "x" * 500 + "…", "tags": '["a"]', "extra": None}
    assert json.loads(json.dumps(found.as_dict()))["mapping"] == found.mapping


def test_inspection_reads_only_the_beginning_of_a_big_file(tmp_path, monkeypatch):
    from corpus.readers import opening

    path = written(tmp_path / "x", jsonl(*[{"prompt": "字" * 1000}] * 8000))
    seen = []
    real = opening.chunks
    monkeypatch.setattr(opening, "chunks", lambda *a: (seen.append(len(c)) or c for c in real(*a)))
    assert readers.inspect(path).format == "prompts"
    assert path.stat().st_size > 24e6
    assert sum(seen) < 8e6


def test_rows_before_the_first_good_one_do_not_hide_the_format(tmp_path):
    found = readers.inspect(
        written(tmp_path / "x", "{bad\n{worse\n" + jsonl({"prompt": "q", "chosen": "a", "rejected": "b"}))
    )
    assert (found.container, found.format) == ("jsonl", "preference")


def test_reading_again_gives_the_same(tmp_path):
    path = written(tmp_path / "x", jsonl({"prompt": "a"}, "{", {"prompt": "b"}))
    found = readers.inspect(path)
    assert list(readers.read(path, found)) == list(readers.read(path, found))
    assert list(readers.read(path, readers.Inspection(**found.as_dict()))) == list(readers.read(path, found))
