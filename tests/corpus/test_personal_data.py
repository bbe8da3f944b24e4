"""The scan for likely personal data: what it must find, what it must leave alone, and its speed."""

import time

import pytest

from corpus.personal_data import scan


def id_card(first17: str) -> str:
    weights = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
    return first17 + "10X98765432"[sum(int(c) * w for c, w in zip(first17, weights, strict=True)) % 11]


@pytest.mark.parametrize(
    ("text", "kinds"),
    [
        ("我的电话是13812345678，请回电", ["mobile"]),
        ("call +86 138-1234-5678 now", ["mobile"]),
        ("手机：１３８１２３４５６７８", ["mobile"]),
        (f"身份证号{id_card('11010519491231002')}。", ["id_card"]),
        (f"身份证 {id_card('44052418800101001').lower()}", ["id_card"]),
        ("卡号 6222 0212 3456 7890 128"[:-3] + "0", []),  # fails Luhn
        ("card 4111 1111 1111 1111", []),  # the well-known number made of two digits only
        ("card 4539 1488 0343 6467", ["bank_card"]),
        ("银行卡6228480402564890018", ["bank_card"]),
        ("写信到 zhang.san@hospital.cn 吧", ["email"]),
        ("病历号：A0012345", ["medical_record"]),
        ("患者住院号 202300123，床号12", ["medical_record"]),
        ("门诊号为88123456", ["medical_record"]),
        ("MRN: 00482913", ["medical_record"]),
        ("见（2023）京01民终123号判决书", ["case_number"]),
        ("(2020)沪0115民初12345号", ["case_number"]),
        ("（2021）最高法知民终12号", ["case_number"]),
        ("电话13912345678，邮箱li@mail.com，住院号12345678", ["mobile", "email", "medical_record"]),
    ],
)
def test_finds(text, kinds):
    assert scan(text) == kinds


@pytest.mark.parametrize(
    "text",
    [
        "高血压患者每天食盐摄入不超过6克。",
        "订单号 20231112345678901，共 3.14159265358979 元",
        "10⁹/L，13800 mL，圆周率 3.13812345678",
        "11010519491231002Y 不是身份证",
        "110105194912310021",  # wrong check digit
        "110105194913310026",  # no such month
        "病历号是什么？住院号在哪里查？病历号由10位数字组成",
        "国发〔2023〕12号文件，（2023）第12号公告，门诊号2023年起改版",
        "user@example.com, git@github.com:a/b.git, npm i pkg@1.2.3, @decorator, a @ b",
        "https://x.cn/13812345678/1.html",
        "1609459200000 是毫秒时间戳，UUID 6f9619ff-8b86-d011-b42d-13812345678f",
        "",
    ],
)
def test_leaves_alone(text):
    assert scan(text) == []


def test_is_fast_on_chinese_text_without_digits():
    text = "高血压患者首先要注意控制食盐摄入量，注意不要吃太油腻的食物。" * 200
    size = len(text.encode()) * 200
    start = time.perf_counter()
    for _ in range(200):
        scan(text)
    assert size / (time.perf_counter() - start) > 20e6


@pytest.mark.parametrize(
    "unit",
    [
        " ",
        "1",
        "1 ",
        "1-",
        "a",
        "a.",
        "a@",
        "号",
        "（",
        "(2023) ",
        "病历号 ",
        "MRN ",
        "MRN:  ",
        "4111 ",
        "@a.",
        "民",
    ],
)
def test_no_text_makes_it_slow(unit):
    for text in (unit * 100_000, "1病历号MRN(2023)@" + unit * 100_000, unit * 100_000 + "@号"):
        start = time.perf_counter()
        scan(text)
        assert time.perf_counter() - start < 3
