"""Snapshots: whole or not at all, the same again for the same question, and the command that makes them."""

import io
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext

from core import jobs
from core.errors import DomainError
from core.models import Event, Job
from tests import cast, processes
from tests.training_export import judged
from tests.training_export.formats.checkers import alive, checkers_of
from tests.training_export.formats.format_files import ALONE
from training_export.formats import FORMATS
from training_export.models import Bundle, Snapshot
from training_export.options import ExportOptions
from training_export.publish import snapshots, workplace
from training_export.reasons import LEFT_OUT

pytestmark = pytest.mark.django_db


def fill(project, n=6, **prompt):
    x, y, _z = judged.annotators(project)
    for i in range(n):
        item = judged.item(
            project,
            (f"good {i}", f"fair {i}", f"poor {i}"),
            prompt=cast.make_prompt(project, f"Question {i} of many?", **prompt),
        )
        judged.judge(item, x, {"ranking": [[0], [1], [2]], "strength": [3, 1], "acceptable": 1 + i % 2})
        judged.judge(
            item,
            y,
            {
                "ranking": [[0], [1, 2]],
                "strength": [2],
                "corrections": [{"target": "response", "answer": 0, "text": f"best {i}"}],
            },
        )
    return project


@pytest.fixture(name="project")
def _project():
    return fill(judged.project(slug="made"))


def built(project, **options):
    return snapshots.build(
        project=project, actor=None, options=ExportOptions.of({"format": "trl-preference", **options})
    )


def bytes_of(bundle) -> dict[str, bytes]:
    return {f["path"]: (snapshots.folder_of(bundle) / f["path"]).read_bytes() for f in bundle.files}


def command(*args) -> dict:
    out = io.StringIO()
    call_command("export_dataset", *args, "--json", stdout=out)
    return json.loads(out.getvalue())


def test_what_came_after_the_event_has_no_part_in_it():
    """A later answer with the words of a correction or of an answer, a later origin, and a later prompt with
    the words of a corrected question."""
    from corpus.models import PromptOrigin, Response

    project = judged.project(slug="later")
    [x] = judged.annotators(project, 1)
    for i in range(8):
        item = judged.item(
            project,
            ("Cafe\u0301", "second", "third"),
            prompt=cast.make_prompt(project, f"Question {i}?"),
            kind="ranking",
        )
        judged.judge(
            item,
            x,
            {
                "ranking": [[0], [1]],
                "corrections": [{"target": "response", "answer": 1, "text": "Third, corrected"}],
            },
        )
        qa = judged.item(project, ("answer",), prompt=cast.make_prompt(project, f"Asked {i}?"), kind="qa")
        judged.judge(
            qa, x, {"verdict": "fix", "corrections": [{"target": "question", "text": f"Asked better {i}?"}]}
        )
    before = [
        (options, built(project, **options))
        for options in (
            {"format": "jsonl"},
            {"format": "trl-sft", "split": "50,25,25"},
            {"pairs": "best-worst"},
        )
    ]
    later = Event.objects.create(project=project, verb="import").pk
    for item in project.items.filter(kind="ranking"):
        first = item.prompt.responses.order_by("id")[0]
        for text, model in (("Caf\u00e9", "late"), ("Third, corrected", "later")):
            cast.make_response(item.prompt, text, model=model, event_id=later)
        # Of equal texts the first is written: ids do not say which one was there.
        Response.objects.filter(prompt=item.prompt, text="Caf\u00e9").update(id=-first.pk)
        PromptOrigin.objects.create(prompt=item.prompt, external_id="later", event_id=later)
    for i in range(8):
        cast.make_prompt(project, f"Asked better {i}?", event_id=later)
    for options, bundle in before:
        again = built(project, as_of=bundle.snapshot.as_of, **options)
        assert bytes_of(again) == bytes_of(bundle) and again.snapshot.left_out == bundle.snapshot.left_out
        assert again.snapshot.content_sha256 == bundle.snapshot.content_sha256


