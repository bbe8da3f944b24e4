"""The step that finds near duplicates against rensa alone, and the k-center against a bare loop of numpy.

    python benchmarks/bench_steps.py [--rows 20000] [--points 50000] [--centres 300]

Near duplicates: rows of random Chinese and English texts of about 165 characters, every tenth a copy of
another with one character changed. The floor, measured in the same run on the same texts: rensa's RMinHash
and RMinHashLSH over the same runs of five characters, asked and told text by text, without a look at whether
the candidates are twins. K-center: random rows of length 1; the floor is the greedy loop in five lines. Times
are seconds of CPU of all threads, of the best round. Targets: at least 60 % of the floor's rate, and at most
twice the floor's time."""

import argparse
import os
import random
import sys
import time
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))
ROUNDS = 3


def made(count: int) -> list[tuple[str, str]]:
    """(question, answer), each tenth with one character of another's answer changed."""
    draw = random.Random(1)
    words = ["".join(draw.choices("abcdefghijklmnopqrstuvwxyz", k=draw.randrange(2, 9))) for _ in range(5000)]
    found = []
    for number in range(count):
        if number % 10 == 9:
            question, answer = found[draw.randrange(len(found))]
            place = draw.randrange(len(answer))
            found.append((question, answer[:place] + "x" + answer[place + 1 :]))
        elif number % 2:
            signs = "".join(chr(draw.randrange(0x4E00, 0x9000)) for _ in range(165))
            found.append((signs[:25], signs[25:]))
        else:
            found.append((" ".join(draw.choices(words, k=5)), " ".join(draw.choices(words, k=22))))
    return found


def best(work: Callable[[], int]) -> tuple[float, int]:
    """(seconds of CPU of the quickest round, what the work says it found)."""
    times, said = [], 0
    for _ in range(ROUNDS):
        began = time.process_time()
        said = work()
        times.append(time.process_time() - began)
    return min(times), said


def near_duplicates(count: int) -> bool:
    from rensa import RMinHash, RMinHashLSH

    from training_export.curate.examples import Answer, Sft
    from training_export.steps import STEPS, Means, Report, Row
    from training_export.steps.near_duplicates import bands_of

    texts = made(count)
    bands, numbers = bands_of(0.8)

    def floor() -> int:
        lsh, found = RMinHashLSH(0.8, bands * numbers, bands), 0
        for key, parts in enumerate(texts):
            runs = {part[i : i + 5] for part in parts for i in range(len(part) - 4)}
            signature = RMinHash(bands * numbers, 0)
            signature.update(runs)
            found += bool(lsh.query(signature))
            lsh.insert(key, signature)
        return found

    provenance = {"status": "raw", "annotators": ["a"]}
    rows = [
        Row(Sft([{"role": "user", "content": q}], q, provenance=provenance, target=Answer(a)))
        for q, a in texts
    ]
    step = STEPS["near-duplicates"]

    def ours() -> int:
        report = Report()
        list(step.run(rows, step.parameters_of({}), report, Means()))
        return report.dropped.total()

    (bare, candidates), (whole, dropped) = best(floor), best(ours)
    share = bare / whole
    print(f"near duplicates   {count} rows: rensa alone {count / bare:,.0f} rows/s ({candidates} candidates)")
    print(f"                  the step {count / whole:,.0f} rows/s ({dropped} dropped)")
    print(f"                  {share:.0%} of the floor (target 60 %)")
    return share >= 0.6


def k_center(points: int, chosen: int) -> bool:
    import numpy as np

    from training_export.steps.k_center import centres

    matrix = np.random.default_rng(1).normal(size=(points, 384)).astype(np.float32)
    matrix /= np.linalg.norm(matrix, axis=1, keepdims=True)

    def floor() -> int:
        nearest = matrix @ matrix[0]
        for _ in range(chosen - 1):
            nearest = np.maximum(nearest, matrix @ matrix[nearest.argmin()])
        return chosen

    (bare, _), (whole, found) = best(floor), best(lambda: len(centres(matrix, chosen, 0)[0]))
    print(f"k-center          {points} x 384, {found} chosen: bare loop {bare:.2f} s, "
          f"the step's {whole:.2f} s: {whole / bare:.2f} x the floor (target 2 x)")  # fmt: skip
    return whole <= 2 * bare


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("--rows", type=int, default=20_000)
    asked.add_argument("--points", type=int, default=50_000)
    asked.add_argument("--centres", type=int, default=300)
    given = asked.parse_args()
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    import django

    django.setup()
    well = [near_duplicates(given.rows), k_center(given.points, given.centres)]
    sys.exit(0 if all(well) else 1)


if __name__ == "__main__":
    main()
