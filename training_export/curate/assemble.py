"""From one judged prompt to its training rows (Examples), with where each came from. Pure."""

from collections import Counter

from corpus.parts import lack
from training_export.curate.examples import Binary, Preference, PromptOnly, RankedList, Sft
from training_export.curate.judged_prompts import Case, EndUserWord, Judged, Voice, best_status, speaking
from training_export.curate.labels import labels_of
from training_export.curate.pairs import pairs_of
from training_export.curate.person_votes import superseded
from training_export.curate.rules import CurationRules
from training_export.curate.targets import targets_of, turn_pairs_of

# Prompts that were judged and gave nothing are counted under what the format was made for.
NOTHING = {Preference: "no_pair", Sft: "no_target", Binary: "no_label"}


def examples_of(case: Case, rules: CurationRules, takes) -> tuple[list, Counter]:
    """The rows of the classes in `takes` that `case` gives under `rules`, in a stable order (Sft, Preference,
    Binary, RankedList), and what was left out, by reason. A case with a hidden item gives none: what was
    reported may stand in the texts that its items share. Nor does one whose question had a picture: its
    text alone asks something else."""
    if case.hidden:
        return [], +Counter(
            hidden=len(case.hidden), beside_hidden=sum(1 for v in case.voices if v.item not in case.hidden)
        )
    if lack(case.messages):
        return [], Counter(not_text=1)
    voices, out = speaking(case.voices, rules)
    rows: list = []
    found: Counter = Counter()
    if Sft in takes:
        targets, reasons = targets_of(case, voices, rules)
        if reasons:
            found |= reasons
        for t in targets:
            group = case.group_id if t.messages is None else case.identify(t.messages)
            rows.append(_row(Sft, case, t.messages, group, t.voices, t.reason, t.answer, ids=t.ids))
    if Preference in takes and voices:
        pairs, reasons = pairs_of(case, voices, rules)
        turned, more = turn_pairs_of(case, voices, rules)
        if reasons or more:
            found |= reasons + more
        for context, pair in [*((None, p) for p in pairs), *turned]:
            group = case.group_id if context is None else case.identify(context)
            rows.append(
                _row(
                    Preference,
                    case,
                    context,
                    group,
                    pair.voices,
                    "correction" if pair.correction else "ranking",
                    pair.chosen,
                    pair.rejected,
                    pair.margin,
                    len(pair.voices),
                    pair.n_against,
                    ids=pair.ids,
                    weight=pair.weight,
                )
            )
    if Binary in takes and voices:
        labels, reasons = labels_of(case, voices, rules)
        if reasons:
            found |= reasons
        for index, (label, said) in labels.items():
            if case.answers[index].cut and (label or not rules.cut_rejected):
                found["cut_answer"] += 1
                continue
            reason = "verdict" if any(v.says.verdict() for v in said) else "line"
            rows.append(
                _row(
                    Binary,
                    case,
                    None,
                    case.group_id,
                    said,
                    reason,
                    case.answers[index].answer,
                    label,
                    ids=(index,),
                )
            )
    if RankedList in takes:
        lists: dict[tuple, list] = {}
        gone = superseded(voices)
        if gone:
            found |= Counter(superseded_ranking=len(gone))
        for place, voice in enumerate(voices):
            if place in gone:
                continue
            groups, cut = _ranked(case, voice, rules)
            if cut:
                found["cut_answer"] += cut
            if len(groups) > 1:
                lists.setdefault(groups, []).append(voice)
        for groups, said in lists.items():
            answers = tuple(tuple(case.answers[i].answer for i in group) for group in groups)
            ids = tuple(i for group in groups for i in group)
            rows.append(_row(RankedList, case, None, case.group_id, said, "ranking", answers, ids=ids))
    if takes == {PromptOnly}:
        rows.append(_row(PromptOnly, case, None, case.group_id, voices, "prompt"))
    if found:
        out += found
    if not rows and not voices and not out:
        out["no_judgement"] += 1
    elif not rows and voices:
        out[NOTHING[next(iter(takes))] if len(takes) == 1 and next(iter(takes)) in NOTHING else "no_row"] += 1
    return rows, out


def _ranked(case: Case, voice: Voice, rules: CurationRules) -> tuple[tuple, int]:
    """(the groups of a ranking, how many cut answers were taken out): asked for, they stay where no whole
    answer stands beside or below them."""
    groups, cut, whole_below = [], 0, not rules.cut_rejected
    for group in reversed(voice.groups()):
        whole = [i for i in group if not case.answers[i].cut]
        whole_below |= bool(whole)
        kept = whole if whole_below else group
        cut += len(group) - len(kept)
        if kept:
            groups.append(tuple(sorted(kept)))
    return tuple(reversed(groups)), cut


def _row(
    cls,
    case: Case,
    messages: list | None,
    group_id: str,
    voices: list,
    reason: str,
    *own,
    ids: tuple = (),
    weight: float = 1.0,
):
    """One Example with its provenance. `own`: the fields that its class adds, in their order. `ids`: answers
    of the case that stand in it (others in the tuple are keys of corrected texts). Of end users' words
    the provenance keeps the sources, as "words": who collected them tells them (end_user_words.told)."""
    answers = [case.answers[i] for i in ids if type(i) is int] if messages is None or cls is Sft else []
    sources = case.sources
    if messages is None:
        messages = case.messages
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
    versions = [v.source.version for v in voices if isinstance(v.source, Judged)]
    provenance = {
        "item": voices[0].item if voices else None,
        "prompt": case.prompt,
        "versions": versions,
        "annotators": [voices[0].annotator] if len(voices) == 1 else [v.annotator for v in voices],
        "responses": responses,
        "models": models,
        "status": best_status(voices),
        "reason": reason,
        "origins": case.origins,
    }
    if len(versions) < len(voices):
        provenance["words"] = [v.source for v in voices if isinstance(v.source, EndUserWord)]
    return cls(messages, group_id, case.tools, sources, case.language, case.tags, weight, provenance, *own)


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
