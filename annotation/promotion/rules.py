"""From a thumb to the bench: rules say which turns of end users' conversations experts judge, and how many a
day.

A turn is taken once, whichever rules it falls under (a Promotion row per answer). Each is taken in a
transaction of its own under the project's import lock, where its caps are counted again: two runs at once
take no more than one. Equal questions with equal answers become one item."""

import logging
import time

from django.db import IntegrityError, OperationalError, connection, transaction
from django.db.models import Count, Exists, OuterRef
from django.utils import timezone
from django.utils.translation import gettext as _

from annotation.imports import chunk_rows
from annotation.imports.added import ItemFroze, KeySource
from annotation.imports.chunk import Chunk
from annotation.models import (
    AnnotationVersion,
    Annotator,
    BenchSettings,
    Consensus,
    ItemAnswer,
    ItemTag,
    Promotion,
    PromotionRule,
    Review,
)
from annotation.promotion import candidates as pick
from annotation.promotion import messages as turns
from annotation.promotion import replies as settled_replies
from annotation.promotion.candidates import Candidate
from annotation.promotion.end_user_feedback import answers_of
from core import events, local_time
from core.db import bulk
from core.errors import DomainError
from core.models import Event
from corpus.models import PromptOrigin, Response
from feedback.conversations.end_users import label
from feedback.conversations.privacy import PrivacyPolicy, privacy_policy
from feedback.models import EndUser, Message

log = logging.getLogger(__name__)
MAX_CAP = 10_000
PREVIEWED = 20
TAG = "feedback"
BY_HAND = "feedback:by_hand"
_TRIES = 5
_KEYS_AT_ONCE = 8
Outcome = Promotion.Outcome
Kind = PromotionRule.Kind
FIELDS = ("name", "kind", "share", "threshold", "tag", "daily_cap", "per_person_cap", "active")
_WHAT_IT_TAKES = ("kind", "share", "threshold", "tag")


# -- rules ---------------------------------------------------------------------------------------------------


def _checked(project, values: dict, pk: int | None) -> dict:
    """`values` if they make a rule; DomainError naming the field."""
    unknown = set(values) - set(FIELDS)
    if unknown:
        raise DomainError("unknown_field", _("Unknown field: %(name)s") % {"name": sorted(unknown)[0]})

    def fail(field, message, code="invalid"):
        raise DomainError(code, message, field=field)

    name = values["name"].strip()
    if not name or len(name) > 80:
        fail("name", _("Give the rule a name of at most %(n)s characters.") % {"n": 80})
    if PromotionRule.objects.filter(project=project, name=name).exclude(pk=pk or 0).exists():
        fail("name", _("There is already a rule with this name."), "taken")
    if values["kind"] not in Kind.values:
        fail("kind", _("There is no such kind of rule."))
    if not 0 < values["share"] <= 100:
        fail("share", _("A share is more than 0 and at most 100 per cent."))
    if not 1 <= values["threshold"] <= 5:
        fail("threshold", _("Scores go from 1 to 5."))
    if values["kind"] == Kind.TAG and not values["tag"].strip():
        fail("tag", _("Name the tag."))
    if len(values["tag"]) > 60:
        fail("tag", _("A tag has at most %(n)s characters.") % {"n": 60})
    for field in ("daily_cap", "per_person_cap"):
        if not 1 <= values[field] <= MAX_CAP:
            fail(field, _("A cap is between 1 and %(n)s turns a day.") % {"n": MAX_CAP})
    return values | {"name": name}


def draft(project, **values) -> PromotionRule:
    """A rule that is not saved, for a preview of it. DomainError as in `create`."""
    blank = PromotionRule(project=project)
    values = {name: getattr(blank, name) for name in FIELDS} | values
    return PromotionRule(project=project, **_checked(project, values, None))


@transaction.atomic
def create(*, project, actor, **values) -> PromotionRule:
    """A new rule; `values` under the names of FIELDS. DomainError naming the field."""
    rule = draft(project, **values)
    rule.created_by = actor if getattr(actor, "pk", None) else None
    try:
        with transaction.atomic():
            rule.save()
    except IntegrityError:
        raise DomainError("taken", _("There is already a rule with this name."), field="name") from None
    events.append(project=project, actor=actor, verb="promotion.rule", target=rule, kind=rule.kind, made=True)
    return rule


