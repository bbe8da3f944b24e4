"""manage.py import_items: its report, exit status, mappings; every format by its content."""

import csv
import io
import json

import pytest
from django.core.management import CommandError, call_command

from annotation.models import Item, SavedMapping
from corpus.models import PromptOrigin, Response
from tests import cast

pytestmark = pytest.mark.django_db


@pytest.fixture
def command(capsys):
    def run(*args, status=0):
        """(the JSON printed, or the text) of one call that must end with `status`."""
        capsys.readouterr()
        ended, said = 0, ""
        try:
            call_command("import_items", *map(str, args))
        except SystemExit as end:
            ended = end.code
        except CommandError as end:
            ended, said = end.returncode, str(end)
        assert ended == status
        out = capsys.readouterr()
        return json.loads(out.out) if "--json" in args else out.out + out.err + said

    return run


def lines(path, *rows):
    path.write_text("".join(json.dumps(r, ensure_ascii=False) + "\n" for r in rows), encoding="utf-8")
    return path


COUNTS = ("read", "imported", "items", "responses", "annotations", "duplicates")
BACKSLASH_NUL = "in C, \\u0000 ends a string"


SHAPES = {
    "alpaca": (
        "ranking",
        [
            {
                "instruction": "问",
                "input": "入",
                "output": "答",
                "system": "你是医生",
                "history": [["q", "a"]],
            },
            {"instruction": BACKSLASH_NUL, "output": "yes"},
        ],
        [2, 2, 2, 2, 0, 0],
    ),
    "sharegpt": (
        "ranking",
        [{"conversations": [{"from": "human", "value": "hi"}, {"from": "gpt", "value": "hello"}]}],
        [1, 1, 1, 1, 0, 0],
    ),
    "chatml": (
        "demonstration",
        [{"messages": [{"role": "user", "content": "hi"}, {"role": "assistant", "content": "hello"}]}],
        [1, 1, 1, 1, 0, 0],
    ),
    "preference": (
        "ranking",
        [
            {"prompt": "q", "chosen": "good", "rejected": "bad"},
            {"prompt": "q", "chosen": "bad", "rejected": "good"},
        ],
        [2, 2, 1, 2, 2, 0],
    ),
    "kto": (
        "ranking",
        [
            {"prompt": "q", "completion": "a", "label": True},
            {"prompt": "q", "completion": "b", "label": False},
        ],
        [2, 2, 2, 2, 2, 0],
    ),
    "ranked": ("ranking", [{"query": "q", "rank1": "a", "rank2": "b", "rank3": "c"}], [1, 1, 1, 3, 1, 0]),
    "list": (
        "ranking",
        [{"prompt": "q", "answers": ["a", "b", "c"]}, {"prompt": "q", "answers": ["c", "b", "a"]}],
        [2, 1, 1, 3, 0, 1],
    ),
    "qa": (
        "qa",
        [
            {"question": "q", "answer": "a", "context": "passage"},
            {"question": "q", "answer": "b", "context": "passage"},
        ],
        [2, 2, 2, 2, 0, 0],
    ),
    "prompts": (
        "demonstration",
        [{"prompt": "one"}, {"prompt": "two"}, {"prompt": "one"}],
        [3, 2, 2, 0, 0, 1],
    ),
    "judges": (
        "ranking",
        [{"prompt": "q", "answer_a": "x", "answer_b": "y", "annotator_wang": "A", "annotator_li": "B"}],
        [1, 1, 1, 2, 2, 0],
    ),
}


@pytest.mark.parametrize("shape", SHAPES)
def test_each_shape_gives_the_counts_its_content_implies_and_again_nothing(shape, command, tmp_path):
    kind, rows, expected = SHAPES[shape]
    project = cast.make_project(kind=kind)
    file = lines(tmp_path / "rows.txt", *rows)
    report = command(project.slug, file, "--json")
    assert [report[n] for n in COUNTS] == expected and report["errors"] == []
    assert report["read"] == report["imported"] + report["duplicates"] + report["refused"]
    again = command(project.slug, file, "--json")
    assert [again[n] for n in COUNTS] == [len(rows), 0, 0, 0, 0, len(rows)]


def test_refused_rows_are_all_named_and_the_exit_status_is_0(command, tmp_path):
    project = cast.make_project()
    rows = [{"prompt": f"q{i}", "chosen": "a", "rejected": "a" if i % 2 else "b"} for i in range(700)]
    report = command(project.slug, lines(tmp_path / "p.jsonl", *rows), "--json")
    assert (report["imported"], report["refused"], len(report["errors"])) == (350, 350, 350)
    assert [e["line"] for e in report["errors"]] == list(range(2, 701, 2))
    assert set(report["errors"][0]) >= {"line", "field", "reason"}


