"""The export form: every option that has a place on the page, in plain words. Values are checked again, for
all doors alike, by options.ExportOptions."""

from typing import Any

from django import forms
from django.utils.translation import gettext

from training_export.option import Kind, Option, Page
from training_export.option_values import LONGEST_TEXT, MOST_TEXTS
from training_export.options import OPTIONS

GROUPS = ("format", "main", "more")
MOST_CHARACTERS = 60


def form_field(one: Option, page: Page) -> forms.Field:
    """What the page asks for an option with."""
    about: dict[str, Any] = {
        "label": one.label,
        "help_text": page.hint,
        "required": False,
        "initial": one.default,
    }
    if one.kind is Kind.CHOICE:
        choices = list(one.choices.items())
        unsaid = not one.required and one.default not in one.choices
        about |= {"required": not unsaid, "choices": [("", "–"), *choices] if unsaid else choices}
        if one.required:
            about |= {"initial": None, "widget": forms.RadioSelect}
        return forms.ChoiceField(**about)
    if one.kind is Kind.FLAG:
        return forms.BooleanField(**about)
    if one.kind is Kind.NAMES:
        return forms.MultipleChoiceField(
            **about, choices=list(one.choices.items()), widget=forms.CheckboxSelectMultiple
        )
    if one.kind is Kind.PROPORTION:
        return forms.RegexField(r"^[0-9]{1,4}:[0-9]{1,4}$", **about)
    if one.kind is Kind.TEXTS:
        about["initial"] = ",".join(one.default or ())
        return forms.CharField(**about, max_length=MOST_TEXTS * LONGEST_TEXT)
    if one.kind in (Kind.INTEGER, Kind.NUMBER):
        about["initial"] = None if page.blank else one.default
        about["min_value"] = one.minimum if page.minimum is None else page.minimum
        about["max_value"] = one.maximum if page.maximum is None else page.maximum
        return forms.IntegerField(**about) if one.kind is Kind.INTEGER else forms.FloatField(**about)
    return forms.CharField(**about, max_length=one.maximum or MOST_CHARACTERS)


class ExportForm(forms.Form):
    def __init__(self, *args, **given):
        super().__init__(*args, **given)
        self.fields |= {one.name: form_field(one, one.page) for one in on_page() if one.page}

    def main(self):
        return [self[one.name] for one in on_page("main")]

    def more(self):
        return [self[one.name] for one in on_page("more") if one.kind not in (Kind.NAMES, Kind.FLAG)]

    def words(self):
        return [self[one.name] for one in on_page("more") if one.kind is Kind.NAMES]

    def checks(self):
        return [self[one.name] for one in on_page("more") if one.kind is Kind.FLAG]


def on_page(*groups: str) -> list[Option]:
    """The options that the page offers in `groups` (without any: in all), in its order: what is ticked stands
    below what is chosen or typed."""
    offered = [
        (GROUPS.index(one.page.group), one.kind is Kind.FLAG, one) for one in OPTIONS.values() if one.page
    ]
    return [
        one
        for group, _ticked, one in sorted(offered, key=lambda found: found[:2])
        if GROUPS[group] in (groups or GROUPS)
    ]


def made_with(options: dict) -> list[tuple]:
    """(label, value) of the options of a data set in the page's words: those that every export has, and what
    differs from the usual."""
    always = {one.name for one in on_page("main")}
    usual = {
        one.name: list(one.default) if isinstance(one.default, tuple) else one.default
        for one in OPTIONS.values()
    }
    shown = {
        name: value
        for name, value in options.items()
        if name != "format" and value != "" and (name in always or value != usual.get(name))
    }
    first = [one.name for one in on_page() if one.name in shown]
    order = first + [name for name in shown if name not in first]
    return [
        (OPTIONS[name].label if name in OPTIONS else name, _in_words(name, shown[name])) for name in order
    ]


def _in_words(name: str, value) -> str:
    words = OPTIONS[name].choices if name in OPTIONS else {}
    if isinstance(value, bool):
        return gettext("yes") if value else gettext("no")
    if value is None or value == []:
        return gettext("none")
    if isinstance(value, list):
        return (" : " if name in OPTIONS and OPTIONS[name].kind is Kind.PROPORTION else ", ").join(
            str(words.get(one, one)) for one in value
        )
    return str(words.get(value, value))
