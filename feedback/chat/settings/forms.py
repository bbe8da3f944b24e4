"""Forms of the chat's settings: shape only; the verbs of feedback.chat.settings.actions decide."""

from django import forms
from django.utils.translation import gettext_lazy as _

from core.web.forms import Verbatim
from corpus.masking import LABELS
from corpus.personal_data import KINDS
from feedback.models import ChatSettings
from feedback.reactions.reasons import MAX_LABEL, MAX_REASONS

# What each choice means, said where it is made.
MEANING = {
    "content": _(
        "Questions and answers stay until somebody deletes them. Experts can be asked about them, and "
        "they can become training data."
    ),
    "ids": _(
        "Only who gave which thumb to which turn of which model. The conversation itself is in the "
        "person's browser and gone when it is closed; none of it reaches experts or training."
    ),
    "days": _(
        "As above, but only for the days set below; then texts, comments and corrections are emptied and "
        "only the counts remain. What experts were given before stays with them."
    ),
    "storage": _("The model gets what was typed, the database only the masked text. It cannot be undone."),
    "written": _(
        "Written on the page “Feedback”, under an answer of the chat. The person is told beforehand that "
        "an expert may reply, but not who did."
    ),
    "settled": _(
        "When an answer sent to the experts is settled, the person reads whether it was found good, and the "
        "corrected answer. What somebody wrote is not replaced."
    ),
    "promotion": _("The database holds what was typed; experts and training files get the masked text."),
}
LONG = 20_000
_AUTO = {"dir": "auto"}


class ChatForm(forms.Form):
    enabled = forms.BooleanField(
        label=_("The chat is open"),
        required=False,
        help_text=_("Members of the project can talk to the model; guests need a link."),
    )
    welcome = Verbatim(
        max_length=LONG,
        attrs=_AUTO,
        label=_("Welcome"),
        rows=2,
        help_text=_("Shown before the first question. Markdown."),
    )
    system = Verbatim(
        max_length=LONG,
        attrs=_AUTO,
        label=_("Instruction to the model"),
        rows=4,
        help_text=_("Sent before every conversation as the system message. Those begun earlier keep theirs."),
    )
    assign = forms.ChoiceField(
        label=_("The answering model is drawn"), choices=ChatSettings.Arms.choices, widget=forms.RadioSelect
    )
    turns_per_minute = forms.IntegerField(
        label=_("Questions a person may ask in a minute"), min_value=1, max_value=600
    )
    drafts = forms.ChoiceField(label=_("Several drafts to choose from"), choices=ChatSettings.Drafts.choices)
    draft_share = forms.IntegerField(label=_("On what share of turns (%)"), min_value=1, max_value=100)
    draft_count = forms.IntegerField(label=_("How many drafts"), min_value=2, max_value=4)
    draft_from_arms = forms.BooleanField(
        label=_("Each draft from another model"),
        required=False,
        help_text=_("Otherwise one model answers several times."),
    )
    keep = forms.ChoiceField(
        label=_("What is kept"), choices=ChatSettings.Keep.choices, widget=forms.RadioSelect
    )
    keep_days = forms.IntegerField(label=_("Days until the texts are dropped"), min_value=1, max_value=3650)
    masking = forms.ChoiceField(
        label=_("Personal data is masked"), choices=ChatSettings.Masking.choices, widget=forms.RadioSelect
    )
    mask_kinds = forms.MultipleChoiceField(
        label=_("What is masked"),
        required=False,
        choices=[(k, LABELS[k]) for k in KINDS],
        widget=forms.CheckboxSelectMultiple,
        help_text=_("None chosen means the usual ones: mobile, identity card, bank card, e-mail."),
    )
    replies = forms.ChoiceField(
        label=_("An expert's reply appears in the person's conversation"),
        choices=ChatSettings.Replies.choices,
        widget=forms.RadioSelect,
        required=False,
    )
    origins = forms.CharField(
        label=_("Sites that may carry the widget"),
        required=False,
        max_length=LONG,
        help_text=_("One on each line: https://www.example.org"),
        widget=forms.Textarea(attrs={"rows": 2, "spellcheck": "false", "class": "code"}),
    )

    def explained(self) -> dict[str, list]:
        """{field: [(option, what it means)]} of the choices that need saying."""
        return {
            name: [(option, MEANING.get(option.data["value"], "")) for option in self[name]]
            for name in ("keep", "masking", "replies")
        }

    def values(self) -> dict:
        """The cleaned values under the names of ChatSettings."""
        values = self.cleaned_data | {"origins": self.cleaned_data["origins"].splitlines()}
        values["replies"] = values["replies"] or ChatSettings.Replies.OFF
        return values


def initial(settings: ChatSettings) -> dict:
    """What the form shows before anything was typed."""
    shown = {name: getattr(settings, name) for name in ChatForm.base_fields}
    return shown | {"origins": "\n".join(settings.origins)}


class ArmForm(forms.Form):
    endpoint = forms.IntegerField(min_value=1, max_value=2**62, widget=forms.HiddenInput)
    active = forms.BooleanField(label=_("Answers"), required=False)
    weight = forms.IntegerField(label=_("Weight"), min_value=1, max_value=1000, initial=1)


ArmFormSet = forms.formset_factory(ArmForm, extra=0, max_num=200, absolute_max=200)


class ReasonForm(forms.Form):
    key = forms.CharField(
        label=_("Key in the data"),
        required=False,
        max_length=40,
        widget=forms.TextInput(attrs={"spellcheck": "false"}),
    )
    en = forms.CharField(
        label=_("English"), required=False, max_length=MAX_LABEL, widget=forms.TextInput(attrs={"lang": "en"})
    )
    zh = forms.CharField(
        label=_("Chinese"),
        required=False,
        max_length=MAX_LABEL,
        widget=forms.TextInput(attrs={"lang": "zh-Hans"}),
    )


ReasonFormSet = forms.formset_factory(ReasonForm, extra=2, max_num=MAX_REASONS, absolute_max=MAX_REASONS + 8)


class ConsentForm(forms.Form):
    consent = Verbatim(
        max_length=LONG,
        attrs=_AUTO,
        label=_("What people agree to"),
        rows=6,
        help_text=_(
            "Asked once, before the first question. If the text changes, everybody is asked again. If left "
            "empty, nothing is asked. Markdown."
        ),
    )


class LinkForm(forms.Form):
    label = forms.CharField(label=_("What it is for"), required=False, max_length=80)
    days = forms.IntegerField(label=_("Valid for (days)"), min_value=1, max_value=365, initial=30)
