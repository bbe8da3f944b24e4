"""Shared fixtures. Settings are tests/settings.py: every run has its own data directory and database, so runs
never meet."""

import os
import time

import pytest

from tests.browser import *  # noqa: F403


def pytest_collection_modifyitems(config, items):
    """What this run cannot do is skipped in plain words, and fails under CI=true."""
    from django.conf import settings

    from tests import servers

    ci = os.environ.get("CI", "").lower() in {"1", "true"}
    on_postgres = settings.DATABASES["default"]["ENGINE"].endswith("postgresql")
    no_browser = servers.missing("chromium")
    if on_postgres:  # the other run has done what does not touch the database
        needs = {"db", "transactional_db", "django_db_setup"}
        without = [
            i
            for i in items
            if not needs.intersection(getattr(i, "fixturenames", ()))
            and not i.get_closest_marker("django_db")
        ]
        without = [i for i in without if not i.get_closest_marker("servers")]
        if len(without) < len(items):
            config.hook.pytest_deselected(items=without)
            items[:] = [i for i in items if i not in set(without)]
    for item in items:
        if item.get_closest_marker("servers") and not on_postgres:
            item.add_marker(pytest.mark.skip(reason="runs on PostgreSQL and Redis: TEST_DATABASE=postgres"))
        if item.get_closest_marker("browser") and no_browser:
            if ci:
                pytest.exit(f"missing: {no_browser[0]}", returncode=3)
            item.add_marker(pytest.mark.skip(reason=f"missing: {no_browser[0]}"))


@pytest.fixture(autouse=True, scope="session")
def _patient_flush():
    """A live server may still write what the last test's requests left to be logged; PostgreSQL then breaks
    the deadlock at the flush's expense."""
    from django.core.management import CommandError
    from django.test import TransactionTestCase

    flush = TransactionTestCase._fixture_teardown

    def patiently(self):
        for seconds in (0.2, 0.5, 1, 2):
            try:
                return flush(self)
            except CommandError:
                time.sleep(seconds)
        return flush(self)

    TransactionTestCase._fixture_teardown = patiently
    yield
    TransactionTestCase._fixture_teardown = flush


@pytest.fixture(autouse=True)
def _own_language():
    """A request leaves its language behind in the thread: what speaks without one would speak the last
    test's."""
    from django.utils import translation

    translation.deactivate()


@pytest.fixture(autouse=True)
def _empty_cache():
    """Rows of the next test may have the ids of the last one's."""
    from django.core.cache import cache

    from core.web import limits

    cache.clear()
    limits.clear()


@pytest.fixture
def cast(db):
    """A project with the fixed cast (tests/cast.py)."""
    from tests.cast import make_cast

    return make_cast()
