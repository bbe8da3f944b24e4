"""What one person says of the pairs of a prompt, with all their judgements of it put together. Pure.

Votes are {(a, b): (direction, strength)} with a < b, by indexes of JudgedPrompt.answers; direction 1: a is
better, -1: b is better, 0: equal, None: says both."""

from itertools import combinations

from training_export.curate.judged_prompts import AttributedJudgement


def votes_of(judgement: AttributedJudgement) -> dict:
    """What the ranking of one judgement says of its pairs."""
    votes: dict[tuple, tuple] = {}
    groups = judgement.groups()
    strength = judgement.says.strengths()
    ranked = len(judgement.says.groups())
    for i, upper in enumerate(groups):
        for a, b in combinations(sorted(upper), 2):
            votes[a, b] = (0, None)
        for j in range(i + 1, len(groups)):
            size = min(sum(strength[i:j]), 3) / 3 if strength and j < ranked and len(strength) >= j else None
            for a in upper:
                for b in groups[j]:
                    votes[(a, b) if a < b else (b, a)] = (1 if a < b else -1, size)
    return votes


def circular(directions: dict[tuple, int | None], *, ties: bool = True) -> set[tuple]:
    """The pairs of `directions` that stand in a circle: those inside a strongly connected part of the graph
    "at least as good as" in which somebody is better than somebody. With `ties` equal answers hold such a
    circle together, too; without, only preferences do."""
    reach: dict = {}
    stated = {pair: way for pair, way in directions.items() if way or (ties and way == 0)}
    for (a, b), way in stated.items():
        if way >= 0:
            reach.setdefault(a, set()).add(b)
        if way <= 0:
            reach.setdefault(b, set()).add(a)
    changed = True
    while changed:
        changed = False
        for near in reach.values():
            further = set().union(*(reach.get(n, ()) for n in near)) - near
            if further:
                near |= further
                changed = True
    inside = {
        pair for pair in stated if pair[1] in reach.get(pair[0], ()) and pair[0] in reach.get(pair[1], ())
    }
    circles = [{n for n in reach[pair[0]] if pair[0] in reach.get(n, ())} for pair in inside if stated[pair]]
    return {pair for pair in inside if any(pair[0] in circle for circle in circles)}


def with_equal_corrections(votes: dict, equal: list[tuple[int, int]]) -> None:
    """Put into `votes` of one judgement that its author corrected answers into other answers: `equal` = [(the
    other answer, the corrected one)], in any order. Each is a vote for the other answer, unless the author
    says the opposite as well; then neither counts, and what would run in a circle counts for nothing."""
    said: dict[tuple, set[int]] = {}
    for winner, loser in equal:
        pair, direction = ((winner, loser), 1) if winner < loser else ((loser, winner), -1)
        said.setdefault(pair, set()).add(direction)
    for pair, directions in said.items():
        own = votes.get(pair, (0, None))
        directions |= {own[0]} - {0}
        if len(directions) > 1:
            votes[pair] = (None, None)
        elif not own[0]:
            votes[pair] = (*directions, None)
    for pair in circular({pair: vote[0] for pair, vote in votes.items()}, ties=False):
        votes[pair] = (None, None)


def put_together(
    judgements: list[tuple[AttributedJudgement, dict]],
) -> dict[tuple, tuple[AttributedJudgement, tuple] | None]:
    """{pair: (the judgement that is heard, its vote)} of one person's `judgements` = [(judgement, votes)] in
    the order of their events.

    The settled and then the latest judgement is heard whole. An earlier one is heard on the pairs that no
    later one speaks of, as far as it goes together with them: its pairs that would stand in a circle with
    what is heard already are superseded, all alike, and have None here. So whatever order somebody changes
    their mind in, what is heard of them has no circle."""
    heard: dict[tuple, tuple[AttributedJudgement, tuple] | None] = {}
    order = sorted(
        range(len(judgements)), key=lambda i: (judgements[i][0].status == "settled", i), reverse=True
    )
    for judgement, votes in (judgements[i] for i in order):
        more = {pair: vote for pair, vote in votes.items() if pair not in heard}
        standing = {pair: said[1][0] for pair, said in heard.items() if said is not None}
        circle = (
            circular(standing | {pair: vote[0] for pair, vote in more.items()})
            if more and standing
            else set()
        )
        heard.update({pair: None if pair in circle else (judgement, vote) for pair, vote in more.items()})
    return heard


def superseded(judgements: list[AttributedJudgement]) -> set[int]:
    """The places in `judgements` (in the order of their events) of rankings that say something which is not
    heard of their author any more."""
    people: dict[str, list[int]] = {}
    for place, judgement in enumerate(judgements):
        people.setdefault(judgement.annotator, []).append(place)
    gone: set[int] = set()
    for places in people.values():
        if len(places) > 1:
            votes_at = {place: votes_of(judgements[place]) for place in places}
            heard = put_together([(judgements[place], votes) for place, votes in votes_at.items()])
            for place, votes in votes_at.items():
                if any(
                    (said := heard[pair]) is None or said[1][0] != vote[0] for pair, vote in votes.items()
                ):
                    gone.add(place)
    return gone
