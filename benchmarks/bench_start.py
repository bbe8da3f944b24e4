"""How long until the first page, and how much memory: `serve` on an empty DATA_DIR, and once more on the
same.

python benchmarks/bench_start.py"""

import os
import re
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from tests.servers import free_port  # noqa: E402


def rss_mb(pid: int) -> float:
    return int(re.search(r"VmRSS:\s+(\d+)", Path(f"/proc/{pid}/status").read_text())[1]) / 1024


def children(pid: int) -> list[int]:
    return [
        int(p)
        for p in subprocess.run(
            ["ps", "-o", "pid=", "--ppid", str(pid)], capture_output=True, text=True
        ).stdout.split()
    ]


def measure(data_dir: str) -> dict[str, float]:
    """Seconds to the first answer and to a stop; MB of each process, two seconds after a first page."""
    port = str(free_port())
    env = {**os.environ, "DATA_DIR": data_dir, "PORT": port, "HOST": "127.0.0.1"}
    began = time.monotonic()
    serve = subprocess.Popen(
        [sys.executable, "manage.py", "serve"], cwd=ROOT, env=env, stdout=subprocess.DEVNULL
    )
    while True:
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{port}/login/", timeout=5).read()
            break
        except OSError:
            if serve.poll() is not None:
                raise SystemExit("serve ended") from None
            time.sleep(0.02)
    out = {"first page s": time.monotonic() - began}
    time.sleep(4)
    out["serve MB"] = rss_mb(serve.pid)
    for child in children(serve.pid):
        line = Path(f"/proc/{child}/cmdline").read_bytes()
        if b"granian" in line:
            out["web server MB"] = rss_mb(child)
            out["web process MB"] = sum(map(rss_mb, children(child)))
        else:
            out["worker MB"] = rss_mb(child)
    asked = time.monotonic()
    serve.send_signal(signal.SIGTERM)
    serve.wait(20)
    out["stop s"] = time.monotonic() - asked
    return out


def main() -> None:
    with tempfile.TemporaryDirectory() as home:
        for name in ("first start", "second start"):
            figures = measure(os.path.join(home, "data"))
            print(
                f"{name:<13}", "  ".join(f"{key} {value:.1f}" for key, value in figures.items()), flush=True
            )


if __name__ == "__main__":
    main()
