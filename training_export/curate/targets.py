"""From judgements to answers worth learning, and to pairs at corrected turns (docs/export.md has the rules).
Pure."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

from corpus.canonical import same_text, unified
from training_export.curate.examples import Answer
from training_export.curate.judged_prompts import (
    STATUS_RANK,
    AttributedJudgement,
    JudgedPrompt,
    answer_key,
    keep_latest,
    settled_first,
)
from training_export.curate.labels import labels_by, labels_of
from training_export.curate.pairs import Pair, bradley_terry, capped, question_change
from training_export.curate.rules import CurationRules
from training_export.curate.substantive_edits import always_substantive


@dataclass(slots=True)
class Target:
    """An answer to learn. `messages`: its context where that is not the prompt's own. `ids`: answers of the
    prompt it stands for."""

    answer: Answer
    reason: str
    judgements: list = field(default_factory=list)
    messages: list | None = None
    ids: tuple = ()


def targets_of(
    prompt: JudgedPrompt, judgements: list[AttributedJudgement], rules: CurationRules
) -> tuple[list[Target], Counter]:
    """The answers to learn: corrections and fixes, demonstrations, kept answers, answers the file offered,
    top-ranked ones on request. Equal answers in one context are one target with several judgements."""
    out: Counter = Counter()
    labels, _ = labels_of(prompt, judgements, rules)
    made: dict[tuple, Target] = {}
    corrected: set[int] = set()
    groups: dict[object, list[tuple]] = {}
    kept: dict[int, list] = {}
    dropped = _dropped_elsewhere(judgements)
    for judgement in judgements:
        says = judgement.says
        if text := says.demonstration():
            _add(made, Target(Answer(text, (), "human"), "demonstration", [judgement]))
        if says.verdict() == "keep" and judgement.slots:
            kept.setdefault(judgement.slots[0], []).append(judgement)
        if says.has_corrections():
            for place, rank, target, original in _corrected(prompt, judgement, out):
                if original is not None:
                    corrected.add(original)
                if place[0] == "answer" and _outvoted(judgement, judgements, dropped, rules):
                    out["conflicting_verdicts"] += 1
                else:
                    groups.setdefault(place, []).append(
                        (STATUS_RANK[judgement.status], judgement.event, rank, target)
                    )
    for _place, found in sorted(groups.items(), key=lambda g: str(g[0])):
        _one_correction(found, made, rules, out)
    for index, keepers in sorted(kept.items()):
        _keep(prompt, index, keepers, judgements, rules, made, out)
    for index, answer in enumerate(prompt.answers):
        if answer.targets and index not in kept:
            _offered(prompt, index, judgements, labels, corrected, rules, made, out)
    if rules.sft_top:
        for index, tops in _tops(judgements, rules):
            label = labels.get(index)
            if index not in corrected and (label is None or label[0]):
                _add(made, Target(prompt.answers[index].answer, "top_ranked", tops, ids=(index,)))
    cut = [a.answer for a in prompt.answers if a.cut]
    targets = (
        [t for t in made.values() if not any(t.answer is answer for answer in cut)]
        if cut
        else list(made.values())
    )
    if len(targets) < len(made):
        out["cut_answer"] += len(made) - len(targets)
    return targets, out


def _add(made: dict, target: Target) -> None:
    key = (None if target.messages is None else repr(target.messages), *answer_key(target.answer))
    before = made.get(key)
    if before is None:
        made[key] = target
    else:
        before.judgements += [v for v in target.judgements if v not in before.judgements]


def _corrected(prompt: JudgedPrompt, judgement: AttributedJudgement, out: Counter):
    """Yield (place, rank, Target, index of the original answer or None) for each correction of one judgement.
    `place` is ("answer", the question it answers if that is a new one) or ("turn", which): one target is
    learnt per place. `rank`: the author's best answer first (larger is better)."""
    question = question_change(prompt, judgement)
    asked = None if question is None else unified(question)
    groups = judgement.groups()
    fixed_answer = False
    messages = None if question is None else with_question(prompt.messages, question)
    reason = "fixed" if judgement.says.verdict() == "fix" else "correction"
    for c in judgement.says.corrections():
        if c.of_answer:
            index = judgement.slots[c.answer]
            answer = prompt.answers[index].answer
            fixed_answer = True
            if same_text(c.text, answer.text) and question is None:
                out["equal_text"] += 1
                continue
            at = next((i for i, group in enumerate(groups) if index in group), len(groups))
            yield (
                ("answer", asked),
                (-at, -index),
                Target(Answer(c.text, answer.turns, "corrected"), reason, [judgement], messages, (index,)),
                index,
            )
        elif c.of_turn:
            cut = before_turn(prompt.messages, c.turn)
            if cut is None:
                out["tool_turn"] += 1
            elif same_text(c.text, prompt.messages[c.turn]["content"]):
                out["equal_text"] += 1
            else:
                yield (
                    ("turn", c.turn),
                    (0, 0),
                    Target(Answer(c.text, (), "corrected"), reason, [judgement], cut),
                    None,
                )
    if question is None:
        out["equal_text"] += sum(c.of_question for c in judgement.says.corrections())
    elif not fixed_answer:
        if judgement.says.verdict() == "fix" and judgement.slots:
            # Only the question was put right; the answer stands, for the new question.
            index = judgement.slots[0]
            yield (
                ("answer", asked),
                (0, -index),
                Target(prompt.answers[index].answer, reason, [judgement], messages, (index,)),
                index,
            )
        else:
            out["correction_no_target"] += 1


