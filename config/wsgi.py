import os
import signal

from django.core.wsgi import get_wsgi_application

from config.processes import follow_parent, watch_parent

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
follow_parent(signal.SIGKILL)  # nothing but `manage.py serve` sets a parent to follow; a request cut off here is not committed
watch_parent()
application = get_wsgi_application()
