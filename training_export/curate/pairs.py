"""From rankings to preference pairs (docs/export.md has the rules). Pure.

Every judgement of a prompt becomes votes on unordered pairs of its answers, one vote a person; the votes of a pair decide whether it is
written, and if not, why not. Each pair of answers that were shown together ends in exactly one place."""

import hashlib
from collections import Counter
from dataclasses import dataclass, field
from itertools import combinations

from corpus.canonical import same_text
from training_export.curate.examples import Answer
from training_export.curate.judged_prompts import Case, Choices, Voice, answer_key, heard, settled_first
from training_export.curate.material_edits import always_material


@dataclass(slots=True)
class Pair:
    """`chosen` and `rejected` are answers; `ids` name them in this case: an index of Case.answers, or a text key of a corrected answer."""

    chosen: Answer
    rejected: Answer
    ids: tuple
    voices: list = field(default_factory=list)
    n_against: int = 0
    strength: float | None = None
    correction: bool = False
    margin: float | None = None
    weight: float = 1.0


@dataclass(slots=True)
class Tally:
    """The votes on one unordered pair (a, b), a < b: who prefers a, who prefers b, who sees them equal, who contradicts themselves."""

    above: list = field(default_factory=list)
    below: list = field(default_factory=list)
    equal: int = 0
    void: int = 0
    strengths: list = field(default_factory=list)


def pairs_of(case: Case, voices: list[Voice], choices: Choices) -> tuple[list[Pair], Counter]:
    """The pairs that `voices` (those that speak) give in the case's own context, with weights; and what was left out, by reason.
    Corrected answers against their originals are among them; corrections of earlier turns are not (verdicts.py)."""
    out: Counter = Counter()
    mine = [(voice, votes_of(voice)) for voice in voices]
    made = _corrections(case, mine, choices, out)
    if len(mine) == 1 and choices.margin != "bt":
        judged = mine[0][1]
        decided = _decided_alone(case, *mine[0], choices, out)
    else:
        judged = table = _tallies(mine)
        decided = _decide(case, table, choices, out)
        if choices.margin == "bt":
            bradley_terry(decided + made, table, choices.alpha)
    _count_unjudged(case, voices, judged, out)
    kept = _selected(decided, choices, case.group_id, out)
    kept = capped(made, kept, choices, case.group_id, out)
    if choices.margin == "strength":
        for pair in kept:
            pair.margin = pair.strength
    if kept:
        weight = 1.0 / len(kept)
        for pair in kept:
            pair.weight = weight
    return kept, out


def votes_of(voice: Voice) -> dict:
    """{(a, b): (direction, strength)} with a < b; direction 1: a is better, -1: b is better, 0: equal, None: says both."""
    votes = {}
    groups = voice.groups()
    strength = voice.document.get("strength")
    ranked = len(voice.document.get("ranking", ()))
    for i, upper in enumerate(groups):
        for a, b in combinations(sorted(upper), 2):
            votes[a, b] = (0, None)
        for j in range(i + 1, len(groups)):
            size = min(sum(strength[i:j]), 3) / 3 if strength and j < ranked and len(strength) >= j else None
            for a in upper:
                for b in groups[j]:
                    votes[(a, b) if a < b else (b, a)] = (1 if a < b else -1, size)
    return votes


def _corrections(case: Case, mine: list, choices: Choices, out: Counter) -> list[Pair]:
    """Pairs corrected ≻ original. A correction equal to another answer becomes a vote in `mine` instead."""
    made: dict[tuple, Pair] = {}
    known = None
    for voice, votes in mine:
        corrections = voice.document.get("corrections")
        if not corrections:
            continue
        if known is None:
            known = {answer_key(a.answer): i for i, a in enumerate(case.answers)}
        if question_change(case, voice) is not None:
            out["question_changed"] += sum(1 for c in corrections if c["target"] == "response")
            continue
        for c in corrections:
            if c["target"] != "response":
                continue
            original = voice.slots[c["answer"]]
            answer = case.answers[original].answer
            if same_text(c["text"], answer.text):
                out["equal_text"] += 1
                continue
            if c.get("wording_only") and not always_material(answer.text, c["text"]):
                out["wording_only"] += 1
                continue
            corrected = Answer(c["text"], answer.turns, "corrected")
            key = answer_key(corrected)
            if key in known:
                _vote(votes, known[key], original)
                continue
            beaten = [original]
            if choices.correction_beats == "ranked":
                beaten += [one for one in _at_or_below(voice, original) if _common_context(case, original, one)][:2]
            for loser in beaten:
                pair = made.setdefault((key, loser), Pair(corrected, case.answers[loser].answer, (key, loser), correction=True))
                if all(v.annotator != voice.annotator for v in pair.voices):
                    pair.voices.append(voice)
    return list(made.values())


