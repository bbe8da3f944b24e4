"""What an UpstreamError's code means, in words for people."""

from django.utils.translation import gettext_lazy as _

SENTENCES = {
    "unreachable": _("The model's server cannot be reached."),
    "timeout_first": _("The model did not begin to answer in time."),
    "timeout_idle": _("The model stopped in the middle of its answer."),
    "timeout_total": _("The answer took longer than allowed and was broken off."),
    "refused": _("The model's server refused the request."),
    "busy": _("The model's server is busy. Try again in a moment."),
    "failed": _("The model's server reported a fault."),
    "malformed": _("The model's server sent something that is not an answer."),
    "cut": _("The answer broke off before its end."),
    "too_long": _("The answer was longer than allowed and was broken off."),
    "cancelled": _("The answer was stopped."),
    "not_allowed": _("The operator of this installation does not allow this model's host."),
    "key_unreadable": _("The key for the model's server cannot be read. A manager can enter it again."),
}


def sentence(code: str) -> str:
    """One sentence for a person who waits for an answer; for an unknown code a general one."""
    return str(SENTENCES.get(code, _("The model could not answer.")))
