"""Forms of a project's pages: shape only; the verbs of `actions` decide."""

from datetime import date

from django import forms
from django.utils.translation import gettext_lazy as _

from annotation.models import BenchSettings, Kind
from annotation.projects.actions import MAX_CRITERIA, MAX_OVERLAP
from core.web.forms import Verbatim


class BenchFields(forms.Form):
    """Fields that creating a project and its settings have in common."""

    title = forms.CharField(label=_("Title"), max_length=200)
    description = forms.CharField(
        label=_("Description"), required=False, max_length=5000, widget=forms.Textarea(attrs={"rows": 2})
    )
    kind = forms.ChoiceField(label=_("Kind of work"), choices=Kind.choices)
    overlap = forms.IntegerField(
        label=_("People per item"),
        min_value=1,
        max_value=MAX_OVERLAP,
        initial=1,
        help_text=_("2 or more let you see agreement."),
    )
    ratings = forms.ChoiceField(label=_("Ratings 1–5"), choices=BenchSettings.Ratings.choices, initial="none")
    ratings_share = forms.IntegerField(
        label=_("Share of items to rate (%)"), min_value=0, max_value=100, initial=100
    )
    lease_minutes = forms.IntegerField(
        label=_("Minutes an item stays reserved"),
        min_value=2,
        max_value=24 * 60,
        initial=30,
        help_text=_("Extended while somebody is working; late work is kept all the same."),
    )
    time_zone = forms.CharField(
        label=_("Time zone"),
        required=False,
        max_length=64,
        widget=forms.TextInput(attrs={"list": "time-zones", "spellcheck": "false", "autocomplete": "off"}),
        help_text=_(
            "Decides when a day begins and ends in this project: for “today”, daily limits and the "
            "work statement."
        ),
    )
    pay_per_item = forms.DecimalField(
        label=_("Pay per item (optional)"), required=False, min_value=0, max_digits=8, decimal_places=2
    )

    def bench(self) -> dict:
        """The cleaned values under the names of BenchSettings."""
        data = self.cleaned_data
        same = ("kind", "overlap", "ratings", "ratings_share", "pay_per_item")
        return {name: data[name] for name in same} | {"lease_seconds": data["lease_minutes"] * 60}


class NewProjectForm(BenchFields):
    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.fields["time_zone"].widget.attrs["data-browser-zone"] = True  # frame.js fills it in

    slug = forms.CharField(
        label=_("Address"),
        max_length=60,
        required=False,
        help_text=_(
            "Lower-case letters, digits, hyphens; cannot be changed later. If left empty, one is made."
        ),
        widget=forms.TextInput(attrs={"spellcheck": "false"}),
    )
    guidelines = forms.CharField(
        label=_("Guidelines (Markdown, optional)"),
        required=False,
        strip=False,
        max_length=200_000,
        widget=forms.Textarea(attrs={"rows": 6}),
    )
    names = forms.CharField(
        label=_("Annotators, one sign-in name on each line (optional)"),
        required=False,
        max_length=100_000,
        help_text=_("Accounts are made for names that have none; their one-time passwords are shown once."),
        widget=forms.Textarea(attrs={"rows": 3, "spellcheck": "false"}),
    )


class CloneForm(forms.Form):
    title = forms.CharField(label=_("Title"), max_length=200)
    slug = forms.CharField(
        label=_("Address"),
        max_length=60,
        help_text=_("Lower-case letters, digits, hyphens; cannot be changed later."),
    )
    members = forms.BooleanField(label=_("With its members"), required=False, initial=True)


class SettingsForm(BenchFields):
    archived = forms.BooleanField(label=_("Archived: out of the way on everyone's list"), required=False)


class CriterionForm(forms.Form):
    key = forms.CharField(
        label=_("Key in the data"),
        required=False,
        max_length=40,
        widget=forms.TextInput(attrs={"spellcheck": "false"}),
    )
    en = forms.CharField(
        label=_("English"), required=False, max_length=80, widget=forms.TextInput(attrs={"lang": "en"})
    )
    zh = forms.CharField(
        label=_("Chinese"), required=False, max_length=80, widget=forms.TextInput(attrs={"lang": "zh-Hans"})
    )


CriteriaFormSet = forms.formset_factory(
    CriterionForm, extra=2, max_num=MAX_CRITERIA, absolute_max=MAX_CRITERIA + 8
)


class GuidelinesForm(forms.Form):
    # Never stripped: what is written is what is kept.
    text = Verbatim(label=_("Text (Markdown)"), max_length=200_000, rows=18)


class PeriodForm(forms.Form):
    """`start` to `end`, both included; the month of `today` when nothing is said."""

    start = forms.DateField(
        label=_("From"), required=False, widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")
    )
    end = forms.DateField(
        label=_("To"), required=False, widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")
    )

    def clean(self):
        data = super().clean()
        if data.get("start") and data.get("end") and data["start"] > data["end"]:
            raise forms.ValidationError(_("The period ends before it begins."))
        return data

    def period(self, today: date) -> tuple[date, date]:
        data = self.cleaned_data if self.is_bound and self.is_valid() else {}
        end = data.get("end") or today
        return data.get("start") or end.replace(day=1), end