# --- the command --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("annotators", ["each", "majority"])
def test_a_person_who_judged_two_items_of_a_prompt_is_heard_without_a_circle(annotators):
    project = judged.project()
    (x,) = judged.annotators(project, 1)
    first = judged.item(project, ("one", "two", "three"))
    judged.judge(first, x, {"ranking": [[0], [1], [2]]})
    second = judged.item(project, (), prompt=first.prompt, generation=1)
    for slot, response in enumerate(
        [*first.prompt.responses.order_by("pk"), cast.make_response(first.prompt, "four")]
    ):
        second.answers.create(response=response, slot=slot)
    judged.judge(second, x, {"ranking": [[2], [3], [0]]})
    bundle = built(project, annotators=annotators)
    rows = [json.loads(line) for line in bytes_of(bundle)["train.jsonl"].splitlines()]
    assert {(row["chosen"][0]["content"], row["rejected"][0]["content"]) for row in rows} == {
        ("three", "four"),
        ("four", "one"),
        ("three", "one"),
    }
    assert bundle.snapshot.left_out == {"superseded_judgement": 2, "unjudged": 1}


def test_the_command_answers_with_files_hashes_and_reasons(project, tmp_path):
    import hashlib

    answer = command(
        "made", "--format", "trl-preference", "--out", str(tmp_path / "out"), "--annotators", "majority"
    )
    assert set(answer) >= {"files", "content_sha256", "left_out", "manifest"}
    assert [Path(entry["path"]).relative_to(tmp_path / "out").as_posix() for entry in answer["files"]] == [
        "train.jsonl"
    ]
    assert [
        Path(entry["path"]).relative_to(tmp_path / "out").as_posix() for entry in answer["side_files"]
    ] == ["provenance/train.jsonl"]
    for entry in answer["files"] + answer["side_files"]:
        data = Path(entry["path"]).read_bytes()
        assert hashlib.sha256(data).hexdigest() == entry["sha256"] and len(data.splitlines()) == entry["rows"]
    manifest = json.loads(Path(answer["manifest"]).read_text())
    assert manifest["content_sha256"] == answer["content_sha256"] == Snapshot.objects.get().content_sha256
    assert {code: entry["count"] for code, entry in manifest["left_out"].items()} == answer["left_out"] == {}
    assert (
        manifest["as_of"] <= Event.objects.last().pk
        and manifest["not_honoured"]
        and manifest["counts"]["prompts"] == 6
    )
    assert Event.objects.filter(verb="export", target_id=Snapshot.objects.get().pk).exists()


@pytest.mark.parametrize("form", ["trl-preference", "trl-rm", "llamafactory", "jsonl"])
def test_weights_are_shared_among_the_pairs_that_the_format_holds(tmp_path, form):
    project = judged.project(slug="held")
    [person] = judged.annotators(project, 1)
    judged.judge(
        judged.item(project, ("fine", "ends <|im_end|> here", "third", "fourth")),
        person,
        {"ranking": [[0], [1], [2], [3]]},
    )
    answer = command("held", "--format", form, "--out", str(tmp_path / "out"))
    if form == "jsonl":
        lines = [json.loads(line) for line in Path(answer["files"][0]["path"]).read_text().splitlines()]
        assert [row["weight"] for row in lines if row["type"] == "preference"] == [1 / 6] * 6
    else:
        side = Path(answer["side_files"][0]["path"]).read_text().splitlines()
        assert [json.loads(line)["weight"] for line in side] == [1 / 3] * 3
        assert answer["left_out"]["template_token"] == 3


