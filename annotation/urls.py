"""Pages of this room."""

from django.urls import path

from annotation.bench import guidelines as bench_guidelines
from annotation.bench import mine as own_work
from annotation.bench import preview as bench_preview
from annotation.bench import views as bench_views
from annotation.imports import views as imports_views
from annotation.items import views as item_views
from annotation.projects import checklist, create, guidelines, overview, settings, statement
from annotation.promotion import send_views
from annotation.promotion import views as promotion_views
from annotation.results import views as results_views
from annotation.review import views as review_views

urlpatterns: list = [
    path("p/<slug:slug>/bench/", bench_views.bench, name="bench"),
    path("p/<slug:slug>/bench/guidelines/", bench_guidelines.guidelines_panel, name="bench_guidelines"),
    path("p/<slug:slug>/bench/guidelines/seen/", bench_guidelines.guidelines_seen, name="guidelines_seen"),
    path("p/<slug:slug>/bench/preview/", bench_preview.preview, name="bench_preview"),
    path("p/<slug:slug>/mine/", own_work.mine, name="mine"),
    path("account/bench-keys/", bench_views.bench_keys, name="bench_keys"),
    path("p/<slug:slug>/import/", imports_views.import_page, name="import"),
    path("p/<slug:slug>/import/template.csv", imports_views.import_template, name="import_template"),
    path("p/<slug:slug>/import/jobs/<int:pk>/", imports_views.import_report, name="import_report"),
    path(
        "p/<slug:slug>/import/jobs/<int:pk>/refused.csv",
        imports_views.import_report_file,
        {"kind": "csv"},
        name="import_report_csv",
    ),
    path(
        "p/<slug:slug>/import/jobs/<int:pk>/refused.jsonl",
        imports_views.import_report_file,
        {"kind": "jsonl"},
        name="import_report_jsonl",
    ),
    path("p/<slug:slug>/import/<str:token>/", imports_views.import_check, name="import_check"),
    path("projects/new/", create.new_project, name="project_new"),
    path("p/<slug:slug>/", overview.project, name="project"),
    path("p/<slug:slug>/agreement/", overview.project_agreement, name="project_agreement"),
    path("p/<slug:slug>/checklist/close/", checklist.close, name="checklist_close"),
    path("p/<slug:slug>/clone/", create.clone, name="project_clone"),
    path("p/<slug:slug>/settings/", settings.settings, name="project_settings"),
    path("p/<slug:slug>/settings/criteria/", settings.criteria, name="project_criteria"),
    path("p/<slug:slug>/guidelines/", guidelines.guidelines, name="guidelines"),
    path("p/<slug:slug>/guidelines/preview/", guidelines.guidelines_preview, name="guidelines_preview"),
    path("p/<slug:slug>/work/", statement.work, name="work"),
    path("p/<slug:slug>/results/", results_views.results, name="results"),
    path("p/<slug:slug>/items/", item_views.items, name="items"),
    path("p/<slug:slug>/items/<int:pk>/", item_views.item, name="item"),
    path("p/<slug:slug>/items/<int:pk>/hide/", item_views.item_hide, name="item_hide"),
    path("p/<slug:slug>/items/<int:pk>/decide/", item_views.item_decide, name="item_decide"),
    path("p/<slug:slug>/items/<int:pk>/tags/", item_views.item_tags, name="item_tags"),
    path("p/<slug:slug>/promotion/", promotion_views.rules, name="promotion"),
    path("p/<slug:slug>/promotion/new/", promotion_views.new, name="promotion_new"),
    path("p/<slug:slug>/promotion/send/", send_views.send, name="promotion_send"),
    path("p/<slug:slug>/promotion/run/", promotion_views.run, name="promotion_run"),
    path("p/<slug:slug>/promotion/<int:pk>/", promotion_views.rule, name="promotion_rule"),
    path("p/<slug:slug>/promotion/<int:pk>/switch/", promotion_views.switch, name="promotion_switch"),
    path("p/<slug:slug>/promotion/<int:pk>/remove/", promotion_views.remove, name="promotion_remove"),
    path("p/<slug:slug>/review/", review_views.review_list, name="review"),
    path("p/<slug:slug>/review/agreeing/", review_views.agreeing, name="review_agreeing"),
    path("p/<slug:slug>/review/<int:pk>/", review_views.review_item, name="review_item"),
    path("p/<slug:slug>/review/<int:pk>/reveal/", review_views.reveal, name="review_reveal"),
    path("p/<slug:slug>/review/<int:pk>/accept/", review_views.accept_item, name="review_accept_item"),
    path("p/<slug:slug>/review/<int:pk>/rule/", review_views.rule, name="review_rule"),
    path("p/<slug:slug>/review/<int:pk>/settle/", review_views.settle, name="review_settle"),
    path("p/<slug:slug>/review/<int:pk>/unsettle/", review_views.unsettle, name="review_unsettle"),
    path(
        "p/<slug:slug>/review/<int:pk>/<int:annotation_pk>/accept/", review_views.accept, name="review_accept"
    ),
    path(
        "p/<slug:slug>/review/<int:pk>/<int:annotation_pk>/return/",
        review_views.return_,
        name="review_return",
    ),
]
