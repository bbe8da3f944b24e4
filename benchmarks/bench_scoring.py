"""How many rows a second the steps that score read, beside floors of the same run: the model alone on the
same tokens, two processes beside one, a common beginning read once and again and again, batches and single
rows. All but the two processes in seconds of CPU, of one thread, so that what else runs does not count.

.venv-train/bin/python benchmarks/bench_scoring.py [--rows 32] [--width 128]

Models are made on the spot with random weights: how fast they are does not depend on what they know."""

import argparse
import os
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path

os.environ |= {"HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1", "TOKENIZERS_PARALLELISM": "false"}
ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.settings")

import django  # noqa: E402

django.setup()

from tests.training_export.steps.rows_made import sft  # noqa: E402
from training_export.steps import STEPS, Cache, Means, Report  # noqa: E402
from training_export.steps.scoring.batches import scored  # noqa: E402
from training_export.steps.scoring.likelihood import Likelihood  # noqa: E402
from training_export.steps.scoring.local_model import BATCH_ON_CPU  # noqa: E402
from training_export.steps.scoring.texts import Piece  # noqa: E402

WORDS = ["阿司匹林", "一天", "最多", "医生说", "饭后", "the", "dose", "is", "5", "mg", "with", "water"]


def rows_of(number: int) -> list:
    """Questions of 5 to 20 words, answers of 5 to 60."""
    draw = random.Random(1)
    return [
        sft(*(" ".join(draw.choices(WORDS, k=draw.randint(5, most))) for most in (20, 60)))
        for _ in range(number)
    ]


def made(folder: Path, width: int) -> Path:
    """A GPT-2 of 4 layers with bytes for tokens."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers
    from transformers import GPT2Config, GPT2LMHeadModel, PreTrainedTokenizerFast

    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    raw = Tokenizer(models.BPE(vocab={c: i for i, c in enumerate(alphabet)}, merges=[]))
    raw.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    raw.decoder = decoders.ByteLevel()
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=raw, eos_token="<end>", pad_token="<pad>")
    config = GPT2Config(vocab_size=len(tokenizer), n_embd=width, n_layer=4, n_head=4, n_positions=4096)
    GPT2LMHeadModel(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def timed(work) -> float:
    """Seconds of CPU."""
    began = time.process_time()
    work()
    return time.process_time() - began


def step_alone(folder: Path, rows: list) -> float:
    """Seconds of the whole step, loading and all."""
    step = STEPS["perplexity"]
    parameters = step.parameters_of({"model": str(folder)})
    return timed(lambda: list(step.run(rows, parameters, Report(), Means())))


def model_alone(folder: Path, rows: list) -> float:
    """Seconds of the bare model on the same tokens in the same batches: nothing faster is to be had."""
    import torch

    scorer = Likelihood(folder, 2048)
    lengths = sorted(
        len(piece.context) + len(piece.answer)
        for piece in (scorer.texts.piece(row.example, row.example.target) for row in rows)
    )
    shapes, group = [], 0
    for longest in reversed(lengths):
        if not group or (shapes[-1][0] + 1) * shapes[-1][1] > BATCH_ON_CPU:
            shapes.append([0, longest])
        shapes[-1][0] += 1
        group = 1
    given = [torch.ones(shape, dtype=torch.long) for shape in shapes]
    model = scorer.model
    with torch.inference_mode():
        return timed(lambda: [model(input_ids=ids, use_cache=False).logits for ids in given])


def processes(folder: Path, number: int, rows: int) -> tuple[float, float, float]:
    """(seconds that `number` processes take for `rows` rows each, from the moment all are ready; the same of
    a loop that only counts, which the machine's cores bound alike; seconds of CPU of a process for its
    rows)."""
    out, used = [], 0.0
    for work in ("score", "count"):
        running = [
            subprocess.Popen(
                [sys.executable, __file__, "--child", work, "--folder", str(folder), "--rows", str(rows)],
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT,
            )
            for _ in range(number)
        ]  # fmt: skip
        for one in running:
            one.stdout.readline()
        began = time.perf_counter()
        for one in running:
            one.stdin.write("\n")
            one.stdin.flush()
        cpu = [float(one.stdout.readline()) for one in running]
        out.append(time.perf_counter() - began)
        used = used or max(cpu)
        for one in running:
            one.communicate()
    return out[0], out[1], used


def child(work: str, folder: Path, rows: int) -> None:
    scorer, given = Likelihood(folder, 2048), rows_of(rows)
    pieces = [scorer.texts.piece(row.example, row.example.target) for row in given]
    scored(scorer, pieces[:1], Cache())
    print("ready", flush=True)
    sys.stdin.readline()
    if work == "score":
        used = timed(lambda: scored(scorer, pieces, Cache()))
    else:
        used = timed(lambda: sum(n * n for n in range(20_000_000)))
    print(used, flush=True)


def prefix(folder: Path, words: int) -> tuple[float, float, int]:
    """(seconds for 20 tasks after one row of `words` words with its turns read for each, read once, tokens of
    the row)."""
    scorer = Likelihood(folder, 4096)
    shown = scorer.texts.ids(" ".join(WORDS * 20)[: words * 4])
    pieces = [
        Piece(shown + scorer.texts.ids(row.example.group_id), scorer.texts.ids(row.example.target.text[:120]))
        for row in rows_of(20)
    ]
    scored(scorer, pieces[:1], Cache())
    each = timed(lambda: scored(scorer, pieces, Cache()))
    once = timed(lambda: scored(scorer, pieces, Cache(), measured=scorer.measured_by_prefix))
    return each, once, len(shown)


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--rows", type=int, default=32)
    arguments.add_argument("--width", type=int, default=128)
    arguments.add_argument("--child", default="")
    arguments.add_argument("--folder", default="")
    said = arguments.parse_args()
    if said.child:
        child(said.child, Path(said.folder), said.rows)
        return
    with tempfile.TemporaryDirectory() as home:
        folder, rows = made(Path(home) / "model", said.width), rows_of(said.rows)
        step_alone(folder, rows[:2])
        bare, whole = model_alone(folder, rows), step_alone(folder, rows)
        print(f"perplexity    {len(rows) / whole:.1f} rows/s, model alone {len(rows) / bare:.1f}: "
              f"{bare / whole:.0%} of the floor", flush=True)  # fmt: skip
        single = Likelihood(folder, 2048, batch_tokens=1)
        pieces = [single.texts.piece(row.example, row.example.target) for row in rows]
        one_by_one = timed(lambda: scored(single, pieces, Cache()))
        by_batch = Likelihood(folder, 2048)
        scored(by_batch, pieces[:1], Cache())
        together = timed(lambda: scored(by_batch, pieces, Cache()))
        print(f"batches       {one_by_one / together:.2f} × single rows", flush=True)
        (one, floor_one, cpu_one), (two, floor_two, cpu_two) = (
            processes(folder, n, said.rows) for n in (1, 2)
        )
        print(
            f"two processes {2 * one / two:.2f} × one, counting alone {2 * floor_one / floor_two:.2f} ×; "
            f"CPU of a row beside another process {cpu_two / cpu_one:.2f} × that alone",
            flush=True,
        )
        for words in (10, 100, 400):
            each, once, tokens = prefix(folder, words)
            print(
                f"beginning of {tokens} tokens read once for 20 tasks: {each / once:.2f} × as fast",
                flush=True,
            )


if __name__ == "__main__":
    main()
