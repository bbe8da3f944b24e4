"""`preference-hygiene`: pairs that contradict each other, that few agree on, or that teach by length, place
or one person's zeal. Rows of other kinds pass. Pure.

What a pair is dropped for by itself comes first, then contradictions, then circles among what is left, then
caps, then the balances, which are exact for that: each step sees only what those before it left."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

from django.utils.translation import gettext_lazy as _

from training_export.curate.draws import drawn_number
from training_export.curate.examples import Answer, Preference
from training_export.curate.identity import answer_key, asked_key, content_key
from training_export.curate.splits import folded
from training_export.option import Kind, option
from training_export.steps.base import Means, Report, Row, Rows, Step

NOBODY = "anonymous"  # what all who are not known are called: no one person


@dataclass(frozen=True)
class Parameters:
    """Which pairs stay. None and 0: this is not asked."""

    identical: bool = option(
        True, _("Drop pairs of equal answers"), kind=Kind.FLAG,
        help="Drop pairs whose two answers differ at most in case, width and blanks.",
    )  # fmt: skip
    contradictions: bool = option(
        True, _("Drop contradictions"), kind=Kind.FLAG,
        help="Where two answers to a question stand both ways round, drop all rows of the two.",
    )  # fmt: skip
    cycles: bool = option(
        True, _("Drop circles"), kind=Kind.FLAG,
        help="Drop the pairs that go in a circle within one question: A over B, B over C, C over A.",
    )  # fmt: skip
    min_agreement: float | None = option(
        None, _("Least agreement"), kind=Kind.NUMBER, minimum=0, maximum=1,
        help="Least share of the votes that are for the pair, such as 0.6.",
    )  # fmt: skip
    min_margin: float | None = option(
        None, _("Least margin"), kind=Kind.NUMBER, minimum=0, maximum=1_000_000,
        help="Least margin, in the unit that the margins of the rows are in; pairs without one pass.",
    )  # fmt: skip
    max_length_ratio: float | None = option(
        None, _("Greatest ratio of lengths"), kind=Kind.NUMBER, minimum=1, maximum=1_000_000,
        help="Greatest ratio of the longer answer to the shorter one, in characters.",
    )  # fmt: skip
    per_prompt: int = option(
        0, _("At most this many pairs of one question"), kind=Kind.INTEGER, minimum=0,
        help="At most N pairs of one question, drawn by seed; 0: no limit.",
    )  # fmt: skip
    per_annotator: int = option(
        0, _("At most this many pairs of one person"), kind=Kind.INTEGER, minimum=0,
        help="At most N pairs that one person has a vote in, drawn by seed; 0: no limit.",
    )  # fmt: skip
    balance_length: bool = option(
        False, _("Balance lengths"), kind=Kind.FLAG,
        help="Draw as many pairs whose better answer is the longer one as pairs whose it is the shorter one.",
    )  # fmt: skip
    balance_position: bool = option(
        False, _("Balance places on the screen"), kind=Kind.FLAG,
        help="Draw as many pairs whose better answer was shown before the other as after it, of those whose "
        "places are known (choices among drafts).",
    )  # fmt: skip
    share_weight: bool = option(
        True, _("Share out weights again"), kind=Kind.FLAG,
        help="Each pair that is left weighs 1 / pairs left of its question.",
    )  # fmt: skip


@dataclass(slots=True)
class _Pairs:
    """What is kept in mind of each pair, by its place among the rows. `chosen` and `rejected`: numbers of
    answers to one question. `longer`, `first`: 1 where the chosen answer is the longer one, was shown first,
    -1 where the other, 0 where neither or not known."""

    asked: list[bytes] = field(default_factory=list)
    chosen: list[int] = field(default_factory=list)
    rejected: list[int] = field(default_factory=list)
    group: list[str] = field(default_factory=list)
    people: list[tuple[str, ...]] = field(default_factory=list)
    drawn: list[int] = field(default_factory=list)
    longer: list[int] = field(default_factory=list)
    first: list[int] = field(default_factory=list)
    fault: list[tuple[str, str] | None] = field(default_factory=list)  # (reason, detail)

    def left(self) -> list[int]:
        return [i for i, fault in enumerate(self.fault) if fault is None]

    def left_by_draw(self) -> list[int]:
        """The pairs left, in the order they are drawn in; what says the same comes as the rows do."""
        return sorted(self.left(), key=lambda i: (self.drawn[i], i))


def _same(one: Answer, other: Answer) -> bool:
    return one.turns == other.turns and folded(one.text) == folded(other.text)


def _ratio(example: Preference) -> float:
    shorter, longer = sorted((len(example.chosen.text), len(example.rejected.text)))
    return longer / shorter if shorter else (float("inf") if longer else 1.0)


def _fault(example: Preference, parameters: Parameters) -> tuple[str, str] | None:
    """Why a pair is dropped whatever the others say."""
    votes = example.n_for + example.n_against
    if parameters.identical and _same(example.chosen, example.rejected):
        return "identical_answers", ""
    if parameters.min_agreement is not None and votes and example.n_for / votes < parameters.min_agreement:
        return "low_agreement", f"{example.n_for}:{example.n_against}"
    margin = example.margin
    if parameters.min_margin is not None and margin is not None and margin < parameters.min_margin:
        return "low_margin", f"{margin:.4g}"
    if parameters.max_length_ratio is not None and (ratio := _ratio(example)) > parameters.max_length_ratio:
        return "length_ratio", f"{ratio:.4g}"
    return None


def _shown_first(example: Preference) -> int:
    """Of most people who saw the two side by side: 1 if the chosen answer stood before the other, -1 if
    after."""
    places = (p for p in example.provenance.get("positions", ()) if None not in p)
    balance = sum((chosen < rejected) - (chosen > rejected) for chosen, rejected in places)
    return (balance > 0) - (balance < 0)


def _read(rows: Rows, parameters: Parameters, report: Report, means: Means) -> _Pairs:
    found, answers = _Pairs(), {}
    without_margin = 0
    for place, row in enumerate(rows):
        means.progress(place + 1, 2 * len(rows))
        example = row.example
        if not isinstance(example, Preference):
            continue
        asked = asked_key(example)
        length = len(example.chosen.text) - len(example.rejected.text)
        found.asked.append(asked)
        found.chosen.append(answers.setdefault(asked + answer_key(example.chosen), len(answers)))
        found.rejected.append(answers.setdefault(asked + answer_key(example.rejected), len(answers)))
        found.group.append(example.group_id)
        found.people.append(tuple(dict.fromkeys(example.provenance.get("annotators") or ())))
        found.drawn.append(drawn_number(means.seed, STEP.name, content_key(example)))
        found.longer.append((length > 0) - (length < 0))
        found.first.append(_shown_first(example))
        found.fault.append(_fault(example, parameters))
        without_margin += example.margin is None
    if parameters.min_margin is not None and without_margin:
        report.note("no_margin", str(without_margin))
    return found


def _mark_contradictions(pairs: _Pairs) -> None:
    ways: dict[tuple[int, int], Counter] = {}
    for i in pairs.left():
        one, other = pairs.chosen[i], pairs.rejected[i]
        ways.setdefault((min(one, other), max(one, other)), Counter())[one] += 1
    for i in pairs.left():
        one, other = pairs.chosen[i], pairs.rejected[i]
        said = ways[min(one, other), max(one, other)]
        if len(said) > 1:
            pairs.fault[i] = "contradiction", f"{said[one]}:{said[other]}"


def _mark_cycles(pairs: _Pairs) -> None:
    """A pair lies on a circle exactly where both its answers lie in one strongly connected component. The
    answers to different questions have different numbers, so that no circle goes through two questions."""
    left = pairs.left()
    if not left:
        return
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    names = {
        answer: n for n, answer in enumerate({a for i in left for a in (pairs.chosen[i], pairs.rejected[i])})
    }
    above = [names[pairs.chosen[i]] for i in left]
    below = [names[pairs.rejected[i]] for i in left]
    graph = coo_array(([1] * len(left), (above, below)), shape=(len(names), len(names)))
    _count, component = connected_components(graph.tocsr(), directed=True, connection="strong")
    size = Counter(component.tolist())
    for i, one, other in zip(left, above, below, strict=True):
        if one != other and component[one] == component[other]:
            pairs.fault[i] = "cycle", str(size[component[one]])


def _mark_over_caps(pairs: _Pairs, parameters: Parameters) -> None:
    of_prompt: Counter = Counter()
    for i in pairs.left_by_draw() if parameters.per_prompt else ():
        of_prompt[pairs.group[i]] += 1
        if of_prompt[pairs.group[i]] > parameters.per_prompt:
            pairs.fault[i] = "prompt_cap", ""
    of_person: Counter = Counter()
    for i in pairs.left_by_draw() if parameters.per_annotator else ():
        people = [person for person in pairs.people[i] if person != NOBODY]
        if any(of_person[person] >= parameters.per_annotator for person in people):
            pairs.fault[i] = "annotator_cap", ""
        else:
            of_person.update(people)


def _mark_unbalanced(pairs: _Pairs, parameters: Parameters) -> None:
    """Each pair needs one that leans the other way in all that is to be balanced: as many are kept of
    "longer, shown first" as of "shorter, shown second". So no balance undoes the other."""
    leaning: dict[tuple[int, int], list[int]] = {}
    for i in pairs.left_by_draw():
        lean = (
            pairs.longer[i] if parameters.balance_length else 0,
            pairs.first[i] if parameters.balance_position else 0,
        )
        leaning.setdefault(lean, []).append(i)
    for (longer, first), here in leaning.items():
        if longer or first:
            for i in here[len(leaning.get((-longer, -first), ())) :]:
                pairs.fault[i] = ("length_balance" if longer else "position_balance"), ""


def _leanings(pairs: _Pairs, left: Sequence[int]) -> dict:
    """What a page draws of the pairs in `left`: how many of them have the longer answer as the better one,
    and the one shown first."""
    longer, first = Counter(pairs.longer[i] for i in left), Counter(pairs.first[i] for i in left)
    return {
        "pairs": len(left),
        "length": {"longer": longer[1], "equal": longer[0], "shorter": longer[-1]},
        "position": {"first": first[1], "unknown": first[0], "later": first[-1]},
    }


def _work(rows: Rows, parameters: Parameters, report: Report, means: Means) -> Iterator[Row]:
    pairs = _read(rows, parameters, report, means)
    report.figures["before"] = _leanings(pairs, range(len(pairs.fault)))
    if parameters.contradictions:
        _mark_contradictions(pairs)
    if parameters.cycles:
        _mark_cycles(pairs)
    _mark_over_caps(pairs, parameters)
    if parameters.balance_position and (unknown := sum(not pairs.first[i] for i in pairs.left())):
        report.note("no_position", str(unknown))
    _mark_unbalanced(pairs, parameters)
    report.figures["after"] = _leanings(pairs, pairs.left())
    shares = Counter(pairs.group[i] for i in pairs.left())
    faults_in_turn = iter(pairs.fault)
    for place, row in enumerate(rows):
        means.progress(len(rows) + place + 1, 2 * len(rows))
        if not isinstance(row.example, Preference):
            yield row
        elif fault := next(faults_in_turn):
            report.drop(row, *fault)
        else:
            weight = 1 / shares[row.example.group_id] if parameters.share_weight else row.example.weight
            if weight != row.example.weight:
                report.changed += 1
                row = replace(row, example=replace(row.example, weight=weight))
            yield row


STEP = Step(
    name="preference-hygiene",
    version=1,
    label=_("Clean up preference pairs"),
    about=_(
        "Drops pairs that contradict each other, go in a circle or have little agreement; caps questions and "
        "people; balances lengths and places. Weights are shared out again."
    ),
    parameters=Parameters,
    work=_work,
    reasons={
        "identical_answers": _("The two answers say the same, but for case, width and blanks."),
        "low_agreement": _("Too small a share of the votes is for this pair."),
        "low_margin": _("The margin of this pair is too small."),
        "length_ratio": _("One of the two answers is too much longer than the other."),
        "contradiction": _("The same two answers to this question also stand the other way round."),
        "cycle": _("The pairs of this question go in a circle."),
        "prompt_cap": _("Its question has more pairs than the limit for one question."),
        "annotator_cap": _("Somebody who judged it has more pairs than the limit for one person."),
        "length_balance": _(
            "Left out so that the better answer is as often the shorter one as the longer one."
        ),
        "position_balance": _("Left out so that the better answer was shown first as often as later."),
    },
    notes={
        "no_margin": _("Pairs without a margin passed the least margin."),
        "no_position": _("Of some pairs it is not known where their answers were shown; they passed."),
    },
)
