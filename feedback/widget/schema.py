"""What the OpenAPI document says of how the widget is known."""

from drf_spectacular.extensions import OpenApiAuthenticationExtension


class TokenScheme(OpenApiAuthenticationExtension):
    """A short-lived token that the site's server asked for with its key."""

    target_class = "feedback.widget.api.WidgetToken"
    name = "WidgetToken"

    def get_security_definition(self, auto_schema):
        return {"type": "http", "scheme": "bearer", "bearerFormat": "token of POST /api/v1/widget/tokens/"}
