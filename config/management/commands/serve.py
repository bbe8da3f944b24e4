"""Migrations, web server and one worker, from one command."""

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.db import connections
from django.utils.translation import gettext as _

from config import preparing, processes
from core import catalogues
from core.jobs import worker_ends
from inference import endpoints, practice
from inference.models import Endpoint

STOP_SECONDS = 8  # what web server and worker get to stop on their own


class Command(BaseCommand):
    help = (
        "Serve Touchstone: migrations, web server, one worker with the periodic work. HOST, PORT and "
        "DATA_DIR come from the environment."
    )
    requires_system_checks: list[str] = []

    def handle(self, *args, **options):
        self.children: dict[str, subprocess.Popen] = {}
        self.stop_asked = False
        self.practice: socket.socket | None = None
        try:
            lock = preparing.lock_data_dir()
            self._check_port()
            self.prepare()
        except preparing.NotReady as exc:
            raise CommandError(str(exc)) from None
        where = {"address": address(), "host": settings.HOST, "port": settings.PORT}
        lock.write(json.dumps({"pid": os.getpid(), **where}))
        lock.flush()
        connections.close_all()
        for sig in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            if signal.getsignal(sig) != signal.SIG_IGN:  # as nohup asks
                signal.signal(sig, self._ask_stop)
        if "MAKELEVEL" in os.environ:
            processes.follow(signal.SIGTERM)  # make may be killed as well
        status = self._run()
        if status:
            sys.exit(status)

    def say(self, line: str) -> None:
        self.stdout.write(str(line))
        self.stdout.flush()

    def prepare(self) -> None:
        """Everything before the first request."""
        preparing.migrate(self.say)
        catalogues.compile_stale(settings.BASE_DIR / "locale")
        preparing.collect_static(self.say)
        if self.wants_practice():
            self._open_practice()

    def wants_practice(self) -> bool:
        """Whether models of this installation are played by the practice server."""
        return Endpoint.objects.filter(practice=True).exists()

    def _open_practice(self) -> None:
        """Listen for the practice server: the socket stays ours, so that a new one answers at the same port.
        Its models are led there."""
        try:
            self.practice = practice.listen(settings.PRACTICE_PORT)
        except OSError as exc:
            where = {"port": settings.PRACTICE_PORT, "reason": exc.strerror or exc}
            raise CommandError(
                _(
                    "The practice server cannot listen on port %(port)s: %(reason)s. Choose another "
                    "with PRACTICE_PORT=…"
                )
                % where
            ) from None
        host, port = self.practice.getsockname()
        # for us, and for all that we start
        settings.PRACTICE_ADDRESS = os.environ["PRACTICE_ADDRESS"] = f"{host}:{port}"
        endpoints.lead_practice_to(settings.PRACTICE_ADDRESS)

    def ready(self) -> None:
        """What is said once the web server answers."""
        self.say(_("Touchstone is ready: %(address)s   (Ctrl-C stops it)") % {"address": address()})
        if settings.BEHIND_PROXY:
            listens = {"host": settings.HOST, "port": settings.PORT}
            self.say(_("The proxy in front of it passes requests on to %(host)s port %(port)s.") % listens)

    def _check_port(self) -> None:
        family = socket.AF_INET6 if ":" in settings.HOST else socket.AF_INET
        with socket.socket(family) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((settings.HOST, settings.PORT))
            except OSError as exc:
                where = {"host": settings.HOST, "port": settings.PORT, "reason": exc.strerror or exc}
                raise CommandError(
                    _("Cannot listen on %(host)s port %(port)s: %(reason)s. Choose another with PORT=…")
                    % where
                ) from None
        if not settings.LOOPBACK and not settings.HTTPS:
            warning = _(
                "Warning: this address can be reached from other machines, and without TLS anyone on the "
                "way can read along (docs/operations.md)."
            )
            self.stderr.write(self.style.WARNING(warning))

    def _ask_stop(self, *args) -> None:
        self.stop_asked = True

    def _start(self, name: str) -> None:
        if name == "web":
            command = processes.web_command(settings.HOST, settings.PORT, settings.WEB_WORKERS)
            self.children[name] = processes.start_child(command, processes.web_environment())
        elif name == "practice":
            fd = self.practice.fileno()
            self.children[name] = processes.start_child(processes.practice_command(fd), pass_fds=(fd,))
        else:
            before = self.children.get(name)
            ended = {} if before is None else worker_ends.environment(before.pid, before.returncode)
            self.children[name] = processes.start_child(processes.worker_command(), ended)

    def _run(self) -> int:
        """Start them, say so when the web server answers, start again what dies, and end all of it when
        asked. Returns the exit status."""
        told = False
        pauses: dict[str, Pauses] = {}
        try:
            self._start("web")
            while not self.stop_asked:
                if not told and answers():
                    told = True
                    self._start("worker")  # after the first answer: they would only slow each other down
                    if self.practice is not None:
                        self._start("practice")
                    self.ready()
                for name, child in list(self.children.items()):
                    if child.poll() is None or self.stop_asked:
                        continue
                    if name == "web" and not told:
                        self.stderr.write(
                            _("The %(name)s process does not stay up; its messages are above.")
                            % {"name": name}
                        )
                        return 1
                    pause = pauses.setdefault(name, Pauses())
                    if pause.due is None:
                        seconds = pause.died()
                        told_of = {"name": name, "code": worker_ends.how(child.returncode), "n": seconds}
                        if seconds:
                            self.stderr.write(
                                _("The %(name)s process ended (%(code)s); starting it again in %(n)d s.")
                                % told_of
                            )
                        else:
                            self.stderr.write(
                                _("The %(name)s process ended (%(code)s); starting it again.") % told_of
                            )
                    if pause.over():
                        self._start(name)
                time.sleep(0.5 if told else 0.03)
        finally:
            self._end()
        return 0

    def _end(self) -> None:
        for child in self.children.values():
            with contextlib.suppress(ProcessLookupError):
                child.terminate()
        until = time.monotonic() + STOP_SECONDS
        for child in self.children.values():
            processes.end(child, until - time.monotonic())


