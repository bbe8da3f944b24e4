"""The lead's pages: overview, create and clone, settings, guidelines, work statement. Items are in item_views, review in review_views."""

import csv

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import NoReverseMatch, reverse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from annotation.projects import actions as projects
from annotation.projects.forms import CloneForm, CriteriaFormSet, GuidelinesForm, NewProjectForm, PeriodForm, SettingsForm
from annotation.statistics import agreement, progress
from annotation.statistics import project as figures
from core.access import entry_url, project_form, project_page, role_in, signed_in
from core.accounts import actions as people
from core.accounts.member_views import members_page
from core.errors import DomainError
from core.models import Role
from core.rendering import charts, markdown


def _url_or_blank(name, *args) -> str:
    try:
        return reverse(name, args=args)
    except NoReverseMatch:
        return ""


def _kind_label(kind: str):
    from core import jobs

    try:
        return jobs.kind_of(kind).label
    except KeyError:
        return kind


@require_safe
@project_page("user")
def project(request, project):
    """The lead's five seconds: how far, how well people agree, what needs somebody now. Annotators go to their own first page."""
    if request.role not in (Role.REVIEWER, Role.MANAGER):
        target = entry_url(project, request.role)
        if target == reverse("home"):
            raise PermissionDenied(_("Your role in this project does not allow this."))
        return redirect(target)
    known = progress.of_projects([project], new=True)[project.pk]
    throughput = figures.daily(project)
    today = timezone.now().date()
    review = reverse("review", args=[project.slug])
    labels = [date_format(day, "MONTH_DAY_FORMAT") for day in throughput["days"]]
    people_charts = [
        {
            "name": name,
            "sum": total,
            "url": f"{review}?state=all&annotator={name}",
            "chart": charts.line(_("Submitted per day: %(name)s") % {"name": name}, list(zip(labels, series, strict=True)), height=84),
        }
        for _pk, name, series, total in throughput["people"][:8]
    ]
    todo = figures.attention(project, request.user)
    for job in todo["failed_jobs"]:
        job.url, job.label = _url_or_blank("job", project.slug, job.pk), _kind_label(job.kind)
    context = {
        "project": project,
        "known": known,
        "pace": figures.pace(known, throughput["total"], today),
        "todo": todo,
        "nothing_to_do": not any(todo[k] for k in ("disputes", "to_decide", "waiting", "submitted", "returned", "failed_jobs")),
        "chart": charts.line(_("Submitted per day"), list(zip(labels, throughput["total"], strict=True)), height=140) if any(throughput["total"]) else "",
        "people": people_charts,
        "more_people": max(0, len(throughput["people"]) - 8),
        "bench": projects.bench_of(project),
        "is_manager": request.role == Role.MANAGER,
    }
    return render(request, "annotation/project.html", context)


@require_safe
@project_page("reviewer")
def project_agreement(request, project):
    """Fragment: agreement with its interval and where it is worst. Apart, because a bootstrap takes longer than the page should."""
    from django.core.cache import cache

    key = f"agreement-{project.pk}"
    known = cache.get(key)
    if known is None:
        known = agreement.project_agreement(project) | {"worst": figures.worst(project)}
        cache.set(key, known, 60)
    return render(request, "annotation/_agreement.html", {"project": project, "agreement": known})


@signed_in
@never_cache
def new_project(request):
    if not projects.may_create(request.user):
        raise PermissionDenied(_("Only managers of a project and administrators make projects."))
    form = NewProjectForm(request.POST or None, initial={"kind": "ranking"})
    if request.method == "POST" and form.is_valid():
        data = form.cleaned_data
        try:
            made, added = _create(request.user, form)
        except DomainError as exc:
            form.add_error(exc.field if exc.field in form.fields else None, exc.message)
        else:
            messages.success(request, _("%(title)s is ready. Next: bring in a file of prompts and answers.") % {"title": data["title"]})
            if added:
                request.project, request.role = made, "manager"
                return members_page(request, made, added=added)
            return redirect("project", made.slug)
    return render(request, "annotation/new_project.html", {"form": form}, status=400 if form.errors else 200)


def _create(user, form):
    from django.db import transaction

    data = form.cleaned_data
    names, text = data["names"].splitlines(), data["guidelines"].replace("\r\n", "\n")
    with transaction.atomic():
        made = projects.create(
            actor=user,
            slug=data["slug"] or projects.free_slug(data["title"]),
            title=data["title"],
            description=data["description"],
            guidelines=text,
            **form.bench(),
        )
        added = people.add_people(project=made, names=names, role="annotator", actor=user) if any(n.strip() for n in names) else []
    return made, added


