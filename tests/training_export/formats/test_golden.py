"""The bytes of each format, written by hand."""

import json
from string import Template

import pytest

from tests.training_export.formats.format_files import found, raw_rows
from training_export.formats import FORMATS, Options
from training_export.formats.samples import examples

SYSTEM = '{"role": "system", "content": "你是一名药师。"}'
QUESTION = '{"role": "user", "content": "对乙酰氨基酚一天最多吃多少?"}'
ASKED = f"[{SYSTEM}, {QUESTION}]"
TURNS = (
    '[{"role": "user", "content": "May I sign for my brother?"}, {"role": "assistant", "content": '
    '"Only with a power of attorney."}, '
    '{"role": "user", "content": "Must it be notarised?"}]'
)
GOOD, FAIR, POOR = (
    "一天的总量不要超过4克,两次服药至少间隔4到6小时。",
    "一天不要超过4克。",
    "按需服用即可,没有上限。",
)
DONE, SHORT = "For land, yes; for most other contracts a written one is enough.", "Always."


def says(text):
    return f'[{{"role": "assistant", "content": "{text}"}}]'


def turns(*more):
    said = ["May I sign for my brother?", "Only with a power of attorney.", "Must it be notarised?", *more]
    sides = ("human", "gpt")
    return (
        "["
        + ", ".join(f'{{"from": "{sides[i % 2]}", "value": "{text}"}}' for i, text in enumerate(said))
        + "]"
    )


def gpt(text):
    return f'{{"from": "gpt", "value": "{text}"}}'


BEFORE = "Only with a power of attorney."
ASKS, AGAIN = (
    f'{{"role": "user", "content": "{text}"}}'
    for text in ("May I sign for my brother?", "Must it be notarised?")
)


def said(text, key, value):
    return f'{{"role": "assistant", "content": "{text}", "{key}": {json.dumps(value)}}}'


def not_learnt(message):
    return f'{message[:-1]}, "train": false}}'


def weighed(text, weight):
    return f'{{"role": "assistant", "content": "{text}", "weight": {weight}}}'


def input_of(messages):
    return f'"input": {{"messages": {messages}, "tools": [], "parallel_tool_calls": true}}'


def ranked(better, worse):
    return f'[{{"rank": 0, "completion": {says(better)}}}, {{"rank": 1, "completion": {says(worse)}}}]'


TURNS_1, TURNS_2, TURNS_3 = json.loads(TURNS)
MERGED = r"你是一名药师。\n\n对乙酰氨基酚一天最多吃多少?"
HUMAN = '{"from": "human", "value": "对乙酰氨基酚一天最多吃多少?"}'
IN_SYSTEM = '"system": "你是一名药师。", "tools": ""'
NO_SYSTEM = '"system": "", "tools": ""'

