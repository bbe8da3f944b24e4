"""manage.py import_feedback: existing logs, their rows as they were said, none twice."""

import gzip
import io
import json
from datetime import UTC, datetime

import pytest
from django.core.management import call_command

from core.errors import DomainError
from corpus.readers.errors import RowRefused
from feedback.conversations import end_users
from feedback.ingest.import_log import import_log
from feedback.ingest.log_columns import DOWN, UP, thumb_of
from feedback.models import ChatSettings, Choice, Conversation, Message, Reaction
from tests.cast import make_project
from tests.feedback.ingest.ingesting import choice

pytestmark = pytest.mark.django_db


@pytest.fixture
def take(tmp_path):
    project = make_project()

    def run(name: str, content, **options):
        path = tmp_path / name
        if isinstance(content, list):
            content = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in content)
        path.write_bytes(
            content if isinstance(content, bytes) else content.encode(options.pop("write", "utf-8"))
        )
        return import_log(project=project, actor=None, path=path, **options)

    run.project = project
    return run


def numbers(report: dict) -> dict:
    return {k: v for k, v in report.items() if isinstance(v, int) and v}


def test_chat_jsonl_with_feedback(take):
    rows = [
        {
            "messages": [
                {"role": "system", "content": "S"},
                {"role": "user", "content": "  问\r\n"},
                {"role": "assistant", "content": "答", "rating": -1},
            ],
            "user": 7,
            "model": "m1",
            "score": 2,
            "comment": "差",
            "timestamp": 1750000000,
        },
        {
            "messages": [{"role": "user", "content": "q2"}, {"role": "assistant", "content": "a2"}],
            "feedback": {"value": "up", "reason": "clear, other", "comment": "c"},
        },
        {
            "messages": [{"role": "user", "content": "q3"}, {"role": "assistant", "content": "a3"}],
            "liked": False,
            "correction": "better",
        },
        {"messages": [{"role": "user", "content": "only asked"}]},
    ]
    ChatSettings.objects.create(project=take.project, up_reasons=[{"key": "clear"}])
    report = take("log.jsonl", rows)
    assert numbers(report) == {"read": 4, "imported": 4, "conversations": 4, "messages": 7, "reactions": 5}
    first = Conversation.objects.get(system="S")
    assert (first.source, first.end_user, first.created_at) == (
        "import",
        end_users.of_key(take.project, "7"),
        datetime.fromtimestamp(1750000000, UTC),
    )
    answer = first.messages.get(role="assistant")
    assert (answer.parent.text, answer.model_version.name) == ("  问\r\n", "m1")
    said = [
        (r.kind, r.value, r.text, r.reasons, r.tags, (r.message or r.conversation.messages.last()).text)
        for r in Reaction.objects.order_by("pk")
    ]
    assert said == [
        ("thumb", -1, "", [], [], "答"),
        ("score", 2, "差", [], [], "答"),
        ("thumb", 1, "c", ["clear"], ["other"], "a2"),
        ("thumb", -1, "", [], [], "a3"),
        ("correction", None, "better", [], [], "a3"),
    ]
    assert numbers(take("log.jsonl", rows)) == {"read": 4, "duplicates": 4}
    assert numbers(take("again.jsonl.gz", gzip.compress((json.dumps(rows[0]) + "\n").encode()))) == {
        "read": 1,
        "duplicates": 1,
    }
    more = rows[1] | {"feedback": {"value": "down"}}
    assert numbers(take("more.jsonl", [more])) == {"read": 1, "imported": 1, "reactions": 1}
    assert Message.objects.count() == 7


def test_sharegpt(take):
    rows = [
        {
            "id": "x1",
            "conversations": [
                {"from": "human", "value": "q"},
                {"from": "gpt", "value": "a"},
                {"from": "human", "value": "q2"},
                {"from": "gpt", "value": "b"},
            ],
        },
        {
            "id": "x2",
            "conversations": [
                {"from": "human", "value": "t"},
                {"from": "function_call", "value": '{"name": "f", "arguments": {"a": 1}}'},
                {"from": "observation", "value": "1"},
                {"from": "gpt", "value": "done"},
            ],
            "thumb": "赞",
        },
        {"id": "x3", "conversations": [{"from": "martian", "value": "q"}]},
    ]
    report = take("s.json", json.dumps(rows, ensure_ascii=False))
    assert numbers(report) == {
        "read": 3,
        "imported": 2,
        "conversations": 2,
        "messages": 8,
        "reactions": 1,
        "refused": 1,
    }
    assert (report["errors"][0]["field"], report["errors"][0]["code"]) == ("conversations", "role")
    tools = Conversation.objects.last().messages.order_by("pk")
    assert [(m.role, m.text, bool(m.extra)) for m in tools] == [
        ("user", "t", False),
        ("assistant", "", True),
        ("tool", "1", False),
        ("assistant", "done", False),
    ]


