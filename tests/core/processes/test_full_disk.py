"""A full disk, for real: a small file system that is filled while people work."""

import errno
import os
import shutil
import sqlite3
import subprocess

import pytest
from django.db import connection

from annotation.models import Annotation
from annotation.statistics import progress
from annotation.work import queue, submit
from core.models import Job
from tests import processes
from tests.cast import make_item, make_project
from tests.core.browsing import Browser, make_account

pytestmark = [pytest.mark.django_db(transaction=True)]
GIVEN = {"ranking": [["A"], ["B"], ["C"]]}


@pytest.fixture
def small_disk(tmp_path):
    """A folder that holds 12 MB and no more."""
    place = tmp_path / "disk"
    place.mkdir()
    made = shutil.which("mount") and subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=12m", "tmpfs", str(place)], capture_output=True
    )
    if not made or made.returncode:
        pytest.skip("needs leave to mount")
    yield place
    subprocess.run(["umount", "-l", str(place)], check=True)


def fill(place) -> None:
    """Not a byte is left."""
    with open(place / "filler", "ab", buffering=0) as out:
        for size in (1 << 16, 1 << 12, 1):
            try:
                while out.write(b"x" * size):
                    pass
            except OSError:
                continue


def a_house():
    project = make_project("ward")
    for _i in range(12):
        make_item(project)
    for name, role in (("ann", "annotator"), ("bob", "annotator"), ("lea", "manager")):
        make_account(project, name, role)
    return project


def test_with_the_database_elsewhere_a_full_data_dir_stops_nobody(small_disk, tmp_path):
    project = a_house()
    # One process: while the cache can store nothing, each counts failed sign-ins for itself.
    one = {"DATA_DIR": str(small_disk), "REDIS_URL": "", "WEB_WORKERS": "1"}
    with processes.web(log=tmp_path / "web.log", **one) as (_process, site):
        ann = Browser(site)
        assert ann.sign_in("ann") == 200
        _status, item = ann.send(f"/api/v1/projects/{project.slug}/next/", {})
        fill(small_disk)
        path = f"/api/v1/assignments/{item['assignment']['id']}/submit/"
        status, answer = ann.send(path, {"document": GIVEN, "client_key": "k1"})
        assert (status, answer["annotation"]["state"]) == (200, "submitted")
        assert ann.send(f"/api/v1/projects/{project.slug}/next/", {})[0] == 200
        lea = Browser(site)
        assert lea.sign_in("lea") == 200
        assert lea.send(f"/p/{project.slug}/")[0] == 200
        status, _answer = lea.send(f"/api/v1/projects/{project.slug}/exports/", {"format": "jsonl"})
        assert status == 202 and Job.objects.get().state == "queued"
        guesser = Browser(site)
        assert [guesser.sign_in("bob", "guess") for _i in range(10)][-1] == 429


def test_with_the_database_on_it_what_is_answered_is_what_was_stored(small_disk, tmp_path):
    if connection.vendor != "sqlite":
        pytest.skip("the database is a file with SQLite only")
    project = a_house()
    copy = small_disk / "house.sqlite3"
    with sqlite3.connect(connection.settings_dict["NAME"]) as here, sqlite3.connect(copy) as there:
        here.backup(there)
    told, refused = 0, set()
    with processes.web(
        log=tmp_path / "web.log", DATA_DIR=str(small_disk), DATABASE_URL=f"sqlite:///{copy}", REDIS_URL=""
    ) as (_process, site):
        ann = Browser(site)
        assert ann.sign_in("ann") == 200
        for n in range(8):
            status, item = ann.send(f"/api/v1/projects/{project.slug}/next/", {})
            if n == 3:
                fill(small_disk)
            if status == 200:
                path = f"/api/v1/assignments/{item['assignment']['id']}/submit/"
                status, answer = ann.send(path, {"document": GIVEN, "client_key": "k"})
                told += status == 200 or bool(answer.get("stored"))
            if status != 200:
                refused.add(status)
        assert refused <= {507} and told >= 3
        os.truncate(small_disk / "filler", 0)
        with sqlite3.connect(copy) as there:
            stored = there.execute("SELECT count(*) FROM annotation_annotation").fetchone()[0]
        assert stored == told
        assert ann.send(f"/api/v1/projects/{project.slug}/next/", {})[0] == 200


@pytest.mark.parametrize(
    ("where", "stored"), [((submit.agreement, "of_item"), False), ((progress, "for_annotator"), True)]
)
def test_an_error_says_that_nothing_was_changed_only_where_nothing_was(monkeypatch, client, where, stored):
    project = make_project("ward", overlap=2)
    make_item(project)
    ann = make_account(project, "ann", "annotator")
    client.force_login(ann)
    pk = queue.claim(project=project, user=ann).pk

    def full(*args, **kwargs):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(*where, full)
    answer = client.post(
        f"/api/v1/assignments/{pk}/submit/",
        {"document": GIVEN, "client_key": "k"},
        content_type="application/json",
    )
    assert answer.status_code == 507 and Annotation.objects.exists() is stored
    said = answer.json()
    assert (
        "What you sent was stored" in said["error"]["message"],
        "Nothing was changed" in said["error"]["message"],
    ) == (stored, not stored)
    assert bool(said.get("stored")) is stored
    again = client.post(
        f"/api/v1/projects/{project.slug}/exports/", {"format": "no-such"}, content_type="application/json"
    )
    assert "stored" not in again.json(), "a new request begins with nothing stored"
