"""The practice server: what it answers, how it speaks, how it lives and dies."""

import contextlib
import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time

import pytest
from django.conf import settings

from inference import allowlist, client, practice
from inference.practice_answers import FAR, GRADES, load, pieces
from tests.processes import ROOT, until
from tests.servers import die_with_parent, free_port

METFORMIN = "二甲双胍 eGFR 28 还能继续吃吗？"


@pytest.fixture(scope="module")
def answers():
    return load(settings.PRACTICE_DATA, settings.PRACTICE_GRADES)


@pytest.fixture(scope="module")
def port(answers):
    server = practice.Server(practice.listen(), answers, 0)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
    yield server.server_address[1]
    server.shutdown()
    server.server_close()


def ask(port, text, model="practice-good", **parameters):
    up = client.Upstream(
        allowlist.Target("http", "127.0.0.1", port, "127.0.0.1", "/v1"),
        model,
        parameters={"temperature": 0, **parameters},
    )
    found = list(client.stream_chat(up, [{"role": "user", "content": text}]))
    return "".join(p.text for p in found), found


def post(port, body, path="/v1/chat/completions"):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    with contextlib.closing(connection):
        connection.request("POST", path, body if isinstance(body, bytes) else json.dumps(body).encode())
        answer = connection.getresponse()
        return answer.status, json.loads(answer.read())


def test_every_question_of_the_demo_is_found_and_answered_in_four_ways(answers):
    assert len(answers.entries) >= 50
    for entry in answers.entries:
        assert answers.nearest(entry.question, entry.context)[0][1] is entry
        said = [answers.answer(entry.question, entry.context, grade, 0, None)[0] for grade in GRADES]
        assert len(set(said)) == len(GRADES) and all(said), entry.question
        assert all("".join(pieces(text)) == text for text in said)


@pytest.mark.parametrize(
    ("question", "word"),
    [
        (METFORMIN, "停用"),
        ("试用期三个月合法吗", "两个月"),
        ("胸痛能用硝酸甘油吗", "右室"),
        ("can I take losartan when pregnant", "ARB"),
        ("what is the WACC", "7.8"),
        ("Is a price tag in a shop window an offer?", "invitation to treat"),
        ("肌酐清除率怎么算", "0.85"),
    ],
)
def test_questions_in_ones_own_words_find_theirs(answers, question, word):
    assert word in answers.answer(question, "", "good", 0, None)[0]


@pytest.mark.parametrize(
    ("question", "language"),
    [
        ("你好", "zh"),
        ("写一首诗", "zh"),
        ("hello", "en"),
        ("Tell me a joke about cats", "en"),
        ("😀", "en"),
        ("", "en"),
    ],
)
def test_what_is_not_near_is_said_honestly_in_the_questions_language(answers, question, language):
    text, sources = answers.answer(question, "", "good", 0, None)
    assert text.startswith(FAR[language]) and text.count("\n- ") == 3 and not sources


def test_a_follow_up_is_told_apart_by_what_was_said_before(answers):
    entry = next(e for e in answers.entries if e.context)
    assert answers.nearest(entry.question, entry.context)[0][1] is entry


def test_temperature_picks_among_the_answers(answers):
    assert {answers.answer(METFORMIN, "", "good", 0, n)[0] for n in range(20)} == {
        answers.answer(METFORMIN, "", "good", 0, None)[0]
    }
    warm = [answers.answer(METFORMIN, "", "good", 1, n)[0] for n in range(60)]
    assert len(set(warm)) == 4 and warm == [answers.answer(METFORMIN, "", "good", 1, n)[0] for n in range(60)]
    assert warm.count(answers.answer(METFORMIN, "", "good", 0, None)[0]) > 30


def test_it_streams_what_it_says_whole(port):
    text, found = ask(port, METFORMIN, stream_options={"include_usage": True})
    assert (
        text.startswith("**应停用二甲双胍。**")
        and found[-2].finish == "stop"
        and sum(bool(p.text) for p in found) > 50
    )
    status, whole = post(
        port,
        {"model": "practice-good", "temperature": 0, "messages": [{"role": "user", "content": METFORMIN}]},
    )
    assert (
        status == 200
        and whole["choices"][0]["message"]["content"] == text
        and whole["usage"] == found[-1].usage
    )
    assert ask(port, METFORMIN, "practice-wrong")[0] != text


def test_it_names_what_it_rests_on(port):
    _text, found = ask(
        port, "客户持有该产品 8 个月后，在开放日上午申请赎回，需要付多少赎回费？资金什么时候到账？"
    )
    told = [p.sources for p in found if p.sources]
    assert len(told) == 1 and told[0][0]["title"].startswith("稳健增利") and "0.5%" in told[0][0]["text"]


def test_it_ends_where_it_is_told(port):
    text, found = ask(port, METFORMIN, max_tokens=5)
    assert found[-1].finish == "length" and text == "".join(pieces(ask(port, METFORMIN)[0])[:5])


