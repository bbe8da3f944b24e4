"""A manager's and a reviewer's pages on a project of a million items, over HTTP, PostgreSQL.

    python benchmarks/bench_pages.py [--items 1000000] [--talks 200000] [--rounds 5] [--only NAME]

Fills an empty database (DATABASE_URL, else a server started here and thrown away) by benchmarks/fill.py
(one that it has filled before is used again), starts the web server as it is shipped, and opens every page
`--rounds` times. Printed for each: the first answer and the median of the rest, in milliseconds, and the
median ÷ that of a page that reads no project (one's account), measured in the same run. Targets: 300 ms a
page, 500 ms a search."""

import argparse
import http.client
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))
PAGE, SEARCH = 300, 500
FLOOR = "/account/"


def pages(items: int, item: int, first: int) -> list[tuple[str, str]]:
    """(what, path) of what is opened: `item` a judged item's id, `first` the id of the first one."""
    p = "/p/big/"
    return [
        ("home", "/"),
        ("overview", p),
        ("agreement", f"{p}agreement/"),
        ("results", f"{p}results/"),
        ("results, one tag", f"{p}results/?tag=tag4"),
        ("work statement", f"{p}work/"),
        ("items", f"{p}items/"),
        ("items, last page", f"{p}items/?after={first + items - 40}"),
        ("items, open", f"{p}items/?state=open"),
        ("items, tag", f"{p}items/?tag=tag4"),
        ("items, hidden", f"{p}items/?hidden=on"),
        ("items, agreement below 0", f"{p}items/?agreed_below=0"),
        ("items, flag", f"{p}items/?flag=personal_data"),
        ("items, with comment", f"{p}items/?has=comment"),
        ("items, of one person", f"{p}items/?annotator=J3&did=judged"),
        ("items, of a model", f"{p}items/?model=1"),
        ("search: a frequent word", f"{p}items/?q=word4"),
        ("search: a rare word", f"{p}items/?q=word3996"),
        ("search: two words", f"{p}items/?q=word4+word20"),
        ("search: Chinese", f"{p}items/?q=%E4%B8%81%E5%87%AF"),
        ("search: an external id", f"{p}items/?q=row-4711"),
        ("search: nothing found", f"{p}items/?q=nosuchword"),
        ("item", f"{p}items/{item}/"),
        ("review", f"{p}review/"),
        ("review, all", f"{p}review/?state=all"),
        ("review, low agreement", f"{p}review/?low=on"),
        ("review, one person", f"{p}review/?annotator=J3"),
        ("review, tag", f"{p}review/?tag=tag4"),
        ("review item", f"{p}review/{item}/"),
        ("accept what agrees", f"{p}review/agreeing/"),
        ("inbox", f"{p}inbox/"),
        ("inbox, thumbs down", f"{p}inbox/?thumb=down"),
        ("inbox: search", f"{p}inbox/?q=word4"),
        ("feedback", f"{p}feedback/"),
        ("rules", f"{p}promotion/"),
        ("members", f"{p}members/"),
        ("settings", f"{p}settings/"),
        ("exports", f"{p}exports/"),
        ("import", f"{p}import/"),
        ("my work", f"{p}mine/"),
        ("bench", f"{p}bench/"),
    ]


def get(connection, path: str, cookie: str) -> tuple[float, int]:
    """(milliseconds, status) of one page."""
    began = time.perf_counter()
    connection.request("GET", path, headers={"Cookie": f"sessionid={cookie}", "Accept-Language": "en"})
    answer = connection.getresponse()
    answer.read()
    return (time.perf_counter() - began) * 1000, answer.status


def _say(began: float, what: str) -> None:
    print(f"  {time.perf_counter() - began:4.0f} s: {what}", file=sys.stderr)


def filled_with(items: int, talks: int) -> dict:
    """The database of the settings, filled: the session of its manager and what pages() asks for."""
    import django

    django.setup()
    from django.core.management import call_command
    from django.test import Client

    call_command("migrate", verbosity=0)
    from annotation.models import Item
    from benchmarks import fill
    from core.models import Project

    began = time.perf_counter()
    if not Project.objects.filter(slug="big").exists():
        fill.project(items, talks=talks, say=lambda what: _say(began, what))
    made = Project.objects.get(slug="big")
    manager = made.created_by
    browser = Client()
    browser.force_login(manager)
    waiting = Item.objects.filter(project=made, annotations__state="submitted").order_by("pk").first()
    return {
        "cookie": browser.cookies["sessionid"].value,
        "item": waiting.pk,
        "first": Item.objects.filter(project=made).order_by("pk").values_list("pk", flat=True)[0],
    }


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--items", type=int, default=1_000_000)
    parser.add_argument("--talks", type=int, default=200_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--only", default="", help="pages whose name begins so")
    asked = parser.parse_args()
    from tests import servers

    with tempfile.TemporaryDirectory(prefix="bench-pages-") as home:
        os.chmod(home, 0o711)  # the database server runs as another user in a folder below
        os.environ.update(
            DATABASE_URL=os.environ.get("DATABASE_URL") or servers.start_postgres(Path(home)),
            DATA_DIR=home,
            DJANGO_SETTINGS_MODULE="config.settings",
            SECRET_KEY="bench" * 10,
            LOG_LEVEL="ERROR",
        )
        filled = filled_with(asked.items, asked.talks)
        port = servers.free_port()
        server = subprocess.Popen([sys.executable, "manage.py", "web", "--port", str(port)], cwd=ROOT)
        try:
            return measure(asked, filled, port)
        finally:
            server.terminate()
            server.wait(20)


def measure(asked, filled: dict, port: int) -> int:
    cookie, rounds = filled["cookie"], asked.rounds
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=300)
    for _attempt in range(200):
        try:
            get(connection, FLOOR, cookie)
            break
        except OSError:
            connection.close()
            time.sleep(0.1)
    floor = statistics.median(get(connection, FLOOR, cookie)[0] for _i in range(20))
    print(f"floor ({FLOOR}): {floor:.1f} ms")
    slow = []
    for what, path in pages(asked.items, filled["item"], filled["first"]):
        if not what.startswith(asked.only):
            continue
        first, status = get(connection, path, cookie)
        rest = statistics.median(get(connection, path, cookie)[0] for _i in range(rounds))
        least = SEARCH if "search" in what else PAGE
        mark = "" if rest <= least and status == 200 else "  ABOVE TARGET"
        slow += [what] if mark else []
        print(f"{what:<26} {status} first {first:8.1f} ms  then {rest:7.1f} ms = {rest / floor:5.1f} ×{mark}")
    print(f"above the target: {', '.join(slow) or 'none'}")
    return int(bool(slow))


if __name__ == "__main__":
    sys.exit(main())
