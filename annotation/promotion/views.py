"""The manager's pages of promotion: the rules with what they took, one rule with a preview of what it would
take, and the log."""

import re

from django import forms
from django.contrib import messages
from django.db.models import Count
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.formats import localize
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_safe

from annotation import presentation
from annotation.models import Promotion, PromotionRule
from annotation.promotion import messages as promotion_turns
from annotation.promotion import rules as promotion
from core import jobs, text
from core.access import project_form, project_page
from core.errors import DomainError
from core.text import whole_number
from feedback.conversations.end_users import label
from feedback.conversations.privacy import privacy_policy
from feedback.models import EndUser, Reaction

PAGE = 50
EXCERPT = 200
MARKS = {
    "mobile": gettext_lazy("mobile number"),
    "id_card": gettext_lazy("identity card"),
    "bank_card": gettext_lazy("bank card"),
    "email": gettext_lazy("e-mail address"),
    "medical_record": gettext_lazy("medical record number"),
    "case_number": gettext_lazy("court case number"),
}
SUGGESTED = [
    (PromotionRule.Kind.DOWN_COMMENT, gettext_lazy("All thumbs down with a comment")),
    (PromotionRule.Kind.RANDOM, gettext_lazy("5% of answers at random")),
    (PromotionRule.Kind.ALL_BAD, gettext_lazy("Drafts that were all bad")),
    (PromotionRule.Kind.LOW_SCORE, gettext_lazy("Conversations scored 1 or 2")),
]


class RuleForm(forms.Form):
    name = forms.CharField(label=gettext_lazy("Name of the rule"), max_length=80)
    kind = forms.ChoiceField(label=gettext_lazy("What it takes"), choices=PromotionRule.Kind.choices)
    share = forms.DecimalField(
        label=gettext_lazy("Share of answers (%)"),
        required=False,
        min_value=0,
        max_value=100,
        max_digits=5,
        decimal_places=2,
        initial=5,
        help_text=gettext_lazy(
            "For a random share. Which answers fall into it is decided once; a larger share keeps them all."
        ),
    )
    threshold = forms.IntegerField(
        label=gettext_lazy("Score at most"),
        required=False,
        min_value=1,
        max_value=5,
        initial=2,
        help_text=gettext_lazy(
            "For low scores. The answers with a thumb down are taken, or else the last answer."
        ),
    )
    tag = forms.CharField(
        label=gettext_lazy("Tag"),
        required=False,
        max_length=60,
        help_text=gettext_lazy("For feedback with a tag."),
    )
    daily_cap = forms.IntegerField(
        label=gettext_lazy("New items a day, at most"), min_value=1, max_value=promotion.MAX_CAP, initial=50
    )
    per_person_cap = forms.IntegerField(
        label=gettext_lazy("From one person a day, at most"),
        min_value=1,
        max_value=promotion.MAX_CAP,
        initial=5,
        help_text=gettext_lazy("Counted across all rules."),
    )
    active = forms.BooleanField(
        label=gettext_lazy("Switched on: runs by itself"), required=False, initial=True
    )

    def values(self) -> dict:
        """The cleaned values under the names of the verb; what was left empty as it is by default."""
        blank = PromotionRule()
        out = {
            name: getattr(blank, name) if value is None else value
            for name, value in self.cleaned_data.items()
        }
        if out["kind"] in (PromotionRule.Kind.RANDOM, PromotionRule.Kind.LOW_SCORE) and out["name"] == str(
            dict(SUGGESTED)[out["kind"]]
        ):
            out["name"] = what(PromotionRule(**out))  # a suggested name says the share that was suggested
        return out


def _rule(project, pk) -> PromotionRule:
    return get_object_or_404(PromotionRule.objects.select_related("project").filter(project=project), pk=pk)


def what(rule: PromotionRule) -> str:
    """What a rule takes, in words."""
    if rule.kind == PromotionRule.Kind.RANDOM:
        return _("%(share)s%% of answers at random") % {
            "share": localize(rule.share.normalize() if rule.share % 1 else int(rule.share))
        }
    if rule.kind == PromotionRule.Kind.LOW_SCORE:
        return _("Conversations scored %(n)s or lower") % {"n": rule.threshold}
    if rule.kind == PromotionRule.Kind.TAG:
        return _("Feedback with the tag “%(tag)s”") % {"tag": rule.tag}
    return str(rule.get_kind_display())


@require_safe
@project_page("manager")
def rules(request, project):
    """Rules with today's figures, and the log of what was taken, newest first. `?outcome=`, `?rule=` filter
    it, `?before=` pages."""
    found = list(project.promotion_rules.all())
    today = promotion.taken_today(project)
    totals = dict(
        Promotion.objects.filter(project=project, outcome=Promotion.Outcome.ITEM)
        .values_list("rule_id")
        .annotate(n=Count("pk"))
        .order_by()
    )
    for rule in found:
        rule.what, rule.today, rule.total = what(rule), today.get(rule.pk, 0), totals.get(rule.pk, 0)
        rule.full = rule.today >= rule.daily_cap
    rows = Promotion.objects.filter(project=project)
    outcome, of_rule, before = (request.GET.get(name, "") for name in ("outcome", "rule", "before"))
    if outcome in Promotion.Outcome.values:
        rows = rows.filter(outcome=outcome)
    if whole_number(of_rule) is not None:
        rows = rows.filter(rule=whole_number(of_rule))
    if whole_number(before) is not None:
        rows = rows.filter(pk__lt=whole_number(before))
    log = list(rows.select_related("rule", "item").order_by("-pk")[: PAGE + 1])
    more = log[PAGE - 1].pk if len(log) > PAGE else None
    log = log[:PAGE]
    people = {
        p.pk: label(p)
        for p in EndUser.objects.filter(
            project=project, pk__in={row.end_user_id for row in log if row.end_user_id}
        )
    }
    for row in log:
        row.who = people.get(row.end_user_id, "")
        row.words = promotion_turns.REFUSALS.get(row.reason, row.reason)
    context = {
        "project": project,
        "rules": found,
        "log": log,
        "outcome": outcome,
        "of_rule": of_rule,
        "outcomes": [("", _("All")), *Promotion.Outcome.choices],
        "next": more,
        "suggested": SUGGESTED,
        "any_active": any(rule.active for rule in found),
    }
    return render(request, "annotation/promotion.html", context)