def _vote(votes: dict, winner: int, loser: int) -> None:
    """A correction that is word for word another answer: a vote, unless its author's own ranking says the opposite (then neither counts)."""
    key, direction = ((winner, loser), 1) if winner < loser else ((loser, winner), -1)
    before = votes.get(key)
    if before is None or before[0] in (0, None):
        votes[key] = (direction, None)
    elif before[0] != direction:
        votes[key] = (None, None)


def _at_or_below(voice: Voice, answer: int) -> list[int]:
    """The other answers its author ranked equal to or below `answer`, nearest first."""
    groups = voice.groups()
    at = next((i for i, group in enumerate(groups) if answer in group), None)
    return [] if at is None else [a for group in groups[at:] for a in group if a != answer]


def question_change(case: Case, voice: Voice) -> str | None:
    """The corrected question in `voice`, None if it left the question as it is."""
    for c in voice.document.get("corrections", ()):
        if c["target"] == "question" and not same_text(c["text"], question_of(case.messages)):
            return c["text"]
    return None


def question_of(messages: list) -> str:
    """The text of the last user turn, "" without one."""
    for message in reversed(messages):
        if message.get("role") == "user":
            content = message.get("content")
            return content if isinstance(content, str) else ""
    return ""


def _tallies(mine: list) -> dict[tuple, Tally]:
    """One vote a person and pair. Someone who judged the prompt on two items is heard with the later judgement; where a settled
    judgement speaks on a pair, only settled ones do."""
    latest: dict[tuple, dict] = {}
    for voice, votes in mine:
        for key, vote in votes.items():
            heard(latest.setdefault(key, {}), voice, vote)  # voices come in the order of their events
    return {key: _tally(settled_first(people)) for key, people in latest.items()}


def _tally(said: list[tuple]) -> Tally:
    tally = Tally()
    for voice, (direction, strength) in said:
        if direction is None:
            tally.void += 1
        elif direction == 0:
            tally.equal += 1
        else:
            (tally.above if direction > 0 else tally.below).append(voice)
            tally.strengths.append((direction, strength))
    return tally


def _decided_alone(case: Case, voice: Voice, votes: dict, choices: Choices, out: Counter) -> list[Pair]:
    """What `_decide` says where one person has judged: the usual case, by a shorter way."""
    decided = []
    for key, (direction, strength) in sorted(votes.items()):
        if not direction:
            out["tie" if direction == 0 else "opposite_votes"] += 1
        elif not _common_context(case, *key):
            out["context_differs"] += 1
        else:
            winner, loser = ids = key if direction > 0 else (key[1], key[0])
            size = None if strength is None else round(strength, 6)
            decided.append(Pair(case.answers[winner].answer, case.answers[loser].answer, ids, [voice], 0, size))
    return _without_cycles(decided, out) if choices.annotators == "majority" and len(decided) > 2 else decided


def _decide(case: Case, table: dict, choices: Choices, out: Counter) -> list[Pair]:
    """One pair, or one reason, for every two answers shown together."""
    decided = []
    for (a, b), tally in sorted(table.items()):
        n_a, n_b = len(tally.above), len(tally.below)
        if not n_a and not n_b:
            out["opposite_votes" if tally.void else "tie"] += 1
        elif n_a and n_b and choices.annotators != "majority":
            out["opposite_votes"] += 1
        elif n_a == n_b:
            out["tie"] += 1
        elif not _common_context(case, a, b):
            out["context_differs"] += 1
        else:
            sign = 1 if n_a > n_b else -1
            winner, loser = (a, b) if sign > 0 else (b, a)
            strengths = [s for direction, s in tally.strengths if direction == sign]
            strength = round(sum(strengths) / len(strengths), 6) if all(s is not None for s in strengths) else None
            won, lost = (tally.above, tally.below) if sign > 0 else (tally.below, tally.above)
            pair = Pair(case.answers[winner].answer, case.answers[loser].answer, (winner, loser), list(won), len(lost), strength)
            decided.append(pair)
    if choices.annotators == "majority" and len(decided) > 2:
        decided = _without_cycles(decided, out)
    return decided


