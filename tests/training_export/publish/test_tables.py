"""Data sets in tables, and those whose trainer asks for two files, as they are published."""

import pytest

from core.errors import DomainError
from tests.training_export import judged
from tests.training_export.formats.format_files import raw_rows
from training_export import erasure
from training_export.formats.tables.reading import sha256_of
from training_export.models import Snapshot
from training_export.options import ExportOptions
from training_export.publish import downloads, snapshots

pytestmark = pytest.mark.django_db


@pytest.fixture
def project():
    project = judged.project(slug="tables")
    [x] = judged.annotators(project, 1)
    for n in range(12):
        item = judged.item(project, (f"good {n}", f"poor {n}"), targets=[0], kind="ranking")
        judged.judge(item, x, {"ranking": [[0], [1]], "acceptable": 1})
    return project


def built(project, **options):
    return snapshots.build(project=project, actor=None, options=ExportOptions.of(options))


def test_chatglm3_is_published_with_both_files_or_not_at_all(project):
    made = built(project, format="chatglm3", split="50,50,0")
    assert {f["path"] for f in made.files if f["role"] == "data"} == {"train.jsonl", "validation.jsonl"}
    with pytest.raises(DomainError) as refused:
        built(project, format="chatglm3", split="100,0,0")
    assert refused.value.code == "check_failed"
    assert [p["code"] for p in refused.value.data["problems"]] == ["validation_missing"]
    assert Snapshot.objects.count() == 1


@pytest.mark.parametrize(
    ("form", "name", "kind"),
    [
        ("parquet", "train.parquet", "application/vnd.apache.parquet"),
        ("verl", "train.parquet", "application/vnd.apache.parquet"),
        ("csv", "sft_train.csv", "text/csv; charset=utf-8"),
    ],
)
def test_a_table_is_listed_hashed_and_sent_as_what_it_is(project, form, name, kind):
    made = built(project, format=form)
    listed = {f["path"]: f for f in made.files}
    path = snapshots.folder_of(made) / name
    assert listed[name]["rows"] == len(raw_rows(path)) >= 12
    assert (listed[name]["sha256"], listed[name]["bytes"]) == (sha256_of(path), path.stat().st_size)
    assert downloads.one_file(made, name)["Content-Type"] == kind


@pytest.mark.parametrize("form", ["parquet", "verl", "csv"])
def test_a_persons_rows_are_found_in_tables_too(project, form):
    folder = snapshots.folder_of(built(project, format=form))
    asked = set(project.prompts.values_list("pk", flat=True))
    assert len(asked) == 12 and {row["prompt"] for row in erasure._rows_of(folder)} == asked
