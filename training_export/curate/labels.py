"""From judgements to labels (docs/export.md has the rules). Pure.

Good or bad is not rank: labels come from the acceptability line, from keep and drop, and from ratings only
where the export asks."""

from collections import Counter

from annotation.document import OVERALL
from training_export.curate.judged_prompts import (
    AttributedJudgement,
    JudgedPrompt,
    keep_latest,
    settled_first,
)
from training_export.curate.rules import CurationRules

GOOD_RATING, BAD_RATING = 4, 2


def labels_of(
    prompt: JudgedPrompt, judgements: list[AttributedJudgement], rules: CurationRules
) -> tuple[dict, Counter]:
    """{answer index: (label, [judgements for it])} after consensus, and what was left out. One label per
    answer: `majority` takes the larger side, the other modes only what nobody contradicts."""
    out: Counter = Counter()
    people: dict[int, dict] = {}
    for judgement in judgements:
        said = labels_by(judgement, bool(prompt.sources), rules, out)
        for index, values in said.items():
            keep_latest(people.setdefault(index, {}), judgement, values)
    labels = {}
    for index, each in sorted(people.items()):
        said = settled_first(each)
        good = [v for v, values in said if values == {True}]
        bad = [v for v, values in said if values == {False}]
        if len(good) == len(bad) or (good and bad and rules.annotators != "majority"):
            out["conflicting_labels"] += 1
        else:
            labels[index] = (True, good) if len(good) > len(bad) else (False, bad)
    shown = {index for v in judgements for index in v.slots}
    if people:
        unlabelled = len(shown - people.keys())
        if unlabelled:
            out["unlabelled"] += unlabelled
    return labels, out


def labels_by(
    judgement: AttributedJudgement, has_sources: bool, rules: CurationRules, out: Counter
) -> dict[int, set]:
    """What one judgement says of each answer: {index: {True}, {False} or both (its author contradicts
    themselves)}."""
    says, said = judgement.says, {}
    acceptable = says.acceptable()
    verdict = says.verdict()
    if acceptable is not None:
        ranking = says.groups()
        for i, group in enumerate(ranking):
            for slot in group:
                said.setdefault(judgement.slots[slot], set()).add(i < acceptable)
        if says.rest_is_worse() or (acceptable == 0 and not ranking):
            for index in judgement.rest():
                said.setdefault(index, set()).add(False)
    if verdict and judgement.slots:
        label = True if verdict == "keep" else None
        if verdict == "drop":
            label, why = _label_of_drop(says.reason_kinds(), has_sources)
            if why:
                out[why] += 1
        elif verdict == "fix":
            out["fix_is_no_label"] += 1
        if label is not None:
            said.setdefault(judgement.slots[0], set()).add(label)
    rated = False
    if rules.binary_from_ratings:
        for slot, ratings in says.ratings().items():
            overall = ratings.get(OVERALL)
            if overall is not None:
                rated = True
                if overall >= GOOD_RATING or overall <= BAD_RATING:
                    said.setdefault(judgement.slots[int(slot)], set()).add(overall >= GOOD_RATING)
    if (
        acceptable is None
        and verdict is None
        and not rated
        and judgement.slots
        and not says.has_demonstration()
    ):
        out["no_line"] += 1
    return said


def _label_of_drop(about: set, has_sources: bool) -> tuple[bool | None, str]:
    """(False, "") for a drop that speaks `about` the answer of a sound question; else (None, why it does
    not)."""
    if "question" in about:
        return None, "drop_question"
    if "answer" in about or ("source" in about and has_sources):
        return False, ""
    if "source" in about:
        return None, "source_missing"
    return None, "source_outdated" if "source_outdated" in about else "drop_duplicate"
