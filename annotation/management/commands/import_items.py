"""manage.py import_items SLUG FILE [--map K=COL[:SCALE] ...] [--model NAME] [--join COL] [--encoding E]
[--dry-run] --json

Prints the report; every refused row is in it. Exit status 0 also with refused rows, 1 when the file as a
whole is refused."""

import tempfile
from pathlib import Path

from django.utils.translation import gettext as _

from annotation.imports import importer
from annotation.models import SavedMapping
from core.commands import ImportCommand
from core.errors import DomainError


class Command(ImportCommand):
    help = (
        "Take a file of prompts, answers and judgements into project SLUG. Running it again adds "
        "nothing. What the numbers of a column of "
        "judgements say may stand behind its name: --map winner=label:0-first; a model may be named for a "
        "whole column of answers: --map model_a==NAME (docs/import.md)."
    )

    def add_arguments(self, parser):
        super().add_arguments(parser)
        parser.add_argument(
            "--mapping", metavar="NAME", help="Use the saved mapping NAME; --map goes before it."
        )
        parser.add_argument(
            "--save-mapping",
            metavar="NAME",
            help="Keep the mapping under NAME for the next file of this shape.",
        )
        parser.add_argument("--model", help="Who gave the answers.")
        parser.add_argument(
            "--join",
            metavar="COLUMN",
            help="The column holding the id of the prompt: answers go to prompts known already.",
        )
        parser.add_argument(
            "--dry-run", action="store_true", help="Count what would be imported; write nothing."
        )

    def handle(self, *args, **options):
        with tempfile.TemporaryDirectory(prefix="import-") as folder:
            with self.refusals(options):
                report = self._run(options, Path(folder))
            with open(Path(folder) / importer.ERRORS_FILE, encoding="utf-8") as refused:
                (self.print_report if options["json"] else self._print)(report, refused)

    def _run(self, options, folder: Path) -> dict:
        project, path = self.project(options), self.file(options)
        mapping = {}
        if options["mapping"]:
            saved = SavedMapping.objects.filter(project=project, name=options["mapping"]).first()
            if saved is None:
                raise DomainError(
                    "no_mapping", _("There is no saved mapping %(name)s.") % {"name": options["mapping"]}
                )
            mapping = dict(saved.mapping)
        mapping |= self.mapping(options)
        report = importer.import_file(
            project=project,
            actor=None,
            path=path,
            name=path.name,
            mapping=mapping,
            model=options["model"],
            join=options["join"],
            encoding=options["encoding"],
            delimiter=options["delimiter"],
            dry_run=options["dry_run"],
            folder=folder,
        )
        if options["save_mapping"] and not options["dry_run"]:
            SavedMapping.objects.update_or_create(
                project=project, name=options["save_mapping"][:80], defaults={"mapping": mapping}
            )
        return report

    def _print(self, report: dict, refused) -> None:
        if report["dry_run"]:
            self.stdout.write(_("Nothing was written; this is what would be imported."))
        self.stdout.write(_("Format: %(format)s, %(encoding)s") % report)
        self.stdout.write(
            _(
                "Records: %(read)d read, %(imported)d imported, %(duplicates)d known already, %(refused)d "
                "refused"
            )
            % report
        )
        self.stdout.write(
            _("New items: %(items)d, answers: %(responses)d, judgements: %(annotations)d") % report
        )
        if "judged" in report:
            self._tell_judged(report["judged"])
        if report["personal_data"]:
            self.stdout.write(_("Records with likely personal data: %(personal_data)d") % report)
        for name, sentence in (
            ("dropped", _("Left out: %(columns)s")),
            ("notes", _("Kept as notes only: %(columns)s")),
        ):
            if report[name]:
                self.stdout.write(
                    sentence
                    % {"columns": ", ".join(f"{one['column']} ({one['records']})" for one in report[name])}
                )
        self.tell_refused(refused)

    def _tell_judged(self, judged: dict) -> None:
        """Which answer wins in the first rows, in words."""
        self.stdout.write(judged["says"])
        for one in judged["shown"]:
            who = f" ({one['annotator']})" if one["annotator"] else ""
            self.stdout.write(
                "  " + _("line %(line)d: %(says)s") % {"line": one["line"], "says": one["says"]} + who
            )
