"""Recipes that are right for most, to begin with. Pure."""

from typing import Any, NamedTuple

from django.utils.translation import gettext_lazy as _

from training_export.recipes.document import RecipeDocument


class Preset(NamedTuple):
    """A recipe to begin with, in a few words."""

    label: Any
    about: Any
    given: dict

    def document(self) -> RecipeDocument:
        """The recipe, with every value written down."""
        return RecipeDocument.of(self.given)

    def as_dict(self) -> dict:
        """What it is, in the active language, and all that it says, for the command and the API."""
        return {
            "label": str(self.label),
            "about": str(self.about),
            "document": self.document().as_dict(),
        }


# A data set of a few hundred rows has little to spare: a tenth is held back, none for a test.
_SPLIT = {"split": {"shares": [90, 10, 0]}}
PRESETS: dict[str, Preset] = {
    "dpo-experts": Preset(
        _("DPO from experts"),
        _("Pairs that experts decided: the best answer against one other, no pair twice."),
        {
            "kinds": ["preference"],
            "rules": {"annotators": "majority", "pairs": "best-random"},
            "steps": ["exact-duplicates", "preference-hygiene", _SPLIT],
        },
    ),
    "reward-model": Preset(
        _("Reward model"),
        _("Every pair that experts decided, for a model that scores answers."),
        {
            "kinds": ["preference"],
            "rules": {"annotators": "majority", "pairs": "all"},
            "steps": ["exact-duplicates", "preference-hygiene", _SPLIT],
        },
    ),
    "sft-corrections": Preset(
        _("SFT from corrections"),
        _("Answers that experts wrote, corrected or kept, one for a prompt."),
        {
            "kinds": ["sft"],
            "rules": {"annotators": "majority"},
            "steps": [{"exact-duplicates": {"over": "prompt"}}, _SPLIT],
        },
    ),
    "kto-thumbs": Preset(
        _("KTO from thumbs"),
        _("Good or bad: end users' thumbs, and experts' word where there is one."),
        {
            "kinds": ["binary"],
            "sources": [{"include": ["thumbs"], "thumbs_per_user": 20}],
            "steps": [_SPLIT],
        },
    ),
    "incremental": Preset(
        _("Incremental: what is new"),
        _("Answers and pairs that are new since the recipe's last data set, with a tenth of the old ones."),
        {
            "kinds": ["sft", "preference"],
            "rules": {"annotators": "majority"},
            "steps": ["exact-duplicates"],
            "delta": {"since": 0, "replay": 0.1},
        },
    ),
}
