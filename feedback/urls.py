"""Pages of this room."""

from django.urls import path

from feedback import chat_urls, settings_views

urlpatterns: list = [
    *chat_urls.urlpatterns,
    path("p/<slug:slug>/chat/settings/", settings_views.chat_settings, name="chat_settings"),
    path("p/<slug:slug>/chat/settings/arms/", settings_views.chat_arms, name="chat_arms"),
    path("p/<slug:slug>/chat/settings/reasons/", settings_views.chat_reasons, name="chat_reasons"),
    path("p/<slug:slug>/chat/settings/consent/", settings_views.chat_consent, name="chat_consent"),
    path("p/<slug:slug>/chat/settings/links/", settings_views.chat_link, name="chat_link"),
    path("p/<slug:slug>/chat/settings/links/<int:pk>/revoke/", settings_views.chat_link_revoke, name="chat_link_revoke"),
]
