"""Code for a key that was just made: asking a model through the proxy, sending feedback, the widget, a Gradio
app. The tests run what is shown."""

from django.urls import reverse
from django.utils.translation import gettext as _

from core.accounts.snippets import NewKey, Snippet, curl, rendered
from core.models import ApiKey, Project
from feedback.models import ChatSettings
from inference.models import Endpoint

PERSON = "person-7"
OPENAI = """from openai import OpenAI

client = OpenAI(base_url="{base}v1", api_key="{key}")
answer = client.chat.completions.create(
    model="auto", messages=[{{"role": "user", "content": {question!r}}}], user="{person}"
)
print(answer.choices[0].message.content)
"""
GRADIO_CHAT = """import gradio as gr
from openai import OpenAI

client = OpenAI(base_url="{base}v1", api_key="{key}")


def text_of(content):  # Gradio 6 gives a list of parts
    return content if isinstance(content, str) else "".join(part.get("text", "") for part in content)


def reply(message, history):
    talk = [{{"role": one["role"], "content": text_of(one["content"])}} for one in history]
    talk.append({{"role": "user", "content": message}})
    text = ""
    for chunk in client.chat.completions.create(model="auto", messages=talk, stream=True):
        text += (chunk.choices[0].delta.content or "") if chunk.choices else ""
        yield text


gr.ChatInterface(reply).launch()  # in Gradio 5: gr.ChatInterface(reply, type="messages")
"""
GRADIO_LIKE = """import json
import zlib

import gradio as gr
import requests


def content_of(given):  # a text, since Gradio 6 a list of parts; of a file only that there was one
    if isinstance(given, str):
        return given
    parts = given if isinstance(given, list) else [given]
    return [p if isinstance(p, dict) and p.get("type") == "text" else {{"type": "file"}} for p in parts]


def liked(history, event: gr.LikeData, request: gr.Request):
    at = event.index if isinstance(event.index, int) else event.index[0]
    talk = [{{"role": one["role"], "content": content_of(one["content"])}} for one in history[: at + 1]]
    person = request.username or request.session_hash
    name = f"{{person}}-{{zlib.crc32(json.dumps(talk[0]).encode()):08x}}"  # the same talk is one
    value = {{True: "up", False: "down"}}.get(event.liked, "none")  # a thumb pressed again is taken back
    talk[-1]["reactions"] = [{{"kind": "thumb", "value": value}}]
    requests.post(
        "{base}api/v1/feedback/",
        headers={{"Authorization": "Bearer {key}"}},
        json={{"type": "conversation", "conversation": name, "user": person, "messages": talk}},
        timeout=10,
    ).raise_for_status()


# beside your own Chatbot:  chatbot.like(liked, chatbot, None)
"""
WIDGET_SERVER = """import requests


def touchstone_token(user_id: str) -> str:
    answer = requests.post(
        "{base}api/v1/widget/tokens/",
        headers={{"Authorization": "Bearer {key}"}},
        json={{"user": user_id, "origin": "{origin}", "ttl": 900}},
        timeout=10,
    )
    answer.raise_for_status()
    return answer.json()["token"]


# let your /touchstone-token answer {{"token": touchstone_token(…)}}, with your id of whoever is signed in
"""
WIDGET_PAGE = """<script src="{base}widget.js" data-token-url="/touchstone-token" defer></script>

<div data-touchstone-message="{answer}">…</div>
"""


def panel(request, project: Project) -> str:
    """The snippets for the key that this answer shows, as HTML; "" for one that opens nothing here."""
    key: NewKey | None = getattr(request, "new_key", None)
    return rendered(of_key(key, project, request.build_absolute_uri("/"))) if key else ""


def of_key(key: NewKey, project: Project, base: str) -> list[Snippet]:
    """`base` is the address of this installation as the person reached it, with its slash."""
    out: list[Snippet] = []
    if key.opens(ApiKey.Scope.PROXY):
        out += _proxy(key, project, base)
    if key.opens(ApiKey.Scope.INGEST):
        out += _feedback(key, project, base)
    return out


def _proxy(key: NewKey, project: Project, base: str) -> list[Snippet]:
    question = _("How much water should one drink a day?")
    filled = {"base": base, "key": key.text, "question": question, "person": PERSON}
    without = ""
    if not Endpoint.objects.filter(project=project, active=True).exists():
        without = _("This project has no model yet: add one under Models, or nobody answers.")
    ask = {"model": "auto", "messages": [{"role": "user", "content": question}], "user": PERSON}
    return [
        Snippet(
            "curl-proxy", _("Ask a model: curl"), curl(f"{base}v1/chat/completions", key.text, ask), without
        ),
        Snippet("python-proxy", _("Ask a model: Python, OpenAI's client"), OPENAI.format(**filled)),
        Snippet("gradio-chat", _("Ask a model: a Gradio app"), GRADIO_CHAT.format(**filled)),
    ]


def _feedback(key: NewKey, project: Project, base: str) -> list[Snippet]:
    origins = ChatSettings.objects.filter(project=project).values_list("origins", flat=True).first() or []
    origin = origins[0] if origins else "https://www.example.org"
    listed = where = ""
    if not origins:
        where = reverse("chat_settings", args=[project.slug]) + "#sites"
        listed = _("List your site first, and put it in place of this one.")
    row = {"type": "conversation", "user": PERSON, "messages": _talk()}
    filled = {"base": base, "key": key.text, "origin": origin, "answer": "chatcmpl-8f2"}
    return [
        Snippet(
            "curl-feedback",
            _("Send feedback: curl"),
            curl(f"{base}api/v1/feedback/", key.text, row),
            _("What you send appears on the page “Feedback”."),
            reverse("inbox", args=[project.slug]),
        ),
        Snippet("gradio-like", _("Send feedback: Gradio's thumbs"), GRADIO_LIKE.format(**filled)),
        Snippet(
            "widget-token",
            _("Widget, on your server: a token for the person"),
            WIDGET_SERVER.format(**filled),
            listed,
            where,
        ),
        Snippet(
            "widget-script",
            _("Widget, in the page"),
            WIDGET_PAGE.format(**filled),
            _("The page gets a token, never the key; your own site answers it at /touchstone-token."),
        ),
    ]


def _talk() -> list[dict]:
    return [
        {"role": "user", "content": _("How much water should one drink a day?")},
        {
            "role": "assistant",
            "content": _("About two litres."),
            "reactions": [{"kind": "thumb", "value": "up"}],
        },
    ]
