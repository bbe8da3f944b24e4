"""The form of an endpoint: shape only, the verbs of inference.endpoints decide."""

import json

from django import forms
from django.utils.translation import gettext_lazy as _

from core.api.parsers import strict_loads
from inference.endpoints import LIMITS

PLAIN = {"spellcheck": "false", "autocapitalize": "none", "autocomplete": "off"}


class EndpointForm(forms.Form):
    name = forms.CharField(
        label=_("Name here"),
        max_length=80,
        help_text=_("As managers see it here. People who chat never see it."),
    )
    base_url = forms.CharField(
        label=_("Address, up to /v1"),
        max_length=500,
        widget=forms.TextInput(attrs={**PLAIN, "placeholder": "http://10.0.0.5:8000/v1", "inputmode": "url"}),
    )
    model_name = forms.CharField(
        label=_("Model name on the server"), max_length=200, widget=forms.TextInput(attrs=PLAIN)
    )
    version = forms.CharField(
        label=_("Model version that its answers count under"),
        max_length=200,
        required=False,
        help_text=_("If left empty, the model name on the server."),
    )
    key = forms.CharField(
        label=_("API key"), required=False, strip=True, max_length=4000,
        widget=forms.PasswordInput(render_value=False, attrs={"autocomplete": "off", "spellcheck": "false"}),
    )  # fmt: skip
    remove_key = forms.BooleanField(label=_("Remove the stored key"), required=False)
    secret_variable = forms.CharField(
        label=_("Or the operator's variable that holds the key"),
        max_length=80,
        required=False,
        help_text=_("For example ENDPOINT_KEY_WARD."),
        widget=forms.TextInput(attrs=PLAIN),
    )
    parameters = forms.CharField(
        label=_("Parameters sent with every request (JSON)"),
        required=False,
        max_length=10_000,
        strip=False,
        help_text=_('For example {"temperature": 0.7, "max_tokens": 1024}.'),
        widget=forms.Textarea(attrs={"rows": 2, **PLAIN}),
    )
    first_token_seconds = forms.IntegerField(
        label=_("Longest wait for the first piece (seconds)"), initial=60
    )
    idle_seconds = forms.IntegerField(label=_("Longest wait between two pieces (seconds)"), initial=30)
    total_seconds = forms.IntegerField(label=_("Longest time in all (seconds)"), initial=600)
    retries = forms.IntegerField(label=_("Retries when the server is busy"), initial=2)
    max_characters = forms.IntegerField(label=_("Longest answer, in characters"), initial=200_000)
    active = forms.BooleanField(label=_("In use"), required=False, initial=True)

    def __init__(self, *args, endpoint=None, **kwargs):
        if endpoint is not None:
            same = ["name", "base_url", "model_name", "secret_variable", "active", *LIMITS]
            initial = {field: getattr(endpoint, field) for field in same}
            initial["version"] = endpoint.model_version.name if endpoint.model_version else ""
            initial["parameters"] = (
                json.dumps(endpoint.parameters, ensure_ascii=False) if endpoint.parameters else ""
            )
            kwargs["initial"] = initial
        super().__init__(*args, **kwargs)
        self.kept = bool(endpoint is not None and endpoint.secret)
        for field, (low, high) in LIMITS.items():
            self.fields[field].widget.attrs |= {"min": low, "max": high}
        if self.kept:
            self.fields["key"].help_text = _("A key is stored; it is never shown. Leave empty to keep it.")
        else:
            del self.fields["remove_key"]
            self.fields["key"].help_text = _(
                "Stored encrypted and never shown again. Leave empty if the server wants none."
            )

    def clean_parameters(self):
        text = self.cleaned_data["parameters"].strip()
        try:
            return strict_loads(text.encode()) if text else {}
        except (ValueError, RecursionError):
            raise forms.ValidationError(
                _('Parameters are a JSON object, for example {"temperature": 0.7}.')
            ) from None

    def values(self) -> dict:
        """The arguments of inference.endpoints.save."""
        data = dict(self.cleaned_data)
        remove = data.pop("remove_key", False)
        data["key"] = data["key"] or ("" if remove else None)
        return data
