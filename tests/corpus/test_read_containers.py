"""JSON, JSONL, tables, Parquet and their compressed forms are told by content; every record is named by where
it begins."""

import gzip
import io
import json
import zipfile

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from corpus import readers
from corpus.readers import limits
from corpus.records import FileRefused, Record
from tests.corpus.files import Got, jsonl, written

PAIR = {"prompt": "问？", "chosen": "好", "rejected": "差"}


def prompts(*texts):
    return [{"prompt": t} for t in texts]


def test_json_list_pretty_printed_names_the_line_of_each_record(tmp_path):
    got = Got(written(tmp_path / "x.txt", json.dumps(prompts("a", "b", "c"), indent=2)))
    assert (got.inspection.container, got.inspection.layout) == ("json", "list")
    assert [r.line for r in got.records] == [2, 5, 8]
    assert got.asked == ["a", "b", "c"]


def test_json_list_on_one_line_and_with_a_row_per_line(tmp_path):
    got = Got(written(tmp_path / "a", json.dumps(prompts("a", "b"))))
    assert [r.line for r in got.records] == [1, 1]
    got = Got(written(tmp_path / "b", '[\n{"prompt": "a"},\n{"prompt": "b"}\n]\n'))
    assert got.inspection.container == "json"
    assert [r.line for r in got.records] == [2, 3]


def test_jsonl_under_a_json_name_with_blank_lines_and_crlf(tmp_path):
    got = Got(written(tmp_path / "x.json", '\r\n{"prompt": "a"}\r\n\r\n{"prompt": "b"}'))
    assert got.inspection.container == "jsonl"
    assert [(r.line, e.messages[0]["content"]) for r in got.records for e in r.entries] == [
        (2, "a"),
        (4, "b"),
    ]


def test_jsonl_of_a_single_row(tmp_path):
    assert Got(written(tmp_path / "x", jsonl(PAIR))).inspection.container == "jsonl"


def test_one_row_pretty_printed(tmp_path):
    got = Got(
        written(
            tmp_path / "x",
            json.dumps(
                {"messages": [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}]},
                indent=1,
            ),
        )
    )
    assert got.inspection.layout == "single"
    assert got.entry.answers[0].text == "b"


@pytest.mark.parametrize("indent", [None, 2])
def test_rows_one_list_level_down(tmp_path, indent):
    got = Got(
        written(
            tmp_path / "x",
            json.dumps(
                {"version": "1.0", "about": {"n": 1}, "data": prompts("a", "b"), "tags": ["x"]}, indent=indent
            ),
        )
    )
    assert got.inspection.layout == "lists"
    assert got.asked == ["a", "b"]
    got = Got(
        written(tmp_path / "y", json.dumps({"train": prompts("a"), "test": prompts("b")}, indent=indent))
    )
    assert got.asked == ["a", "b"]
    got = Got(written(tmp_path / "z", json.dumps([prompts("a", "b"), prompts("c")], indent=indent)))
    assert got.inspection.layout == "lists_of_lists"
    assert got.asked == ["a", "b", "c"]
    got = Got(written(tmp_path / "t", json.dumps({"questions": ["a", "b"]}, indent=indent)))
    assert got.asked == ["a", "b"]


@pytest.mark.parametrize("indent", [None, 2])
def test_dict_keyed_by_id(tmp_path, indent):
    rows = {"q1": {"prompt": "a"}, "q2": {"prompt": "b", "id": "own"}, "q3": 5}
    got = Got(written(tmp_path / "x", json.dumps(rows, indent=indent)))
    assert got.inspection.layout == "keyed"
    assert [e.external_id for e in got.entries] == ["q1", "own"]
    assert [code for _line, _field, code in got.refused] == ["type"]


def test_bare_strings(tmp_path):
    for content in (json.dumps(["一", "二"], ensure_ascii=False), '"一"\n"二"\n'):
        got = Got(written(tmp_path / "x", content))
        assert got.inspection.format == "prompts"
        assert got.asked == ["一", "二"]


def test_conversations_as_bare_lists(tmp_path):
    talk = [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}]
    for content in (json.dumps([talk, talk]), jsonl(talk, talk)):
        got = Got(written(tmp_path / "x", content))
        assert [e.answers[0].text for e in got.entries] == ["b", "b"]


