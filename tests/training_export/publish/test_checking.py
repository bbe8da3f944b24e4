"""The check beside the writing: the same answers as afterwards, valid only for the bytes that are published,
and never left behind."""

import json
import os
import signal
import subprocess
import sys
from dataclasses import asdict, astuple
from pathlib import Path
from types import SimpleNamespace

import pytest

from core.jobs.control import Cancelled
from tests import processes
from tests.training_export import judged
from tests.training_export.formats.broken_rows import BROKEN, BROKEN_LLAMAFACTORY
from tests.training_export.formats.checkers import alive
from tests.training_export.formats.format_files import put
from tests.training_export.publish.test_snapshots import built, bytes_of, fill
from training_export.formats import FORMATS, FileInfo, Options
from training_export.formats.checker_process import Following
from training_export.formats.llamafactory.files import dataset_info
from training_export.publish import checking, snapshots, workplace
from training_export.publish.checking import Beside, CheckLost
from training_export.publish.tolerance import Tolerance

PLAN = {"options": asdict(Options())}


def lines_of(rows) -> bytes:
    return b"".join(
        r if isinstance(r, bytes) else (json.dumps(r, ensure_ascii=False) + "\n").encode() for r in rows
    )


def grow(following, path: Path, name: str, raw: bytes, step: int) -> None:
    """`path` as it grows, told after every `step` bytes."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, "wb", buffering=0) as out:
        following.told({"follow": str(path), "name": name})
        for at in range(0, len(raw), step):
            out.write(raw[at : at + step])
            following.told({"grown": name})


def followed(following) -> list[tuple]:
    return [astuple(p) for p in following.problems() if p is not None]


@pytest.mark.parametrize("step", [7, 100_000])
@pytest.mark.parametrize(
    ("form", "name", "rows"),
    [(b[1], "train.jsonl", b[2]) for b in BROKEN]
    + [("llamafactory", b[1], b[2]) for b in BROKEN_LLAMAFACTORY],
)
def test_what_is_wrong_is_found_while_it_grows(tmp_path, form, name, rows, step):
    put(tmp_path, rows, name)
    if form == "llamafactory":
        (tmp_path / "dataset_info.json").write_text(json.dumps(dataset_info([name], "touchstone")))
    whole = [astuple(p) for p in FORMATS[form].check(tmp_path)]
    assert whole
    following = Following(PLAN | {"format": form, "folder": str(tmp_path)})
    (tmp_path / name).unlink()
    grow(following, tmp_path / ".spool" / name, name, lines_of(rows), step)
    os.replace(tmp_path / ".spool" / name, tmp_path / name)
    assert followed(following) == whole


@pytest.mark.parametrize("raw", [b"{", b"\n{}\n", b'{"a": 1}\r\n', b"\xff\n", b"[1]\n\n[2]", b""])
def test_lines_that_are_none_are_found_while_they_grow(tmp_path, raw):
    put(tmp_path, [raw])
    (tmp_path / "provenance" / "train.jsonl").write_text("{}\n" * len(raw.splitlines()))
    whole = [astuple(p) for p in FORMATS["trl-sft"].check(tmp_path)]
    following = Following(PLAN | {"format": "trl-sft", "folder": str(tmp_path)})
    grow(following, tmp_path / "x", "train.jsonl", raw, 1)
    os.replace(tmp_path / "x", tmp_path / "train.jsonl")
    assert followed(following) == whole


def test_a_file_that_was_published_in_another_form_is_read_anew(tmp_path):
    good, bad = next(b[2] for b in BROKEN if b[3] == "same_answers" and b[1] == "trl-rm")
    put(tmp_path, [good, bad])
    following = Following(PLAN | {"format": "trl-rm", "folder": str(tmp_path)})
    grow(following, tmp_path / "x", "train.jsonl", lines_of([good]), 50)
    assert [p[3] for p in followed(following)] == ["same_answers"]
    put(tmp_path, [good])
    following = Following(PLAN | {"format": "trl-rm", "folder": str(tmp_path)})
    grow(following, tmp_path / "x", "train.jsonl", lines_of([bad]), 50)
    grow(following, tmp_path / "y", "train.jsonl", lines_of([bad, good]), 50)
    assert followed(following) == []


def test_more_problems_than_can_be_kept_are_all_counted(tmp_path):
    rows = [b"{\n"] * 2500
    put(tmp_path, [])
    (tmp_path / "provenance" / "train.jsonl").write_text("{}\n" * len(rows))
    following = Following(PLAN | {"format": "trl-sft", "folder": str(tmp_path)})
    grow(following, tmp_path / "x", "train.jsonl", lines_of(rows), 1000)
    os.replace(tmp_path / "x", tmp_path / "train.jsonl")
    found = followed(following)
    assert (
        following.followed == {}
        and found == [astuple(p) for p in FORMATS["trl-sft"].check(tmp_path)]
        and len(found) >= 2500
    )


# --- the process


def files_of(folder) -> list[FileInfo]:
    import hashlib

    return [FileInfo("train.jsonl", 1, hashlib.sha256((folder / "train.jsonl").read_bytes()).hexdigest())]


@pytest.fixture(name="beside")
def _beside(tmp_path):
    put(tmp_path, next(b[2] for b in BROKEN if b[3] == "same_answers" and b[1] == "trl-rm"))
    beside = Beside(FORMATS["trl-rm"], tmp_path, Options())
    yield beside
    beside.end()


def test_the_process_says_what_is_wrong(tmp_path, beside):
    assert [p for p in beside.problems(files_of(tmp_path)) if p] == list(FORMATS["trl-rm"].check(tmp_path))


def test_bytes_that_are_not_those_written_are_an_error(tmp_path, beside):
    files = files_of(tmp_path)
    with open(tmp_path / "train.jsonl", "ab") as out:
        out.write(b" ")
    with pytest.raises(CheckLost):
        list(beside.problems(files))


def test_a_process_that_dies_is_an_error_and_no_passed_check(tmp_path, beside):
    beside._process.kill()
    beside._process.wait()
    with pytest.raises(CheckLost):
        beside.grown("train.jsonl")
    with pytest.raises(CheckLost):
        list(beside.problems(files_of(tmp_path)))


def test_the_process_ends_with_the_one_that_started_it(tmp_path):
    code = (
        "import sys, time; from pathlib import Path; from django.conf import settings; "
        "settings.configure(BASE_DIR=Path.cwd())\n"
        "from training_export.publish.checking import Beside; from training_export.formats import "
        "FORMATS, Options\n"
        "beside = Beside(FORMATS['jsonl'], Path(sys.argv[1]), Options()); print(beside._process.pid, "
        "flush=True); time.sleep(60)"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code, str(tmp_path)], cwd=processes.ROOT, stdout=subprocess.PIPE
    ) as parent:
        pid = int(parent.stdout.readline())
        assert alive(pid)
        parent.send_signal(signal.SIGKILL)
    processes.until(lambda: not alive(pid), "the checking process to end")


# --- in an export


@pytest.fixture(name="always")
def _always(monkeypatch):
    """Every export is a large one; the pids of the processes it started."""
    pids = []

    class Known(Beside):
        def __init__(self, *args):
            super().__init__(*args)
            pids.append(self._process.pid)

    monkeypatch.setattr(checking, "Beside", Known)
    monkeypatch.setattr(checking, "MANY", 0)
    monkeypatch.setattr(checking, "_processors", lambda: 2)
    return pids


@pytest.mark.django_db
def test_an_export_is_the_same_with_its_check_beside_it(always, monkeypatch):
    project = fill(judged.project(slug="beside"), n=8)
    for form in FORMATS:
        options = {"format": form, "split": "50,25,25"}
        beside = built(project, **options)
        monkeypatch.setattr(checking, "MANY", 10**9)
        after = built(project, **options)
        monkeypatch.setattr(checking, "MANY", 0)
        assert bytes_of(beside) == bytes_of(after)
        assert beside.manifest["warnings"] == after.manifest["warnings"]
    assert len(always) == len(FORMATS) and not any(alive(pid) for pid in always)


@pytest.mark.django_db
def test_a_cancelled_export_leaves_no_process(always):
    class Cancelling(snapshots.NoControl):
        def progress(self, done, total=None):
            if always:
                assert alive(always[0])
                raise Cancelled

    project = fill(judged.project(slug="cancelled"), n=2)
    with pytest.raises(Cancelled):
        snapshots.build(
            project=project,
            actor=None,
            options=snapshots.ExportOptions.of({"format": "jsonl"}),
            ctl=Cancelling(),
        )
    assert not any(alive(pid) for pid in always) and not list(workplace.root().glob(".building-*"))


@pytest.mark.django_db
def test_an_export_whose_check_was_lost_is_not_published(always, monkeypatch):
    add = snapshots.RowDigests.add

    def killing(self, row, side):
        os.kill(always[-1], signal.SIGKILL)
        add(self, row, side)

    monkeypatch.setattr(snapshots.RowDigests, "add", killing)
    project = fill(judged.project(slug="lost"), n=2)
    with pytest.raises(CheckLost):
        built(project)
    assert not snapshots.Snapshot.objects.exists() and not list(workplace.root().glob(".building-*"))


@pytest.mark.parametrize("wrong", [CheckLost("ended early"), OSError(28, "no space"), MemoryError()])
def test_what_is_no_rows_fault_is_never_counted_as_one(wrong):
    """Met while a row is written, it must end the export all the same."""
    tolerance = Tolerance(SimpleNamespace(leave_out=lambda *_: pytest.fail("left out")), prompts=10)
    with pytest.raises(type(wrong)):
        tolerance.left_out("", {}, wrong)
