"""Threads that write at the same moment share one transaction, and each gets its own answer."""

import threading

import pytest

from core.models import Event
from feedback.ingest import api as ingest_api
from feedback.ingest.group_commit import Group
from feedback.models import EndUser, Reaction, Received
from tests.feedback.ingest.ingesting import Sender, thumb
from tests.threads import at_once


class Work:
    """Writes as long as it is told to; notes what came together."""

    def __init__(self):
        self.calls: list[list] = []
        self.began, self.go = threading.Event(), threading.Event()

    def __call__(self, items: list) -> list:
        self.calls.append(items)
        self.began.set()
        assert self.go.wait(20)
        if "bad" in items:
            raise ValueError(f"of {len(items)}")
        return [f"did {item}" for item in items]


def gather(group: Group, work: Work, items, kind="k") -> tuple[dict, list[threading.Thread]]:
    """Start a thread for each of `items`, one after the other; wait until the first works and the rest are
    queued."""
    results: dict = {}

    def run(item):
        try:
            results[item] = group.run(kind, item, work)
        except ValueError as wrong:
            results[item] = wrong

    threads = []
    for n, item in enumerate(items):
        threads.append(threading.Thread(target=run, args=(item,)))
        threads[-1].start()
        if n == 0:
            assert work.began.wait(20)
        waited = threading.Event()
        while len(group._queues[kind]) < n:
            waited.wait(0.001)
    return results, threads


def finish(threads) -> None:
    for t in threads:
        t.join(20)
    assert not any(t.is_alive() for t in threads)


def test_those_that_come_meanwhile_are_one_call():
    group, work = Group(), Work()
    results, threads = gather(group, work, range(6))
    work.go.set()
    finish(threads)
    assert work.calls == [[0], [1, 2, 3, 4, 5]]
    assert results == {i: f"did {i}" for i in range(6)}
    assert group._queues == {}


def test_a_call_has_its_most():
    group, work = Group(most=3), Work()
    results, threads = gather(group, work, range(8))
    work.go.set()
    finish(threads)
    assert work.calls == [[0], [1, 2, 3], [4, 5, 6], [7]]
    assert len(results) == 8


def test_one_that_fails_harms_nobody_else():
    group, work = Group(), Work()
    results, threads = gather(group, work, ["first", "a", "bad", "b"])
    work.go.set()
    finish(threads)
    assert work.calls[:2] == [["first"], ["a", "bad", "b"]]
    assert sorted(work.calls[2:]) == [["a"], ["b"], ["bad"]]
    assert {k: str(v) for k, v in results.items()} == {
        "first": "did first",
        "a": "did a",
        "b": "did b",
        "bad": "of 1",
    }
    assert group._queues == {}


def test_a_leader_that_fails_hands_on():
    group, work = Group(), Work()
    results, threads = gather(group, work, ["bad", "a", "b"])
    work.go.set()
    finish(threads)
    assert work.calls == [["bad"], ["a", "b"]]
    assert (str(results["bad"]), results["a"], results["b"]) == ("of 1", "did a", "did b")


def test_kinds_do_not_wait_for_each_other():
    group, slow, quick = Group(), Work(), Work()
    _results, threads = gather(group, slow, ["slow"], "one")
    quick.go.set()
    assert group.run("other", "quick", quick) == "did quick"
    slow.go.set()
    finish(threads)


@pytest.mark.django_db(transaction=True)
def test_single_rows_at_once_are_one_transaction(monkeypatch):
    """Twelve requests while a first one is held: one more transaction, and every sender hears of its own
    row."""
    sender = Sender()
    take, group = ingest_api.ingest.take, Group()
    began, go = threading.Event(), threading.Event()
    sizes: list[int] = []

    def held(**given):
        sizes.append(len(given["rows"]))
        began.set()
        assert go.wait(20)
        return take(**given)

    monkeypatch.setattr(ingest_api, "_together", group)
    monkeypatch.setattr(ingest_api.ingest, "take", held)
    answers: dict[int, tuple] = {}

    def post(i: int):
        row = thumb(id=f"k{i % 10}", user=f"u{i % 10}") if i < 11 else thumb(id="wrong", value="sideways")
        language = {"Accept-Language": "zh-hans" if i == 12 else "en"}
        answers[i] = sender.post(row, **language)

    def release():
        assert began.wait(20)
        while sum(map(len, group._queues.values())) < 11:
            threading.Event().wait(0.002)
        go.set()

    first = threading.Thread(target=lambda: at_once(lambda: post(0)))
    first.start()
    assert began.wait(20)
    assert at_once(release, *[lambda i=i: post(i) for i in range(1, 13)]) == []
    first.join(20)
    assert sorted(sizes) == [1, 1, 11]  # whoever reads Chinese is answered in Chinese, so apart
    assert sorted(status for status, _answer in answers.values()) == [200] + [201] * 10 + [400] * 2
    assert (answers[10][1]["status"], answers[10][1]["reaction"]) == ("duplicate", answers[0][1]["reaction"])
    for i in range(1, 10):
        assert (answers[i][0], answers[i][1]["id"], answers[i][1]["index"]) == (201, f"k{i}", 0)
    assert len({answers[i][1]["reaction"] for i in range(10)}) == 10
    assert (Reaction.objects.count(), Received.objects.count(), EndUser.objects.count()) == (10, 10, 10)
    assert Event.objects.filter(verb="feedback.ingest").count() == 2
    english, chinese = answers[11][1]["error"]["message"], answers[12][1]["error"]["message"]
    assert english.startswith("A thumb is") and "A thumb is" not in chinese
