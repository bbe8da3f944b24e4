"""Verbs on a project as the bench sees it: create, clone, settings, guideline and criteria versions, what
becomes of hidden items."""

import re
import secrets
from unicodedata import east_asian_width

from anyascii import anyascii
from django.db import IntegrityError, transaction
from django.db.models import F, Q
from django.db.models.functions import Greatest
from django.utils.text import slugify
from django.utils.translation import gettext as _

from annotation.models import Annotator, BenchSettings, CriteriaVersion, GuidelineVersion, Item, ItemTag
from core import events, local_time
from core.accounts import actions as people
from core.errors import Conflict, DomainError
from core.models import Member, Project, Role

DEFAULT_CRITERIA = [
    {"key": "correctness", "en": "Correctness", "zh": "正确性"},
    {"key": "compliance", "en": "Compliance with the instruction", "zh": "遵从性"},
    {"key": "safety", "en": "Safety", "zh": "安全性"},
    {"key": "fluency", "en": "Fluency", "zh": "流畅性"},
]
MAX_OVERLAP = 16
MAX_CRITERIA = 12
_SLUG = re.compile(r"[a-z0-9]+(?:[-_][a-z0-9]+)*")
_KEY = re.compile(r"[a-z][a-z0-9_]{0,39}")


def may_create(user) -> bool:
    """Superusers, and whoever manages a project already: a lead starts the next project without asking the
    administrator."""
    return user.is_superuser or Member.objects.of(user).filter(role=Role.MANAGER).exists()


def _check_slug(slug: str) -> str:
    if not _SLUG.fullmatch(slug) or len(slug) > 60:
        raise DomainError(
            "bad_slug",
            _("The address may have at most 60 characters: lower-case letters, digits and single hyphens."),
            field="slug",
        )
    return slug


def _check_zone(name: str) -> str:
    if not local_time.is_known(name):
        raise DomainError(
            "bad_time_zone",
            _("There is no time zone of this name. Choose one from the list, such as Asia/Shanghai."),
            field="time_zone",
        )
    return name


def _check_overlap(overlap: int) -> int:
    if not 1 <= overlap <= MAX_OVERLAP:
        raise DomainError(
            "bad_overlap",
            _("People per item: a number from 1 to %(n)s.") % {"n": MAX_OVERLAP},
            field="overlap",
        )
    return overlap


def free_slug(title: str) -> str:
    """An address that nobody has, from the letters and digits of `title`; other scripts are spelt in Latin
    letters (心血管 → xin-xue-guan). Where it has none, a drawn one."""
    # Wide characters are words or syllables of their own; the letters of other scripts make words together.
    latin = "".join(f" {anyascii(c)} " if east_asian_width(c) in "WF" else anyascii(c) for c in title)
    base = re.sub(r"[-_]{2,}", "-", slugify(latin)[:50].strip("-_")) or f"project-{secrets.token_hex(2)}"
    slug = base
    while Project.objects.filter(slug=slug).exists():
        slug = f"{base}-{secrets.token_hex(2)}"
    return slug


@transaction.atomic
def create(
    *,
    actor,
    slug: str,
    title: str,
    kind: str,
    description: str = "",
    overlap: int = 1,
    ratings: str = "none",
    ratings_share: int = 100,
    lease_seconds: int = 1800,
    pay_per_item=None,
    guidelines: str = "",
    criteria: list | None = None,
    time_zone: str = "",
) -> Project:
    """A project with its bench, first guideline and criteria versions; `actor` (None for a command) becomes
    its manager. Without a `time_zone` it has the one of core.local_time.default_name. Conflict
    "slug_taken"; DomainError naming the field otherwise."""
    if actor is not None and not may_create(actor):
        raise DomainError(
            "permission_denied",
            _("Only managers of a project and administrators can create projects."),
            status=403,
        )
    _check_slug(slug)
    _check_overlap(overlap)
    zone = _check_zone(time_zone) if time_zone else local_time.default_name()
    try:
        with transaction.atomic():
            project = Project.objects.create(
                slug=slug, title=title, description=description, created_by=actor, time_zone=zone
            )
    except IntegrityError:
        raise Conflict(
            "slug_taken", _("There is already a project with this address."), field="slug"
        ) from None
    guideline = GuidelineVersion.objects.create(project=project, number=1, text=guidelines, created_by=actor)
    wanted = check_criteria(DEFAULT_CRITERIA if criteria is None else criteria)
    BenchSettings.objects.create(
        project=project,
        kind=kind,
        overlap=overlap,
        ratings=ratings,
        ratings_share=ratings_share,
        lease_seconds=lease_seconds,
        pay_per_item=pay_per_item,
        guideline=guideline,
        criteria=CriteriaVersion.objects.create(project=project, number=1, criteria=wanted),
    )
    events.append(project=project, actor=actor, verb="project.create", target=project, overlap=overlap)
    if actor is not None:
        Member.objects.create(project=project, user=actor, role=Role.MANAGER)
    return project


