"""Every piece of Python in docs/formats.md runs, and every row shown there is one that the code writes."""

import json
import re
from pathlib import Path

import pytest

pytest.importorskip("trl", reason="make test-train installs the trainers")

from tests.train import data
from training_export.formats import FORMATS, Options

pytestmark = pytest.mark.train
PAGE = Path(__file__).parents[2].joinpath("docs/formats.md").read_text(encoding="utf-8")
PIECES = dict(re.findall(r"<!-- run: ([\w-]+) -->\n```python\n(.*?)```", PAGE, re.S))
SAMPLES = re.findall(r"<!-- sample: ([\w-]+) -->\n```json\n(.*?)\n```", PAGE, re.S)
EXAMPLES = {
    "trl-sft": data.sft,
    "trl-preference": data.preferences,
    "trl-rm": data.preferences,
    "trl-kto": data.binary,
    "trl-grpo": data.sft,
    "trl-sdft": data.sft,
    "trl-tpo": data.triples,
}


def test_no_piece_is_forgotten():
    assert len(PIECES) == PAGE.count("```python")
    assert set(PIECES) == set(EXAMPLES) | {"weights"}


@pytest.mark.parametrize("name", PIECES)
def test_runs(tmp_path, monkeypatch, request, tokenizer, name):
    form = name if name in FORMATS else "trl-rm"
    folder = tmp_path / "export"
    writer = FORMATS[form].open(folder, splits=("train", "validation"))
    for example in EXAMPLES[form](2):
        writer.add(example, "validation" if example.group_id.endswith("-1") else "train")
    writer.close()
    model = tmp_path / "model"
    request.getfixturevalue("reward_model" if form == "trl-rm" else "model").save_pretrained(model)
    tokenizer.save_pretrained(model)
    for key in ("HF_HOME", "HF_DATASETS_CACHE"):
        monkeypatch.setenv(key, str(tmp_path / "cache"))
    # the page is written for a GPU
    piece = PIECES[name].replace("output_dir=OUTPUT,", "output_dir=OUTPUT, use_cpu=True, report_to='none',")
    exec(
        compile(piece, f"docs/formats.md: {name}", "exec"),
        {"FOLDER": str(folder), "MODEL": str(model), "OUTPUT": str(tmp_path / "out")},
    )


@pytest.mark.parametrize(("form", "text"), SAMPLES, ids=[form for form, _ in SAMPLES])
def test_shows_a_row_as_it_is_written(form, text):
    written = FORMATS[form].sample(Options(margin="strength"))["train.jsonl"]
    assert text in written.splitlines()
    assert json.loads(text)
