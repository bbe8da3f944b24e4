"""`axolotl`: rows for Axolotl 0.19 (axolotl/prompt_strategies), a stage at a time, and the YAML that names
their type.

sft   {"messages": [{"role", "content", "train": false}, …]}     type: chat_template
dpo   {"messages", "chosen": message, "rejected": message}        type: chat_template.default
kto   {"completion": [messages with the answer], "label": true}   type: chatml.argilla_chat
rm    {"system", "input", "chosen", "rejected"} (texts)           type: bradley_terry.chat_template"""

from django.utils.translation import gettext_lazy as _

from training_export.curate.examples import Binary, Preference, Sft
from training_export.formats.base import LABELS, Format
from training_export.formats.messages import LeftOut
from training_export.formats.rendered import encoded, json_text
from training_export.formats.stages import settings
from training_export.formats.stages.checks import StageChecker, answered
from training_export.formats.stages.openrlhf import plain_turns
from training_export.formats.stages.writer import StageWriter, stages

# What common templates put before the answer to Axolotl's own dummy question: it cuts at the first place
# where the answer's text is found in all of it.
SCAFFOLDS = (
    "<|im_start|>system\nYou are Qwen, created by Alibaba Cloud. You are a helpful assistant.<|im_end|>\n"
    "<|im_start|>user\n[[dummy_message]]<|im_end|>\n<|im_start|>assistant\n<think>\n\n</think>\n\n",
    "<|begin_of_text|><|start_header_id|>system<|end_header_id|>\n\nCutting Knowledge Date: December 2023\n"
    "Today Date: 26 Jul 2024\n\n<|eot_id|><|start_header_id|>user<|end_header_id|>\n\n[[dummy_message]]"
    "<|eot_id|><|start_header_id|>assistant<|end_header_id|>\n\n",
    "<bos><start_of_turn>user\n[[dummy_message]]<end_of_turn>\n<start_of_turn>model\n",
    "<s>[INST] [[dummy_message]] [/INST] ",
)


def lost_in_dpo(text: str) -> str:
    """The code of why Axolotl's DPO would learn something else than `text`, "" if it would not."""
    if text != text.strip():
        return "outer_space"
    return "found_elsewhere" if any(text in scaffold for scaffold in SCAFFOLDS) else ""


def marked(messages: list[dict], train: bool) -> list[dict]:
    """`messages`, each saying whether it is learnt; the arguments of calls as JSON, which Axolotl reads, so
    that no loader joins the keys of all of them."""
    out = []
    for message in messages:
        if "tool_calls" in message:
            calls = [
                call
                | {"function": call["function"] | {"arguments": json_text(call["function"]["arguments"])}}
                for call in message["tool_calls"]
            ]
            message = message | {"tool_calls": calls}
        out.append(message | {"train": train})
    return out


class Writer(StageWriter):
    def __init__(self, folder, options, splits):
        super().__init__(folder, options, splits)
        self.holds_tools = self.stage == "sft"

    def turns(self, messages):
        return marked(messages, False) if self.stage == "sft" else messages

    def context_held(self, shown):
        roles = [m["role"] for m in shown.messages]
        if self.stage == "rm" and roles not in (["user"], ["system", "user"]):
            raise LeftOut("more_turns")

    def answer_held(self, answer):
        if self.stage == "dpo" and (code := lost_in_dpo(answer.final["content"])):
            raise LeftOut(code)

    def sft_line(self, shown, prompt, answer):
        return b'{"messages": %b, %b' % (prompt[:-1], encoded(marked([answer.final], True))[1:])

    def pair_line(self, shown, prompt, chosen, rejected):
        if self.stage == "dpo":
            sides = (prompt, chosen.line[1:-1], rejected.line[1:-1])
            return b'{"messages": %b, "chosen": %b, "rejected": %b' % sides
        system = shown.messages[0]["content"] if len(shown.messages) > 1 else ""
        texts = (system, shown.messages[-1]["content"], chosen.final["content"], rejected.final["content"])
        return b'{"system": %b, "input": %b, "chosen": %b, "rejected": %b' % tuple(map(encoded, texts))

    def label_line(self, shown, prompt, answer, label):
        said = b"true" if label else b"false"
        return b'{"completion": %b, %b, "label": %b' % (prompt[:-1], answer.line[1:], said)

    def settings(self, files):
        return [settings.put(self.folder, f"{self.stage}.yaml", self._yaml(files))]

    def _yaml(self, files) -> list[str]:
        weights = self.weights() if self.stage == "kto" else None
        tools = ["    field_tools: tools"] if self.any_tools else []
        data = []
        for key, split in (("datasets", "train"), ("test_datasets", "validation")):
            if settings.there(files, split):
                data += [f"{key}:", f"  - path: {split}.jsonl", "    ds_type: json", "    split: train"]
                data += [f"    {line}" for line in _TYPE[self.stage]] + tools
        return [
            f"# axolotl train {self.stage}.yaml    (in this folder)",
            "# Set the model; every other value is a start.",
            "base_model: /path/to/model",
            *_STAGE[self.stage],
            *data,
            *([f"kto_{name}: {value}" for name, value in weights.items()] if weights else []),
            *(_SFT_TERM if self.stage == "dpo" and self.near_identical() else []),
            "# A longer row stops the training; by default it is dropped.",
            "excess_length_strategy: raise",
            "sequence_len: 4096",
            "adapter: lora",
            "lora_r: 16",
            "lora_alpha: 32",
            "lora_target_linear: true",
            "micro_batch_size: 2",
            "gradient_accumulation_steps: 8",
            "num_epochs: 1",
            "optimizer: adamw_torch",
            "lr_scheduler: cosine",
            "learning_rate: 1.0e-4" if self.stage in ("sft", "rm") else "learning_rate: 5.0e-6",
            "bf16: auto",
            f"output_dir: output/{self.stage}",
        ]


