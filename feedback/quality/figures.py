"""What the feedback of end users is worth: rates with intervals, who gives it, and where it may mislead.
Counted in SQL; current reactions only.

Rates are of answers that were given in the period, whenever the thumb came; what is about people's
behaviour (bursts, scores, choices, signals) goes by its own date. Signals are counted apart and enter no
rate."""

from collections import defaultdict
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from urllib.parse import urlencode

from django.db.models import (
    Case,
    CharField,
    Count,
    DateField,
    Func,
    IntegerField,
    Q,
    TextField,
    Value,
    When,
)
from django.db.models.functions import Cast

from core import local_time
from core.models import Project
from feedback.models import Choice, Message, Reaction
from feedback.quality.intervals import Share, clustered, difference, exact, wilson

CAPS = (1, 5, 20)  # thumbs of one person that would count
HEAVY = 10  # people listed
SAME_AT_LEAST = 20  # thumbs, all alike, before that is a hint
SAME_CHANCE = 1e-4
BURST_MINUTE, BURST_TEN_SECONDS = 15, 5


class Day(Func):
    """The day of a moment where clocks are `minutes` ahead of UTC. Each database's own function: Django's own
    goes by Python for every row on SQLite."""

    output_field = DateField()

    def __init__(self, moment, minutes: int):
        super().__init__(moment)
        self.minutes = int(minutes)

    def as_sqlite(self, compiler, connection, **extra):
        template = f"date(%(expressions)s, '{self.minutes:+d} minutes')"
        return self.as_sql(compiler, connection, template=template, **extra)

    def as_postgresql(self, compiler, connection, **extra):
        template = f"((%(expressions)s) AT TIME ZONE 'UTC' + interval '{self.minutes:d} minutes')::date"
        return self.as_sql(compiler, connection, template=template, **extra)


class Beginning(Func):
    """The first `length` characters of a moment as text in UTC: 16 tell minutes apart, 18 tens of seconds."""

    output_field = CharField()

    def __init__(self, moment, length: int):
        super().__init__(moment, Value(length, output_field=IntegerField()))

    def as_sqlite(self, compiler, connection, **extra):
        return self.as_sql(
            compiler,
            connection,
            function="substr",
            template="substr(%(expressions)s)",
            arg_joiner=", 1, ",
            **extra,
        )

    def as_postgresql(self, compiler, connection, **extra):
        moment, parameters = compiler.compile(self.source_expressions[0])
        length, more = compiler.compile(self.source_expressions[1])
        return f"left(to_char({moment} AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS'), {length})", [
            *parameters,
            *more,
        ]


class Length(Func):
    """How many entries a JSON list has."""

    output_field = IntegerField()

    def as_sqlite(self, compiler, connection, **extra):
        return self.as_sql(compiler, connection, function="json_array_length", **extra)

    def as_postgresql(self, compiler, connection, **extra):
        return self.as_sql(compiler, connection, function="jsonb_array_length", **extra)


@dataclass(frozen=True)
class Scope:
    """What is looked at: a project, its days `start` to `end` (both with it), and one ModelVersion or all."""

    project: Project
    start: date
    end: date
    model: int | None = None

    def during(self, field: str) -> Q:
        begin, until = local_time.span_of(self.project, self.start, self.end)
        return Q(**{f"{field}__gte": begin, f"{field}__lt": until})

    def day(self, field: str):
        """The project's day of the moment in `field`; where the clocks change within the period, each part
        of it by its own."""
        *earlier, (_until, last) = local_time.offsets(self.project, self.start, self.end)
        if not earlier:
            return Day(field, last)
        parts = [When(**{f"{field}__lt": until}, then=Day(field, minutes)) for until, minutes in earlier]
        return Case(*parts, default=Day(field, last), output_field=DateField())

    def query(self, **more) -> str:
        """The query of an address that leads to rows of this scope; `more` of it, by name."""
        asked = {"start": self.start, "end": self.end, "model": self.model} | more
        return urlencode({name: value for name, value in asked.items() if value not in (None, "")})

    def by(self, field: str) -> Q:
        return Q(**{field: self.model}) if self.model is not None else Q()


