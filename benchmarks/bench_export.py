"""Export of ranked items with three answers of 600 characters each, against reading the same rows and writing
them as JSON.

    python benchmarks/bench_export.py [--items 10000] [--items 100000] [--format trl-preference …] [--on
    sqlite] [--on postgres]

Each item has one full ranking with a line: three pairs, three labels. Measured from the database to the
published folder: reading, judging, writing, the format's strict check of what was written, hashes,
manifest. The floor, measured in the same run on the same tables: plain SQL for the prompts, origins,
items, places, answers, versions and annotators, and json.dumps of what the export wrote (the rows, and the
line of provenance beside each), into files with their sha256. Memory is the peak RSS of a process of its
own per size, and of the checking process beside it; CPU is that of both. Targets: at least 20,000 rows/s,
at most 3 × the floor, and the two peaks together at 100,000 items at most 1.25 × those at 10,000."""

import argparse
import hashlib
import json
import os
import resource
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))
WORDS = "高血压患者应当每日测量血压并记录，按医嘱规律服药，低盐饮食，适量运动；出现头痛、视物模糊时及时就诊。"
ANSWERS, CHARACTERS, CHUNK = 3, 600, 2000
FORMATS = ("trl-preference", "trl-kto", "jsonl")


def fill(items: int) -> None:
    """One project with `items` judged items, by plain statements."""
    from django.db import connection, transaction

    from annotation.models import Annotator, BenchSettings
    from core import events
    from core.models import Project
    from corpus.models import ModelVersion

    project = Project.objects.create(slug=f"bench-{items}", title="bench")
    BenchSettings.objects.create(project=project, kind="ranking")
    annotator = Annotator.objects.create(project=project, pseudonym="A")
    models = [ModelVersion.objects.create(project=project, name=f"m{i}").pk for i in range(ANSWERS)]
    event = events.append(project=project, actor=None, verb="import").pk
    now = "2026-01-01 00:00:00+00:00"
    with connection.cursor() as cursor:
        cursor.execute("SELECT COALESCE(MAX(id), 0) FROM corpus_response")
        base = cursor.fetchone()[0]
    document = json.dumps({"schema": 1, "ranking": [[0], [1], [2]], "acceptable": 1})

    def add(table: str, names: list[str], rows: list[tuple]) -> None:
        with connection.cursor() as cursor:
            if connection.vendor == "postgresql":
                with cursor.copy(f"COPY {table} ({', '.join(names)}) FROM STDIN") as copy:
                    for row in rows:
                        copy.write_row(row)
            else:
                connection.connection.executemany(
                    f"INSERT INTO {table} ({', '.join(names)}) VALUES ({', '.join('?' * len(names))})", rows
                )

    for start in range(0, items, CHUNK):
        numbers = range(start, min(start + CHUNK, items))
        ids = [base + 1 + n for n in numbers]
        with transaction.atomic():
            add(
                "corpus_prompt",
                [
                    "id",
                    "project_id",
                    "messages",
                    "sources",
                    "metadata",
                    "language",
                    "content_hash",
                    "event_id",
                    "created_at",
                ],
                [
                    (
                        i,
                        project.pk,
                        json.dumps([{"role": "user", "content": f"第{i}题：血压控制不佳应如何调整？"}]),
                        "[]",
                        "{}",
                        "zh",
                        f"{i:064x}",
                        event,
                        now,
                    )
                    for i in ids
                ],
            )
            add(
                "corpus_promptorigin",
                ["prompt_id", "line", "external_id", "event_id"],
                [(i, i, f"row-{i}", event) for i in ids],
            )
            responses = [(base + (i - base - 1) * ANSWERS + j + 1, i, j) for i in ids for j in range(ANSWERS)]
            names = ["id", "prompt_id", "text", "origin", "model_version_id", "external_id", "is_target"]
            names += ["text_hash", "identity_hash", "event_id", "created_at"]
            add(
                "corpus_response",
                names,
                [
                    (
                        r,
                        i,
                        (f"第{i}题的回答{j}：" + WORDS * 15)[:CHARACTERS],
                        "model",
                        models[j],
                        "",
                        False,
                        f"{r:064x}",
                        f"{r:064x}",
                        event,
                        now,
                    )
                    for r, i, j in responses
                ],
            )
            names = [
                "id",
                "project_id",
                "prompt_id",
                "kind",
                "generation",
                "state",
                "hidden",
                "frozen",
                "position",
                "overlap",
                "slot_count",
            ]
            names += ["held", "submitted", "extras", "event_id", "created_at"]
            add(
                "annotation_item",
                names,
                [
                    (i, project.pk, i, "ranking", 0, "done", False, True, i, 1, ANSWERS, 1, 1, 0, event, now)
                    for i in ids
                ],
            )
            add(
                "annotation_itemanswer",
                ["item_id", "response_id", "slot"],
                [(i, r, j) for r, i, j in responses],
            )
            add(
                "annotation_annotation",
                [
                    "id",
                    "project_id",
                    "item_id",
                    "annotator_id",
                    "state",
                    "practice",
                    "ruling",
                    "created_at",
                    "updated_at",
                ],
                [(i, project.pk, i, annotator.pk, "submitted", False, False, now, now) for i in ids],
            )
            names = [
                "id",
                "annotation_id",
                "number",
                "action",
                "document",
                "schema",
                '"order"',
                "active_ms",
                "client_key",
                "late",
                "event_id",
                "created_at",
            ]
            add(
                "annotation_annotationversion",
                names,
                [(i, i, 1, "submit", document, 1, "[0, 1, 2]", 1000, "k", False, event, now) for i in ids],
            )
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")


