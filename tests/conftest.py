"""Shared fixtures. Settings are tests/settings.py: every run has its own data directory and database, so runs never meet."""

import os

import pytest

from tests.browser import *  # noqa: F403 - fixtures for browser tests


def pytest_collection_modifyitems(config, items):
    """What this run cannot do is skipped in plain words, and fails under CI=true."""
    from django.conf import settings

    from tests import servers

    ci = os.environ.get("CI", "").lower() in {"1", "true"}
    on_postgres = settings.DATABASES["default"]["ENGINE"].endswith("postgresql")
    no_browser = servers.missing("chromium")
    for item in items:
        if item.get_closest_marker("servers") and not on_postgres:
            item.add_marker(pytest.mark.skip(reason="runs on PostgreSQL and Redis: TEST_DATABASE=postgres"))
        if item.get_closest_marker("browser") and no_browser:
            if ci:
                pytest.exit(f"missing: {no_browser[0]}", returncode=3)
            item.add_marker(pytest.mark.skip(reason=f"missing: {no_browser[0]}"))