def test_columns_instead_of_rows_are_refused(tmp_path):
    with pytest.raises(FileRefused) as e:
        readers.inspect(
            written(tmp_path / "x", json.dumps({"prompt": ["a"], "chosen": ["b"], "rejected": ["c"]}))
        )
    assert e.value.code == "columnar"


def test_a_json_file_that_breaks_off_keeps_what_came_before(tmp_path):
    got = Got(written(tmp_path / "x", '[\n{"prompt": "a"},\n{"prompt": "b'))
    assert got.asked == ["a"]
    assert got.refused == [(3, "", "broken")]
    got = Got(written(tmp_path / "y", '[\n{"prompt": "a"}\n{"prompt": "b"}]'))
    assert got.asked == ["a"]
    assert got.refused == [(3, "", "broken")]
    got = Got(written(tmp_path / "z", '[\n{"prompt": "a"}]\n[]'))
    assert got.refused == [(3, "", "broken")]


def test_a_bad_record_inside_a_json_list_does_not_touch_its_neighbours(tmp_path):
    got = Got(written(tmp_path / "x", '[\n{"prompt": "a"},\n{"prompt": nope},\n7,\n{"prompt": "b"}]'))
    assert got.asked == ["a", "b"]
    assert got.refused == [(3, "", "json"), (4, "", "type")]


def test_json_records_are_found_across_chunks_of_any_size(tmp_path, monkeypatch):
    rows = [
        {"prompt": 'quote " slash \\ \\" end\\', "n": [1, {"a": "]}"}]},
        {"prompt": "\\\\"},
        {"prompt": "线\n二"},
    ]
    path = written(tmp_path / "x", json.dumps(rows, indent=1, ensure_ascii=False))
    whole = Got(path)
    for size in range(1, 40):
        monkeypatch.setattr(limits, "CHUNK", size)
        inspection = whole.inspection
        assert list(readers.read(path, inspection)) == whole.all, size
    assert whole.asked == [r["prompt"] for r in rows]


def test_a_gb18030_list_of_short_lines_across_chunks(tmp_path, monkeypatch):
    path = written(
        tmp_path / "x",
        json.dumps(prompts("高血压", "饮食𠮷"), ensure_ascii=False, indent=1).encode("gb18030"),
    )
    whole = Got(path)
    monkeypatch.setattr(limits, "CHUNK", 3)
    assert list(readers.read(path, whole.inspection)) == whole.all
    assert whole.asked == ["高血压", "饮食𠮷"]


def test_table_with_quoted_line_breaks_names_the_first_physical_line(tmp_path):
    got = Got(
        written(tmp_path / "x.csv", 'prompt,chosen,rejected\r\n"a\r\nb","c, d","e ""f"""\r\n\r\n g ,h,i\r\n')
    )
    assert [r.line for r in got.records] == [2, 5]
    assert got.asked == ["a\r\nb", " g "]
    assert [a.text for a in got.entries[0].answers] == ["c, d", 'e "f"']


@pytest.mark.parametrize("delimiter", [",", "\t", ";", "|"])
def test_delimiter_is_told_by_the_columns_it_finds(tmp_path, delimiter):
    rows = [["question", "answer", "context"], ["a, b; c", "d|e, f", "g;h, i"], ["x", "y", "z"]]
    buffer = io.StringIO()
    import csv

    csv.writer(buffer, delimiter=delimiter).writerows(rows)
    got = Got(written(tmp_path / "x", buffer.getvalue()))
    assert got.inspection.delimiter == delimiter
    assert got.inspection.format == "qa"
    assert [e.answers[0].text for e in got.entries] == ["d|e, f", "y"]


def test_delimiter_can_be_given_and_excel_may_name_it(tmp_path):
    got = Got(written(tmp_path / "x", "prompt#answer\na#b\n"), delimiter="#")
    assert got.entry.answers[0].text == "b"
    got = Got(written(tmp_path / "y", "sep=;\r\nprompt;answer\r\na;b\r\n"))
    assert (got.records[0].line, got.entry.answers[0].text) == (3, "b")
    with pytest.raises(FileRefused):
        readers.inspect(tmp_path / "x", delimiter='"')


def test_table_of_one_column_and_old_mac_line_ends(tmp_path):
    assert Got(written(tmp_path / "x", "prompt\nfirst, second\n")).inspection.delimiter
    got = Got(written(tmp_path / "y", "prompt\ta\nfirst, second\tx\n"))
    assert got.asked == ["first, second"]
    got = Got(written(tmp_path / "z", "prompt,answer\ra,b\rc,d\r"))
    assert [(r.line, r.entries[0].answers[0].text) for r in got.records] == [(2, "b"), (3, "d")]


