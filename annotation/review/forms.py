"""Forms of the reviewer's pages."""

from django import forms
from django.utils.translation import gettext_lazy as _

from annotation.document import ITEM_FLAGS
from annotation.models import Annotation
from core.web.forms import Verbatim

STATES = {
    Annotation.State.SUBMITTED: _("to review"),
    Annotation.State.ACCEPTED: _("accepted"),
    Annotation.State.RETURNED: _("returned"),
    "all": _("all"),
}
FLAGS = {
    "needs_second_opinion": _("needs a second opinion"),
    "personal_data": _("personal data"),
    "nonsense": _("the question itself is faulty"),
}
assert set(FLAGS) == set(ITEM_FLAGS)


class ReviewFilter(forms.Form):
    """Which items stand on the reviewer's list; a part of every address of the desk."""

    state = forms.ChoiceField(label=_("State"), required=False, choices=STATES.items())
    flag = forms.ChoiceField(label=_("Flag"), required=False, choices=[("", _("any")), *FLAGS.items()])
    annotator = forms.CharField(label=_("Annotator"), required=False, max_length=40)
    tag = forms.CharField(label=_("Tag"), required=False, max_length=60)
    corrections = forms.BooleanField(label=_("With corrections"), required=False)
    low = forms.BooleanField(label=_("Low agreement"), required=False)

    def asked(self) -> dict:
        """What is asked for, each part by itself: one that makes no sense does not undo the others."""
        self.is_valid()
        return {name: value for name, value in self.cleaned_data.items() if value not in ("", None, False)}


class AgreeingForm(forms.Form):
    """From which agreement on items are accepted together, and what had been shown when it was confirmed."""

    least = forms.FloatField(label=_("Agreement of at least"), min_value=-1, max_value=1, initial=0.8)
    upto = forms.IntegerField(required=False, min_value=0, max_value=2**62, widget=forms.HiddenInput)


class RulingForm(forms.Form):
    """A ranking in one line, such as B > A = C | D, or the verdict of a pair of question and answer."""

    ranking = forms.CharField(label=_("Your ranking"), required=False, max_length=80)
    verdict = forms.CharField(required=False, max_length=10)
    reasons = forms.CharField(required=False, max_length=200)
    text = forms.CharField(required=False, strip=False, max_length=200_000)
    comment = forms.CharField(required=False, strip=False, max_length=20_000)


class CommentForm(forms.Form):
    comment = Verbatim(max_length=20_000)
