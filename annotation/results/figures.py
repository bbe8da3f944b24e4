"""What the judgements of a project say of its models: counted by the database, so that a million judgements
come back as some thousands of different things that prompts say."""

from collections import defaultdict
from dataclasses import dataclass, field
from datetime import date

from django.db import connection
from django.db.models import Count, Exists, OuterRef, Q

from annotation.models import Annotation, Facet, ItemAnswer, Kind, Outcome
from annotation.querysets import IN_FORCE
from annotation.statistics import bradley_terry, wins
from annotation.statistics.bradley_terry import Strength
from annotation.statistics.wins import Wins
from core import local_time
from corpus.models import ModelVersion
from feedback.models import Reaction
from feedback.quality import figures as feedback_figures
from feedback.quality.intervals import Share

TAGS = 30  # tags in the table, those with the most comparisons
VERDICTS = ("keep", "fix", "drop")


@dataclass(frozen=True)
class Scope:
    """What is looked at: judgements by whom (an Annotator.Source or "all"), of items with a tag, of prompts
    in a language ("zh", "en", "none" for neither; "" for all)."""

    by: str = "person"
    tag: str = ""
    language: str = ""

    def rows(self, project):
        """The comparisons of `project` in this scope."""
        return self._cut(Outcome.objects.in_force(project, self.by), "language")

    def facets(self, project):
        """What the judgements have; no language is kept of these."""
        return self._cut(Facet.objects.in_force(project, self.by))

    def _cut(self, rows, language: str = ""):
        if self.tag:
            rows = rows.filter(item__tags__name=self.tag)
        if language and self.language:
            rows = rows.filter(language="" if self.language == "none" else self.language)
        return rows


@dataclass
class Bias:
    """Of comparisons without a tie, between answers that differ so: how many the longer (first) won."""

    won: int = 0
    n: int = 0
    share: Share | None = None


@dataclass
class Qa:
    """Verdicts on the questions and answers of one model or of all, and why they were dropped."""

    counts: dict[str, int] = field(default_factory=dict)
    reasons: dict[str, int] = field(default_factory=dict)
    kept: Share | None = None

    @property
    def n(self) -> int:
        return sum(self.counts.get(verdict, 0) for verdict in VERDICTS)


@dataclass
class Thumbs:
    """Thumbs of end users under the answers of one model."""

    up: int = 0
    down: int = 0
    people: int = 0
    share: Share | None = None
    reasons: dict[int, list[tuple[str, int]]] = field(default_factory=dict)


@dataclass
class Results:
    """All figures of a scope; models by id, `names` their names."""

    names: dict[int, str]
    prompts: int
    models: dict[int, Wins]
    pairs: dict[tuple[int, int], Wins]
    strengths: dict[int, Strength] | None
    groups: list[set[int]]
    longer: Bias
    first: Bias
    languages: dict[str, dict[int, Wins]]
    tags: dict[str, dict[int, Wins]]
    more_tags: int
    qa: dict[int | None, Qa]
    qa_all: Qa
    thumbs: dict[int | None, Thumbs]
    left_out: dict[str, int]


def of(project, scope: Scope) -> Results:
    """Everything there is to say. About a dozen queries, each over the rows of the project."""
    rows = scope.rows(project)
    by_language = _prompts(rows, "language")
    whole: dict[tuple, int] = defaultdict(int)
    for found in by_language.values():
        for said, count in found.items():
            whole[said] += count
    models = wins.of_models(whole)
    sums = [(a, b, w.wins, w.losses, w.ties) for (a, b), w in wins.of_pairs(whole).items() if a < b]
    tags, more = ({}, 0) if scope.tag else _by_tag(rows)
    qa, qa_all = _qa(project, scope)
    thumbs = _thumbs(project) if not (scope.tag or scope.language) else {}
    named = {*models, *(m for m in (*qa, *thumbs) if m is not None)}
    return Results(
        names=dict(ModelVersion.objects.filter(pk__in=named).values_list("pk", "name")),
        prompts=sum(whole.values()),
        models=models,
        pairs=wins.of_pairs(whole),
        strengths=bradley_terry.strengths(whole),
        groups=bradley_terry.groups(sums),
        longer=_bias(rows, "longer"),
        first=_bias(rows, "first"),
        languages={name: wins.of_models(found) for name, found in by_language.items()},
        tags=tags,
        more_tags=more,
        qa=qa,
        qa_all=qa_all,
        thumbs=thumbs,
        left_out=_left_out(project, scope),
    )


def _grouped(inner, columns: tuple[str, ...]) -> list[tuple]:
    """Rows (…, n): how often each row of `inner` but for its first column, the prompt, comes up."""
    sql, values = inner.query.sql_with_params()
    kept = ", ".join(columns)
    with connection.cursor() as cursor:
        cursor.execute(
            f"WITH one (prompt, {kept}) AS ({sql}) SELECT {kept}, count(*) FROM one GROUP BY {kept}",  # noqa: S608
            values,
        )
        return cursor.fetchall()


