"""Sign-ins kept on the server."""

from importlib import import_module

from django.conf import settings


def clear_expired() -> None:
    """Remove the sessions that ran out, whatever the engine that keeps them."""
    import_module(settings.SESSION_ENGINE).SessionStore.clear_expired()
