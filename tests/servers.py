"""Throw-away PostgreSQL and Redis: own ports, own data, gone with the process that started them.

`python -m tests.servers [PROGRAM …]` says what is missing on this machine (exit code 3), so that `make
test` can say so too. `python -m tests.servers --run COMMAND …` runs a command with DATABASE_URL and
REDIS_URL of such servers."""

import atexit
import contextlib
import ctypes
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

HOW = {
    "postgres": "PostgreSQL's server (apt-get install postgresql)",
    "redis-server": "Redis (apt-get install redis-server)",
    "chromium": "Chromium (apt-get install chromium fonts-wqy-microhei)",
}


def find(program: str) -> str | None:
    """Path of `postgres`, `initdb`, `redis-server` or `chromium` on this machine."""
    if program == "chromium":
        return next(
            filter(
                None,
                map(shutil.which, ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")),
            ),
            None,
        )
    found = shutil.which(program)
    if found is None and program in {"postgres", "initdb"}:
        versions = sorted(
            Path("/usr/lib/postgresql").glob(f"*/bin/{program}"),
            key=lambda p: float(p.parts[-3]),
            reverse=True,
        )
        found = str(versions[0]) if versions else None
    return found


def missing(*programs: str) -> list[str]:
    return [HOW[p] for p in programs or HOW if find(p) is None]


def free_port() -> int:
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def die_with_parent(sig: int):
    """What a child does first, so that a killed test run leaves no server behind. Ctrl-C means to it what it
    means at a terminal: a shell has its background jobs ignore it, and their children inherit that."""

    def prepare():
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        with contextlib.suppress(OSError, AttributeError):
            ctypes.CDLL(None).prctl(1, sig)

    return prepare


def _postgres_user() -> dict:
    """PostgreSQL refuses root: as root it runs as its own user, else as nobody."""
    if os.geteuid() != 0:
        return {}
    import pwd

    for name in ("postgres", "nobody"):
        with contextlib.suppress(KeyError):
            found = pwd.getpwnam(name)
            return {"user": found.pw_uid, "group": found.pw_gid, "extra_groups": []}
    raise RuntimeError("PostgreSQL refuses to run as root, and there is neither a user postgres nor nobody")


def _stop(process: subprocess.Popen, sig: int) -> None:
    if process.poll() is None:
        process.send_signal(sig)
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()


def _until_open(port: int, process: subprocess.Popen, log: Path) -> None:
    end = time.monotonic() + 30
    while time.monotonic() < end and process.poll() is None:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return
        time.sleep(0.05)
    raise RuntimeError(f"a server for the tests did not start:\n{log.read_text(errors='replace')[-2000:]}")


def start_postgres(home: Path) -> str:
    """A new cluster below `home`; its DATABASE_URL. Durability is off: it lives as long as the test run."""
    folder = home / "postgres"
    folder.mkdir()
    who = _postgres_user()
    if who:
        os.chown(folder, who["user"], who["group"])
    log = home / "postgres.log"
    # C.UTF-8 sorts by code point, as SQLite does; trust is fine for a socket that only this run knows
    command = [
        find("initdb"),
        "-D",
        str(folder / "data"),
        "-U",
        "touchstone",
        "-A",
        "trust",
        "-E",
        "UTF8",
        "--locale=C.UTF-8",
        "--no-sync",
    ]
    with log.open("ab") as out:
        subprocess.run(command, check=True, stdout=out, stderr=out, cwd="/", **who)
        port = free_port()
        options = {
            "port": port,
            "listen_addresses": "127.0.0.1",
            "unix_socket_directories": str(folder),
            "fsync": "off",
            "synchronous_commit": "off",
        }
        options |= {
            "full_page_writes": "off",
            "shared_buffers": "128MB",
            "max_connections": "200",
            "max_wal_size": "1GB",
            "autovacuum": "on",
        }
        command = [
            find("postgres"),
            "-D",
            str(folder / "data"),
            *(part for k, v in options.items() for part in ("-c", f"{k}={v}")),
        ]
        process = subprocess.Popen(
            command, stdout=out, stderr=out, cwd="/", preexec_fn=die_with_parent(signal.SIGQUIT), **who
        )
    atexit.register(_stop, process, signal.SIGINT)
    _until_open(port, process, log)
    return f"postgres://touchstone@127.0.0.1:{port}/postgres"


def start_redis(home: Path) -> str:
    """A Redis that keeps nothing; its REDIS_URL."""
    port, log = free_port(), home / "redis.log"
    command = [
        find("redis-server"),
        "--port",
        str(port),
        "--bind",
        "127.0.0.1",
        "--save",
        "",
        "--appendonly",
        "no",
        "--dir",
        str(home),
        "--daemonize",
        "no",
    ]
    with log.open("ab") as out:
        process = subprocess.Popen(
            command, stdout=out, stderr=out, preexec_fn=die_with_parent(signal.SIGKILL)
        )
    atexit.register(_stop, process, signal.SIGTERM)
    _until_open(port, process, log)
    return f"redis://127.0.0.1:{port}/0"


def start(home: Path) -> tuple[str, str]:
    """(DATABASE_URL, REDIS_URL) of servers that end with this process."""
    lacking = missing("postgres", "redis-server")
    if lacking:
        raise SystemExit(f"TEST_DATABASE=postgres needs {' and '.join(lacking)}")
    return start_postgres(home), start_redis(home)


def main(arguments: list[str]) -> int:
    if arguments[:1] == ["--run"]:
        import tempfile

        with tempfile.TemporaryDirectory(prefix="touchstone-servers-") as home:
            os.chmod(home, 0o711)
            database, redis = start(Path(home))
            return subprocess.run(
                arguments[1:], env={**os.environ, "DATABASE_URL": database, "REDIS_URL": redis}
            ).returncode
    lacking = missing(*arguments)
    for line in lacking:
        print(f"missing: {line}")
    return 3 if lacking else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