def test_gzip_and_a_zip_of_one_file(tmp_path):
    content = jsonl(PAIR, PAIR).encode()
    got = Got(written(tmp_path / "x.jsonl", gzip.compress(content)))
    assert (got.inspection.compression, len(got.records)) == ("gzip", 2)
    with zipfile.ZipFile(tmp_path / "y", "w", zipfile.ZIP_DEFLATED) as z:
        z.writestr("folder/", "")
        z.writestr("folder/a.jsonl", content)
        z.writestr("__MACOSX/._a.jsonl", b"x")
    got = Got(tmp_path / "y")
    assert (got.inspection.compression, len(got.records)) == ("zip", 2)


def test_parquet_by_row_number(tmp_path):
    table = pa.table(
        {
            "conversations": [
                [{"from": "human", "value": f"q{i}"}, {"from": "gpt", "value": f"a{i}"}] for i in range(200)
            ],
            "score": [float("nan")] * 200,
            "when": pa.array([0] * 200, pa.timestamp("s")),
        }
    )
    pq.write_table(table, tmp_path / "x", row_group_size=70)
    got = Got(tmp_path / "x")
    assert (got.inspection.container, got.inspection.format) == ("parquet", "sharegpt")
    assert [r.line for r in got.records] == list(range(1, 201))
    assert got.entries[199].answers[0].text == "a199"
    assert got.entries[0].metadata == {"when": "1970-01-01T00:00:00"}  # NaN is an empty value there


def test_parquet_rows_that_cannot_be_kept(tmp_path):
    table = pa.table(
        {"prompt": ["a", "b\0", None, "d"], "answer": ["x", "y", "z", "w"], "raw": [b"1", None, None, None]}
    )
    pq.write_table(table, tmp_path / "x")
    got = Got(tmp_path / "x")
    assert got.refused == [(2, "prompt", "nul"), (3, "prompt", "empty_prompt")]
    # bytes are nothing that a text could say
    assert [r.line for r in got.records] == [1, 4] and got.inspection.columns == ["prompt", "answer"]
    written(tmp_path / "y", (tmp_path / "x").read_bytes()[:-30])
    with pytest.raises(FileRefused) as e:
        readers.inspect(tmp_path / "y")
    assert e.value.code == "parquet"


def test_fifty_thousand_rows_pass(tmp_path):
    path = written(
        tmp_path / "x", "".join(f'{{"instruction": "q{i}", "output": "a{i}"}}\n' for i in range(50_000))
    )
    inspection = readers.inspect(path)
    n = 0
    for n, r in enumerate(readers.read(path, inspection), 1):  # noqa: B007
        assert isinstance(r, Record)
    assert (n, r.line, r.entries[0].answers[0].text) == (50_000, 50_000, "a49999")


def test_a_wrapper_with_a_prompt_of_its_own(tmp_path):
    for indent in (None, 1):
        got = Got(
            written(
                tmp_path / "x",
                json.dumps(
                    {"prompt": "the template", "data": [{"question": "a", "answer": "b"}]}, indent=indent
                ),
            )
        )
        assert got.asked == ["a"]


def test_limits_of_parquet(tmp_path, monkeypatch):
    pq.write_table(
        pa.table({"prompt": ["a", "b" * 300, "c"], "score": [1.0, 2.0, float("inf")]}), tmp_path / "x"
    )
    monkeypatch.setattr(limits, "MAX_RECORD_BYTES", 200)
    got = Got(tmp_path / "x")
    assert got.refused == [(2, "", "too_long"), (3, "", "not_a_number")]
    monkeypatch.setattr(limits, "MAX_PARQUET_CHUNK", 10)
    with pytest.raises(FileRefused) as e:
        readers.inspect(tmp_path / "x")
    assert e.value.code == "too_large"
    pq.write_table(
        pa.table({"prompt": ["a" * 1000] * 100_000}), tmp_path / "y", use_dictionary=False, compression="zstd"
    )
    monkeypatch.setattr(limits, "MAX_PARQUET_CHUNK", 1 << 30)
    with pytest.raises(FileRefused) as e:
        readers.inspect(tmp_path / "y")
    assert e.value.code == "bomb"
