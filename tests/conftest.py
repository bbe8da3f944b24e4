"""Shared fixtures. Every run has its own data directory and database file, so runs never meet."""

import os
import tempfile
from pathlib import Path

_home = tempfile.mkdtemp(prefix="touchstone-test-")
os.environ.setdefault("DATA_DIR", _home)
os.environ.setdefault("SECRET_KEY", "only-for-tests-" + "x" * 40)
os.environ.setdefault("DJANGO_ALLOW_ASYNC_UNSAFE", "1")


def pytest_configure(config):
    from django.conf import settings

    database = settings.DATABASES["default"]
    if database["ENGINE"].endswith("sqlite3"):
        database.setdefault("TEST", {})["NAME"] = str(Path(_home) / "test.sqlite3")
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
