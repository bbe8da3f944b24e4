"""Verbs on how a project's chat is set: the page's fields, who answers, the reasons, the consent text, links
for guests."""

import ipaddress
import re
from datetime import timedelta
from urllib.parse import urlsplit

from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from core import events
from core.errors import DomainError
from core.models import Project
from feedback.chat import guest_links
from feedback.models import Arm, ChatLink, ChatSettings
from feedback.reactions import reasons

MIN_DRAFTS, MAX_DRAFTS = 2, 4
MAX_ORIGINS = 50
MAX_WEIGHT = 1000
MAX_LINK_DAYS = 365
_LABEL = re.compile(r"(?!-)[a-z0-9-]{1,63}(?<!-)")


def of(project: Project) -> ChatSettings:
    """The project's settings; a project that has none yet gets them, switched off, with the reasons to begin
    with."""
    found = ChatSettings.objects.filter(project=project).first()
    if found is not None:
        return found
    up, down = reasons.default_reasons()
    try:
        with transaction.atomic():
            return ChatSettings.objects.create(project=project, up_reasons=up, down_reasons=down)
    except IntegrityError:  # somebody else opened the page at the same moment
        return ChatSettings.objects.get(project=project)


def _locked(project: Project) -> ChatSettings:
    of(project)
    return ChatSettings.objects.select_for_update(no_key=True).get(project=project)


@transaction.atomic
def change(*, project: Project, actor, **fields) -> ChatSettings:
    """Change any of: enabled, welcome, system, drafts, draft_share, draft_count, draft_from_arms, assign,
    keep, keep_days, masking, mask_kinds, replies, origins (as typed), turns_per_minute. The Event names
    what changed, never a text. DomainError naming the field."""
    row = _locked(project)
    if "origins" in fields:
        fields["origins"] = check_origins(fields["origins"])
    if not MIN_DRAFTS <= fields.get("draft_count", MIN_DRAFTS) <= MAX_DRAFTS:
        raise DomainError("bad_drafts", _("Two to four drafts."), field="draft_count")
    from_arms = fields.get("draft_from_arms", row.draft_from_arms)
    if (
        from_arms
        and fields.get("drafts", row.drafts) != ChatSettings.Drafts.NEVER
        and Arm.objects.filter(project=project, active=True).count() < 2
    ):
        raise DomainError(
            "few_arms",
            _("Drafts from different models need two models that answer."),
            field="draft_from_arms",
        )
    if (
        fields.get("enabled", row.enabled)
        and not row.enabled
        and not Arm.objects.filter(project=project, active=True).exists()
    ):
        raise DomainError(
            "no_arm", _("Nobody would answer: choose a model first, under “Who answers”."), field="enabled"
        )
    changed = sorted(name for name, value in fields.items() if getattr(row, name) != value)
    for name in changed:
        setattr(row, name, fields[name])
    if changed:
        row.save(update_fields=[*changed, "updated_at"])
        events.append(project=project, actor=actor, verb="chat.settings", target=None, changed=changed)
    return row


@transaction.atomic
def save_arms(*, project: Project, actor, arms: dict[int, tuple[int, bool]]) -> None:
    """`arms`: {endpoint id: (weight, whether it answers)}. An endpoint of another project is refused. An arm
    that answers no more is kept, switched off, since messages point at it."""
    _locked(project)
    known = {e.pk: e for e in project.endpoints.all()}
    if set(arms) - set(known):
        raise DomainError("no_such_endpoint", _("There is no such model in this project."), field="arms")
    present = {a.endpoint_id: a for a in Arm.objects.filter(project=project)}
    changed = 0
    for pk, (weight, active) in arms.items():
        if not 1 <= weight <= MAX_WEIGHT:
            raise DomainError(
                "bad_weight", _("A weight is a number from 1 to %(n)s.") % {"n": MAX_WEIGHT}, field="arms"
            )
        arm = present.get(pk)
        if arm is None and active:
            Arm.objects.create(project=project, endpoint=known[pk], weight=weight)
        elif arm is not None and (arm.weight, arm.active) != (weight, active):
            Arm.objects.filter(pk=arm.pk).update(weight=weight, active=active)
        else:
            continue
        changed += 1
    if changed:
        events.append(
            project=project,
            actor=actor,
            verb="chat.arms",
            target=None,
            arms={str(pk): weight for pk, (weight, active) in arms.items() if active},
        )


