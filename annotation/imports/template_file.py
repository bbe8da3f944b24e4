"""The file to start from: the columns that suit a project's kind of work, with two example rows."""

from collections.abc import Iterator

from django.utils.translation import gettext as _

from annotation.models import Kind


def rows(kind: str) -> Iterator[list[str]]:
    """The header and two rows, in the language of the page; every column is one that import knows by its
    name. More answers go into columns of the same names with the next number."""
    if kind == Kind.QA:
        yield [_("question"), _("answer"), _("source"), "id"]
        yield [
            _("How soon must an appeal be filed?"),
            _("Within 15 days after the judgement was served."),
            _("An appeal against a judgement must be filed within 15 days after it was served."),
            "example-1",
        ]
        yield [
            _("Who may file an appeal?"),
            _("Any party to the case."),
            _("A party who disagrees with a judgement of first instance may appeal."),
            "example-2",
        ]
        return
    if kind == Kind.DEMONSTRATION:
        yield [_("question"), _("system prompt"), "id"]
        yield [
            _("Explain to a patient what an eGFR of 28 means."),
            _("You answer in plain words."),
            "example-1",
        ]
        yield [_("What may an employee who works overtime ask for?"), "", "example-2"]
        return
    answer, model = _("answer"), _("model")
    yield [
        _("question"),
        *(f"{name}_{n}" for n in (1, 2, 3) for name in (answer, model)),
        "id",
    ]
    yield [
        _("May metformin be continued at an eGFR of 28?"),
        _("No. Below 30 it must be stopped."),
        "model-a",
        _("Yes, at half the dose."),
        "model-b",
        _("Only if there is no nausea."),
        "model-c",
        "example-1",
    ]
    yield [
        _("How soon must an appeal be filed?"),
        _("Within 15 days after the judgement was served."),
        "model-a",
        _("Within a month."),
        "model-b",
        "",
        "",
        "example-2",
    ]
