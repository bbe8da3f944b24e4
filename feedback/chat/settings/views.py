"""The manager's page of the chat: one form with one save; links for guests are made beside it."""

from django.contrib import messages
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as _lazy
from django.views.decorators.cache import never_cache

from core.access import project_form, project_page
from core.errors import DomainError
from core.links import url_or_blank
from core.text import whole_number
from feedback.chat.settings import actions as verbs
from feedback.chat.settings.forms import ArmFormSet, ChatForm, ConsentForm, LinkForm, ReasonFormSet, initial
from feedback.models import Arm

# The page's index: anchor, heading.
SECTIONS = [
    ("page", _lazy("The page")),
    ("arms", _lazy("Who answers")),
    ("drafts", _lazy("Drafts")),
    ("kept", _lazy("What is kept")),
    ("replies", _lazy("Replies to people")),
    ("sites", _lazy("On other sites")),
    ("consent", _lazy("Consent")),
    ("reasons", _lazy("Reasons under a thumb")),
    ("links", _lazy("Links for guests")),
]


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
        "arms": [(f, by_endpoint.get(whole_number(str(f["endpoint"].value())))) for f in arms],
        "arm_management": arms.management_form,
        "links": project.chat_links.filter(revoked=False, expires_at__gt=timezone.now()).order_by("-pk"),
        "endpoints_url": url_or_blank("endpoints", project.slug),
        "chat_url": url_or_blank("chat", project.slug),
        "sections": SECTIONS,
    }
    return render(request, "feedback/chat_settings.html", context | extra, status=status)


class _Sent:
    """What came of the page's one form; a part of it that was not sent is None and stays as it is."""

    def __init__(self, data):
        def part(made, prefix: str):
            return made(data, prefix=prefix) if f"{prefix}-TOTAL_FORMS" in data else None

        self.form = ChatForm(data)
        self.consent = ConsentForm(data) if "consent" in data else None
        self.arms = part(ArmFormSet, "arms")
        self.up, self.down = part(ReasonFormSet, "up"), part(ReasonFormSet, "down")
        self.errors: dict[str, str] = {}

    def is_valid(self) -> bool:
        """Whether every part has the right shape; all are looked at, so that all faults show at once."""
        if self.arms is not None and not self.arms.is_valid():
            self.errors["arms_error"] = _("A weight is a number from 1 to %(n)s.") % {"n": verbs.MAX_WEIGHT}
        if not all(one.is_valid() for one in (self.up, self.down) if one is not None):
            self.errors["reasons_error"] = _("These reasons cannot be kept as they are.")
        parts = [one.is_valid() for one in (self.form, self.consent) if one is not None]
        return all(parts) and not self.errors

    def values(self) -> dict:
        """For `settings.save`."""
        out: dict = {"fields": self.form.values()}
        if self.consent is not None:
            out["consent"] = self.consent.cleaned_data["consent"]
        if self.arms is not None:
            given = [f.cleaned_data for f in self.arms if f.cleaned_data.get("endpoint")]
            out["arms"] = {row["endpoint"]: (row["weight"], row["active"]) for row in given}
        if self.up is not None and self.down is not None:
            out["reasons"] = tuple([f.cleaned_data for f in forms] for forms in (self.up, self.down))
        return out

    def refused(self, exc: DomainError) -> None:
        """Say it where the thing stands that was refused."""
        place = {"arms": "arms_error", "up": "reasons_error", "down": "reasons_error"}.get(exc.field or "")
        if place:
            self.errors[place] = exc.message
        else:
            self.form.add_error(exc.field if exc.field in self.form.fields else None, exc.message)

    def context(self) -> dict:
        """The page with everything that was typed still in it."""
        shown = {"form": self.form, "consent_form": self.consent}
        sets = {"arm_forms": self.arms, "up": self.up, "down": self.down}
        # a set without a readable count shows nothing of what was sent
        shown |= {
            name: one for name, one in sets.items() if one is not None and one.management_form.is_valid()
        }
        return {name: one for name, one in shown.items() if one is not None} | self.errors | {"unsaved": True}


@never_cache
@project_page("manager")
def chat_settings(request, project):
    """Show all; POST saves all, or nothing."""
    if request.method != "POST":
        return _page(request, project)
    sent = _Sent(request.POST)
    before = verbs.of(project).consent_version
    if sent.is_valid():
        try:
            row = verbs.save(project=project, actor=request.user, **sent.values())
        except DomainError as exc:
            sent.refused(exc)
        else:
            if row.consent_version != before:
                words = _(
                    "Saved. The consent text is version %(n)s; everybody is asked before their next question."
                )
                messages.success(request, words % {"n": row.consent_version})
            else:
                messages.success(request, _("Saved."))
            return redirect("chat_settings", project.slug)
    return _page(request, project, status=400, **sent.context())


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
