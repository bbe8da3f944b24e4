"""The WSGI application, as the web server's processes load it."""

import os
import signal

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
application = get_wsgi_application()

from config import connections, processes  # noqa: E402 - they read settings

processes.follow_parent(signal.SIGKILL)  # only below `manage.py serve`; a request that is cut off has committed nothing
connections.watch()
