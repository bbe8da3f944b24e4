"""Processes that belong together: a child ends when the process that started it is gone, even by kill -9."""

import contextlib
import ctypes
import os
import signal
import subprocess
import sys
import threading
import time

PARENT = "TOUCHSTONE_PARENT"  # process number of `manage.py serve`, in the environment of all it starts


def start_child(arguments: list[str], **env: str) -> subprocess.Popen:
    """`manage.py ARGUMENTS` as a child that will not outlive this process. A group of its own: Ctrl-C comes to it only through us."""
    return subprocess.Popen(  # noqa: S603
        [sys.executable, "-X", "utf8", sys.argv[0] if sys.argv[0].endswith("manage.py") else "manage.py", *arguments],
        env={**os.environ, PARENT: str(os.getpid()), **env},
        start_new_session=True,
    )


def follow_parent(sig: int = signal.SIGTERM) -> None:
    """Called by a child at its start: the kernel sends it `sig` when its parent dies (Linux). Ends at once if the parent is gone already."""
    expected = os.environ.get(PARENT)
    if not expected:
        return
    parent = os.getppid()
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(1, sig)  # PR_SET_PDEATHSIG
    if os.getppid() != parent or not _alive(int(expected)):
        sys.exit(0)


def watch_parent(patience: float = 10.0) -> None:
    """Where the kernel does not tell (not Linux), or the child does not heed the signal: a thread that looks every second and, once the
    parent or `manage.py serve` is gone, ends this process: by TERM, and the hard way after `patience` seconds."""
    expected = os.environ.get(PARENT)
    if not expected:
        return
    parent = os.getppid()

    def watch() -> None:
        while os.getppid() == parent and _alive(int(expected)):
            time.sleep(1)
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(patience)
        os._exit(1)

    threading.Thread(target=watch, name="parent-watch", daemon=True).start()


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True
