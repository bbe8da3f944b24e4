"""TRL trains on broken rows without a word; our checker refuses them (test_format_check.py has the same
rows). If a later TRL refuses one itself, this tells."""

from copy import deepcopy

import pytest

pytest.importorskip("trl", reason="make test-train installs the trainers")

from tests.train.test_trl import load
from tests.training_export.formats.broken_rows import BROKEN
from tests.training_export.formats.format_files import found, put

pytestmark = pytest.mark.train
KNOWN = [b for b in BROKEN if b[4] is not None]


def train(form, rows, tokenizer, model, arguments):
    import trl

    kind = {"trl-sft": "SFT", "trl-preference": "DPO", "trl-rm": "Reward", "trl-kto": "KTO"}[form]
    more = {"ref_model": deepcopy(model)} if kind in ("DPO", "KTO") else {}
    args = arguments(getattr(trl, kind + "Config"), max_steps=1, per_device_train_batch_size=2)
    getattr(trl, kind + "Trainer")(
        model=model, args=args, train_dataset=rows, processing_class=tokenizer, **more
    ).train()


@pytest.mark.parametrize(
    ("name", "form", "rows", "code", "silent"), KNOWN, ids=[f"{b[1]}: {b[0]}" for b in KNOWN]
)
def test_what_trl_does_with_rows_that_we_refuse(
    tmp_path, request, tokenizer, arguments, name, form, rows, code, silent
):
    put(tmp_path, rows)
    assert code in {c for _, _, c in found(tmp_path, form)}
    model = request.getfixturevalue("reward_model" if form == "trl-rm" else "model")
    if silent:
        train(form, load(tmp_path), tokenizer, model, arguments)
    else:
        with pytest.raises(Exception):  # noqa: B017
            train(form, load(tmp_path), tokenizer, model, arguments)
