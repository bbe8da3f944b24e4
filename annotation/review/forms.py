"""Forms of the reviewer's pages."""

from django import forms
from django.utils.translation import gettext_lazy as _

from core.web.forms import Verbatim


class ReviewFilter(forms.Form):
    STATES = [
        ("submitted", _("to review")),
        ("accepted", _("accepted")),
        ("returned", _("returned")),
        ("all", _("all")),
    ]

    state = forms.ChoiceField(label=_("State"), required=False, choices=STATES)
    annotator = forms.CharField(label=_("Annotator"), required=False, max_length=40)
    tag = forms.CharField(label=_("Tag"), required=False, max_length=60)
    corrections = forms.BooleanField(label=_("With corrections"), required=False)
    low = forms.BooleanField(label=_("Low agreement"), required=False)
    before = forms.IntegerField(required=False, min_value=0, max_value=2**62, widget=forms.HiddenInput)


class CommentForm(forms.Form):
    comment = Verbatim(max_length=20_000)
