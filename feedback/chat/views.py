"""The chat's pages: the talk itself, and the door for guests. What stands on them is chat_page's."""

from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from core.rendering import markdown
from core.web import limits
from core.web.client_ip import client_ip
from feedback.chat import access, guest_links
from feedback.chat import api as chat_api
from feedback.chat import page as chat_page
from feedback.models import Arm

JOINS = 60  # in ten minutes, from one address


@never_cache
@require_safe
def chat(request, slug, pk=None):
    """The talk; `pk`: this one first."""
    visitor, sign_in = access.page_visitor(request, slug)
    if visitor is None:
        return sign_in
    request.project, request.role = visitor.project, visitor.role
    return render(request, "feedback/chat.html", chat_page.context(visitor, pk))


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def join(request, token):
    """Where a guest's link leads: what is stored, the consent text if there is one, and a button. Looking
    takes nothing away from the link; a mail scanner that follows it joins nobody."""
    limits.take("chat-join", client_ip(request), limit=JOINS, seconds=600)
    link = guest_links.find(token)
    if link is None or not access.is_open(link.project):
        return render(request, "feedback/join.html", {"gone": True}, status=404)
    chat, slug = link.project.chat, link.project.slug
    inside = access.inside(request, slug)
    if request.method != "POST":
        if inside is not None and not inside.consent_due:
            return redirect("chat", slug)
    elif not chat.consent or request.POST.get("consent") == str(chat.consent_version):
        visitor = inside if inside is not None and not inside.guest else access.let_in(request, link)
        visitor.end_user()
        if visitor.consent_due:
            chat_api.agree(visitor)
        return redirect("chat", slug)
    context = {
        "project": link.project,
        "welcome": markdown.render(chat.welcome) if chat.welcome else "",
        "practice": Arm.objects.filter(project=link.project, active=True, endpoint__practice=True).exists(),
        "stored": chat_page.stored(chat, guest=True),
        "consent": markdown.render(chat.consent) if chat.consent else "",
        "consent_version": chat.consent_version,
    }
    return render(request, "feedback/join.html", context)


@require_POST
def leave(request, slug):
    """A guest goes: this browser cannot open their talks again."""
    access.let_out(request, slug)
    return redirect("home")
