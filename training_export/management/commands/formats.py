"""manage.py formats [--json]: the formats an export can have."""

import json

from django.core.management.base import BaseCommand

from training_export.formats import FORMATS
from training_export.options import choices_of


class Command(BaseCommand):
    help = (
        "List the export formats with what they hold, what their trainer ignores, and the options of an "
        "export."
    )

    def add_arguments(self, parser):
        parser.add_argument("--json", action="store_true")

    def handle(self, *args, **options):
        if options["json"]:
            found = {
                "formats": [form.as_dict() for form in FORMATS.values()],
                "choices": {k: list(v) for k, v in choices_of().items()},
            }
            self.stdout.write(json.dumps(found, ensure_ascii=False, indent=2))
            return
        for form in FORMATS.values():
            self.stdout.write(f"{form.name:16} {form.label}")
