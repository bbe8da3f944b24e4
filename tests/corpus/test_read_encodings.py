"""Encodings are told by content; text comes out code point for code point, or the record is refused. Nothing
is ever replaced."""

import json

import pytest

from corpus import readers
from corpus.readers import limits
from corpus.records import FileRefused
from tests.corpus.files import Got, jsonl, written

TEXT = "高血压患者首先要注意控制食盐摄入量，每天不超过六克。"
CSV = f"prompt,answer\n{TEXT},少吃盐\n老年人呢？,按时服药\n"


@pytest.mark.parametrize(
    ("encode", "name"),
    [
        (lambda t: t.encode(), "utf-8"),
        (lambda t: b"\xef\xbb\xbf" + t.encode(), "utf-8"),
        (lambda t: t.encode("gbk"), "gb18030"),
        (lambda t: t.encode("gb18030"), "gb18030"),
        (lambda t: t.encode("utf-16"), "utf-16-le"),
        (lambda t: b"\xfe\xff" + t.encode("utf-16-be"), "utf-16-be"),
        (lambda t: t.encode("utf-16-le"), "utf-16-le"),
        (lambda t: t.encode("utf-16-be"), "utf-16-be"),
        (lambda t: t.encode("utf-32"), "utf-32-le"),
    ],
)
@pytest.mark.parametrize("container", ["csv", "json", "jsonl"])
def test_encoding_by_content(tmp_path, encode, name, container):
    rows = [{"prompt": TEXT, "answer": "少吃盐"}, {"prompt": "老年人呢？", "answer": "按时服药"}]
    text = {"csv": CSV, "json": json.dumps(rows, ensure_ascii=False, indent=1), "jsonl": jsonl(*rows)}[
        container
    ]
    got = Got(written(tmp_path / "x", encode(text)))
    assert (got.inspection.container, got.inspection.encoding) == (container, name)
    assert got.inspection.columns == ["prompt", "answer"]
    assert [(e.messages[0]["content"], e.answers[0].text) for e in got.entries] == [
        (TEXT, "少吃盐"),
        ("老年人呢？", "按时服药"),
    ]


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be"])
def test_utf16_without_bom_where_characters_hold_zero_bytes(tmp_path, encoding):
    """一 (U+4E00) and the ideographic space (U+3000) have a zero byte on the other side than ASCII."""
    text = "一日一次，一次一片；　一般" * 30
    got = Got(written(tmp_path / "x", f"prompt,answer\n{text},第一\n问,一\n".encode(encoding)))
    assert got.inspection.encoding == encoding
    assert [(e.messages[0]["content"], e.answers[0].text) for e in got.entries] == [
        (text, "第一"),
        ("问", "一"),
    ]


def test_encoding_given_by_hand(tmp_path):
    path = written(tmp_path / "x", "prompt,answer\n臺北,好\n".encode("big5"))
    got = Got(path, encoding="big5")
    assert got.asked == ["臺北"]
    with pytest.raises(FileRefused) as e:
        readers.inspect(path, encoding="no-such-thing")
    assert e.value.code == "encoding"
    for codec in ("rot13", "base64", "unicode_escape", "idna"):
        with pytest.raises(FileRefused):
            readers.inspect(path, encoding=codec)


def test_wrong_encoding_by_hand_refuses_rows_instead_of_bending_them(tmp_path):
    got = Got(written(tmp_path / "x", b"prompt,answer\na,b\n\xff\xfe,d\n"), encoding="utf-8")
    assert got.asked == ["a"]
    assert got.refused == [(3, "", "encoding")]


def test_gb18030_characters_outside_gbk(tmp_path):
    got = Got(written(tmp_path / "x", f"prompt,answer\n{TEXT},𠮷野家€ 𝄞\n".encode("gb18030")))
    assert got.entry.answers[0].text == "𠮷野家€ 𝄞"