THUMBS = [
    ("True", 1),
    ("true", 1),
    ("1", 1),
    ("+1", 1),
    ("1.0", 1),
    ("赞", 1),
    ("up", 1),
    ("UP", 1),
    ("like", 1),
    ("👍", 1),
    ("👍🏽", 1),
    ("good", 1),
    (" 好 ", 1),
    ("False", -1),
    ("false", -1),
    ("0", -1),
    ("-1", -1),
    ("踩", -1),
    ("down", -1),
    ("dislike", -1),
    ("👎", -1),
    ("bad", -1),
    ("差", -1),
    (True, 1),
    (False, -1),
    (1, 1),
    (-1, -1),
    (0, -1),
    (1.0, 1),
    ("", None),
    (None, None),
    ("None", None),
    ("nan", None),
]


def test_thumbs_are_told_by_their_words():
    for value, meant in THUMBS:
        assert thumb_of(value, "c") == meant, value
    assert thumb_of("0", "c", zero="none") is None
    assert not UP & DOWN
    for value in ("maybe", "2", "5", "10", "不", "like it", "truee", 2, 0.5, [1], {"a": 1}):
        with pytest.raises(RowRefused, match="neither up nor down"):
            thumb_of(value, "c")


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030", "utf-16"])
def test_a_table_of_thumbs(take, encoding):
    table = "问题,回答,点赞,备注,用户\r\n" + "".join(
        f'"高血压能喝酒吗？{i}","不建议。\n尤其是服药期间{i}",{thumb},{comment},u{i % 2}\r\n'
        for i, (thumb, comment) in enumerate(
            [("True", ""), ("False", "太短"), ("赞", ""), ("", ""), ("maybe", ""), ("", "只有评论")]
        )
    )
    report = take("t.csv", table, write=encoding)
    assert numbers(report) == {
        "read": 6,
        "imported": 4,
        "conversations": 4,
        "messages": 8,
        "reactions": 3,
        "refused": 2,
    }
    assert [(e["line"], e["field"], e["code"]) for e in report["errors"]] == [
        (10, "点赞", "thumb"),
        (12, "备注", "alone"),
    ]
    assert [(r.value, r.text, r.message.text) for r in Reaction.objects.order_by("pk")] == [
        (1, "", "不建议。\n尤其是服药期间0"),
        (-1, "太短", "不建议。\n尤其是服药期间1"),
        (1, "", "不建议。\n尤其是服药期间2"),
    ]
    assert numbers(take("t2.csv", table, write="utf-8")) == {"read": 6, "duplicates": 4, "refused": 2}


def test_a_table_of_ids_waits_for_its_answers(take):
    table = (
        "message_id,liked,user_id,created_at\nm1,False,3,2026-01-01 "
        "08:00:00\nm1,True,4,2026-01-01T08:00:00+08:00\n,True,4,\nm2,yes,5,soon\n"
    )
    report = take("t.csv", table)
    assert numbers(report) == {"read": 4, "imported": 2, "reactions": 2, "refused": 2}
    assert [(e["line"], e["field"], e["code"]) for e in report["errors"]] == [
        (4, "message_id", "no_target"),
        (5, "created_at", "time"),
    ]
    assert set(Reaction.objects.values_list("value", "target_external", "message")) == {
        (-1, "m1", None),
        (1, "m1", None),
    }
    take(
        "c.jsonl",
        [{"messages": [{"role": "user", "content": "q"}, {"role": "assistant", "content": "a", "id": "m1"}]}],
    )
    assert Reaction.objects.filter(message__text="a").count() == 2


def test_turns_of_one_conversation_follow_each_other(take):
    table = "session_id,prompt,response,rating\n" + "".join(
        f"s{i % 2},q{i},a{i},{(i % 5) + 1}\n" for i in range(6)
    )
    report = take("t.csv", table)
    assert numbers(report) == {"read": 6, "imported": 6, "conversations": 2, "messages": 12, "reactions": 6}
    found = {
        m.text: m.parent and m.parent.text for m in Message.objects.filter(conversation__external_id="s0")
    }
    assert found == {"q0": None, "a0": "q0", "q2": "a0", "a2": "q2", "q4": "a2", "a4": "q4"}
    assert Reaction.objects.filter(kind="score", conversation__external_id="s1").count() == 3
    assert numbers(take("t.csv", table)) == {"read": 6, "duplicates": 6}


