"""Pages of this room."""

from django.urls import path

from inference import views

urlpatterns: list = [
    path("p/<slug:slug>/models/", views.endpoints, name="endpoints"),
    path("p/<slug:slug>/models/<int:pk>/", views.endpoint, name="endpoint"),
    path("p/<slug:slug>/models/<int:pk>/try/", views.endpoint_probe, name="endpoint_probe"),
    path("p/<slug:slug>/models/<int:pk>/remove/", views.endpoint_remove, name="endpoint_remove"),
]