_OWN_TEMPLATE = "chat_template: tokenizer_default"
_STAGE = {
    "sft": [_OWN_TEMPLATE],
    "dpo": ["rl: dpo", "rl_beta: 0.1", _OWN_TEMPLATE],
    "kto": [
        "# chatml.argilla_chat writes ChatML itself; for Llama 3 set llama3.argilla_chat.",
        "rl: kto",
        "rl_beta: 0.1",
    ],
    "rm": [
        "reward_model: true",
        "model_type: AutoModelForSequenceClassification",
        "num_labels: 1",
        _OWN_TEMPLATE,
    ],
}
_SFT_TERM = [
    "# Many pairs differ little: this term keeps the chosen answer's probability up (arXiv 2402.13228).",
    "dpo_loss_type: [sigmoid, sft]",
    "dpo_loss_weights: [1.0, 1.0]",
]
_TYPE = {
    "sft": [
        "type: chat_template",
        "# Each turn says by itself whether it is learnt.",
        "message_field_training: train",
        "roles_to_train: []",
    ],
    "dpo": ["type: chat_template.default"],
    "kto": ["type: chatml.argilla_chat"],
    "rm": ["type: bradley_terry.chat_template"],
}


class Checker(StageChecker):
    columns_of = {
        "sft": ("messages",),
        "dpo": ("messages", "chosen", "rejected"),
        "kto": ("completion", "label"),
        "rm": ("system", "input", "chosen", "rejected"),
    }
    optional_of = {"sft": ("tools",)}

    def shaped(self, row):
        return getattr(self, f"_{self.stage}")(row)

    def _sft(self, row):
        before, _last, found = answered(row["messages"], "messages")
        if found:
            return {}, found
        for i, message in enumerate(row["messages"]):
            if message.get("train") is not (i == len(before)):
                return {}, [("messages", "loss_mark", f"{i + 1}")]
        bare = [{k: v for k, v in m.items() if k != "train"} for m in row["messages"]]
        out = {"prompt": bare[:-1], "answer": bare[-1:]}
        return out | ({"tools": row["tools"]} if "tools" in row else {}), []

    def _dpo(self, row):
        found = plain_turns(row["messages"], "messages")
        sides = {}
        for side in self.answers:
            message = row[side]
            if not found and not isinstance(message, dict):
                found = [(side, "not_messages", "")]
            sides[side] = [message]
            found = found or plain_turns(sides[side], side)
            if not found and isinstance(message.get("content"), str) and message["content"]:
                code = lost_in_dpo(message["content"])
                found = [(side, code, "")] if code and message["content"].strip() else []
        return sides | {"prompt": row["messages"]}, found

    def _kto(self, row):
        before, last, found = answered(row["completion"], "completion")
        found = found or plain_turns(row["completion"], "completion")
        return {"prompt": before, "answer": last, "label": row["label"]}, found

    def _rm(self, row):
        found = [(column, "not_text", "") for column in self.columns if not isinstance(row[column], str)]
        system = [{"role": "system", "content": row["system"]}] if row["system"] else []
        shaped = {side: [{"role": "assistant", "content": row[side]}] for side in self.answers}
        return shaped | {"prompt": [*system, {"role": "user", "content": row["input"]}]}, found


FORMAT = Format(
    name="axolotl",
    label=LABELS["axolotl"],
    trainer="axolotl 0.19",
    takes=frozenset({Sft, Preference, Binary}),
    writer=Writer,
    checker=Checker,
    options=("system", "sources", "allow_template_tokens", "stage"),
    not_honoured=(
        _("The weight of a row, and the votes for and against: Axolotl gives every row the same."),
        _("Tools, but for SFT: its other stages read role and text of a message alone."),
        _("Reward models of conversations with more than one question, and margins."),
        _("Ties: no trainer takes them."),
    ),
    stages=stages("sft", "dpo", "kto", "rm"),
)
