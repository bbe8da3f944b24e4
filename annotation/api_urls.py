"""API of this room, under /api/v1/."""

from django.urls import path

from annotation.bench import api
from annotation.imports import api as imports_api

urlpatterns = [
    path("projects/<slug:slug>/next/", api.NextView.as_view(), name="api_next"),
    path("projects/<slug:slug>/progress/", api.ProgressView.as_view(), name="api_progress"),
    path("projects/<slug:slug>/import/", imports_api.ImportView.as_view(), name="api_import"),
    path(
        "projects/<slug:slug>/import/<int:pk>/refused.csv",
        imports_api.ImportReportView.as_view(),
        {"kind": "csv"},
        name="api_import_report_csv",
    ),
    path(
        "projects/<slug:slug>/import/<int:pk>/refused.jsonl",
        imports_api.ImportReportView.as_view(),
        {"kind": "jsonl"},
        name="api_import_report_jsonl",
    ),
    path("assignments/<int:pk>/", api.AssignmentView.as_view(), name="api_assignment"),
    path("assignments/<int:pk>/heartbeat/", api.HeartbeatView.as_view(), name="api_heartbeat"),
    path("assignments/<int:pk>/draft/", api.DraftView.as_view(), name="api_draft"),
    path("assignments/<int:pk>/submit/", api.SubmitView.as_view(), name="api_submit"),
    path("assignments/<int:pk>/skip/", api.SkipView.as_view(), name="api_skip"),
    path("assignments/<int:pk>/release/", api.ReleaseView.as_view(), name="api_release"),
    path("assignments/<int:pk>/undo/", api.UndoView.as_view(), name="api_undo"),
    path("assignments/<int:pk>/report/", api.ReportView.as_view(), name="api_report"),
]
