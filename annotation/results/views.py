"""The page Results: which model won, and what else judgements and thumbs say of models. For managers: whoever
judges must not know which answer is whose."""

from django.http import Http404, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_safe

from annotation.models import Annotation, Assignment, Item
from annotation.results import kept, tables
from annotation.results.figures import Results, Scope, nameless
from annotation.results.forms import ScopeForm
from core import spreadsheet
from core.access import project_page
from core.rendering import charts

MOST_BARS = 20


@require_safe
@project_page("manager")
def results(request, project):
    """The page, or with `?format=csv&table=…` one of its tables as a file."""
    form = ScopeForm({"by": "person"} | request.GET.dict())
    scope = form.scope()
    counted, fresh = kept.of(project, scope)
    context = {"project": project, "form": form, "counted": counted, "fresh": fresh}
    if counted is None:
        return render(request, "annotation/results.html", context)
    found = counted.results
    made = tables.all_of(found, scope, project)
    if request.GET.get("format") == "csv":
        return _csv(project, made, request.GET.get("table", ""))
    query = request.GET.copy()
    query.pop("table", None)
    query["format"] = "csv"
    context |= {
        "found": found,
        "tables": made,
        "csv": f"?{query.urlencode()}&table=",
        "charts": _charts(made),
        "why_no_strength": _why_no_strength(found),
        "left_out": _left_out(found, scope),
        "nameless": not (found.groups or scope.tag or scope.language) and nameless(project, scope),
        "judges": _judges_here(project, request.user),
        "filtered": bool(scope.tag or scope.language),
        "scope": scope,
    }
    return render(request, "annotation/results.html", context)


def _csv(project, made: dict, name: str):
    if name not in made:
        raise Http404
    response = HttpResponse(spreadsheet.lines(made[name].csv()), content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="results-{name}-{project.slug}.csv"'
    return response


def _charts(made: dict) -> dict:
    """{name: picture}, each mark a link to what it counts."""
    out = {}
    for name, title, share in (
        ("models", _("Share of comparisons won, a tie as half"), -2),
        ("bias", _("Share won by the longer answer, and by the one shown first"), -1),
        ("qa", _("Share of pairs kept"), -1),
        ("thumbs", _("Share of thumbs up"), -1),
    ):
        if name in made:
            rows = made[name].rows[:MOST_BARS]
            marks = [_mark(row[0].text, row[share], row[1].href) for row in rows]
            guide = 0.5 if name in ("models", "bias") else None
            out[name] = charts.forest(title, marks, guide=guide)
    return out


def _mark(label: str, share: tables.Cell, href: str) -> charts.Ranged:
    value, low, high = (float(v) if v != "" else None for v in share.values)
    return charts.Ranged(label, value, low, high, share.text, href)


def _why_no_strength(found: Results) -> str:
    """Why there are no strengths, "" where there are some or nothing was compared."""
    if found.strengths is not None or not found.groups:
        return ""
    return _(
        "No strengths: some models have won, or lost, every comparison with the rest, or were never compared "
        "with them. The scale would have no end."
    )


def _left_out(found: Results, scope: Scope) -> list[str]:
    """What is not in the figures, as sentences."""
    out = []
    for name, sentence in (
        (
            "returned",
            lambda n: ngettext(
                "%(n)s judgement is with its author, returned.",
                "%(n)s judgements are with their authors, returned.",
                n,
            ),
        ),
        (
            "withdrawn",
            lambda n: ngettext(
                "%(n)s judgement was taken back by its author.",
                "%(n)s judgements were taken back by their authors.",
                n,
            ),
        ),
        (
            "others",
            lambda n: ngettext(
                "%(n)s comparison was judged by others than chosen above.",
                "%(n)s comparisons were judged by others than chosen above.",
                n,
            ),
        ),
    ):
        n = found.left_out.get(name, 0)
        if n:
            out.append(sentence(n) % {"n": n})
    return out


def _judges_here(project, user) -> bool:
    """Whether `user` judges in this project, and there is more to judge: then the names on this page would
    tell them what the bench hides."""
    judges = (
        Annotation.objects.filter(project=project, annotator__user=user).exists()
        or Assignment.objects.filter(project=project, annotator__user=user).exists()
    )
    return judges and Item.objects.filter(project=project, state=Item.State.OPEN, hidden=False).exists()
