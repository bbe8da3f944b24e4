"""The export form: every option in plain words. Values are checked again, for all doors alike, by options.ExportOptions."""

from django import forms
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from training_export.formats import FORMATS
from training_export.options import ExportOptions

# (value, plain words) by option; a test holds them against what the code allows.
WORDS = {
    "pairs": [
        ("all", _("Every two answers judged differently")),
        ("best-worst", _("The best against the worst only")),
        ("best-rest", _("The best against each other one")),
        ("best-random", _("The best against one other, drawn by the seed")),
    ],
    "annotators": [
        ("each", _("Everyone's, unless somebody contradicts it")),
        ("majority", _("What more people say than not")),
        ("reviewed", _("Only what a reviewer has accepted or settled")),
    ],
    "margin": [
        ("none", _("None")),
        ("strength", _("How much better, as the experts said")),
        ("bt", _("From all votes on the prompt (Bradley–Terry)")),
    ],
    "correction_beats": [
        ("original", _("the answer it corrects")),
        ("ranked", _("also up to two answers ranked equal or lower")),
    ],
    "split_by": [("prompt", _("Prompt")), ("source", _("Source document")), ("user", _("End user"))],
    "system": [("keep", _("As a turn of its own")), ("merge", _("Inside the first user turn"))],
    "sources": [("omit", _("Not in the training prompt")), ("system", _("Before the system message")), ("user", _("Before the last question"))],
}

INCLUDE = [
    ("draft-choices", _("Choices among drafts, as pairs")),
    ("thumbs", _("Thumbs, as good-or-bad labels")),
    ("corrections", _("Corrections, as answers to learn and as pairs")),
]


class ExportForm(forms.Form):
    format = forms.ChoiceField(label=_("Format"), widget=forms.RadioSelect, choices=lambda: [(f.name, f.label) for f in FORMATS.values()])
    annotators = forms.ChoiceField(label=_("Whose judgement"), choices=WORDS["annotators"], initial="each")
    pairs = forms.ChoiceField(label=_("Pairs out of a ranking"), choices=WORDS["pairs"], initial="all")
    split = forms.CharField(
        label=_("Shares for training, validation and test"), required=False, max_length=60, help_text=_("Such as 80,10,10. Empty: everything is for training.")
    )
    split_by = forms.ChoiceField(
        label=_("Kept together in one share"),
        choices=WORDS["split_by"],
        initial="prompt",
        help_text=_("All its rows go to one share, the same in later exports with this seed."),
    )
    margin = forms.ChoiceField(
        label=_("Margin on pairs"), choices=WORDS["margin"], initial="none", help_text=_("What the experts said is used only if they said it for every pair.")
    )
    max_pairs = forms.IntegerField(label=_("At most this many pairs per prompt"), required=False, min_value=0, max_value=1000, help_text=_("Empty: no limit."))
    seed = forms.IntegerField(label=_("Seed"), required=False, min_value=0, max_value=2**31 - 1, initial=0, help_text=_("For the split and for what is drawn."))
    correction_beats = forms.ChoiceField(label=_("A correction is better than"), choices=WORDS["correction_beats"], initial="original")
    system = forms.ChoiceField(label=_("System message"), choices=WORDS["system"], initial="keep", help_text=_("Some models have no system turn."))
    sources = forms.ChoiceField(label=_("Source passages"), choices=WORDS["sources"], initial="omit")
    include = forms.MultipleChoiceField(
        label=_("Words of end users, taken as they are"), choices=INCLUDE, required=False, widget=forms.CheckboxSelectMultiple,
        help_text=_("Where an expert has judged an answer, the expert's word counts instead."),
    )  # fmt: skip
    thumbs_per_user = forms.IntegerField(
        label=_("At most this many thumbs of one person"), required=False, min_value=0, max_value=1_000_000, initial=50, help_text=_("0: no limit.")
    )
    thumbs_balance = forms.RegexField(
        r"^[0-9]{1,4}:[0-9]{1,4}$", label=_("Thin thumbs to good : bad"), required=False, help_text=_("Such as 1:1. Empty: as they come.")
    )
    sft_top = forms.BooleanField(label=_("Learn from top-ranked answers, too"), required=False)
    all_corrections = forms.BooleanField(label=_("Learn from every correction of a prompt, not from one"), required=False)
    binary_from_ratings = forms.BooleanField(label=_("Overall ratings 4 and 5 mean good, 1 and 2 bad"), required=False)
    include_imported = forms.BooleanField(label=_("With judgements that came with imported files"), required=False, initial=True)
    cut_rejected = forms.BooleanField(label=_("Let answers that were cut off be the worse side"), required=False)

    MAIN = ("annotators", "pairs", "split", "split_by")
    MORE = ("margin", "max_pairs", "seed", "correction_beats", "system", "sources", "thumbs_per_user", "thumbs_balance")
    CHECKS = ("sft_top", "all_corrections", "binary_from_ratings", "include_imported", "cut_rejected")

    def main(self):
        return [self[name] for name in self.MAIN]

    def more(self):
        return [self[name] for name in self.MORE]

    def words(self):
        return self["include"]

    def checks(self):
        return [self[name] for name in self.CHECKS]


OTHER_LABELS = {  # options of the command and the API that the form does not offer
    "alpha": _("Weight of the term that learns from the better answer"),
    "as_of": _("As of log entry"),
    "allow_template_tokens": _("Marks of chat templates allowed in texts"),
    "name": _("Name in the trainer's settings"),
}


def made_with(options: dict) -> list[tuple]:
    """(label, value) of the options of a data set in the form's words: those that every export has, and what differs from the usual."""
    usual, fields = ExportOptions(format="").as_dict(), ExportForm.base_fields
    shown = {name: value for name, value in options.items() if name != "format" and (name in ExportForm.MAIN or value != usual.get(name))}
    order = [name for name in fields if name in shown] + [name for name in shown if name not in fields]
    return [(fields[name].label if name in fields else OTHER_LABELS.get(name, name), _in_words(name, shown[name])) for name in order]


def _in_words(name: str, value) -> str:
    words = dict(INCLUDE if name == "include" else WORDS.get(name, ()))
    if isinstance(value, bool):
        return gettext("yes") if value else gettext("no")
    if value is None or value == []:
        return gettext("none")
    if isinstance(value, list):
        return (" : " if name == "thumbs_balance" else ", ").join(str(words.get(one, one)) for one in value)
    return str(words.get(value, value))