@pytest.mark.parametrize("container", ["csv", "jsonl", "json"])
def test_a_gbk_row_in_a_utf8_file_is_refused_with_its_line(tmp_path, container):
    lines = [(f"{TEXT}{i}", "答") for i in range(5)]
    if container == "csv":
        parts = ["prompt,answer\n", *(f"{q},{a}\n" for q, a in lines)]
        bad, line = 3, 4
    elif container == "jsonl":
        parts = [json.dumps({"prompt": q, "answer": a}, ensure_ascii=False) + "\n" for q, a in lines]
        bad, line = 2, 3
    else:
        parts = [
            "[\n",
            *(json.dumps({"prompt": q, "answer": a}, ensure_ascii=False) + ",\n" for q, a in lines[:-1]),
            '{"prompt": "z", "answer": "y"}]',
        ]
        bad, line = 3, 4
    content = b"".join(p.encode("gbk" if i == bad else "utf-8") for i, p in enumerate(parts))
    got = Got(written(tmp_path / "x", content))
    assert got.inspection.encoding == "utf-8"
    assert got.refused == [(line, "", "encoding")]
    assert len(got.records) == 4


@pytest.mark.parametrize("odd", ["你好", "高血压可以吃党参吗", "少吃盐"])
def test_a_utf8_row_in_a_gbk_file_is_refused_with_its_line(tmp_path, odd):
    parts = ["prompt,answer\n", f"{TEXT},少吃盐\n", f"{odd},{odd}\n", "糖尿病,遗传\n"]
    content = b"".join(p.encode("utf-8" if i == 2 else "gbk") for i, p in enumerate(parts))
    got = Got(written(tmp_path / "x", content))
    assert got.inspection.encoding == "gb18030"
    assert got.refused == [(3, "", "encoding")]
    assert got.asked == [TEXT, "糖尿病"]


@pytest.mark.parametrize("word", ["联通", "联", "一", "心", "电信联通", "é", "°C", "①"])
def test_short_gbk_rows_are_not_taken_for_utf8(tmp_path, word):
    got = Got(written(tmp_path / "x", f"prompt,answer\n{TEXT},好\n{word},{word}\n".encode("gb18030")))
    assert got.asked == [TEXT, word]


def test_the_first_chinese_character_may_come_late(tmp_path, monkeypatch):
    monkeypatch.setattr(limits, "CHUNK", 1000)
    content = "prompt,answer\n" + "a,b\n" * 2000 + f"{TEXT},好\n"
    assert Got(written(tmp_path / "x", content.encode("gbk"))).inspection.encoding == "gb18030"
    assert Got(written(tmp_path / "y", content)).inspection.encoding == "utf-8"


def test_a_character_cut_at_the_end_of_a_chunk(tmp_path, monkeypatch):
    rows = [{"prompt": TEXT, "answer": "少吃盐𠮷"}] * 3
    for encoding in ("utf-8", "gb18030", "utf-16"):
        path = written(tmp_path / "x", jsonl(*rows).encode(encoding))
        for size in (7, 10, 11):
            monkeypatch.setattr(limits, "CHUNK", size)
            inspection = readers.inspect(path, encoding=encoding)
            assert {r.entries[0].answers[0].text for r in readers.read(path, inspection)} == {"少吃盐𠮷"}


def test_half_a_utf16_file(tmp_path):
    content = "prompt,answer\na,b\nc,d".encode("utf-16")
    got = Got(written(tmp_path / "x", content[:-1]))
    assert got.asked == ["a"]
    assert got.refused == [(3, "", "encoding")]
    got = Got(written(tmp_path / "y", content[:-2] + b"\x00\xd8" + "\ne,f\n".encode("utf-16-le")))
    assert got.asked == ["a", "e"]
    assert got.refused == [(3, "", "encoding")]


def test_text_in_no_known_encoding(tmp_path):
    lines = b"".join(b"caf\xe9 \xff,ol\xe9 \x80\n" for _ in range(20))
    with pytest.raises(FileRefused) as e:
        readers.inspect(written(tmp_path / "x", b"prompt,answer\n" + lines))
    assert e.value.code == "encoding"
    assert Got(tmp_path / "x", encoding="latin-1").asked[0] == "café ÿ"


def test_line_separators_of_unicode_do_not_end_a_record(tmp_path):
    text = "a\u2028b\u2029c\u0085d\x0be\x0cf\x1cg"
    for content in (jsonl({"prompt": text}), f"prompt,answer\n{text},x\n"):
        got = Got(written(tmp_path / "x", content))
        assert got.asked == [text]
    raw = '{"prompt": "a\u2028b"}\n{"prompt": "c"}\n'
    assert [r.line for r in Got(written(tmp_path / "y", raw)).records] == [1, 2]
