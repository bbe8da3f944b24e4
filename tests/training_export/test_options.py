"""Every option of an export at every door: said on the page, to the API or to the command it is the same
option, and the documentation names it."""

import json
from argparse import ArgumentParser
from dataclasses import dataclass, fields, replace
from pathlib import Path

import pytest
from django.core.management import BaseCommand, CommandError, call_command

from core.errors import DomainError
from core.models import Job
from tests import cast
from training_export.api import ExportSerializer, serializer_field
from training_export.curate import splits
from training_export.formats import FORMATS, STAGES
from training_export.formats import Options as FormatOptions
from training_export.forms import ExportForm, form_field
from training_export.management.commands.export_dataset import Command, add_option
from training_export.option import Kind, Page, option, options_of
from training_export.option_values import checked
from training_export.options import OPTIONS, ExportOptions, choices_of

DOCUMENTED = Path(__file__).resolve().parents[2] / "docs" / "export.md"
NOT_ON_THE_PAGE = {one.name for one in OPTIONS.values() if one.page is None}
NO_OPTION = {"slug", "out", "person", "json"}  # what else the command asks


def unusual(one):
    """(value as JSON, as written on the command line or the page) of something else than the default."""
    if one.kind is Kind.CHOICE:
        value = list(one.choices)[-1]
        return value, value
    return {
        Kind.FLAG: (not one.default, ""),
        Kind.INTEGER: (7, "7"),
        Kind.NUMBER: (0.5, "0.5"),
        Kind.TEXT: ("ward", "ward"),
        Kind.SHARES: ([70, 20, 10], "70,20,10"),
        Kind.NAMES: (list(one.choices)[1:], ",".join(list(one.choices)[1:])),
        Kind.PROPORTION: ("2:3", "2:3"),
        Kind.TEXTS: (["ward", "通用"], "ward, 通用,ward"),
    }[one.kind]


def form_with(names) -> str:
    """A format that has these options: a stage is of a format with stages."""
    stage = unusual(OPTIONS["stage"])[0]
    return next(f.name for f in FORMATS.values() if stage in f.stages) if "stage" in names else "jsonl"


def by_api(names) -> ExportOptions:
    asked = ExportSerializer(
        data={"format": form_with(names)} | {name: unusual(OPTIONS[name])[0] for name in names}
    )
    asked.is_valid(raise_exception=True)
    return ExportOptions.of(asked.validated_data)


def by_page(names) -> ExportOptions:
    """As a browser sends it: the fields as they stand, without what is not ticked."""
    form = ExportForm(initial={"format": form_with(names)})
    sent = {bound.name: value for bound in form if (value := bound.value()) not in (None, False)}
    for name in names:
        value, written = unusual(OPTIONS[name])
        sent[name] = value if OPTIONS[name].kind in (Kind.FLAG, Kind.NAMES) else written
    form = ExportForm({name: value for name, value in sent.items() if value is not False})
    assert form.is_valid(), form.errors
    return ExportOptions.of(form.cleaned_data)


def by_command(names) -> ExportOptions:
    """What the command starts its job with; there is nothing to export in the end."""
    words = ["--format", form_with(names)]
    for name in names:
        one = OPTIONS[name]
        words += [one.flag] if one.kind is Kind.FLAG else [one.flag, unusual(one)[1]]
    with pytest.raises(CommandError):
        call_command("export_dataset", "ward", "--out", "nowhere", *words)
    return ExportOptions.of(Job.objects.latest("pk").params["options"])


def expected(names) -> ExportOptions:
    return ExportOptions.of(
        {"format": form_with(names)} | {name: unusual(OPTIONS[name])[0] for name in names}
    )


@pytest.mark.django_db
@pytest.mark.parametrize("name", [one.name for one in OPTIONS.values() if not one.required])
def test_an_option_is_the_same_at_every_door(name):
    cast.make_project("ward")
    asked = expected([name])
    assert getattr(asked, name) != getattr(ExportOptions(format="jsonl"), name)
    assert by_api([name]) == asked
    assert by_command([name]) == asked
    if name not in NOT_ON_THE_PAGE:
        assert by_page([name]) == asked


@pytest.mark.parametrize(
    ("form", "stage", "said"),
    [("trl-sft", "sft", "no stages"), ("openrlhf", "kto", "sft, rm, dpo, rl"), ("jsonl", "x", "sft")],
)
def test_a_stage_that_a_format_does_not_have_is_refused_by_its_name(form, stage, said):
    with pytest.raises(DomainError) as refused:
        ExportOptions.of({"format": form, "stage": stage})
    assert (refused.value.code, refused.value.field) == ("invalid_option", "stage")
    assert said in str(refused.value.message)