def floor(slug: str, form: str, path: Path) -> tuple[int, float]:
    """(rows, seconds) of plain SQL over the same tables and json.dumps of the rows of `form`."""
    from django.db import connection

    from core.models import Project

    project = Project.objects.get(slug=slug).pk
    began = time.perf_counter()
    written, last, digest = 0, 0, hashlib.sha256()
    fetch = connection.cursor
    with (
        open(path, "w", encoding="utf-8", newline="\n") as out,
        open(path.with_suffix(".side"), "w", encoding="utf-8") as side,
    ):
        while True:
            with fetch() as cursor:
                cursor.execute(
                    "SELECT id, messages, tools, sources, language, content_hash FROM corpus_prompt "
                    "WHERE project_id = %s AND id > %s ORDER BY id LIMIT 1000",
                    [project, last],
                )
                prompts = cursor.fetchall()
                if not prompts:
                    break
                last = prompts[-1][0]
                bounds = [prompts[0][0], last]
                cursor.execute(
                    "SELECT prompt_id, id, text, origin, model_version_id FROM corpus_response WHERE "
                    "prompt_id BETWEEN %s AND %s ORDER BY id",
                    bounds,
                )
                answers: dict = {}
                for row in cursor.fetchall():
                    answers.setdefault(row[0], []).append(row)
                cursor.execute(
                    "SELECT i.prompt_id, v.id, v.document, p.pseudonym FROM annotation_item i JOIN "
                    "annotation_annotation a ON a.item_id = i.id "
                    "JOIN annotation_annotationversion v ON v.annotation_id = a.id JOIN "
                    "annotation_annotator p ON p.id = a.annotator_id "
                    "WHERE i.prompt_id BETWEEN %s AND %s",
                    bounds,
                )
                said = {row[0]: row for row in cursor.fetchall()}
                cursor.execute(
                    "SELECT a.item_id, a.response_id, a.slot FROM annotation_itemanswer a JOIN "
                    "annotation_item i ON i.id = a.item_id "
                    "WHERE i.prompt_id BETWEEN %s AND %s ORDER BY a.id",
                    bounds,
                )
                cursor.fetchall()
                cursor.execute(
                    "SELECT prompt_id, batch_id, line, external_id FROM corpus_promptorigin WHERE "
                    "prompt_id BETWEEN %s AND %s",
                    bounds,
                )
                origins = {row[0]: row for row in cursor.fetchall()}
            for prompt in prompts:
                messages = json.loads(prompt[1]) if isinstance(prompt[1], str) else prompt[1]
                document = said[prompt[0]][2]
                groups = (json.loads(document) if isinstance(document, str) else document)["ranking"]
                texts = [answers[prompt[0]][g[0]][2] for g in groups]
                version, pseudonym = said[prompt[0]][1], said[prompt[0]][3]
                for row in plain_rows(form, messages, texts):
                    if form != "jsonl":
                        beside = {
                            "group_id": prompt[5][:16],
                            "weight": 1 / 3,
                            "origin": {"chosen": "model:m0", "rejected": "model:m1"},
                            "n_for": 1,
                        }
                        beside |= {
                            "n_against": 0,
                            "agreement": 1.0,
                            "item": prompt[0],
                            "prompt": prompt[0],
                            "versions": [version],
                            "annotators": [pseudonym],
                        }
                        beside |= {
                            "responses": [1, 2],
                            "models": ["m0", "m1"],
                            "status": "raw",
                            "reason": "ranking",
                            "language": "zh",
                        }
                        beside["origins"] = [{"line": origins[prompt[0]][2], "id": origins[prompt[0]][3]}]
                        line = json.dumps(beside) + "\n"
                        digest.update(line.encode())
                        side.write(line)
                    line = json.dumps(row, ensure_ascii=False) + "\n"
                    digest.update(line.encode())
                    out.write(line)
                    written += 1
    return written, time.perf_counter() - began