def turn_log(*rows, conversation="s", **more) -> list[dict]:
    """A log of turns: (question, answer, what else stands in the row)."""
    return [
        {"conversation_id": conversation, "user": "ann", "prompt": q, "response": a, **more, **extra}
        for q, a, extra in rows
    ]


def tree() -> dict:
    return {m.text: m.parent and m.parent.text for m in Message.objects.select_related("parent")}


MONDAY = [("q1", "a1", {}), ("q2", "a2", {}), ("q3", "a3", {})]
TUESDAY = [("q1", "a1", {}), ("q2", "a2", {"thumb": "up"}), ("q3", "a3", {"thumb": "down"})]


def test_a_log_of_turns_taken_again_with_thumbs_adds_the_thumbs_alone(take):
    take("monday.jsonl", turn_log(*MONDAY))
    before = tree()
    assert numbers(take("tuesday.jsonl", turn_log(*TUESDAY))) == {
        "read": 3,
        "imported": 2,
        "reactions": 2,
        "duplicates": 1,
    }
    assert Message.objects.count() == 6 and tree() == before
    assert {(r.message.text, r.value) for r in Reaction.objects.all()} == {("a2", 1), ("a3", -1)}
    # Every row once more, all of them with something new.
    wednesday = [(q, a, more | {"model": "m1", "thumb": "up"}) for q, a, more in TUESDAY]
    assert numbers(take("wednesday.jsonl", turn_log(*wednesday))) == {
        "read": 3,
        "imported": 2,
        "reactions": 2,
        "duplicates": 1,
    }
    assert Message.objects.count() == 6 and {r.value for r in Reaction.objects.filter(current=True)} == {1}


def test_a_log_of_turns_that_has_grown_adds_what_is_new(take):
    take("monday.jsonl", turn_log(*MONDAY[:2]))
    report = take("tuesday.jsonl", turn_log(*TUESDAY, ("q4", "a4", {"thumb": "up"})))
    assert numbers(report) == {"read": 4, "imported": 3, "messages": 4, "reactions": 3, "duplicates": 1}
    assert tree() == {
        "q1": None,
        "a1": "q1",
        "q2": "a1",
        "a2": "q2",
        "q3": "a2",
        "a3": "q3",
        "q4": "a3",
        "a4": "q4",
    }


def test_a_log_of_turns_that_has_got_ids_is_the_same_log(take):
    """The answers are called by them from then on: what is said of these ids finds them."""
    take("monday.jsonl", turn_log(*MONDAY, system="S"))
    with_ids = [(q, a, more | {"message_id": f"m{i}"}) for i, (q, a, more) in enumerate(TUESDAY)]
    assert numbers(take("tuesday.jsonl", turn_log(*with_ids, system="S"))) == {
        "read": 3,
        "imported": 3,
        "reactions": 2,
    }
    assert Message.objects.count() == 6
    take("thumbs.csv", "message_id,liked,user\nm0,True,ann\n")
    assert Reaction.objects.get(target_external="m0").message.text == "a1"


def test_equal_turns_that_follow_each_other_stay_apart(take):
    rows = [("go on", "more", {}), ("go on", "more", {}), ("go on", "more", {"thumb": "up"})]
    take("monday.jsonl", turn_log(*rows))
    assert Message.objects.count() == 6
    take("tuesday.jsonl", turn_log(*[(q, a, {"thumb": "down"}) for q, a, _more in rows]))
    assert Message.objects.count() == 6 and Reaction.objects.filter(current=True, value=-1).count() == 3


def test_columns_that_are_not_taken_are_named(take):
    report = take(
        "log.jsonl",
        turn_log(
            ("q", "a", {"verdict_of_user": "+", "trace": {"x": 1}}),
            ("q2", "a2", {"verdict_of_user": "-", "trace": None}),
        ),
    )
    assert (report["feedback_columns"], report["not_taken"]) == ({}, {"verdict_of_user": 2, "trace": 1})
    nested = {
        "messages": [
            {"role": "user", "content": "q"},
            {"role": "assistant", "content": "b", "liked": True, "latency": 3},
        ],
        "feedback": {"value": "up", "by": "x"},
    }
    report = take("nested.jsonl", [nested | {"prompt": "of nothing"}])
    assert report["not_taken"] == {"prompt": 1, "feedback.by": 1, "messages.latency": 1}
    assert report["feedback_columns"] == {"thumb": "feedback"}
    assert take("known.csv", "message_id,liked\nm1,True\n")["feedback_columns"] == {"thumb": "liked"}


def test_the_command_says_that_it_found_no_feedback(take, tmp_path, capsys):
    path = tmp_path / "log.csv"
    path.write_text("prompt,response,sterne\nq,a,5\n")
    call_command("import_feedback", take.project.slug, str(path))
    out = capsys.readouterr().out
    assert "No column of this file was recognised as feedback" in out and "sterne (1)" in out


