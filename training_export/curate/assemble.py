"""From one judged prompt to its training rows (Examples), with where each came from. Pure."""

from collections import Counter

from corpus.parts import lack
from training_export.curate.examples import Binary, Preference, PromptOnly, RankedList, Sft
from training_export.curate.judged_prompts import (
    AttributedJudgement,
    EndUserWord,
    Judged,
    JudgedPrompt,
    best_status,
    eligible,
)
from training_export.curate.labels import labels_of
from training_export.curate.pairs import pairs_of, question_change
from training_export.curate.person_votes import superseded
from training_export.curate.rules import CurationRules
from training_export.curate.targets import targets_of, turn_pairs_of

# Prompts that were judged and gave nothing are counted under what the format was made for.
NOTHING = {Preference: "no_pair", Sft: "no_target", Binary: "no_label"}


def examples_of(prompt: JudgedPrompt, rules: CurationRules, takes) -> tuple[list, Counter]:
    """The rows of the classes in `takes` that `prompt` gives under `rules`, in a stable order (Sft,
    Preference, Binary, RankedList), and what was left out, by reason. A prompt with a hidden item gives none:
    what was reported may stand in the texts that its items share. Nor does one whose question had a picture:
    its text alone asks something else."""
    if prompt.hidden:
        return [], +Counter(
            hidden=len(prompt.hidden),
            beside_hidden=sum(1 for v in prompt.judgements if v.item not in prompt.hidden),
        )
    if lack(prompt.messages):
        return [], Counter(not_text=1)
    judgements, out = eligible(prompt.judgements, rules)
    rows: list = []
    found: Counter = Counter()
    if Sft in takes:
        targets, reasons = targets_of(prompt, judgements, rules)
        if reasons:
            found |= reasons
        for t in targets:
            group = prompt.group_id if t.messages is None else prompt.identify(t.messages)
            rows.append(_row(Sft, prompt, t.messages, group, t.judgements, t.reason, t.answer, ids=t.ids))
    if Preference in takes and judgements:
        pairs, reasons = pairs_of(prompt, judgements, rules)
        turned, more = turn_pairs_of(prompt, judgements, rules)
        if reasons or more:
            found |= reasons + more
        for context, pair in [*((None, p) for p in pairs), *turned]:
            group = prompt.group_id if context is None else prompt.identify(context)
            rows.append(
                _row(
                    Preference,
                    prompt,
                    context,
                    group,
                    pair.judgements,
                    "correction" if pair.correction else "ranking",
                    pair.chosen,
                    pair.rejected,
                    pair.margin,
                    len(pair.judgements),
                    pair.n_against,
                    ids=pair.ids,
                    weight=pair.weight,
                )
            )
    if Binary in takes and judgements:
        labels, reasons = labels_of(prompt, judgements, rules)
        if reasons:
            found |= reasons
        for index, (label, said) in labels.items():
            if prompt.answers[index].cut and (label or not rules.cut_rejected):
                found["cut_answer"] += 1
                continue
            reason = "verdict" if any(v.says.verdict() for v in said) else "line"
            rows.append(
                _row(
                    Binary,
                    prompt,
                    None,
                    prompt.group_id,
                    said,
                    reason,
                    prompt.answers[index].answer,
                    label,
                    ids=(index,),
                )
            )
    if RankedList in takes:
        lists: dict[tuple, list] = {}
        gone = superseded(judgements)
        if gone:
            found |= Counter(superseded_ranking=len(gone))
        for place, judgement in enumerate(judgements):
            if place in gone:
                continue
            groups, cut = _ranked(prompt, judgement, rules)
            if cut:
                found["cut_answer"] += cut
            if len(groups) > 1:
                lists.setdefault(groups, []).append(judgement)
        for groups, said in lists.items():
            answers = tuple(tuple(prompt.answers[i].answer for i in group) for group in groups)
            ids = tuple(i for group in groups for i in group)
            rows.append(_row(RankedList, prompt, None, prompt.group_id, said, "ranking", answers, ids=ids))
    if PromptOnly in takes and takes <= {PromptOnly, Sft}:
        fault = _question_fault(prompt, judgements)
        if fault:
            found[fault] += 1
        else:
            rows.append(_row(PromptOnly, prompt, None, prompt.group_id, judgements, "prompt"))
    if found:
        out += found
    if not rows and not judgements and not out:
        out["no_judgement"] += 1
    elif not rows and judgements:
        out[NOTHING[next(iter(takes))] if len(takes) == 1 and next(iter(takes)) in NOTHING else "no_row"] += 1
    return rows, out


