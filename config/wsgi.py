"""The WSGI application, as the web server's processes load it."""

import os
import signal
import threading

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
application = get_wsgi_application()

from config import bodies, connections, processes  # noqa: E402
from core import registry  # noqa: E402

application = bodies.timed(application)


def _end() -> None:
    for end in registry.endings():
        end()


# only below `manage.py serve`; a request that is cut off has committed nothing
processes.follow_parent(signal.SIGKILL)
connections.watch()
processes.allow_connections()
if threading.current_thread() is threading.main_thread():
    processes.at_term(_end)
