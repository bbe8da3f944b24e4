"""From judgements through a recipe to a numbered data set: its rows, its order, its identity, what became of
the rest."""

import json

import pytest

from annotation.models import ItemTag
from core.errors import DomainError
from core.models import Event
from tests import cast
from tests.training_export import judged
from tests.training_export.collect import test_end_user_feedback as chats
from tests.training_export.recipes.filled import filled, made, recipe
from training_export.models import Snapshot
from training_export.publish.parquet_rows import columns_of, rows_of
from training_export.publish.snapshot_files import DROPPED, folder_of_snapshot, rows_of_snapshot
from training_export.recipes.make import make_snapshot
from training_export.recipes.presets import PRESETS

pytestmark = pytest.mark.django_db


def texts(rows) -> list[tuple[str, str]]:
    return [(row.chosen.text, row.rejected.text) for row in rows]


def test_the_rows_are_those_that_the_judgements_give():
    project = filled(5)
    snapshot = made(project)
    rows = list(rows_of_snapshot(project, snapshot.number))
    expected = {
        (f"Keep it {better} days, said {i}.", f"Keep it {worse} days, said {i}.")
        for i in range(5)
        for better, worse in ((10, 20), (10, 30), (20, 30))
    } | {("Keep it 11 days, said 0.", "Keep it 10 days, said 0.")}
    assert set(texts(rows)) == expected and len(rows) == len(expected)
    assert snapshot.counts == {"preference": 16} and snapshot.number == 1
    by_prompt = {row.group_id: row.weight for row in rows}
    assert sorted(by_prompt.values()) == [pytest.approx(1 / 4)] + [pytest.approx(1 / 3)] * 4
    assert all(row.provenance["annotators"] for row in rows)


def test_datasets_loads_the_folder():
    datasets = pytest.importorskip("datasets")
    snapshot = made(filled(3), kinds=["preference", "sft"])
    found = datasets.load_dataset(str(folder_of_snapshot(snapshot)), "preference")["train"]
    assert len(found) == 10 and found[0]["chosen"]["text"].startswith("Keep it")


def test_the_order_in_which_people_and_items_came_makes_no_difference():
    one, other = filled(8), filled(8, shuffled=3)
    kinds = {"kinds": ["sft", "preference", "binary", "ranked"], "steps": ["exact-duplicates"]}
    first, second = made(one, **kinds), made(other, **kinds)
    assert first.content_sha256 == second.content_sha256 and first.counts == second.counts
    assert texts(rows_of(folder_of_snapshot(first) / "data/preference-train.parquet")) == texts(
        rows_of(folder_of_snapshot(second) / "data/preference-train.parquet")
    )


def test_made_again_as_of_an_earlier_event_it_is_the_same_to_the_byte():
    project = filled(4)
    version = recipe(project, kinds=["preference", "binary"])
    first = make_snapshot(project=project, actor=None, version=version)
    judged.judge(judged.item(project), judged.cast.make_annotator(project), {"ranking": [[2], [1], [0]]})
    again = make_snapshot(project=project, actor=None, version=version, as_of=first.as_of)
    later = make_snapshot(project=project, actor=None, version=version)
    hashes = [
        {f["path"]: f["sha256"] for f in s.manifest["files"] if f["role"] == "data"} for s in (first, again)
    ]
    assert hashes[0] == hashes[1] and first.content_sha256 == again.content_sha256
    assert (
        later.content_sha256 != first.content_sha256
        and later.counts["preference"] > first.counts["preference"]
    )


def test_what_a_step_drops_is_named_row_by_row():
    project = filled(2)
    for text in (
        "Question 0: how long may this medicine be KEPT?",
        "Question 0:  how long may this medicine be kept?",
    ):
        item = judged.item(
            project,
            ["Keep it 10 days, said 0.", "Keep it 20 days, said 0."],
            prompt=cast.make_prompt(project, text),
        )
        judged.judge(item, project.annotators.first(), {"ranking": [[0], [1]]})
    snapshot = made(project, steps=["exact-duplicates"])
    step = snapshot.manifest["steps"][0]
    assert step["dropped"] == {"exact_duplicate": 2} and step["taken"] == 9 and step["kept"] == 7
    dropped = list(columns_of(folder_of_snapshot(snapshot) / DROPPED, "step", "reason"))
    assert dropped == [{"step": "exact-duplicates", "reason": "exact_duplicate"}] * 2


@pytest.mark.parametrize(
    ("source", "left", "why"),
    [
        ({"tags": ["drugs"]}, 10, {}),
        ({"tags": ["law"]}, 0, {"other_tags": 10}),
        ({"without_tags": ["drugs"]}, 0, {"other_tags": 10}),
        ({"origins": ["model"]}, 9, {"other_origin": 1}),
        ({"standing": ["settled"]}, 0, {"other_standing": 10}),
        ({"languages": ["zh"]}, 0, {"other_language": 10}),
    ],
)
def test_a_source_asks_for_some_of_the_rows(source, left, why):
    project = filled(3)
    version = recipe(project, sources=[source])
    if not left:
        with pytest.raises(DomainError) as refused:
            make_snapshot(project=project, actor=None, version=version)
        assert refused.value.code == "no_rows" and refused.value.data["left_out"] == why
        assert not Snapshot.objects.exists()
        return
    snapshot = make_snapshot(project=project, actor=None, version=version)
    assert snapshot.counts == {"preference": left}
    assert {k: n for k, n in snapshot.left_out.items() if k.startswith("other")} == why


def test_only_what_was_judged_since_an_event():
    project = filled(3)
    event = Event.objects.order_by("-pk").first().pk
    item = judged.item(project, prompt=cast.make_prompt(project, "A later one"))
    judged.judge(item, project.annotators.first(), {"ranking": [[0], [1], [2]]})
    snapshot = made(project, sources=[{"judged_since": event}])
    assert snapshot.counts == {"preference": 3} and snapshot.left_out["not_since"] == 3


