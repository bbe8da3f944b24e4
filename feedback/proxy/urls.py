"""The proxy's addresses, under /v1/ as OpenAI's clients expect them."""

from django.urls import path

from feedback.proxy import views as proxy

urlpatterns = [
    path("chat/completions", proxy.chat_completions, name="proxy_chat"),
    path("models", proxy.models, name="proxy_models"),
    path("models/<path:model>", proxy.models, name="proxy_model"),
    path("", proxy.unknown, name="proxy_root"),
    path("<path:rest>", proxy.unknown, name="proxy_unknown"),
]