def test_columns_named_by_hand(take):
    table = "A;B;C\nq;a;1\nq2;a2;5\n"
    report = take(
        "t.csv", table, mapping={"prompt": "A", "response": "B", "thumb": "C"}, delimiter=";", model="m9"
    )
    assert numbers(report) == {
        "read": 2,
        "imported": 1,
        "conversations": 1,
        "messages": 2,
        "reactions": 1,
        "refused": 1,
    }
    assert Message.objects.get(role="assistant").model_version.name == "m9"
    report = take("r.csv", "prompt,response,rating\nq9,a9,-1\n")
    assert "--map thumb=rating" in report["errors"][0]["reason"]
    assert (
        numbers(take("r.csv", "prompt,response,rating\nq9,a9,-1\n", mapping={"thumb": "rating"}))["reactions"]
        == 1
    )
    with pytest.raises(DomainError, match="no field"):
        take("t.csv", table, mapping={"nonsense": "A"})


def test_rows_of_the_api_in_a_file(take):
    rows = [
        choice(),
        {"type": "reaction", "kind": "thumb", "value": "up", "target": "x", "id": "own"},
        {"type": "reaction", "kind": "thumb", "value": "Up", "target": "x"},
    ]
    report = take("api.jsonl", rows)
    assert numbers(report) == {
        "read": 3,
        "imported": 2,
        "conversations": 1,
        "messages": 3,
        "reactions": 1,
        "choices": 1,
        "refused": 1,
    }
    assert (report["errors"][0]["line"], report["errors"][0]["field"]) == (3, "value")
    assert numbers(take("api.jsonl", rows)) == {"read": 3, "duplicates": 2, "refused": 1}
    assert Choice.objects.count() == 1


def test_bad_lines_are_named_and_the_others_taken(take):
    good = json.dumps({"prompt": "q", "response": "a", "thumb": "up"})
    lines = [
        good,
        "{broken",
        '{"prompt": "x", "response": "\\u0000"}',
        '{"prompt": "x", "response": "\\ud800"}',
        '{"prompt": 5}',
        '{"thumb": "up"}',
        '["a"]',
        "{}",
        '{"prompt": "x", "response": "y", "score": 7}',
        '{"prompt": "x", "prompt": "y"}',
        good.replace("q", "q2"),
    ]
    report = take("bad.jsonl", "\n".join(lines) + "\n")
    assert (report["read"], report["imported"], report["refused"]) == (11, 2, 9)
    assert [e["line"] for e in report["errors"]] == list(range(2, 11))
    assert all(e["reason"] and e["code"] for e in report["errors"])


def test_files_that_are_none(take):
    for content, code in (
        (b"", "empty"),
        (b"\x89PNG\r\n\x1a\n" + bytes(100), "binary"),
        (b"<!doctype html><html></html>", "html"),
    ):
        with pytest.raises(DomainError) as refused:
            take("x.csv", content)
        assert refused.value.code == code


def test_the_command_prints_one_object(tmp_path):
    project = make_project()
    path = tmp_path / "log.csv"
    path.write_text("prompt,response,like\nq,a,True\nq,a,perhaps\n", encoding="utf-8")
    out = io.StringIO()
    call_command("import_feedback", project.slug, str(path), "--json", stdout=out)
    report = json.loads(out.getvalue())
    assert (report["read"], report["imported"], report["reactions"], len(report["errors"])) == (2, 1, 1, 1)
    assert {"line", "field", "reason"} <= set(report["errors"][0])
    for arguments, code in (
        (["nobody", str(path)], "no_project"),
        ([project.slug, "/no/file"], "no_file"),
        ([project.slug, str(path), "--map", "x"], "mapping"),
    ):
        out = io.StringIO()
        with pytest.raises(SystemExit) as ended:
            call_command("import_feedback", *arguments, "--json", stdout=out)
        assert ended.value.code == 1
        assert json.loads(out.getvalue())["error"]["code"] == code
    out = io.StringIO()
    call_command("import_feedback", project.slug, str(path), stdout=out)
    assert "perhaps" in out.getvalue()


def test_a_long_log_needs_no_more_memory(take):
    import tracemalloc

    lines = "".join(
        json.dumps(
            {"prompt": f"q{i}", "response": "答" * 500, "thumb": "up", "user": f"u{i % 50}"},
            ensure_ascii=False,
        )
        + "\n"
        for i in range(6000)
    )
    take("warm.jsonl", lines[:20_000].rpartition("\n")[0])
    tracemalloc.start()
    report = take("long.jsonl", lines)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert report["read"] == 6000
    assert peak < 25_000_000