def with_question(messages: list, question: str) -> list:
    """`messages` with the text of the last user turn replaced."""
    at = max((i for i, m in enumerate(messages) if m.get("role") == "user"), default=None)
    return (
        messages
        if at is None
        else [m if i != at else m | {"content": question} for i, m in enumerate(messages)]
    )


def contexts_made(prompt: JudgedPrompt) -> Iterator[list]:
    """The contexts other than its own that the corrections of `prompt` make: with a new question, or up to a
    corrected turn."""
    for judgement in prompt.judgements:
        if judgement.status not in STATUS_RANK or not judgement.says.has_corrections():
            continue
        question = question_change(prompt, judgement)
        if question is not None:
            yield with_question(prompt.messages, question)
        for c in judgement.says.corrections():
            cut = before_turn(prompt.messages, c.turn) if c.of_turn else None
            if cut is not None:
                yield cut


def before_turn(messages: list, turn: int) -> list | None:
    """The context of assistant turn `turn`: what came before it. None where a plain answer cannot stand in
    its place."""
    said = messages[turn]
    if said.get("role") != "assistant" or said.get("tool_calls") or not isinstance(said.get("content"), str):
        return None
    cut = messages[:turn]
    return cut if cut and cut[-1].get("role") in ("user", "tool") else None


def _one_correction(found: list[tuple], made: dict, rules: CurationRules, out: Counter) -> None:
    """Of several corrections in one place the one to learn from: settled, then accepted, then the latest,
    then the author's best answer."""
    found.sort(key=lambda f: f[:3], reverse=True)
    first = found[0][3]
    for *_, target in found:
        same = target is first or (
            target.messages == first.messages and answer_key(target.answer) == answer_key(first.answer)
        )
        if same or rules.all_corrections:
            _add(made, target)
        else:
            out["superseded_correction"] += 1


def _dropped_elsewhere(judgements: list[AttributedJudgement]) -> list[AttributedJudgement]:
    """Judgements that drop a pair for more than its answer: then a better answer does not help."""
    return [
        v for v in judgements if v.says.verdict() == "drop" and v.says.reason_kinds() - {"answer", "source"}
    ]


def _outvoted(
    judgement: AttributedJudgement,
    judgements: list[AttributedJudgement],
    dropped: list[AttributedJudgement],
    rules: CurationRules,
) -> bool:
    """Whether a fix stands against drops that speak about its question, whichever answer stood beside it, or
    about this answer's source or double. One person has one vote, and where a settled judgement speaks
    only settled ones do."""
    if not dropped or judgement.says.verdict() != "fix":
        return False
    mine = judgement.slots[:1]
    against = [v for v in dropped if v.slots[:1] == mine or "question" in v.says.reason_kinds()]
    if not against:
        return False
    about = {mine, *(v.slots[:1] for v in against)}
    said: dict[str, tuple] = {}
    for v in judgements:
        if v in against or (v.says.verdict() in ("keep", "fix") and v.slots[:1] in about):
            keep_latest(said, v, v in against)
    votes = [no for _voice, no in settled_first(said)]
    return votes.count(True) >= votes.count(False) if rules.annotators == "majority" else any(votes)


