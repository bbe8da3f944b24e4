"""SQLite connections of web threads that are gone are closed, those of busy ones never; messages in files are
whole."""

import threading

import pytest
from django.core.signals import request_finished, request_started
from django.db import connection, connections
from django.db.backends.signals import connection_created
from django.http import StreamingHttpResponse
from django.test import RequestFactory

from config import broker
from config import connections as idle
from config.middleware import CompressPages
from core.models import User


@pytest.fixture
def watched(monkeypatch):
    if connection.vendor != "sqlite":
        pytest.skip("SQLite only")
    monkeypatch.setattr(idle, "_held", [])
    monkeypatch.setattr(idle, "_PATIENCE", -1)
    idle.watch()
    yield idle._held
    for signal in (connection_created, request_started, request_finished):
        signal.disconnect(dispatch_uid="idle-connections")


@pytest.mark.django_db(transaction=True)
def test_what_an_idle_thread_left_open_is_closed_and_reopened_if_it_lives(watched):
    go_on, asked_again = threading.Event(), threading.Event()
    seen: dict[str, object] = {}

    def thread():
        list(User.objects.all())
        seen["wrapper"] = connections["default"]
        idle.ended(None)
        asked_again.set()
        go_on.wait(5)
        idle.begun(None)
        seen["count"] = User.objects.count()
        idle.ended(None)
        connection.close()

    running = threading.Thread(target=thread)
    running.start()
    asked_again.wait(5)
    assert seen["wrapper"].connection is not None
    assert idle.sweep() == 1
    assert seen["wrapper"].connection is None
    go_on.set()
    running.join(5)
    assert seen["count"] == 0


@pytest.mark.django_db(transaction=True)
def test_a_busy_threads_connection_is_left_alone(watched):
    opened, done = threading.Event(), threading.Event()
    seen = {}

    def thread():
        list(User.objects.all())
        seen["wrapper"] = connections["default"]
        opened.set()
        done.wait(5)
        connection.close()

    running = threading.Thread(target=thread)
    running.start()
    opened.wait(5)
    assert idle.sweep() == 0 and seen["wrapper"].connection is not None
    done.set()
    running.join(5)


def channel_on(tmp_path):
    from kombu import Connection
    from kombu.transport import TRANSPORT_ALIASES

    TRANSPORT_ALIASES["filesystem"] = "config.broker:Transport"
    (tmp_path / "m").mkdir()
    options = {
        "data_folder_in": str(tmp_path / "m"),
        "data_folder_out": str(tmp_path / "m"),
        "control_folder": str(tmp_path / "c"),
    }
    return Connection("filesystem://localhost", transport_options=options).channel()


def test_a_message_is_whole_or_not_there_and_taken_once(tmp_path):
    channel = channel_on(tmp_path)
    assert isinstance(channel, broker.Channel)
    channel._put("default", {"n": 1})
    channel._put("defaults", {"n": 2})  # a queue whose name begins alike
    (tmp_path / "m" / "0_x.default.msg.part").write_text("{")  # being written
    (tmp_path / "m" / "0_y.default.msg").write_text("")  # a full disk
    assert channel._size("default") == 2
    assert channel._get("default") == {"n": 1}
    with pytest.raises(broker.Empty):
        channel._get("default")
    assert channel._get("defaults") == {"n": 2}


def test_streams_are_not_held_back_by_compression():
    request = RequestFactory().get("/", headers={"Accept-Encoding": "gzip"})
    stream = CompressPages(
        lambda r: StreamingHttpResponse(iter([b"data: x\n\n"] * 100), content_type="text/event-stream")
    )(request)
    assert not stream.has_header("Content-Encoding")
