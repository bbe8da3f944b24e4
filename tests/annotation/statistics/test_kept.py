"""Figures kept for many pages: anew when they are old, and nobody waits for a count that takes long."""

from threading import Event, get_ident

import pytest
from django.core.cache import cache

from annotation.statistics import kept
from tests.processes import until

KEY = "figures-of-a-test"


@pytest.fixture(autouse=True)
def _fresh():
    cache.delete_many([KEY, f"{KEY}-counting"])


def older(by: float, **more) -> None:
    """As if what is kept had been counted `by` seconds earlier."""
    known = cache.get(KEY)
    cache.set(KEY, known | {"at": known["at"] - by} | more)


def counter(*figures):
    left = list(figures)
    return lambda: {"n": left.pop(0)}


def test_quick_figures_are_counted_anew_when_they_are_old():
    count = counter(1, 2)
    assert [kept.figures(KEY, count, seconds=10)["n"] for _look in range(2)] == [1, 1]
    older(11)
    assert kept.figures(KEY, count, seconds=10)["n"] == 2


def test_slow_figures_are_counted_beside_the_request_by_one_thread_and_after_a_rest():
    begun, go_on, threads = Event(), Event(), []

    def slowly():
        threads.append(get_ident())
        begun.set()
        assert go_on.wait(20)
        return {"n": 2}

    assert kept.figures(KEY, counter(1))["n"] == 1
    older(99 * 0.5, cost=0.5)
    assert kept.figures(KEY, slowly)["n"] == 1 and not threads  # half a second is worth fifty
    older(2)
    assert [kept.figures(KEY, slowly)["n"] for _look in range(3)] == [1, 1, 1]
    assert begun.wait(20) and len(threads) == 1 and threads[0] != get_ident()
    go_on.set()
    until(lambda: kept.figures(KEY, slowly)["n"] == 2, "the count beside the request")
