"""Second names of answers: the proxy gives one out where its headers must go before the model's server has
named the answer."""

from collections.abc import Collection, Iterable

from feedback.conversations.privacy import PrivacyPolicy
from feedback.models import OtherName

BEGINNING = "touchstone-"  # of every name of our own


def resolved(project, names: Collection[str]) -> dict[str, str]:
    """{second name: the external id of its answer}, of those among `names` (as they are stored) that are
    some."""
    rows = (
        OtherName.objects.filter(project=project, name__in=list(names)).values_list(
            "name", "message__external_id"
        )
        if names
        else ()
    )
    return {name: external for name, external in rows if external}


def named_in(rows: Iterable) -> list[tuple]:
    """(a ReactionIn or DraftIn, its field) for each in the rows of a batch that might go by a second name."""
    found = [(row, "target") for row in rows if hasattr(row, "target")] + [
        (draft, "external") for row in rows for draft in getattr(row, "drafts", ())
    ]
    return [(one, field) for one, field in found if getattr(one, field).startswith(BEGINNING)]


def put_right(project, policy: PrivacyPolicy, named: Iterable[tuple]) -> None:
    """Let what `named_in` found go by the first name."""
    own = [(one, field, policy.external(getattr(one, field))) for one, field in named]
    first = resolved(project, {name for *_, name in own})
    for one, field, name in own:
        setattr(one, field, first.get(name, getattr(one, field)))