def answers(scope: Scope):
    """The answers of the period: those that came to an end, at a limit too; calls of tools on the way to an
    answer are none."""
    return Message.objects.filter(
        scope.during("created_at"),
        scope.by("model_version"),
        project=scope.project,
        role="assistant",
        state__in=Message.ENDED,
        extra__isnull=True,
    )


def reactions(scope: Scope):
    """Current reactions to answers of the period."""
    return Reaction.objects.filter(
        scope.during("message__created_at"),
        scope.by("message__model_version"),
        project=scope.project,
        current=True,
    )


def thumbs(scope: Scope):
    return reactions(scope).filter(kind=Reaction.Kind.THUMB, value__in=(1, -1))


# -- rates ---------------------------------------------------------------------------------------------------


@dataclass
class Figures:
    """Answers, how many of them have a thumb, and the thumbs."""

    answers: int = 0
    drafts: int = 0
    with_thumb: int = 0
    up: int = 0
    down: int = 0

    @property
    def thumbs(self) -> int:
        return self.up + self.down

    @property
    def rate(self) -> Share | None:
        return wilson(self.up, self.thumbs)

    @property
    def response(self) -> Share | None:
        return wilson(min(self.with_thumb, self.answers), self.answers)

    def __iadd__(self, other):
        for name in ("answers", "drafts", "with_thumb", "up", "down"):
            setattr(self, name, getattr(self, name) + getattr(other, name))
        return self


def daily(scope: Scope) -> dict[tuple[date, int | None], Figures]:
    """{(day of the answer, model version): figures}. Two queries."""
    out: dict[tuple[date, int | None], Figures] = defaultdict(Figures)
    rows = (
        answers(scope)
        .values_list(scope.day("created_at"), "model_version")
        .annotate(n=Count("pk"), drafts=Count("draft_group"))
        .order_by()
    )
    for day, model, n, drafts in rows:
        one = out[day, model]
        one.answers, one.drafts = n, drafts
    counted = {
        "up": Count("pk", filter=Q(value=1)),
        "down": Count("pk", filter=Q(value=-1)),
        "on": Count("message", distinct=True),
    }
    rows = (
        thumbs(scope)
        .values_list(scope.day("message__created_at"), "message__model_version")
        .annotate(**counted)
        .order_by()
    )
    for day, model, up, down, on in rows:
        one = out[day, model]
        one.up, one.down, one.with_thumb = up, down, on
    return dict(out)


def buckets(scope: Scope) -> tuple[str, list[tuple[date, date]]]:
    """("day" · "week" · "month", the period cut into these)."""
    days = (scope.end - scope.start).days + 1
    name, step = ("day", 1) if days <= 31 else ("week", 7) if days <= 217 else ("month", 30)
    out, at = [], scope.start
    while at <= scope.end:
        out.append((at, min(at + timedelta(days=step - 1), scope.end)))
        at += timedelta(days=step)
    return name, out


People = dict[int | None, dict[int | None, tuple[int, int]]]


def by_person(scope: Scope) -> People:
    """{model version: {person: (thumbs up, thumbs)}}; nobody in particular is None. One query."""
    out: People = defaultdict(dict)
    rows = (
        thumbs(scope)
        .values_list("message__model_version", "end_user")
        .annotate(up=Count("pk", filter=Q(value=1)), n=Count("pk"))
        .order_by()
    )
    for model, person, up, n in rows:
        out[model][person] = (up, n)
    return dict(out)


def units(people: dict) -> dict:
    """{unit: (up, n)} with each thumb of nobody in particular a unit of its own: who gave it is not known."""
    out = {k: v for k, v in people.items() if k is not None}
    up, n = people.get(None, (0, 0))
    return out | {("?", i): (1 if i < up else 0, 1) for i in range(n)}