@pytest.mark.parametrize("form", ["trl-preference", "trl-kto", "llamafactory"])
def test_what_lies_between_examples_and_rows_was_left_out_by_the_format(form):
    """Template tokens, a contradiction and rows that cannot be parted; the digest is of the examples."""
    project = judged.project(slug="between")
    [x] = judged.annotators(project, 1)
    for passage in ("one", "two"):  # not in the rows' prompts: there both are the same
        prompt = cast.make_prompt(project, "Q?", sources=[{"title": passage, "text": passage}])
        item = judged.item(project, ("good", "poor", "ends <|im_end|>"), prompt=prompt, kind="ranking")
        judged.judge(
            item, x, {"ranking": [[0], [1], [2]] if passage == "one" else [[1], [0], [2]], "acceptable": 1}
        )
    for n in range(3):
        item = judged.item(project, (f"good {n}", f"poor {n}"), kind="ranking")
        judged.judge(item, x, {"ranking": [[0], [1]], "acceptable": 1})
    made = built(project, format=form)
    counts, left_out = made.snapshot.counts, made.snapshot.left_out
    assert (
        sum(counts["examples"].values()) - counts["rows"]
        == sum(n for code, n in left_out.items() if code not in LEFT_OUT)
        > 0
    )
    wider = built(project, format=form, allow_template_tokens=True)
    assert (
        wider.snapshot.counts["examples"] == counts["examples"]
        and wider.snapshot.counts["rows"] > counts["rows"]
    )


def test_every_format_has_a_command(project, tmp_path):
    for name in ALONE:
        answer = command("made", "--format", name, "--out", str(tmp_path / name))
        assert sum(entry["rows"] for entry in answer["files"]) > 0
    assert list(Snapshot.objects.order_by("number").values_list("number", flat=True)) == list(
        range(1, len(ALONE) + 1)
    )


def test_formats_are_listed():
    out = io.StringIO()
    call_command("formats", "--json", stdout=out)
    listed = json.loads(out.getvalue())
    assert [f["name"] for f in listed["formats"]] == list(FORMATS)
    assert listed["choices"]["pairs"] == ["all", "best-worst", "best-rest", "best-random"]


def test_what_cannot_be_exported_ends_with_an_error_in_json(project, tmp_path):
    out = io.StringIO()
    with pytest.raises(SystemExit) as ended:
        call_command(
            "export_dataset",
            "nowhere",
            "--format",
            "jsonl",
            "--out",
            str(tmp_path / "out"),
            "--json",
            stdout=out,
        )
    assert ended.value.code == 1 and json.loads(out.getvalue())["error"]["code"] == "no_project"
    with pytest.raises(CommandError):
        call_command("export_dataset", "nowhere", "--format", "jsonl", "--out", str(tmp_path / "out"))
    with pytest.raises(SystemExit):
        command("made", "--format", "jsonl", "--out", str(tmp_path / "out"), "--as-of", "999999999")
    assert not (tmp_path / "out").exists() and not Snapshot.objects.exists()


def test_the_folder_of_an_earlier_export_is_replaced_and_no_other_file_is_touched(project, tmp_path):
    out = tmp_path / "out"
    command("made", "--format", "llamafactory", "--out", str(out))
    (out / "mine.txt").write_text("kept")
    command("made", "--format", "trl-preference", "--out", str(out))
    assert {p.name for p in out.iterdir() if p.is_file()} == {"train.jsonl", "manifest.json", "mine.txt"}
    (out / "manifest.json").unlink()
    with pytest.raises(SystemExit):
        command("made", "--format", "trl-preference", "--out", str(out))
    assert (out / "mine.txt").read_text() == "kept"
    assert not [p for p in tmp_path.iterdir() if p.name.endswith(".partial")]


# --- the same again -----------------------------------------------------------------------------------------


def test_the_same_question_has_the_same_answer_byte_for_byte(project):
    first = built(project, split="50,25,25", seed=3)
    x = project.annotators.get(pseudonym="X")
    judged.judge(judged.item(project, ("new good", "new poor")), x, {"ranking": [[0], [1]]})
    again = built(project, split="50,25,25", seed=3, as_of=first.snapshot.as_of)
    assert again.snapshot.content_sha256 == first.snapshot.content_sha256
    assert bytes_of(again) == bytes_of(first)
    assert again.snapshot.left_out == first.snapshot.left_out
    later = built(project, split="50,25,25", seed=3)
    assert later.snapshot.content_sha256 != first.snapshot.content_sha256