@transaction.atomic
def update(*, rule: PromotionRule, actor, **values) -> PromotionRule:
    """Change the rule; what is not named stays. DomainError naming the field."""
    before = {name: getattr(rule, name) for name in FIELDS}
    after = _checked(rule.project, before | values, rule.pk)
    changed = sorted(name for name in FIELDS if before[name] != after[name])
    if not changed:
        return rule
    for name in changed:
        setattr(rule, name, after[name])
    # It looks again at what it had looked at: its caps may leave more room now, or other turns fall under it.
    rule.seen_event = 0
    if set(changed) & set(_WHAT_IT_TAKES):
        rule.mark = 0
    try:
        with transaction.atomic():
            rule.save(update_fields=[*changed, "seen_event", "mark"])
    except IntegrityError:
        raise DomainError("taken", _("There is already a rule with this name."), field="name") from None
    events.append(project=rule.project, actor=actor, verb="promotion.rule", target=rule, changed=changed)
    return rule


@transaction.atomic
def remove(*, rule: PromotionRule, actor) -> None:
    """The rule goes; what it took stays, and stays taken."""
    events.append(project=rule.project, actor=actor, verb="promotion.remove", target=rule)
    rule.delete()


# -- caps ----------------------------------------------------------------------------------------------------


def day_began(project):
    """When the project's day began that caps count."""
    return local_time.begin_of(project, local_time.today(project))


def taken_today(project) -> dict[int | None, int]:
    """{rule id: items made today}: what the daily caps count. A turn that joins an item that is there already
    makes no work."""
    rows = Promotion.objects.filter(project=project, created_at__gte=day_began(project), outcome=Outcome.ITEM)
    return dict(rows.values_list("rule_id").annotate(n=Count("pk")).order_by())


class _Room:
    """What the caps leave today. A person's turns count whichever rule took them."""

    def __init__(self, rule: PromotionRule):
        self.rule = rule
        rows = Promotion.objects.filter(
            project=rule.project_id, created_at__gte=day_began(rule.project), outcome=Outcome.ITEM
        )
        self.used = rows.filter(rule=rule).count() if rule.pk else 0
        people = rows.exclude(end_user_id=None).values_list("end_user_id").annotate(n=Count("pk")).order_by()
        self.people: dict[int, int] = dict(people)

    @property
    def full(self) -> bool:
        return self.used >= self.rule.daily_cap

    def for_person(self, end_user: int | None) -> bool:
        return end_user is None or self.people.get(end_user, 0) < self.rule.per_person_cap

    def take(self, end_user: int | None) -> None:
        self.used += 1
        if end_user is not None:
            self.people[end_user] = self.people.get(end_user, 0) + 1


# -- preview -------------------------------------------------------------------------------------------------


def preview(rule: PromotionRule) -> dict:
    """What a run of `rule` (saved or not) would take now, taking nothing: {"count": turns within today's
    caps, "waiting": turns left for later days because of the caps (counted up to MAX_CAP), "turns": the
    first 20 [{"candidate", "turn", "marks", "who"}]}. Equal questions with equal answers count one by one
    here, and become one item."""
    room, policy = _Room(rule), privacy_policy(rule.project)
    count = waiting = 0
    shown: list[dict] = []
    for candidate in pick.candidates(rule):
        if room.full or not room.for_person(candidate.end_user):
            waiting += 1
            if waiting >= MAX_CAP:
                break
            continue
        if len(shown) < PREVIEWED:
            turn = turns.read(rule.project, candidate.message, policy)
            if turn.unready:
                continue
            shown.append({"candidate": candidate, "turn": turn, "marks": turns.marks(turn)})
            if turn.refused:
                continue
        room.take(candidate.end_user)
        count += 1
    people = {
        p.pk: label(p)
        for p in EndUser.objects.filter(
            project=rule.project_id, pk__in=[s["candidate"].end_user for s in shown]
        )
    }
    for one in shown:
        one["who"] = people.get(one["candidate"].end_user, "")
    return {"count": count, "waiting": waiting, "turns": shown}


# -- running -------------------------------------------------------------------------------------------------


class Keys(KeySource):
    """Few keys at a time: a run writes some rows, not a file of them."""

    def __init__(self):
        super().__init__(dry=False)
        for name in ("prompt", "response", "item", "annotation", "version"):
            setattr(self, name, bulk.Keys(getattr(self, name).model, block=_KEYS_AT_ONCE))


