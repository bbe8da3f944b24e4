"""manage.py create_project SLUG --title T --kind ranking|qa|demonstration [--overlap N] [--member NAME:ROLE
...]"""

from django.core.management.base import BaseCommand, CommandError
from django.db import transaction
from django.utils.translation import gettext as _

from annotation.models import Kind
from annotation.projects import actions as projects
from core.accounts import actions as people
from core.errors import DomainError
from core.models import Role, User


class Command(BaseCommand):
    help = "Make a project with its bench and, if given, its members."

    def add_arguments(self, parser):
        parser.add_argument("slug")
        parser.add_argument("--title", required=True)
        parser.add_argument("--kind", required=True, choices=Kind.values)
        parser.add_argument("--overlap", type=int, default=1)
        parser.add_argument("--time-zone", default="", metavar="NAME", help="Such as Asia/Shanghai.")
        parser.add_argument("--member", action="append", default=[], metavar="NAME:ROLE", help="Repeatable.")

    def handle(self, *args, **options):
        members = [self._member(text) for text in options["member"]]
        try:
            with transaction.atomic():
                project = projects.create(
                    actor=None,
                    slug=options["slug"],
                    title=options["title"],
                    kind=options["kind"],
                    overlap=options["overlap"],
                    time_zone=options["time_zone"],
                )
                for user, role in members:
                    people.set_member(project=project, user=user, role=role, actor=None)
        except DomainError as exc:
            raise CommandError(str(exc.message)) from None
        self.stdout.write(project.slug)

    def _member(self, text: str):
        name, _colon, role = text.rpartition(":")
        if role not in Role.values:
            raise CommandError(
                _("%(text)s: expected NAME:ROLE, with a role of %(roles)s.")
                % {"text": text, "roles": ", ".join(Role.values)}
            )
        user = User.objects.filter(username=name).first()
        if user is None:
            raise CommandError(_("There is no account named %(name)s.") % {"name": name})
        return user, role
