"""POST /api/v1/feedback/ against floors measured in the same run, over HTTP, by the web server as it is
shipped.

    python benchmarks/bench_ingest.py [--seconds 5] [--batches 10] [--on sqlite] [--on postgres]

Single: thumbs with an idempotency key, a person, a known answer and a comment, by four clients; the floor
is an empty view that wants the same key and reads the same body, in turns with it. Batch: a thousand such
rows at a time (half their targets not known yet), and a hundred conversations of four messages; the floor
is writing the same rows (same tables and indexes, a thousand rows a transaction) with executemany on
SQLite, COPY on PostgreSQL. Targets: single at least 300/s and half of the floor, batch at least 5,000
rows/s and 30 % of the floor, and a memory that does not grow. Exit status 1 below a target. PostgreSQL is
started here and thrown away."""

import argparse
import http.client
import itertools
import json
import os
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
PEOPLE, CLIENTS, ROWS, ROUNDS = 300, 4, 1000, 4
KEYED = {
    "feedback_reaction": "target_external",
    "feedback_received": "key",
    "feedback_conversation": "external_id",
    "feedback_message": "external_id",
}
REFERS = {
    "conversation_id": "feedback_conversation",
    "parent_id": "feedback_message",
    "message_id": "feedback_message",
    "head_id": "feedback_message",
}
TURNS = (
    "高血压患者平时要注意什么？",
    "低盐饮食，规律服药，每天测量血压并记录；头痛或视物模糊时及时就诊。" * 6,
    "血压 150/95 要不要加药？",
    "先复测。" * 40,
)


def thumb(name: str, i: int, answers: int) -> dict:
    row = {
        "type": "reaction",
        "id": f"{name}-{i}",
        "user": f"person{i % PEOPLE}",
        "kind": "thumb",
        "value": "down" if i % 3 else "up",
    }
    return row | {
        "target": f"answer{i % answers}" if i % 2 else f"later-{name}-{i}",
        "comment": f"回答不够完整，缺少剂量。{i}" if i % 2 else "",
    }


def conversation(name: str, i: int) -> dict:
    roles = ("user", "assistant", "user", "assistant")
    messages = [
        {"role": role, "content": f"{text} {i}", "id": f"{name}-{i}-{n}"}
        for n, (role, text) in enumerate(zip(roles, TURNS, strict=True))
    ]
    return {
        "type": "conversation",
        "conversation": f"{name}-{i}",
        "user": f"person{i % PEOPLE}",
        "model": "m",
        "messages": messages,
    }


class Client:
    def __init__(self, port: int, key: str):
        self.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        self.headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}

    def post(self, path: str, body: bytes) -> tuple[int, bytes]:
        self.connection.request("POST", path, body=body, headers=self.headers)
        answer = self.connection.getresponse()
        return answer.status, answer.read()


def at_once(port: int, key: str, path: str, bodies, seconds: float) -> tuple[float, float, int]:
    """(requests per second of CLIENTS clients, median milliseconds, requests)."""
    took: list[float] = []
    until = time.perf_counter() + seconds

    def work():
        client = Client(port, key)
        for body in bodies:
            began = time.perf_counter()
            status, answer = client.post(path, body)
            if status != 201:
                raise RuntimeError(f"{path}: {status} {answer[:300]!r}")
            took.append(time.perf_counter() - began)
            if time.perf_counter() > until:
                return

    threads = [threading.Thread(target=work) for _ in range(CLIENTS)]
    began = time.perf_counter()
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    return len(took) / (time.perf_counter() - began), statistics.median(took) * 1000, len(took)