def plain_rows(form: str, messages: list, texts: list):
    """What the format's rows hold, without any of its checks."""

    def said(text):
        return [{"role": "assistant", "content": text}]

    pairs = [(a, b) for i, a in enumerate(texts) for b in texts[i + 1 :]]
    if form in ("trl-preference", "trl-rm"):
        for a, b in pairs:
            yield {"prompt": messages, "chosen": said(a), "rejected": said(b)}
    elif form == "trl-kto":
        for i, text in enumerate(texts):
            yield {"prompt": messages, "completion": said(text), "label": i < 1}
    else:
        shared = {
            "group_id": "0123456789abcdef",
            "context": messages,
            "tools": None,
            "sources": [],
            "language": "zh",
            "tags": [],
            "weight": 1 / 3,
        }
        shared["provenance"] = {
            "item": 1,
            "prompt": 1,
            "versions": [1],
            "annotators": ["A"],
            "responses": [1, 2],
            "models": ["m0", "m1"],
            "status": "raw",
        }
        for a, b in pairs:
            yield shared | {
                "type": "preference",
                "chosen": {"text": a, "turns": [], "origin": "model:m0"},
                "rejected": {"text": b, "turns": [], "origin": ""},
            }
        for i, text in enumerate(texts):
            yield shared | {
                "type": "binary",
                "answer": {"text": text, "turns": [], "origin": "model:m0"},
                "label": i < 1,
            }
        yield shared | {
            "type": "ranked",
            "groups": [[{"text": t, "turns": [], "origin": "model:m0"}] for t in texts],
        }


def peak_of(pids: list[int]) -> dict:
    """{"peak": MB}, the highest resident size of the processes that will stand in `pids`, as far as the last
    look before their end showed."""
    found = {"peak": 0.0}

    def look() -> None:
        while True:
            for pid in pids:
                try:
                    status = Path(f"/proc/{pid}/status").read_text()
                    found["peak"] = max(found["peak"], int(status.partition("VmHWM:")[2].split()[0]) / 1024)
                except (OSError, IndexError):
                    continue
            time.sleep(0.02)

    threading.Thread(target=look, daemon=True).start()
    return found


