"""The search for items by words, Chinese and English, on whichever database this runs on."""

import pytest
from django.test import Client
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from annotation.items import words
from annotation.items.filter import ItemFilter
from annotation.models import Item, ItemWords
from tests.cast import make_item, make_project, make_prompt, make_response

pytestmark = pytest.mark.django_db


@pytest.fixture
def texts(cast):
    return {
        name: make_item(cast.project, answers, prompt=make_prompt(cast.project, asked)).pk
        for name, asked, answers in (
            ("fever", "孩子发烧怎么办？体温39.5度", ["多喝水", "去医院"]),
            ("dose", "What is the dose of Metformin?", ["500 mg twice", "Ask a doctor"]),
            ("mixed", "eGFR 低于 30 能用二甲双胍吗", ["不能", "可以减量"]),
        )
    }


def found(cast, q: str) -> list[int]:
    client = Client()
    client.force_login(cast.dan)
    response = client.get("/p/ward/items/", {"q": q})
    assert response.status_code == 200
    return [item.pk for item in response.context["rows"]]


@pytest.mark.parametrize(
    ("q", "names"),
    [
        ("发烧", ["fever"]),
        ("发烧怎么办", ["fever"]),
        ("烧发", []),
        ("烧", ["fever"]),
        ("办", ["fever"]),
        ("metformin", ["dose"]),
        ("METF", ["dose"]),
        ("formin", []),
        ("dose twice", ["dose"]),
        ("dose 二甲", []),
        ("egfr 二甲双胍", ["mixed"]),
        ("多喝水", ["fever"]),
        ("ｅＧＦＲ", ["mixed"]),
        ("%", []),
        ("_", []),
        ("' & | ! :*", []),
        ("\\", []),
    ],
)
def test_finds_words(cast, texts, q, names):
    assert found(cast, q) == [texts[name] for name in names]


def test_a_number_is_an_item_first_and_a_word_else(cast, texts):
    assert found(cast, str(texts["dose"])) == [texts["dose"]]
    assert found(cast, "500") == [texts["dose"]] or Item.objects.filter(pk=500).exists()


def test_later_answers_are_found_and_deleted_items_leave_no_words(cast, texts):
    assert found(cast, "阿司匹林") == []
    item = Item.objects.get(pk=texts["fever"])
    item.answers.create(response=make_response(item.prompt, "阿司匹林不行"), slot=2)
    Item.objects.filter(pk=item.pk).update(slot_count=3)
    assert found(cast, "阿司匹林") == [item.pk]
    item.delete()
    assert not ItemWords.objects.filter(item=texts["fever"]).exists()


def test_other_projects_words_are_not_there(cast, texts):
    other = make_project("other")
    make_item(other, prompt=make_prompt(other, "发烧"))
    words.catch_up(other)
    assert found(cast, "发烧") == [texts["fever"]]


def test_what_is_not_taken_down_yet_is_said(cast, texts, monkeypatch):
    monkeypatch.setattr(words, "AT_ONCE", 1)
    monkeypatch.setattr(words, "BATCH", 1)
    client = Client()
    client.force_login(cast.dan)
    html = client.get("/p/ward/items/", {"q": "dose"}).content.decode()
    assert "still being indexed" in html
    assert words.catch_up_all() == 1
    assert "still being indexed" not in client.get("/p/ward/items/", {"q": "dose"}).content.decode()


@settings(deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(st.text(max_size=60))
def test_words_are_what_a_query_of_the_same_text_wants(text):
    """Whatever is searched for in its own text is found: each term is a word of it, or begins one."""
    have = words.of_text(text)
    assert all(" " not in word and "'" not in word and "\\" not in word for word in have)
    for word, start in words.of_query(text):
        assert any(one.startswith(word) if start else one == word for one in have)


@settings(deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(st.dictionaries(st.sampled_from(list(ItemFilter().__dataclass_fields__)), st.text(max_size=30)))
def test_any_address_is_understood_or_left_out_and_says_itself_again(query):
    asked = ItemFilter.of_query(query)
    assert ItemFilter.of_query(asked.query()) == asked
