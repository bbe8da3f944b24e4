"""Settings from the environment: what each variable does, and that nothing insecure is a default."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]


def settings_with(tmp_path, names, **env) -> dict:
    """The named settings of a new process with only these variables set. Values come through repr where JSON
    has none."""
    code = (
        f"import json; from config import settings as s; print(json.dumps({{n: getattr(s, n, None) for n "
        f"in {names!r}}}, default=str))"
    )
    kept = {k: v for k, v in os.environ.items() if k in {"PATH", "HOME", "LANG"}}
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        env={**kept, "DATA_DIR": str(tmp_path / "data"), **env},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_with_an_empty_environment_it_is_embedded_and_closed(tmp_path):
    s = settings_with(
        tmp_path,
        [
            "HOST",
            "PORT",
            "DEBUG",
            "ALLOWED_HOSTS",
            "DATABASES",
            "REDIS_URL",
            "CELERY_BROKER_URL",
            "LANGUAGE_CODE",
            "X_FRAME_OPTIONS",
        ],
    )
    assert (s["HOST"], s["PORT"], s["DEBUG"]) == ("127.0.0.1", 8000, False)
    assert "*" not in s["ALLOWED_HOSTS"]
    assert s["DATABASES"]["default"]["ENGINE"] == "config.sqlite3"
    assert s["CELERY_BROKER_URL"].startswith("filesystem://") and not s["REDIS_URL"]
    assert s["X_FRAME_OPTIONS"] == "DENY"
    data = tmp_path / "data"
    assert (
        oct(data.stat().st_mode & 0o777) == "0o750"
        and oct((data / "secret_key").stat().st_mode & 0o777) == "0o600"
    )


def test_the_secret_key_is_made_once_and_kept(tmp_path):
    first, second = (settings_with(tmp_path, ["SECRET_KEY"])["SECRET_KEY"] for _ in range(2))
    assert first == second and len(first) >= 50
    assert settings_with(tmp_path, ["SECRET_KEY"], SECRET_KEY="given")["SECRET_KEY"] == "given"
    (tmp_path / "key").write_text("from-a-file\n")
    assert (
        settings_with(tmp_path, ["SECRET_KEY"], SECRET_KEY_FILE=str(tmp_path / "key"))["SECRET_KEY"]
        == "from-a-file"
    )


def test_postgresql_comes_with_a_pool_and_no_persistent_connections(tmp_path):
    database = settings_with(tmp_path, ["DATABASES"], DATABASE_URL="postgres://a:b@db/x", DATABASE_POOL="24")[
        "DATABASES"
    ]["default"]
    assert database["ENGINE"].endswith("postgresql") and database["CONN_MAX_AGE"] == 0
    assert database["OPTIONS"]["pool"]["max_size"] == 24


def test_sqlite_waits_for_its_lock_and_writes_ahead(tmp_path):
    options = settings_with(tmp_path, ["DATABASES"])["DATABASES"]["default"]["OPTIONS"]
    assert (
        options["transaction_mode"] == "IMMEDIATE"
        and options["timeout"] >= 20
        and "journal_mode=WAL" in options["init_command"]
    )


def test_redis_carries_jobs_and_cache(tmp_path):
    s = settings_with(tmp_path, ["CELERY_BROKER_URL", "CACHES"], REDIS_URL="redis://r:6379/3")
    assert s["CELERY_BROKER_URL"] == "redis://r:6379/3" and s["CACHES"]["default"]["BACKEND"].endswith(
        "RedisCache"
    )


def test_https_makes_cookies_secure(tmp_path):
    names = [
        "SESSION_COOKIE_SECURE",
        "CSRF_COOKIE_SECURE",
        "SESSION_COOKIE_HTTPONLY",
        "SECURE_PROXY_SSL_HEADER",
    ]
    assert list(settings_with(tmp_path, names).values()) == [False, False, True, None]
    assert list(settings_with(tmp_path, names, HTTPS="1", BEHIND_PROXY="1").values()) == [
        True,
        True,
        True,
        ["HTTP_X_FORWARDED_PROTO", "https"],
    ]


@pytest.mark.parametrize(("name", "value"), [("PORT", "http"), ("DEBUG", "maybe")])
def test_a_mistyped_variable_is_named(tmp_path, name, value):
    code = "import config.settings"
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        env={"DATA_DIR": str(tmp_path), name: value},
        capture_output=True,
        text=True,
    )
    assert done.returncode != 0 and f"{name}='{value}'" in done.stderr


def test_the_csp_lets_nothing_in_from_outside(settings):
    directives = settings.CONTENT_SECURITY_POLICY["DIRECTIVES"]
    assert directives["script-src"] == ["'self'"] and directives["style-src"] == ["'self'"]
    assert not [
        value
        for values in directives.values()
        for value in values
        if "unsafe" in value or "*" in value or "http" in value
    ]


def test_every_variable_is_in_the_handbook():
    """docs/operations.md lists them all."""
    import re

    named = set(
        re.findall(
            r"env(?:str|bool|int|list|secret)\([\"'](\w+)", (ROOT / "config" / "settings.py").read_text()
        )
    )
    handbook = (ROOT / "docs" / "operations.md").read_text()
    assert not sorted(name for name in named if f"`{name}`" not in handbook)
