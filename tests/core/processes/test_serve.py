"""`manage.py serve`, `demo` and `doctor` as a person meets them: real processes on their own DATA_DIR and
port."""

import contextlib
import gzip
import json
import os
import pwd
import re
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

import pytest

from tests.processes import ROOT, end_group, until
from tests.servers import die_with_parent, free_port

ROOMS = {"core", "corpus", "annotation", "feedback", "training"}


def environment(data_dir, **extra) -> dict[str, str]:
    kept = {k: v for k, v in os.environ.items() if k in {"PATH", "HOME", "LANG", "TMPDIR"}}
    return {**kept, "DATA_DIR": str(data_dir), "PYTHONUNBUFFERED": "1", **extra}


class Served:
    """A running `serve` or `demo`: its output, its address, its processes."""

    def __init__(self, data_dir, command="serve", **extra):
        self.port = int(extra.pop("PORT", free_port()))
        self.log = data_dir.parent / f"{command}-{time.monotonic_ns()}.log"
        self.url = f"http://127.0.0.1:{self.port}/"
        began = time.monotonic()
        with self.log.open("wb") as out:
            self.process = subprocess.Popen(
                [sys.executable, "manage.py", command],
                cwd=ROOT,
                env=environment(data_dir, PORT=str(self.port), **extra),
                stdout=out,
                stderr=out,
                start_new_session=True,
                preexec_fn=die_with_parent(signal.SIGTERM),
            )
        until(
            lambda: "is ready" in self.text() or self.process.poll() is not None,
            f"serve to be ready; {self.log}",
            seconds=60,
            every=0.02,
        )
        self.seconds = time.monotonic() - began
        assert self.process.poll() is None, self.text()

    def text(self) -> str:
        return self.log.read_text(errors="replace")

    def family(self) -> set[int]:
        """Process numbers of serve and of all below it."""
        found, todo = set(), [self.process.pid]
        while todo:
            pid = todo.pop()
            found.add(pid)
            out = subprocess.run(
                ["ps", "-o", "pid=", "--ppid", str(pid)], capture_output=True, text=True
            ).stdout
            todo += [int(p) for p in out.split()]
        return found

    def workers(self) -> set[int]:
        """Process numbers of workers below serve."""
        out = subprocess.run(
            ["ps", "-o", "pid=,args=", "--ppid", str(self.process.pid)], capture_output=True, text=True
        ).stdout
        return {int(line.split()[0]) for line in out.splitlines() if line.endswith("manage.py worker")}

    def get(self, path="login/", **headers):
        return urllib.request.urlopen(urllib.request.Request(self.url + path, headers=headers), timeout=10)


@pytest.fixture(scope="module")
def prepared(tmp_path_factory):
    """A DATA_DIR after a first start, to be copied: only the test of the first start needs to wait for
    one."""
    data_dir = tmp_path_factory.mktemp("prepared") / "data"
    code = (
        "import django; django.setup(); from config.management.commands.serve import Command; "
        "Command().prepare()"
    )
    env = environment(data_dir, DJANGO_SETTINGS_MODULE="config.settings")
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, env=env, check=True)
    return data_dir


@pytest.fixture
def serve(tmp_path, request):
    """Start servers; whatever is left of them is ended with the test."""
    started = []
    if "prepared" in request.fixturenames:
        shutil.copytree(request.getfixturevalue("prepared"), tmp_path / "data")

    def start(command="serve", **extra):
        started.append(Served(tmp_path / "data", command, **extra))
        return started[-1]

    yield start
    for served in started:
        end_group(served.process)


def alive(pids) -> set[int]:
    out = set()
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, 0)
            state = subprocess.run(
                ["ps", "-o", "stat=", "-p", str(pid)], capture_output=True, text=True
            ).stdout.strip()
            if state and not state.startswith("Z"):
                out.add(pid)
    return out


def test_from_nothing_to_a_served_page_and_again_soon(serve):
    first = serve()
    text = first.get().read().decode()
    assert "<form" in text
    family = first.family()
    assert len(family) >= 4  # serve, web server and its process, worker
    first.process.send_signal(signal.SIGINT)
    assert first.process.wait(40) == 0
    assert not alive(family)
    assert "Traceback" not in first.text()
    second = serve()
    # The promise is three seconds on an idle machine (benchmarks/bench_start.py); this only guards against
    # preparing everything again.
    assert second.seconds < 15, f"{second.seconds:.1f} s"
    second.process.terminate()
    assert second.process.wait(40) == 0


