"""From rankings to preference pairs (docs/export.md has the rules). Pure.

Every judgement of a prompt becomes votes on unordered pairs of its answers, one vote a person; the votes
of a pair decide whether it is written, and if not, why not. Each pair of answers that were shown together
ends in exactly one place."""

from collections import Counter
from dataclasses import dataclass, field
from itertools import combinations

from corpus.canonical import same_text
from training_export.curate.draws import context_name, drawn_number
from training_export.curate.examples import Answer
from training_export.curate.judged_prompts import AttributedJudgement, JudgedPrompt, answer_key, settled_first
from training_export.curate.person_votes import circular, put_together, votes_of, with_equal_corrections
from training_export.curate.rules import CurationRules
from training_export.curate.substantive_edits import always_substantive


@dataclass(slots=True)
class Pair:
    """`chosen` and `rejected` are answers; `ids` name them in this prompt: an index of JudgedPrompt.answers,
    or a text key of a corrected answer."""

    chosen: Answer
    rejected: Answer
    ids: tuple
    judgements: list = field(default_factory=list)
    n_against: int = 0
    strength: float | None = None
    correction: bool = False
    margin: float | None = None
    weight: float = 1.0


@dataclass(slots=True)
class Tally:
    """The votes on one unordered pair (a, b), a < b: who prefers a, who prefers b, who sees them equal, who
    contradicts themselves."""

    above: list = field(default_factory=list)
    below: list = field(default_factory=list)
    equal: int = 0
    void: int = 0
    strengths: list = field(default_factory=list)


def pairs_of(
    prompt: JudgedPrompt, judgements: list[AttributedJudgement], rules: CurationRules
) -> tuple[list[Pair], Counter]:
    """The pairs that `judgements` (those that speak) give in the prompt's own context, with weights; and what
    was left out, by reason. Corrected answers against their originals are among them; corrections of earlier
    turns are not (targets.py)."""
    out: Counter = Counter()
    mine = [(judgement, votes_of(judgement)) for judgement in judgements]
    made = _corrections(prompt, mine, rules, out)
    if len(mine) == 1 and rules.margin != "bt":
        judged = mine[0][1]
        decided = _decided_alone(prompt, *mine[0], rules, out)
    else:
        judged = table = _tallies(mine)
        decided = _decide(prompt, table, rules, out)
        if rules.margin == "bt":
            bradley_terry(decided + made, table, prompt, rules.alpha)
    decided, made = _whole(prompt, decided, rules, out), _whole(prompt, made, rules, out)
    _count_unjudged(prompt, judgements, judged, out)
    kept = _selected(decided, rules, prompt, out)
    kept = capped(made, kept, rules, prompt, prompt.messages, out)
    if rules.margin == "strength":
        for pair in kept:
            pair.margin = pair.strength
    if kept:
        weight = 1.0 / len(kept)
        for pair in kept:
            pair.weight = weight
    return kept, out


def _corrections(prompt: JudgedPrompt, mine: list, rules: CurationRules, out: Counter) -> list[Pair]:
    """Pairs corrected ≻ original. A correction equal to another answer becomes a vote in `mine` instead."""
    made: dict[tuple, Pair] = {}
    known = None
    for judgement, votes in mine:
        if not judgement.says.has_corrections():
            continue
        corrections = judgement.says.corrections()
        if known is None:
            known = {answer_key(a.answer): i for i, a in enumerate(prompt.answers)}
        if question_change(prompt, judgement) is not None:
            out["question_changed"] += sum(c.of_answer for c in corrections)
            continue
        equal = []
        for c in corrections:
            if not c.of_answer:
                continue
            original = judgement.slots[c.answer]
            answer = prompt.answers[original].answer
            if same_text(c.text, answer.text):
                out["equal_text"] += 1
                continue
            if c.wording_only and not always_substantive(answer.text, c.text):
                out["wording_only"] += 1
                continue
            corrected = Answer(c.text, answer.turns, "corrected")
            key = answer_key(corrected)
            if key in known:
                equal.append((known[key], original))
                continue
            beaten = [original]
            if rules.correction_beats == "ranked":
                beaten += [
                    one
                    for one in _at_or_below(prompt, judgement, original)
                    if _common_context(prompt, original, one)
                ][:2]
            for loser in beaten:
                pair = made.setdefault(
                    (key, loser), Pair(corrected, prompt.answers[loser].answer, (key, loser), correction=True)
                )
                if all(v.annotator != judgement.annotator for v in pair.judgements):
                    pair.judgements.append(judgement)
        if equal:
            with_equal_corrections(votes, equal)
    return list(made.values())


def _at_or_below(prompt: JudgedPrompt, judgement: AttributedJudgement, answer: int) -> list[int]:
    """The other answers its author ranked equal to or below `answer`, nearest first, equal ones in the order
    of their texts."""
    groups = judgement.groups()
    at = next((i for i, group in enumerate(groups) if answer in group), None)
    if at is None:
        return []
    return [
        a
        for group in groups[at:]
        for a in sorted(group, key=lambda a: answer_key(prompt.answers[a].answer))
        if a != answer
    ]


