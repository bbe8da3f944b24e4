"""A tiny model with its tokenizer, made on the spot: no download, seconds to train."""

import os

os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
os.environ.setdefault("WANDB_DISABLED", "true")
# so small a model gains nothing from two, and waits for ever where others use the cores
os.environ.setdefault("OMP_NUM_THREADS", "1")

import pytest

# ChatML with system, tools, calls and tool turns; no `{%-`, which would eat the line ends of the turns.
TEMPLATE = (
    "{% if tools %}<|im_start|>system\n"
    "{% if messages[0].role == 'system' %}{{ messages[0].content }} {% endif %}# Tools {{ tools | "
    "tojson }}<|im_end|>\n"
    "{% elif messages[0].role == 'system' %}<|im_start|>system\n{{ messages[0].content "
    "}}<|im_end|>\n{% endif %}"
    "{% for message in messages %}"
    "{% if message.role != 'system' %}<|im_start|>{{ message.role }}\n{{ message.content }}"
    "{% for call in message.tool_calls or [] %}<call>{{ call.function.name }} {{ "
    "call.function.arguments | tojson }}</call>{% endfor %}"
    "<|im_end|>\n{% endif %}"
    "{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)


@pytest.fixture(scope="session")
def tokenizer():
    """Bytes as tokens, so that every text is held; ChatML with system, tools and tool turns."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    raw = Tokenizer(models.BPE(vocab={c: i for i, c in enumerate(alphabet)}, merges=[]))
    raw.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    raw.decoder = decoders.ByteLevel()
    made = PreTrainedTokenizerFast(
        tokenizer_object=raw,
        eos_token="<|im_end|>",
        pad_token="<|pad|>",
        additional_special_tokens=["<|im_start|>"],
        clean_up_tokenization_spaces=False,
    )
    made.chat_template = TEMPLATE
    return made


def config(tokenizer, **more):
    from transformers import Qwen2Config

    return Qwen2Config(
        vocab_size=len(tokenizer),
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=2,
        num_key_value_heads=2,
        max_position_embeddings=4096,
        pad_token_id=tokenizer.pad_token_id,
        eos_token_id=tokenizer.eos_token_id,
        bos_token_id=None,
        **more,
    )


@pytest.fixture()
def model(tokenizer):
    """A language model of 30,000 parameters."""
    import torch
    from transformers import Qwen2ForCausalLM

    torch.manual_seed(0)
    return Qwen2ForCausalLM(config(tokenizer))


@pytest.fixture()
def reward_model(tokenizer):
    import torch
    from transformers import Qwen2ForSequenceClassification

    torch.manual_seed(0)
    return Qwen2ForSequenceClassification(config(tokenizer, num_labels=1))


@pytest.fixture()
def arguments(tmp_path):
    """What every trainer here is told: two steps on the CPU, nothing reported, nothing kept. Long rows are
    not dropped."""

    def of(cls, **more):
        common = {
            "output_dir": str(tmp_path / "out"),
            "max_steps": 2,
            "per_device_train_batch_size": 4,
            "max_length": 4096,
            "report_to": "none",
            "save_strategy": "no",
            "use_cpu": True,
            "bf16": False,
            "disable_tqdm": True,
            "seed": 0,
        }
        return cls(**common | more)

    return of