@transaction.atomic
def clone(*, source: Project, actor, slug: str, title: str, members: bool = True) -> Project:
    """A new project with the bench, guidelines and criteria of `source`, its members too if wanted; no
    data."""
    bench = bench_of(source)
    project = create(
        actor=actor,
        slug=slug,
        title=title,
        description=source.description,
        kind=bench.kind,
        overlap=bench.overlap,
        ratings=bench.ratings,
        ratings_share=bench.ratings_share,
        lease_seconds=bench.lease_seconds,
        pay_per_item=bench.pay_per_item,
        guidelines=bench.guideline.text if bench.guideline else "",
        criteria=bench.criteria.criteria if bench.criteria else [],
        time_zone=source.time_zone,
    )
    if members:
        for member in source.members.select_related("user").exclude(user=actor):
            people.set_member(project=project, user=member.user, role=member.role, actor=actor)
    events.append(project=project, actor=actor, verb="project.clone", target=source)
    return project


def bench_of(project) -> BenchSettings:
    """The project's bench with its versions; one query."""
    return BenchSettings.objects.select_related("guideline", "criteria").get(project=project)


@transaction.atomic
def change(
    *, project: Project, actor, title: str, description: str, archived: bool, time_zone: str = "", **bench
) -> None:
    """Change title, description, time zone ("" leaves it; what was counted stays on its day) and bench
    settings. A new overlap also holds for items that are not done yet:
    raised, their places are open again to all; lowered, work under way keeps its place and items with
    enough judgements are done."""
    current = BenchSettings.objects.select_for_update(no_key=True).get(project=project)
    _check_overlap(bench.get("overlap", current.overlap))
    changed = sorted(name for name, value in bench.items() if getattr(current, name) != value)
    before = current.overlap
    for name in changed:
        setattr(current, name, bench[name])
    if changed:
        current.save(update_fields=changed)
    zone = _check_zone(time_zone) if time_zone and time_zone != project.time_zone else project.time_zone
    if zone != project.time_zone:
        changed = sorted([*changed, "time_zone"])
    Project.objects.filter(pk=project.pk).update(
        title=title, description=description, archived=archived, time_zone=zone
    )
    if current.overlap != before:
        _spread_overlap(project, current.overlap)
    events.append(project=project, actor=actor, verb="project.settings", target=project, changed=changed)


def _spread_overlap(project, overlap: int) -> None:
    unfinished = Item.objects.filter(project=project, state__in=[Item.State.WAITING, Item.State.OPEN])
    unfinished.update(overlap=Greatest(overlap, F("held")))
    full = unfinished.filter(state=Item.State.OPEN, submitted__gt=0, submitted__gte=F("overlap"))
    full.update(state=Item.State.DONE)
    # Marks say "nothing for you up to here", which more places make untrue. Locked in the order that the
    # queue locks them.
    ids = list(
        Annotator.objects.filter(project=project)
        .select_for_update(no_key=True)
        .order_by("pk")
        .values_list("pk", flat=True)
    )
    Annotator.objects.filter(pk__in=ids).update(queue_mark=-1)


