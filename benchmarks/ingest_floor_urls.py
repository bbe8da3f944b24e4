"""The floor of bench_ingest.py: the same key is asked for and the body read, and nothing is done."""

from django.urls import include, path
from rest_framework.response import Response
from rest_framework.views import APIView

from core.api.auth import KeyAuthentication


class EmptyView(APIView):
    authentication_classes = [KeyAuthentication]
    key_scope = "ingest"

    def post(self, request):
        return Response({"read": len(request.data)}, status=201)


urlpatterns = [
    path("api/v1/", include("core.api_urls")),
    path("api/v1/empty/", EmptyView.as_view()),
    path("", include("config.urls")),
]
