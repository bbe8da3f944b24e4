"""What the inbox may be asked for: the form of its page, which is also what links from other pages say."""

from django import forms
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as _l

from corpus.models import ModelVersion
from feedback.models import ChatSettings, Choice, Conversation
from feedback.reactions import reasons as reason_lists

ABOUT = [
    ("", _l("All that was said")),
    ("thumb", _l("Thumbs")),
    ("correction", _l("Corrections")),
    ("choice", _l("Choices among drafts")),
    ("score", _l("Scores of conversations")),
    ("signal", _l("Signals, no judgements")),
    ("waiting", _l("What waits for its answer")),
]
STATES = [
    ("", _l("Any")),
    ("new", _l("New")),
    ("looked", _l("Looked at")),
    ("sent", _l("Sent to experts")),
    ("answered", _l("Answered")),
]
PROMOTED = [
    ("", _l("Any")),
    ("yes", _l("Before experts")),
    ("no", _l("Not before experts")),
    ("refused", _l("Cannot be judged")),
]
LANGUAGES = [("", _l("Any")), ("zh", _l("Chinese")), ("other", _l("Without Chinese characters"))]
# Only links say these; the page shows them as chips that can be taken away.
BY_LINK = ("person", "score", "verdict", "again", "drafts", "place", "signal", "expert")


def _date(label):
    return forms.DateField(
        label=label, required=False, widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")
    )


class InboxFilter(forms.Form):
    """All of it may be left out. A value that makes no sense is told, and filters nothing."""

    q = forms.CharField(label=_l("Words"), required=False, max_length=100, strip=True)
    about = forms.ChoiceField(label=_l("What was said"), required=False, choices=ABOUT)
    thumb = forms.ChoiceField(
        label=_l("Thumb"), required=False, choices=[("", _l("Any")), ("up", _l("Up")), ("down", _l("Down"))]
    )
    reason = forms.ChoiceField(label=_l("Reason"), required=False)
    has = forms.ChoiceField(
        label=_l("With"),
        required=False,
        choices=[("", _l("Any")), ("comment", _l("A comment")), ("correction", _l("A correction"))],
    )
    model = forms.ChoiceField(label=_l("Model version"), required=False)
    language = forms.ChoiceField(label=_l("Language of the answer"), required=False, choices=LANGUAGES)
    state = forms.ChoiceField(label=_l("State"), required=False, choices=STATES)
    promoted = forms.ChoiceField(label=_l("Experts"), required=False, choices=PROMOTED)
    source = forms.ChoiceField(
        label=_l("Came by"), required=False, choices=[("", _l("Any")), *Conversation.Source.choices]
    )
    start = _date(_l("From"))
    end = _date(_l("To"))
    by = forms.ChoiceField(
        label=_l("Days of"),
        required=False,
        choices=[("", _l("What was said")), ("answered", _l("The answer"))],
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

    @property
    def shown(self):
        """The fields that stand on the page, in order."""
        return [self[name] for name in self.fields if name not in ("q", *BY_LINK)]

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