class Pauses:
    """When a child that has ended is started again: at once, and the later the oftener it ended of late, so
    that one that cannot stay up takes neither the machine nor its neighbours with it. `due`: the monotonic
    second of the next start, None while it runs."""

    CALM = 120.0  # seconds after which an end is forgotten
    MOST = 60

    def __init__(self):
        self.due: float | None = None
        self._ends: list[float] = []

    def died(self) -> int:
        """It has just ended: whole seconds until it is started again."""
        now = time.monotonic()
        self._ends = [t for t in self._ends if now - t < self.CALM] + [now]
        seconds = min(2 ** (len(self._ends) - 2), self.MOST) if len(self._ends) > 1 else 0
        self.due = now + seconds
        return seconds

    def over(self) -> bool:
        """Whether it is to be started now; then it counts as running."""
        if self.due is None or time.monotonic() < self.due:
            return False
        self.due = None
        return True


def _name_of_the_proxy() -> str:
    """The first of ALLOWED_HOSTS that is a name and no pattern, of somewhere else than this machine."""
    here = {"127.0.0.1", "localhost", "[::1]", settings.HOST}
    return next((name for name in settings.ALLOWED_HOSTS if name[0] not in "*." and name not in here), "")


def address() -> str:
    """The address to open: as bound, or this machine's own where it is bound to all; behind a proxy the name
    that is answered."""
    if settings.BEHIND_PROXY and settings.HTTPS and (named := _name_of_the_proxy()):
        return f"https://{named}/"
    host = settings.HOST
    if host in {"0.0.0.0", "::"}:  # noqa: S104
        host = "127.0.0.1"
        with contextlib.suppress(OSError), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            probe.connect(("192.0.2.1", 9))  # nothing is sent: it only chooses the interface
            host = probe.getsockname()[0]
    host = f"[{host}]" if ":" in host else host
    return f"{'https' if settings.HTTPS else 'http'}://{host}:{settings.PORT}/"


def answers() -> bool:
    host = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(  # noqa: S104
        settings.HOST, f"[{settings.HOST}]" if ":" in settings.HOST else settings.HOST
    )
    try:
        with urllib.request.urlopen(f"http://{host}:{settings.PORT}/healthz", timeout=5):
            return True
    except urllib.error.HTTPError:
        return True
    except OSError:
        return False
