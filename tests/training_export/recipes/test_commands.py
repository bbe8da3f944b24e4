"""The commands that other scripts call, as they print JSON."""

import io
import json

import pytest
from django.core.management import call_command

from tests.training_export.recipes.filled import filled
from training_export.recipes.presets import PRESETS

pytestmark = pytest.mark.django_db(transaction=True)


def said(*words):
    """What a command prints with --json; of a refusal too."""
    out = io.StringIO()
    try:
        call_command(*words, "--json", stdout=out)
    except SystemExit as ended:
        assert ended.code == 1
    return json.loads(out.getvalue())


def test_from_a_preset_to_the_trainers_files(tmp_path):
    filled(6, slug="ward")
    presets = said("recipe", "presets")
    assert set(presets) == set(PRESETS) and all(preset["label"] for preset in presets.values())
    file = tmp_path / "dpo.yaml"
    file.write_text(json.dumps(presets["dpo-experts"]["document"]))  # JSON is YAML
    assert said("recipe", "apply", "ward", str(file)) == {"recipe": "dpo", "version": 1}
    out = io.StringIO()
    call_command("recipe", "show", "ward", "dpo", stdout=out)
    file.write_text(out.getvalue())
    assert said("recipe", "apply", "ward", str(file)) == {"recipe": "dpo", "version": 1}
    file.write_text(out.getvalue().replace("best-random", "all"))
    assert said("recipe", "apply", "ward", str(file)) == {"recipe": "dpo", "version": 2}
    first = said("make_snapshot", "ward", "dpo", "--recipe-version", "1")
    second = said("make_snapshot", "ward", "dpo")
    assert first.keys() == {"number", "content_sha256", "counts", "dropped", "left_out", "folder"}
    assert (first["number"], second["number"]) == (1, 2)
    # a pair of each of six prompts, and of two corrections, against all of them
    assert first["counts"] == {"preference": 8} and second["counts"] == {"preference": 20}
    compared = said("diff_snapshots", "ward", "1", "2")
    assert compared["in"] == 12 and compared["out"] == 0 and compared["flipped"] == 0
    assert said("sign_off", "ward", "2", "--note", "Twenty rows looked at")["number"] == 2
    made = said("make_bundle", "ward", "2", "--format", "trl-preference", "--out", str(tmp_path / "out"))
    assert made["files"][0]["rows"] == 20 and made["left_out"] == {} and made["verified"] is None
    assert (tmp_path / "out" / "train.sh").exists()


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("recipe", "show", "ward", "none"), "no_recipe"),
        (("recipe", "apply", "ward", "/nowhere.yaml"), "no_file"),
        (("make_snapshot", "ward", "none"), "no_recipe"),
        (("make_snapshot", "nowhere", "none"), "no_project"),
        (("diff_snapshots", "ward", "1", "2"), "no_snapshot"),
        (("sign_off", "ward", "1", "--note", "x"), "no_snapshot"),
        (("make_bundle", "ward", "1", "--format", "trl-sft", "--out", "/tmp/x"), "no_snapshot"),
        (("make_bundle", "ward", "1", "--format", "none", "--out", "/tmp/x"), "unknown_format"),
        (
            ("make_bundle", "ward", "1", "--format", "trl-sft", "--out", "/tmp/x", "--option", "a"),
            "invalid_option",
        ),
    ],
)
def test_what_is_not_there_is_said_in_one_object(words, code):
    filled(1, slug="ward")
    assert said(*words)["error"]["code"] == code