def test_each_option_is_part_of_what_comes_out(project):
    hashes = {
        built(project, **options).snapshot.content_sha256
        for options in (
            {},
            {"annotators": "majority", "pairs": "best-worst"},
            {"margin": "bt"},
            {"max_pairs": 1},
            {"split": "50,50,0"},
        )
    }
    assert len(hashes) == 5


def test_strength_margins_stand_on_every_row_or_on_none():
    project = judged.project()
    x, _y, _z = judged.annotators(project)
    for i in range(3):
        judged.judge(
            judged.item(project, (f"good {i}", f"poor {i}")), x, {"ranking": [[0], [1]], "strength": [2]}
        )
    made = snapshots.build(
        project=project, actor=None, options=ExportOptions.of({"format": "trl-rm", "margin": "strength"})
    )
    rows = [json.loads(line) for line in bytes_of(made)["train.jsonl"].splitlines()]
    assert [row["margin"] for row in rows] == [0.666667] * 3
    judged.judge(judged.item(project, ("good", "poor")), x, {"ranking": [[0], [1]]})
    made = snapshots.build(
        project=project, actor=None, options=ExportOptions.of({"format": "trl-rm", "margin": "strength"})
    )
    rows = [json.loads(line) for line in bytes_of(made)["train.jsonl"].splitlines()]
    assert len(rows) == 4 and not any("margin" in row for row in rows)
    assert "no_strength" in {note["code"] for note in made.manifest["notes"]}


def test_a_split_is_stable_as_data_grows_and_keeps_a_prompt_on_one_side(project):
    first = built(project, split="50,50,0", seed=1)
    side_of = {}
    for name, data in bytes_of(first).items():
        if not name.startswith("provenance"):
            for line in data.splitlines():
                question = json.loads(line)["prompt"][-1]["content"]
                assert side_of.setdefault(question, name) == name
    assert set(side_of.values()) == {"train.jsonl", "validation.jsonl"}
    x = project.annotators.get(pseudonym="X")
    for i in range(10):
        judged.judge(judged.item(project, (f"later good {i}", f"later poor {i}")), x, {"ranking": [[0], [1]]})
    for name, data in bytes_of(built(project, split="50,50,0", seed=1)).items():
        if not name.startswith("provenance"):
            for line in data.splitlines():
                question = json.loads(line)["prompt"][-1]["content"]
                assert side_of.get(question, name) == name


def test_prompts_with_the_same_source_stand_on_one_side_and_bridges_on_none():
    project = judged.project(kind="qa")
    x, _y, _z = judged.annotators(project)

    def keep(n, *titles):
        sources = [{"title": t, "text": f"passage {n} of {t}"} for t in titles]
        judged.judge(
            judged.item(
                project, [f"answer {n}"], prompt=cast.make_prompt(project, f"Q {n}?", sources=sources)
            ),
            x,
            {"verdict": "keep"},
        )

    for n in range(24):
        keep(n, f"document {n % 6}")
    keep(99, *(f"document {n}" for n in range(6)))
    made = snapshots.build(
        project=project,
        actor=None,
        options=ExportOptions.of({"format": "jsonl", "split": "50,50,0", "split_by": "source"}),
    )
    sides = {}
    for name, data in bytes_of(made).items():
        for line in data.splitlines():
            sides.setdefault(json.loads(line)["sources"][0]["title"], set()).add(name)
    assert (
        len(sides) == 6
        and all(len(names) == 1 for names in sides.values())
        and len(set.union(*sides.values())) == 2
    )
    # the row of every document, as answer to learn and as good answer
    assert made.snapshot.left_out["split_bridge"] == 2