def question_change(prompt: JudgedPrompt, judgement: AttributedJudgement) -> str | None:
    """The corrected question in `judgement`, None if it left the question as it is."""
    for c in judgement.says.corrections():
        if c.of_question and not same_text(c.text, question_of(prompt.messages)):
            return c.text
    return None


def question_of(messages: list) -> str:
    """The text of the last user turn, "" without one."""
    for message in reversed(messages):
        if message.get("role") == "user":
            content = message.get("content")
            return content if isinstance(content, str) else ""
    return ""


def _whole(prompt: JudgedPrompt, pairs: list[Pair], rules: CurationRules, out: Counter) -> list[Pair]:
    """The pairs without those of cut answers: where one ends is not what its model meant."""
    if not any(a.cut for a in prompt.answers):
        return pairs
    kept = [
        p
        for p in pairs
        if not (_cut(prompt, p.ids[0]) or (_cut(prompt, p.ids[1]) and not rules.cut_rejected))
    ]
    if len(kept) < len(pairs):
        out["cut_pair"] += len(pairs) - len(kept)
    return kept


def _cut(prompt: JudgedPrompt, name) -> bool:
    return isinstance(name, int) and prompt.answers[name].cut


def _tallies(mine: list) -> dict[tuple, Tally]:
    """One vote a person and pair; of who judged the prompt on several items what `put_together` hears. Where
    a settled judgement speaks on a pair, only settled ones do. A tally without a vote is of a pair on
    which all that was said is superseded."""
    people: dict[str, list] = {}
    for judged in mine:  # judgements come in the order of their events
        people.setdefault(judged[0].annotator, []).append(judged)
    said: dict[tuple, dict] = {}
    for name, judgements in people.items():
        if len(judgements) == 1:
            judgement, votes = judgements[0]
            for pair, vote in votes.items():
                said.setdefault(pair, {})[name] = (judgement, vote)
            continue
        for pair, heard in put_together(judgements).items():
            votes_on = said.setdefault(pair, {})
            if heard is not None:
                votes_on[name] = heard
    return {pair: _tally(settled_first(votes)) for pair, votes in said.items()}


def _tally(said: list[tuple]) -> Tally:
    tally = Tally()
    for judgement, (direction, strength) in said:
        if direction is None:
            tally.void += 1
        elif direction == 0:
            tally.equal += 1
        else:
            (tally.above if direction > 0 else tally.below).append(judgement)
            tally.strengths.append((direction, strength))
    return tally


def _decided_alone(
    prompt: JudgedPrompt, judgement: AttributedJudgement, votes: dict, rules: CurationRules, out: Counter
) -> list[Pair]:
    """What `_decide` says where one person has judged: the usual prompt, by a shorter way."""
    decided = []
    for key, (direction, strength) in sorted(votes.items()):
        if not direction:
            out["tie" if direction == 0 else "opposite_votes"] += 1
        elif not _common_context(prompt, *key):
            out["context_differs"] += 1
        else:
            winner, loser = ids = key if direction > 0 else (key[1], key[0])
            size = None if strength is None else round(strength, 6)
            decided.append(
                Pair(prompt.answers[winner].answer, prompt.answers[loser].answer, ids, [judgement], 0, size)
            )
    return _without_cycles(decided, out) if rules.annotators == "majority" and len(decided) > 2 else decided


def _decide(prompt: JudgedPrompt, table: dict, rules: CurationRules, out: Counter) -> list[Pair]:
    """One pair, or one reason, for every two answers shown together."""
    decided = []
    for (a, b), tally in sorted(table.items()):
        n_a, n_b = len(tally.above), len(tally.below)
        if not n_a and not n_b:
            out["opposite_votes" if tally.void else "tie" if tally.equal else "superseded_judgement"] += 1
        elif n_a and n_b and rules.annotators != "majority":
            out["opposite_votes"] += 1
        elif n_a == n_b:
            out["tie"] += 1
        elif not _common_context(prompt, a, b):
            out["context_differs"] += 1
        else:
            sign = 1 if n_a > n_b else -1
            winner, loser = (a, b) if sign > 0 else (b, a)
            strengths = [s for direction, s in tally.strengths if direction == sign]
            strength = (
                round(sum(strengths) / len(strengths), 6) if all(s is not None for s in strengths) else None
            )
            won, lost = (tally.above, tally.below) if sign > 0 else (tally.below, tally.above)
            pair = Pair(
                prompt.answers[winner].answer,
                prompt.answers[loser].answer,
                (winner, loser),
                list(won),
                len(lost),
                strength,
            )
            decided.append(pair)
    if rules.annotators == "majority" and len(decided) > 2:
        decided = _without_cycles(decided, out)
    return decided


