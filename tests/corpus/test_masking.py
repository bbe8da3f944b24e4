"""Masking: what it must cover, that nothing else changes, and that twice is once."""

import itertools
import json
import re
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from corpus.masking import DEFAULT_KINDS, KINDS, LABELS, mask, mask_tree, spans
from corpus.personal_data import scan
from tests.corpus.test_personal_data import id_card


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("我的电话是13812345678，请回电", "我的电话是[mobile]，请回电"),
        ("手机：１３８１２３４５６７８。", "手机：[mobile]。"),
        ("call +86 138-1234-5678 now", "call [mobile] now"),
        ("两个13812345678、13912345679", "两个[mobile]、[mobile]"),
        (f"身份证{id_card('11010519491231002')}。", "身份证[id_card]。"),
        (f"身份证 {id_card('44052418800101001').lower()}\r\n", "身份证 [id_card]\r\n"),
        ("card 4539 1488 0343 6467 ok", "card [bank_card] ok"),
        ("卡6228480402564890018", "卡[bank_card]"),
        ("卡４５３９１４８８０３４３６４６７", "卡[bank_card]"),
        # a number that only examples use is covered too
        ("test card 4111 1111 1111 1111", "test card [bank_card]"),
        ("写信到 zhang.san@hospital.cn 吧", "写信到 [email] 吧"),
        ("zhang@example.com", "[email]"),
        (
            "tel=13812345678&u_13812345678 /13812345678-1 QQ13812345678",
            "tel=[mobile]&u_[mobile] /[mobile]-1 QQ[mobile]",
        ),
        ("ｚｈａｎｇ＠ｑｑ．ｃｏｍ", "[email]"),
        ("e\u0301 👩‍⚕️ 13812345678 \u2028", "e\u0301 👩‍⚕️ [mobile] \u2028"),
        (
            '见 {"a": "\\u7535\\u8bdd13812345678\\n13912345678", "b": "\\u90aea@b.cn"}',
            '见 {"a": "\\u7535\\u8bdd[mobile]\\n[mobile]", "b": "\\u90ae[email]"}',
        ),
        ("", ""),
    ],
)
def test_covers(text, masked):
    assert mask(text) == masked


@pytest.mark.parametrize(
    "text",
    [
        "110105194912310021", "11010519491231002Y", "订单号 20231112345678901", "6222021234567890129",
        "10⁹/L，13800 mL", "git@github.com:a/b",
        "1381234567", "138123456789", "3.13812345678", "病历号：A0012345，（2023）京01民终123号",
    ],
)  # fmt: skip
def test_leaves_alone(text):
    assert mask(text) == text


def test_the_other_kinds_are_for_asking():
    text = "病历号：A0012345，见（2023）京01民终123号判决书"
    assert mask(text, ("medical_record",)) == "病历号：[medical_record]，见（2023）京01民终123号判决书"
    assert mask(text, ("case_number",)) == "病历号：A0012345，见[case_number]判决书"
    assert mask("13812345678 a@b.cn", ("email",)) == "13812345678 [email]"
    assert mask("13812345678", ()) == mask("13812345678", ("no such kind",)) == "13812345678"


def test_passports_and_addresses_are_covered_where_they_are_asked_for():
    assert mask("护照号码：E12345678，passport no. 533401234.", ("passport",)) == (
        "护照号码：[passport]，passport no. [passport]."
    )
    assert mask("编号E12345678", ("passport",)) == "编号E12345678"
    text = "来自 8.8.8.8、地址：1.1.1.1，2001:4860:4860::8888，"
    others = "内网 192.168.1.1，版本 1.2.3.4.5，300.1.1.1，10:30:45"
    masked = "来自 [ip_address]、地址：[ip_address]，[ip_address]，"
    assert mask(text + others, ("ip_address",)) == masked + others
    assert mask(text + others) == text + others
    assert set(LABELS) == set(KINDS)


PIECES = st.sampled_from(
    [
        *(
            "13812345678",
            "+86 139-1234-5678",
            "１３８１２３４５６７８",
            id_card("11010519491231002"),
            "4539 1488 0343 6467",
            "6228480402564890018",
            "a.b@c.cn",
        ),
        *(
            "病历号：A0012345",
            "（2023）京01民终123号",
            "医保卡ID 12345",
            "护照号 E12345678",
            "8.8.8.8",
            "2001:4860::1",
            "[mobile]",
            "[email]",
            "＠",
            "@",
            "x@y",
            "-",
            " ",
            ".",
            "1",
            "0",
            "，",
            "\n",
            "\\n",
        ),
        *("e\u0301", "\ud83d", "号", "ID", "\\u8bdd"),
    ]
)
TEXTS = st.lists(PIECES | st.text(max_size=8), max_size=12).map("".join)
MARK = re.compile("|".join(re.escape(f"[{k}]") for k in KINDS))


@settings(max_examples=300, deadline=None, derandomize=True)
@given(TEXTS)
def test_twice_is_once_and_nothing_is_left_to_find(text):
    masked = mask(text, KINDS)
    assert mask(masked, KINDS) == masked
    assert spans(masked, KINDS) == []
    assert scan(masked) == []
    assert not set(DEFAULT_KINDS) & set(scan(mask(text)))


@settings(max_examples=300, deadline=None, derandomize=True)
@given(TEXTS)
def test_nothing_else_changes(text):
    """What stands between the marks stands in the text, in that order, code point for code point; and a text
    without marks is the text."""
    parts = MARK.split(mask(text, KINDS))
    if len(parts) == 1:
        assert parts[0] == text
        return
    assert text.startswith(parts[0])
    assert text.endswith(parts[-1])
    at = len(parts[0])
    for part in parts[1:-1]:
        found = text.find(part, at)
        assert found >= 0
        at = found + len(part)


@settings(max_examples=200, deadline=None, derandomize=True)
@given(TEXTS)
def test_spans_are_exact(text):
    found = spans(text, KINDS)
    assert found == sorted(found)
    assert all(0 <= start < end <= len(text) for start, end, _kind in found)
    assert all(a[1] <= b[0] for a, b in itertools.pairwise(found))


def test_trees_are_masked_whole():
    arguments = '{"phone": 13812345678, "mail": "a@b.cn", "n": 1.50}'
    tree = {
        "tool_calls": [{"function": {"arguments": arguments}}],
        "13812345678": 1,
        "13912345678": [13812345678, True, None, 1.5],
        "deep": {"x": '{"q": "\\u0031\\u0033812345678"}', "kept": '{"q": 1.50,  "b":2}'},
    }
    masked = mask_tree(tree)
    assert "1381234" not in json.dumps(masked)
    assert "1391234" not in json.dumps(masked)
    assert json.loads(masked["tool_calls"][0]["function"]["arguments"]) == {
        "phone": "[mobile]",
        "mail": "[email]",
        "n": 1.5,
    }
    assert masked["[mobile]"] == 1
    assert masked["[mobile] (2)"] == ["[mobile]", True, None, 1.5]
    assert json.loads(masked["deep"]["x"]) == {"q": "[mobile]"}
    assert masked["deep"]["kept"] == '{"q": 1.50,  "b":2}'
    assert mask_tree(masked) == masked


def test_long_texts_do_not_take_long():
    for text in (
        "高血压患者每天食盐6克。" * 20_000,
        "1" * 200_000,
        "a@" * 100_000,
        "138 1234 " * 20_000,
        "病历号" * 50_000 + "1",
    ):
        began = time.perf_counter()
        mask(text, KINDS)
        assert time.perf_counter() - began < 2
