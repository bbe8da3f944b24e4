"""What a step that scores tells: each row's score, their spread, the rows that score worst, and why rows have
none. Pure."""

import math
from array import array
from collections import Counter
from collections.abc import Callable, Iterator, Sequence

from django.utils.translation import gettext_lazy as _

from training_export.curate.identity import content_key
from training_export.formats.base import place_of
from training_export.steps.base import MOST_SAMPLES, Report, Row, Rows

BINS = 20
NOTES = {
    "no_answer": _("Rows without an answer to score were kept."),
    "no_pair": _("Rows that are no pair of answers were kept."),
    "template_refuses": _("Rows that the model's chat template refuses have no score and were kept."),
    "no_start_token": _("Rows have no score and were kept: the model has no token to begin with."),
    "not_finite": _("Rows whose score is no finite number were kept."),
    "cut": _("Rows longer than the model may read were scored without the rest."),
    "no_template": _("The model has no chat template: the turns were put under plain headings."),
}  # fmt: skip


class Tally:
    """The scores of rows in their order, gathered in a first pass; then what is told of them."""

    def __init__(self, report: Report):
        self.report = report
        self.scores = array("d")  # nan: none
        self.missing: dict[int, str] = {}  # {place: why it has none}
        self.cut: set[int] = set()

    def add(self, score: float | str) -> None:
        """The score of the next row, or the code why it has none."""
        if isinstance(score, str) or not math.isfinite(score):
            self.missing[len(self.scores)] = score if isinstance(score, str) else "not_finite"
            score = math.nan
        self.scores.append(score)

    @property
    def places(self) -> list[int]:
        """The places of the rows that have a score."""
        return [place for place, score in enumerate(self.scores) if not math.isnan(score)]

    def hand_on(
        self,
        rows: Rows,
        reason_of: Callable[[int], str],
        *,
        worst: str,
        changed: Callable[[Row, float], Row] | None = None,
    ) -> Iterator[Row]:
        """The rows that stay, and all that is told of them. `reason_of(place)`: why a row that has a score is
        dropped, "" if it is not. `worst`: "highest" or "lowest" scores are the worst; under each reason those
        rows are named that score worst. `changed`: what becomes of a row that stays."""
        report = self.report
        reasons = {place: reason for place in self.places if (reason := reason_of(place))}
        sign = -1 if worst == "highest" else 1
        order = sorted(self.places, key=lambda place: (sign * self.scores[place], place))
        named = _first_of_each(order, reasons)
        first = set(order[:MOST_SAMPLES])
        where: dict[int, dict] = {}
        for place, row in enumerate(rows):
            if place in first or place in named:
                where[place] = place_of(row.example.provenance) | {"detail": f"{self.scores[place]:.6g}"}
            if place not in self.missing:
                report.scores[content_key(row.example).hex()] = self.scores[place]
            else:
                samples = report.samples.setdefault(self.missing[place], [])
                if len(samples) < MOST_SAMPLES:
                    samples.append(place_of(row.example.provenance))
            if place in reasons:
                report.drop(row, reasons[place], f"{self.scores[place]:.6g}")
                continue
            if changed and place not in self.missing:
                report.changed += 1
                row = changed(row, self.scores[place])
            yield row
        for reason in set(reasons.values()):  # not the first that came, as elsewhere
            report.samples[reason] = [where[p] for p in order if p in named and reasons[p] == reason]
        report.figures["worst"] = [where[place] for place in order[:MOST_SAMPLES]]
        report.figures["scores"] = spread([self.scores[place] for place in order])
        for code, number in Counter(self.missing.values()).items():
            report.note(code, str(number))
        if self.cut:
            report.note("cut", str(len(self.cut)))


def _first_of_each(order: list[int], reasons: dict[int, str]) -> set[int]:
    """The first places in `order` of each reason."""
    counted: Counter = Counter()
    found = set()
    for place in order:
        if place in reasons and counted[reasons[place]] < MOST_SAMPLES:
            counted[reasons[place]] += 1
            found.add(place)
    return found


def spread(scores: Sequence[float]) -> dict:
    """{"number", "edges", "counts", "quantiles"} of scores, for a picture: 20 bins of equal width, from the
    1st to the 99th percentile, with what lies outside in the first and the last, so that one outlier does not
    press all others into one bin."""
    if not scores:
        return {"number": 0, "edges": [], "counts": [], "quantiles": {}}
    inside = sorted(scores)

    def quantile(share: float) -> float:
        return inside[round(share * (len(inside) - 1))]

    low, high = quantile(0.01), quantile(0.99)
    width = (high - low) / BINS
    counts = [0] * BINS
    for score in inside:
        counts[min(BINS - 1, max(0, int((score - low) / width))) if width else 0] += 1
    return {
        "number": len(inside),
        "edges": [low + at * width for at in range(BINS)] + [high],
        "counts": counts,
        "quantiles": {str(share): quantile(share) for share in (0.0, 0.05, 0.25, 0.5, 0.75, 0.95, 1.0)},
    }


def top(scores: Sequence[float], places: Sequence[int], share: float, *, highest: bool) -> set[int]:
    """Those of `places` with the highest (or lowest) scores: the `share` of them, rounded up; of equal ones
    the first."""
    sign = -1 if highest else 1
    number = math.ceil(round(share * len(places), 9))  # 0.1 · 30 is not 3 in binary
    return set(sorted(places, key=lambda place: (sign * scores[place], place))[:number])
