"""`mix`: general rows beside those of the domain, so that a model does not forget what it could. Pure.

Every general row has a number drawn from the seed and its content; those of the smallest numbers are taken.
So the same rows are drawn wherever they stand, no row twice, and where the domain grows, more are drawn and
none goes."""

from collections.abc import Iterator
from dataclasses import MISSING, dataclass, replace

from django.utils.translation import gettext_lazy as _

from training_export.curate.draws import drawn_number
from training_export.curate.identity import answers_of, content_key
from training_export.curate.measures import characters
from training_export.option import Kind, option
from training_export.steps.base import Means, Report, Row, Rows, Step


@dataclass(frozen=True)
class Parameters:
    """What is mixed in, and how much of it."""

    sets: tuple = option(
        MISSING, _("General sets"), kind=Kind.TEXTS, metavar="NAME,…",
        help="Names of the sets that general rows are drawn from.",
    )  # fmt: skip
    ratio: tuple = option(
        (1, 1), _("Domain : general"), kind=Kind.PROPORTION, minimum=1, maximum=1000, metavar="D:G",
        help="Domain to general, such as 1:1.",
    )  # fmt: skip
    measure: str = option(
        "rows", _("Counted by"), kind=Kind.CHOICE,
        help="What the proportion is of.",
        choices={"rows": _("Rows"), "characters": _("Characters of question and answers")},
    )  # fmt: skip
    kinds: str = option(
        "same", _("Kinds of rows"), kind=Kind.CHOICE,
        help="Only rows of the kinds that the domain has (pairs beside pairs), or all rows with an answer.",
        choices={"same": _("Those that the domain has"), "all": _("All with an answer")},
    )  # fmt: skip


MEASURES = {"rows": lambda example: 1, "characters": characters}


def _drawn(candidates: list[tuple[int, int, int, int]], wanted: float) -> list[tuple[int, int, int, int]]:
    """The first of `candidates`, (number, set, place, size), by number, until what they are in size is as
    near to `wanted` as it gets."""
    taken, reached = [], 0
    for one in sorted(candidates):
        if abs(wanted - reached - one[3]) > abs(wanted - reached):
            break
        taken.append(one)
        reached += one[3]
    return taken


def _work(rows: Rows, parameters: Parameters, report: Report, means: Means) -> Iterator[Row]:
    size = MEASURES[parameters.measure]
    domain, kinds, known = 0, set(), set()
    for place, row in enumerate(rows):
        means.progress(place + 1, len(rows))
        kinds.add(type(row.example))
        known.add(content_key(row.example))  # what stands in the domain already is not drawn
        domain += size(row.example)
        yield row
    wanted = domain * parameters.ratio[1] / parameters.ratio[0]
    sets = [means.sets(name) for name in parameters.sets]
    candidates = []
    for number, found in enumerate(sets):
        for place, row in enumerate(found):
            wanted_too = parameters.kinds == "all" and answers_of(row.example)
            if type(row.example) not in kinds and not wanted_too:
                continue
            key = content_key(row.example)
            if key not in known:
                known.add(key)
                candidates.append(
                    (drawn_number(means.seed, STEP.name, key), number, place, size(row.example))
                )
    drawn = _drawn(candidates, wanted)
    general = sum(one[3] for one in drawn)
    if len(drawn) == len(candidates) and general < wanted:
        report.note("general_too_small", f"{general} / {round(wanted)}")
    figures = {}
    for number, (name, found) in enumerate(zip(parameters.sets, sets, strict=True)):
        places = {place for _drawn_number, n, place, _size in drawn if n == number}
        figures[name] = {"rows": len(found), "drawn": len(places)}
        for place, row in enumerate(found):
            if place in places:
                provenance = row.example.provenance | {"set": name, "general": True}
                yield replace(row, example=replace(row.example, provenance=provenance))
    report.figures["mix"] = {"measure": parameters.measure, "domain": domain, "general": general}
    report.figures["sets"] = figures


STEP = Step(
    name="mix",
    version=1,
    label=_("Mix in general rows"),
    about=_(
        "Adds rows of general sets after those of the domain, in a stated proportion; where they came from "
        "stands in their provenance."
    ),
    parameters=Parameters,
    work=_work,
    reasons={},
    notes={"general_too_small": _("The general sets have fewer rows than the proportion asks for.")},
)
