"""The house's settings for tests: own data directory, quick password hashes; on TEST_DATABASE=postgres own
PostgreSQL and Redis too.

Loaded by pytest and by every process that tests start (see tests.processes.environment), before anything
reads config.settings."""

import atexit
import os
import shutil
import tempfile
from pathlib import Path

_worker = os.environ.get("PYTEST_XDIST_WORKER", "")
if "TEST_HOME" not in os.environ:
    os.environ["TEST_HOME"] = tempfile.mkdtemp(prefix="touchstone-test-")
    os.chmod(os.environ["TEST_HOME"], 0o711)  # PostgreSQL runs as another user in a folder below
    atexit.register(shutil.rmtree, os.environ["TEST_HOME"], ignore_errors=True)
    if os.environ.get("TEST_DATABASE") == "postgres":
        from tests import servers

        os.environ["DATABASE_URL"], os.environ["REDIS_URL"] = servers.start(Path(os.environ["TEST_HOME"]))
# pytest itself and its xdist workers; a process started by a test has its own already
if "TEST_PROCESS" not in os.environ:
    os.environ["DATA_DIR"] = os.path.join(os.environ["TEST_HOME"], _worker or "main")
    os.environ["SECRET_KEY"] = "only-for-tests-" + "x" * 40
    if os.environ.get("REDIS_URL") and _worker:
        os.environ["REDIS_URL"] = (
            os.environ["REDIS_URL"].rsplit("/", 1)[0] + "/" + str(1 + int(_worker.removeprefix("gw")))
        )
os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "1"  # sync Playwright runs an event loop in the thread of the test
os.makedirs(os.environ["DATA_DIR"], exist_ok=True)

from config.settings import *  # noqa: E402, F403
from config.settings import DATA_DIR, DATABASES, MIDDLEWARE  # noqa: E402
from tests.slow import SLOW  # noqa: E402

PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
if DATABASES["default"]["ENGINE"].endswith("sqlite3"):
    DATABASES["default"].setdefault("TEST", {})["NAME"] = str(DATA_DIR / "test.sqlite3")
if SLOW:
    MIDDLEWARE = ["tests.slow.put_off", *MIDDLEWARE]
