"""What a page with scripts of its own (the bench, the chat) hands to the shared ones of `core/static/core/`:
their strings, strings of several forms, and which modules are asked for at once with the page."""

from collections.abc import Callable

from django.utils.translation import gettext as _

# Asked for at once with the page, not one after the other as they import each other.
MODULES = [f"core/{name}.js" for name in ("dialogs", "dom", "keys", "question", "sign_in", "strings")]

Words = str | dict[str, str]


def strings() -> dict[str, Words]:
    """The strings of the shared scripts, by the keys they call `t()` with."""
    return {"sign_in_silent": _("The server does not answer. Try again.")}


def plural(form: Callable[[int], str]) -> dict[str, str]:
    """The forms of a string that depends on the number `n`, as `t()` of strings.js picks them; `form` is an
    ngettext for a given number. {"one": for one, "other": for more}."""
    return {"one": form(1), "other": form(2)}