def run(project, rule: PromotionRule | None = None, actor=None, ctl=None) -> dict:
    """Take what falls under `rule` (also one that is switched off), or under every active rule: {"item",
    "known", "refused": counts, "rules": [{"id", "name", "item", "known", "refused", "capped"}]}. Running
    it again takes nothing twice."""
    if not BenchSettings.objects.filter(project=project).exists():
        raise DomainError("no_bench", _("This project has no settings for its bench."))
    rules = (
        [rule]
        if rule is not None
        else list(PromotionRule.objects.filter(project=project, active=True).select_related("project"))
    )
    policy, keys = privacy_policy(project), Keys()
    report: dict = dict.fromkeys(Outcome.values, 0) | {"rules": []}
    for one in rules:
        counts = _run_rule(one, actor, policy, keys, ctl)
        report["rules"].append({"id": one.pk, "name": one.name} | counts)
        for name in Outcome.values:
            report[name] += counts[name]
    return report


def _run_rule(rule: PromotionRule, actor, policy: PrivacyPolicy, keys: KeySource, ctl) -> dict:
    newest = (
        Event.objects.filter(project=rule.project_id).order_by("-id").values_list("id", flat=True).first()
        or 0
    )
    upto = pick.settled_up_to(rule.project_id) if rule.kind == Kind.RANDOM else 0
    room = _Room(rule)
    counts = dict.fromkeys(Outcome.values, 0) | {"capped": False}
    left: list[int] = []  # answers that were passed over for today
    for n, candidate in enumerate(pick.candidates(rule) if not room.full else ()):
        if ctl is not None and n % 20 == 0:
            ctl.progress(n)
            ctl.check()
        if room.full:
            break
        if not room.for_person(candidate.end_user):
            left.append(candidate.message)
            continue
        outcome = _take(rule, candidate, actor, policy, keys)
        if outcome is None:
            left.append(candidate.message)
            continue
        counts[outcome] += 1
        if outcome == Outcome.ITEM:
            room.take(candidate.end_user)
    changes: dict = {"last_run_at": timezone.now()}
    counts["capped"] = room.full or bool(left)
    if not room.full:
        # All that is older was looked at; whoever was passed over is looked at again.
        changes["mark"] = min([upto, *(m - 1 for m in left)]) if upto else rule.mark
        changes["mark"] = max(rule.mark, changes["mark"])
        if not left:
            changes["seen_event"] = newest
    PromotionRule.objects.filter(pk=rule.pk).update(**changes)
    return counts


def _take(rule, candidate: Candidate, actor, policy: PrivacyPolicy, keys: KeySource) -> str | None:
    """Take one turn; its outcome, or None if it is to be left for later (still being written, or a cap was
    reached meanwhile)."""
    for attempt in range(_TRIES):
        turn = turns.read(rule.project, candidate.message, policy)
        if turn.unready:
            return None
        try:
            return _take_now(rule, candidate, turn, actor, keys)
        except (ItemFroze, OperationalError):
            # Somebody began to work on the item, or two transactions waited for each other: decide again on
            # what is there now.
            if attempt == _TRIES - 1 or connection.in_atomic_block:
                raise
            time.sleep(0.05 * 2**attempt)
    raise AssertionError("unreachable")


@transaction.atomic
def _take_now(rule, candidate: Candidate, turn: turns.Turn, actor, keys: KeySource) -> str | None:
    project = rule.project
    bench = BenchSettings.objects.select_for_update(no_key=True).get(project=project)
    known = (
        Promotion.objects.filter(project=project, message_id=candidate.message)
        .values_list("outcome", flat=True)
        .first()
    )
    if known is not None:  # another run was faster
        return None
    room = _Room(rule)
    if room.full or not room.for_person(candidate.end_user):
        return None
    return place(
        project, bench, turn, end_user=candidate.end_user, actor=actor, keys=keys, rule=rule, target=rule
    ).outcome


def place(
    project, bench, turn: turns.Turn, *, end_user, actor, keys: KeySource, rule=None, target=None
) -> Promotion:
    """Put a turn that nothing was decided about before experts, or note why not: by `rule`, or by hand
    (None). Within a transaction that holds `bench` locked. A result that experts settled before reaches the
    person who got the answer, where the project allows it."""
    rows = Message.objects.select_for_update(no_key=True).filter(pk=turn.message)
    if not turn.refused and not rows.values_list("pk").first():
        turn.refused = "gone"
    event = events.append(project=project, actor=actor, verb="promote", target=target, message=turn.message)
    item, new, outcome = None, False, str(Outcome.REFUSED)
    if not turn.refused:
        item, new = _put(project, bench, turn, event, keys)
    if item is not None:
        outcome = str(Outcome.ITEM if new else Outcome.KNOWN)
        names = {TAG, f"{TAG}:{rule.kind}", f"rule:{rule.name}"[:60]} if rule else {TAG, BY_HAND}
        ItemTag.objects.bulk_create(
            [ItemTag(item_id=item, name=name) for name in sorted(names)], ignore_conflicts=True
        )
    made = Promotion.objects.create(
        project=project,
        rule=rule,
        item_id=item,
        message_id=turn.message,
        end_user_id=end_user,
        outcome=outcome,
        reason=turn.refused[:40],
        by_hand=rule is None,
        event_id=event.pk,
    )
    if outcome == Outcome.KNOWN:
        settled_replies.on_known(made, actor=actor)
    return made


