"""A process looks at its own sockets and at nothing else that it has open."""

import os
import socket
import sqlite3
from pathlib import Path

from config.sockets import own_sockets


def locks_of(*paths: Path) -> list[str]:
    """The kernel's locks on these files, in the order of their kind and place."""
    nodes = {str(path.stat().st_ino) for path in paths}
    rows = [line.split()[1:] for line in Path("/proc/locks").read_text().splitlines()]
    return sorted(" ".join(row) for row in rows if any(row[4].endswith(f":{node}") for node in nodes))


def test_sockets_are_found_and_files_keep_their_handles_and_locks(tmp_path):
    database = tmp_path / "x.sqlite3"
    connection = sqlite3.connect(database)
    connection.executescript("PRAGMA journal_mode=WAL; CREATE TABLE t (x); BEGIN; INSERT INTO t VALUES (1);")
    shared = Path(f"{database}-shm")
    with socket.create_server(("127.0.0.1", 0)) as server:
        open_before, locks = len(os.listdir("/proc/self/fd")), locks_of(database, shared)
        assert len(locks) > 1
        found = {fd: handle.getsockname() for fd, handle in own_sockets()}
        assert found[server.fileno()] == server.getsockname()
        assert len(os.listdir("/proc/self/fd")) == open_before
        assert locks_of(database, shared) == locks
    connection.close()
