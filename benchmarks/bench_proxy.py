"""What the proxy costs: time to the first token against the direct call, alone and with many streams, and
what the streams cost the experts.

    python benchmarks/bench_proxy.py [--streams 100] [--tokens 400] [--rate 20] [--calls 60]

The web server is started as it is shipped; the model is a tiny server in a process of its own, the
streams' clients are another. Uses DATABASE_URL if set (the database must be empty), else a SQLite file of
its own. Prints: time to the first token, direct and through the proxy, one stream at a time in turns
(median of the differences) and with all streams at once (median, p95); the gap between tokens; the median
and p95 of the bench's "next" with no stream and under all of them; database connections in use at worst;
the exchanges logged. Exit status 1 if the median of the added time is over 15 ms, if "next" takes over
twice its idle median under the streams, if any exchange is missing in the log, or if anything failed."""

import argparse
import asyncio
import http.client
import json
import os
import random
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

from bench_queue import cpu_of

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))
MOST_ADDED_MS, MOST_SLOWER = 15.0, 2.0
WORDS = ["血压", " blood", " pressure", "，", " should", " be", "每日", " measured", "。"]


def free_port() -> int:
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


# the model: a process of its own


async def model(port: int, tokens: int, rate: float) -> None:
    """Answers every POST with a stream of `tokens` chunks, the first at once, then `rate` a second; a body
    with "tokens" says how many."""
    count = 0

    async def answer(reader, writer):
        nonlocal count
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                length = next(
                    int(line.split(b":")[1])
                    for line in head.lower().split(b"\r\n")
                    if line.startswith(b"content-length:")
                )
                body = json.loads(await reader.readexactly(length))
                count += 1
                key, wanted = f"chatcmpl-{count}", body.get("seed") or tokens
                writer.write(
                    b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: "
                    b"chunked\r\n\r\n"
                )
                began = time.monotonic()
                for i in range(wanted):
                    if i and rate:
                        await asyncio.sleep(max(0.0, began + i / rate - time.monotonic()))
                    choice = {
                        "index": 0,
                        "delta": {"content": WORDS[i % len(WORDS)]},
                        "finish_reason": "stop" if i == wanted - 1 else None,
                    }
                    chunk = {
                        "id": key,
                        "object": "chat.completion.chunk",
                        "created": 1,
                        "model": "m",
                        "choices": [choice],
                    }
                    data = f"data: {json.dumps(chunk)}\n\n".encode() + (
                        b"data: [DONE]\n\n" if i == wanted - 1 else b""
                    )
                    writer.write(b"%x\r\n%s\r\n" % (len(data), data))
                    await writer.drain()
                writer.write(b"0\r\n\r\n")
        except (OSError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", port, backlog=1024)
    async with server:
        await server.serve_forever()


# the clients of the streams: another


async def stream(url: str, key: str, tokens: int, name: str) -> tuple[int, float, list[float], bool]:
    """(status, seconds to the first token, seconds between tokens, whether the last one came) of one stream,
    on a connection of its own."""
    host, port = url.removeprefix("http://").split("/")[0].split(":")
    path = "/" + url.removeprefix("http://").split("/", 1)[1] + "/chat/completions"
    asked = {
        "model": "m",
        "messages": [{"role": "user", "content": f"{name}: how often?"}],
        "stream": True,
        "seed": tokens,
    }
    body = json.dumps(asked).encode()
    reader, writer = await asyncio.open_connection(host, int(port))
    head = (
        f"POST {path} HTTP/1.1\r\nHost: {host}:{port}\r\nAuthorization: Bearer {key}\r\nContent-Type: "
        f"application/json\r\nContent-Length: {len(body)}\r\n"
    )
    began = time.perf_counter()
    writer.write(head.encode() + b"\r\n" + body)
    first, gaps, last, whole, status = 0.0, [], 0.0, False, 0
    status = int((await reader.readline()).split()[1])
    while (line := await reader.readline()) and line != b"0\r\n":
        if line.startswith(b"data: {") and b'"delta"' in line:
            now = time.perf_counter()
            if first:
                gaps.append(now - last)
            else:
                first = now - began
            last = now
        whole |= line.startswith(b"data: [DONE]")
    writer.close()
    return status, first, gaps, whole


async def clients(url: str, key: str, streams: int, tokens: int) -> None:
    """All streams at once, begun within a second; prints {"first", "gaps", "bad"} as JSON."""

    async def one(i):
        await asyncio.sleep(i / streams)
        try:
            return await stream(url, key, tokens, f"s{i}-{random.random()}")
        except (OSError, IndexError) as exc:
            return 0, 0.0, [], repr(exc)

    done = await asyncio.gather(*(one(i) for i in range(streams)))
    bad = [(status, whole) for status, _first, _gaps, whole in done if status != 200 or whole is not True]
    print(
        json.dumps(
            {"first": [d[1] for d in done if d[1]], "gaps": [g for d in done for g in d[2]], "bad": bad}
        )
    )


# the bench


def prepare(model_url: str, items: int) -> tuple[str, str]:
    """A project with ranking items, and an endpoint; (an annotator's key, the proxy's key)."""
    import django

    django.setup()
    from django.core.management import call_command

    call_command("migrate", verbosity=0)
    from core.api.auth import new_key
    from core.models import Member, Project, User
    from corpus.models import ModelVersion
    from inference.models import Endpoint
    from tests.cast import make_item, make_project

    project: Project = make_project("bench", overlap=1)
    for i in range(items):
        make_item(project, answers=[f"回答 {i}.{j} " + "高血压患者应当每日监测血压" * 40 for j in range(3)])
    keys = []
    for role, scope in (("annotator", "all"), ("manager", "proxy")):
        user = User.objects.create(username=role)
        Member.objects.create(project=project, user=user, role=role)
        keys.append(new_key(user=user, project=project, role=role, scope=scope)[1])
    version = ModelVersion.objects.create(project=project, name="bench model")
    Endpoint.objects.create(
        project=project,
        name="m",
        base_url=model_url,
        address="127.0.0.1",
        model_name="m",
        model_version=version,
    )
    return keys[0], keys[1]


def call(connection, path, key, body=None):
    """(status, answer, seconds) of one JSON request on a kept-alive connection."""
    began = time.perf_counter()
    connection.request(
        "POST",
        path,
        body=json.dumps(body or {}),
        headers={"Authorization": f"Bearer {key}", "Content-Type": "application/json"},
    )
    answer = connection.getresponse()
    raw = answer.read()
    return answer.status, json.loads(raw) if raw else None, time.perf_counter() - began


def label(port: int, key: str, until, errors: list) -> tuple[list[float], list[float]]:
    """One expert: next, submit, every fifth of a second, until the time is up; the seconds each took."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    nexts, submits = [], []
    while not until():
        status, got, took = call(connection, "/api/v1/projects/bench/next/", key)
        if status != 200:
            errors.append(("next", status, got))
            break
        nexts.append(took)
        body = {
            "document": {"ranking": [[a["letter"]] for a in got["item"]["answers"]], "acceptable": 1},
            "client_key": str(random.random()),
        }
        status, got, took = call(
            connection, f"/api/v1/assignments/{got['assignment']['id']}/submit/", key, body
        )
        if status != 200:
            errors.append(("submit", status, got))
        submits.append(took)
        time.sleep(0.2)
    return nexts, submits


def quietly(port: int, key: str, seconds: float, errors: list) -> tuple[list[float], list[float]]:
    """What `label` says without any stream."""
    end = time.time() + seconds
    return label(port, key, lambda: time.time() > end, errors)


def said(values: list[float]) -> str:
    return (
        f"median {statistics.median(values) * 1000:6.1f} ms   p95 "
        f"{statistics.quantiles(values, n=20)[18] * 1000:6.1f} ms   ({len(values)})"
    )


def run_clients(url, key, streams, tokens) -> subprocess.Popen:
    command = [
        sys.executable,
        __file__,
        "--as-clients",
        url,
        "--key",
        key,
        "--streams",
        str(streams),
        "--tokens",
        str(tokens),
    ]
    out = tempfile.TemporaryFile("w+")  # noqa: SIM115
    process = subprocess.Popen(command, stdout=out)
    process.out = out
    return process


def told(process: subprocess.Popen) -> dict:
    """What the clients say once they are done."""
    process.wait()
    process.out.seek(0)
    return json.load(process.out)


def connections_in_use() -> int:
    from django.db import connection

    if connection.vendor != "postgresql":
        return 0
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> "
            "pg_backend_pid()"
        )
        return cursor.fetchone()[0]


def bench(asked, port: int, pid: int, model_url: str, expert: str, key: str) -> int:
    proxy_url, errors, failed = f"http://127.0.0.1:{port}/v1", [], []
    for url in (model_url, proxy_url):  # both warm
        for _i in range(5):
            asyncio.run(stream(url, key, 2, "warm"))
    pairs = []
    for i in range(asked.calls):
        order = [model_url, proxy_url] if i % 2 else [proxy_url, model_url]
        took = {url: asyncio.run(stream(url, key, 2, f"alone {i}")) for url in order}
        errors += [("alone", got[0]) for got in took.values() if got[0] != 200 or not got[3]]
        pairs.append((took[model_url][1], took[proxy_url][1]))
    added = statistics.median(b - a for a, b in pairs) * 1000
    print(f"first token, one stream:   direct {said([a for a, _b in pairs])}")
    print(f"                           proxy  {said([b for _a, b in pairs])}")
    print(
        f"                           added  {added:.1f} ms (median of {asked.calls} pairs; at most "
        f"{MOST_ADDED_MS:.0f})"
    )
    if added > MOST_ADDED_MS:
        failed.append("the added time is too long")

    idle, idle_submit = quietly(port, expert, asked.seconds / 2, errors)
    direct = run_clients(model_url, key, asked.streams, asked.tokens)
    straight = told(direct)
    most, over = [0], threading.Event()

    def watch():
        while not over.wait(0.3):
            most.append(connections_in_use())
        from django.db import connection

        connection.close()

    watcher = threading.Thread(target=watch)
    watcher.start()
    cpu, began = cpu_of(pid), time.time()
    through = run_clients(proxy_url, key, asked.streams, asked.tokens)
    time.sleep(1.5)  # all have begun
    busy, busy_submit = label(port, expert, lambda: through.poll() is not None, errors)
    passed = told(through)
    cpu, took = cpu_of(pid) - cpu, time.time() - began
    over.set()
    watcher.join()
    for before, after in zip(
        (idle, idle_submit), quietly(port, expert, asked.seconds / 2, errors), strict=True
    ):
        before += after  # before and after: the machine may have other things to do
    for name, got in (("direct", straight), ("proxy", passed)):
        print(f"first token, {asked.streams} streams:  {name:6} {said(got['first'])}")
        print(f"between two tokens:        {name:6} {said(got['gaps'])}")
        errors += [(name, *bad) for bad in got["bad"]]
    slower = statistics.median(busy) / statistics.median(idle)
    print(f"“next”, no stream:         {said(idle)}")
    print(f"“next”, {asked.streams} streams:      {said(busy)}   {slower:.2f} × (at most {MOST_SLOWER:.0f})")
    print(f"submit, no stream:         {said(idle_submit)}")
    print(f"submit, {asked.streams} streams:      {said(busy_submit)}")
    print(
        f"server CPU meanwhile: {cpu / took:.2f} of a core, experts included; "
        f"{cpu / asked.streams / asked.tokens * 1000:.2f} ms a token at most"
    )
    if slower > MOST_SLOWER:
        failed.append("the experts wait too long")
    if max(most):
        print(
            f"database connections in use at worst: {max(most)} (the pool: "
            f"{os.environ.get('DATABASE_POOL', 16)})"
        )
    from feedback.models import Lost, Message

    wanted, end = 5 + asked.calls + asked.streams, time.time() + 20
    while Message.objects.filter(role="assistant", state="complete").count() < wanted and time.time() < end:
        time.sleep(0.2)
    logged = Message.objects.filter(role="assistant", state="complete").count()
    print(
        f"exchanges logged: {logged} of {wanted}; lost {Lost.objects.count()}; errors {len(errors)} "
        f"{errors[:3] or ''}"
    )
    if logged != wanted or errors:
        failed.append("something failed")
    for line in failed:
        print(f"FAILED: {line}")
    return int(bool(failed))


def until_open(port: int, process: subprocess.Popen) -> None:
    for _i in range(300):
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return
        except OSError:
            if process.poll() is not None:
                raise SystemExit("a server did not start") from None
            time.sleep(0.1)


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    for name, default in (("streams", 100), ("tokens", 400), ("calls", 60), ("seconds", 20), ("items", 800)):
        parser.add_argument(f"--{name}", type=int, default=default)
    parser.add_argument("--rate", type=float, default=20, help="tokens a second of each stream")
    for name in ("as-model", "as-clients", "key"):
        parser.add_argument(f"--{name}", help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.as_model:
        asyncio.run(model(int(asked.as_model), asked.tokens, asked.rate))
    if asked.as_clients:
        asyncio.run(clients(asked.as_clients, asked.key, asked.streams, asked.tokens))
        return 0
    with tempfile.TemporaryDirectory(prefix="touchstone-bench-") as home:
        ports = free_port(), free_port()
        model_url = f"http://127.0.0.1:{ports[0]}/v1"
        os.environ.update(
            DATA_DIR=home,
            DJANGO_SETTINGS_MODULE="config.settings",
            SECRET_KEY="bench" * 10,
            LOG_LEVEL="ERROR",
            PROXY_PER_MINUTE="100000",
        )
        os.environ["ENDPOINT_HOSTS"] = f"127.0.0.1:{ports[0]}"
        expert, key = prepare(model_url, asked.items)
        started = []
        try:
            for port, command in (
                (
                    ports[0],
                    [
                        __file__,
                        "--as-model",
                        str(ports[0]),
                        "--tokens",
                        str(asked.tokens),
                        "--rate",
                        str(asked.rate),
                    ],
                ),
                (ports[1], ["manage.py", "web", "--port", str(ports[1])]),
            ):
                started.append(subprocess.Popen([sys.executable, *command], cwd=ROOT))
                until_open(port, started[-1])
            return bench(asked, ports[1], started[1].pid, model_url, expert, key)
        finally:
            for process in started:
                process.terminate()
            for process in started:
                process.wait(20)


if __name__ == "__main__":
    sys.exit(main())
