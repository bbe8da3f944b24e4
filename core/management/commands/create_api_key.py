"""manage.py create_api_key NAME SLUG --role R --json → {"key": …}"""

import json

from django.core.management.base import BaseCommand, CommandError
from django.utils.translation import gettext as _

from core import people
from core.errors import DomainError
from core.models import Project, Role, User


class Command(BaseCommand):
    help = "Make an API key that acts as NAME in project SLUG with at most role R. Its text is shown once."

    def add_arguments(self, parser):
        parser.add_argument("name")
        parser.add_argument("slug")
        parser.add_argument("--role", required=True, choices=Role.values)
        parser.add_argument("--json", action="store_true")

    def handle(self, *args, **options):
        user = User.objects.filter(username=options["name"]).first()
        project = Project.objects.filter(slug=options["slug"]).first()
        if user is None:
            raise CommandError(_("There is no account named %(name)s.") % {"name": options["name"]})
        if project is None:
            raise CommandError(_("There is no project %(slug)s.") % {"slug": options["slug"]})
        try:
            _row, text = people.create_api_key(project=project, user=user, role=options["role"], name="create_api_key")
        except DomainError as exc:
            raise CommandError(str(exc.message)) from None
        self.stdout.write(json.dumps({"key": text}) if options["json"] else text)
