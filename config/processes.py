"""Processes that belong together: a child ends when the process that started it is gone, even by kill -9."""

import contextlib
import ctypes
import os
import resource
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

from django.conf import settings

from config.connections import IDLE_THREAD_SECONDS
from config.sockets import own_sockets

OTHER_FILES = 1000  # of a web process: the database's, connections to models, downloads
PARENT = "TOUCHSTONE_PARENT"  # process number of `manage.py serve`, in the environment of all it starts


def web_command(host: str, port: int, workers: int) -> list[str]:
    """The web server's command line. `--backpressure` is how many connections a process has open at once,
    whether anything is asked on them or not; the requests that come on them queue up for its threads."""
    granian = str(Path(sys.executable).with_name("granian"))
    command = [
        granian,
        "--interface=wsgi",
        "--http=1",
        "--no-ws",
        f"--host={host}",
        f"--port={port}",
        f"--workers={workers}",
        "--log-level=error",
    ]
    command += [
        f"--blocking-threads={settings.WEB_THREADS + settings.BODY_WAITS}",
        f"--backpressure={most_connections()}",
        "--backlog=1024",
    ]
    command += [f"--blocking-threads-idle-timeout={IDLE_THREAD_SECONDS}"]
    return [
        *command,
        "--respawn-failed-workers",
        "--respawn-interval=0.5",
        "--workers-kill-timeout=5",
        "config.wsgi:application",
    ]


def most_connections() -> int:
    """How many connections a web process may have open: WEB_CONNECTIONS, or what its files leave."""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    return (
        settings.WEB_CONNECTIONS
        if hard == resource.RLIM_INFINITY
        else max(64, min(settings.WEB_CONNECTIONS, hard - OTHER_FILES))
    )


def allow_connections() -> None:
    """Called in a web process: each connection is an open file, of which a process is often allowed 1,024
    until it asks for more. A client that vanished without a word is found out by the kernel."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = most_connections() + OTHER_FILES
    if soft != resource.RLIM_INFINITY and soft < wanted:
        with contextlib.suppress(ValueError, OSError):
            resource.setrlimit(
                resource.RLIMIT_NOFILE,
                (wanted if hard == resource.RLIM_INFINITY else min(wanted, hard), hard),
            )
    for _fd, found in own_sockets():
        if found.type == socket.SOCK_STREAM and found.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN):
            # what it accepts is set as it is
            found.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
            for name, value in (("TCP_KEEPIDLE", 60), ("TCP_KEEPINTVL", 20), ("TCP_KEEPCNT", 3)):
                if hasattr(socket, name):
                    found.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)


def worker_command() -> list[str]:
    return [sys.executable, str(settings.BASE_DIR / "manage.py"), "worker"]


def practice_command(fd: int) -> list[str]:
    """The practice server on the listening socket `fd`. Without Django: it starts in a moment and stays
    small."""
    command = [
        sys.executable,
        "-m",
        "inference.practice",
        f"--fd={fd}",
        f"--pace={settings.PRACTICE_PACE}",
        f"--grades={settings.PRACTICE_GRADES}",
    ]
    return [*command, "--data", *map(str, settings.PRACTICE_DATA)]


def web_environment() -> dict[str, str]:
    """Every web thread has an SQLite connection of its own: each keeps a smaller page cache than the worker's
    few. DATA_DIR is named whole, since the server works in the program's folder."""
    return {
        "DATA_DIR": str(settings.DATA_DIR),
        "SQLITE_CACHE_KB": os.environ.get("SQLITE_CACHE_KB") or "8000",
    }


def start_child(
    command: list[str], extra: dict[str, str] | None = None, *, pass_fds: tuple[int, ...] = ()
) -> subprocess.Popen:
    """A child that will not outlive this process, in a group of its own: Ctrl-C comes to it only through us.
    It inherits `pass_fds`."""
    parent = os.getpid()

    def follow() -> None:
        _signal_at_parents_death(signal.SIGTERM)
        if os.getppid() != parent:  # it died between fork and here
            os._exit(0)

    env = {**os.environ, PARENT: str(parent), "DATA_DIR": str(settings.DATA_DIR), **(extra or {})}
    return subprocess.Popen(  # noqa: S603
        command, cwd=settings.BASE_DIR, env=env, start_new_session=True, preexec_fn=follow, pass_fds=pass_fds
    )


def _signal_at_parents_death(sig: int) -> None:
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(1, sig)  # PR_SET_PDEATHSIG, Linux


def follow_parent(sig: int) -> None:
    """Called in what `serve` started, directly or not (in any other process it does nothing): end when the
    parent, or `serve`, is gone."""
    expected = os.environ.get(PARENT, "")
    if expected.isdigit():
        follow(sig, int(expected))


def follow(sig: int, also: int | None = None, *, patience: float = 10.0) -> None:
    """The kernel sends `sig` when the parent dies. Where it does not tell (not Linux), or the signal is not
    heeded, a thread looks every second and ends this process: by TERM, the hard way after `patience`
    seconds. `also`: a further process without which this one ends."""
    parent = os.getppid()
    _signal_at_parents_death(sig)

    def watch() -> None:
        while os.getppid() == parent and (also is None or alive(also)):
            time.sleep(1)
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(patience)
        os._exit(1)

    threading.Thread(target=watch, name="parent-watch", daemon=True).start()


def at_term(call: Callable[[], None]) -> None:
    """`call()`, in a thread of its own, when this process is told to end: the web server has its own signal
    handlers, which stop it from taking requests and wait for those that are being answered. To be called
    in the main thread."""
    ours, told = socket.socketpair()
    told.setblocking(False)
    # gets the number of every signal, whoever handles it
    signal.set_wakeup_fd(told.fileno(), warn_on_full_buffer=False)

    def watch(keep=told) -> None:
        while numbers := ours.recv(64):
            if signal.SIGTERM in numbers or signal.SIGINT in numbers:
                call()

    threading.Thread(target=watch, name="term-watch", daemon=True).start()


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True


def end(child: subprocess.Popen, seconds: float) -> None:
    """TERM was sent: wait, then kill the child's whole group."""
    try:
        child.wait(max(0.1, seconds))
    except subprocess.TimeoutExpired:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(child.pid, signal.SIGKILL)
        child.wait(5)
