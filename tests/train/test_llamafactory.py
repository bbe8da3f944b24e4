"""The LLaMA-Factory folder, read by the rules of its loader (0.9.5, data/parser.py and data/converter.py),
and by the loader itself where LLAMAFACTORY_PYTHON names a Python that has it (it cannot live beside this
TRL)."""

import json
import os
import subprocess
from pathlib import Path
from random import Random

import pytest
import yaml

pytest.importorskip("trl", reason="make test-train installs the trainers")

from tests.train import data
from tests.train.conftest import config
from tests.train.test_trl import load
from training_export.curate.examples import Answer, Binary, Preference, Sft
from training_export.formats import FORMATS
from training_export.formats.llamafactory.tools import formattable

pytestmark = pytest.mark.train
DEFAULTS = {"prompt": "instruction", "query": "input", "response": "output", "messages": "conversations"}
TAG_DEFAULTS = {"role_tag": "from", "content_tag": "value", "user_tag": "human", "assistant_tag": "gpt"}
TAG_DEFAULTS |= {"observation_tag": "observation", "function_tag": "function_call", "system_tag": "system"}


@pytest.fixture()
def folder(tmp_path):
    writer = FORMATS["llamafactory"].open(tmp_path, splits=("train", "validation"))
    examples = [*data.sft(), *data.preferences(), *data.binary()]
    for example in examples:
        writer.add(example, "validation" if example.group_id.endswith("-7") else "train")
    writer.close()
    assert not writer.left_out and not list(FORMATS["llamafactory"].check(tmp_path))
    return tmp_path, examples


def attributes(entry: dict) -> dict:
    """DatasetAttr.join: one named column or tag and all others lose their defaults."""
    columns = dict.fromkeys((*DEFAULTS, "history", "system", "tools", "chosen", "rejected", "kto_tag")) | (
        entry.get("columns", DEFAULTS)
    )
    tags = dict.fromkeys(TAG_DEFAULTS) | (entry.get("tags", TAG_DEFAULTS))
    return (
        columns
        | tags
        | {"ranking": entry.get("ranking", False), "formatting": entry.get("formatting", "alpaca")}
    )


def aligned(row: dict, at: dict) -> tuple[list, list] | None:
    """(prompt turns, responses) as the converters align them; None for a row that is dropped."""
    if at["formatting"] == "alpaca":
        question = "\n".join(row[at[c]] for c in ("prompt", "query") if at[c] and row[at[c]])
        response = row[at["response"]]
        return ([question], [response]) if isinstance(response, str) and response else None
    turns = row[at["messages"]]
    odd, even = (at["user_tag"], at["observation_tag"]), (at["assistant_tag"], at["function_tag"])
    if any(t[at["role_tag"]] not in (even if i % 2 else odd) for i, t in enumerate(turns)) or len(
        turns
    ) % 2 != int(at["ranking"]):
        return None
    texts = [t[at["content_tag"]] for t in turns]
    if at["ranking"]:
        sides = row[at["chosen"]], row[at["rejected"]]
        if not all(isinstance(s, dict) and s[at["role_tag"]] in even for s in sides):
            return None
        return texts, [s[at["content_tag"]] for s in sides]
    if at["kto_tag"]:
        if not isinstance(row[at["kto_tag"]], bool):
            return None
        return texts[:-1], [texts[-1], ""] if row[at["kto_tag"]] else ["", texts[-1]]
    return texts[:-1], texts[-1:]


def test_every_row_is_read_as_it_was_meant(folder):
    place, examples = folder
    info = json.loads((place / "dataset_info.json").read_text(encoding="ascii"))
    read = {}
    for name, entry in info.items():
        at = attributes(entry)
        for row in load(place, entry["file_name"]):
            made = aligned(row, at)
            assert made is not None, (name, row)
            for column in ("system", "tools"):
                assert not at[column] or isinstance(row[at[column]], str)
            read.setdefault(name.removesuffix("_validation").removeprefix("touchstone_"), []).append(made)
    answers = {kind: {tuple(responses) for _, responses in rows} for kind, rows in read.items()}
    assert answers["preference"] == {
        (e.chosen.text, e.rejected.text) for e in examples if hasattr(e, "chosen")
    }
    assert answers["kto"] == {
        (e.answer.text, "") if e.label else ("", e.answer.text) for e in examples if hasattr(e, "label")
    }
    assert answers["sft_alpaca"] | answers["sft_sharegpt"] == {
        (e.target.text,) for e in examples if hasattr(e, "target")
    }
    assert sum(map(len, read.values())) == len(examples)
    assert {prompt[-1] for prompt, _ in read["preference"]} == {e.context[-1]["content"] for e in examples}


def test_the_training_files_name_data_sets_that_are_there(folder):
    place, _ = folder
    info = json.loads((place / "dataset_info.json").read_text(encoding="ascii"))
    named = set()
    for stage in ("sft", "rm", "dpo", "kto"):
        settings = yaml.safe_load((place / f"{stage}.yaml").read_text(encoding="ascii"))
        assert settings["stage"] == stage and settings["dataset_dir"] == "."
        names = (settings["dataset"] + "," + settings["eval_dataset"]).split(",")
        assert all(info[n].get("ranking", False) == (stage in ("rm", "dpo")) for n in names)
        named |= set(names)
    assert named == set(info)


