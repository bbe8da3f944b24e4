"""Forms of the list of items, and of one item."""

from django import forms
from django.utils.translation import gettext_lazy as _

from annotation.bench.strings import names
from annotation.items.filter import LENGTHS, WORDS, ItemFilter
from annotation.models import Item, Kind
from corpus.models import ModelVersion

ANY = ("", _("any"))
MOST_MODELS = 200


class FilterForm(forms.Form):
    """The conditions that people set by hand; those that only links set are carried along (`carried`)."""

    q = forms.CharField(
        label=_("Words, item or external id"),
        required=False,
        max_length=LENGTHS["q"],
        widget=forms.TextInput(attrs={"type": "search"}),
    )
    state = forms.ChoiceField(
        label=_("State"),
        required=False,
        choices=[
            ANY,
            *Item.State.choices,
            ("finished", _("Done or settled")),
            ("unsettled", _("Not settled")),
            ("live", _("Not waiting for answers")),
        ],
    )
    kind = forms.ChoiceField(label=_("Kind"), required=False, choices=[ANY, *Kind.choices])
    tag = forms.CharField(label=_("Tag"), required=False, max_length=LENGTHS["tag"])
    annotator = forms.CharField(label=_("Judged by"), required=False, max_length=LENGTHS["annotator"])
    has = forms.ChoiceField(
        label=_("Has"),
        required=False,
        choices=[ANY, ("correction", _("a correction")), ("comment", _("a comment"))],
    )
    flag = forms.ChoiceField(label=_("Flag"), required=False)
    agreed_from = forms.FloatField(label=_("Agreement from"), required=False, min_value=-1, max_value=1)
    agreed_below = forms.FloatField(label=_("Agreement below"), required=False, min_value=-1, max_value=2)
    model = forms.ChoiceField(label=_("Answered by"), required=False)
    hidden = forms.BooleanField(label=_("Reported only"), required=False)

    def __init__(self, asked: ItemFilter, *, project, manager: bool):
        super().__init__(asked.query())
        words = names()
        self._offer("flag", [ANY, *((flag, words.get(flag, flag)) for flag in WORDS["flag"])])
        for name in ("agreed_from", "agreed_below"):
            self.fields[name].widget.attrs["step"] = "0.05"
        if manager:
            known = ModelVersion.objects.filter(project=project).order_by("name")
            models = [(str(pk), name) for pk, name in known.values_list("pk", "name")[:MOST_MODELS]]
            if asked.model not in {"", "none", *(pk for pk, _name in models)}:  # a link may name any
                more = known.filter(pk=asked.model).values_list("pk", "name")
                models += [(str(pk), name) for pk, name in more]
            self._offer("model", [ANY, *models, ("none", _("model not known"))])
        else:
            del self.fields["model"], self.fields["hidden"]
        first = ("q", "state", "kind", "tag")
        self.at_once = [self[name] for name in first]
        self.more = [one for one in self if one.name not in first]
        self.opened = any(asked.query().get(one.name) for one in self.more)
        # what only links say stays when a condition is added by hand
        self.carried = [(k, v) for k, v in asked.query().items() if k not in self.fields]

    def _offer(self, name: str, choices: list) -> None:
        field = self.fields[name]
        assert isinstance(field, forms.ChoiceField)
        field.choices = choices


class TagsForm(forms.Form):
    tags = forms.CharField(required=False, max_length=2000)
