"""manage.py create_api_key NAME SLUG --role R --json → {"key": …}"""

import json

from django.core.management.base import BaseCommand, CommandError
from django.utils.translation import gettext as _

from core.accounts import api_keys
from core.errors import DomainError
from core.models import ApiKey, Project, Role, User


class Command(BaseCommand):
    help = (
        "Make an API key that acts as NAME in project SLUG with at most role R, or (--scope) opens one "
        "thing only. Its text is shown once."
    )

    def add_arguments(self, parser):
        parser.add_argument("name")
        parser.add_argument("slug")
        parser.add_argument("--role", choices=Role.values, help="needed unless --scope says ingest or proxy")
        parser.add_argument(
            "--scope",
            choices=ApiKey.Scope.values,
            default=ApiKey.Scope.ALL.value,
            help="ingest or proxy: a key for another program",
        )
        parser.add_argument(
            "--expires-days", type=int, help="how long it works; without it, until it is revoked"
        )
        parser.add_argument("--label", default="create_api_key", help="what it is for, as the list shows it")
        parser.add_argument("--json", action="store_true")

    def handle(self, *args, **options):
        user = User.objects.filter(username=options["name"]).first()
        project = Project.objects.filter(slug=options["slug"]).first()
        if user is None:
            raise CommandError(_("There is no account named %(name)s.") % {"name": options["name"]})
        if project is None:
            raise CommandError(_("There is no project %(slug)s.") % {"slug": options["slug"]})
        if options["role"] is None and options["scope"] == ApiKey.Scope.ALL:
            raise CommandError(_("Give --role, or --scope ingest or proxy."))
        days = options["expires_days"]
        if days is not None and not 1 <= days <= 3650:
            raise CommandError(_("--expires-days goes from 1 to 3650."))
        try:
            _row, text = api_keys.create_api_key(
                project=project,
                user=user,
                role=options["role"] or Role.USER,
                name=options["label"][:80],
                scope=options["scope"],
                expires_days=days,
            )
        except DomainError as exc:
            raise CommandError(str(exc.message)) from None
        self.stdout.write(json.dumps({"key": text}) if options["json"] else text)
