"""The web server alone."""

import os
import sys

from django.conf import settings
from django.core.management.base import BaseCommand

from config.processes import web_command, web_environment


class Command(BaseCommand):
    help = "Run the web server alone (`serve` runs it with migrations and a worker)."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser):
        parser.add_argument("--host", default=settings.HOST)
        parser.add_argument("--port", type=int, default=settings.PORT)
        parser.add_argument("--workers", type=int, default=settings.WEB_WORKERS)

    def handle(self, *args, host, port, workers, **options):
        command = web_command(host, port, workers)
        sys.stdout.flush()
        os.chdir(settings.BASE_DIR)  # the server finds config.wsgi from there
        os.execve(command[0], command, {**os.environ, **web_environment()})  # noqa: S606
