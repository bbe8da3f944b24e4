"""API of this room, under /api/v1/."""

from django.urls import path

from training_export import api
from training_export.bundles import api as bundles
from training_export.recipes import api as recipes

urlpatterns = [
    path("formats/", api.FormatsView.as_view(), name="api_formats"),
    path("recipe-presets/", recipes.PresetsView.as_view(), name="api_recipe_presets"),
    path("projects/<slug:slug>/recipes/", recipes.RecipesView.as_view(), name="api_recipes"),
    path("projects/<slug:slug>/recipes/<slug:recipe>/", recipes.RecipeView.as_view(), name="api_recipe"),
    path("projects/<slug:slug>/snapshots/", recipes.SnapshotsView.as_view(), name="api_snapshots"),
    path(
        "projects/<slug:slug>/snapshots/<int:number>/",
        recipes.SnapshotView.as_view(),
        name="api_snapshot",
    ),
    path(
        "projects/<slug:slug>/snapshots/<int:number>/diff/<int:earlier>/",
        recipes.SnapshotDiffView.as_view(),
        name="api_snapshot_diff",
    ),
    path(
        "projects/<slug:slug>/snapshots/<int:number>/sign-off/",
        recipes.SignOffView.as_view(),
        name="api_snapshot_sign_off",
    ),
    path(
        "projects/<slug:slug>/snapshots/<int:number>/withdraw/",
        recipes.WithdrawView.as_view(),
        name="api_snapshot_withdraw",
    ),
    path("projects/<slug:slug>/bundles/", bundles.BundlesView.as_view(), name="api_bundles"),
    path(
        "projects/<slug:slug>/bundles/<int:pk>/download/",
        bundles.BundleZipView.as_view(),
        name="api_bundle_zip",
    ),
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