GOLDEN = {
    "trl-sft": {
        "train.jsonl": [
            f'{{"prompt": {ASKED}, "completion": {says(GOOD)}}}',
            f'{{"prompt": {TURNS}, "completion": {says(DONE)}}}',
        ]
    },
    "trl-preference": {
        "train.jsonl": [
            f'{{"prompt": {ASKED}, "chosen": {says(GOOD)}, "rejected": {says(FAIR)}}}',
            f'{{"prompt": {ASKED}, "chosen": {says(FAIR)}, "rejected": {says(POOR)}}}',
            f'{{"prompt": {TURNS}, "chosen": {says(DONE)}, "rejected": {says(SHORT)}}}',
        ]
    },
    "trl-rm": {
        "train.jsonl": [
            f'{{"prompt": {ASKED}, "chosen": {says(GOOD)}, "rejected": {says(FAIR)}, "margin": '
            f"0.3333333333333333}}",
            f'{{"prompt": {ASKED}, "chosen": {says(FAIR)}, "rejected": {says(POOR)}, "margin": 1.0}}',
            f'{{"prompt": {TURNS}, "chosen": {says(DONE)}, "rejected": {says(SHORT)}, "margin": 1.0}}',
        ]
    },
    "trl-kto": {
        "train.jsonl": [
            f'{{"prompt": {ASKED}, "completion": {says(FAIR)}, "label": true}}',
            f'{{"prompt": {TURNS}, "completion": {says(SHORT)}, "label": false}}',
            f'{{"prompt": {ASKED}, "completion": {says(POOR)}, "label": false}}',
        ]
    },
    "llamafactory": {
        "sft_alpaca_train.jsonl": [
            f'{{"instruction": "对乙酰氨基酚一天最多吃多少?", "input": "", "system": "你是一名药师。'
            f'", "output": "{GOOD}"}}'
        ],
        "sft_sharegpt_train.jsonl": [f'{{"conversations": {turns(DONE)}, {NO_SYSTEM}}}'],
        "preference_train.jsonl": [
            f'{{"conversations": [{HUMAN}], "chosen": {gpt(GOOD)}, "rejected": {gpt(FAIR)}, {IN_SYSTEM}}}',
            f'{{"conversations": [{HUMAN}], "chosen": {gpt(FAIR)}, "rejected": {gpt(POOR)}, {IN_SYSTEM}}}',
            f'{{"conversations": {turns()}, "chosen": {gpt(DONE)}, "rejected": {gpt(SHORT)}, {NO_SYSTEM}}}',
        ],
        "kto_train.jsonl": [
            f'{{"conversations": [{HUMAN}, {gpt(FAIR)}], "kto_tag": true, {IN_SYSTEM}}}',
            f'{{"conversations": {turns(SHORT)}, "kto_tag": false, {NO_SYSTEM}}}',
            f'{{"conversations": [{HUMAN}, {gpt(POOR)}], "kto_tag": false, {IN_SYSTEM}}}',
        ],
    },
    "trl-grpo": {
        "train.jsonl": [
            f'{{"prompt": {ASKED}, "solution": "{GOOD}"}}',
            f'{{"prompt": {TURNS}, "solution": "{DONE}"}}',
        ]
    },
    "trl-sdft": {
        "train.jsonl": [
            f'{{"prompt": {ASKED}, "privileged_context": "{GOOD}"}}',
            f'{{"prompt": {TURNS}, "privileged_context": "{DONE}"}}',
        ]
    },
    "trl-tpo": {
        "train.jsonl": [
            f'{{"prompt": {ASKED}, "chosen": {says(GOOD)}, "rejected": {says(FAIR)}, "reference": '
            f"{says(GOOD)}}}",
            f'{{"prompt": {ASKED}, "chosen": {says(FAIR)}, "rejected": {says(POOR)}, "reference": '
            f"{says(GOOD)}}}",
            f'{{"prompt": {TURNS}, "chosen": {says(DONE)}, "rejected": {says(SHORT)}, "reference": '
            f"{says(DONE)}}}",
        ]
    },
    "swift": {
        "train.jsonl": [
            f'{{"messages": [{SYSTEM}, {QUESTION}, {said(GOOD, "loss", True)}]}}',
            f'{{"messages": [{ASKS}, {said(BEFORE, "loss", False)}, {AGAIN}, {said(DONE, "loss", True)}]}}',
        ]
    },
    "openrlhf": {
        "train.jsonl": [
            f'{{"messages": [{SYSTEM}, {QUESTION}, {says(GOOD)[1:-1]}]}}',
            f'{{"messages": [{TURNS[1:-1]}, {says(DONE)[1:-1]}]}}',
        ]
    },
    "axolotl": {
        "train.jsonl": [
            f'{{"messages": [{not_learnt(SYSTEM)}, {not_learnt(QUESTION)}, {said(GOOD, "train", True)}]}}',
            f'{{"messages": [{not_learnt(ASKS)}, {said(BEFORE, "train", False)}, {not_learnt(AGAIN)}, '
            f"{said(DONE, 'train', True)}]}}",
        ]
    },
    "bailian": {"train.jsonl": [f'{{"messages": [{SYSTEM}, {QUESTION}, {says(GOOD)[1:-1]}]}}']},
    "openai-messages": {
        "train.jsonl": [
            f'{{"messages": [{SYSTEM}, {QUESTION}, {weighed(GOOD, 1)}]}}',
            f'{{"messages": [{json.dumps(TURNS_1)}, {weighed(TURNS_2["content"], 0)}, {json.dumps(TURNS_3)}, '
            f"{weighed(DONE, 1)}]}}",
        ]
    },
    "openai-preference": {
        "train.jsonl": [
            f'{{{input_of(ASKED)}, "preferred_output": {says(GOOD)}, "non_preferred_output": {says(FAIR)}}}',
            f'{{{input_of(ASKED)}, "preferred_output": {says(FAIR)}, "non_preferred_output": {says(POOR)}}}',
            f'{{{input_of(TURNS)}, "preferred_output": {says(DONE)}, "non_preferred_output": {says(SHORT)}}}',
        ]
    },
    "chatglm3": {
        "train.jsonl": [f'{{"conversations": {ASKED[:-1]}, {says(GOOD)[1:]}}}'],
        "validation.jsonl": [f'{{"conversations": {TURNS[:-1]}, {says(DONE)[1:]}}}'],
    },
    "nemo-rl": {
        "train.jsonl": [
            f'{{"context": {ASKED}, "completions": {ranked(GOOD, FAIR)}}}',
            f'{{"context": {ASKED}, "completions": {ranked(FAIR, POOR)}}}',
            f'{{"context": {TURNS}, "completions": {ranked(DONE, SHORT)}}}',
        ]
    },
    "opencompass": {
        "touchstone_train_qa.jsonl": [f'{{"question": "{MERGED}", "answer": "{GOOD}"}}'],
    },
    "reward-pairs": {
        "train.jsonl": [
            f'{{"prompt": "{MERGED}", "chosen": "{GOOD}", "rejected": "{FAIR}", "subset": "zh"}}',
            f'{{"prompt": "{MERGED}", "chosen": "{FAIR}", "rejected": "{POOR}", "subset": "zh"}}',
        ]
    },
    "verl": {
        "train.parquet": [
            f'{{"data_source": "touchstone", "prompt": {ASKED}, "ability": "zh", "reward_model": {{"style": '
            f'"rule", "ground_truth": "{GOOD}"}}, "extra_info": {{"split": "train", "index": 0, "group_id": '
            '"p1"}}',
            f'{{"data_source": "touchstone", "prompt": {TURNS}, "ability": "en", "reward_model": {{"style": '
            f'"rule", "ground_truth": "{DONE}"}}, "extra_info": {{"split": "train", "index": 1, "group_id": '
            '"p2"}}',
        ]
    },
    "csv": {
        "sft_train.csv": [
            "system,earlier_turns,question,passages,tools,answer,from,language,tags,weight,item,annotators,"
            "models,status,reason",
            f'你是一名药师。,,对乙酰氨基酚一天最多吃多少?,,,"{GOOD}",corrected,zh,,1.0,1,expert-1,,'
            "accepted,correction",
        ]
    },
    "parquet": {
        "train.parquet": [
            json.dumps(
                {
                    "type": "sft",
                    "group_id": "p1",
                    "context": ASKED.replace(": ", ":").replace(", ", ","),
                    "tools": None,
                    "sources": "[]",
                    "language": "zh",
                    "tags": "[]",
                    "weight": 1.0,
                    "target": f'{{"text":"{GOOD}","turns":[],"origin":"corrected"}}',
                    **dict.fromkeys(["chosen", "rejected", "margin", "n_for", "n_against", "agreement"]),
                    **dict.fromkeys(["answer", "label", "groups", "reference"]),
                    "provenance": '{"item":1,"prompt":1,"versions":[10],"annotators":["expert-1"],'
                    '"responses":[],"models":[],"status":"accepted","reason":"correction"}',
                },
                ensure_ascii=False,
            )
        ]
    },
    "jsonl": {
        "train.jsonl": [
            f'{{"type":"sft","group_id":"p1","context":{ASKED.replace(": ", ":").replace(", ", ",")},"tools":null,"sources":[],"language":"zh","tags":[],'  # noqa: E501
            f'"weight":1.0,"target":{{"text":"{GOOD}","turns":[],"origin":"corrected"}},"provenance":{{"item":1,"prompt":1,"versions":[10],'
            '"annotators":["expert-1"],"responses":[],"models":[],"status":"accepted","reason":"correction"}}',
        ]
    },
}


