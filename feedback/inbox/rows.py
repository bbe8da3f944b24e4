"""The rows of the inbox: one for each word of a person that is in force, newest first.

Reactions, choices and signals are read side by side by the time they were said, each by its own index, from
a key onwards. However rare what is asked for is, a page looks through WINDOW rows at most; what lies further
back is on a page of its own."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from django.db.models import Exists, OuterRef, Q, TextField
from django.db.models.functions import Cast

from core import local_time
from feedback.conversations.privacy import privacy_policy
from feedback.inbox import experts
from feedback.models import Choice, Look, Message, Reaction, Reply, Signal, WaitingDraft
from feedback.quality.figures import Length

PAGE = 25
WINDOW = 20_000  # rows of each table that one page looks through
COUNTED = 1000
HAN = "[\u3400-\u4dbf\u4e00-\u9fff]"
ORDER = ("-created_at", "-id")
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)
ONLY_THUMBS = ("thumb", "reason", "expert")
ONLY_REACTIONS = (*ONLY_THUMBS, "has")
ONLY_CHOICES = ("verdict", "again", "drafts", "place")


@dataclass(frozen=True, order=True)
class Key:
    """A place in the list: later times first, of one moment reactions before choices before signals."""

    at: datetime
    rank: int
    pk: int

    def __str__(self) -> str:
        return f"{(self.at - EPOCH) // MICROSECOND}-{self.rank}-{self.pk}"

    @classmethod
    def read(cls, text: str) -> "Key | None":
        """The key in an address; None of anything else."""
        parts = text.split("-")
        if len(parts) != 3 or not all(p.isascii() and p.isdigit() and len(p) < 19 for p in parts):
            return None
        try:
            return cls(EPOCH + int(parts[0]) * MICROSECOND, int(parts[1]), int(parts[2]))
        except OverflowError:
            return None


@dataclass(frozen=True)
class Table:
    """One of the tables that are read: `every` row that could be meant, and those that are `asked` for."""

    rank: int
    every: object
    asked: object

    def before(self, rows, key: Key | None):
        """Those of `rows` that come after `key` in the list."""
        if key is None:
            return rows
        same = Q(created_at=key.at)
        if self.rank == key.rank:
            return rows.filter(Q(created_at__lt=key.at) | same & Q(id__lt=key.pk), created_at__lte=key.at)
        return (
            rows.filter(created_at__lte=key.at)
            if self.rank < key.rank
            else rows.filter(created_at__lt=key.at)
        )

    def end(self, key: Key | None) -> Key | None:
        """The last row of the window after `key`; None if the table ends in it. One query, of the index."""
        rows = self.before(self.every, key).order_by(*ORDER).values_list("created_at", "id")
        found = list(rows[WINDOW - 1 : WINDOW])
        return Key(found[0][0], self.rank, found[0][1]) if found else None

    def within(self, key: Key | None, end: Key | None):
        """What is asked for, from `key` to `end` (with it)."""
        rows = self.before(self.asked, key)
        if end is None:
            return rows
        same = Q(created_at=end.at)
        if self.rank == end.rank:
            return rows.filter(Q(created_at__gt=end.at) | same & Q(id__gte=end.pk), created_at__gte=end.at)
        return (
            rows.filter(created_at__gte=end.at)
            if self.rank > end.rank
            else rows.filter(created_at__gt=end.at)
        )


@dataclass(frozen=True)
class Listed:
    """`rows` of one page; `next`: the key that the next one begins after; `further`: that page is further
    back than this one looked. `count` of all rows from here on (None: not counted), `more` than that."""

    rows: list
    next: Key | None
    further: bool
    count: int | None = None
    more: bool = False


def listed(project, asked: dict, *, user, after: Key | None = None, count: bool = True) -> Listed:
    """The page of what `asked` (filters.InboxFilter) names, that comes after the key `after`, as `user` may
    see it: not what was said of answers that they have yet to judge themselves. Two queries for each of at
    most two tables, two more for the count."""
    tables = list(_tables(project, asked, experts.still_to_judge(project, user)))
    ends = [found for table in tables if (found := table.end(after)) is not None]
    end = max(ends) if ends else None
    entries: list[tuple[Key, object]] = []
    for table in tables:
        rows = table.within(after, end).select_related(*RELATED[table.rank]).order_by(*ORDER)[: PAGE + 1]
        entries += [(Key(row.created_at, table.rank, row.pk), row) for row in rows]
    entries.sort(key=lambda entry: entry[0], reverse=True)
    page = entries[:PAGE]
    total, more = None, end is not None
    if count:
        counts = [table.within(after, end).values("pk")[: COUNTED + 1].count() for table in tables]
        total, more = min(sum(counts), COUNTED), more or sum(counts) > COUNTED
    last = page[-1][0] if len(entries) > PAGE else end
    rows = [row for _key, row in page]
    policy = privacy_policy(project)
    if "q" in asked and policy.promoted:  # what is masked on the page is not found by its own words either
        rows = [row for row in rows if _shown_has(row, asked["q"], policy)]
        total, more = None, False
    return Listed(rows, last, len(entries) <= PAGE and end is not None, total, more)


REACTIONS, CHOICES, SIGNALS = 2, 1, 0
_ANSWER = ("{}", "{}__parent", "{}__model_version", "{}__conversation")


def _related(*names: str) -> tuple[str, ...]:
    return tuple(part.format(name) for name in names for part in _ANSWER)


RELATED = {
    REACTIONS: (*_related("message", "conversation__head"), "end_user"),
    CHOICES: (*_related("chosen"), "parent__conversation", "end_user"),
    SIGNALS: (*_related("message"), "end_user"),
}


def _tables(project, asked: dict, unseen: list[int]) -> Iterator[Table]:
    about = asked.get("about", "")
    if about == "signal":
        every = Signal.objects.filter(project=project)
        yield Table(SIGNALS, every, _signals(every, project, asked, unseen))
        return
    if about == "waiting":  # few, and found by an index of their own
        reactions = Reaction.objects.filter(project=project, current=True, message=None, conversation=None)
        yield Table(REACTIONS, reactions, reactions)
        drafts = WaitingDraft.objects.filter(project=project).values("choice")
        choices = Choice.objects.filter(project=project, pk__in=drafts)
        yield Table(CHOICES, choices, choices)
        return
    if about != "choice" and not any(name in asked for name in ONLY_CHOICES):
        every = Reaction.objects.filter(project=project, current=True)
        yield Table(REACTIONS, every, _reactions(every, project, asked, unseen))
    if about in ("", "choice") and not any(name in asked for name in (*ONLY_REACTIONS, "score")):
        every = Choice.objects.filter(project=project, current=True)
        yield Table(CHOICES, every, _choices(every, project, asked, unseen))


# -- what is asked for, table by table -----------------------------------------------------------------------

THUMB = Q(kind=Reaction.Kind.THUMB, value__in=(1, -1), message__isnull=False)
CORRECTION = Q(kind=Reaction.Kind.CORRECTION, message__isnull=False) & ~Q(text="")
SCORE = Q(kind=Reaction.Kind.SCORE, value__gte=1, conversation__isnull=False)


def _of_the_same(kind: Q, answer: str = "message"):
    """Whether the person said `kind` of the same answer."""
    return Exists(
        Reaction.objects.filter(kind, message=OuterRef(answer), end_user=OuterRef("end_user"), current=True)
    )


def _reactions(rows, project, asked: dict, unseen: list[int]):
    about = asked.get("about", "")
    if any(name in asked for name in ONLY_THUMBS):
        about = about or "thumb"
    if "score" in asked:
        rows = rows.filter(value=asked["score"])
        about = "score"
    kinds = {"thumb": THUMB, "correction": CORRECTION, "score": SCORE}
    # A correction stands in the row of the thumb that the same person gave the same answer; the score of a
    # talk in that of what they said of its last answer.
    alone = CORRECTION & ~_of_the_same(THUMB) | SCORE & ~_of_the_same(
        THUMB | CORRECTION, "conversation__head"
    )
    rows = rows.filter(kinds.get(about) or THUMB | alone)
    if "thumb" in asked:
        rows = rows.filter(value=1 if asked["thumb"] == "up" else -1)
    if "reason" in asked:
        rows = rows.annotate(_reasons=Cast("reasons", TextField())).filter(
            _reasons__contains=f'"{asked["reason"]}"'
        )
    if asked.get("has") == "comment":
        rows = rows.filter(kind__in=(Reaction.Kind.THUMB, Reaction.Kind.SCORE)).exclude(text="")
    if asked.get("has") == "correction":
        rows = rows.filter(CORRECTION | _of_the_same(CORRECTION))
    if "expert" in asked:
        ids = experts.judged(
            project, asked.get("start"), asked.get("end"), asked.get("model"), asked["expert"]
        )
        rows = rows.filter(message__in=ids)
    if "model" in asked:
        rows = rows.filter(message__model_version=asked["model"])
    if "source" in asked:
        rows = rows.filter(source=asked["source"])
    if "language" in asked:
        rows = rows.filter(_in_language("message__text", asked["language"], "conversation__title"))
    if "q" in asked:
        rows = rows.filter(_has_words(asked["q"], "text", "message__text", "message__parent__text"))
    if unseen:
        talks = Message.objects.filter(pk__in=unseen).values("conversation")
        rows = rows.exclude(message__in=unseen).exclude(conversation__in=talks)
    rows = _days(rows, project, asked, "message__created_at")
    return _common(rows, project, asked, lambda found: _on(found, "message_id", "conversation__head_id"))


def _choices(rows, project, asked: dict, unseen: list[int]):
    rows = rows.filter(parent__isnull=False)
    drafts = Message.objects.filter(parent=OuterRef("parent"), role="assistant")
    if asked.get("about") != "choice":
        # It stands in the row of what the same person said of the chosen answer.
        said = Reaction.objects.filter(
            THUMB | CORRECTION, message=OuterRef("chosen"), end_user=OuterRef("end_user"), current=True
        )
        rows = rows.filter(~Exists(said)) if not set(ONLY_CHOICES) & set(asked) else rows
    if "verdict" in asked:
        rows = rows.filter(verdict=asked["verdict"])
    if "again" in asked:
        rows = rows.filter(regenerated=asked["again"] == "1")
    if "place" in asked or "drafts" in asked:
        rows = complete(rows)
    if "drafts" in asked:
        rows = rows.annotate(_drafts=Length("shown")).filter(_drafts=asked["drafts"])
    if "place" in asked:
        rows = rows.filter(place=asked["place"] - 1)
    if "model" in asked:
        rows = rows.filter(Exists(drafts.filter(model_version=asked["model"])))
    if "source" in asked:
        rows = rows.filter(parent__conversation__source=asked["source"])
    if "language" in asked:
        rows = rows.filter(_in_language("chosen__text", asked["language"], "parent__text"))
    if "q" in asked:
        rows = rows.filter(_has_words(asked["q"], "chosen__text", "parent__text"))
    if unseen:
        rows = rows.exclude(parent__in=Message.objects.filter(pk__in=unseen).values("parent"))
    rows = _days(rows, project, asked, "parent__created_at")

    def on(found):
        inside = Message.objects.filter(parent=OuterRef(OuterRef("parent_id")), role="assistant")
        return Exists(found.filter(message_id__in=inside.values("pk")))

    return _common(rows, project, asked, on)


def complete(rows):
    """Choices between drafts that were all complete: only these tell of places."""
    rows = rows.filter(verdict=Choice.Verdict.BETTER, regenerated=False, place__isnull=False)
    rows = rows.annotate(_shown=Cast("shown", TextField()))
    return rows.exclude(_shown__contains='"complete": false').exclude(_shown__contains='"complete":false')


def _signals(rows, project, asked: dict, unseen: list[int]):
    if "signal" in asked:
        rows = rows.filter(name=asked["signal"])
    if "model" in asked:
        rows = rows.filter(message__model_version=asked["model"])
    if "q" in asked:
        rows = rows.filter(_has_words(asked["q"], "message__text", "message__parent__text"))
    if "person" in asked:
        rows = rows.filter(end_user=asked["person"])
    if "source" in asked:
        rows = rows.filter(message__conversation__source=asked["source"])
    if unseen:
        rows = rows.exclude(message__in=unseen)
    return _days(rows, project, asked, "message__created_at")


def _common(rows, project, asked: dict, on):
    """The person, the state, and whether experts have it. `on(rows)`: whether one of `rows` is of the same
    answer."""
    if "person" in asked:
        rows = rows.filter(end_user=asked["person"])
    promotions = experts.promotions(project)
    if promotions is None:
        sent = refused = Q(pk__in=[])
    else:
        sent = on(promotions.filter(outcome__in=experts.BEFORE))
        refused = on(promotions.exclude(outcome__in=experts.BEFORE))
    promoted, state = asked.get("promoted"), asked.get("state")
    if promoted:
        rows = rows.filter({"yes": sent, "no": ~sent, "refused": refused}[promoted])
    if state:
        answered = on(Reply.objects.filter(current=True))
        looked = on(Look.objects.all())
        rows = rows.filter(
            {
                "new": ~looked & ~sent & ~answered,
                "looked": looked & ~sent & ~answered,
                "sent": sent & ~answered,
                "answered": answered,
            }[state]
        )
    return rows


def _on(found, *places: str):
    out = Q(pk__in=[])
    for place in places:
        out |= Q(Exists(found.filter(message_id=OuterRef(place))))
    return out


def _days(rows, project, asked: dict, of_answer: str):
    """Those of the project's days `start` to `end`, of the answer or of what was said of it."""
    field = of_answer if asked.get("by") == "answered" else "created_at"
    if "start" in asked:
        rows = rows.filter(**{f"{field}__gte": local_time.begin_of(project, asked["start"])})
    if "end" in asked and asked["end"] < asked["end"].max:
        until = local_time.begin_of(project, asked["end"] + timedelta(days=1))
        rows = rows.filter(**{f"{field}__lt": until})
    return rows


