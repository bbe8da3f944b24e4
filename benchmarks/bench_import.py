"""Import of prompts with three answers of 600 characters each, against what the database alone needs for the
same rows.

    python benchmarks/bench_import.py [--prompts 10000] [--rounds 3] [--on sqlite] [--on postgres]

Each round imports a JSONL file into a project of its own, reads the rows back, and writes the same rows
(same tables, indexes, texts) for another project with executemany on SQLite or COPY on PostgreSQL, in one
transaction: the floor. Then it sends a file of the same size to the API of a served house (web server and
worker as they are shipped) and asks for the job until it is done: "over HTTP". Printed: prompts per second
of all three, and import time ÷ floor time, within this process and over HTTP, the median of the rounds.
PostgreSQL is the server of DATABASE_URL (an empty database), else one started here and thrown away.
Targets: at least 5,000 prompts/s, at most 2.5 × the floor."""

import argparse
import contextlib
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))
WORDS = "高血压患者应当每日测量血压并记录，按医嘱规律服药，低盐饮食，适量运动；出现头痛、视物模糊时及时就诊。"
ANSWERS = 3
CHARACTERS = 600
TABLES = [
    "corpus_prompt",
    "corpus_promptorigin",
    "corpus_response",
    "annotation_item",
    "annotation_itemanswer",
]


def write_file(path: Path, prompts: int, salt: str) -> None:
    with open(path, "w", encoding="utf-8") as file:
        for i in range(prompts):
            answers = [(f"第{i}题的回答{j}（{salt}）：" + WORDS * 15)[:CHARACTERS] for j in range(ANSWERS)]
            row = {
                "id": f"{salt}-{i}",
                "prompt": f"{salt} 第{i}题：血压控制不佳应如何调整？",
                "answers": answers,
            }
            file.write(json.dumps(row, ensure_ascii=False) + "\n")


def floor(connection, source: int, target: int) -> tuple[float, float]:
    """(seconds, CPU seconds of this process) for writing the rows of project `source` again for project
    `target`, keys moved on."""
    joins = {
        "corpus_prompt": "project_id = %s",
        "corpus_promptorigin": "prompt_id IN (SELECT id FROM corpus_prompt WHERE project_id = %s)",
        "corpus_response": "prompt_id IN (SELECT id FROM corpus_prompt WHERE project_id = %s)",
        "annotation_item": "project_id = %s",
        "annotation_itemanswer": "item_id IN (SELECT id FROM annotation_item WHERE project_id = %s)",
    }
    refers = {
        "prompt_id": "corpus_prompt",
        "response_id": "corpus_response",
        "item_id": "annotation_item",
        "previous_id": "annotation_item",
    }
    ready = {}
    with connection.cursor() as cursor:
        shift = {}
        for table in TABLES:
            cursor.execute(f"SELECT max(id) FROM {table}")
            last = cursor.fetchone()[0]
            cursor.execute(f"SELECT min(id) FROM {table} WHERE {joins[table]}", [source])
            shift[table] = last + 1 - cursor.fetchone()[0]
        for table in TABLES:
            texts = (
                {"messages", "tools", "sources", "metadata", "turns", "parameters", "given"}
                if connection.vendor == "postgresql"
                else set()
            )
            cursor.execute(f"SELECT * FROM {table} LIMIT 0")
            names = [c[0] for c in cursor.description]
            chosen = ", ".join(f"{n}::text" if n in texts else n for n in names)
            cursor.execute(f"SELECT {chosen} FROM {table} WHERE {joins[table]} ORDER BY id", [source])
            add = [shift[table] if n == "id" else shift.get(refers.get(n, "")) for n in names]
            place = names.index("project_id") if "project_id" in names else -1
            rows = []
            for row in cursor.fetchall():
                new = [v if a is None or v is None else v + a for v, a in zip(row, add, strict=True)]
                if place >= 0:
                    new[place] = target
                rows.append(tuple(new))
            ready[table] = (names, rows)
    from django.db import transaction

    connection.ensure_connection()
    began, cpu = time.perf_counter(), time.process_time()
    with transaction.atomic():
        raw = connection.connection.cursor()
        for table, (names, rows) in ready.items():
            if connection.vendor == "postgresql":
                with raw.copy(f"COPY {table} ({', '.join(names)}) FROM STDIN") as copy:
                    for row in rows:
                        copy.write_row(row)
            else:
                raw.executemany(
                    f"INSERT INTO {table} ({', '.join(names)}) VALUES ({', '.join('?' * len(names))})", rows
                )
    took, cpu = time.perf_counter() - began, time.process_time() - cpu
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            for table in TABLES:
                cursor.execute(
                    f"SELECT setval(pg_get_serial_sequence('{table}', 'id'), (SELECT max(id) FROM {table}))"
                )
    return took, cpu


@contextlib.contextmanager
def served(home: Path):
    """Web server and worker as `serve` starts them, on the database of the settings: the address."""
    from tests.servers import free_port

    port = free_port()
    env = os.environ | {"PORT": str(port), "LOG_LEVEL": "CRITICAL"}
    with (home / "serve.log").open("wb") as log:
        process = subprocess.Popen([sys.executable, "manage.py", "serve"], cwd=ROOT, env=env, stdout=log)
    try:
        address = f"http://127.0.0.1:{port}"
        while True:
            with contextlib.suppress(OSError), urllib.request.urlopen(f"{address}/readyz", timeout=5):
                break
            if process.poll() is not None:
                raise SystemExit((home / "serve.log").read_text())
            time.sleep(0.2)
        yield address
    finally:
        process.terminate()
        process.wait(30)