def _preview(rule: PromotionRule) -> dict:
    """The preview with words for the page: excerpts, why, what was said."""
    found, policy = promotion.preview(rule), privacy_policy(rule.project)
    said = {}
    if rule.kind not in (PromotionRule.Kind.RANDOM, PromotionRule.Kind.ALL_BAD):
        said = Reaction.objects.filter(project=rule.project).in_bulk(
            [one["candidate"].row for one in found["turns"]]
        )
    for one in found["turns"]:
        turn, row = one["turn"], said.get(one["candidate"].row)
        one["question"] = presentation.excerpt(turn.messages, EXCERPT) if turn.messages else ""
        answer = turn.answers[0].text if turn.answers else ""
        one["answer"] = text.excerpt(_unmarked(answer), EXCERPT)
        one["earlier"] = max(0, sum(m["role"] == "user" for m in turn.messages) - 1)
        one["others"] = len(turn.answers) - 1
        one["comment"] = text.excerpt(policy.shown(row.text), EXCERPT) if row is not None else ""
        one["score"] = one["candidate"].value
        one["refused"] = promotion_turns.REFUSALS.get(turn.refused, turn.refused)
        one["marks"] = [MARKS.get(kind, kind) for kind in one["marks"]]
    return found


_MARKS = re.compile(r"^[ \t]*(?:#{1,6}[ \t]+|>[ \t]?|[-*+][ \t]+|```.*$)|\*\*|__|`", re.MULTILINE)


def _unmarked(answer: str) -> str:
    """Markdown without the marks of headings, quotes, lists, stress and code: an excerpt on one line has no
    use for them."""
    return _MARKS.sub("", answer[: EXCERPT * 4])


def _form_page(request, project, rule, form, preview=None):
    context = {"project": project, "rule": rule, "form": form, "preview": preview}
    return render(request, "annotation/promotion_rule.html", context, status=400 if form.errors else 200)


@project_page("manager")
def new(request, project):
    """A rule from a form; `action=preview` shows what it would take and saves nothing."""
    kind = request.GET.get("kind", "")
    initial = (
        {"kind": kind, "name": dict(SUGGESTED).get(kind, "")} if kind in PromotionRule.Kind.values else {}
    )
    form = RuleForm(request.POST or None, initial=initial)
    if request.method == "POST" and form.is_valid():
        try:
            if request.POST.get("action") == "preview":
                return _form_page(
                    request, project, None, form, _preview(promotion.draft(project, **form.values()))
                )
            rule = promotion.create(project=project, actor=request.user, **form.values())
        except DomainError as exc:
            form.add_error(exc.field if exc.field in form.fields else None, exc.message)
        else:
            messages.success(request, _("Rule “%(name)s” saved.") % {"name": rule.name})
            return redirect("promotion", project.slug)
    return _form_page(request, project, None, form)


@project_page("manager")
def rule(request, project, pk):
    """Change a rule; `action=preview` shows what it would take as it stands in the form, `?preview` what it
    would take as it is."""
    found = _rule(project, pk)
    form = RuleForm(request.POST or None, initial={name: getattr(found, name) for name in promotion.FIELDS})
    if request.method == "POST" and form.is_valid():
        try:
            if request.POST.get("action") == "preview":
                for name, value in form.values().items():
                    setattr(found, name, value)
                found.mark = 0
                return _form_page(request, project, found, form, _preview(found))
            promotion.update(rule=found, actor=request.user, **form.values())
        except DomainError as exc:
            form.add_error(exc.field if exc.field in form.fields else None, exc.message)
        else:
            messages.success(request, _("Saved."))
            return redirect("promotion", project.slug)
    return _form_page(
        request,
        project,
        found,
        form,
        _preview(found) if request.method == "GET" and "preview" in request.GET else None,
    )


@project_form("manager", "promotion")
def switch(request, project, pk):
    """On or off: `active` = 1 or 0."""
    found = _rule(project, pk)
    promotion.update(rule=found, actor=request.user, active=request.POST.get("active") == "1")
    messages.success(request, _("Saved."))
    return redirect("promotion", project.slug)


@project_form("manager", "promotion")
def remove(request, project, pk):
    found = _rule(project, pk)
    promotion.remove(rule=found, actor=request.user)
    messages.success(request, _("The rule was removed. What it took stays with the experts."))
    return redirect("promotion", project.slug)


@project_form("manager", "promotion")
def run(request, project):
    """Run the rule `rule`, or every active one, as a job."""
    params = {}
    if request.POST.get("rule"):
        params["rule"] = _rule(project, whole_number(request.POST["rule"]) or 0).pk
    return redirect(
        "job", project.slug, jobs.start("promotion", project=project, actor=request.user, params=params).pk
    )
