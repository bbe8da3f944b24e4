"""The next chunk is made ready in a thread while the database is busy: same chunks, same order, and nothing
of it gets lost."""

import itertools
import sys
import threading
import time

import pytest
from django.utils import translation
from django.utils.translation import gettext

from annotation.imports import importer
from annotation.imports.prefetch import Chunks
from core.jobs.control import Cancelled
from corpus.models import Prompt
from corpus.records import AnswerIn, Entry, Record, Refusal
from tests import cast


def refusals(n):
    for i in range(1, n + 1):
        yield Refusal(i, "", "x", "")


def lines(chunk):
    return [record.line for record in chunk]


def test_every_record_comes_once_and_in_order_with_and_without_the_thread():
    got, turns = [], sys.getswitchinterval()
    chunks = Chunks(refusals(103), 10)
    for i, chunk in enumerate(chunks):
        got.append(lines(chunk))
        if i % 2:
            with chunks.ahead():
                time.sleep(0.001 * (i % 3))
    assert list(itertools.chain(*got)) == list(range(1, 104))
    assert max(map(len, got)) == 10 and not [t for t in threading.enumerate() if t.name == "import-ahead"]
    assert sys.getswitchinterval() == turns


def test_the_thread_stops_with_the_block_and_at_the_end_of_the_chunk():
    taken = []

    def watched():
        for record in refusals(40):
            taken.append(record.line)
            yield record

    chunks = Chunks(watched(), 10)
    turns = iter(chunks)
    first = next(turns)
    with chunks.ahead():
        until = time.monotonic() + 10
        while len(taken) < 2 * len(first) and time.monotonic() < until:
            time.sleep(0.001)
        time.sleep(0.05)
    assert len(taken) == 2 * len(first)  # no third chunk in memory
    assert lines(next(turns)) == taken[len(first) :]


@pytest.mark.parametrize("error", [ValueError("broken"), Cancelled()], ids=["error", "cancelled"])
def test_what_goes_wrong_ahead_is_raised_after_the_records_before_it(error):
    def failing():
        yield from refusals(15)
        raise error

    chunks = Chunks(failing(), 10)
    got = []
    with pytest.raises(type(error)):
        for chunk in chunks:
            got += lines(chunk)
            with chunks.ahead():
                time.sleep(0.01)
    assert got == list(range(1, 16))


def test_the_reasons_of_refusals_made_ahead_are_in_the_callers_language():
    def told():
        for i in range(1, 21):
            yield Refusal(i, "", "x", gettext("The answer is empty."))

    with translation.override("zh-hans"):
        chunks = Chunks(told(), 10)
        reasons = set()
        for chunk in chunks:
            reasons |= {record.reason for record in chunk}
            with chunks.ahead():
                time.sleep(0.02)
        assert reasons == {gettext("The answer is empty.")} and reasons != {"The answer is empty."}


@pytest.mark.django_db(transaction=True)
def test_a_file_that_breaks_ahead_keeps_the_chunks_before(monkeypatch):
    monkeypatch.setattr(importer, "CHUNK_RECORDS", 5)
    project = cast.make_project()

    def records():
        for i in range(1, 13):
            yield Record(
                i,
                [
                    Entry(
                        "ranking",
                        [{"role": "user", "content": f"question {i}"}],
                        [AnswerIn("a"), AnswerIn("b")],
                    )
                ],
            )
        raise RuntimeError("the disk is gone")

    with pytest.raises(RuntimeError, match="the disk is gone"):
        importer.take(records(), project=project, actor=None)
    assert Prompt.objects.count() == 12
