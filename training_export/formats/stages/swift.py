"""`swift`: rows for ms-swift 4.6 (swift/dataset/preprocessor/core.py), a stage at a time, and its YAML.

sft   {"messages": […]}: each assistant turn says by "loss" whether it is learnt
rm    {"messages": […, the chosen answer], "rejected_response": text[, "margin"]}
dpo   {"messages": […, the chosen answer], "rejected_response": text}
kto   {"messages": […, the answer], "label": true}
rl    {"messages": […], "solution": text}"""

import json
import re

from django.utils.translation import gettext_lazy as _

from training_export.curate.examples import Binary, Preference, PromptOnly, Sft
from training_export.formats.base import LABELS, Format
from training_export.formats.rendered import encoded
from training_export.formats.stages import settings
from training_export.formats.stages.checks import StageChecker, answered, contents, with_media
from training_export.formats.stages.writer import StageWriter, stages

# Template.special_tokens: replaced in every text, by a picture where the row has one, else by nothing.
MARKS = re.compile(r"<(?:image|video|audio|bbox|ref-object|cot-process|start-image)>")
_RESPONSE = "tool_response"


def turns(messages: list[dict], learnt: bool | None) -> list[dict]:
    """`messages` with swift's roles: a call is a turn of its own, its text JSON. `learnt`: the "loss" of
    turns of the assistant, None for no such key."""
    loss = {} if learnt is None else {"loss": learnt}
    out = []
    for message in messages:
        role, content = message["role"], message["content"]
        if role == "tool":
            out.append({"role": _RESPONSE, "content": content})
        elif role != "assistant":
            out.append({"role": role, "content": content})
        else:
            if content or not message.get("tool_calls"):
                out.append({"role": role, "content": content} | loss)
            for call in message.get("tool_calls", ()):
                function = call["function"]
                said = {"name": function["name"], "arguments": function["arguments"]}
                out.append({"role": "tool_call", "content": encoded(said).decode()} | loss)
    return out


class Writer(StageWriter):
    holds_tools = holds_margin = True
    marks = MARKS

    def turns(self, messages):
        return turns(messages, False if self.stage == "sft" else None)

    def sft_line(self, shown, prompt, answer):
        last = encoded(turns([answer.final], True))
        return b'{"messages": %b, %b' % (prompt[:-1], last[1:])

    def pair_line(self, shown, prompt, chosen, rejected):
        rejected = encoded(rejected.final["content"])
        return b'{"messages": %b, %b, "rejected_response": %b' % (prompt[:-1], chosen.line[1:], rejected)

    def label_line(self, shown, prompt, answer, label):
        said = b"true" if label else b"false"
        return b'{"messages": %b, %b, "label": %b' % (prompt[:-1], answer.line[1:], said)

    def prompt_line(self, shown, prompt, text):
        self._without_marks([text])
        return b'{"messages": %b, "solution": %b' % (prompt, encoded(text))

    def settings(self, files):
        return [settings.put(self.folder, f"{self.stage}.yaml", self._yaml(files))]

    def _yaml(self, files) -> list[str]:
        verb = "sft" if self.stage == "sft" else "rlhf"
        weights = self.weights() if self.stage == "kto" else None
        return [
            f"# swift {verb} {self.stage}.yaml    (in this folder)",
            "# Set the model; every other value is a start.",
            "model: /path/to/model",
            *([f"rlhf_type: {'grpo' if self.stage == 'rl' else self.stage}"] if verb == "rlhf" else []),
            *(["dataset: [train.jsonl]"] if settings.there(files, "train") else []),
            *(["val_dataset: [validation.jsonl]"] if settings.there(files, "validation") else []),
            "# A row that cannot be read stops the training; by default it is dropped.",
            "strict: true",
            *_LOSS[self.stage],
            "# Longer rows are dropped (truncation_strategy: delete is the default).",
            "max_length: 4096",
            "tuner_type: lora",
            *([f"{name}: {value}" for name, value in weights.items()] if weights else []),
            *(_SFT_TERM if self.stage == "dpo" and self.near_identical() else []),
            "per_device_train_batch_size: 2",
            "gradient_accumulation_steps: 8",
            "learning_rate: 1.0e-4" if self.stage in ("sft", "rm") else "learning_rate: 5.0e-6",
            "num_train_epochs: 1",
            f"output_dir: output/{self.stage}",
        ]


