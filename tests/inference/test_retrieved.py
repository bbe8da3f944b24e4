"""What an answer rests on, in every shape that is known."""

import pytest

from inference.client import stream_chat
from inference.retrieved_sources import MAX_SOURCES, Sources, of, web


def test_they_come_with_the_stream_in_order_each_once(upstream):
    pieces = list(stream_chat(upstream("sources"), [{"role": "user", "content": "x"}]))
    assert [len(p.sources) for p in pieces if p.sources is not None] == [1, 3, 4, 5, 7]
    assert pieces[-1].sources == [
        {"title": "https://example.org/a", "text": "", "url": "https://example.org/a"},
        {"title": "Guideline 2024", "text": "Measure twice.", "url": "https://example.org/b"},
        {"title": "Bad", "text": "", "url": ""},
        {"title": "Third", "text": "", "url": "https://example.org/c"},
        {"title": "Azure", "text": "From the index.", "url": ""},
        {"title": "handbook.pdf", "text": "Page one.", "url": ""},
        {"title": "handbook.pdf", "text": "Page two.", "url": ""},
    ]


@pytest.mark.parametrize(
    ("place", "value", "wanted"),
    [
        ("documents", "Only text.", [("", "Only text.", "")]),
        ("sources", "Handbook", [("Handbook", "", "")]),
        (
            "documents",
            {"page_content": "Body", "metadata": {"source": "a.pdf", "page": 3}},
            [("a.pdf", "Body", "")],
        ),
        (
            "documents",
            {"page_content": "Body", "metadata": {"source": "https://example.org/a", "title": "T"}},
            [("T", "Body", "https://example.org/a")],
        ),
        (
            "citations",
            {"url": "https://example.org/a", "title": "T", "text": "B"},
            [("T", "B", "https://example.org/a")],
        ),
        (
            "annotations",
            {"type": "url_citation", "url": "https://example.org/a", "title": "T"},
            [("T", "", "https://example.org/a")],
        ),
        ("annotations", {"type": "file_citation", "filename": "a.pdf", "quote": "Q"}, [("a.pdf", "Q", "")]),
        ("annotations", {"type": "audio", "id": "x"}, []),
        (
            "sources",
            {"source": {"name": "N", "url": "https://example.org/n"}},
            [("N", "", "https://example.org/n")],
        ),
        ("citations", "javascript:alert(1)", []),
        ("citations", "[1]", []),
        ("sources", None, []),
        ("sources", 5, []),
        ("sources", {}, []),
        ("sources", {"title": ["x"], "text": {"y": 1}}, []),
        ("sources", {"title": "a\x00b"}, []),
        ("sources", {"title": "\ud800"}, []),
        ("sources", {"url": "data:text/html,x", "title": "T"}, [("T", "", "")]),
    ],
)
def test_shapes(place, value, wanted):
    assert [(s["title"], s["text"], s["url"]) for s in of(value, place)] == wanted


@pytest.mark.parametrize(
    "url",
    [
        "javascript:alert(1)",
        "file:///etc/passwd",
        "data:x",
        "//example.org",
        "http://",
        "https:///x",
        "ftp://example.org",
        "http://a b",
        'http://a/"x',
        "http://[",
        "\x01http://a",
        "https://example.org/\u202e",
        "http://a/" + "x" * 2000,
        None,
        5,
    ],
)
def test_addresses_no_browser_is_sent_to(url):
    assert web(url) == ""


def test_an_address_first_and_its_title_later_are_one():
    found = Sources()
    assert found.take({"citations": ["https://example.org/a", "https://example.org/b"]})
    assert found.take({"search_results": [{"url": "https://example.org/a", "title": "A", "snippet": "text"}]})
    assert not found.take(
        {"search_results": [{"url": "https://example.org/a", "title": "A", "snippet": "text"}]}
    )
    assert [(s["title"], s["text"]) for s in found.all()] == [("A", "text"), ("https://example.org/b", "")]


def test_there_is_an_end_to_them():
    found = Sources()
    found.take({"sources": [{"title": f"t{n}"} for n in range(500)]})
    assert len(found.all()) == MAX_SOURCES
    found = Sources()
    found.take({"sources": [{"title": "t", "text": "x" * 2_000_000}]})
    assert found.all() == []
    found.take({"sources": "no list", "citations": {"a": 1}, "context": "x"})
