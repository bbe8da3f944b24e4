"""docs/operations.md is walked as it stands: installed, backed up, restored, upgraded; what was restored
serves and has everything in it. Units and proxy configurations are read by the programs they are for."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests import servers
from tests.core.browsing import Browser
from tests.processes import ROOT, end_group, until

DOCS = ROOT / "docs" / "operations.md"
BLOCK = re.compile(r"^```sh (walk(?:-postgres)?)\n(.*?)^```", re.M | re.S)
DEPLOY = ROOT / "deploy"


def blocks(*kinds: str) -> list[str]:
    return [text for kind, text in BLOCK.findall(DOCS.read_text(encoding="utf-8")) if kind in kinds]


class Walk:
    """The steps of the page in one shell after the other: what one exports the next finds, and /var stands
    for a folder of the test."""

    def __init__(self, home: Path, **env: str):
        self.home = home
        own = {k: v for k, v in os.environ.items() if not k.startswith(("TEST_", "DJANGO_"))}
        for name in ("DATABASE_URL", "REDIS_URL", "SECRET_KEY", "DATA_DIR"):
            own.pop(name, None)
        self.env = own | {"PYTHONPATH": str(ROOT)} | env

    def run(self, text: str) -> str:
        text = text.replace(".venv/bin/python", sys.executable).replace("/var/", f"{self.home}/var/")
        done = subprocess.run(
            ["sh", "-euc", text + '\necho "=== env"\nenv -0'],
            cwd=ROOT,
            env=self.env,
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, f"{text}\n{done.stdout}\n{done.stderr}"
        said, _mark, left = done.stdout.partition("=== env\n")
        self.env = dict(line.split("=", 1) for line in left.split("\0") if "=" in line)
        return said

    def serves(self, password: str) -> None:
        """The installation that the last steps made answers, and the administrator finds the project."""
        port = servers.free_port()
        log = self.home / "serve.log"
        with log.open("ab") as out:
            process = subprocess.Popen(
                [sys.executable, "manage.py", "serve"],
                cwd=ROOT,
                env=self.env | {"PORT": str(port)},
                stdout=out,
                stderr=out,
                start_new_session=True,
                preexec_fn=servers.die_with_parent(15),
            )
        try:
            until(lambda: "is ready" in log.read_text(), f"serve; its log: {log}", seconds=120, every=0.5)
            browser = Browser(f"http://127.0.0.1:{port}")
            assert browser.send("/healthz") == (200, {"status": "ok"})
            until(lambda: browser.send("/readyz")[0] == 200, "readiness", seconds=60, every=0.5)
            assert browser.sign_in("admin", password) == 200
            assert "Asia/Shanghai" in browser.send("/p/cardio/settings/")[1]
        finally:
            end_group(process)


def settled(walk: Walk, password: str) -> None:
    """The administrator's own password, as after the first sign-in."""
    code = (
        "from core.models import User; u = User.objects.get(username='admin'); "
        f"assert u.check_password({password!r}) and u.password_must_change; "
        "u.set_password('correct horse battery'); u.password_must_change = False; u.save()"
    )
    walk.run(f'.venv/bin/python manage.py shell -c "{code}"')


def test_installed_backed_up_restored_and_upgraded_with_sqlite(tmp_path):
    walk = Walk(tmp_path)
    install, backup, restore, upgrade = blocks("walk")
    said = walk.run(install)
    password = re.search(r"^admin (\S+)$", said, re.M)[1]
    settled(walk, password)
    walk.run(backup)
    shutil.rmtree(walk.env["DATA_DIR"])
    walk.run(restore)
    assert walk.env["DATA_DIR"].endswith("touchstone-restored")
    walk.run(upgrade)
    walk.serves("correct horse battery")


@pytest.mark.servers
def test_installed_backed_up_and_restored_with_postgresql_and_redis(tmp_path):
    given = {name: os.environ[name] for name in ("DATABASE_URL", "REDIS_URL")}
    given["DATABASE_URL"] = given["DATABASE_URL"].rsplit("/", 1)[0] + "/operations_walk"
    walk = Walk(tmp_path, SECRET_KEY="only-for-tests-" + "x" * 40, **given)
    maintenance = os.environ["DATABASE_URL"].rsplit("/", 1)[0] + "/postgres"
    walk.run(f'createdb --maintenance-db="{maintenance}" operations_walk')
    install = blocks("walk")[0]
    backup, restore = blocks("walk-postgres")
    settled(walk, re.search(r"^admin (\S+)$", walk.run(install), re.M)[1])
    walk.run(backup)
    walk.run(restore)
    assert walk.env["DATABASE_URL"].endswith("/touchstone_restored")
    walk.serves("correct horse battery")


@pytest.mark.parametrize("unit", ["touchstone", "touchstone-web", "touchstone-worker"])
def test_the_units_are_understood(tmp_path, unit):
    if not shutil.which("systemd-analyze"):
        pytest.skip("missing: systemd-analyze")
    text = (
        (DEPLOY / f"{unit}.service").read_text().replace("/srv/touchstone/.venv/bin/python", sys.executable)
    )
    own = tmp_path / f"{unit}.service"
    own.write_text(text)
    done = subprocess.run(["systemd-analyze", "verify", str(own)], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")


def test_the_page_names_what_is_there():
    text = DOCS.read_text(encoding="utf-8")
    for path in DEPLOY.iterdir():
        assert path.name in text, path.name