GOOD = {"model": "practice-good", "messages": [{"role": "user", "content": "x"}]}


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        (b"{", 400, "bad_json"),
        (b"[]", 400, "bad_json"),
        (b"[" * 100_000, 400, "bad_json"),
        (GOOD | {"model": "gpt-5"}, 404, "model_not_found"),
        (GOOD | {"model": None}, 404, "model_not_found"),
        (GOOD | {"messages": []}, 400, "bad_messages"),
        (GOOD | {"messages": "x"}, 400, "bad_messages"),
        (GOOD | {"messages": [{"role": "system", "content": "x"}]}, 400, "bad_messages"),
        (GOOD | {"temperature": "hot"}, 400, "bad_value"),
        (GOOD | {"temperature": 3}, 400, "bad_value"),
        (GOOD | {"max_tokens": 0}, 400, "bad_value"),
        (GOOD | {"max_tokens": True}, 400, "bad_value"),
    ],
)
def test_errors_are_in_openais_form(port, body, status, code):
    got, value = post(port, body)
    assert (
        got == status
        and value["error"]["code"] == code
        and value["error"]["message"]
        and value["error"]["type"] == "invalid_request_error"
    )


@pytest.mark.parametrize(
    "content", [None, 5, [], [{"type": "text", "text": METFORMIN}], "\ud800", "a\x00b", "x" * 100_000]
)
def test_odd_messages_break_nothing(port, content):
    status, value = post(
        port, GOOD | {"messages": [{"role": "user", "content": content}], "temperature": None}
    )
    assert status == 200 and value["choices"][0]["message"]["content"]


def test_other_addresses_and_large_bodies(port):
    assert post(port, GOOD, "/v1/completions")[0] == 404
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    connection.putrequest("POST", "/v1/chat/completions")
    connection.putheader("Content-Length", str(1 << 40))
    connection.endheaders()
    assert connection.getresponse().status == 413
    connection.close()


def test_it_writes_at_a_readable_pace(answers):
    server = practice.Server(practice.listen(), answers, 40)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
    begun = time.monotonic()
    _text, found = ask(server.server_address[1], METFORMIN, max_tokens=40)
    assert 0.9 < time.monotonic() - begun < 1.8 and sum(bool(p.text) for p in found) >= 35
    server.shutdown()
    server.server_close()


def healthy(port) -> bool:
    with contextlib.suppress(OSError):
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=2)
        connection.request("GET", "/health")
        return connection.getresponse().status == 200
    return False


def test_it_is_small_and_dies_with_its_parent(tmp_path):
    """A parent of its own, killed with -9; the port is free again."""
    port = free_port()
    code = (
        "import os, socket, sys, time; sys.path.insert(0, '.'); "
        "os.environ.setdefault('DJANGO_SETTINGS_MODULE', 'config.settings')\n"
        "import django; django.setup()\n"
        "from config import processes; from inference import practice\n"
        f"s = practice.listen({port}); c = "
        f"processes.start_child(processes.practice_command(s.fileno()), pass_fds=(s.fileno(),))\n"
        "print(c.pid, flush=True); time.sleep(600)"
    )
    env = {**os.environ, "DATA_DIR": str(tmp_path), "DJANGO_SETTINGS_MODULE": "config.settings"}
    parent = subprocess.Popen(
        [sys.executable, "-c", code],
        cwd=ROOT,
        env=env,
        stdout=subprocess.PIPE,
        text=True,
        preexec_fn=die_with_parent(signal.SIGKILL),
    )
    child = int(parent.stdout.readline())
    until(lambda: healthy(port), "the practice server")
    with open(f"/proc/{child}/status") as status:
        memory = next(int(line.split()[1]) for line in status if line.startswith("VmRSS"))
    assert memory < 60_000, f"{memory} kB"
    parent.kill()
    parent.wait(10)
    parent.stdout.close()
    until(lambda: not healthy(port), "its end")
    with socket.socket() as again:
        again.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        again.bind(("127.0.0.1", port))


def test_the_command_says_where_it_answers(tmp_path):
    env = {
        **os.environ,
        "DATA_DIR": str(tmp_path),
        "DJANGO_SETTINGS_MODULE": "config.settings",
        "PYTHONUNBUFFERED": "1",
    }
    process = subprocess.Popen(
        [sys.executable, "manage.py", "practice", "--pace", "0"],
        cwd=ROOT,
        env=env,
        stdout=subprocess.PIPE,
        text=True,
        preexec_fn=die_with_parent(signal.SIGKILL),
    )
    line = process.stdout.readline()
    port = int(line.split("http://127.0.0.1:")[1].split("/v1")[0])
    assert ask(port, "hello")[0].startswith("This is a **practice server**")
    taken = subprocess.run(
        [sys.executable, "manage.py", "practice", "--port", str(port)],
        cwd=ROOT,
        env=env,
        capture_output=True,
        text=True,
    )
    assert taken.returncode == 1 and "Traceback" not in taken.stderr and str(port) in taken.stderr
    process.send_signal(signal.SIGINT)
    assert process.wait(10) == 0
    process.stdout.close()
