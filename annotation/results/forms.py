"""What the page Results looks at."""

from django import forms
from django.utils.translation import gettext_lazy as _

from annotation.results.figures import Scope


class ScopeForm(forms.Form):
    by = forms.ChoiceField(
        label=_("Judged by"),
        required=False,
        choices=[
            ("person", _("People in this project")),
            ("imported", _("Imported judgements")),
            ("model", _("Models as judges")),
            ("all", _("All of them")),
        ],
    )
    language = forms.ChoiceField(
        label=_("Language of the prompt"),
        required=False,
        choices=[
            ("", _("all")),
            ("zh", _("Chinese")),
            ("en", _("English")),
            ("none", _("neither Chinese nor English")),
        ],
    )
    tag = forms.CharField(label=_("Tag"), required=False, max_length=60)

    def scope(self) -> Scope:
        """What was asked for; the whole project where that cannot be meant."""
        asked = self.cleaned_data if self.is_valid() else {}
        return Scope(asked.get("by") or "person", asked.get("tag") or "", asked.get("language") or "")
