"""A start for the rewards of GRPO and RLOO: how near an answer comes to the one that an expert gave.

It lies beside the data, and uses nothing but Python:

    trl grpo --dataset_name . --reward_funcs rewards.overlap --model_name_or_path MODEL …

TRL gives each function the completions and every column of the data: `solution` is the expert's text, ""
where there is none (the answer is then None, which TRL leaves out of the mean). Texts that are near are not
always right: replace these by what your task can check."""

import unicodedata
from collections import Counter
from itertools import pairwise


def overlap(completions, solution, **columns):
    """Shared pairs of neighbouring characters, from 0 to 1 (the F1 of the two texts' bigrams, Dice's
    coefficient): of any language, order counts a little, length counts against. None without solution."""
    return [
        _dice(_plain(_text(said)), _plain(wanted)) if wanted.strip() else None
        for said, wanted in zip(completions, solution, strict=True)
    ]


def contains(completions, solution, **columns):
    """1.0 where the whole solution stands in the answer (white space, width and case aside), else 0.0: for
    short, exact solutions. None without solution."""
    return [
        float(_plain(wanted) in _plain(_text(said))) if wanted.strip() else None
        for said, wanted in zip(completions, solution, strict=True)
    ]


def _text(completion) -> str:
    """The text of a completion: a text, or a list of messages of which the last is the answer."""
    return completion if isinstance(completion, str) else completion[-1].get("content") or ""


def _plain(text: str) -> str:
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())


def _dice(one: str, other: str) -> float:
    if one == other:
        return 1.0
    first, second = (Counter(pairwise(text)) for text in (one, other))
    shared, all_of_them = (first & second).total(), first.total() + second.total()
    return 2 * shared / all_of_them if all_of_them else 0.0
