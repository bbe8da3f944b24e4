"""How a worker ended, told by `serve`, which saw it, to the next worker, whose sweep finds the jobs that it
left. No models: `serve` is small."""

import os
import signal

from django.utils.translation import gettext as _

# "process number:return code" of the worker before, in the environment of the next
ENDED = "TOUCHSTONE_WORKER_ENDED"


def environment(pid: int, code: int) -> dict[str, str]:
    """What the next worker is given."""
    return {ENDED: f"{pid}:{code}"}


def how(code: int) -> str:
    """A return code as subprocess gives it, for people: "signal SIGKILL" or "exit status 1"."""
    if code >= 0:
        return _("exit status %(code)d") % {"code": code}
    try:
        name = signal.Signals(-code).name
    except ValueError:
        name = str(-code)
    return _("signal %(name)s") % {"name": name}


def of(pid: str) -> str | None:
    """How the worker with this process number ended, None if that is not known here."""
    ended, _sep, code = os.environ.get(ENDED, "").partition(":")
    return how(int(code)) if ended and ended == pid and code.lstrip("-").isdigit() else None
