"""A data set in a trainer's form: the same rows as the trainer's export writes, made once, closed when it is
withdrawn."""

import json
import subprocess

import pytest

from core.errors import DomainError
from tests import cast
from tests.training_export.recipes.filled import filled, made
from training_export.bundles.make import form_named, make_bundle, options_for
from training_export.formats import FORMATS
from training_export.models import Bundle, SignOff
from training_export.options import ExportOptions
from training_export.publish import snapshots
from training_export.recipes.standing import sign_off, withdraw

pytestmark = pytest.mark.django_db


def bundle(snapshot, name: str, **options) -> Bundle:
    form = form_named(name)
    return make_bundle(snapshot=snapshot, actor=None, form=form, options=options_for(form, options))


def lines(made_bundle: Bundle) -> list:
    folder = snapshots.folder_of(made_bundle)
    data = [f["path"] for f in made_bundle.files if f["role"] == "data" and f["path"].endswith(".jsonl")]
    return sorted(line for name in data for line in (folder / name).read_text().splitlines())


@pytest.mark.parametrize("name", ["trl-sft", "trl-preference", "trl-rm", "trl-kto", "llamafactory"])
def test_the_rows_are_those_of_an_export(name):
    project = filled(6)
    exported = snapshots.build(project=project, actor=None, options=ExportOptions.of({"format": name}))
    snapshot = made(project, kinds=["sft", "preference", "binary"])
    assert lines(bundle(snapshot, name)) == lines(exported)


def test_each_form_is_made_once_for_the_same_options():
    snapshot = made(filled(3))
    first = bundle(snapshot, "trl-preference")
    assert bundle(snapshot, "trl-preference") == first
    assert bundle(snapshot, "trl-preference", system="merge") != first
    folder = snapshots.folder_of(first)
    manifest = json.loads((folder / "manifest.json").read_text())
    assert manifest["snapshot"] == snapshot.number and manifest["content_sha256"] == snapshot.content_sha256
    assert {f["path"] for f in manifest["files"]} | {"manifest.json"} == {
        str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()
    }


@pytest.mark.parametrize("name", sorted(FORMATS))
def test_every_script_is_one_that_a_shell_reads(name):
    snapshot = made(filled(6), kinds=["sft", "preference", "binary", "ranked", "prompt"])
    try:
        made_bundle = bundle(snapshot, name)
    except DomainError as refused:
        assert refused.code in ("no_rows", "check_failed", "no_side")
        return
    script = snapshots.folder_of(made_bundle) / "train.sh"
    if script.exists():
        subprocess.run(["sh", "-n", str(script)], check=True)
        said = subprocess.run(["sh", str(script)], capture_output=True, text=True)
        assert said.returncode == 2 and "MODEL_PATH OUTPUT_DIR" in said.stderr


def test_a_form_that_can_hold_nothing_of_it_is_refused_and_leaves_nothing():
    snapshot = made(filled(2), kinds=["sft"])
    with pytest.raises(DomainError) as refused:
        bundle(snapshot, "trl-kto")
    assert refused.value.code == "no_rows" and not Bundle.objects.exists()


@pytest.mark.parametrize("option", [{"system": "drop"}, {"pairs": "all"}, {"margin": "bt"}, {"stage": "rl"}])
def test_options_that_a_form_does_not_have_are_refused(option):
    with pytest.raises(DomainError) as refused:
        options_for(form_named("trl-sft"), option)
    assert refused.value.field == next(iter(option))


def test_a_withdrawn_data_set_gives_no_more_bundles_and_takes_no_name():
    project = filled(2)
    snapshot = made(project)
    lead = cast.make_member(project, "manager")
    assert sign_off(snapshot=snapshot, actor=lead, note="Looked at twenty rows.").person == lead
    held = bundle(snapshot, "trl-rm")
    with pytest.raises(DomainError):
        withdraw(snapshot=snapshot, actor=lead, why="  ")
    assert withdraw(snapshot=snapshot, actor=lead, why="Wrong guidelines") == []
    snapshot.refresh_from_db()
    held.refresh_from_db()
    assert held.withdrawn_at and snapshot.withdrawn_why == "Wrong guidelines"
    for refused in (
        lambda: bundle(snapshot, "trl-rm"),
        lambda: sign_off(snapshot=snapshot, actor=lead, note=""),
        lambda: withdraw(snapshot=snapshot, actor=lead, why="again"),
    ):
        with pytest.raises(DomainError) as why:
            refused()
        assert why.value.code == "withdrawn"
    assert SignOff.objects.count() == 1


def test_margins_are_the_data_sets_own():
    snapshot = made(filled(4), rules={"margin": "bt"})
    held = bundle(snapshot, "trl-rm")
    assert all("margin" in json.loads(line) for line in lines(held))
    assert held.manifest["options"]["margin"] == snapshot.manifest["margin"] == "bt"
    assert not any("margin" in json.loads(line) for line in lines(bundle(made(filled(4)), "trl-rm")))


def test_a_trainer_that_needs_a_validation_file_is_not_given_a_data_set_without_one():
    with pytest.raises(DomainError) as refused:
        bundle(made(filled(3), kinds=["sft"]), "chatglm3")
    assert refused.value.code == "no_side" and "validation" in str(refused.value.message)
