"""Pages of this room."""

from django.urls import path

from feedback.chat import urls
from feedback.chat.settings import views as settings_views
from feedback.inbox import views as inbox_views
from feedback.personal_data import views as people_views
from feedback.proxy.views import without_v1
from feedback.quality import views as quality_views
from feedback.widget import api as widget_api

urlpatterns: list = [
    *urls.urlpatterns,
    path("chat/completions", without_v1, name="proxy_without_v1"),
    path("widget.js", widget_api.script, name="widget"),
    path("p/<slug:slug>/chat/settings/", settings_views.chat_settings, name="chat_settings"),
    path("p/<slug:slug>/chat/settings/links/", settings_views.chat_link, name="chat_link"),
    path(
        "p/<slug:slug>/chat/settings/links/<int:pk>/revoke/",
        settings_views.chat_link_revoke,
        name="chat_link_revoke",
    ),
    path("p/<slug:slug>/inbox/", inbox_views.inbox, name="inbox"),
    path("p/<slug:slug>/inbox/look/", inbox_views.look, name="inbox_look"),
    path("p/<slug:slug>/inbox/<int:pk>/", inbox_views.answer, name="inbox_answer"),
    path("p/<slug:slug>/inbox/<int:pk>/take-back/", inbox_views.take_back, name="inbox_take_back"),
    path("p/<slug:slug>/feedback/", quality_views.feedback, name="feedback"),
    path("chat/<slug:slug>/data/", people_views.own_data, name="chat_data"),
    path("chat/<slug:slug>/erase/", people_views.own_erase, name="chat_erase"),
    path("p/<slug:slug>/people/", people_views.people_data_page, name="people_data"),
    path("p/<slug:slug>/people/export/", people_views.people_export, name="people_export"),
    path("p/<slug:slug>/people/erase/", people_views.people_erase, name="people_erase"),
]
