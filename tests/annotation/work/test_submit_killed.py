"""The web process is killed while people submit: what was answered is stored, what was not is stored once
when it is sent again."""

import contextlib
import http.client
import json
import os
import random
import signal
import threading
import time

import pytest

from annotation.models import Annotation, AnnotationVersion, Assignment, Item
from core.api.auth import new_key
from tests import processes
from tests.cast import make_item, make_member, make_project

pytestmark = pytest.mark.django_db(transaction=True)


class Client:
    """Asks until it is answered, as the page does: the same body, the same client key."""

    def __init__(self, key):
        self.key, self.base, self.resent = key, "", 0

    def post(self, path, body):
        while True:
            try:
                connection = http.client.HTTPConnection(self.base.removeprefix("http://"), timeout=5)
                headers = {"Authorization": f"Bearer {self.key}", "Content-Type": "application/json"}
                connection.request("POST", path, body=json.dumps(body), headers=headers)
                answer = connection.getresponse()
                raw = answer.read()
                return answer.status, json.loads(raw) if raw else None
            except (OSError, http.client.HTTPException):
                self.resent += 1
                time.sleep(0.05)


def test_kill_nine_in_mid_submit(tmp_path):
    project = make_project("clinic", overlap=2)
    for i in range(60):
        make_item(project, position=i)
    clients = [
        Client(new_key(user=make_member(project, "annotator"), project=project, role="annotator")[1])
        for _i in range(3)
    ]
    answered, wrong = [], []

    def work(client):
        while True:
            status, got = client.post("/api/v1/projects/clinic/next/", {})
            if status == 204:
                return
            pk = got["assignment"]["id"]
            body = {"document": {"ranking": [["A"], ["B"], ["C"]]}, "client_key": f"key-{pk}"}
            status, got = client.post(f"/api/v1/assignments/{pk}/submit/", body)
            (answered if status == 200 else wrong).append((pk, got))

    threads = [threading.Thread(target=work, args=(c,), daemon=True) for c in clients]
    kills, started = 0, False
    while any(t.is_alive() for t in threads) or not started:
        with (
            contextlib.suppress(ProcessLookupError),
            processes.web(log=tmp_path / "web.log") as (process, url),
        ):
            for client in clients:
                client.base = url
            if not started:
                started = True
                for t in threads:
                    t.start()
            if kills < 4:
                until = len(answered) + random.randint(3, 15)
                while len(answered) < until and any(t.is_alive() for t in threads):
                    time.sleep(0.002)
                os.killpg(process.pid, signal.SIGKILL)
                kills += 1
            else:
                for t in threads:
                    t.join(60)
    assert wrong == [] and kills == 4 and sum(c.resent for c in clients) > 0
    assert len(answered) == 120 == Annotation.objects.count() == AnnotationVersion.objects.count()
    assert set(AnnotationVersion.objects.values_list("client_key", flat=True)) == {
        f"key-{pk}" for pk, _got in answered
    }
    assert Item.objects.filter(submitted=2, held=2, state="done").count() == 60
    assert Assignment.objects.filter(slot__isnull=False, state="submitted").count() == 120