def _question_fault(prompt: JudgedPrompt, judgements: list[AttributedJudgement]) -> str:
    """The code of what an expert found wrong with the question itself, "" for nothing: it is then none to
    be answered over and over."""
    if any(v.says.verdict() == "drop" and "question" in v.says.reason_kinds() for v in judgements):
        return "question_dropped"
    return "question_replaced" if any(question_change(prompt, v) is not None for v in judgements) else ""


def _ranked(prompt: JudgedPrompt, judgement: AttributedJudgement, rules: CurationRules) -> tuple[tuple, int]:
    """(the groups of a ranking, how many cut answers were taken out): asked for, they stay where no whole
    answer stands beside or below them."""
    groups, cut, whole_below = [], 0, not rules.cut_rejected
    for group in reversed(judgement.groups()):
        whole = [i for i in group if not prompt.answers[i].cut]
        whole_below |= bool(whole)
        kept = whole if whole_below else group
        cut += len(group) - len(kept)
        if kept:
            groups.append(tuple(sorted(kept)))
    return tuple(reversed(groups)), cut


def _row(
    cls,
    prompt: JudgedPrompt,
    messages: list | None,
    group_id: str,
    judgements: list,
    reason: str,
    *own,
    ids: tuple = (),
    weight: float = 1.0,
):
    """One Example with its provenance. `own`: the fields that its class adds, in their order. `ids`: answers
    of the prompt that stand in it (others in the tuple are keys of corrected texts). Of end users' words
    the provenance keeps the sources, as "words": who collected them tells them (end_user_words.told)."""
    answers = [prompt.answers[i] for i in ids if type(i) is int] if messages is None or cls is Sft else []
    sources = prompt.sources
    if messages is None:
        messages = prompt.messages
        for answer in answers:
            if answer.givens:
                given = _given(answers)
                if given:
                    messages, sources = _with_given(messages, sources, given)
                break
    if len(answers) == 1:
        responses, models = answers[0].responses, answers[0].models
    elif len(answers) == 2:
        responses, models = answers[0].responses + answers[1].responses, answers[0].models + answers[1].models
    else:
        responses, models = [r for a in answers for r in a.responses], [m for a in answers for m in a.models]
    if len(judgements) == 1 and type(source := judgements[0].source) is Judged:  # the usual case, fast
        versions = [source.version]
    else:
        versions = [v.source.version for v in judgements if isinstance(v.source, Judged)]
    provenance = {
        "item": judgements[0].item if judgements else None,
        "prompt": prompt.pk,
        "versions": versions,
        "annotators": [judgements[0].annotator]
        if len(judgements) == 1
        else [v.annotator for v in judgements],
        "responses": responses,
        "models": models,
        "status": best_status(judgements),
        "reason": reason,
        "origins": prompt.origins,
    }
    if len(versions) < len(judgements):
        provenance["words"] = [v.source for v in judgements if isinstance(v.source, EndUserWord)]
    return cls(
        messages, group_id, prompt.tools, sources, prompt.language, prompt.tags, weight, provenance, *own
    )


def _given(answers: list):
    """What the answers of one row had beyond the prompt: the same for all of them (pairs without a common one
    were left out)."""
    common = None
    for answer in answers:
        keys = set(answer.givens) or {"null"}
        common = keys if common is None else common & keys
    key = min(common, default="null") if common and "null" not in common else "null"
    return None if key == "null" else next(a.givens[key] for a in answers if key in a.givens)


def _with_given(messages: list, sources: list, given: dict) -> tuple[list, list]:
    """The context as the answers saw it: their own system prompt and retrieved passages."""
    system = given.get("system")
    if isinstance(system, str) and system:
        messages = [
            {"role": "system", "content": system},
            *(m for m in messages if m.get("role") != "system"),
        ]
    extra = given.get("sources")
    return messages, [*sources, *extra] if isinstance(extra, list) else sources