def test_a_file_that_is_none_is_refused_with_status_1(command, tmp_path):
    project = cast.make_project()
    (tmp_path / "b.json").write_bytes(bytes(range(256)) * 50)
    assert command(project.slug, tmp_path / "b.json", "--json", status=1)["error"]["code"]
    assert command(project.slug, tmp_path / "not there", "--json", status=1)["error"]["code"] == "no_file"
    assert command("nobody", tmp_path / "b.json", "--json", status=1)["error"]["code"] == "no_project"
    good = lines(tmp_path / "good.jsonl", {"prompt": "q"})
    assert command(project.slug, good, "--map", "nonsense", "--json", status=1)["error"]["code"] == "mapping"
    assert (
        command(project.slug, good, "--map", "prompt=no such column", "--json", status=1)["error"]["code"]
        == "mapping"
    )
    assert "no such" in command(project.slug, good, "--map", "prompt=no such column", status=1)


def test_a_mapping_is_given_saved_and_used_again(command, tmp_path):
    project = cast.make_project()
    file = lines(
        tmp_path / "odd.jsonl",
        {"frage": "q", "gut": "a", "schlecht": "b"},
        {"frage": "q1", "gut": "a", "schlecht": "b"},
    )
    maps = ["--map", "prompt=frage", "--map", "chosen=gut", "--map", "rejected=schlecht"]
    assert command(project.slug, file, *maps, "--save-mapping", "german", "--json")["annotations"] == 2
    assert SavedMapping.objects.get().mapping == {"prompt": "frage", "chosen": "gut", "rejected": "schlecht"}
    other = lines(
        tmp_path / "more.jsonl",
        {"frage": "q2", "gut": "a", "schlecht": "b"},
        {"frage": "q1", "gut": "a", "schlecht": "b"},
    )
    assert command(project.slug, other, "--mapping", "german", "--json")["annotations"] == 1
    assert (
        command(project.slug, other, "--mapping", "french", "--json", status=1)["error"]["code"]
        == "no_mapping"
    )


def test_files_of_four_models_joined_on_an_id_make_one_four_way_item_each(command, tmp_path):
    project = cast.make_project()
    questions = [{"question_id": i, "text": f"Question {i}?", "category": "x"} for i in range(1, 21)]
    assert (
        command(project.slug, lines(tmp_path / "q.jsonl", *questions), "--join", "question_id", "--json")[
            "items"
        ]
        == 20
    )
    for model in "abcd":
        rows = [
            {"answer_id": f"{model}{i}", "question_id": i, "text": f"{model} answers {i}", "metadata": {}}
            for i in range(1, 22)
        ]
        report = command(
            project.slug,
            lines(tmp_path / f"{model}.jsonl", *rows),
            "--model",
            model,
            "--join",
            "question_id",
            "--json",
        )
        assert (report["imported"], report["responses"], report["items"]) == (20, 20, 0)
        assert [(e["line"], e["field"]) for e in report["errors"]] == [(21, "question_id")]
    assert (
        list(Item.objects.values_list("slot_count", "state").distinct()) == [(4, "open")]
        and Item.objects.count() == 20
    )
    assert set(Response.objects.values_list("model_version__name", flat=True)) == set("abcd")
    assert PromptOrigin.objects.count() == 20


def test_a_gbk_table_with_its_line_numbers(command, tmp_path):
    project = cast.make_project(kind="qa")
    out = io.StringIO(newline="")
    writer = csv.writer(out)
    writer.writerows(
        [["ask", "answer"], ["高血压\n能吃党参吗？", "可以，“适量”。"], ["头痛", ""], ["=SUM(1)", "+1"]]
    )
    (tmp_path / "t.csv").write_bytes(out.getvalue().encode("gbk"))
    report = command(project.slug, tmp_path / "t.csv", "--json")
    assert (report["imported"], report["encoding"]) == (2, "gb18030")
    assert [e["line"] for e in report["errors"]] == [4]
    assert set(Response.objects.values_list("text", flat=True)) == {"可以，“适量”。", "+1"}


def test_a_dry_run_writes_nothing(command, tmp_path):
    project = cast.make_project()
    file = lines(tmp_path / "p.jsonl", {"prompt": "q", "chosen": "a", "rejected": "b"})
    report = command(project.slug, file, "--dry-run", "--json")
    assert report["imported"] == 1 and report["dry_run"] is True and Item.objects.count() == 0
    assert "Nothing was written" in command(project.slug, file, "--dry-run")


def test_without_json_it_tells_people(command, tmp_path):
    project = cast.make_project()
    text = command(project.slug, lines(tmp_path / "p.jsonl", {"prompt": "q", "chosen": "a", "rejected": "a"}))
    assert "1 read, 0 imported" in text and "line 1, rejected" in text
