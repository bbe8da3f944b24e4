"""What an export can be asked for: one checked, frozen value behind the command, the API and the page. An
option is defined here, or in curate.rules if it is a rule for counting judgements, and nowhere else."""

from collections.abc import Mapping
from dataclasses import MISSING, asdict, dataclass

from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from core.errors import DomainError
from training_export.curate import splits
from training_export.curate.rules import CurationRules
from training_export.formats import FORMATS, STAGES
from training_export.formats import Options as FormatOptions
from training_export.option import Kind, Option, Page, option, options_of
from training_export.option_values import checked_values, invalid


@dataclass(frozen=True, kw_only=True)
class ExportOptions(CurationRules):
    """All that an export can be asked for: the rules for counting judgements, and these."""

    format: str = option(
        MISSING, _("Format"), kind=Kind.CHOICE,
        help="The trainer's format.", choices={name: form.label for name, form in FORMATS.items()},
        page=Page("format"),
    )  # fmt: skip
    stage: str = option(
        FormatOptions.stage, _("Stage"), kind=Kind.CHOICE,
        help="The stage of the trainer that the files are for, where a format has several; its first "
        "unless this is said.",
        choices=STAGES,
        page=Page("main", hint=_("For formats with several stages. Empty: the usual one.")),
    )  # fmt: skip
    split: tuple | None = option(
        None, _("Shares for training, validation and test"), kind=Kind.SHARES,
        help="Shares of train, validation and test, such as 80,10,10.", metavar="T,V,E",
        page=Page("main", hint=_("Such as 80,10,10. Empty: everything is for training.")),
    )  # fmt: skip
    split_by: str = option(
        splits.BY[0], _("Kept together in one share"), kind=Kind.CHOICE,
        help="What stands on one side of the split as a whole.",
        choices={"prompt": _("Prompt"), "source": _("Source document"), "user": _("End user")},
        page=Page("main", hint=_("All its rows go to one share, the same in later exports with this seed.")),
    )  # fmt: skip
    as_of: int | None = option(
        None, _("As of log entry"), kind=Kind.INTEGER,
        help="Read the project as it stood at this Event.", minimum=0, metavar="EVENT",
    )  # fmt: skip
    system: str = option(
        FormatOptions.system, _("System message"), kind=Kind.CHOICE,
        help="What becomes of a system message: merge puts it into the first user turn.",
        choices={"keep": _("As a turn of its own"), "merge": _("Inside the first user turn")},
        page=Page("more", hint=_("Some models have no system turn.")),
    )  # fmt: skip
    sources: str = option(
        FormatOptions.sources,
        _("Source passages"),
        kind=Kind.CHOICE,
        help="Where the passages stand in the training prompt: before the system message, or before the "
        "last user turn.",
        choices={
            "omit": _("Not in the training prompt"),
            "system": _("Before the system message"),
            "user": _("Before the last question"),
        },
        page=Page("more"),
    )
    include: tuple = option(
        (), _("Words of end users, taken as they are"), kind=Kind.NAMES,
        help="What end users said that is taken as it is, without an expert.", metavar="WHAT,…",
        choices={
            "draft-choices": _("Choices among drafts, as pairs"),
            "thumbs": _("Thumbs, as good-or-bad labels"),
            "corrections": _("Corrections, as answers to learn and as pairs"),
        },
        page=Page("more", hint=_("Where an expert has judged an answer, the expert's word counts instead.")),
    )  # fmt: skip
    thumbs_per_user: int = option(
        50, _("At most this many thumbs of one person"), kind=Kind.INTEGER,
        help="At most N thumbs of one end user, drawn by seed; 0: no limit.", minimum=0, metavar="N",
        page=Page("more", hint=_("0: no limit."), maximum=1_000_000),
    )  # fmt: skip
    thumbs_balance: tuple | None = option(
        None, _("Thin out thumbs to good : bad"), kind=Kind.PROPORTION,
        help="Thin the thumbs to good:bad, such as 1:1.", minimum=1, maximum=1000, metavar="GOOD:BAD",
        page=Page("more", hint=_("Such as 1:1. Empty: as they come.")),
    )  # fmt: skip
    allow_template_tokens: bool = option(
        FormatOptions.allow_template_tokens, _("Marks of chat templates allowed in texts"), kind=Kind.FLAG,
        help="Keep rows whose text holds a chat template's control tokens.",
    )  # fmt: skip
    name: str = option(
        FormatOptions.name, _("Name in the trainer's settings"), kind=Kind.TEXT,
        help="Prefix of data set names (LLaMA-Factory).", maximum=60, metavar="PREFIX",
    )  # fmt: skip

    @classmethod
    def of(cls, given: Mapping) -> "ExportOptions":
        """Checked options out of JSON or a form; DomainError naming the field at fault. Keys with None mean
        "not said"."""
        if given.get("format") not in FORMATS and not set(given) - set(OPTIONS):
            raise unknown_format()
        values = checked_values(OPTIONS, given)
        try:
            FormatOptions.of(values)
        except (ValueError, TypeError, AttributeError) as exc:
            raise invalid("name", str(exc))
        stages = FORMATS[values["format"]].stages if "format" in values else {}
        if "stage" in values and values["stage"] not in stages:
            raise invalid("stage", _no_such_stage(values["format"], stages))
        form = FORMATS.get(values.get("format", ""))
        if form is not None and form.needs and not values.get("split"):
            raise invalid(
                "split",
                gettext("%(trainer)s does not start without a validation file: give shares, such as 80,20,0.")
                % {"trainer": form.trainer},
            )
        return cls(**values)

    def for_format(self, **changes) -> FormatOptions:
        return FormatOptions.of(asdict(self) | changes)

    def as_dict(self) -> dict:
        """JSON: what a Snapshot keeps; `ExportOptions.of` reads it back."""
        said = {name: getattr(self, name) for name in OPTIONS}
        return {name: list(value) if isinstance(value, tuple) else value for name, value in said.items()}


def _no_such_stage(name: str, stages: Mapping) -> str:
    if not stages:
        return gettext("The format %(name)s has no stages.") % {"name": name}
    return gettext("The format %(name)s has these stages: %(stages)s.") % {
        "name": name,
        "stages": ", ".join(stages),
    }


def unknown_format() -> DomainError:
    """The error of a format that there is not."""
    names = ", ".join(FORMATS)
    return DomainError(
        "unknown_format", gettext("Choose one of the formats: %(names)s.") % {"names": names}, field="format"
    )


OPTIONS: dict[str, Option] = options_of(ExportOptions)
INCLUDE = tuple(OPTIONS["include"].choices)


def choices_of() -> dict[str, tuple]:
    """{option: its allowed values}, of every option that is one of several but `format`."""
    return {
        one.name: tuple(one.choices)
        for one in OPTIONS.values()
        if one.kind is Kind.CHOICE and not one.required
    }
