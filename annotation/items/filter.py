"""Which items are looked at: one place that turns an address' query into a queryset and a sentence. The list
of items uses it, and so does every number elsewhere that leads to its rows."""

import math
from dataclasses import dataclass, fields, replace
from datetime import date, timedelta
from urllib.parse import urlencode

from django.db.models import DateTimeField, Exists, F, OuterRef, Q, Subquery
from django.urls import reverse

from annotation.document import ANSWER_FLAGS, CORRECTIONS, DROP_REASONS, ITEM_FLAGS, VERDICTS
from annotation.items import words
from annotation.models import (
    Annotation,
    AnnotationVersion,
    Annotator,
    Facet,
    Item,
    ItemAnswer,
    ItemFlag,
    ItemTag,
    Kind,
    Outcome,
)
from core import local_time
from core.models import Event
from core.text import whole_number

WORDS = {  # what a parameter may be, where it is one of few words
    "state": (*Item.State.values, "finished", "live", "unsettled"),
    "kind": tuple(Kind.values),
    "has": ("correction", "comment"),
    "flag": (*ITEM_FLAGS, *ANSWER_FLAGS, "other"),
    "did": ("judged", "submitted", "skipped", "corrected"),
    "outcome": ("won", "lost", "tied"),
    "longer": ("won", "lost", "any"),
    "first": ("won", "lost", "any"),
    "language": ("zh", "en", "none"),
    "verdict": (*VERDICTS, "any"),
    "reason": tuple(DROP_REASONS),
    "by": (*Annotator.Source.values, "all"),
}
LENGTHS = {"q": 200, "tag": 60, "annotator": 40}