WITH = {
    "ASKED": ASKED, "TURNS": TURNS, "GOOD": GOOD, "FAIR": FAIR, "POOR": POOR, "DONE": DONE, "SHORT": SHORT,
    "GOOD_ANSWER": says(GOOD)[1:-1], "FAIR_ANSWER": says(FAIR)[1:-1], "POOR_ANSWER": says(POOR)[1:-1],
    "DONE_ANSWER": says(DONE)[1:-1], "SHORT_ANSWER": says(SHORT)[1:-1],
    "QUESTIONED": f"{SYSTEM}, {QUESTION}", "TALKED": TURNS[1:-1],
    "THIRD": "0.3333333333333333", "NAME": "你是一名药师。", "ASK": "对乙酰氨基酚一天最多吃多少?",
}  # fmt: skip
# Rows of the other stages; $NAME stands for what is named so above.
STAGED = {
    ("swift", "rm"): [
        '{"messages": [$QUESTIONED, $GOOD_ANSWER], "rejected_response": "$FAIR", "margin": $THIRD}',
        '{"messages": [$QUESTIONED, $FAIR_ANSWER], "rejected_response": "$POOR", "margin": 1.0}',
        '{"messages": [$TALKED, $DONE_ANSWER], "rejected_response": "$SHORT", "margin": 1.0}',
    ],
    ("swift", "dpo"): [
        '{"messages": [$QUESTIONED, $GOOD_ANSWER], "rejected_response": "$FAIR", "tools": "[]"}',
        '{"messages": [$QUESTIONED, $FAIR_ANSWER], "rejected_response": "$POOR", "tools": "[]"}',
        '{"messages": [$TALKED, $DONE_ANSWER], "rejected_response": "$SHORT", "tools": "[]"}',
    ],
    ("swift", "kto"): [
        '{"messages": [$QUESTIONED, $FAIR_ANSWER], "label": true}',
        '{"messages": [$TALKED, $SHORT_ANSWER], "label": false}',
        '{"messages": [$QUESTIONED, $POOR_ANSWER], "label": false}',
    ],
    ("swift", "rl"): [
        '{"messages": $ASKED, "solution": "$GOOD", "tools": "[]"}',
        '{"messages": $TURNS, "solution": "$DONE", "tools": "[]"}',
    ],
    ("openrlhf", "rm"): [
        '{"prompt": $ASKED, "chosen": [$GOOD_ANSWER], "rejected": [$FAIR_ANSWER], "margin": $THIRD}',
        '{"prompt": $ASKED, "chosen": [$FAIR_ANSWER], "rejected": [$POOR_ANSWER], "margin": 1.0}',
        '{"prompt": $TURNS, "chosen": [$DONE_ANSWER], "rejected": [$SHORT_ANSWER], "margin": 1.0}',
    ],
    ("openrlhf", "dpo"): [
        '{"prompt": $ASKED, "chosen": [$GOOD_ANSWER], "rejected": [$FAIR_ANSWER]}',
        '{"prompt": $ASKED, "chosen": [$FAIR_ANSWER], "rejected": [$POOR_ANSWER]}',
        '{"prompt": $TURNS, "chosen": [$DONE_ANSWER], "rejected": [$SHORT_ANSWER]}',
    ],
    ("openrlhf", "rl"): ['{"prompt": $ASKED, "label": "$GOOD"}', '{"prompt": $TURNS, "label": "$DONE"}'],
    ("axolotl", "dpo"): [
        '{"messages": $ASKED, "chosen": $GOOD_ANSWER, "rejected": $FAIR_ANSWER}',
        '{"messages": $ASKED, "chosen": $FAIR_ANSWER, "rejected": $POOR_ANSWER}',
        '{"messages": $TURNS, "chosen": $DONE_ANSWER, "rejected": $SHORT_ANSWER}',
    ],
    ("axolotl", "kto"): [
        '{"completion": [$QUESTIONED, $FAIR_ANSWER], "label": true}',
        '{"completion": [$TALKED, $SHORT_ANSWER], "label": false}',
        '{"completion": [$QUESTIONED, $POOR_ANSWER], "label": false}',
    ],
    ("axolotl", "rm"): [
        '{"system": "$NAME", "input": "$ASK", "chosen": "$GOOD", "rejected": "$FAIR"}',
        '{"system": "$NAME", "input": "$ASK", "chosen": "$FAIR", "rejected": "$POOR"}',
    ],
    ("bailian", "dpo"): [
        '{"messages": $ASKED, "chosen": $GOOD_ANSWER, "rejected": $FAIR_ANSWER}',
        '{"messages": $ASKED, "chosen": $FAIR_ANSWER, "rejected": $POOR_ANSWER}',
        '{"messages": $TURNS, "chosen": $DONE_ANSWER, "rejected": $SHORT_ANSWER}',
    ],
}  # fmt: skip
# What a format cannot hold of the sample: a talk of two questions.
NOT_HELD = {"bailian": {"unjudged_turns": 1}, ("axolotl", "rm"): {"more_turns": 1}}
NOT_HELD |= {form: {"more_turns": 1} for form in ("opencompass", "reward-pairs")}