def _keep(
    prompt: JudgedPrompt,
    index: int,
    keepers: list,
    judgements: list[AttributedJudgement],
    rules: CurationRules,
    made: dict,
    out: Counter,
) -> None:
    """A kept answer is learnt where nobody fixes or drops it; under `majority`, where more keep it than
    not."""
    against = [
        v for v in judgements if v.says.verdict() in ("fix", "drop") and v.slots and v.slots[0] == index
    ]
    if against and (rules.annotators != "majority" or len(against) >= len(keepers)):
        out["conflicting_verdicts"] += 1
    else:
        _add(made, Target(prompt.answers[index].answer, "kept", keepers, ids=(index,)))


def _offered(
    prompt: JudgedPrompt,
    index: int,
    judgements: list[AttributedJudgement],
    labels: dict,
    corrected: set,
    rules: CurationRules,
    made: dict,
    out: Counter,
) -> None:
    """An answer that the file offered for learning, unless the judgements speak against it. `reviewed` asks
    that they speak for it."""
    label = labels.get(index)
    verdicts = {v.says.verdict() for v in judgements if v.slots and v.slots[0] == index}
    if index in corrected:
        out["superseded_target"] += 1
    elif (label is not None and not label[0]) or "drop" in verdicts:
        out["judged_bad"] += 1
    elif label is None and _disputed(index, judgements, rules):
        out["conflicting_labels"] += 1
    elif rules.annotators == "reviewed" and label is None:
        out["target_not_reviewed"] += 1
    else:
        _add(made, Target(prompt.answers[index].answer, "imported", label[1] if label else [], ids=(index,)))


def _disputed(index: int, judgements: list[AttributedJudgement], rules: CurationRules) -> bool:
    return any(index in labels_by(v, True, rules, Counter()) for v in judgements)


def _tops(judgements: list[AttributedJudgement], rules: CurationRules):
    """Yield (answer, judgements) for answers at the top of people's rankings: of everybody's, under
    `majority` of more than half. A top above nothing, or below the acceptability line, is none."""
    count: dict[int, list] = {}
    people: dict[str, tuple] = {}
    for judgement in judgements:
        groups = judgement.groups()
        if len(groups) > 1:
            keep_latest(people, judgement, groups)
    rankings = settled_first(people)
    ranked = len(rankings)
    for judgement, groups in rankings:
        if judgement.says.acceptable() != 0:
            for index in groups[0]:
                count.setdefault(index, []).append(judgement)
    for index, tops in sorted(count.items()):
        if (2 * len(tops) > ranked) if rules.annotators == "majority" else len(tops) == ranked:
            yield index, tops


def turn_pairs_of(
    prompt: JudgedPrompt, judgements: list[AttributedJudgement], rules: CurationRules
) -> tuple[list[tuple[list, Pair]], Counter]:
    """(context, pair) for each corrected earlier turn: the correction ≻ the turn as it stood, after what came
    before it."""
    out: Counter = Counter()
    if not any(judgement.says.has_corrections() for judgement in judgements):
        return [], out
    made: dict[tuple, tuple[list, Pair]] = {}
    for judgement in judgements:
        for c in judgement.says.corrections():
            if not c.of_turn:
                continue
            context = before_turn(prompt.messages, c.turn)
            old = prompt.messages[c.turn].get("content")
            if context is None:
                out["tool_turn"] += 1
            elif same_text(c.text, old):
                out["equal_text"] += 1
            elif c.wording_only and not always_substantive(old, c.text):
                out["wording_only"] += 1
            else:
                corrected = Answer(c.text, (), "corrected")
                key = (c.turn, answer_key(corrected))
                _, pair = made.setdefault(
                    key, (context, Pair(corrected, Answer(old), (key, ("turn", c.turn)), correction=True))
                )
                if all(v.annotator != judgement.annotator for v in pair.judgements):
                    pair.judgements.append(judgement)
    of_turn: dict[int, tuple[list, list[Pair]]] = {}
    for (turn, _), (context, pair) in made.items():
        of_turn.setdefault(turn, (context, []))[1].append(pair)
    kept = []
    for context, pairs in of_turn.values():
        if rules.margin == "bt":
            bradley_terry(pairs, {}, prompt, rules.alpha)
        pairs = capped(pairs, [], rules, prompt, context, out)
        for pair in pairs:
            pair.weight = 1.0 / len(pairs)
        kept += [(context, pair) for pair in pairs]
    return kept, out
