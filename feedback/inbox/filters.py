"""What the inbox may be asked for: the form of its page, which is also what links from other pages say."""

from django import forms
from django.utils.translation import get_language, gettext_lazy
from django.utils.translation import gettext as _

from corpus.models import ModelVersion
from feedback.models import ChatSettings, Choice, Conversation
from feedback.reactions import reasons as reason_lists

ABOUT = [
    ("", gettext_lazy("All that was said")),
    ("thumb", gettext_lazy("Thumbs")),
    ("correction", gettext_lazy("Corrections")),
    ("choice", gettext_lazy("Choices among drafts")),
    ("score", gettext_lazy("Scores of conversations")),
    ("signal", gettext_lazy("Signals, not judgements")),
    ("waiting", gettext_lazy("What waits for its answer")),
]
STATES = [
    ("", gettext_lazy("Any")),
    ("new", gettext_lazy("New")),
    ("looked", gettext_lazy("Looked at")),
    ("sent", gettext_lazy("Sent to experts")),
    ("answered", gettext_lazy("Answered")),
]
PROMOTED = [
    ("", gettext_lazy("Any")),
    ("yes", gettext_lazy("With the experts")),
    ("no", gettext_lazy("Not with the experts")),
    ("refused", gettext_lazy("Cannot be judged")),
]
LANGUAGES = [
    ("", gettext_lazy("Any")),
    ("zh", gettext_lazy("Chinese")),
    ("other", gettext_lazy("Without Chinese characters")),
]
# Only links say these; the page shows them as chips that can be taken away.
BY_LINK = ("person", "score", "verdict", "again", "drafts", "place", "signal", "expert")


def _date(label):
    return forms.DateField(
        label=label, required=False, widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")
    )


class InboxFilter(forms.Form):
    """All of it may be left out. A value that makes no sense is told, and filters nothing."""

    q = forms.CharField(label=gettext_lazy("Words"), required=False, max_length=100, strip=True)
    about = forms.ChoiceField(label=gettext_lazy("What was said"), required=False, choices=ABOUT)
    thumb = forms.ChoiceField(
        label=gettext_lazy("Thumb"),
        required=False,
        choices=[("", gettext_lazy("Any")), ("up", gettext_lazy("Up")), ("down", gettext_lazy("Down"))],
    )
    reason = forms.ChoiceField(label=gettext_lazy("Reason"), required=False)
    has = forms.ChoiceField(
        label=gettext_lazy("With"),
        required=False,
        choices=[
            ("", gettext_lazy("Any")),
            ("comment", gettext_lazy("A comment")),
            ("correction", gettext_lazy("A correction")),
        ],
    )
    model = forms.ChoiceField(label=gettext_lazy("Model version"), required=False)
    language = forms.ChoiceField(
        label=gettext_lazy("Language of the answer"), required=False, choices=LANGUAGES
    )
    state = forms.ChoiceField(label=gettext_lazy("State"), required=False, choices=STATES)
    promoted = forms.ChoiceField(label=gettext_lazy("Experts"), required=False, choices=PROMOTED)
    source = forms.ChoiceField(
        label=gettext_lazy("Came through"),
        required=False,
        choices=[("", gettext_lazy("Any")), *Conversation.Source.choices],
    )
    start = _date(gettext_lazy("From"))
    end = _date(gettext_lazy("To"))
    by = forms.ChoiceField(
        label=gettext_lazy("Date of"),
        required=False,
        choices=[("", gettext_lazy("What was said")), ("answered", gettext_lazy("The answer"))],
    )
    person = forms.IntegerField(required=False, min_value=1, max_value=2**62)
    score = forms.IntegerField(required=False, min_value=1, max_value=5)
    verdict = forms.ChoiceField(required=False, choices=[("", ""), *Choice.Verdict.choices])
    again = forms.ChoiceField(required=False, choices=[("", ""), ("0", ""), ("1", "")])
    drafts = forms.IntegerField(required=False, min_value=2, max_value=99)
    place = forms.IntegerField(required=False, min_value=1, max_value=99)
    signal = forms.CharField(required=False, max_length=10)
    expert = forms.RegexField(r"^((up|down)-(good|bad|none)|compared)$", required=False)

    def __init__(self, *args, project, **kwargs):
        super().__init__(*args, **kwargs)
        versions = ModelVersion.objects.filter(project=project).order_by("name").values_list("id", "name")
        self.models = {str(pk): name for pk, name in versions}
        self.fields["model"].choices = [("", _("Any")), *self.models.items()]
        self.reasons = reason_words(project)
        asked = self.data.get("reason", "") if self.is_bound else ""
        choices = dict(self.reasons)
        if reason_lists.KEY.fullmatch(asked):  # one that the project has no more, or never had
            choices.setdefault(asked, asked)
        self.fields["reason"].choices = [("", _("Any")), *choices.items()]

    def asked(self) -> dict:
        """{name: value} of what was asked for, whether or not something else of it made no sense."""
        if self.is_bound:
            self.is_valid()
            return {name: value for name, value in self.cleaned_data.items() if value not in (None, "")}
        return {}


def reason_words(project) -> dict[str, str]:
    """{key of a reason: its words}: the project's own, and those that every project begins with. One
    query."""
    chat = ChatSettings.objects.filter(project=project).only("up_reasons", "down_reasons").first()
    language = get_language() or "en"
    own = [*chat.up_reasons, *chat.down_reasons] if chat else []
    usual = reason_lists.labels([*reason_lists.UP, *reason_lists.DOWN], language)
    return usual | reason_lists.labels(own, language)
