"""A reward for verl: how much of the answer that a person wrote or approved stands in the model's answer.

The same words and characters in any order count (F1, from 0 to 1), after thoughts, case and white space were
taken away. It knows nothing of what the words mean: take it for a start, and put your own rule here."""

import re
import unicodedata
from collections import Counter

_THOUGHT = re.compile(r"^.*</think>", re.S)
# A word in letters and digits; of scripts without spaces between words, each character.
_PART = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff\uac00-\ud7af]|[^\W_]+")


def parts(text):
    """{word or character: how often} of a text."""
    plain = unicodedata.normalize("NFKC", _THOUGHT.sub("", text)).casefold()
    # Between a word and a character of another script stands no space: they are parted here.
    spaced = re.sub(r"([\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff\uac00-\ud7af])", r" \1 ", plain)
    return Counter(_PART.findall(spaced))


def compute_score(data_source, solution_str, ground_truth, extra_info=None, **kwargs):
    """verl calls this for each answer. ValueError for a prompt without an answer to compare with: it needs a
    rule of its own."""
    if not ground_truth:
        raise ValueError(
            f"{data_source}: this prompt has no answer to compare with; write a rule for it here."
        )
    said, wanted = parts(solution_str), parts(ground_truth)
    shared = (said & wanted).total()
    return 2 * shared / (said.total() + wanted.total()) if shared else 0.0
