"""API of this room, under /api/v1/."""

from django.urls import path

from feedback.ingest.api import FeedbackView
from feedback.widget import schema  # noqa: F401  - registers how the widget is known
from feedback.widget.api import SetupView, TokensView, WidgetFeedbackView

urlpatterns = [
    path("feedback/", FeedbackView.as_view(), name="api_feedback"),
    path("widget/tokens/", TokensView.as_view(), name="api_widget_tokens"),
    path("widget/setup/", SetupView.as_view(), name="api_widget_setup"),
    path("widget/feedback/", WidgetFeedbackView.as_view(), name="api_widget_feedback"),
]
