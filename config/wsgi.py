import os
import signal

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
application = get_wsgi_application()

from config.processes import follow_parent  # noqa: E402 - reads settings

follow_parent(signal.SIGKILL)  # only below `manage.py serve`; a request that is cut off has committed nothing
