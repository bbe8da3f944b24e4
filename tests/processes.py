"""Real processes for tests: web server and worker on the database of the test, and their end."""

import contextlib
import os
import signal
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

from django.conf import settings
from django.db import connection

from tests.servers import die_with_parent, free_port

ROOT = Path(__file__).resolve().parent.parent


def environment(**extra: str) -> dict[str, str]:
    """Environment of a process on the test's own database, files and broker. Only for tests with real commits
    (`transactional_db`): other connections do not see what a wrapped test writes."""
    name = connection.settings_dict["NAME"]
    if connection.vendor == "postgresql":
        url = os.environ["DATABASE_URL"].rsplit("/", 1)[0] + f"/{name}"
    else:
        url = f"sqlite:///{name}"
    own = {
        "TEST_PROCESS": "1",
        "DJANGO_SETTINGS_MODULE": "tests.settings",
        "DATABASE_URL": url,
        "DATA_DIR": str(settings.DATA_DIR),
    }
    return {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1", **own, **extra}


def bytes_of(path: Path | str) -> bytes:
    """What is in a file that a database of this process may have open, read by another process: POSIX gives
    up all locks of a process on a file when it closes any handle of it, and SQLite would then lose what
    another process writes. b"" where it is gone by now."""
    read = subprocess.run(["cat", "--", str(path)], capture_output=True)
    if read.returncode and Path(path).exists():
        raise OSError(read.stderr.decode())
    return read.stdout


def until(condition, what: str, *, seconds: float = 20, every: float = 0.05):
    """The condition's first true value; fails with `what` when it does not come in time."""
    end = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        assert time.monotonic() < end, f"waited {seconds} s in vain: {what}"
        time.sleep(every)


def start(command: list[str], log: Path, sig: int, **env: str) -> subprocess.Popen:
    """The process in a group of its own, its output in `log`; it gets `sig` when the test run is killed."""
    with log.open("ab") as out:
        return subprocess.Popen(
            command,
            cwd=ROOT,
            env=environment(**env),
            stdout=out,
            stderr=out,
            start_new_session=True,
            preexec_fn=die_with_parent(sig),
        )


@contextlib.contextmanager
def worker(*, include: str = "", log: Path, **env: str):
    """A real Celery worker in a process group of its own. `include`: modules to import, with job kinds of the
    test. Kill it with `os.killpg(process.pid, signal.SIGKILL)`; what is left of it is ended when the block
    ends."""
    command = [sys.executable, "manage.py", "worker", *(["--include", include] if include else [])]
    with log.open("ab") as out:
        process = subprocess.Popen(
            command,
            cwd=ROOT,
            env=environment(**env),
            stdout=out,
            stderr=out,
            start_new_session=True,
            preexec_fn=die_with_parent(signal.SIGKILL),
        )
    try:
        yield process
    finally:
        end_group(process)


@contextlib.contextmanager
def web(*, log: Path, **env: str):
    """The real web server (granian) on a free port, as (process, base URL)."""
    port = free_port()
    command = [sys.executable, "manage.py", "web", "--host", "127.0.0.1", "--port", str(port)]
    with log.open("ab") as out:
        process = subprocess.Popen(
            command,
            cwd=ROOT,
            env=environment(**env),
            stdout=out,
            stderr=out,
            start_new_session=True,
            preexec_fn=die_with_parent(signal.SIGTERM),
        )
    url = f"http://127.0.0.1:{port}"
    try:
        until(
            lambda: process.poll() is not None or answers(url),
            f"the web server to answer; its log: {log}",
            seconds=30,
        )
        assert process.poll() is None, log.read_text()
        yield process, url
    finally:
        end_group(process)


def answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(f"{url}/login/", timeout=5):
            return True
    except urllib.error.HTTPError:
        return True
    except OSError:
        return False


def end_group(process: subprocess.Popen) -> None:
    """TERM, then KILL, for the process and all it started."""
    for sig, patience in ((signal.SIGTERM, 8), (signal.SIGKILL, 5)):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, sig)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(patience)
            break
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