def test_kill_9_leaves_no_process_and_the_port_free(prepared, serve):
    served = serve()
    until(lambda: len(served.family()) >= 4, "the worker")
    family = served.family()
    os.kill(served.process.pid, signal.SIGKILL)
    served.process.wait()
    until(lambda: not alive(family), "all processes to end", seconds=40)
    again = serve(PORT=str(served.port))
    assert again.get().status == 200


def test_a_worker_or_web_process_that_is_killed_comes_back(prepared, serve):
    served = serve()
    until(lambda: len(served.family()) >= 4, "the worker")
    before = served.family()
    for pid in before - {served.process.pid}:
        os.kill(pid, signal.SIGKILL)
    until(lambda: len(served.family() - before) >= 3, "new processes", seconds=40)

    def reachable():
        with contextlib.suppress(OSError):
            return served.get().status == 200

    until(reachable, "the page", seconds=40)


def test_a_worker_that_does_not_stay_up_takes_nobody_with_it_and_is_started_ever_later(prepared, serve):
    served = serve()
    for n in range(5):
        known = f"{n} ends"
        worker = until(lambda: next(iter(served.workers()), None), f"a worker after {known}", seconds=60)
        os.kill(worker, signal.SIGKILL)
        until(lambda w=worker: not alive({w}), "its end")
        assert served.process.poll() is None and served.get().status == 200
    until(
        lambda: served.text().count("The worker process ended (signal SIGKILL)") == 5,
        "five ends to be told",
        seconds=30,
    )
    assert [int(n) for n in re.findall(r"starting it again in (\d+) s", served.text())] == [1, 2, 4, 8]
    until(lambda: served.workers(), "the sixth worker", seconds=60)
    assert served.process.poll() is None and served.get().status == 200


def test_the_web_server_alone_starts_in_any_folder(prepared, tmp_path):
    shutil.copytree(prepared, tmp_path / "data")
    port = free_port()
    process = subprocess.Popen(
        [sys.executable, str(ROOT / "manage.py"), "web", "--port", str(port)],
        cwd=tmp_path,
        env=environment("data"),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
        preexec_fn=die_with_parent(signal.SIGTERM),
    )

    def answers():
        with contextlib.suppress(OSError):
            return urllib.request.urlopen(f"http://127.0.0.1:{port}/login/", timeout=5).status == 200

    try:
        until(answers, "the login page", seconds=30)
    finally:
        end_group(process)


def test_a_taken_port_is_a_plain_error(tmp_path):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        done = subprocess.run(
            [sys.executable, "manage.py", "serve"],
            cwd=ROOT,
            env=environment(tmp_path / "d", PORT=port),
            capture_output=True,
            text=True,
        )
    assert done.returncode == 1 and "Traceback" not in done.stderr
    assert port in done.stderr and "PORT=" in done.stderr


def test_a_second_serve_on_the_same_data_is_refused_by_name(prepared, serve, tmp_path):
    first = serve()
    port = str(free_port())
    done = subprocess.run(
        [sys.executable, "manage.py", "serve"],
        cwd=ROOT,
        env=environment(tmp_path / "data", PORT=port),
        capture_output=True,
        text=True,
    )
    assert done.returncode == 1 and "Traceback" not in done.stderr
    assert str(first.process.pid) in done.stderr and str(first.port) in done.stderr


def test_a_second_serve_is_refused_by_name_at_the_same_port_too(prepared, serve, tmp_path):
    first = serve()
    done = subprocess.run(
        [sys.executable, "manage.py", "serve"],
        cwd=ROOT,
        env=environment(tmp_path / "data", PORT=str(first.port)),
        capture_output=True,
        text=True,
    )
    assert done.returncode == 1 and str(first.process.pid) in done.stderr