def sent(address: str, slug: str, key: str, file: Path) -> float:
    """Seconds from sending `file` until its job is done."""
    headers = {"Authorization": f"Bearer {key}"}
    mark = b"--bench-import"
    head = b'Content-Disposition: form-data; name="file"; filename="rows.jsonl"\r\n\r\n'
    body = mark + b"\r\n" + head + file.read_bytes() + b"\r\n" + mark + b"--\r\n"
    began = time.perf_counter()
    kind = {"Content-Type": f"multipart/form-data; boundary={mark[2:].decode()}"}
    request = urllib.request.Request(f"{address}/api/v1/projects/{slug}/import/", body, headers | kind)
    with urllib.request.urlopen(request) as answer:
        job = json.load(answer)["job"]
    while job["state"] in ("queued", "running"):
        time.sleep(0.05)
        url = f"{address}/api/v1/jobs/{job['id']}/"
        with urllib.request.urlopen(urllib.request.Request(url, headers=headers)) as answer:
            job = json.load(answer)
    assert job["state"] == "done", job
    return time.perf_counter() - began


def measure(prompts: int, rounds: int, home: Path) -> dict:
    """One database (that of the settings): the medians."""
    import django

    django.setup()
    from django.core.management import call_command
    from django.db import connection

    call_command("migrate", verbosity=0)
    from annotation.imports.importer import import_file
    from annotation.models import BenchSettings
    from core.api.auth import new_key
    from core.models import Member, Project, User

    lead = User.objects.create_user("lead")

    def project(slug):
        made = Project.objects.create(slug=slug, title=slug)
        BenchSettings.objects.create(project=made, kind="ranking")
        Member.objects.create(project=made, user=lead, role="manager")
        return made

    small = home / "warm.jsonl"
    write_file(small, 200, "warm")
    import_file(project=project("warm"), actor=None, path=small)
    file = home / "rows.jsonl"
    speeds, floors, ratios, over = [], [], [], []
    for i in range(rounds):
        write_file(file, prompts, f"r{i}")
        ours, same = project(f"import-{i}"), project(f"floor-{i}")
        began, cpu = time.perf_counter(), time.process_time()
        report = import_file(project=ours, actor=None, path=file)
        took, cpu = time.perf_counter() - began, time.process_time() - cpu
        assert (report["imported"], report["items"], report["responses"]) == (
            prompts,
            prompts,
            prompts * ANSWERS,
        ), report
        least, least_cpu = floor(connection, ours.pk, same.pk)
        speeds.append(prompts / took)
        floors.append(prompts / least)
        ratios.append(took / least)
        # microseconds of this process a prompt: steadier than the clock on a busy machine
        each = 1e6 / prompts
        said = (
            f"import {prompts / took:,.0f}/s, floor {prompts / least:,.0f}/s, ratio {took / least:.2f}, "
            f"CPU {cpu * each:.0f} and {least_cpu * each:.0f} µs"
        )
        print(f"  round {i + 1}: {said}", file=sys.stderr)
    with served(home) as address:
        for i in range(rounds):
            write_file(file, prompts, f"h{i}")
            key = new_key(user=lead, project=project(f"http-{i}"), role="manager")[1]
            over.append(prompts / sent(address, f"http-{i}", key, file))
            print(f"  over HTTP, round {i + 1}: {over[-1]:,.0f}/s", file=sys.stderr)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    middle = statistics.median
    return {
        "prompts/s": round(middle(speeds)),
        "floor": round(middle(floors)),
        "ratio": round(middle(ratios), 2),
        "prompts/s over HTTP": round(middle(over)),
        "ratio over HTTP": round(middle(floors) / middle(over), 2),
        "peak MB with floor": peak,
    }


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--prompts", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--on", action="append", choices=["sqlite", "postgres"])
    parser.add_argument("--measure", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.measure:
        print(json.dumps(measure(args.prompts, args.rounds, Path(args.measure))))
        return
    from tests import servers

    given = os.environ.get("DATABASE_URL", "")
    with tempfile.TemporaryDirectory(prefix="bench-import-") as home:
        os.chmod(home, 0o711)  # the database server runs as another user in a folder below
        for name in args.on or ["sqlite", "postgres"]:
            env = {k: v for k, v in os.environ.items() if k != "DATABASE_URL"}
            env |= {
                "DATA_DIR": f"{home}/{name}",
                "SECRET_KEY": "bench" * 10,
                "DJANGO_SETTINGS_MODULE": "config.settings",
                "PYTHONPATH": str(ROOT),
            }
            Path(env["DATA_DIR"]).mkdir(mode=0o711)
            if name == "postgres":
                if not given and servers.missing("postgres"):
                    print(f"postgres: missing {servers.missing('postgres')[0]}")
                    continue
                env["DATABASE_URL"] = given or servers.start_postgres(Path(env["DATA_DIR"]))
            command = [
                sys.executable,
                __file__,
                "--measure",
                env["DATA_DIR"],
                "--prompts",
                str(args.prompts),
                "--rounds",
                str(args.rounds),
            ]
            done = subprocess.run(command, env=env, stdout=subprocess.PIPE, text=True, check=True)
            figures = json.loads(done.stdout)
            good = "ok" if figures["prompts/s"] >= 5000 and figures["ratio"] <= 2.5 else "BELOW TARGET"
            print(f"{name}: " + ", ".join(f"{k} {v:,}" for k, v in figures.items()) + f"  [{good}]")


if __name__ == "__main__":
    main()
