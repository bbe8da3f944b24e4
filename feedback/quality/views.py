"""The page Feedback: what the feedback of end users is worth, for reviewers. Every figure with its
uncertainty."""

from datetime import timedelta

from django import forms
from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import get_language, gettext_lazy, ngettext
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from core import local_time, spreadsheet
from core.access import project_page
from core.rendering import charts
from core.text import percent
from corpus.models import ModelVersion
from feedback.conversations.end_users import label
from feedback.models import ChatSettings, Choice, EndUser, Signal
from feedback.quality import beside, figures, intervals
from feedback.quality.figures import Figures, Scope
from feedback.quality.intervals import Share, points, shown
from feedback.reactions import reasons as reason_lists

DAYS = 30
LONGEST = timedelta(days=1830)
CHARTS = 6


class FilterForm(forms.Form):
    """`start` to `end` (days of the project, both included; the last 30 days when nothing is said) and one
    model version."""

    start = forms.DateField(
        label=gettext_lazy("From"),
        required=False,
        widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
    )
    end = forms.DateField(
        label=gettext_lazy("To"),
        required=False,
        widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
    )
    model = forms.ChoiceField(label=gettext_lazy("Model version"), required=False)

    def __init__(self, *args, models, **kwargs):
        super().__init__(*args, **kwargs)
        self.fields["model"].choices = [("", _("all")), *((str(pk), name) for pk, name in models.items())]

    def clean(self):
        data = super().clean()
        if data.get("start") and data.get("end") and data["start"] > data["end"]:
            raise forms.ValidationError(_("The period ends before it begins."))
        if data.get("start") and (data.get("end") or timezone.localdate()) - data["start"] > LONGEST:
            raise forms.ValidationError(_("At most five years at a time."))
        return data

    def scope(self, project) -> Scope:
        data = self.cleaned_data if self.is_bound and self.is_valid() else {}
        today = local_time.today(project)
        end = min(data.get("end") or today, today)
        start = data.get("start") or end - timedelta(days=min(DAYS - 1, (end - end.min).days))
        return Scope(project, min(start, end), end, int(data["model"]) if data.get("model") else None)


@require_safe
@project_page("reviewer")
def feedback(request, project):
    """The page, or with `?format=csv` the daily figures as a file."""
    models = dict(ModelVersion.objects.filter(project=project).order_by("name").values_list("id", "name"))
    form = FilterForm(request.GET or None, models=models)
    scope = form.scope(project)
    days = figures.daily(scope)
    if request.GET.get("format") == "csv" and not form.errors:
        return _csv(project, scope, days, models)
    request.feedback_scope = scope  # for panels that other rooms hang in here
    people = figures.by_person(scope)
    inbox = Inbox(scope)
    context = _rates(scope, days, people, models, inbox) | _who(scope, people, inbox)
    request.feedback_answers = context["total"].answers
    found = figures.positions(scope)
    query = request.GET.copy()
    query["format"] = "csv"
    context |= {
        "project": project,
        "form": form
        if form.is_bound
        else FilterForm(models=models, initial={"start": scope.start, "end": scope.end}),
        "scope": scope,
        "csv": "?" + query.urlencode(),
        "more": figures.said_more(scope),
        "inbox": {
            "thumbs": inbox.thumbs(),
            "up": inbox.thumbs(thumb="up"),
            "down": inbox.thumbs(thumb="down"),
            "comments": inbox.thumbs(has="comment"),
            "corrections": inbox.to(by="answered", about="correction"),
            "scores": inbox.to(about="score", model=""),
            "waiting": inbox.to(about="waiting", start="", end="", model=""),
        },
        "reasons": _reasons(scope, context["total"], inbox),
        "drafts": [_position(one, inbox) for one in found["drafts"]],
        "verdicts": _verdicts(found["verdicts"], inbox),
        "scores": _scores(figures.scores(scope), inbox),
        "waiting": beside.waiting(project),
        "lost": beside.lost(scope),
        "signals": [
            {
                "name": Signal.Name(name).label if name in Signal.Name.values else name,
                "n": n,
                "people": who,
                "href": inbox.to(about="signal", signal=name),
            }
            for name, n, who in beside.signals(scope)
        ],
    }
    return render(request, "feedback/quality.html", context)


