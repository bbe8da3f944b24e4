"""The practice server alone, for trying things out; `demo` starts its own."""

import contextlib
from pathlib import Path

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.utils.translation import gettext as _

from inference import practice


class Command(BaseCommand):
    help = (
        "Answer like a model, from the demo's texts: OpenAI protocol on loopback. List its host:port in "
        "ENDPOINT_HOSTS to connect it."
    )
    requires_system_checks: list[str] = []

    def add_arguments(self, parser):
        parser.add_argument(
            "--port", type=int, default=settings.PRACTICE_PORT, help="0: any free one (PRACTICE_PORT)"
        )
        parser.add_argument(
            "--pace",
            type=float,
            default=settings.PRACTICE_PACE,
            help="pieces a second; 0: as quick as it goes (PRACTICE_PACE)",
        )
        parser.add_argument(
            "--data",
            nargs="+",
            type=Path,
            default=settings.PRACTICE_DATA,
            help="JSON lines of questions and answers",
        )
        parser.add_argument("--grades", type=Path, default=settings.PRACTICE_GRADES)

    def handle(self, *args, port, pace, data, grades, **options):
        try:
            listening = practice.listen(port)
        except OSError as exc:
            raise CommandError(
                _("Cannot listen on port %(port)s: %(reason)s") % {"port": port, "reason": exc.strerror}
            ) from None
        self.stdout.write(
            _("The practice server answers at %(url)s   (Ctrl-C stops it)")
            % {"url": f"http://127.0.0.1:{listening.getsockname()[1]}/v1"}
        )
        self.stdout.flush()
        with contextlib.suppress(KeyboardInterrupt):
            practice.serve(listening, data=data, grades=grades, pace=pace)