def _put(project, bench, turn: turns.Turn, event, keys: KeySource) -> tuple[int | None, bool]:
    """The turn as rows of the bench, as an import would make them, but of the turn's own kind: (item id,
    whether it is new). No id: it was refused."""
    # in memory only: the chunk writes nothing of the settings but the place in the queue
    bench.kind = turn.kind
    work = Chunk(project=project, bench=bench, keys=keys, join=None)
    assert turn.ready is not None  # as long as it is not refused
    added = work.run([turn.ready])
    if added.refusals:
        turn.refused = added.refusals[0].code
        return None, False
    if work.anything():
        chunk_rows.lock_changed(work)
        chunk_rows.write(work, batch_id=None, event_id=event.pk, now=timezone.now())
    name = turns.external_id(turn.message)
    prompt = work.by_hash[turn.ready.entries[0].content_hash]
    found = ItemAnswer.objects.filter(item__prompt=prompt, item__kind=turn.kind, response__external_id=name)
    item, made = found.order_by("-item__generation", "-item").values_list("item_id", "item__event_id")[0]
    given = Response.objects.filter(prompt=prompt, event_id=event.pk, external_id__in=list(turn.sources))
    for response in given:  # written a moment ago, in this transaction
        Response.objects.filter(pk=response.pk).update(given={"sources": turn.sources[response.external_id]})
    here = PromptOrigin.objects.filter(prompt=prompt, batch=None, external_id=name)
    if not here.update(turn_id=turn.message, line=None):
        PromptOrigin.objects.create(
            prompt_id=prompt, external_id=name, turn_id=turn.message, event_id=event.pk
        )
    return item, made == event.pk


def run_due() -> int:
    """What the beat does: run every active rule of which something new happened since it last found nothing
    left. How many items came of it."""
    newer = Event.objects.filter(project=OuterRef("project"), id__gt=OuterRef("seen_event"))
    due = (
        PromotionRule.objects.filter(active=True, project__archived=False)
        .filter(Exists(newer))
        .select_related("project")
    )
    made = 0
    for rule in due:
        try:
            made += run(rule.project, rule)[Outcome.ITEM]
        except Exception:
            log.exception("promotion rule %s failed", rule.pk)  # the other rules are not to wait for it
    return made


# -- lineage -------------------------------------------------------------------------------------------------


def judged_messages(project, as_of: int | None = None) -> set[int]:
    """Ids of the answers (feedback.Message) whose turn an expert has judged as of the Event `as_of` (None:
    now): all answers on a promoted item that carries a person's submitted, accepted or settled judgement.
    There the expert's word stands, and raw reactions are not to be read."""
    as_of = 2**62 if as_of is None else as_of
    promoted = Promotion.objects.filter(project=project, item__isnull=False, event_id__lte=as_of).values(
        "item"
    )
    versions = AnnotationVersion.objects.filter(
        annotation__item__in=promoted,
        event_id__lte=as_of,
        annotation__annotator__source=Annotator.Source.PERSON,
        annotation__practice=False,
    )
    heads: dict[int, tuple[int, int, str]] = {}
    rows = versions.order_by("annotation_id", "number").values_list(
        "annotation_id", "annotation__item_id", "id", "action"
    )
    for annotation, item, version, action in rows:
        heads[annotation] = (item, version, action)
    reviews = Review.objects.filter(version__annotation__item__in=promoted, event_id__lte=as_of).order_by(
        "event_id", "id"
    )
    decided = dict(reviews.values_list("version_id", "decision"))
    rulings = (
        Consensus.objects.filter(item__in=promoted, event_id__lte=as_of)
        .order_by("event_id", "id")
        .values_list("item_id", "version_id")
    )
    judged = {
        item
        for item, version, action in heads.values()
        if action != AnnotationVersion.Action.UNDO and decided.get(version) != Review.Decision.RETURN
    }
    judged |= {item for item, version in dict(rulings).items() if version is not None}
    return {pk for found in answers_of(judged).values() for pk in found}