def test_a_corrected_question_that_is_another_prompt_bridges_no_split():
    project = judged.project(kind="qa")
    x, _y, _z = judged.annotators(project)
    for n in range(20):
        judged.item(project, [f"answer {n}"], prompt=cast.make_prompt(project, f"Q {n}?"))
        item = judged.item(project, [f"wrong {n}"], prompt=cast.make_prompt(project, f"Q {n} mistyped?"))
        corrections = [{"target": "question", "text": f"Q {n}?"}]
        judged.judge(item, x, {"verdict": "fix", "corrections": corrections})
    made = snapshots.build(
        project=project,
        actor=None,
        options=ExportOptions.of({"format": "trl-sft", "split": "50,50,0", "seed": 5}),
    )
    rows = made.snapshot.counts["rows"]
    assert 0 < rows < 20 and made.snapshot.left_out["split_bridge"] == 20 - rows


def sides_of(bundle) -> dict[str, set]:
    """{group: the sides it stands on}"""
    found: dict[str, set] = {}
    for name, data in bytes_of(bundle).items():
        if name.startswith("provenance/"):
            for line in data.splitlines():
                found.setdefault(json.loads(line)["group_id"], set()).add(name)
    return found


def test_prompts_corrected_to_one_question_put_it_on_one_side():
    """Their own sides differ, so the rows of the question that all of them make stand nowhere; a question
    made by one stands beside it."""
    project = judged.project(slug="fixed", kind="qa")
    [x] = judged.annotators(project, 1)

    def corrected(n, question):
        item = judged.item(project, [f"answer {n}"], prompt=cast.make_prompt(project, f"Q {n}?"))
        fixes = [
            {"target": "question", "text": question},
            {"target": "response", "answer": 0, "text": f"fixed {n}"},
        ]
        judged.judge(item, x, {"verdict": "fix", "corrections": fixes})

    for n in range(8):
        corrected(n, "What is the usual dose?")
    for n in range(8, 20):
        corrected(n, f"What is {n}?")
    made = built(project, format="trl-sft", split="50,25,25")
    sides = sides_of(made)
    assert (
        len(sides) == 12
        and all(len(names) == 1 for names in sides.values())
        and len(set.union(*sides.values())) == 3
    )
    assert made.snapshot.left_out["split_bridge"] == 8
    # As data grows no question changes its side: it stays, or is left out.
    for n in range(20, 32):
        corrected(n, f"What is {n - 12}?")
    later = sides_of(built(project, format="trl-sft", split="50,25,25"))
    assert 0 < len(later) < 12 and all(sides[group] == names for group, names in later.items())
    assert bytes_of(
        built(project, format="trl-sft", split="50,25,25", as_of=made.snapshot.as_of)
    ) == bytes_of(made)


@pytest.mark.parametrize("form", ["trl-sft", "trl-preference"])
def test_a_turn_corrected_in_the_talks_of_two_people_stands_on_one_side(form):
    project = judged.project(slug="turns")
    [x] = judged.annotators(project, 1)
    for n in range(12):
        start = "f?" if n < 6 else f"f {n}?"
        messages = [
            {"role": "user", "content": start},
            {"role": "assistant", "content": "old 5 mg"},
            {"role": "user", "content": f"q {n}"},
        ]
        item = judged.item(
            project,
            (f"a {n}", f"b {n}"),
            prompt=cast.make_prompt(project, messages=messages, metadata={"user": f"u{n}"}),
        )
        judged.judge(
            item,
            x,
            {"ranking": [[0], [1]], "corrections": [{"target": "turn", "turn": 1, "text": f"new 50 mg {n}"}]},
        )
    made = built(project, format=form, split="50,25,25", split_by="user")
    sides = sides_of(made)
    assert made.snapshot.left_out["split_bridge"] == 6 and len(set.union(*sides.values())) == 3
    assert all(len(names) == 1 for names in sides.values())
    assert len(sides) == (6 if form == "trl-sft" else 18)


def test_without_corrections_of_questions_a_split_asks_one_question_more(project):
    def queries(**options):
        with CaptureQueriesContext(connection) as asked:
            built(project, **options)
        return len(asked)

    assert queries(split="50,25,25") <= queries() + 1