@project_page("manager")
def clone(request, project):
    form = CloneForm(
        request.POST or None, initial={"title": _("%(title)s (copy)") % {"title": project.title}, "slug": f"{project.slug[:55]}-2", "members": True}
    )
    if request.method == "POST" and form.is_valid():
        try:
            made = projects.clone(source=project, actor=request.user, **form.cleaned_data)
            messages.success(request, _("The copy is ready: settings, criteria and guidelines, no data."))
            return redirect("project", made.slug)
        except DomainError as exc:
            form.add_error(exc.field if exc.field in form.fields else None, exc.message)
    return render(request, "annotation/clone.html", {"project": project, "form": form}, status=400 if form.errors else 200)


@project_page("manager")
def settings(request, project):
    bench = projects.bench_of(project)
    initial = {
        "title": project.title,
        "description": project.description,
        "archived": project.archived,
        "lease_minutes": round(bench.lease_seconds / 60),
        **{name: getattr(bench, name) for name in ("kind", "overlap", "ratings", "ratings_share", "pay_per_item")},
    }
    form = SettingsForm(request.POST or None, initial=initial)
    if request.method == "POST" and form.is_valid():
        data = form.cleaned_data
        try:
            projects.change(
                project=project, actor=request.user, title=data["title"], description=data["description"], archived=data["archived"], **form.bench()
            )
            messages.success(request, _("Saved."))
            return redirect("project_settings", project.slug)
        except DomainError as exc:
            form.add_error(exc.field if exc.field in form.fields else None, exc.message)
    return _settings_page(request, project, bench, form, _criteria_rows(bench))


def _criteria_rows(bench, data=None):
    # What is posted stands for itself: a row equal to its initial value would count as untouched, and be lost.
    initial = bench.criteria.criteria if bench.criteria and data is None else []
    return CriteriaFormSet(data, initial=initial, prefix="criteria")


def _settings_page(request, project, bench, form, rows, criteria_error=""):
    context = {
        "project": project,
        "bench": bench,
        "form": form,
        "rows": rows,
        "criteria_error": criteria_error,
        "criteria_versions": project.criteria_versions.order_by("-number")[:20],
    }
    failed = bool(form.errors or criteria_error)
    return render(request, "annotation/settings.html", context, status=400 if failed else 200)


@project_form("manager", "project_settings")
def criteria(request, project):
    bench = projects.bench_of(project)
    rows = _criteria_rows(bench, request.POST)
    error = ""
    if rows.is_valid():
        try:
            version = projects.save_criteria(project=project, actor=request.user, criteria=[row.cleaned_data for row in rows])
            messages.success(request, _("Criteria version %(n)s is in force.") % {"n": version.number})
            return redirect("project_settings", project.slug)
        except DomainError as exc:
            error = exc.message
    else:
        error = _("The criteria could not be read.")
    initial = {"title": project.title, "description": project.description, "archived": project.archived, "lease_minutes": round(bench.lease_seconds / 60)}
    initial |= {name: getattr(bench, name) for name in ("kind", "overlap", "ratings", "ratings_share", "pay_per_item")}
    return _settings_page(request, project, bench, SettingsForm(initial=initial), rows, error)


@project_page("annotator")
def guidelines(request, project):
    """Read by every annotator, an older version by ?version=; written by managers, a new version each time."""
    bench = projects.bench_of(project)
    is_manager = request.role == Role.MANAGER
    if request.method == "POST":
        if not is_manager:
            raise PermissionDenied(_("Your role in this project does not allow this."))
        form = GuidelinesForm(request.POST)
        if form.is_valid():
            version = projects.save_guidelines(project=project, actor=request.user, text=form.cleaned_data["text"])
            messages.success(request, _("Guideline version %(n)s is in force.") % {"n": version.number})
            return redirect("guidelines", project.slug)
    else:
        form = GuidelinesForm(initial={"text": bench.guideline.text if bench.guideline else ""})
    shown = bench.guideline
    wanted = request.GET.get("version", "")
    if wanted.isdecimal() and len(wanted) < 9:
        shown = project.guidelines.filter(number=int(wanted)).first() or shown
    context = {
        "project": project,
        "shown": shown,
        "in_force": bench.guideline,
        "form": form if is_manager else None,
        "versions": project.guidelines.defer("text").order_by("-number")[:50],
        "editing": is_manager and ("edit" in request.GET or request.method == "POST"),
    }
    return render(request, "annotation/guidelines.html", context, status=400 if form.errors else 200)


