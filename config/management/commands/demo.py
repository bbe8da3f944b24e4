"""`serve` with a demo project in it, made once."""

import json
import os
import secrets
from collections.abc import Callable

from django.conf import settings
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from config.demo_content import create_demo
from config.management.commands.serve import Command as Serve
from config.management.commands.serve import address
from core.models import User

ACCOUNTS = {
    "expert": gettext_lazy("judges answers"),
    "expert2": gettext_lazy("judges the same answers"),
    "reviewer": gettext_lazy("accepts, returns, settles"),
    "manager": gettext_lazy("leads the project"),
    "user": gettext_lazy("chats with the practice models"),
}


class Command(Serve):
    help = "Serve Touchstone with demo projects and accounts, made at the first start."

    def prepare(self) -> None:
        super().prepare()
        self.passwords = demo_accounts(self.say)

    def wants_practice(self) -> bool:
        return True

    def ready(self) -> None:
        width = max(map(len, self.passwords))
        self.say(
            "\n" + _("Touchstone is ready: %(address)s   (Ctrl-C stops it)") % {"address": address()} + "\n"
        )
        self.say(_("Demo accounts:"))
        for name, password in self.passwords.items():
            self.say(f"  {name:<{width}}   {password:<22} {ACCOUNTS[name]}")
        self.say(
            _(
                "The projects marked “Demo” hold three weeks of made-up work. “A file of your own” is "
                "empty: import what you like into it."
            )
        )


def demo_accounts(say: Callable[[str], None] = print) -> dict[str, str]:
    """{name: password} of the demo's people; makes them and the demo projects at the first call, and says so.

    Well-known passwords are for loopback only: on any other address random ones are set, also for people
    made on loopback before. What is set is kept beside the database, so that a later start can print it
    again."""
    kept = settings.DATA_DIR / "demo_accounts.json"
    simple = {name: f"demo-{name}" for name in ACCOUNTS}
    try:
        passwords = json.loads(kept.read_text(encoding="utf-8"))
    except FileNotFoundError:
        passwords = {}
    if set(ACCOUNTS) - set(passwords):  # the first start, or the first with people that came later
        passwords = (simple if settings.LOOPBACK else _random_passwords()) | passwords
        say(_("Making the demo projects and three weeks of work in them (only once; takes a few seconds)…"))
        _make(passwords)
        _keep(kept, passwords)
    if not settings.LOOPBACK and any(passwords[name] == simple[name] for name in passwords):
        passwords = _random_passwords()
        for user in User.objects.filter(username__in=passwords):
            user.set_password(passwords[user.username])
            user.save(update_fields=["password"])
        _keep(kept, passwords)
    return passwords


def _make(passwords: dict[str, str]) -> None:
    create_demo(passwords=passwords)


def _random_passwords() -> dict[str, str]:
    return {name: secrets.token_urlsafe(12) for name in ACCOUNTS}


def _keep(path, passwords: dict[str, str]) -> None:
    part = path.with_suffix(".part")
    with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as out:
        json.dump(passwords, out)
    part.replace(path)
