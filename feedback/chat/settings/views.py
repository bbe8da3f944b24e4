"""The manager's page of the chat: one page, a form for each thing that is decided by itself."""

from django.contrib import messages
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache

from core.access import project_form, project_page
from core.errors import DomainError
from core.links import url_or_blank
from feedback.chat.settings import actions as verbs
from feedback.chat.settings.forms import ArmFormSet, ChatForm, ConsentForm, LinkForm, ReasonFormSet, initial
from feedback.models import Arm


def _arm_rows(project) -> list[dict]:
    """A row for each endpoint of the project, those that answer first."""
    arms = {a.endpoint_id: a for a in Arm.objects.filter(project=project)}
    rows = []
    for endpoint in project.endpoints.select_related("model_version"):
        arm = arms.get(endpoint.pk)
        rows.append(
            {"endpoint": endpoint, "active": bool(arm and arm.active), "weight": arm.weight if arm else 1}
        )
    total = sum(r["weight"] for r in rows if r["active"] and r["endpoint"].active)
    for row in rows:
        row["share"] = row["weight"] / total if total and row["active"] and row["endpoint"].active else None
    return sorted(rows, key=lambda r: not r["active"])


def _page(request, project, *, status=200, **extra):
    settings = verbs.of(project)
    rows = _arm_rows(project)
    arms = extra.pop("arm_forms", None) or ArmFormSet(
        prefix="arms",
        initial=[{"endpoint": r["endpoint"].pk, "active": r["active"], "weight": r["weight"]} for r in rows],
    )
    by_endpoint = {r["endpoint"].pk: r for r in rows}
    context = {
        "project": project,
        "chat": settings,
        "form": ChatForm(initial=initial(settings)),
        "consent_form": ConsentForm(initial={"consent": settings.consent}),
        "link_form": LinkForm(),
        "up": ReasonFormSet(prefix="up", initial=settings.up_reasons),
        "down": ReasonFormSet(prefix="down", initial=settings.down_reasons),
        "arms": [(f, by_endpoint.get(_number(f["endpoint"].value()))) for f in arms],
        "arm_management": arms.management_form,
        "links": project.chat_links.filter(revoked=False, expires_at__gt=timezone.now()).order_by("-pk"),
        "endpoints_url": url_or_blank("endpoints", project.slug),
        "chat_url": url_or_blank("chat", project.slug),
    }
    return render(request, "feedback/chat_settings.html", context | extra, status=status)


def _number(value) -> int | None:
    text = str(value or "")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else None


def _refused(form, exc: DomainError) -> None:
    form.add_error(exc.field if exc.field in form.fields else None, exc.message)


@never_cache
@project_page("manager")
def chat_settings(request, project):
    """Show all; POST saves the main form."""
    if request.method != "POST":
        return _page(request, project)
    form = ChatForm(request.POST)
    if form.is_valid():
        try:
            verbs.change(project=project, actor=request.user, **form.values())
        except DomainError as exc:
            _refused(form, exc)
        else:
            messages.success(request, _("Saved."))
            return redirect("chat_settings", project.slug)
    return _page(request, project, status=400, form=form)


@project_form("manager", "chat_settings")
def chat_arms(request, project):
    forms = ArmFormSet(request.POST, prefix="arms")
    error = _("A weight is a number from 1 to %(n)s.") % {"n": verbs.MAX_WEIGHT}
    if forms.is_valid():
        given = {
            f.cleaned_data["endpoint"]: (f.cleaned_data["weight"], f.cleaned_data["active"])
            for f in forms
            if f.cleaned_data.get("endpoint")
        }
        try:
            verbs.save_arms(project=project, actor=request.user, arms=given)
        except DomainError as exc:
            error = exc.message
        else:
            messages.success(request, _("Saved."))
            return redirect(reverse("chat_settings", args=[project.slug]) + "#arms")
    return _page(request, project, status=400, arms_error=error)


@project_form("manager", "chat_settings")
def chat_reasons(request, project):
    up, down = ReasonFormSet(request.POST, prefix="up"), ReasonFormSet(request.POST, prefix="down")
    error = _("These reasons cannot be kept as they are.")
    if up.is_valid() and down.is_valid():
        try:
            verbs.save_reasons(
                project=project,
                actor=request.user,
                up=[f.cleaned_data for f in up],
                down=[f.cleaned_data for f in down],
            )
        except DomainError as exc:
            error = exc.message
        else:
            messages.success(request, _("Saved."))
            return redirect(reverse("chat_settings", args=[project.slug]) + "#reasons")
    if not (up.management_form.is_valid() and down.management_form.is_valid()):
        return _page(request, project, status=400, reasons_error=error)
    return _page(request, project, status=400, reasons_error=error, up=up, down=down)


@project_form("manager", "chat_settings")
def chat_consent(request, project):
    form = ConsentForm(request.POST)
    if not form.is_valid():
        return _page(request, project, status=400, consent_form=form)
    before = verbs.of(project).consent_version
    after = verbs.save_consent(project=project, actor=request.user, text=form.cleaned_data["consent"])
    if after.consent_version != before:
        messages.success(
            request,
            _("Saved as version %(n)s. Everybody is asked before their next question.")
            % {"n": after.consent_version},
        )
    else:
        messages.info(request, _("The text is the same as before."))
    return redirect(reverse("chat_settings", args=[project.slug]) + "#consent")


@never_cache
@project_form("manager", "chat_settings")
def chat_link(request, project):
    """Make a link for guests; it is on the answer, once."""
    form = LinkForm(request.POST)
    if not form.is_valid():
        return _page(request, project, status=400, link_form=form)
    _link, token = verbs.create_link(project=project, actor=request.user, **form.cleaned_data)
    return _page(request, project, link_url=request.build_absolute_uri(reverse("chat_join", args=[token])))


@project_form("manager", "chat_settings")
def chat_link_revoke(request, project, pk):
    verbs.revoke_link(
        link=get_object_or_404(project.chat_links.select_related("project"), pk=pk), actor=request.user
    )
    messages.success(request, _("The link no longer works."))
    return redirect(reverse("chat_settings", args=[project.slug]) + "#links")