def _count_unjudged(case: Case, voices: list, judged: dict, out: Counter) -> None:
    n = len(case.answers)
    if len(judged) < n * (n - 1) // 2:
        shown = {v.item: v.slots for v in voices if len(v.slots) > 1 and ("ranking" in v.document or v.document.get("acceptable") == 0)}
        together = {pair for slots in shown.values() for pair in combinations(sorted(set(slots)), 2)}
        unjudged = sum(1 for pair in together if pair not in judged)
        if unjudged:
            out["unjudged"] += unjudged


def _common_context(case: Case, a: int, b: int) -> bool:
    """Whether some response of each had the same material beyond the prompt."""
    one, other = case.answers[a].givens, case.answers[b].givens
    return (not one and not other) or bool((one.keys() or {"null"}) & (other.keys() or {"null"}))


def _without_cycles(pairs: list[Pair], out: Counter) -> list[Pair]:
    """Drop the pairs that lie inside a strongly connected component of the majority graph: only those take part in a circle."""
    reach: dict = {}
    for pair in pairs:
        reach.setdefault(pair.ids[0], set()).add(pair.ids[1])
    changed = True
    while changed:
        changed = False
        for near in reach.values():
            further = set().union(*(reach.get(n, ()) for n in near)) - near
            if further:
                near |= further
                changed = True
    kept = [p for p in pairs if p.ids[0] not in reach.get(p.ids[1], ())]
    if len(kept) < len(pairs):
        out["cycle"] += len(pairs) - len(kept)
    return kept


def _selected(pairs: list[Pair], choices: Choices, group_id: str, out: Counter) -> list[Pair]:
    """all · best-worst · best-rest · best-random, by each answer's wins minus losses among the decided pairs."""
    if choices.pairs == "all" or not pairs:
        return pairs
    score: Counter = Counter()
    for pair in pairs:
        score[pair.ids[0]] += 1
        score[pair.ids[1]] -= 1
    best, worst = max(score.values()), min(score.values())
    kept = [p for p in pairs if score[p.ids[0]] == best]
    if choices.pairs == "best-worst":
        kept = [p for p in kept if score[p.ids[1]] == worst]
    elif choices.pairs == "best-random":
        drawn: dict = {}
        for pair in sorted(kept, key=lambda p: _draw(choices.seed, group_id, p)):
            drawn.setdefault(pair.ids[0], pair)
        kept = [p for p in kept if drawn[p.ids[0]] is p]
    if len(kept) < len(pairs):
        out["not_selected"] += len(pairs) - len(kept)
    return kept


def capped(made: list[Pair], ranked: list[Pair], choices: Choices, group_id: str, out: Counter) -> list[Pair]:
    """At most `max_pairs` a prompt: corrections first, then drawn by seed. Order is kept."""
    pairs = made + ranked
    if not choices.max_pairs or len(pairs) <= choices.max_pairs:
        return pairs
    drawn = sorted(pairs, key=lambda p: (not p.correction, _draw(choices.seed, group_id, p)))[: choices.max_pairs]
    out["max_pairs"] += len(pairs) - len(drawn)
    keep = {id(p) for p in drawn}
    return [p for p in pairs if id(p) in keep]


def _draw(seed: int, group_id: str, pair: Pair) -> bytes:
    """A stable random number for the pair: by its texts, so that it stays when answers come in another order."""
    named = repr((seed, group_id, answer_key(pair.chosen), answer_key(pair.rejected)))
    return hashlib.sha256(named.encode("utf-8", "surrogatepass")).digest()


def bradley_terry(pairs: list[Pair], table: dict, alpha: float) -> None:
    """Margins as differences of log-odds, from all votes on the prompt (choix.ilsr_pairwise, regularised by `alpha`)."""
    import choix  # brings numpy and scipy: only for exports that ask for it

    number: dict = {}
    data = []

    def node(name):
        return number.setdefault(name, len(number))

    for (a, b), tally in sorted(table.items()):
        data += [(node(a), node(b))] * len(tally.above) + [(node(b), node(a))] * len(tally.below)
    for pair in pairs:
        if pair.correction:
            data += [(node(pair.ids[0]), node(pair.ids[1]))] * len(pair.voices)
    if not data:
        return
    strength = choix.ilsr_pairwise(len(number), data, alpha=alpha)
    for pair in pairs:
        # A pair may win its own votes and yet stand lower overall; a negative margin would ask the trainer for the opposite.
        pair.margin = round(max(0.0, float(strength[number[pair.ids[0]]] - strength[number[pair.ids[1]]])), 6)