_SFT_TERM = [
    "# Many pairs differ little: this term keeps the chosen answer's probability up (arXiv 2402.13228).",
    "rpo_alpha: 1.0",
]
_LAST = ["# Only the last answer was judged.", "loss_scale: last_round"]
_LOSS = {
    "sft": ["# Each turn of the assistant says by itself whether it is learnt.", "loss_scale: default"],
    "rm": [],
    "dpo": _LAST,
    "kto": _LAST,
    "rl": [
        "# Reward functions get the column `solution`; accuracy is for mathematics.",
        "reward_funcs: [accuracy]",
    ],
}


class Checker(StageChecker):
    columns_of = {
        "sft": ("messages",),
        "rm": ("messages", "rejected_response"),
        "dpo": ("messages", "rejected_response"),
        "kto": ("messages", "label"),
        "rl": ("messages", "solution"),
    }
    optional_of = {"rm": ("tools", "margin")} | dict.fromkeys(("sft", "dpo", "kto", "rl"), ("tools",))

    def shaped(self, row):
        messages, found = openai(row["messages"], learnt=self.stage == "sft")
        texts = [*contents(row["messages"]), row.get("rejected_response"), row.get("solution")]
        if not found and with_media(MARKS, texts):
            found = [("messages", "media_mark", "")]
        if found:
            return {}, found
        out = {k: row[k] for k in ("tools", "label", "margin") if k in row}
        if self.kind == "prompt":
            return out | {"prompt": messages, "text": row["solution"]}, []
        before, last, found = answered(messages, "messages")
        if self.kind == "pair":
            said = row["rejected_response"]
            if not isinstance(said, str):
                found = found or [("rejected_response", "not_text", "")]
            return out | {"prompt": before, "chosen": last, "rejected": _as_answer(said)}, found
        return out | {"prompt": before, "answer": last}, found


def _as_answer(text) -> list[dict]:
    return [{"role": "assistant", "content": text}]


def openai(messages, *, learnt: bool) -> tuple[list, list]:
    """(swift's messages with the roles and calls that all checks know, what is wrong with them). `learnt`:
    every turn of the assistant must say by "loss" whether it is learnt, the last block alone that it is."""
    if not isinstance(messages, list) or not all(isinstance(m, dict) for m in messages):
        return [], [("messages", "not_messages", "")]
    out: list[dict] = []
    marks: list = []
    for i, message in enumerate(messages):
        role, keys = message.get("role"), set(message) - {"role", "content"}
        mine = learnt and role in ("assistant", "tool_call")
        if keys != ({"loss"} if mine else set()) or (mine and not isinstance(message["loss"], bool)):
            return [], [("messages", "loss_mark", f"{i + 1}")]
        if role == "tool_call":
            call = _call(message.get("content"))
            if call is None:
                return [], [("messages", "tool_calls", f"{i + 1}")]
            if not out or out[-1]["role"] != "assistant":
                out.append({"role": "assistant", "content": ""})
                marks.append(message.get("loss"))
            elif marks[-1] != message.get("loss"):
                return [], [("messages", "loss_mark", f"{i + 1}")]
            out[-1].setdefault("tool_calls", []).append(call)
            continue
        out.append({"role": "tool" if role == _RESPONSE else role, "content": message.get("content")})
        marks.append(message.get("loss"))
    said = [mark for mark, message in zip(marks, out, strict=True) if message["role"] == "assistant"]
    if learnt and said != [False] * (len(said) - 1) + [True]:
        return [], [("messages", "loss_mark", "")]
    return out, []


def _call(content) -> dict | None:
    try:
        said = json.loads(content) if isinstance(content, str) else None
    except ValueError:
        said = None
    if not isinstance(said, dict) or set(said) != {"name", "arguments"}:
        return None
    if not isinstance(said["name"], str) or not isinstance(said["arguments"], dict):
        return None
    return {"type": "function", "function": said}


FORMAT = Format(
    name="swift",
    label=LABELS["swift"],
    trainer="ms-swift 4.6",
    takes=frozenset({Sft, Preference, Binary, PromptOnly}),
    writer=Writer,
    checker=Checker,
    options=("system", "sources", "allow_template_tokens", "margin", "stage"),
    not_honoured=(
        _("The weight of a row, and the votes for and against: ms-swift gives every row the same."),
        _("Pairs with tool calls in an answer: the rejected answer is a text."),
        _("Ties: no trainer takes them."),
    ),
    stages=stages("sft", "rm", "dpo", "kto", "rl"),
)
