"""manage.py create_user NAME [--password P] [--superuser]"""

from django.core.management.base import BaseCommand, CommandError

from core.accounts import actions as people
from core.errors import DomainError


class Command(BaseCommand):
    help = (
        "Make an account. Without --password a one-time password is drawn and printed after the name; the "
        "person chooses their own at the first sign-in."
    )

    def add_arguments(self, parser):
        parser.add_argument("name")
        parser.add_argument("--password", help="Seen by whoever lists this machine's processes meanwhile.")
        parser.add_argument("--superuser", action="store_true")

    def handle(self, *args, **options):
        given = options["password"]
        password = people.one_time_password() if given is None else given
        try:
            user = people.create_user(
                username=options["name"],
                password=password,
                superuser=options["superuser"],
                must_change=given is None,
            )
        except DomainError as exc:
            raise CommandError(str(exc.message)) from None
        self.stdout.write(user.username if given is not None else f"{user.username} {password}")
