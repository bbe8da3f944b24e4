"""Forms of the list of items, and of one item."""

from django import forms
from django.utils.translation import gettext_lazy as _

from annotation.models import Item, Kind


class ItemFilter(forms.Form):
    q = forms.CharField(
        label=_("Item or external id"),
        required=False,
        max_length=200,
        widget=forms.TextInput(attrs={"type": "search"}),
    )
    state = forms.ChoiceField(label=_("State"), required=False, choices=[("", _("any")), *Item.State.choices])
    kind = forms.ChoiceField(label=_("Kind"), required=False, choices=[("", _("any")), *Kind.choices])
    tag = forms.CharField(label=_("Tag"), required=False, max_length=60)
    hidden = forms.BooleanField(label=_("Reported only"), required=False)
    after = forms.IntegerField(required=False, min_value=0, max_value=2**62, widget=forms.HiddenInput)


class TagsForm(forms.Form):
    tags = forms.CharField(required=False, max_length=2000)