needs_it = pytest.mark.skipif(
    not os.environ.get("LLAMAFACTORY_PYTHON"),
    reason="LLAMAFACTORY_PYTHON names no Python with llamafactory 0.9.5",
)
STAGES = {"sft": ("target", 40), "rm": ("chosen", 120), "dpo": ("chosen", 120), "kto": ("label", 120)}


def asked(script: str, *arguments, given: str = ""):
    """What a script beside this one prints when LLaMA-Factory's own Python runs it."""
    command = [os.environ["LLAMAFACTORY_PYTHON"], Path(__file__).with_name(script), *arguments]
    run = subprocess.run(command, capture_output=True, text=True, check=False, input=given)
    assert run.returncode == 0, run.stderr[-3000:]
    [line] = [text for text in run.stdout.splitlines() if text.startswith("RESULT ")]
    return json.loads(line.removeprefix("RESULT "))


def loaded(place, tokenizer, model, stage: str) -> dict:
    """What its loader makes of the folder `place`, by the stage's YAML as it was written."""
    tokenizer.save_pretrained(model)
    config(tokenizer).save_pretrained(model)
    return asked("llamafactory_rows.py", place, model, stage)


@needs_it
@pytest.mark.parametrize("stage", STAGES)
def test_its_own_loader_keeps_every_row(folder, tokenizer, tmp_path_factory, stage):
    place, examples = folder
    result = loaded(place, tokenizer, tmp_path_factory.mktemp("model"), stage)
    kind, written = STAGES[stage]
    mine = [e for e in examples if hasattr(e, kind)]
    assert len(mine) == written
    held_out = [e for e in mine if e.group_id.endswith("-7")]
    assert (result["rows"], result["evaluation"]) == (written - len(held_out), len(held_out))
    trained = [e for e in mine if e not in held_out]
    ends = "<|im_end|>\n"
    if stage == "sft":
        assert {t[0] for t in result["texts"]} == {e.target.text + ends for e in trained}
    elif stage == "kto":
        assert {(t[0], t[2]) for t in result["texts"]} == {(e.answer.text + ends, e.label) for e in trained}
    else:
        assert {(t[0], t[2]) for t in result["texts"]} == {
            (e.chosen.text + ends, e.rejected.text + ends) for e in trained
        }


THOUGHT = "<think>\nwhy\n</think>\n\n"


@needs_it
@pytest.mark.parametrize(
    ("stage", "thoughts"), [("sft", "all"), ("sft", "some"), ("dpo", "all"), ("kto", "some")]
)
def test_thoughts_are_learnt_where_there_are_any_and_no_empty_one_is(
    tokenizer, tmp_path, tmp_path_factory, stage, thoughts
):
    """By the template that is written into the YAML; without a thought in any answer: see above."""

    def thought(n: int) -> str:
        return THOUGHT if thoughts == "all" or n % 2 else ""

    texts = {thought(n) + f"answer {n}" for n in range(6)}
    examples = []
    for n, text in enumerate(sorted(texts)):
        shared = {"context": [{"role": "user", "content": f"{n}?"}], "group_id": str(n)}
        if stage == "sft":
            examples.append(Sft(**shared, target=Answer(text)))
        elif stage == "dpo":
            examples.append(Preference(**shared, chosen=Answer(text), rejected=Answer(THOUGHT + "worse")))
        else:
            examples.append(Binary(**shared, answer=Answer(text), label=bool(n % 2)))
    writer = FORMATS["llamafactory"].open(tmp_path)
    for example in examples:
        writer.add(example)
    writer.close()
    result = loaded(tmp_path, tokenizer, tmp_path_factory.mktemp("model"), stage)
    assert {row[0] for row in result["texts"]} == {text + "<|im_end|>\n" for text in texts}


def some_tool(random: Random) -> dict:
    """An entry of the tools column, sound or not."""

    def one_of(*values):
        return random.choice(values)

    def value():
        return {
            "type": one_of("string", "integer", ["string", "null"], 5),
            "description": one_of("x", None, 5),
        } | one_of(
            {},
            {},
            {"enum": one_of(["a"], [1, 2], [], None, ["a", None], "ab", {"a": 1})},
            {"items": one_of({}, {"type": "x"}, True, [], ["x"], None)},
        )

    parameters = {
        "type": "object",
        "properties": one_of(
            None, {}, {"a": value()}, {"a": value(), "b": one_of(value(), value(), True, "x")}, ["a"]
        ),
    }
    parameters |= one_of({}, {"required": one_of(["a"], [], None, True, "a", [1])})
    return {
        k: v
        for k, v in {
            "name": one_of("f", "f", "f", "f", None, "", 5, ["f"]),
            "description": one_of("x", None),
            "parameters": parameters,
            "type": one_of(None, None, None, "function", "web_search"),
            "response": one_of(None, None, {"type": "object"}, "text"),
        }.items()
        if v is not None
    }


@needs_it
def test_its_tool_formats_take_every_tool_that_is_written():
    random = Random(9)
    functions = [some_tool(random) for _ in range(2000)]
    failing = asked("llamafactory_formats.py", given=json.dumps(functions))
    taken = [formattable(function) for function in functions]
    assert not [
        (function, why)
        for function, sound, why in zip(functions, taken, failing, strict=True)
        if sound and why
    ]
    # Nearly all that is left out would stop a training; the rest is read as something else (a text as a list
    # of its letters).
    assert sum(taken) > 100 and sum(bool(why) for why in failing) > 0.8 * taken.count(False)
