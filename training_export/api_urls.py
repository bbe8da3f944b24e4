"""API of this room, under /api/v1/."""

from django.urls import path

from training_export import api

urlpatterns = [
    path("formats/", api.FormatsView.as_view(), name="api_formats"),
    path("projects/<slug:slug>/exports/", api.ExportsView.as_view(), name="api_exports"),
    path("projects/<slug:slug>/exports/<int:number>/", api.ExportView.as_view(), name="api_export"),
    path(
        "projects/<slug:slug>/exports/<int:number>/download/",
        api.ExportZipView.as_view(),
        name="api_export_zip",
    ),
    path(
        "projects/<slug:slug>/exports/<int:number>/files/<path:name>",
        api.ExportFileView.as_view(),
        name="api_export_file",
    ),
]