def _in_language(field: str, language: str, instead: str):
    """Whether the text has Chinese characters; where there is no such answer, the text that stands for it."""
    missing = Q(**{f"{field.rpartition('__')[0]}__isnull": True})
    chinese = Q(**{f"{field}__regex": HAN}) | missing & Q(**{f"{instead}__regex": HAN})
    if language == "zh":
        return chinese
    other = ~Q(**{f"{field}__regex": HAN}) & ~Q(**{field: ""}) & ~missing
    return other | missing & ~Q(**{f"{instead}__regex": HAN})


def _has_words(words: str, *fields: str) -> Q:
    out = Q()
    for field in fields:
        out |= Q(**{f"{field}__icontains": words})
    return out


def texts_of(row) -> list[str]:
    """The texts of a row that are searched."""
    answer = subject(row)
    parent = row.parent if isinstance(row, Choice) else answer.parent if answer else None
    own = [row.text] if isinstance(row, Reaction) else []
    return [*own, *([answer.text] if answer else []), *([parent.text] if parent else [])]


def _shown_has(row, words: str, policy) -> bool:
    return any(words.lower() in policy.shown(text).lower() for text in texts_of(row))


def subject(row) -> Message | None:
    """The answer that a row is about: of a choice the chosen one, of a score where the talk stands now."""
    if isinstance(row, Choice):
        return row.chosen
    if isinstance(row, Signal) or row.message_id:
        return row.message
    head = row.conversation.head if row.conversation_id else None
    return head if head is not None and head.role == "assistant" else None