# --- whole or not at all ------------------------------------------------------------------------------------


def test_what_the_checker_refuses_is_not_published(project, monkeypatch):
    from training_export.formats import Format, Problem

    monkeypatch.setattr(
        Format,
        "check",
        lambda self, folder, options=None: iter([Problem("train.jsonl", 3, "chosen", "same_answers")]),
    )
    with pytest.raises(DomainError) as refused:
        built(project)
    assert refused.value.code == "check_failed" and refused.value.data["problems"][0]["line"] == 3
    assert not Snapshot.objects.exists() and not list(workplace.root().glob(".building-*"))


def test_a_number_left_by_a_run_that_died_before_its_commit_is_taken_over(project):
    orphan = workplace.root() / str(project.pk) / "000001-trl-preference"
    shutil.rmtree(orphan, ignore_errors=True)
    orphan.mkdir(parents=True)
    (orphan / "half.jsonl").write_text("{")
    bundle = built(project)
    assert bundle.snapshot.number == 1 and not (snapshots.folder_of(bundle) / "half.jsonl").exists()


def test_a_job_run_twice_makes_one_snapshot(project):
    job = jobs.start(
        "export", project=project, actor=None, params={"options": {"format": "jsonl"}}, send=False
    )
    jobs.run_now(job)
    Job.objects.filter(pk=job.pk).update(state="queued")
    again = jobs.run_now(Job.objects.get(pk=job.pk))
    assert Snapshot.objects.count() == 1 and again.result["snapshot"] == 1


def test_hidden_items_leave_at_once_even_from_an_earlier_event(project):
    before = built(project)
    project.items.filter(prompt__messages__0__content="Question 0 of many?").update(hidden=True)
    after = built(project, as_of=before.snapshot.as_of)
    assert after.snapshot.counts["prompts"] == 6 and after.snapshot.left_out["hidden"] == 1
    assert b"Question 0 of many?" not in b"".join(bytes_of(after).values())


def test_a_hidden_item_keeps_its_whole_prompt_back_and_the_judgements_beside_it_are_counted(project):
    first = project.items.get(prompt__messages__0__content="Question 0 of many?")
    x, y = (project.annotators.get(pseudonym=name) for name in "XY")
    other = judged.item(project, ("one more", "and another"), prompt=first.prompt, generation=1)
    for person in (x, y):
        judged.judge(other, person, {"ranking": [[0], [1]]})
    type(other).objects.filter(pk=other.pk).update(hidden=True)
    made = built(project)
    assert made.snapshot.left_out["hidden"] == 1 and made.snapshot.left_out["beside_hidden"] == 2
    assert b"Question 0 of many?" not in b"".join(bytes_of(made).values())


def test_a_hidden_item_that_came_after_the_event_keeps_its_prompt_back_all_the_same(project):
    before = built(project)
    first = project.items.get(prompt__messages__0__content="Question 0 of many?")
    event = first.prompt.event_id
    judged.item(project, ("one more", "and another"), prompt=first.prompt, generation=1, hidden=True)
    type(first.prompt).objects.filter(pk=first.prompt_id).update(event_id=event)
    after = built(project, as_of=before.snapshot.as_of)
    assert after.snapshot.left_out["hidden"] == 1 and b"Question 0 of many?" not in b"".join(
        bytes_of(after).values()
    )


def test_a_project_never_reads_anothers_rows(project):
    other = fill(judged.project(slug="other"), n=2)
    rows = b"".join(bytes_of(built(other)).values())
    assert b"Question 1 of many?" in rows and b"Question 2 of many?" not in rows
    assert built(other).snapshot.counts["prompts"] == 2


def test_queries_do_not_grow_with_the_prompts(project, django_assert_max_num_queries):
    fill_more = judged.project(slug="more")
    fill(fill_more, n=60)
    with django_assert_max_num_queries(40) as few:
        built(project)
    with django_assert_max_num_queries(40) as many:
        built(fill_more)
    assert len(many.captured_queries) == len(few.captured_queries)


