"""Why an answer broke off or was cut off, in words for the person who asked. Never what the model's server
said: that could name the model."""

from django.utils.translation import gettext as _


def sentence(state: str, error: str) -> str:
    """For an answer in `state` with the code `error`; "" when there is nothing to say."""
    if state == "stopped":
        return (
            _("Stopped. What had arrived by then is kept.")
            if error != "left"
            else _("You left before the answer was finished.")
        )
    if state == "cut":
        return {
            "length": _("The answer reached its maximum length and is cut off here."),
            "content_filter": _("A filter of the model's server cut the answer off here."),
        }.get(error, _("The answer is cut off here."))
    if state != "failed":
        return ""
    return {
        "unreachable": _("The model cannot be reached at the moment. Try again in a minute."),
        "not_allowed": _("The model cannot be reached at the moment. Try again in a minute."),
        "key_unreadable": _("The model cannot be reached at the moment. Try again in a minute."),
        "timeout_first": _("The model did not begin to answer in time. Try again."),
        "timeout_idle": _("The model stopped in the middle of its answer. What had arrived by then is kept."),
        "timeout_total": _("The answer took too long and was broken off. What had arrived by then is kept."),
        "refused": _("The model did not take the question. A shorter one may help."),
        "busy": _("The model is busy. Try again in a minute."),
        "too_long": _("The answer became too long and was broken off here."),
        "cut": _("The connection to the model broke. What had arrived by then is kept."),
        "malformed": _("The model sent something unreadable. What had arrived by then is kept."),
        "lost": _("The server was restarted while this was being written. What had arrived by then is kept."),
        "empty": _("The model gave no answer. Try again."),
        "not_saved": _("The answer is here, but could not be kept: the server has trouble with its storage."),
    }.get(error, _("The model broke off. What had arrived by then is kept."))