def test_every_stage_has_its_bytes():
    assert set(STAGED) == {(f.name, stage) for f in FORMATS.values() for stage in list(f.stages)[1:]}


@pytest.mark.parametrize(("form", "stage"), STAGED)
def test_writes_these_bytes_for_a_stage(tmp_path, form, stage):
    options = Options(margin="strength", stage=stage)
    writer = FORMATS[form].open(tmp_path, options)
    for example in examples():
        if type(example) in FORMATS[form].takes_for(options):
            writer.add(example)
    files = {f.path: f for f in writer.close()}
    assert writer.left_out == NOT_HELD.get((form, stage), {})
    lines = [Template(line).substitute(WITH) for line in STAGED[form, stage]]
    assert (tmp_path / "train.jsonl").read_bytes().decode() == "".join(line + "\n" for line in lines)
    assert files["train.jsonl"].rows == len(lines)
    assert found(tmp_path, form, stage=stage, margin="strength") == []


@pytest.mark.parametrize("form", FORMATS)
def test_writes_these_bytes(tmp_path, form):
    options = Options(margin="strength", **FORMATS[form].shows)
    splits = ("train", *FORMATS[form].needs)
    writer = FORMATS[form].open(tmp_path, options, splits=splits)
    takes = FORMATS[form].takes_for(options)
    for example in examples() if form not in ("jsonl", "parquet", "csv") else examples()[:1]:
        if type(example) in takes:
            writer.add(example, splits[-1] if example.group_id == "p2" else "train")
    files = {f.path: f for f in writer.close()}
    assert writer.left_out == NOT_HELD.get(form, {})
    for name, lines in GOLDEN[form].items():
        if name.endswith(".parquet"):
            assert [json.dumps(row, ensure_ascii=False) for row in raw_rows(tmp_path / name)] == lines
        elif name.endswith(".csv"):
            assert (tmp_path / name).read_bytes().decode() == "\ufeff" + "".join(
                f"{one}\r\n" for one in lines
            )
            lines = lines[1:]  # of the names of the columns
        else:
            assert (tmp_path / name).read_bytes().decode() == "".join(line + "\n" for line in lines)
        assert files[name].rows == len(lines)
    assert {n for n, f in files.items() if f.role == "data"} == set(GOLDEN[form])
    assert found(tmp_path, form) == []


