"""What the OpenAPI document says of how callers are known."""

from django.conf import settings
from drf_spectacular.extensions import OpenApiAuthenticationExtension


class KeyScheme(OpenApiAuthenticationExtension):
    """An API key in the Authorization header."""

    target_class = "core.api.auth.KeyAuthentication"
    name = "ApiKey"

    def get_security_definition(self, auto_schema):
        return {"type": "http", "scheme": "bearer", "bearerFormat": "tsk_<prefix>_<secret>"}


class SessionScheme(OpenApiAuthenticationExtension):
    """The browser's session, with its CSRF token."""

    target_class = "core.api.auth.BrowserSession"
    name = "Session"

    def get_security_definition(self, auto_schema):
        return {"type": "apiKey", "in": "cookie", "name": settings.SESSION_COOKIE_NAME}
