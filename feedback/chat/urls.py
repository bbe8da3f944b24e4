"""Addresses of the chat: its pages, and what its page asks for as JSON."""

from django.urls import path, register_converter

from feedback.chat import api as chat_api
from feedback.chat import views as chat_views


class LinkToken:
    """The signed token of a guests' link: its colons keep /chat/join/… apart from a project named "join"."""

    regex = r"[A-Za-z0-9_-]{16,80}:[A-Za-z0-9_-]{20,80}"

    def to_python(self, value: str) -> str:
        return value

    def to_url(self, value: str) -> str:
        return value


register_converter(LinkToken, "link_token")

API = "chat/<slug:slug>/api/"
urlpatterns = [
    path("chat/join/<link_token:token>/", chat_views.join, name="chat_join"),
    path("chat/<slug:slug>/", chat_views.chat, name="chat"),
    path("chat/<slug:slug>/<int:pk>/", chat_views.chat, name="chat_conversation"),
    path("chat/<slug:slug>/leave/", chat_views.leave, name="chat_leave"),
    path(API + "conversations/", chat_api.conversations, name="chat_api_conversations"),
    path(API + "conversations/<int:pk>/", chat_api.conversation, name="chat_api_conversation"),
    path(API + "conversations/<int:pk>/branch/", chat_api.branch, name="chat_api_branch"),
    path(API + "conversations/<int:pk>/delete/", chat_api.delete, name="chat_api_delete"),
    path(API + "conversations/<int:pk>/score/", chat_api.score, name="chat_api_score"),
    path(API + "turn/", chat_api.turn, name="chat_api_turn"),
    path(API + "regenerate/", chat_api.regenerate, name="chat_api_regenerate"),
    path(API + "choose/", chat_api.choose, name="chat_api_choose"),
    path(API + "consent/", chat_api.consent, name="chat_api_consent"),
    path(API + "messages/seen/", chat_api.seen, name="chat_api_seen"),
    path(API + "messages/<int:pk>/", chat_api.message, name="chat_api_message"),
    path(API + "messages/<int:pk>/stop/", chat_api.stop, name="chat_api_stop"),
    path(API + "messages/<int:pk>/react/", chat_api.react, name="chat_api_react"),
    path(API + "messages/<int:pk>/signal/", chat_api.signal, name="chat_api_signal"),
]
