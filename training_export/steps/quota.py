"""`quota`: no tag, language, model or origin with more than its part of the rows. Pure.

Which rows of a group stay is drawn by the seed and the content of each row: as data grows, rows are only ever
displaced by new ones, and the same rows stay whatever order they come in."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from training_export.curate.draws import drawn_number
from training_export.curate.identity import answers_of, content_key
from training_export.option import Kind, option
from training_export.option_values import invalid
from training_export.steps.base import Means, Report, Row, Rows, Step


@dataclass(frozen=True)
class Parameters:
    """What the groups are, and how much each may have."""

    by: str = option(
        "tag", _("Groups by"), kind=Kind.CHOICE,
        help="What the rows of one group have in common. A row of several tags or models counts in each of "
        "their groups; rows without any are a group of their own.",
        choices={
            "tag": _("Tag"),
            "language": _("Language"),
            "model": _("Model that answered"),
            "origin": _("Origin of the best answer"),
        },
    )  # fmt: skip
    most: int = option(
        0, _("At most this many rows of a group"), kind=Kind.INTEGER, minimum=0, metavar="N",
        help="At most N rows of a group; 0: no limit.",
    )  # fmt: skip
    share: float = option(
        1.0, _("At most this share of the rows"), kind=Kind.NUMBER, minimum=0, maximum=1,
        help="No group has more than this share of the rows that stay (those of several groups counted in "
        "each); 1: no limit.",
    )  # fmt: skip

    def __post_init__(self):
        if not self.most and self.share == 1:
            raise invalid("most", gettext("Say how many rows of a group stay, or which share."))


def groups_of(row: Row, by: str) -> tuple[str, ...]:
    """The groups a row counts in, sorted."""
    example = row.example
    if by == "tag":
        found = {str(tag) for tag in example.tags}
    elif by == "language":
        found = {example.language}
    elif by == "model":
        found = {str(model) for model in example.provenance.get("models") or ()}
    else:
        found = {answer.origin for answer in answers_of(example)[:1]}
    return tuple(sorted(found)) or ("",)


def limit_of(sizes: Counter, most: int, share: float) -> int | None:
    """The most rows of a group: the greatest number n of at most `most` such that, if every group gives at
    most n, n is no more than `share` of what they give together. None where there is no such number."""
    largest = max(sizes.values(), default=0)
    most = min(most or largest, largest)
    if share == 1:
        return most

    def allowed(n: int) -> bool:
        return n <= share * sum(min(size, n) for size in sizes.values()) + 1e-9

    # share · sum - n is concave in n and 0 at 0: it is not below 0 up to one n, and from there on it is
    low, high = 0, most
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if allowed(middle) else (low, middle - 1)
    return low or None


def _work(rows: Rows, parameters: Parameters, report: Report, means: Means) -> Iterator[Row]:
    drawn, groups = [], []
    for place, row in enumerate(rows):
        drawn.append((drawn_number(means.seed, "quota", content_key(row.example).hex()), place))
        groups.append(groups_of(row, parameters.by))
    sizes = Counter(group for found in groups for group in found)
    limit = limit_of(sizes, parameters.most, parameters.share)
    if limit is None:
        report.note("too_few_groups", str(len(sizes)))
        limit = parameters.most or len(groups)
    taken: Counter = Counter()
    stay = set()
    for _number, place in sorted(drawn):
        if all(taken[group] < limit for group in groups[place]):
            stay.add(place)
            taken.update(groups[place])
    # {group: [rows that came, rows that stay]}
    report.figures["groups"] = {group: [sizes[group], taken[group]] for group in sorted(sizes)}
    for place, row in enumerate(rows):
        means.progress(place + 1, len(groups))
        if place in stay:
            yield row
        else:
            full = [group for group in groups[place] if taken[group] >= limit]
            report.drop(row, "over_quota", ", ".join(full)[:200])


STEP = Step(
    name="quota",
    version=1,
    label=_("Limit tags, languages, models or origins"),
    about=_(
        "Keeps at most so many rows, or such a share, of each tag, language, model or origin. Which ones is "
        "drawn by the seed and stays the same as data grows, but for rows that new ones displace."
    ),
    parameters=Parameters,
    work=_work,
    reasons={"over_quota": _("Its tag, language, model or origin has as many rows as it may have.")},
    notes={"too_few_groups": _("There are too few groups for the share asked for: it was not applied.")},
)
