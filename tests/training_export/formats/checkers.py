"""Checking processes, as /proc knows them."""

from pathlib import Path


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def checkers_of(parent: int) -> list[int]:
    """The checking processes that `parent` has started."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            mine = int((folder / "stat").read_text().rpartition(")")[2].split()[1]) == parent
            if mine and "checker_process" in (folder / "cmdline").read_text():
                found.append(int(folder.name))
        except OSError:
            continue
    return found
