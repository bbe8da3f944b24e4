"""How commands on a project begin and end: for a person with sentences, for a program (--json) with one
object, of a refusal too."""

import json
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from django.core.management.base import BaseCommand, CommandError
from django.utils.translation import gettext as _

from core.errors import DomainError
from core.models import Project, User


class ProjectCommand(BaseCommand):
    """`manage.py NAME SLUG … [--json]`. Exit status 1 where the rules of the house refuse it."""

    def add_arguments(self, parser):
        parser.add_argument("slug")
        parser.add_argument("--json", action="store_true", help="print one JSON object")

    def project(self, given: dict) -> Project:
        """The project that was named; DomainError "no_project"."""
        project = Project.objects.filter(slug=given["slug"]).first()
        if project is None:
            raise DomainError(
                "no_project", _("There is no project %(slug)s.") % {"slug": given["slug"]}, field="slug"
            )
        return project

    def person(self, name: str | None) -> User | None:
        """The account of this name, None for none; DomainError "not_found"."""
        if not name:
            return None
        found = User.objects.filter(username=name).first()
        if found is None:
            raise DomainError(
                "not_found", _("There is no account named %(name)s.") % {"name": name}, field="as"
            )
        return found

    @contextmanager
    def refusals(self, given: dict) -> Iterator[None]:
        """A DomainError in the block ends the command, as an object or as a sentence."""
        try:
            yield
        except DomainError as refused:
            if given["json"]:
                self.stdout.write(json.dumps(refused.as_dict(), ensure_ascii=False))
                sys.exit(1)
            raise CommandError(str(refused.message)) from None

    def print_json(self, result: dict) -> None:
        self.stdout.write(json.dumps(result, ensure_ascii=False))


class ImportCommand(ProjectCommand):
    """A command that takes a file in; exit status 0 also with refused rows, all of which are printed."""

    def add_arguments(self, parser):
        super().add_arguments(parser)
        parser.add_argument("file")
        parser.add_argument(
            "--map",
            action="append",
            default=[],
            metavar="FIELD=COLUMN",
            help="Our field and the file's column. Repeatable.",
        )
        parser.add_argument("--encoding")
        parser.add_argument("--delimiter")

    def file(self, given: dict) -> Path:
        """The file that was named; DomainError "no_file"."""
        path = Path(given["file"])
        if not path.is_file():
            raise DomainError("no_file", _("There is no file %(path)s.") % {"path": path}, field="file")
        return path

    def mapping(self, given: dict) -> dict[str, str]:
        """{our field: the file's column} of --map; DomainError "mapping"."""
        found = {}
        for text in given["map"]:
            ours, equals, column = text.partition("=")
            if not equals or not ours:
                raise DomainError(
                    "mapping", _("%(text)s: expected FIELD=COLUMN.") % {"text": text}, field="map"
                )
            found[ours] = column
        return found

    def print_report(self, report: dict, refused: Iterable[str]) -> None:
        """One JSON object; the refused rows are copied from `refused`, a line of JSON each, one by one,
        however many there are."""
        head = {k: v for k, v in report.items() if k not in {"errors", "errors_file"}}
        self.stdout.write(json.dumps(head, ensure_ascii=False)[:-1] + ', "errors": [', ending="")
        for i, line in enumerate(refused):
            self.stdout.write((", " if i else "") + line.rstrip("\n"), ending="")
        self.stdout.write("]}")

    def tell_refused(self, refused: Iterable[str]) -> None:
        """The refused rows as sentences."""
        for line in refused:
            self.stdout.write(_("line %(line)d, %(field)s: %(reason)s") % json.loads(line))