def compared(people: People) -> list[dict]:
    """One row a model version with thumbs, the most judged first: {"model", "people", "rate" (clustered by
    person), "less" (difference to the first row, clustered; None for the first itself)}."""
    sides = {model: units(found) for model, found in people.items()}
    order = sorted(sides, key=lambda m: -sum(n for _u, n in sides[m].values()))
    return [
        {
            "model": model,
            "people": len(people[model]) - (None in people[model]),
            "rate": clustered(sides[model].values()),
            "less": difference(sides[model], sides[order[0]]) if i else None,
        }
        for i, model in enumerate(order)
    ]


def said_more(scope: Scope) -> dict:
    """{"comments", "corrections"}: how many. One query."""
    return reactions(scope).aggregate(
        comments=Count("pk", filter=Q(kind=Reaction.Kind.THUMB) & ~Q(value=0) & ~Q(text="")),
        corrections=Count("pk", filter=Q(kind=Reaction.Kind.CORRECTION) & ~Q(text="")),
    )


def reasons(scope: Scope) -> dict[int, list[tuple[str, int]]]:
    """{1: [(key, thumbs up that name it)], -1: …}, most named first. One query; lists of reasons repeat, so
    few rows come back."""
    found: dict[int, dict[str, int]] = {1: defaultdict(int), -1: defaultdict(int)}
    for value, keys, n in (
        thumbs(scope).exclude(reasons=[]).values_list("value", "reasons").annotate(n=Count("pk")).order_by()
    ):
        for key in set(keys):
            found[value][key] += n
    return {value: sorted(counts.items(), key=lambda e: (-e[1], e[0])) for value, counts in found.items()}


# -- drafts --------------------------------------------------------------------------------------------------


def positions(scope: Scope) -> dict:
    """{"drafts": [{"k", "n", "places": [Share with exact interval], "even": 1/k, "off": [whether 1/k lies
    outside]}], "verdicts": {regenerated: {verdict: n}}}. Only choices between answers that were all
    complete tell of positions. Two queries."""
    made = Choice.objects.filter(scope.during("created_at"), project=scope.project, current=True)
    if scope.model is not None:
        made = made.filter(parent__children__model_version=scope.model).distinct()
        made = Choice.objects.filter(pk__in=made.values("pk"))
    verdicts: dict[bool, dict[str, int]] = {False: {}, True: {}}
    for again, verdict, n in made.values_list("regenerated", "verdict").annotate(n=Count("pk")).order_by():
        verdicts[again][verdict] = n
    fair = made.filter(verdict=Choice.Verdict.BETTER, regenerated=False, place__isnull=False).annotate(
        as_text=Cast("shown", TextField())
    )
    fair = fair.exclude(as_text__contains='"complete": false').exclude(as_text__contains='"complete":false')
    counts: dict[int, dict[int, int]] = defaultdict(dict)
    for k, place, n in (
        fair.annotate(k=Length("shown")).values_list("k", "place").annotate(n=Count("pk")).order_by()
    ):
        counts[k][place] = n
    drafts = []
    for k in sorted(k for k in counts if k > 1):
        n = sum(counts[k].values())
        shares = [s for i in range(k) if (s := exact(counts[k].get(i, 0), n)) is not None]
        off = [not (s.low or 0) <= 1 / k <= (1 if s.high is None else s.high) for s in shares]
        drafts.append({"k": k, "n": n, "even": 1 / k, "places": shares, "off": off})
    return {"drafts": drafts, "verdicts": verdicts}


# -- who gives it --------------------------------------------------------------------------------------------


