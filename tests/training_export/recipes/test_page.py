"""docs/data-sets.md says of presets, steps and their parameters what the code says, and its recipe is one."""

import re
from pathlib import Path

from training_export.recipes import yaml_form
from training_export.recipes.presets import PRESETS
from training_export.steps import STEPS

PAGE = Path(__file__).resolve().parents[3].joinpath("docs", "data-sets.md").read_text(encoding="utf-8")


def test_every_step_and_preset_has_its_row():
    for step in STEPS.values():
        assert f"| `{step.name}` | {step.about} | {', '.join(f'`{name}`' for name in step.options)} |" in PAGE
    for name, preset in PRESETS.items():
        assert f"| `{name}` | {preset.about} |" in PAGE


def test_its_recipe_is_one():
    (text,) = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)
    recipe = yaml_form.load(text)
    assert [name for name, _parameters in recipe.steps] == ["clean", "near-duplicates", "mix", "split"]