class Inbox:
    """Addresses of the inbox with the rows that a figure of `scope` counts."""

    def __init__(self, scope: Scope):
        self._scope = scope
        self._page = reverse("inbox", args=[scope.project.slug])

    def to(self, **asked) -> str:
        return f"{self._page}?{self._scope.query(**asked)}"

    def thumbs(self, **asked) -> str:
        """Thumbs by the day of the answer, as all rates are."""
        return self.to(by="answered", about="thumb", **asked)


def _name(models: dict, pk) -> str:
    return models.get(pk) or _("model not known")


def _rates(scope: Scope, days: dict, people: dict, models: dict, inbox: Inbox) -> dict:
    total, by_model = Figures(), {}
    for (_day, model), one in days.items():
        total += one
        by_model.setdefault(model, Figures()).__iadd__(one)
    step, buckets = figures.buckets(scope)
    order = sorted(by_model, key=lambda m: (-by_model[m].thumbs, -by_model[m].answers))
    compared = {row["model"]: row for row in figures.compared(people)}
    rows = []
    for model in order:
        one, cluster = by_model[model], compared.get(model, {})
        rows.append(
            {
                "name": _name(models, model),
                "figures": one,
                "response": shown(one.response),
                "rate": shown(one.rate),
                "people": cluster.get("people", 0),
                "clustered": shown(cluster.get("rate")),
                "less": points(cluster["less"]) if cluster.get("less") else "",
                # what has no model known cannot be asked for by it
                "up": inbox.thumbs(model=model, thumb="up") if model else "",
                "down": inbox.thumbs(model=model, thumb="down") if model else "",
                "thumbs": inbox.thumbs(model=model) if model else "",
            }
        )
    drawn = [
        {
            "name": _name(models, model),
            "chart": _chart(_name(models, model), model, days, buckets, total, inbox),
        }
        for model in [m for m in order if by_model[m].thumbs][:CHARTS]
    ]
    return {
        "total": total,
        "rate": shown(total.rate),
        "response": shown(total.response),
        "rows": rows,
        "charts": drawn,
        "step": step,
    }


def _chart(name, model, days: dict, buckets: list, total: Figures, inbox: Inbox):
    data = []
    for begin, end in buckets:
        one = Figures()
        for n in range((end - begin).days + 1):
            found = days.get((begin + timedelta(days=n), model))
            if found is not None:
                one += found
        words = date_format(begin, "MONTH_DAY_FORMAT")
        share = one.rate
        if share is None:
            data.append(charts.Ranged(words, None))
        else:
            counted = ngettext("%(rate)s of %(n)s thumb", "%(rate)s of %(n)s thumbs", one.thumbs)
            counted %= {"rate": shown(share), "n": one.thumbs}
            rows = inbox.thumbs(model=model, start=begin, end=end) if model else ""
            data.append(charts.Ranged(words, share.value, share.low, share.high, counted, rows))
    title = _("Share of thumbs up: %(name)s") % {"name": name}
    return charts.ranged(title, data, guide=total.up / total.thumbs if total.thumbs else None)


def _reasons(scope: Scope, total: Figures, inbox: Inbox) -> list[dict]:
    settings = ChatSettings.objects.filter(project=scope.project).only("up_reasons", "down_reasons").first()
    language = get_language() or "en"
    own = [*settings.up_reasons, *settings.down_reasons] if settings else []
    words = reason_lists.labels([*reason_lists.UP, *reason_lists.DOWN], language) | reason_lists.labels(
        own, language
    )
    found = figures.reasons(scope)
    out = []
    for value, title, of in ((-1, _("Under thumbs down"), total.down), (1, _("Under thumbs up"), total.up)):
        marks = [
            charts.Mark(
                words.get(key, key),
                n,
                inbox.thumbs(thumb="down" if value < 0 else "up", reason=key),
                "bad" if value < 0 else "good",
                f"{n} ({percent(n / of if of else None)})",
            )
            for key, n in found[value]
        ]
        out.append({"title": title, "chart": charts.bars(title, marks[:15]), "of": of})
    return out


