"""manage.py create_user NAME --password P [--superuser]"""

from django.core.management.base import BaseCommand, CommandError

from core.accounts import actions as people
from core.errors import DomainError


class Command(BaseCommand):
    help = "Make an account."

    def add_arguments(self, parser):
        parser.add_argument("name")
        parser.add_argument("--password", required=True)
        parser.add_argument("--superuser", action="store_true")

    def handle(self, *args, **options):
        try:
            user = people.create_user(
                username=options["name"], password=options["password"], superuser=options["superuser"]
            )
        except DomainError as exc:
            raise CommandError(str(exc.message)) from None
        self.stdout.write(user.username)
