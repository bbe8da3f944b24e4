"""What an item lacks, in words for whoever judges it: an answer that was cut off, a picture that stood beside
a text. They tell nobody who answered."""

from collections.abc import Iterable

from django.utils.translation import gettext_lazy as _

from corpus import endings, parts

CUT = {
    endings.LENGTH: _("This answer was cut off here: it had reached its maximum length."),
    endings.FILTERED: _("This answer was cut off here by a filter of the model's server."),
    endings.BROKEN: _("This answer was cut off here."),
}
MISSING = {
    parts.IMAGE: _("A picture belongs to this turn. It is not held here, so it cannot be shown."),
    parts.AUDIO: _("A sound recording belongs to this turn. It is not held here, so it cannot be heard."),
    parts.VIDEO: _("A video belongs to this turn. It is not held here, so it cannot be shown."),
    parts.FILE: _("A file belongs to this turn. It is not held here, so it cannot be opened."),
    parts.OTHER: _(
        "Something that is not text belongs to this turn. It is not held here, so it cannot be shown."
    ),
}


def cut(responses: Iterable) -> str:
    """The sentence for an answer whose equal texts are `responses`; "" where it is whole."""
    reason = next((r.cut for r in responses if r.cut), "")
    return str(CUT.get(reason, CUT[endings.BROKEN])) if reason else ""


def missing(message: dict) -> list[str]:
    """A sentence for each kind of thing that a turn of a prompt lacks."""
    kinds = dict.fromkeys(lack.get("kind") for lack in message.get("missing") or ())
    return [str(MISSING.get(kind, MISSING[parts.OTHER])) for kind in kinds]