def measure(what: str, items: int, form: str) -> dict:
    import django

    django.setup()
    from django.core.management import call_command

    if what == "fill":
        call_command("migrate", verbosity=0)
        fill(items)
        return {}
    from core.models import Project
    from training_export.options import ExportOptions
    from training_export.publish import checking, snapshots

    pids: list[int] = []

    class Known(checking.Beside):
        def __init__(self, *args):
            super().__init__(*args)
            pids.append(self._process.pid)

    checking.Beside = Known  # type: ignore[misc]
    slug = f"bench-{items}"
    project = Project.objects.get(slug=slug)
    if what == "floor":
        rows, took = floor(slug, form, Path(os.environ["DATA_DIR"]) / "floor.jsonl")
        return {"rows": rows, "seconds": took}
    beside = peak_of(pids)
    began, cpu = time.perf_counter(), time.process_time()
    made = snapshots.build(project=project, actor=None, options=ExportOptions.of({"format": form}))
    took, cpu = time.perf_counter() - began, time.process_time() - cpu
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu_beside = children.ru_utime + children.ru_stime
    return {
        "rows": made.snapshot.counts["rows"],
        "seconds": took,
        "cpu": cpu,
        "cpu_beside": cpu_beside,
        "peak": peak,
        "peak_beside": beside["peak"],
    }


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--items", type=int, action="append")
    parser.add_argument("--format", action="append")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--on", action="append", choices=["sqlite", "postgres"])
    parser.add_argument("--measure", nargs=3, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.measure:
        what, items, form = args.measure
        print(json.dumps(measure(what, int(items), form)))
        return
    from tests import servers

    given = os.environ.get("DATABASE_URL", "")
    sizes = args.items or [10_000, 100_000]
    with tempfile.TemporaryDirectory(prefix="bench-export-") as home:
        os.chmod(home, 0o711)  # the database server runs as another user in a folder below
        for name in args.on or ["sqlite", "postgres"]:
            env = {k: v for k, v in os.environ.items() if k != "DATABASE_URL"}
            env |= {
                "DATA_DIR": f"{home}/{name}",
                "SECRET_KEY": "bench",
                "DJANGO_SETTINGS_MODULE": "config.settings",
                "PYTHONPATH": str(ROOT),
            }
            Path(env["DATA_DIR"]).mkdir(mode=0o711)
            if name == "postgres":
                if not given and servers.missing("postgres"):
                    print(f"postgres: missing {servers.missing('postgres')[0]}")
                    continue
                env["DATABASE_URL"] = given or servers.start_postgres(Path(env["DATA_DIR"]))

            def run(*what, env=env) -> dict:
                done = subprocess.run(
                    [sys.executable, __file__, "--measure", *map(str, what)],
                    env=env,
                    stdout=subprocess.PIPE,
                    text=True,
                    check=True,
                )
                return json.loads(done.stdout)

            peaks: dict[str, list[float]] = {}
            for items in sizes:
                run("fill", items, "-")
                for form in args.format or FORMATS:
                    rounds = [
                        (run("export", items, form), run("floor", items, form))
                        for _ in range(args.rounds if items <= 20_000 else 1)
                    ]
                    ratio, (ours, least) = sorted(
                        ((e["seconds"] / f["seconds"], (e, f)) for e, f in rounds), key=lambda r: r[0]
                    )[len(rounds) // 2]
                    assert ours["rows"] == least["rows"], (ours["rows"], least["rows"])
                    speed = ours["rows"] / ours["seconds"]
                    peaks.setdefault(form, []).append(ours["peak"] + ours["peak_beside"])
                    good = "ok" if speed >= 20_000 and ratio <= 3 else "BELOW TARGET"
                    print(
                        f"{name} {form} {items:,} items: {ours['rows']:,} rows in "
                        f"{ours['seconds']:.1f} s, {speed:,.0f} rows/s, "
                        f"floor {least['rows'] / least['seconds']:,.0f} rows/s, ratio {ratio:.2f}, "
                        f"CPU {ours['cpu'] * 1e6 / ours['rows']:.0f} + "
                        f"{ours['cpu_beside'] * 1e6 / ours['rows']:.0f} µs a row, "
                        f"peak {ours['peak']:.0f} + {ours['peak_beside']:.0f} MB  [{good}]",
                        flush=True,
                    )
            for form, found in peaks.items():
                if len(found) > 1:
                    good = "ok" if found[-1] <= 1.25 * found[0] else "BELOW TARGET"
                    print(
                        f"{name} {form}: peak memory {found[0]:.0f} MB at {sizes[0]:,}, "
                        f"{found[-1]:.0f} MB at {sizes[-1]:,}  [{good}]"
                    )


if __name__ == "__main__":
    main()