def test_behind_a_proxy_it_names_the_address_of_the_proxy_and_logs_nothing(prepared, serve):
    """With the settings of deploy/touchstone.env."""
    lines = (ROOT / "deploy" / "touchstone.env").read_text().splitlines()
    shipped = dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))
    shipped.pop("DATA_DIR")
    served = serve(**shipped)
    assert "https://label.example.org/ " in served.text()
    assert "Traceback" not in served.text() and "ERROR" not in served.text()
    until(lambda: f"127.0.0.1 port {served.port}" in served.text(), "where the proxy leads to", seconds=5)


def test_off_loopback_without_tls_it_warns(prepared, serve):
    served = serve(HOST="0.0.0.0")
    assert "TLS" in served.text() and re.search(rf"http://[\d.]+:{served.port}/", served.text())
    end_group(served.process)
    assert "TLS" not in serve().text()


def test_pages_and_static_files_are_compressed_and_static_files_are_kept_for_ever(prepared, serve):
    served = serve()
    with served.get(**{"Accept-Encoding": "gzip"}) as page:
        assert page.headers["Content-Encoding"] == "gzip"
        text = gzip.decompress(page.read()).decode()
    sheet = re.search(r'href="/(static/[0-9a-f]{12}/core/touchstone\.css)"', text)[1]
    with served.get(sheet, **{"Accept-Encoding": "gzip"}) as css:
        assert css.headers["Content-Encoding"] == "gzip" and "immutable" in css.headers["Cache-Control"]
        assert (
            gzip.decompress(css.read()) == (ROOT / "core" / "static" / "core" / "touchstone.css").read_bytes()
        )


def doctor(data_dir, *arguments, **extra) -> subprocess.CompletedProcess:
    command = [sys.executable, "manage.py", "doctor", *arguments]
    return subprocess.run(
        command, cwd=ROOT, env=environment(data_dir, **extra), capture_output=True, text=True
    )


def findings(data_dir, **extra) -> set[tuple[str, str]]:
    done = doctor(data_dir, "--json", **extra)
    told = json.loads(done.stdout)
    assert done.returncode == (1 if told["errors"] else 0)
    return {(f["check"], f["level"]) for f in told["findings"]}


def test_doctor_names_what_is_missing(tmp_path):
    empty = findings(tmp_path / "empty")
    assert {("migrations", "error"), ("worker", "warning"), ("data", "ok"), ("database", "ok")} <= empty
    assert not {("models", "error"), ("models", "ok")} & empty, "what reads tables waits for them"
    broken = findings(
        tmp_path / "empty",
        HOST="0.0.0.0",
        REDIS_URL="redis://:secret@127.0.0.1:1/0",
        DATABASE_URL="postgres://x:secret@127.0.0.1:1/x",
    )
    assert {("redis", "error"), ("database", "error"), ("address", "warning")} <= broken
    shown = doctor(tmp_path / "empty", REDIS_URL="redis://:hush-hush@127.0.0.1:1/0")
    assert "hush-hush" not in shown.stdout + shown.stderr and "✗ redis" in shown.stdout


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
def test_doctor_tells_root_whose_the_data_is_and_the_owner_what_root_left(settings):
    """As after `manage.py migrate` typed as root in the DATA_DIR of the service's account."""
    from config import health

    service = 65534
    with tempfile.TemporaryDirectory() as home:  # which the other account may enter, unlike the run's own
        os.chmod(home, 0o755)
        folder = settings.DATA_DIR = Path(home) / "data"
        folder.mkdir(mode=0o750)
        _left_by_root(folder, service, health)


def _left_by_root(folder, service, health):
    assert [level for level, _words in health.data_dir()] == ["ok"]
    os.chown(folder, service, service)
    (folder / "touchstone.sqlite3").touch(mode=0o644)
    (_fine, (level, words)) = health.data_dir()
    assert level == "warning" and pwd.getpwuid(service).pw_name in words
    os.seteuid(service)
    try:
        found = list(health.data_dir())
    finally:
        os.seteuid(0)
    assert [level for level, _words in found] == ["ok", "error"]
    assert "touchstone.sqlite3" in found[1][1] and "chown" in found[1][1]


