"""The sockets that this process has open, found by the kernel's list of its files."""

import contextlib
import os
import socket
import stat
from collections.abc import Iterator


def own_sockets() -> Iterator[tuple[int, socket.socket]]:
    """(file number, another handle of the same socket, which ends with the step of the loop); none where the
    kernel is not Linux's.

    Nothing but sockets is taken a handle of: when a process closes any handle of a file, POSIX gives up all
    its locks on it, and SQLite would take its database for nobody's."""
    for name in os.listdir("/proc/self/fd") if os.path.isdir("/proc/self/fd") else []:
        with contextlib.suppress(OSError):
            if stat.S_ISSOCK(os.fstat(int(name)).st_mode):
                with socket.socket(fileno=os.dup(int(name))) as found:
                    yield int(name), found
