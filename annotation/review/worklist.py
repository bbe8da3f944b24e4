"""The reviewer's list: one item a row, those where annotators agree least first, and the way through it."""

from dataclasses import dataclass
from functools import cached_property

from django.db.models import Exists, Max, OuterRef, Q, QuerySet
from django.utils.http import urlencode

from annotation.document import ITEM_FLAGS, SAYS_MORE
from annotation.models import Annotation, Annotator, Facet, Item, ItemTag
from annotation.querysets import NOTHING_TO_COMPARE, disputed_first
from annotation.statistics.project import LOW_AGREEMENT
from core.models import Project

ALL = "all"  # of every state but withdrawn
MOST_COUNTED = 1000  # of each state; beyond it the list says "1000+"
FEW = 5000  # judgements whose items are named one by one


def counted(n: int) -> str:
    """A count that ends at MOST_COUNTED, in words."""
    return f"{MOST_COUNTED}+" if n > MOST_COUNTED else str(n)


def place_of(item) -> float:
    """What the list is ordered by, of one item."""
    return NOTHING_TO_COMPARE if item.agreement is None else item.agreement


@dataclass
class Worklist:
    """The items of `project` that `user` may decide on and that `asked` (see ReviewFilter) lets through.
    `place`: where the item at hand stood when it was opened; what is decided of it may move it."""

    project: Project
    user: object
    asked: dict
    place: float | None = None

    @property
    def state(self) -> str:
        return self.asked.get("state") or Annotation.State.SUBMITTED

    @property
    def query(self) -> str:
        """The filter as the query of an address, "" for the plain list."""
        return urlencode([(name, "on" if value is True else value) for name, value in self.asked.items()])

    @cached_property
    def judgements(self) -> QuerySet:
        """The judgements of others that are of the state and kind asked for."""
        rows = Annotation.objects.reviewable_by(self.user).filter(project=self.project, ruling=False)
        rows = (
            rows.exclude(state=Annotation.State.WITHDRAWN)
            if self.state == ALL
            else rows.filter(state=self.state)
        )
        if "annotator" in self.asked:
            rows = rows.filter(annotator__pseudonym=self.asked["annotator"].strip())
        if "corrections" in self.asked:
            rows = rows.filter(pk__in=self._having("correction"))
        if "flag" in self.asked:
            rows = rows.filter(pk__in=self._having(f"flag:{self.asked['flag']}"))
        if "people" in self.asked:
            rows = rows.filter(annotator__source=Annotator.Source.PERSON)
        if "low" in self.asked:
            rows = rows.filter(item__agreement__lt=LOW_AGREEMENT)
        if "tag" in self.asked:
            rows = rows.filter(item__in=ItemTag.objects.filter(name=self.asked["tag"]).values("item"))
        return rows

    def _having(self, name: str) -> QuerySet:
        """The judgements whose head has this Facet, as far as they were read (annotation.results.digest)."""
        return Facet.objects.of_heads(self.project).filter(name=name).values("annotation")

    @cached_property
    def items(self) -> QuerySet:
        """Each item once, lowest agreement first, those with nothing to compare last, then by age. Of few
        judgements the items are asked for by name; of many, the list is gone through in its order, where one
        soon comes."""
        few = list(self.judgements.order_by().values_list("item", flat=True)[: FEW + 1])
        mine = Q(Exists(self.judgements.filter(item=OuterRef("pk")))) if len(few) > FEW else Q(pk__in=few)
        return self._live().filter(mine).annotate(key=disputed_first()).order_by("key", "pk")

    def _live(self) -> QuerySet:
        found = Item.objects.filter(project=self.project, hidden=False)
        to_do = self.state == Annotation.State.SUBMITTED
        return found.exclude(state=Item.State.SETTLED) if to_do else found

    def _place(self, item) -> float:
        return place_of(item) if self.place is None else self.place

    def after(self, item) -> QuerySet:
        """The items behind `item`, which itself need not be on the list any more."""
        key = self._place(item)
        return self.items.filter(Q(key__gt=key) | Q(key=key, pk__gt=item.pk), key__gte=key)

    def before(self, item) -> QuerySet:
        """The items before `item`, the nearest first."""
        key = self._place(item)
        rows = self.items.filter(Q(key__lt=key) | Q(key=key, pk__lt=item.pk), key__lte=key)
        return rows.order_by("-key", "-pk")

    def next(self, item) -> int | None:
        """The id of the item behind `item`, or, at the end, of the first that is left on the list."""
        following = self.after(item).values_list("pk", flat=True).first()
        return following or self.items.exclude(pk=item.pk).values_list("pk", flat=True).first()

    def previous(self, item) -> int | None:
        return self.before(item).values_list("pk", flat=True).first()

    def counts(self) -> dict[str, int]:
        """{state: how many items stand on the list of that state}, at most MOST_COUNTED + 1 each."""
        states = (Annotation.State.SUBMITTED, Annotation.State.RETURNED)
        return {str(state): self.count_with(state=state) for state in states}

    def flag_counts(self) -> dict[str, int]:
        """{flag: how many items to review carry it}."""
        return {flag: self.count_with(flag=flag) for flag in ITEM_FLAGS}

    def count_with(self, **asked) -> int:
        """How many items the list has when this is asked for instead; at most MOST_COUNTED + 1."""
        other = Worklist(self.project, self.user, self.asked | asked)
        found = other._live().filter(pk__in=other.judgements.values("item"))
        return found[: MOST_COUNTED + 1].count()

    def agreeing(self, least: float, upto: int | None = None) -> QuerySet:
        """The judgements to review of items whose annotators agree by at least `least`, without those that
        say more than a number can (corrections, comments, flags) and those that came after the judgement
        version `upto`."""
        rows = self.judgements.filter(state=Annotation.State.SUBMITTED)
        rows = rows.filter(item__agreement__gte=least).exclude(item__state=Item.State.SETTLED)
        said = Q(head__document__has_any_keys=SAYS_MORE)
        talked = Annotation.objects.filter(item=OuterRef("item"), ruling=False).filter(said)
        rows = rows.filter(~Exists(talked))
        return rows.filter(head__lte=upto) if upto is not None else rows

    @staticmethod
    def newest(rows: QuerySet) -> int:
        """The newest version among the heads of `rows`, 0 for none."""
        return rows.aggregate(newest=Max("head"))["newest"] or 0