@dataclass(frozen=True)
class ItemFilter:
    """Conditions on the items of a project; what is "" or None asks for nothing.

    `q`: words, an id or an external id. `state` (also "finished": done or settled; "live": not waiting;
    "unsettled"), `kind`, `tag`; `hidden` (hidden, or reported and not decided), `shown` (not hidden);
    `agreed_from` ≤ agreement < `agreed_below`; `flag` (of an item or an answer in a judgement, or of a
    report), `has` (a correction, a comment); `annotator` (a pseudonym) who `did` it, in the days `start` to
    `end` where that has a day; `batch`: items of one import.

    For managers alone, since it tells which answer is which model's (`tells_models`): `model` that answered
    ("none": nobody known); comparisons of `compared` with `against` or any model, as `outcome` says for
    `compared`; comparisons without a tie that the `longer`, the `first` answer "won" or "lost"; `language`
    of the compared prompts; `verdict` and `reason` on what `model` gave. `by`: whose judgements these are,
    an Annotator.Source, or "all"."""

    q: str = ""
    state: str = ""
    kind: str = ""
    tag: str = ""
    hidden: bool = False
    shown: bool = False
    agreed_from: float | None = None
    agreed_below: float | None = None
    flag: str = ""
    has: str = ""
    annotator: str = ""
    did: str = ""
    start: date | None = None
    end: date | None = None
    batch: int | None = None
    model: str = ""
    compared: int | None = None
    against: int | None = None
    outcome: str = ""
    longer: str = ""
    first: str = ""
    language: str = ""
    verdict: str = ""
    reason: str = ""
    by: str = ""

    # -- in and out of an address ----------------------------------------------------------------------------

    @classmethod
    def of_query(cls, query) -> "ItemFilter":
        """Of the parameters of an address; what cannot be meant is left out."""
        found = {}
        for one in fields(cls):
            value = _read(one.name, (query.get(one.name) or "").strip())
            if value is not None:
                found[one.name] = value
        return cls(**found)

    def query(self) -> dict[str, str]:
        """The parameters that say this."""
        found = {one.name: getattr(self, one.name) for one in fields(self)}
        return {
            name: "on" if value is True else str(value)
            for name, value in found.items()
            if value not in ("", None) and value is not False
        }

    def url(self, project) -> str:
        """The address of the list of these items."""
        query = self.query()
        return reverse("items", args=[project.slug]) + (f"?{urlencode(query)}" if query else "")

    def but(self, **changes) -> "ItemFilter":
        """The same with these changes."""
        return replace(self, **changes)

    @property
    def comparing(self) -> bool:
        """Whether it asks for comparisons of models."""
        return bool(self.compared is not None or self.longer or self.first or self.language)

    @property
    def tells_models(self) -> bool:
        """Whether the list would tell which answer is which model's."""
        return bool(self.model or self.comparing)

    @property
    def reads_judgements(self) -> bool:
        """Whether it goes by what judgements say, which has to be read first (annotation.results.digest)."""
        return bool(self.comparing or self.has or self.flag or self.verdict or self.reason)

    # -- the rows --------------------------------------------------------------------------------------------

    def items(self, project, user):
        """The items of `project` that `user` may see and that are like this, in no order."""
        rows = Item.objects.visible_to(user).filter(self._plain(), project=project)
        if self.hidden:
            hidden = Item.objects.filter(project=project, hidden=True).values("pk")
            reported = ItemFlag.objects.filter(item__project=project, resolved_at=None).values("item")
            rows = rows.filter(pk__in=hidden.union(reported))
        if self.tag:
            rows = rows.filter(pk__in=ItemTag.objects.filter(name=self.tag).values("item"))
        if self.batch is not None:
            came = Event.objects.filter(project=project, verb="import", data__batch=self.batch)
            rows = rows.filter(event_id__in=came.values("pk"))
        for counted in (self.comparisons(project), *self.facets(project)):
            if counted is not None:
                rows = rows.filter(pk__in=counted.values("item"))
        if self.flag:
            reported = ItemFlag.objects.filter(item__project=project, reason=self.flag, resolved_at=None)
            flagged = self._in_force(Facet, project).filter(name=f"flag:{self.flag}")
            rows = rows.filter(pk__in=reported.values("item").union(flagged.values("item")))
        if self.model and not (self.verdict or self.reason):
            by = None if self.model == "none" else int(self.model)
            given = ItemAnswer.objects.filter(item__project=project, **_is("response__model_version", by))
            rows = rows.filter(pk__in=given.values("item"))
        if self.annotator or self.did:
            rows = rows.filter(pk__in=self._worked_on(project).values("item"))
        return words.search(rows, project, self.q) if self.q else rows

    def comparisons(self, project):
        """The comparisons it asks for, None if it asks for none."""
        if not self.comparing:
            return None
        rows = self._in_force(Outcome, project)
        if self.compared is not None:
            rows = rows.of(self.compared, self.outcome, self.against)
        for by in ("longer", "first"):
            wanted = getattr(self, by)
            if wanted:
                rows = rows.decided(by, None if wanted == "any" else wanted == "won")
        if self.language:
            rows = rows.filter(language="" if self.language == "none" else self.language)
        return rows.filter(item__tags__name=self.tag) if self.tag else rows

    def facets(self, project) -> list:
        """What it asks judgements to have, a queryset for each."""
        names = [self.has] if self.has else []
        names += [f"verdict:{self.verdict}"] if self.verdict else []
        names += [f"reason:{self.reason}"] if self.reason else []
        out = []
        for name in names:
            rows = self._in_force(Facet, project)
            any_verdict = Q(name__in=[f"verdict:{verdict}" for verdict in VERDICTS])
            rows = rows.filter(any_verdict if name == "verdict:any" else Q(name=name))
            if self.model and name != self.has:
                rows = rows.filter(**_is("model", None if self.model == "none" else int(self.model)))
            out.append(rows)
        return out

    def counted(self, project):
        """What a number that leads here counts, where that is not items: rows with an item, else None."""
        facets = self.facets(project)
        compared = self.comparisons(project)
        rows = compared if compared is not None else facets[-1] if facets else None
        if rows is None:
            return self._worked_on(project) if self.did else None
        return rows.filter(item__tags__name=self.tag) if self.tag and compared is None else rows

    def _plain(self) -> Q:
        states = {
            "finished": Q(state__in=[Item.State.DONE, Item.State.SETTLED]),
            "live": ~Q(state=Item.State.WAITING),
            "unsettled": ~Q(state=Item.State.SETTLED),
        }
        wanted = states.get(self.state, Q(state=self.state)) if self.state else Q()
        if self.kind:
            wanted &= Q(kind=self.kind)
        if self.shown:
            wanted &= Q(hidden=False)
        if self.agreed_from is not None:
            wanted &= Q(agreement__gte=self.agreed_from)
        if self.agreed_below is not None:
            wanted &= Q(agreement__lt=self.agreed_below)
        return wanted

    def _in_force(self, model, project):
        return model.objects.in_force(project, self.by or "all")

    def _worked_on(self, project):
        """What `annotator` (or, of people, anybody) did: rows with an item."""
        who = Annotator.objects.filter(project=project)
        who = who.filter(pseudonym=self.annotator) if self.annotator else who.filter(source="person")
        if self.did == "skipped":
            people = who.filter(user__isnull=False).values("user")
            skips = Event.objects.filter(
                self._during(project, "at"), project=project, verb="skip", actor__in=people
            )
            return skips.annotate(item=F("target_id"))
        judged = Annotation.objects.filter(project=project, annotator__in=who).exclude(
            state=Annotation.State.WITHDRAWN
        )
        if self.did in ("submitted", "corrected"):
            # the day a submit counts for, as the daily figures keep it: of the last that was no edit
            submits = AnnotationVersion.objects.filter(annotation=OuterRef("pk"), action="submit")
            newest = submits.order_by("-number")
            judged = judged.annotate(
                submitted_at=Subquery(newest.values("created_at")[:1], output_field=DateTimeField())
            ).filter(self._during(project, "submitted_at"), submitted_at__isnull=False)
            if self.did == "corrected":
                corrected = submits.filter(created_at=OuterRef("submitted_at"))
                judged = judged.filter(Exists(corrected.filter(document__has_key=CORRECTIONS)))
        return judged

    def _during(self, project, field: str) -> Q:
        wanted = Q()
        if self.start is not None:
            wanted &= Q(**{f"{field}__gte": local_time.begin_of(project, self.start)})
        if self.end is not None and self.end < date.max:
            until = local_time.begin_of(project, self.end + timedelta(days=1))
            wanted &= Q(**{f"{field}__lt": until})
        return wanted


def _is(field: str, value: int | None) -> dict:
    return {f"{field}__isnull": True} if value is None else {field: value}


def _read(name: str, text: str):
    """The value of the parameter `name` that `text` says, None if it says none that can be meant."""
    if not text or "\x00" in text:
        return None
    if name in WORDS:
        return text if text in WORDS[name] else None
    if name in LENGTHS:
        return text[: LENGTHS[name]]
    if name in ("hidden", "shown"):
        return True
    if name in ("start", "end"):
        try:
            return date.fromisoformat(text)
        except ValueError:
            return None
    if name in ("agreed_from", "agreed_below"):
        try:
            number = float(text)
        except ValueError:
            return None
        return number if math.isfinite(number) else None
    if name == "model" and text == "none":
        return text
    number = whole_number(text)
    return text if name == "model" and number is not None else number