def test_dataset_info_names_every_column_and_tag(tmp_path):
    writer = FORMATS["llamafactory"].open(tmp_path, Options(name="clinic"), splits=("train", "validation"))
    for example in examples():
        if type(example) in FORMATS["llamafactory"].takes:
            writer.add(example, "validation" if example.group_id == "p2" else "train")
    writer.close()
    tags = {
        "role_tag": "from",
        "content_tag": "value",
        "user_tag": "human",
        "assistant_tag": "gpt",
        "observation_tag": "observation",
        "function_tag": "function_call",
        "system_tag": "system",
    }
    shared = {"messages": "conversations", "system": "system", "tools": "tools"}
    ranking = {
        "formatting": "sharegpt",
        "ranking": True,
        "columns": shared | {"chosen": "chosen", "rejected": "rejected"},
        "tags": tags,
    }
    label = {"formatting": "sharegpt", "columns": shared | {"kto_tag": "kto_tag"}, "tags": tags}
    assert json.loads((tmp_path / "dataset_info.json").read_bytes().decode("ascii")) == {
        "clinic_sft_alpaca": {
            "file_name": "sft_alpaca_train.jsonl",
            "formatting": "alpaca",
            "columns": {"prompt": "instruction", "query": "input", "response": "output", "system": "system"},
        },
        "clinic_sft_sharegpt_validation": {
            "file_name": "sft_sharegpt_validation.jsonl",
            "formatting": "sharegpt",
            "columns": shared,
            "tags": tags,
        },
        "clinic_preference": {"file_name": "preference_train.jsonl", **ranking},
        "clinic_preference_validation": {"file_name": "preference_validation.jsonl", **ranking},
        "clinic_kto": {"file_name": "kto_train.jsonl", **label},
        "clinic_kto_validation": {"file_name": "kto_validation.jsonl", **label},
    }
    assert "eval_dataset: clinic_preference_validation\n" in (tmp_path / "dpo.yaml").read_text()
    assert "dataset: clinic_sft_alpaca\n" in (tmp_path / "sft.yaml").read_text()
    assert "mask_history: true\n" in (tmp_path / "sft.yaml").read_text()
    assert {p.name for p in tmp_path.glob("*.yaml")} == {"sft.yaml", "rm.yaml", "dpo.yaml", "kto.yaml"}


@pytest.mark.parametrize("form", FORMATS)
def test_the_sample_on_screen_is_of_its_own_making(form):
    sample = FORMATS[form].sample()
    assert set(GOLDEN[form]) <= set(sample)
    assert all(text for text in sample.values())
    assert json.loads(json.dumps(FORMATS[form].as_dict()))["name"] == form