def _who(scope: Scope, people: dict, inbox: Inbox) -> dict:
    heavy, hints = figures.heavy(people), figures.suspects(scope, people)
    wanted = {p for p, *_rest in [*heavy["top"], *hints["same"], *hints["bursts"]]}
    labels = {
        p.pk: label(p) for p in EndUser.objects.filter(project=scope.project, pk__in=wanted).only("key_hash")
    }
    rate = heavy["rate"]
    return {
        "heavy": {
            "people": heavy["people"],
            "thumbs": heavy["thumbs"],
            "top_share": percent(heavy["top_share"]),
            "rate": shown(rate),
            "top": [
                {
                    "who": labels.get(p, "–"),
                    "n": n,
                    "share": percent(share),
                    "rate": percent(up / n),
                    "href": inbox.thumbs(person=p),
                }
                for p, up, n, share in heavy["top"]
                if n > 1
            ],
            "caps": [
                {
                    "cap": cap,
                    "n": n,
                    "rate": percent(value),
                    "moved": points(Share(value - rate.value, None, None, n))
                    if value is not None and rate
                    else "",
                }
                for cap, n, value in heavy["caps"]
            ],
        },
        "same": [
            {
                "who": labels.get(p, "–"),
                "words": _("only thumbs up") if value > 0 else _("only thumbs down"),
                "n": n,
                "chance": f"{chance:.0e}",
                "href": inbox.thumbs(person=p),
            }
            for p, value, n, chance in hints["same"]
        ],
        "bursts": [
            {
                "who": labels.get(p, "–"),
                "minute": most,
                "when": when,
                "seconds": few,
                "href": inbox.to(person=p),
            }
            for p, most, when, few in hints["bursts"]
        ],
    }


def _position(one: dict, inbox: Inbox) -> dict:
    places = [
        {
            "place": i + 1,
            "share": shown(share),
            "off": off,
            "n": round(share.value * share.n),
            "href": inbox.to(about="choice", drafts=one["k"], place=i + 1),
        }
        for i, (share, off) in enumerate(zip(one["places"], one["off"], strict=True))
    ]
    return {
        "k": one["k"],
        "n": one["n"],
        "href": inbox.to(about="choice", drafts=one["k"]),
        "even": percent(one["even"]),
        "places": places,
        "off": any(one["off"]),
    }


def _verdicts(found: dict, inbox: Inbox) -> list[dict]:
    titles = {False: _("Drafts side by side"), True: _("Asked again: is it better?")}
    out = []
    for again, counts in found.items():
        n = sum(counts.values())
        if n:
            rows = [
                (
                    str(words),
                    counts.get(value, 0),
                    shown(intervals.exact(counts.get(value, 0), n)),
                    inbox.to(about="choice", verdict=value, again=int(again)),
                )
                for value, words in Choice.Verdict.choices
            ]
            out.append({"title": titles[again], "n": n, "rows": rows})
    return out


def _scores(found: dict, inbox: Inbox) -> dict:
    marks = [
        charts.Mark(str(i), n, inbox.to(about="score", score=i, model="") if n else "")
        for i, n in enumerate(found["counts"], 1)
    ]
    return {
        "n": found["n"],
        "mean": found["mean"],
        "chart": charts.bars(_("Scores of conversations"), marks) if found["n"] else "",
    }


def _csv(project, scope: Scope, days: dict, models: dict):
    rows: list[list] = [
        [
            "day",
            "model_version",
            "answers",
            "answers_with_thumb",
            "thumbs_up",
            "thumbs_down",
            "share_up",
            "low_95",
            "high_95",
        ]
    ]
    for (day, model), one in sorted(days.items(), key=lambda e: (e[0][0], models.get(e[0][1], ""))):
        share = one.rate
        cells = [""] * 3 if share is None else [f"{share.value:.4f}", f"{share.low:.4f}", f"{share.high:.4f}"]
        rows.append([day, models.get(model, ""), one.answers, one.with_thumb, one.up, one.down, *cells])
    response = HttpResponse(spreadsheet.lines(rows), content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = (
        f'attachment; filename="feedback-{project.slug}-{scope.start}-{scope.end}.csv"'
    )
    return response