@transaction.atomic
def save_guidelines(*, project: Project, actor, text: str) -> GuidelineVersion:
    """A new guideline version in force from the next item on; the same text again makes none."""
    bench = BenchSettings.objects.select_for_update(no_key=True).get(project=project)
    newest = project.guidelines.order_by("-number").first()
    if newest is not None and newest.text == text and bench.guideline_id == newest.pk:
        return newest
    version = GuidelineVersion.objects.create(
        project=project, number=(newest.number if newest else 0) + 1, text=text, created_by=actor
    )
    BenchSettings.objects.filter(pk=bench.pk).update(guideline=version)
    events.append(project=project, actor=actor, verb="guideline.save", target=version, number=version.number)
    return version


def check_criteria(criteria: list[dict]) -> list[dict]:
    """[{"key", "en", "zh"}] as stored; a missing name in one language takes the other's. DomainError
    otherwise."""
    out = []
    for row in criteria:
        key, en, zh = (str(row.get(name) or "").strip() for name in ("key", "en", "zh"))
        if not (key or en or zh):
            continue
        if not _KEY.fullmatch(key) or key == "overall":
            message = _(
                "“%(key)s” cannot be a key: lower-case letters, digits and _ only, beginning with a "
                "letter; “overall” is taken."
            )
            raise DomainError("bad_key", message % {"key": key[:60]}, field="criteria")
        if not (en or zh):
            raise DomainError(
                "no_label",
                _("Name the criterion %(key)s in at least one language.") % {"key": key},
                field="criteria",
            )
        out.append({"key": key, "en": en or zh, "zh": zh or en})
    if len({row["key"] for row in out}) != len(out):
        raise DomainError("duplicate_key", _("Two criteria have the same key."), field="criteria")
    if len(out) > MAX_CRITERIA:
        raise DomainError("too_many", _("At most %(n)s criteria.") % {"n": MAX_CRITERIA}, field="criteria")
    return out


@transaction.atomic
def save_criteria(*, project: Project, actor, criteria: list[dict]) -> CriteriaVersion:
    """A new criteria version in force from the next item on; the same criteria again make none. Ratings given
    stay with their version."""
    wanted = check_criteria(criteria)
    bench = BenchSettings.objects.select_for_update(no_key=True).get(project=project)
    newest = project.criteria_versions.order_by("-number").first()
    if newest is not None and newest.criteria == wanted and bench.criteria_id == newest.pk:
        return newest
    version = CriteriaVersion.objects.create(
        project=project, number=(newest.number if newest else 0) + 1, criteria=wanted
    )
    BenchSettings.objects.filter(pk=bench.pk).update(criteria=version)
    events.append(project=project, actor=actor, verb="criteria.save", target=version, number=version.number)
    return version


@transaction.atomic
def delete_content(*, item: Item, actor) -> int:
    """A manager found personal data: the item's prompt goes, with its answers, judgements and every other
    item on it. Returns how many items went. What people did that day stays counted. Conflict unless the
    item is hidden: deleting is always a second step."""
    item = Item.objects.select_for_update(of=("self",)).get(pk=item.pk)
    if not item.hidden:
        raise Conflict("not_hidden", _("Only a hidden item's content can be deleted."))
    items = list(Item.objects.filter(prompt=item.prompt_id).values_list("pk", flat=True))
    project, prompt = item.project, item.prompt
    prompt.delete()
    events.append(
        project=project, actor=actor, verb="content.delete", target=None, items=items, prompt=item.prompt_id
    )
    return len(items)


def set_tags(*, item: Item, actor, names: list[str]) -> None:
    """The item's tags are `names` from now on."""
    wanted = {n.strip()[:60] for n in names if n.strip()}
    with transaction.atomic():
        ItemTag.objects.filter(~Q(name__in=wanted), item=item).delete()
        ItemTag.objects.bulk_create(
            [ItemTag(item=item, name=n) for n in sorted(wanted)], ignore_conflicts=True
        )
        events.append(project=item.project, actor=actor, verb="item.tags", target=item, count=len(wanted))
