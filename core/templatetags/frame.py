"""The frame's parts that depend on the person and the project: switcher, tabs, panels; and how a form field
is drawn."""

from datetime import datetime

from django import template
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext as _

from core import local_time, registry
from core.access import entry_url, role_in, tabs_for
from core.models import Member, Project, roles_from

register = template.Library()
SWITCHER_LENGTH = 20
MOST_TABS = 9  # side by side; of more nobody finds the one they want


def _here(context):
    """(project, role) of the page, from the view's access check or, failing that, from its context."""
    request = context.get("request")
    project = context.get("project") or getattr(request, "project", None)
    if not isinstance(project, Project) or request is None:
        return None, ""
    if getattr(request, "project", None) != project or not hasattr(request, "role"):
        request.project, request.role = project, role_in(request.user, project)
    return project, request.role


@register.filter(is_safe=False)
def moment(value: datetime | None, form: str = "") -> SafeString:
    """A moment on the clock of the page (a project's own: core.access.project_page), as a <time> that says
    which clock that is: date and time, or with `form` "day" the date alone; a dash for none."""
    if not value:
        return mark_safe("–")
    here = timezone.localtime(value)
    shown = date_format(here, "SHORT_DATE_FORMAT" if form == "day" else "SHORT_DATETIME_FORMAT")
    exact = f"{date_format(here, 'SHORT_DATETIME_FORMAT')} {timezone.get_current_timezone_name()}"
    return format_html(
        '<time datetime="{}" title="{}">{}</time>', here.isoformat(timespec="seconds"), exact, shown
    )


@register.simple_tag(takes_context=True)
def zone_note(context) -> str:
    """On a project's pages, whose clock the times on them are of."""
    project = getattr(context.get("request"), "project", None)
    if not isinstance(project, Project):
        return ""
    ahead = timezone.localtime(timezone.now(), local_time.zone_of(project)).strftime("%z")
    zone = {"zone": project.time_zone, "ahead": f"UTC{ahead[:3]}:{ahead[3:]}"}
    words = _("Times and days are those of %(zone)s (%(ahead)s).") % zone
    return format_html('<p class="zone soft small">{}</p>', words)


@register.inclusion_tag("core/_switcher.html", takes_context=True)
def project_switcher(context):
    """The person's projects (the newest twenty), each with the address of the page they start on."""
    project, _role = _here(context)
    user = context["user"]
    if user.is_superuser:
        entries = [
            (p, "manager") for p in Project.objects.filter(archived=False).order_by("-id")[:SWITCHER_LENGTH]
        ]
    else:
        entries = [
            (m.project, m.role)
            for m in Member.objects.of(user)
            .filter(project__archived=False)
            .select_related("project")
            .order_by("-id")[:SWITCHER_LENGTH]
        ]
    projects = [{"pk": p.pk, "title": p.title, "url": entry_url(p, role)} for p, role in entries]
    return {"project": project, "projects": projects}


@register.inclusion_tag("core/_tabs.html", takes_context=True)
def project_tabs(context):
    project, role = _here(context)
    if project is None:
        return {"tabs": []}
    request = context["request"]
    path, name = request.path, request.resolver_match.url_name if request.resolver_match else ""
    tabs = tabs_for(project, role)
    # Every page of a project lies below its overview, so that tab is meant only by its own address.
    root = f"/p/{project.slug}/"
    inside = [
        tab for tab in tabs if path == tab["url"] or (tab["url"] != root and path.startswith(tab["url"]))
    ]
    inside = inside or [tab for tab in tabs if name in tab["also"]]
    current = max(inside, key=lambda tab: len(tab["url"])) if inside else None
    for tab in tabs:
        tab["current"] = tab is current
    return {"tabs": _grouped(tabs) if len(tabs) > MOST_TABS else tabs}


def _grouped(tabs: list[dict]) -> list[dict]:
    """The tabs, those of a group (in the place of its first) as one with "label", "current" and the "tabs" in
    it."""
    out: list[dict] = []
    groups: dict[str, dict] = {}
    for tab in tabs:
        name = tab["group"]
        if not name:
            out.append(tab)
            continue
        if name not in groups:
            groups[name] = {"label": registry.NAV_GROUPS[name], "tabs": [], "current": False}
            out.append(groups[name])
        groups[name]["tabs"].append(tab)
        groups[name]["current"] |= tab["current"]
    return out


@register.simple_tag(takes_context=True)
def panels(context, place, project=None, role=None):
    """What upper rooms hang into `place` for this person, one after the other."""
    request = context["request"]
    if project is None:
        project, role = _here(context)
    parts = [p.render(request, project) for p in registry.panels(place) if role in roles_from(p.role)]
    return mark_safe("".join(str(part) for part in parts if part))  # noqa: S308


@register.inclusion_tag("core/_field.html")
def field(bound, help_text=None):
    """One form field with label, help and errors, tied together for screen readers."""
    return {
        "field": bound,
        "help_text": help_text or bound.help_text,
        "kind": type(bound.field.widget).__name__,
    }