# --- with other processes -----------------------------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
def test_the_same_bytes_come_out_of_another_process(tmp_path):
    project = fill(judged.project(slug="twice"), n=20)
    as_of = str(Event.objects.last().pk)
    for name in ("trl-kto", "llamafactory", "jsonl"):
        answers = []
        for seed in ("1", "2"):
            out = tmp_path / f"{name}-{seed}"
            args = ["--format", name, "--out", str(out), "--as-of", as_of, "--split", "80,20,0", "--json"]
            done = subprocess.run(
                [sys.executable, "manage.py", "export_dataset", project.slug, *args],
                cwd=processes.ROOT,
                env=processes.environment(PYTHONHASHSEED=seed),
                capture_output=True,
                check=True,
            )
            answer = json.loads(done.stdout)
            answers.append(
                (
                    answer["content_sha256"],
                    [(f["rows"], f["sha256"]) for f in answer["files"] + answer["side_files"]],
                )
            )
        assert answers[0] == answers[1], name


@pytest.mark.django_db(transaction=True)
def test_kill_9_in_mid_export_leaves_nothing_visible_and_the_next_run_finishes(tmp_path):
    project = fill(judged.project(slug="killed"), n=40)
    # of a rolled-back test whose project had this number
    shutil.rmtree(workplace.root() / str(project.pk), ignore_errors=True)
    job = jobs.start("export", project=project, actor=None, params={"options": {"format": "jsonl"}})
    with processes.worker(
        include="tests.training_export.publish.slow_export", log=tmp_path / "first.log"
    ) as first:
        processes.until(
            lambda: list(workplace.root().glob(".building-*/.spool/*")), f"rows being written; {tmp_path}"
        )
        [checker] = checkers_of(first.pid)
        os.killpg(first.pid, signal.SIGKILL)
        first.wait()
    processes.until(lambda: not alive(checker), "the checking process to end")
    assert not Snapshot.objects.exists() and not Bundle.objects.exists()
    assert not list(workplace.root().glob(f"{project.pk}/*"))
    left = list(workplace.root().glob(".building-*"))
    assert left
    with processes.worker(log=tmp_path / "second.log"):
        processes.until(
            lambda: Job.objects.get(pk=job.pk).state == "done", f"the export; {tmp_path}", seconds=40
        )
    bundle = Bundle.objects.get()
    assert bundle.snapshot.counts["rows"] > 40 and bundle.job_id == job.pk
    assert set(bytes_of(bundle)) == {f["path"] for f in bundle.files}
    assert not [p for p in left if p.exists()]


@pytest.mark.django_db(transaction=True)
def test_a_read_sees_one_state_and_holds_no_writer_up(tmp_path):
    """While an export reads, a judgement is submitted: it goes through at once, and is not in the data
    set."""
    from training_export.collect import judged_prompts

    project = fill(judged.project(slug="moving"), n=3)
    x = project.annotators.get(pseudonym="X")
    chunk_of = judged_prompts._chunk
    times = []

    def slowly(*args):
        def submit():
            start = time.monotonic()
            judged.judge(judged.item(project, ("late good", "late poor")), x, {"ranking": [[0], [1]]})
            times.append(time.monotonic() - start)
            connection.close()

        if not times:
            thread = threading.Thread(target=submit)
            thread.start()
            thread.join()
        return chunk_of(*args)

    judged_prompts._chunk = slowly
    try:
        made = built(project)
    finally:
        judged_prompts._chunk = chunk_of
    assert times and times[0] < 5
    assert made.snapshot.counts["prompts"] == 3 and b"late good" not in b"".join(bytes_of(made).values())
    assert made.snapshot.as_of < Event.objects.filter(verb="submit").last().pk
    assert b"late good" in b"".join(bytes_of(built(project)).values())