def test_doctor_finds_a_served_house_in_order(prepared, serve, tmp_path):
    served = serve()
    until(
        lambda: ("worker", "ok") in findings(tmp_path / "data", PORT=str(served.port)),
        "the worker to be seen",
        seconds=30,
        every=0.5,
    )
    assert not [f for f in findings(tmp_path / "data", PORT=str(served.port)) if f[1] == "error"]
    # told no port, it asks the server that holds DATA_DIR where that is
    told = doctor(tmp_path / "data").stdout
    assert f":{served.port}/" in told and f"process {served.process.pid}" in told
    assert "Nothing listens" not in told
    end_group(served.process)
    assert "Touchstone is running" not in doctor(tmp_path / "data").stdout


def passwords_of(data_dir) -> dict:
    return json.loads((data_dir / "demo_accounts.json").read_text())


def test_demo_prints_one_address_and_accounts_that_work_and_is_made_once(prepared, serve, tmp_path):
    first = serve("demo")
    text = first.text()
    until(lambda: "manager" in first.text(), "the accounts")
    assert len(re.findall(r"http://", text)) == 1
    for name in ("expert", "expert2", "reviewer", "manager", "user"):
        assert re.search(rf"^\s+{name}\s+demo-{name}\b", first.text(), re.M)
    assert signs_in(first, "expert", "demo-expert")
    rows = counts(tmp_path / "data")
    assert rows["annotation_item"] >= 52 and rows["core_user"] == 9
    assert rows["annotation_annotation"] >= 100 and rows["feedback_conversation"] == 200
    assert rows["annotation_promotion"] == 20 and rows["training_export_snapshot"] == 2
    practice = practice_address(tmp_path / "data")
    os.kill(until(lambda: practice_process(first), "the practice server"), signal.SIGKILL)
    until(
        lambda: "practice-good" in practice_says(practice),
        "the practice server to be started again, at its port",
    )
    assert first.process.poll() is None
    end_group(first.process)
    assert practice_says(practice) == ""
    second = serve("demo")
    until(
        lambda: "practice-good" in practice_says(practice_address(tmp_path / "data")),
        "the practice models to be led to where it answers now",
    )
    assert counts(tmp_path / "data") == rows
    end_group(second.process)
    # bound elsewhere, the well-known passwords are replaced by random ones
    third = serve("demo", HOST="0.0.0.0")
    passwords = passwords_of(tmp_path / "data")
    assert passwords["expert"] != "demo-expert" and passwords["expert"] in until(
        lambda: third.text() if "manager" in third.text() else "", "accounts"
    )
    assert signs_in(third, "expert", passwords["expert"]) and not signs_in(third, "expert", "demo-expert")


def practice_address(data_dir) -> str:
    with contextlib.closing(sqlite3.connect(data_dir / "touchstone.sqlite3")) as db:
        (address,) = db.execute("SELECT DISTINCT base_url FROM inference_endpoint WHERE practice").fetchall()
        return address[0]


def practice_says(address: str) -> str:
    try:
        return urllib.request.urlopen(f"{address}/models", timeout=5).read().decode()
    except OSError:
        return ""


def practice_process(served) -> int | None:
    def command(pid: int) -> str:
        return subprocess.run(["ps", "-o", "args=", "-p", str(pid)], capture_output=True, text=True).stdout

    return next((pid for pid in served.family() if "inference.practice" in command(pid)), None)


def counts(data_dir) -> dict[str, int]:
    with contextlib.closing(sqlite3.connect(data_dir / "touchstone.sqlite3")) as db:
        tables = [
            name
            for (name,) in db.execute("SELECT name FROM sqlite_master WHERE type='table'")
            if name.split("_")[0] in ROOMS
        ]
        return {name: db.execute(f'SELECT count(*) FROM "{name}"').fetchone()[0] for name in tables}


def signs_in(served, name: str, password: str) -> bool:
    """Through the real form, with its CSRF token."""
    import http.cookiejar
    import urllib.parse

    opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(http.cookiejar.CookieJar()))
    token = re.search(
        r'name="csrfmiddlewaretoken" value="(\w+)"', opener.open(served.url + "login/").read().decode()
    )[1]
    data = urllib.parse.urlencode(
        {"csrfmiddlewaretoken": token, "username": name, "password": password}
    ).encode()
    try:
        return "/login/" not in opener.open(served.url + "login/", data).url
    except urllib.error.HTTPError:
        return False
