"""Eight annotators at once over HTTP: claim and submit (and with --drafts a draft between), for a minute, on
10,000 items.

    python benchmarks/bench_queue.py [--seconds 60] [--people 8] [--items 10000] [--overlap 2] [--drafts]

The web server is started as it is shipped (WEB_WORKERS, WEB_THREADS). Uses DATABASE_URL if set (the
database must be empty), else a SQLite file of its own. Prints annotations per second, the median, the p95
and the slowest of "next" and "submit", the server's CPU per annotation, the same against a floor measured
in the same run (an authenticated request that looks for a row that is not there), and whether any item
ever had more places taken than its overlap. Exit status 1 if one had, or if any request failed."""

import argparse
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

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))


def prepare(items: int, overlap: int, people: int) -> list[str]:
    """A project with `items` ranking items of three 600-character answers and one key per person; the
    keys."""
    import django

    django.setup()
    from django.core.management import call_command

    call_command("migrate", verbosity=0)
    from annotation.models import BenchSettings, Item, ItemAnswer
    from core.api.auth import new_key
    from core.models import Member, Project, User
    from corpus import canonical
    from corpus.models import Prompt, Response

    project = Project.objects.create(slug="bench", title="Bench")
    BenchSettings.objects.create(project=project, kind="ranking", overlap=overlap)
    key = project.hash_key
    words = "高血压患者应当每日监测血压并记录结果遵医嘱服药不可自行停药"
    prompts, responses = [], []
    for i in range(items):
        messages = [{"role": "user", "content": f"问题 {i}：" + words * 3}]
        prompts.append(
            Prompt(
                project=project,
                messages=messages,
                content_hash=canonical.prompt_hash(key=key, messages=messages),
            )
        )
    prompts = Prompt.objects.bulk_create(prompts, batch_size=500)
    for prompt in prompts:
        for j in range(3):
            text = (f"回答 {prompt.pk}.{j} " + words * 22)[:600]
            digest = canonical.text_hash(key=key, text=text)
            responses.append(
                Response(prompt=prompt, text=text, origin="model", text_hash=digest, identity_hash=digest)
            )
    responses = Response.objects.bulk_create(responses, batch_size=500)
    rows = [
        Item(project=project, prompt=p, kind="ranking", position=i, overlap=overlap, slot_count=3)
        for i, p in enumerate(prompts)
    ]
    rows = Item.objects.bulk_create(rows, batch_size=500)
    ItemAnswer.objects.bulk_create(
        [ItemAnswer(item=rows[i // 3], response=r, slot=i % 3) for i, r in enumerate(responses)],
        batch_size=900,
    )
    keys = []
    for n in range(people):
        user = User.objects.create(username=f"expert{n}")
        Member.objects.create(project=project, user=user, role="annotator")
        keys.append(new_key(user=user, project=project, role="annotator")[1])
    return keys


def call(connection, path, key, body=None, method="POST"):
    """(status, answer, seconds) of one JSON request on a kept-alive connection."""
    began = time.perf_counter()
    headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
    connection.request(
        method, path, body=None if method == "GET" else json.dumps(body or {}), headers=headers
    )
    answer = connection.getresponse()
    raw = answer.read()
    return answer.status, json.loads(raw) if raw else None, time.perf_counter() - began


def arrive(port, key):
    """A kept-alive connection on which the server has answered once: which of its processes that is, and that
    it is up, is settled by then."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    call(connection, "/api/v1/projects/bench/progress/", key, method="GET")
    return connection


def work(connection, key, until, times, errors, drafts):
    """One annotator: next, submit, until the clock or the queue ends."""
    rng = random.Random(key)
    while time.time() < until:
        status, got, took = call(connection, "/api/v1/projects/bench/next/", key)
        if status == 204:
            return
        if status != 200:
            errors.append(("next", status, got))
            continue
        times["next"].append(took)
        pk = got["assignment"]["id"]
        letters = [a["letter"] for a in got["item"]["answers"]]
        rng.shuffle(letters)
        document = {"ranking": [[x] for x in letters], "acceptable": rng.randint(0, 3)}
        if drafts:
            status, got, took = call(
                connection,
                f"/api/v1/assignments/{pk}/draft/",
                key,
                {"document": document, "revision": got["assignment"]["draft_revision"]},
            )
            times["draft"].append(took)
            if status != 200:
                errors.append(("draft", status, got))
        body = {"document": document, "client_key": f"{pk}-{rng.random()}", "active_ms": 1000}
        status, got, took = call(connection, f"/api/v1/assignments/{pk}/submit/", key, body)
        times["submit"].append(took)
        if status != 200:
            errors.append(("submit", status, got))


def watch(until, worst):
    """Highest number of taken places over the overlap seen on any item, read straight from the rows while the
    others work."""
    from django.db import connection, models

    from annotation.models import Assignment

    while time.time() < until:
        taken = (
            Assignment.objects.filter(slot__isnull=False)
            .values("item")
            .annotate(n=models.Count("pk"), over=models.F("item__overlap"))
        )
        worst.append(max((row["n"] - row["over"] for row in taken), default=0))
        time.sleep(1)
    connection.close()


def cpu_of(pid: int) -> float:
    """CPU seconds of a process and its descendants so far (Linux)."""
    total, todo = 0.0, [pid]
    while todo:
        one = todo.pop()
        try:
            fields = Path(f"/proc/{one}/stat").read_text().rpartition(")")[2].split()
            total += (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
            todo += [
                int(c)
                for t in Path(f"/proc/{one}/task").iterdir()
                for c in (t / "children").read_text().split()
            ]
        except OSError:
            continue
    return total


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    for name, default in (("seconds", 60), ("people", 8), ("items", 10_000), ("overlap", 2)):
        parser.add_argument(f"--{name}", type=int, default=default)
    parser.add_argument("--drafts", action="store_true")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="touchstone-bench-") as home:
        os.environ.update(
            DATA_DIR=home,
            DJANGO_SETTINGS_MODULE="config.settings",
            SECRET_KEY="bench" * 10,
            LOG_LEVEL="ERROR",
        )
        keys = prepare(asked.items, asked.overlap, asked.people)
        with socket.socket() as s:
            s.bind(("127.0.0.1", 0))
            port = s.getsockname()[1]
        server = subprocess.Popen([sys.executable, "manage.py", "web", "--port", str(port)], cwd=ROOT)
        try:
            return run(asked, keys, port, server.pid)
        finally:
            server.terminate()
            server.wait(20)


def run(asked, keys, port, pid) -> int:
    for _attempt in range(100):
        try:
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
            call(connection, "/api/v1/projects/bench/progress/", keys[0], method="GET")
            break
        except OSError:
            time.sleep(0.1)
    before = cpu_of(pid)
    floor = [call(connection, "/api/v1/jobs/1/", keys[0], method="GET")[2] for _i in range(300)]
    floor_cpu = (cpu_of(pid) - before) / 300 * 1000
    connections = [arrive(port, key) for key in keys]
    times: dict[str, list[float]] = {"next": [], "draft": [], "submit": []}
    errors: list = []
    worst: list[int] = []
    began, before = time.time(), cpu_of(pid)
    until = began + asked.seconds
    threads = [
        threading.Thread(target=work, args=(c, key, until, times, errors, asked.drafts))
        for c, key in zip(connections, keys, strict=True)
    ]
    threads.append(threading.Thread(target=watch, args=(until, worst)))
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    spent, cpu = time.time() - began, cpu_of(pid) - before
    n = len(times["submit"])
    from annotation.models import AnnotationVersion

    stored = AnnotationVersion.objects.count()
    print(
        f"{n} annotations by {asked.people} people in {spent:.1f} s: {n / spent:.1f}/s; stored "
        f"{stored}; errors {len(errors)} {errors[:2] or ''}"
    )
    if errors:
        print(errors[0])
    for verb, values in times.items():
        if not values:
            continue
        p95 = statistics.quantiles(values, n=20)[18] * 1000
        print(
            f"{verb:>7}: median {statistics.median(values) * 1000:6.1f} ms   p95 {p95:6.1f} ms   "
            f"slowest {max(values) * 1000:6.1f} ms"
        )
    print(
        f"server CPU per annotation: {cpu / max(1, n) * 1000:.1f} ms = "
        f"{cpu / max(1, n) * 1000 / floor_cpu:.1f} × an authenticated read"
    )
    print(f"  floor: {floor_cpu:.2f} ms CPU, {statistics.median(floor) * 1000:.2f} ms median")
    print(f"places taken beyond the overlap, at worst: {max(worst)}")
    return int(bool(errors) or max(worst) > 0 or stored != n)


if __name__ == "__main__":
    sys.exit(main())
