"""The parser of event streams: however the bytes are cut, the same events."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inference.sse import Broken, Event, Parser


def events(data: bytes, *, size: int = 1 << 20, **limits) -> list[Event]:
    parser = Parser(**limits)
    out = [e for i in range(0, len(data), size) for e in parser.feed(data[i : i + size])]
    last = parser.end()
    return out + ([last] if last else [])


STREAM = (
    "﻿: hello\r\n\r\ndata: eins\r\ndata:zwei\r\rid: 7\nretry: 5\nevent: x\ndata: "
    "三\n\ndata\n\ndata:\n\nunknown: y\ndata:  blank\n\n:\ndata: last"
)
WANTED = [Event("eins\nzwei"), Event("三", "x"), Event(""), Event(""), Event(" blank"), Event("last")]


@pytest.mark.parametrize("size", [1, 2, 3, 5, 7, 1000])
def test_however_the_bytes_are_cut(size):
    assert events(STREAM.encode(), size=size) == WANTED


@settings(max_examples=150, deadline=None)
@given(
    st.lists(
        st.text(st.characters(exclude_characters="\r\n", exclude_categories=["Cs"]), max_size=30),
        min_size=1,
        max_size=6,
    ),
    st.sampled_from(["\n", "\r", "\r\n"]),
    st.lists(st.integers(1, 9), min_size=1, max_size=20),
)
def test_texts_come_back_code_point_for_code_point(texts, end, sizes):
    data = "".join(f"data: {t}{end}{end}" for t in texts).encode()
    parser, out, at, turn = Parser(), [], 0, 0
    while at < len(data):
        step = sizes[turn % len(sizes)]
        out += parser.feed(data[at : at + step])
        at, turn = at + step, turn + 1
    last = parser.end()
    assert [e.data for e in out + ([last] if last else [])] == texts


def test_an_error_line_is_an_error_event():
    assert events(b'error: {"message": "no"}\n\n') == [Event('{"message": "no"}', "error")]


def test_limits_hold_while_bytes_come_in():
    parser = Parser(line_limit=100)
    parser.feed(b"data: " + b"a" * 90)
    with pytest.raises(Broken):
        parser.feed(b"a" * 10)
    with pytest.raises(Broken):
        events(b"data: " + b"a" * 101 + b"\n\n", line_limit=100)
    with pytest.raises(Broken):
        events(b"data: " + b"a" * 60 + b"\ndata: " + b"a" * 60 + b"\n\n", line_limit=100, event_limit=100)
    assert len(events(b": " + b"a" * 90 + b"\n" + b"data: x\n\n", line_limit=100)) == 1


def test_bytes_that_are_no_utf8_are_not_replaced():
    with pytest.raises(Broken):
        events(b"data: \xff\xfe\n\n")
    assert events(b": \xff\xfe\ndata: x\n\n") == [Event("x")]  # nobody reads comments


def test_a_long_line_in_small_pieces_costs_no_square():
    import time

    begun = time.perf_counter()
    parser = Parser(line_limit=4 << 20)
    for _ in range(100_000):
        parser.feed(b"aaaaaaaaaa")
    assert time.perf_counter() - begun < 2