def test_a_format_without_stages_takes_what_it_takes_and_one_with_them_what_its_stage_takes():
    assert FORMATS["trl-sft"].takes_for(FormatOptions()) == FORMATS["trl-sft"].takes
    for form in FORMATS.values():
        usual = form.stage_of(FormatOptions())
        assert usual == next(iter(form.stages), "")
        for stage, takes in form.stages.items():
            assert stage in STAGES and form.takes_for(FormatOptions(stage=stage)) == takes <= form.takes
        with pytest.raises(ValueError, match=r"stage"):
            form.takes_for(FormatOptions(stage="sft" if not form.stages else "none"))


def test_what_is_not_said_is_the_default_at_every_door():
    assert by_api([]) == by_page([]) == ExportOptions.of({"format": "jsonl"}) == ExportOptions(format="jsonl")


def command_asks() -> set[str]:
    parser = Command().create_parser("manage.py", "export_dataset")
    of_django = {
        action.dest for action in BaseCommand().create_parser("manage.py", "export_dataset")._actions
    }
    return {action.dest for action in parser._actions} - of_django - NO_OPTION


def test_no_door_has_an_option_that_another_has_not():
    names = {field.name for field in fields(ExportOptions)}
    assert set(ExportSerializer().fields) == names
    assert set(ExportForm().fields) == names - NOT_ON_THE_PAGE
    assert command_asks() == names
    form = ExportForm()
    placed = [bound.name for bound in [*form.main(), *form.more(), *form.words(), *form.checks()]]
    assert sorted([*placed, "format"]) == sorted(form.fields)


def test_a_new_option_is_one_definition(monkeypatch):
    new = replace(OPTIONS["sft_top"], name="new", label="Something new", flag="--new")
    monkeypatch.setitem(OPTIONS, "new", new)
    assert "new" in ExportSerializer().fields and "new" in command_asks()
    assert "new" in [bound.name for bound in ExportForm().checks()]


def test_free_names_are_the_same_at_every_door():
    """No option of an export has them: those of the curation steps do."""
    names = option((), "Sets", kind=Kind.TEXTS, help="Names of sets.", metavar="NAME,…", page=Page("more"))

    @dataclass(frozen=True)
    class Named:
        sets: tuple = names

    one = options_of(Named)["sets"]
    said, written = unusual(one)
    field, asked = serializer_field(one), form_field(one, one.page)
    parser = ArgumentParser()
    add_option(parser, one)
    typed = parser.parse_args(["--sets", written]).sets
    doors = [said, written, written.replace(",", "，"), field.run_validation(said)]
    doors += [field.run_validation(written), asked.clean(written), typed]
    assert {checked(one, value) for value in doors} == {("ward", "通用")}
    assert (field.run_validation(), asked.initial, parser.parse_args([]).sets) == ((), "", None)
    for wrong in (3, ["ward", 3], {"ward": 1}, "x" * 201, ["x"] * 101):
        with pytest.raises(DomainError) as refused:
            checked(one, wrong)
        assert (refused.value.code, refused.value.field) == ("invalid_option", "sets")


def documented(one) -> str:
    """The row of docs/export.md for an option."""
    values = "\\|".join(one.choices) if one.kind is Kind.CHOICE else one.metavar or ""
    default = (
        "must be said"
        if one.required
        else f"`{json.dumps(one.default)}`".replace('"', "")
        if one.default not in (None, (), "")
        else ""
    )
    more = ": " + ", ".join(f"`{name}`" for name in one.choices) + "." if one.kind is Kind.NAMES else "."
    written, label = f"{one.flag} {values}".strip(), one.label if one.page else ""
    return f"| `{written}` | `{one.name}` | {label} | {default} | {one.help.removesuffix('.')}{more} |"


def test_the_documentation_has_a_row_for_every_option_and_no_other():
    table = DOCUMENTED.read_text(encoding="utf-8").split("## Options\n")[1].split("\n## ")[0]
    rows = [line for line in table.splitlines() if line.startswith("| `")]
    assert rows == [documented(one) for one in OPTIONS.values()]


def test_what_is_offered_is_what_the_rules_know():
    assert choices_of()["split_by"] == splits.BY
    assert {name: choices_of()[name] for name in FormatOptions.CHOICES} == FormatOptions.CHOICES
    assert tuple(OPTIONS["format"].choices) == tuple(FORMATS)
