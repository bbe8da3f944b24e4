"""A real model behind a real server: a tiny Llama, taught a few answers by heart in seconds, served by
`transformers serve`.

    with model_server.running(folder) as server:
        server.url          # http://127.0.0.1:PORT/v1
        server.model        # what to ask for
        server.ANSWERS      # {question: answer it knows at temperature 0}
        server.ENDLESS      # (question it never ceases to answer, what it repeats)

It runs in an environment that has requirements-train.txt: this one, or that of `python=` (or of
VENV_TRAIN). `python -m tests.train.model_server FOLDER` builds the model alone."""

import contextlib
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
ANSWERS = {
    "What is a touchstone?": "A dark stone on which gold is drawn to see what it is worth. The colour of the "
    "streak tells how "
    "pure the gold is.",
    "试金石是什么？": "试金石是一种深色的石头。在上面划一下金子，看条痕的颜色，就知道成色好不好。",
    "How do I reset my password?": "Ask the manager of your project.\n\n1. The manager opens Members.\n2. A "
    "new password is shown "
    "**once**.",
    "怎样导出数据？": "打开“导出”页，选好格式，点一下“导出”就可以了。",
    "Thank you.": "You are welcome.",
}
ENDLESS = ("Tell me a story.", "On and on. ")  # to this question it goes on until it is stopped
SYSTEM = "You are a tiny model."
QUIET = {
    "HF_HUB_OFFLINE": "1",
    "TRANSFORMERS_OFFLINE": "1",
    "TOKENIZERS_PARALLELISM": "false",
    "OMP_NUM_THREADS": "1",
    "PYTHONUTF8": "1",
    "HF_HUB_DISABLE_TELEMETRY": "1",
}


@dataclass
class ModelServer:
    url: str
    model: str
    port: int
    log: Path
    process: subprocess.Popen
    ANSWERS = ANSWERS
    ENDLESS = ENDLESS


def build(folder: Path, *, steps: int = 220) -> None:
    """A model of about 200,000 parameters and its tokenizer, saved in `folder`; it knows ANSWERS by heart."""
    import torch
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

    from tests.train.conftest import TEMPLATE

    torch.manual_seed(0)
    raw = Tokenizer(models.BPE())
    raw.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    raw.decoder = decoders.ByteLevel()
    special = ["<|im_start|>", "<|im_end|>", "<|pad|>"]
    trainer = trainers.BpeTrainer(
        vocab_size=600,
        special_tokens=special,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    raw.train_from_iterator([*ANSWERS, *ANSWERS.values(), *ENDLESS, SYSTEM, "system user assistant"], trainer)
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=raw,
        eos_token="<|im_end|>",
        pad_token="<|pad|>",
        additional_special_tokens=["<|im_start|>"],
        clean_up_tokenization_spaces=False,
    )
    tokenizer.chat_template = TEMPLATE
    model = LlamaForCausalLM(
        LlamaConfig(
            vocab_size=len(tokenizer),
            hidden_size=96,
            intermediate_size=192,
            num_hidden_layers=2,
            num_attention_heads=4,
            num_key_value_heads=2,
            max_position_embeddings=2048,
            tie_word_embeddings=True,
            bos_token_id=None,
            eos_token_id=tokenizer.eos_token_id,
            pad_token_id=tokenizer.pad_token_id,
        )
    )
    rows = []
    for question, answer in [
        *((q, a + "<|im_end|>") for q, a in ANSWERS.items()),
        (ENDLESS[0], ENDLESS[1] * 12),
    ]:
        for system in ([], [{"role": "system", "content": SYSTEM}]):
            messages = [*system, {"role": "user", "content": question}]
            prompt = tokenizer.apply_chat_template(messages, add_generation_prompt=True, tokenize=False)
            asked = tokenizer(prompt, add_special_tokens=False)["input_ids"]
            said = tokenizer(answer, add_special_tokens=False)["input_ids"]
            rows.append((asked + said, len(asked)))
    longest = max(len(ids) for ids, _n in rows)
    ids = torch.tensor([row + [tokenizer.pad_token_id] * (longest - len(row)) for row, _n in rows])
    labels = torch.tensor([[-100] * n + row[n:] + [-100] * (longest - len(row)) for row, n in rows])
    mask = (torch.arange(longest)[None] < torch.tensor([[len(row)] for row, _n in rows])).long()
    optimizer = torch.optim.AdamW(model.parameters(), lr=4e-3, weight_decay=0.0)
    model.train()
    for _step in range(steps):
        loss = model(input_ids=ids, attention_mask=mask, labels=labels).loss
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        if loss.item() < 0.002:
            break
    model.generation_config.do_sample = False
    model.generation_config.max_new_tokens = 200
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)


def python_of_training() -> str:
    """The interpreter with requirements-train.txt: this one if it has torch, else that of VENV_TRAIN or
    .venv-train."""
    import importlib.util

    if importlib.util.find_spec("torch"):
        return sys.executable
    return str(Path(os.environ.get("VENV_TRAIN") or ROOT / ".venv-train") / "bin" / "python")


@contextlib.contextmanager
def running(folder: Path, *, python: str = "", seconds: float = 180) -> Iterator[ModelServer]:
    """The server on a free loopback port, its model built in `folder` unless it is there. It ends with the
    block, or with this process."""
    from tests.servers import die_with_parent, free_port

    python = python or python_of_training()
    (folder / "hub" / "hub").mkdir(parents=True, exist_ok=True)  # empty; the server lists it
    env = {**os.environ, **QUIET, "PYTHONPATH": str(ROOT), "HF_HOME": str(folder / "hub")}
    model = folder / "tiny"
    if not (model / "config.json").exists():
        subprocess.run([python, "-m", "tests.train.model_server", str(model)], cwd=ROOT, env=env, check=True)
    port, log = free_port(), folder / "server.log"
    command = [
        str(Path(python).with_name("transformers")),
        "serve",
        str(model),
        "--host",
        "127.0.0.1",
        "--port",
        str(port),
        "--device",
        "cpu",
    ]
    with log.open("wb") as out:
        process = subprocess.Popen(
            command,
            cwd=folder,
            env=env,
            stdout=out,
            stderr=out,
            start_new_session=True,
            preexec_fn=die_with_parent(signal.SIGKILL),
        )
    try:
        until = time.monotonic() + seconds
        while not _answers(f"http://127.0.0.1:{port}/health"):
            assert process.poll() is None and time.monotonic() < until, (
                f"the model server did not start:\n{log.read_text(errors='replace')[-3000:]}"
            )
            time.sleep(0.2)
        yield ModelServer(f"http://127.0.0.1:{port}/v1", str(model), port, log, process)
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGTERM)
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait(5)


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:
            return answer.status == 200
    except (OSError, urllib.error.URLError):
        return False


if __name__ == "__main__":
    build(Path(sys.argv[1]))