def _prompts(rows, key: str) -> dict[str, dict[tuple, int]]:
    """{value of the field `key`: {what one prompt says of its pairs: how many prompts say just that}}."""
    counts = {"won": Q(result=1), "lost": Q(result=-1), "tied": Q(result=0)}
    inner = (
        rows.values_list("prompt", key, "a", "b")
        .annotate(**{name: Count("pk", filter=of) for name, of in counts.items()})
        .order_by()
    )
    sql, values = inner.query.sql_with_params()
    said = "a || ':' || b || ':' || won || ':' || lost || ':' || tied"
    # In one order where the database can, so that few rows come back; below they are sorted anyway.
    together = (
        f"string_agg({said}, ',' ORDER BY a, b)"
        if connection.vendor == "postgresql"
        else f"group_concat({said}, ',')"
    )
    out: dict[str, dict[tuple, int]] = defaultdict(lambda: defaultdict(int))
    with connection.cursor() as cursor:
        cursor.execute(
            f"WITH pair (prompt, k, a, b, won, lost, tied) AS ({sql}), one AS (SELECT k, {together} AS said "  # noqa: S608
            f"FROM pair GROUP BY prompt, k) SELECT k, said, count(*) FROM one GROUP BY k, said",
            values,
        )
        for k, text, count in cursor.fetchall():
            pairs = sorted(tuple(map(int, part.split(":"))) for part in text.split(","))
            out[k][tuple(pairs)] += count
    return {k: dict(found) for k, found in out.items()}


def _by_tag(rows) -> tuple[dict[str, dict[int, Wins]], int]:
    """({tag: {model: its comparisons}} of the TAGS tags with the most, how many tags there are beyond)."""
    tagged = rows.filter(item__tags__isnull=False)
    found = {tag: wins.of_models(said) for tag, said in _prompts(tagged, "item__tags__name").items()}
    order = sorted(found, key=lambda tag: (-sum(w.n for w in found[tag].values()), tag))
    return {tag: found[tag] for tag in order[:TAGS]}, max(0, len(order) - TAGS)


def _bias(rows, by: str) -> Bias:
    won = (Q(result=1) & Q(**{by: 1})) | (Q(result=-1) & Q(**{by: -1}))
    inner = (
        rows.decided(by).values_list("prompt").annotate(won=Count("pk", filter=won), n=Count("pk")).order_by()
    )
    units = _grouped(inner, ("won", "n"))
    return Bias(
        sum(h * count for h, _n, count in units),
        sum(n * count for _h, n, count in units),
        wins.share_of(units),
    )


def _qa(project, scope: Scope) -> tuple[dict[int | None, Qa], Qa]:
    """({model: verdicts on what it gave}, verdicts on all). Three queries."""
    out: dict[int | None, Qa] = defaultdict(Qa)
    whole = Qa()
    rows = scope.facets(project).filter(Q(name__startswith="verdict:") | Q(name__startswith="reason:"))
    for model, name, n in rows.values_list("model", "name").annotate(n=Count("pk")).order_by():
        _count(out[model], name, n)
    for name, n in rows.values_list("name").annotate(n=Count("annotation", distinct=True)).order_by():
        _count(whole, name, n)
    inner = (
        rows.filter(name__startswith="verdict:")
        .values_list("item__prompt", "model")
        .annotate(kept=Count("pk", filter=Q(name="verdict:keep")), n=Count("pk"))
        .order_by()
    )
    units: dict[int | None, list] = defaultdict(list)
    for model, kept, n, count in _grouped(inner, ("model", "kept", "n")):
        units[model].append((kept, n, count))
    for model, found in units.items():
        out[model].kept = wins.share_of(found)
    return dict(out), whole


def _count(qa: Qa, name: str, n: int) -> None:
    kind, _colon, word = name.partition(":")
    (qa.counts if kind == "verdict" else qa.reasons)[word] = n


def _thumbs(project) -> dict[int | None, Thumbs]:
    """{model: thumbs under its answers, of any day}. Three queries, one where nobody reacted."""
    if not Reaction.objects.filter(project=project, current=True).exists():
        return {}
    ever = feedback_figures.Scope(project, date(1970, 1, 2), local_time.today(project))
    out: dict[int | None, Thumbs] = {}
    people = feedback_figures.by_person(ever)
    for row in feedback_figures.compared(people):
        up = sum(u for u, _n in people[row["model"]].values())
        n = sum(n for _u, n in people[row["model"]].values())
        out[row["model"]] = Thumbs(up, n - up, row["people"], row["rate"])
    why: dict[tuple, dict[str, int]] = defaultdict(lambda: defaultdict(int))
    rows = (
        feedback_figures.thumbs(ever)
        .exclude(reasons=[])
        .values_list("message__model_version", "value", "reasons")
        .annotate(n=Count("pk"))
        .order_by()
    )
    for model, value, reasons, n in rows:
        for reason in set(reasons):
            why[model, value][reason] += n
    for (model, value), found in why.items():
        out[model].reasons[value] = sorted(found.items(), key=lambda one: (-one[1], one[0]))
    return out


def nameless(project, scope: Scope) -> bool:
    """Whether rankings in this scope compare nothing because nobody said which models gave the answers."""
    rows = Annotation.objects.filter(project=project, state__in=IN_FORCE, practice=False)
    rows = rows.filter(item__hidden=False, item__kind=Kind.RANKING)
    rows = rows if scope.by == "all" else rows.filter(annotator__source=scope.by)
    without = ItemAnswer.objects.filter(item=OuterRef("item"), response__model_version=None)
    return rows.filter(Exists(without)).exists()


def _left_out(project, scope: Scope) -> dict[str, int]:
    """{"returned", "withdrawn"}: judgements not in force; {"others"}: comparisons by those whom `scope.by`
    leaves out."""
    states = Annotation.objects.filter(project=project, practice=False, item__hidden=False)
    counted = states.filter(state__in=[Annotation.State.RETURNED, Annotation.State.WITHDRAWN]).values_list(
        "state"
    )
    out = {"returned": 0, "withdrawn": 0} | dict(counted.annotate(n=Count("pk")).order_by())
    everyone = Scope("all", scope.tag, scope.language).rows(project)
    out["others"] = 0 if scope.by == "all" else everyone.exclude(source=scope.by).count()
    return out
