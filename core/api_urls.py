"""API of this room, under /api/v1/."""

from django.urls import path

from core.api import schema  # noqa: F401  - registers how callers are known
from core.jobs import api as jobs_api

urlpatterns = [
    path("jobs/<int:pk>/", jobs_api.JobView.as_view(), name="api_job"),
    path("jobs/<int:pk>/cancel/", jobs_api.JobCancelView.as_view(), name="api_job_cancel"),
]