def heavy(people: People) -> dict:
    """{"people", "thumbs", "top": [(person, up, n, share of all thumbs)], "top_share", "caps": [(cap, thumbs
    that would count, rate)], "rate"}. A cap keeps that many of a person's thumbs, taken at random: the
    rate is what comes of it on average."""
    known, nobody = _summed(people)
    everyone = [*known.values(), *units({None: nobody}).values()]
    total = sum(n for _u, n in everyone)
    top = sorted(known.items(), key=lambda e: (-e[1][1], e[0]))[:HEAVY]
    caps = []
    for cap in CAPS:
        counted = sum(min(n, cap) for _u, n in everyone)
        ups = sum(u * min(1, cap / n) for u, n in everyone)
        caps.append((cap, counted, ups / counted if counted else None))
    return {
        "people": len(known),
        "thumbs": total,
        "top": [(person, up, n, n / total) for person, (up, n) in top],
        "top_share": sum(n for _p, (_u, n) in top) / total if total else None,
        "caps": caps,
        "rate": clustered(everyone),
    }


def _summed(people: People) -> tuple[dict[int, tuple[int, int]], tuple[int, int]]:
    """({person: (up, n)} over all models, the same of nobody in particular)."""
    sums: dict[int | None, tuple[int, int]] = {}
    for found in people.values():
        for person, (up, n) in found.items():
            before = sums.get(person, (0, 0))
            sums[person] = (before[0] + up, before[1] + n)
    nobody = sums.pop(None, (0, 0))
    return {person: both for person, both in sums.items() if person is not None}, nobody


def suspects(scope: Scope, people: People) -> dict:
    """Hints at abuse, for a person to look at; nothing is done about them. {"same": [(person, value, n,
    chance)], "bursts": [(person, most in a minute, when, most in ten seconds)]}. One query each for the
    bursts. Reactions of one moment are one file or call that brought them, no burst."""
    sums, _nobody = _summed(people)
    ups, total = sum(u for u, _n in sums.values()), sum(n for _u, n in sums.values())
    same = []
    for person, (up, n) in sums.items():
        if n >= SAME_AT_LEAST and up in (0, n) and total > n:
            rest = (ups - up) / (total - n)
            chance = (rest if up else 1 - rest) ** n
            if chance < SAME_CHANCE:
                same.append((person, 1 if up else -1, n, chance))
    return {"same": sorted(same, key=lambda s: -s[2])[:HEAVY], "bursts": _bursts(scope)}


def _minute(text: str) -> datetime:
    return datetime.fromisoformat(text[:16]).replace(tzinfo=UTC)


def _bursts(scope: Scope) -> list[tuple]:
    rows = Reaction.objects.filter(
        scope.during("created_at"), project=scope.project, current=True, end_user__isnull=False
    ).exclude(source="import")
    if scope.model is not None:
        rows = rows.filter(message__model_version=scope.model)

    def most(length: int, least: int) -> dict[int, tuple[int, str]]:
        found: dict[int, tuple[int, str]] = {}
        cut = (
            rows.values_list("end_user", Beginning("created_at", length))
            .annotate(n=Count("created_at", distinct=True))
            .filter(n__gte=least)
        )
        for person, when, n in cut.order_by():
            found[person] = max(found.get(person, (0, "")), (n, when))
        return found

    minute, seconds = most(16, BURST_MINUTE), most(18, BURST_TEN_SECONDS)
    out = [
        (p, minute.get(p, (0, ""))[0], _minute((minute.get(p) or seconds[p])[1]), seconds.get(p, (0, ""))[0])
        for p in minute.keys() | seconds.keys()
    ]
    return sorted(out, key=lambda b: (-b[1], -b[3], b[0]))[:HEAVY]


# -- the rest ------------------------------------------------------------------------------------------------


def scores(scope: Scope) -> dict:
    """{"counts": [n of 1 … n of 5], "n", "mean"} of conversations, by the day of the score. One query."""
    rows = Reaction.objects.filter(
        scope.during("created_at"),
        project=scope.project,
        current=True,
        kind=Reaction.Kind.SCORE,
        value__gte=1,
    )
    found = dict(rows.values_list("value").annotate(n=Count("pk")).order_by())
    counts = [found.get(i, 0) for i in range(1, 6)]
    n = sum(counts)
    return {"counts": counts, "n": n, "mean": sum(i * c for i, c in enumerate(counts, 1)) / n if n else None}