def _count_unjudged(prompt: JudgedPrompt, judgements: list, judged: dict, out: Counter) -> None:
    n = len(prompt.answers)
    if len(judged) < n * (n - 1) // 2:
        shown = {v.item: v.slots for v in judgements if len(v.slots) > 1 and v.says.is_ranking()}
        together = {pair for slots in shown.values() for pair in combinations(sorted(set(slots)), 2)}
        unjudged = sum(1 for pair in together if pair not in judged)
        if unjudged:
            out["unjudged"] += unjudged


def _common_context(prompt: JudgedPrompt, a: int, b: int) -> bool:
    """Whether some response of each had the same material beyond the prompt."""
    one, other = prompt.answers[a].givens, prompt.answers[b].givens
    return (not one and not other) or bool((one.keys() or {"null"}) & (other.keys() or {"null"}))


def _without_cycles(pairs: list[Pair], out: Counter) -> list[Pair]:
    """Drop the pairs that stand in a circle of majorities, and only those."""
    inside = circular({tuple(sorted(pair.ids)): 1 if pair.ids[0] < pair.ids[1] else -1 for pair in pairs})
    if not inside:
        return pairs
    out["cycle"] += len(inside)
    return [pair for pair in pairs if tuple(sorted(pair.ids)) not in inside]


def _selected(pairs: list[Pair], rules: CurationRules, prompt: JudgedPrompt, out: Counter) -> list[Pair]:
    """all · best-worst · best-rest · best-random, by each answer's wins minus losses among the decided
    pairs."""
    if rules.pairs == "all" or not pairs:
        return pairs
    score: Counter = Counter()
    for pair in pairs:
        score[pair.ids[0]] += 1
        score[pair.ids[1]] -= 1
    best, worst = max(score.values()), min(score.values())
    kept = [p for p in pairs if score[p.ids[0]] == best]
    if rules.pairs == "best-worst":
        kept = [p for p in kept if score[p.ids[1]] == worst]
    elif rules.pairs == "best-random":
        drawn: dict = {}
        for pair in _drawn(kept, rules.seed, prompt, prompt.messages):
            drawn.setdefault(pair.ids[0], pair)
        kept = [p for p in kept if drawn[p.ids[0]] is p]
    if len(kept) < len(pairs):
        out["not_selected"] += len(pairs) - len(kept)
    return kept


def capped(
    made: list[Pair],
    ranked: list[Pair],
    rules: CurationRules,
    prompt: JudgedPrompt,
    messages: list,
    out: Counter,
) -> list[Pair]:
    """At most `max_pairs` of one context (`messages`): corrections first, then drawn by seed. Order is
    kept."""
    pairs = made + ranked
    if not rules.max_pairs or len(pairs) <= rules.max_pairs:
        return pairs
    drawn = sorted(_drawn(pairs, rules.seed, prompt, messages), key=lambda p: not p.correction)[
        : rules.max_pairs
    ]
    out["max_pairs"] += len(pairs) - len(drawn)
    keep = {id(p) for p in drawn}
    return [p for p in pairs if id(p) in keep]


def _drawn(pairs: list[Pair], seed: int, prompt: JudgedPrompt, messages: list) -> list[Pair]:
    """`pairs` of one context in an order that the seed gives."""
    context = context_name(messages, prompt.tools, prompt.sources)
    return sorted(
        pairs, key=lambda p: drawn_number(seed, context, answer_key(p.chosen), answer_key(p.rejected))
    )


def bradley_terry(pairs: list[Pair], table: dict, prompt: JudgedPrompt, alpha: float) -> None:
    """Margins as differences of log-odds, from all votes on the prompt (choix.ilsr_pairwise, regularised by
    `alpha`)."""
    import choix  # brings numpy and scipy: only for exports that ask for it

    data: list[tuple] = []
    for (a, b), tally in table.items():
        data += [(a, b)] * len(tally.above) + [(b, a)] * len(tally.below)
    for pair in pairs:
        if pair.correction:
            data += [pair.ids] * len(pair.judgements)
    if not data:
        return
    # Numbered by their texts, not by their order of arrival, on which the last digits of the sums would
    # depend.
    nodes = {
        name: answer_key(prompt.answers[name].answer) if type(name) is int else name
        for pair in data
        for name in pair
    }
    number = {name: i for i, name in enumerate(sorted(nodes, key=lambda name: repr(nodes[name])))}
    data = sorted((number[winner], number[loser]) for winner, loser in data)
    strength = choix.ilsr_pairwise(len(number), data, alpha=alpha)
    for pair in pairs:
        # A pair may win its own votes and yet stand lower overall; a negative margin would ask the trainer
        # for the opposite.
        pair.margin = round(max(0.0, float(strength[number[pair.ids[0]]] - strength[number[pair.ids[1]]])), 6)