@transaction.atomic
def save_reasons(*, project: Project, actor, up: list[dict], down: list[dict]) -> ChatSettings:
    """The two lists; a key is unique over both, so that a stored reaction can always be read."""
    row = _locked(project)
    ups = reasons.check(up, field="up")
    downs = reasons.check(down, field="down", taken={r["key"] for r in ups})
    if (row.up_reasons, row.down_reasons) != (ups, downs):
        row.up_reasons, row.down_reasons = ups, downs
        row.save(update_fields=["up_reasons", "down_reasons", "updated_at"])
        events.append(
            project=project, actor=actor, verb="chat.reasons", target=None, up=len(ups), down=len(downs)
        )
    return row


@transaction.atomic
def save_consent(*, project: Project, actor, text: str) -> ChatSettings:
    """A new text is a new version, and everybody is asked again; the same text changes nothing."""
    row = _locked(project)
    if row.consent != text:
        row.consent, row.consent_version = text, row.consent_version + 1
        row.save(update_fields=["consent", "consent_version", "updated_at"])
        events.append(
            project=project, actor=actor, verb="chat.consent", target=None, version=row.consent_version
        )
    return row


@transaction.atomic
def save(
    *,
    project: Project,
    actor,
    fields: dict,
    consent: str | None = None,
    arms: dict[int, tuple[int, bool]] | None = None,
    reasons: tuple[list[dict], list[dict]] | None = None,
) -> ChatSettings:
    """All of the page, or nothing of it: who answers comes first, since the rest is checked against it. What
    is None was not on the page and stays. DomainError as from the verbs for each part."""
    if arms is not None:
        save_arms(project=project, actor=actor, arms=arms)
    if reasons is not None:
        save_reasons(project=project, actor=actor, up=reasons[0], down=reasons[1])
    if consent is not None:
        save_consent(project=project, actor=actor, text=consent)
    return change(project=project, actor=actor, **fields)


@transaction.atomic
def create_link(*, project: Project, actor, label: str, days: int) -> tuple[ChatLink, str]:
    """A link for guests and its token, which is returned once."""
    if not 1 <= days <= MAX_LINK_DAYS:
        raise DomainError(
            "bad_days", _("A link works for 1 to %(n)s days.") % {"n": MAX_LINK_DAYS}, field="days"
        )
    token = guest_links.new_token()
    link = ChatLink.objects.create(
        project=project,
        label=label,
        token_hash=guest_links.token_hash(token),
        expires_at=timezone.now() + timedelta(days=days),
        created_by=actor,
    )
    events.append(project=project, actor=actor, verb="chat.link", target=link, days=days)
    return link, token


@transaction.atomic
def revoke_link(*, link: ChatLink, actor) -> None:
    """The link, and whoever came by it, get in no more."""
    if ChatLink.objects.filter(pk=link.pk, revoked=False).update(revoked=True):
        events.append(project=link.project, actor=actor, verb="chat.link_revoke", target=link)


def check_origins(lines: list[str]) -> list[str]:
    """Sites as browsers send them in `Origin`: https://host[:port], or http:// for this very computer.
    DomainError naming the line."""
    out: list[str] = []
    for line in lines:
        if given := line.strip():
            origin = _origin(given)
            if origin is None:
                message = _(
                    "“%(line)s” is not the address of a site: https://name or https://name:port, "
                    "nothing after it; http:// only for localhost."
                )
                raise DomainError("bad_origin", message % {"line": given[:80]}, field="origins")
            if origin not in out:
                out.append(origin)
    if len(out) > MAX_ORIGINS:
        raise DomainError("many_origins", _("At most %(n)s sites.") % {"n": MAX_ORIGINS}, field="origins")
    return out


def _origin(given: str) -> str | None:
    try:
        parts = urlsplit(given)
        port = parts.port
        # As browsers write it: small letters, names of other scripts as xn--.
        host = (parts.hostname or "").encode("idna").decode("ascii").lower()
    except (ValueError, UnicodeError):
        return None
    if (
        parts.username is not None
        or parts.password is not None
        or parts.path not in ("", "/")
        or parts.query
        or parts.fragment
        or "?" in given
        or "#" in given
    ):
        return None
    shown = host
    try:
        address = ipaddress.ip_address(host)
        shown = f"[{address}]" if address.version == 6 else str(address)
        local = address.is_loopback
    except ValueError:
        local = host == "localhost"
        if not host or len(host) > 253 or not all(_LABEL.fullmatch(part) for part in host.split(".")):
            return None
    if parts.scheme != "https" and not (parts.scheme == "http" and local):
        return None
    if port == 0 or port == {"https": 443, "http": 80}[parts.scheme]:
        if port == 0:
            return None
        port = None
    return f"{parts.scheme}://{shown}" + (f":{port}" if port else "")