@project_form("manager", "guidelines")
def guidelines_preview(request, project):
    form = GuidelinesForm(request.POST)
    return HttpResponse(markdown.render(form.cleaned_data["text"]) if form.is_valid() else "")


def _csv_safe(value) -> str:
    """Text that a spreadsheet will not run as a formula."""
    text = str(value)
    return "'" + text if text.startswith(("=", "+", "-", "@", "\t", "\r")) else text


@require_safe
@project_page("annotator")
def work(request, project):
    """Work statement per person and period; annotators and reviewers see their own line only."""
    form = PeriodForm(request.GET or None)
    start, end = form.period()
    everyone = request.role == Role.MANAGER
    rows = figures.work(project, start, end, None if everyone else request.user)
    if request.GET.get("format") == "csv" and not form.errors:
        return _work_csv(project, rows, start, end)
    names = ("submitted", "skipped", "corrections", "active_ms")
    totals = {name: sum(row[name] for row in rows) for name in names}
    price = project.bench.pay_per_item
    totals["pay"] = sum(row["pay"] for row in rows) if price is not None and rows else None
    shown = PeriodForm(request.GET) if form.errors else PeriodForm(initial={"start": start, "end": end})
    context = {"project": project, "rows": rows, "totals": totals, "form": shown, "start": start, "end": end, "everyone": everyone, "price": price}
    return render(request, "annotation/work.html", context)


def _work_csv(project, rows, start, end):
    # The byte order mark makes spreadsheets read the Chinese as UTF-8.
    response = HttpResponse("\ufeff", content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="work-{project.slug}-{start}-{end}.csv"'
    out = csv.writer(response)
    out.writerow(["name", "username", "from", "to", "submitted", "skipped", "corrections", "active_minutes", "pay"])
    for row in rows:
        minutes = f"{row['active_ms'] / 60000:.1f}"
        pay = "" if row["pay"] is None else row["pay"]
        out.writerow([_csv_safe(row["name"]), _csv_safe(row["username"]), start, end, row["submitted"], row["skipped"], row["corrections"], minutes, pay])
    return response


def home_panel(request, project):
    """On the person's list of projects: how far, what came back to them, and the way to the bench; for end users the way to the chat. All projects
    in three queries, one more for end users."""
    from django.template.loader import render_to_string

    if not hasattr(request, "home_figures"):
        request.home_figures = _home_figures(request)
    known, own, kinds, chats = request.home_figures
    mine, returned = own.get(project.pk, (0, 0))
    role = {p.pk: r for p, r in getattr(request, "home_projects", [])}.get(project.pk) or role_in(request.user, project)
    if role == Role.USER:
        chat_url = _url_or_blank("chat", project.slug) if project.pk in chats else ""
        return render_to_string("annotation/_home_project.html", {"role": role, "chat_url": chat_url}, request=request)
    context = {
        "project": project,
        "known": known.get(project.pk),
        "mine": mine,
        "returned": returned,
        "kind": kinds.get(project.pk),
        "role": role,
        "bench_url": _url_or_blank("bench", project.slug) if role != "user" else "",
        "mine_url": _url_or_blank("mine", project.slug),
        "leads": role in ("reviewer", "manager"),
    }
    return render_to_string("annotation/_home_project.html", context, request=request)


def _home_figures(request):
    from django.db.models import Count, Q

    from annotation.models import Annotation, BenchSettings
    from feedback.models import ChatSettings

    all_projects = [p for p, _role in request.home_projects]
    used = [p for p, role in request.home_projects if role == Role.USER]
    chats = set(ChatSettings.objects.filter(project__in=used, enabled=True).values_list("project", flat=True)) if used else set()
    own = Annotation.objects.filter(annotator__user=request.user, project__in=all_projects).exclude(state="withdrawn")
    came_back = Count("pk", filter=Q(state="returned", item__hidden=False))
    counts = {pk: (n, back) for pk, n, back in own.values_list("project").annotate(n=Count("pk"), back=came_back).order_by()}
    kinds = {b.project_id: b.get_kind_display() for b in BenchSettings.objects.filter(project__in=all_projects).only("project_id", "kind")}
    return progress.of_projects(all_projects), counts, kinds, chats


def home_action(request, project):
    """The button that makes a project, on the list of projects."""
    from django.utils.html import format_html

    return format_html('<a class="button primary" href="{}">{}</a>', reverse("project_new"), _("New project"))
