"""All URLs, room by room."""

from django.urls import include, path
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerSplitView

# With its script at an address of its own: the policy of our pages runs none that stands in a page.
API_DOCS = SpectacularSwaggerSplitView.as_view(url_name="schema", template_name="core/api_docs.html")

urlpatterns = [
    # First what programs call a thousand times a minute: a request tries one pattern after the other.
    path("api/v1/", include("core.api_urls")),
    path("api/v1/", include("feedback.api_urls")),
    path("api/v1/", include("annotation.api_urls")),
    path("api/v1/", include("training_export.api_urls")),
    path("v1/", include("feedback.proxy.urls")),
    path("", include("core.urls")),
    path("", include("inference.urls")),
    path("", include("feedback.urls")),
    path("", include("annotation.urls")),
    path("", include("training_export.urls")),
    path("api/schema/", SpectacularAPIView.as_view(), name="schema"),
    path("api/docs/", API_DOCS, name="api_docs"),
]

handler400 = "core.accounts.views.bad_request"
handler403 = "core.accounts.views.forbidden"
handler404 = "core.accounts.views.not_found"
handler500 = "core.accounts.views.server_error"
