"""API of this room, under /api/v1/."""

from django.urls import path

from feedback.ingest_api import FeedbackView

urlpatterns = [
    path("feedback/", FeedbackView.as_view(), name="api_feedback"),
]
