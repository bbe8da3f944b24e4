"""The work statement: who did how much in a period, on screen and for a spreadsheet."""

from datetime import timedelta

from django.http import HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from annotation.items.filter import ItemFilter
from annotation.projects.forms import PeriodForm
from annotation.statistics import project as figures
from annotation.statistics import speed
from core import local_time, spreadsheet
from core.access import project_page
from core.models import Role


@require_safe
@project_page("annotator")
def work(request, project):
    """Work statement per person and period; annotators and reviewers see their own line only."""
    form = PeriodForm(request.GET or None)
    today = local_time.today(project)
    start, end = form.period(today)
    everyone = request.role == Role.MANAGER
    rows = figures.work(project, start, end, None if everyone else request.user)
    if request.GET.get("format") == "csv" and not form.errors:
        return _work_csv(project, rows, start, end)
    names = ("submitted", "skipped", "corrections", "active_ms")
    totals = {name: sum(row[name] for row in rows) for name in names}
    price = project.bench.pay_per_item
    totals["pay"] = sum(row["pay"] for row in rows) if price is not None and rows else None
    hasty = speed.hasty(project) if everyone else {}
    for row in rows:
        row["pace"] = hasty.get(row["annotator"])
        if everyone:
            row["to"] = _links(project, row["pseudonym"], start, end)
    last = today.replace(day=1) - timedelta(days=1)
    shown = PeriodForm(request.GET) if form.errors else PeriodForm(initial={"start": start, "end": end})
    context = {
        "project": project,
        "rows": rows,
        "totals": totals,
        "form": shown,
        "start": start,
        "end": end,
        "everyone": everyone,
        "price": price,
        "months": [
            (_("This month"), today.replace(day=1), today),
            (_("Last month"), last.replace(day=1), last),
        ],
        "hasty": any(row["pace"] for row in rows),
    }
    return render(request, "annotation/work.html", context)


def _links(project, who: str, start, end) -> dict[str, str]:
    """{figure: the list of the items it counts}."""
    asked = ItemFilter(annotator=who, start=start, end=end)
    steps = {"submitted": "submitted", "skipped": "skipped", "corrections": "corrected"}
    return {name: asked.but(did=did).url(project) for name, did in steps.items()}


def _work_csv(project, rows, start, end):
    table: list[list] = [
        ["name", "username", "from", "to", "submitted", "skipped", "corrections", "active_minutes", "pay"]
    ]
    for row in rows:
        minutes = f"{row['active_ms'] / 60000:.1f}"
        pay = "" if row["pay"] is None else row["pay"]
        table.append(
            [
                row["name"],
                row["username"],
                start,
                end,
                row["submitted"],
                row["skipped"],
                row["corrections"],
                minutes,
                pay,
            ]
        )
    response = HttpResponse(spreadsheet.lines(table), content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="work-{project.slug}-{start}-{end}.csv"'
    return response