def test_a_source_of_another_project_needs_its_manager():
    mine, theirs = filled(2, slug="mine"), filled(3, slug="theirs")
    lead = cast.make_member(mine, "manager")
    version = recipe(mine, sources=[{}, {"project": "theirs"}])
    with pytest.raises(DomainError) as refused:
        make_snapshot(project=mine, actor=lead, version=version)
    assert refused.value.code == "no_project" and refused.value.field == "sources[1].project"
    cast.make_member(theirs, "manager", user=lead)
    assert make_snapshot(project=mine, actor=lead, version=version).counts == {"preference": 17}


def test_an_incremental_one_has_what_is_new_what_was_turned_round_and_some_old_rows():
    project = filled(20)
    version = recipe(project, rules={"annotators": "majority"}, delta={"since": 0, "replay": 0.2})
    first = make_snapshot(project=project, actor=None, version=version)
    assert first.counts == {"preference": 64} and first.manifest["steps"][-1]["figures"]["new"] == 64
    item = judged.item(project, prompt=cast.make_prompt(project, "A new one"))
    judged.judge(item, project.annotators.first(), {"ranking": [[0], [1], [2]]})
    second = make_snapshot(project=project, actor=None, version=version)
    figures = second.manifest["steps"][-1]["figures"]
    assert (figures["new"], figures["flipped"], figures["gone"]) == (3, 0, 0)
    assert 4 <= figures["replayed"] <= 24 and second.counts["preference"] == 3 + figures["replayed"]


def test_evaluation_items_are_left_out_unless_they_are_asked_for():
    project = filled(2, tags=("evaluation",))
    with pytest.raises(DomainError):
        made(project)
    assert made(project, sources=[{"tags": ["evaluation"], "without_tags": []}]).counts == {"preference": 7}


def test_the_manifest_says_all_of_it():
    snapshot = made(filled(3))
    folder = folder_of_snapshot(snapshot)
    manifest = json.loads((folder / "manifest.json").read_text())
    assert manifest["recipe"] == {"name": "r", "version": 1} and manifest["snapshot"] == 1
    assert manifest["figures"]["longer"] == {"longer": 0, "shorter": 0, "equal": 10}
    assert {f["path"] for f in manifest["files"]} | {"manifest.json"} == {
        str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()
    }


def test_a_third_incremental_one_knows_what_the_second_left_to_the_first():
    project = filled(20)
    version = recipe(project, delta={"since": 0, "replay": 0})
    assert make_snapshot(project=project, actor=None, version=version).counts == {"preference": 64}
    for text in ("A second one", "A third one"):
        item = judged.item(project, prompt=cast.make_prompt(project, text))
        judged.judge(item, project.annotators.first(), {"ranking": [[0], [1], [2]]})
        assert make_snapshot(project=project, actor=None, version=version).counts == {"preference": 3}


def test_thumbs_are_rows_of_their_own_and_not_from_evaluation_items():
    project = judged.project()
    for who, value in (("ann", 1), ("bob", 1), ("cem", -1)):
        _asked, (answer,) = chats.ask(project, who, f"Is it safe, asks {who}?")
        chats.thumb(project, who, answer, value)
    version = recipe(project, **PRESETS["kto-thumbs"].given | {"steps": []})
    snapshot = make_snapshot(project=project, actor=None, version=version)
    rows = list(rows_of_snapshot(project, snapshot.number))
    assert sorted(row.label for row in rows) == [False, True, True]
    assert {row.provenance["reason"] for row in rows} == {"thumb"}
    kept = cast.make_item(project, ["Yes.", "No."], prompt=cast.make_prompt(project, "Is it safe, asks ann?"))
    ItemTag.objects.create(item=kept, name="evaluation")
    again = make_snapshot(project=project, actor=None, version=version)
    assert again.counts == {"binary": 2} and again.left_out["other_tags"] == 1


def test_pairs_of_one_question_in_two_projects_share_their_weight_each_in_its_own():
    one, other = filled(3, slug="one"), filled(3, slug="other")
    snapshot = made(one, sources=[{}, {"project": "other"}])
    by_group: dict = {}
    for row in rows_of_snapshot(one, snapshot.number):
        by_group.setdefault(row.group_id, []).append(row.weight)
    assert len(by_group) == 6
    assert all(sum(weights) == pytest.approx(1) for weights in by_group.values())
    assert other.pk in snapshot.manifest["projects"]


def test_rows_of_another_data_set_keep_their_side_and_their_keys():
    project = filled(30)
    first = made(project, steps=[{"split": {"shares": [60, 40, 0]}}])
    second = made(project, sources=[{"snapshot": first.number}])
    assert {f["path"]: f["rows"] for f in first.manifest["files"] if f["role"] == "data"} == {
        f["path"]: f["rows"] for f in second.manifest["files"] if f["role"] == "data"
    }
    assert second.content_sha256 == first.content_sha256


def test_a_whole_number_beyond_64_bits_comes_back_as_it_was(tmp_path):
    from tests.training_export.steps.rows_made import sft
    from training_export.publish.parquet_rows import RowsWriter
    from training_export.recipes.spool import Spool

    row = sft("q", "a", tools=[{"type": "function", "function": {"name": "f", "n": 2**64}}])
    writer, spool = RowsWriter(tmp_path / "x.parquet", "sft"), Spool(tmp_path / "y")
    writer.add(row.example, row.keys)
    writer.close()
    spool.add(row)
    assert list(rows_of(tmp_path / "x.parquet")) == [row.example] == [found.example for found in spool]
