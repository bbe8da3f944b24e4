"""Pages of this room."""

from django.urls import path

from training_export import views

urlpatterns = [
    path("p/<slug:slug>/exports/", views.exports, name="exports"),
    path("p/<slug:slug>/exports/<int:number>/", views.export, name="export"),
    path("p/<slug:slug>/exports/<int:number>/rows/", views.export_rows, name="export_rows"),
    path("p/<slug:slug>/exports/<int:number>/download/", views.export_zip, name="export_zip"),
    path("p/<slug:slug>/exports/<int:number>/files/<path:name>", views.export_file, name="export_file"),
]