def floor(connection, tables: list[str], source: int, target: int, each: int) -> float:
    """Seconds for writing the rows of project `source` in `tables` again for project `target`, in `each`
    transactions."""
    from django.db import transaction

    ready = {}
    with connection.cursor() as cursor:
        shift = {}
        for table in tables:
            cursor.execute(
                f"SELECT max(id), (SELECT min(id) FROM {table} WHERE project_id = %s) FROM {table}", [source]
            )
            last, first = cursor.fetchone()
            shift[table] = last + 1 - first if first else 0
        for table in tables:
            described = connection.introspection.get_table_description(cursor, table)
            names = [c.name for c in described]
            cursor.execute(
                f"SELECT {', '.join(chr(34) + n + chr(34) for n in names)} FROM {table} WHERE "
                f"project_id = %s ORDER BY id",
                [source],
            )
            add = [shift[table] if n == "id" else shift.get(REFERS.get(n, "")) for n in names]
            place, own = names.index("project_id"), names.index(KEYED[table]) if table in KEYED else -1
            rows = []
            for row in cursor.fetchall():
                new = [v if a is None or v is None else v + a for v, a in zip(row, add, strict=True)]
                new[place] = target
                if own >= 0 and new[own]:
                    new[own] += "'"  # as long a key, and another
                rows.append(tuple(new))
            ready[table] = (", ".join(f'"{n}"' for n in names), len(names), rows)
    took = 0.0
    for part in range(each):
        began = time.perf_counter()
        with transaction.atomic():
            raw = connection.connection.cursor()
            for table, (columns, width, rows) in ready.items():
                size = -(-len(rows) // each)
                mine = rows[part * size : (part + 1) * size]
                if connection.vendor == "postgresql":
                    with raw.copy(f"COPY {table} ({columns}) FROM STDIN") as copy:
                        for row in mine:
                            copy.write_row(row)
                else:
                    raw.executemany(
                        f"INSERT INTO {table} ({columns}) VALUES ({', '.join('?' * width)})", mine
                    )
        took += time.perf_counter() - began
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            for table in tables:
                cursor.execute(
                    f"SELECT setval(pg_get_serial_sequence('{table}', 'id'), (SELECT max(id) FROM {table}))"
                )
    return took


def cpu(pid: int) -> float:
    """CPU milliseconds of a process and its children so far: steadier than the clock on a busy machine."""
    total, todo = 0.0, [pid]
    while todo:
        one = todo.pop()
        fields = Path(f"/proc/{one}/stat").read_text().rpartition(")")[2].split()
        total += (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
        todo += [
            int(c) for t in Path(f"/proc/{one}/task").iterdir() for c in (t / "children").read_text().split()
        ]
    return total * 1000


def rss(pid: int) -> int:
    """MB held by a process and its children."""
    total, todo = 0, [pid]
    while todo:
        one = todo.pop()
        total += int(
            next(
                line
                for line in Path(f"/proc/{one}/status").read_text().splitlines()
                if line.startswith("VmRSS")
            ).split()[1]
        )
        todo += [
            int(c) for t in Path(f"/proc/{one}/task").iterdir() for c in (t / "children").read_text().split()
        ]
    return total // 1024


def measure(seconds: float, batches: int) -> dict:
    """One database (that of the settings)."""
    import django

    django.setup()
    from django.core.management import call_command
    from django.db import connection

    call_command("migrate", verbosity=0)
    from core.api.auth import new_key
    from core.models import Member, Project, User

    user = User.objects.create(username="sender")

    def project(slug):
        made = Project.objects.create(slug=slug, title=slug)
        Member.objects.create(project=made, user=user, role="manager")
        return made, new_key(user=user, project=made, role="manager", scope="ingest")[1]

    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        port = s.getsockname()[1]
    server = subprocess.Popen(
        [sys.executable, "manage.py", "web", "--port", str(port)], cwd=ROOT, stdout=sys.stderr
    )
    try:
        return against(port, server.pid, project, connection, seconds, batches)
    finally:
        server.terminate()
        server.wait(20)


def against(port: int, pid: int, project, connection, seconds: float, batches: int) -> dict:
    path = "/api/v1/feedback/"
    _single, key = project("single")
    client = Client(port, key)
    for _attempt in range(200):
        try:
            client.post("/api/v1/empty/", b"{}")
            break
        except OSError:
            time.sleep(0.1)
            client = Client(port, key)
    answers = 500
    for part in range(5):
        rows = [
            conversation("answer", i) | {"conversation": f"talk{i}"}
            for i in range(part * 100, part * 100 + 100)
        ]
        for i, row in enumerate(rows):
            row["messages"][1]["id"] = f"answer{part * 100 + i}"
        assert client.post(path, json.dumps(rows).encode())[0] == 200
    numbers = itertools.count()
    bodies = (
        json.dumps(thumb("s", next(numbers) * 2 + 1, answers), ensure_ascii=False).encode()
        for _ in itertools.repeat(0)
    )
    bodies = Locked(bodies)
    at_once(port, key, "/api/v1/empty/", bodies, 1), at_once(port, key, path, bodies, 1)
    singles, empties = [], []
    spent: list[list[float]] = [[], []]
    for _round in range(6):
        for which, (kind, address) in enumerate(((empties, "/api/v1/empty/"), (singles, path))):
            before = cpu(pid)
            kind.append(at_once(port, key, address, bodies, seconds / 6))
            spent[which].append((cpu(pid) - before) / kind[-1][2])
    one, empty = statistics.median(s[0] for s in singles), statistics.median(e[0] for e in empties)
    share = statistics.median(s[0] / e[0] for s, e in zip(singles, empties, strict=True))
    out = {
        "single/s": round(one),
        "single ms": round(statistics.median(s[1] for s in singles), 2),
        "empty view/s": round(empty),
        "single share": share,
    }
    out |= {
        "empty CPU ms": round(statistics.median(spent[0]), 2),
        "single CPU ms": round(statistics.median(spent[1]), 2),
    }
    for name, make, size, tables in (
        (
            "rows",
            lambda i: thumb("b", i, answers),
            ROWS,
            ["feedback_reaction", "feedback_received", "core_event"],
        ),
        (
            "conversations",
            lambda i: conversation("b", i),
            100,
            ["feedback_conversation", "feedback_message", "core_event"],
        ),
    ):
        took, least = [], []
        for r in range(ROUNDS + 1):  # the first one warms up
            ours, key = project(f"batch-{name}-{r}")
            same, _key = project(f"floor-{name}-{r}")
            client = Client(port, key)
            sent = [
                json.dumps([make(i) for i in range(b * size, b * size + size)], ensure_ascii=False).encode()
                for b in range(batches)
            ]
            if r == 1:
                before = rss(pid)
            began = time.perf_counter()
            for body in sent:
                status, answer = client.post(path, body)
                assert status == 200 and json.loads(answer)["accepted"] == size, answer[:300]
            took.append(time.perf_counter() - began)
            least.append(floor(connection, tables, ours.pk, same.pk, batches))
        out[f"MB more after {name}"] = rss(pid) - before
        took, least = took[1:], least[1:]
        out |= {
            f"{name}/s": round(batches * size / statistics.median(took)),
            f"{name} floor/s": round(batches * size / statistics.median(least)),
        }
        out[f"{name} share"] = statistics.median(a / b for a, b in zip(least, took, strict=True))
    return out


class Locked:
    """A generator that several threads take from."""

    def __init__(self, items):
        self._items, self._lock = items, threading.Lock()

    def __iter__(self):
        return self

    def __next__(self):
        with self._lock:
            return next(self._items)


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seconds", type=float, default=9)
    parser.add_argument("--batches", type=int, default=10)
    parser.add_argument("--on", action="append", choices=["sqlite", "postgres"])
    parser.add_argument("--measure", action="store_true", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.measure:
        print(json.dumps(measure(args.seconds, args.batches)))
        return 0
    from tests import servers

    status = 0
    with tempfile.TemporaryDirectory(prefix="bench-ingest-") as home:
        os.chmod(home, 0o711)  # the database server runs as another user in a folder below
        for name in args.on or ["sqlite", "postgres"]:
            env = {k: v for k, v in os.environ.items() if k not in {"DATABASE_URL", "REDIS_URL"}}
            env |= {
                "DATA_DIR": f"{home}/{name}",
                "SECRET_KEY": "bench" * 10,
                "DJANGO_SETTINGS_MODULE": "benchmarks.ingest_floor",
                "PYTHONPATH": str(ROOT),
            }
            env["LOG_LEVEL"] = "ERROR"
            Path(env["DATA_DIR"]).mkdir(mode=0o711)
            if name == "postgres":
                if servers.missing("postgres"):
                    print(f"postgres: missing {servers.missing('postgres')[0]}")
                    continue
                env["DATABASE_URL"] = servers.start_postgres(Path(env["DATA_DIR"]))
            command = [
                sys.executable,
                __file__,
                "--measure",
                "--seconds",
                str(args.seconds),
                "--batches",
                str(args.batches),
            ]
            done = subprocess.run(command, env=env, stdout=subprocess.PIPE, text=True, check=True)
            figures = json.loads(done.stdout.splitlines()[-1])
            good = (
                figures["single/s"] >= 300
                and figures["single share"] >= 0.5
                and figures["rows/s"] >= 5000
                and figures["rows share"] >= 0.3
            )
            good = good and figures["conversations share"] >= 0.3 and figures["MB more after rows"] < 30
            status |= not good
            said = (f"{k} {v:.0%}" if k.endswith("share") else f"{k} {v:,}" for k, v in figures.items())
            print(f"{name}: " + ", ".join(said) + f"  [{'ok' if good else 'BELOW TARGET'}]", flush=True)
    return int(status)


if __name__ == "__main__":
    sys.exit(main())
