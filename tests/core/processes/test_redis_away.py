"""Redis goes while people work: nothing that was stored is told otherwise, and everybody still gets in."""

import socket
import subprocess
import time
import urllib.parse
from pathlib import Path

import pytest
from django.core.cache import caches
from django.test import override_settings

from annotation.models import Annotation
from core import shared_cache
from core.models import Job
from tests import processes, servers
from tests.cast import make_item, make_project
from tests.core.browsing import Browser, make_account

pytestmark = pytest.mark.skipif(bool(servers.missing("redis-server")), reason="needs redis-server")


def end(url):
    port = urllib.parse.urlsplit(url).port
    subprocess.run(
        [servers.find("redis-cli") or "redis-cli", "-p", str(port), "shutdown", "nosave"], capture_output=True
    )
    with pytest.raises(OSError):
        for _attempt in range(100):
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            time.sleep(0.05)


@pytest.mark.django_db(transaction=True)
def test_people_work_on_sign_in_and_start_jobs_while_redis_is_away(tmp_path):
    project = make_project("ward")
    for _i in range(4):
        make_item(project)
    for name, role in (("ann", "annotator"), ("bob", "annotator"), ("lea", "manager")):
        make_account(project, name, role)
    url = servers.start_redis(tmp_path)
    # One process: while Redis is away, each counts failed sign-ins for itself.
    with processes.web(log=tmp_path / "web.log", REDIS_URL=url, WEB_WORKERS="1") as (_process, site):
        ann = Browser(site)
        assert ann.sign_in("ann") == 200
        _status, item = ann.send(f"/api/v1/projects/{project.slug}/next/", {})
        end(url)
        began = time.monotonic()
        given = {"document": {"ranking": [["A"], ["B"], ["C"]]}, "client_key": "k1"}
        status, answer = ann.send(f"/api/v1/assignments/{item['assignment']['id']}/submit/", given)
        assert (status, answer["annotation"]["state"]) == (
            200,
            "submitted",
        ) and Annotation.objects.count() == 1
        assert ann.send(f"/api/v1/projects/{project.slug}/next/", {})[0] == 200
        assert Browser(site).sign_in("bob") == 200
        lea = Browser(site)
        assert lea.sign_in("lea") == 200
        assert lea.send(f"/p/{project.slug}/")[0] == 200
        status, answer = lea.send(f"/api/v1/projects/{project.slug}/exports/", {"format": "jsonl"})
        assert status == 202 and Job.objects.get().state == "queued"
        assert time.monotonic() - began < 20
        guesser = Browser(site)
        assert [guesser.sign_in("bob", "guess") for _i in range(10)][-1] == 429, (
            "guesses are counted all the same"
        )
    text = (tmp_path / "web.log").read_text()
    assert text.count("the cache cannot be used") == 1


@pytest.fixture
def away(tmp_path, monkeypatch):
    """The caches of a house whose Redis is away and whose folder cannot be written."""
    monkeypatch.setattr(shared_cache, "_failed_at", None)
    here = {
        "default": {"BACKEND": "core.shared_cache.SharedFileBasedCache", "LOCATION": tmp_path / "there"},
        "redis": {
            "BACKEND": "core.shared_cache.SharedRedisCache",
            "LOCATION": f"redis://127.0.0.1:{servers.free_port()}/0",
        },
        "files": {"BACKEND": "core.shared_cache.SharedFileBasedCache", "LOCATION": "/proc/no-such-folder"},
    }
    with override_settings(CACHES=here):
        yield caches
        caches["default"]._own.clear()


@pytest.mark.parametrize("name", ["redis", "files"])
def test_a_cache_that_is_away_never_raises_and_each_process_keeps_to_itself(away, name, caplog):
    cache = away[name]
    assert cache.get("a") is None and cache.get("a", 5) == 5 and cache.get_many(["a", "b"]) == {}
    cache.set("a", 1, 60)
    assert cache.add("b", 2) is True and cache.add("b", 3) is False
    cache.set_many({"c": 3, "d": 4}, 60)
    assert cache.get_many(["a", "b", "c", "e"]) == {"a": 1, "b": 2, "c": 3}
    assert "a" in cache and cache.get_or_set("f", 6, 60) == 6
    cache.delete("a")
    cache.delete_many(["b", "c"])
    assert cache.get_many(["a", "b", "c", "d"]) == {"d": 4}
    assert cache.touch("d", 60) is True
    cache.clear()
    assert cache.get("d") is None
    assert caplog.text.count("the cache cannot be used") == 1


def test_a_damaged_entry_is_a_miss(away):
    cache = away["default"]
    cache.set("a", 1, 60)
    (path,) = Path(cache._dir).glob("*.djcache")
    path.write_bytes(b"")
    assert cache.get("a") is None


def test_a_cache_that_is_back_is_used_again(away, tmp_path):
    cache = away["default"]
    cache.set("a", 1, 60)
    there = tmp_path / "there"
    there.rename(tmp_path / "elsewhere")
    there.write_text("a file in the way")
    cache.set("a", 2, 60)
    assert cache.get("a") == 2
    there.unlink()
    cache.set("a", 3, 60)
    assert cache.get("a") == 3 and cache._own.get("a") is None
