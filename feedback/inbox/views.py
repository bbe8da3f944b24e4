"""The page Feedback: what end users say of answers, for reviewers and managers; one answer with all that was
said of it; and what is done about it: looked at, replied to."""

from django import forms
from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from django.views.decorators.http import require_safe

from core import registry
from core.access import is_own_address, project_form, project_page
from core.errors import DomainError
from core.models import Role, roles_from
from core.rendering import diff, markdown
from core.text import whole_number
from feedback.conversations import tree
from feedback.conversations.end_users import label
from feedback.conversations.privacy import privacy_policy
from feedback.conversations.sizes import MAX_COMMENT, MAX_CORRECTION
from feedback.inbox import experts, looks, presentation, replies, rows
from feedback.inbox.filters import BY_LINK, STATES, InboxFilter
from feedback.models import Choice, EndUser, Look, Message, Reaction, Signal

MOST = 200  # words on one answer's page
EARLIER = 6  # turns before the question
MOST_CHOSEN = 100


class ReplyForm(forms.Form):
    text = forms.CharField(
        label=gettext_lazy("Your reply"),
        required=False,
        max_length=MAX_COMMENT,
        help_text=gettext_lazy("A sentence or two, in the language of the question."),
        widget=forms.Textarea(attrs={"rows": 2, "dir": "auto"}),
    )
    corrected = forms.CharField(
        label=gettext_lazy("What the answer should have been"),
        required=False,
        max_length=MAX_CORRECTION,
        help_text=gettext_lazy("May be left empty. Markdown."),
        widget=forms.Textarea(attrs={"rows": 5, "dir": "auto"}),
    )


def _actions(request) -> list[registry.Action]:
    return [one for one in registry.actions("feedback.inbox") if request.role in roles_from(one.role)]


@require_safe
@project_page("reviewer")
def inbox(request, project):
    """The list; `?before=` goes on after a row."""
    form = InboxFilter(request.GET, project=project)
    asked = form.asked()
    before = rows.Key.read(request.GET.get("before", ""))
    found = rows.listed(project, asked, user=request.user, after=before, count=before is None)
    context = {
        "project": project,
        "form": form,
        "rows": presentation.rows_of(project, found.rows),
        "found": found,
        "later": before is not None,
        "filtered": bool(asked),
        "open": bool(set(asked) - {"q", "thumb", "about", "state"}),
        "chips": _chips(request, project, asked),
        "window": rows.WINDOW,
        "actions": _actions(request),
        "states": dict(STATES),
    }
    return render(request, "feedback/inbox.html", context)


def _chips(request, project, asked: dict) -> list[dict]:
    """[{"name", "value", "words", "without": the address without it}] of what only a link can have asked
    for."""
    out = []
    for name in BY_LINK:
        value = asked.get(name)
        if value is None:
            continue
        if name == "person":
            found = EndUser.objects.filter(project=project, pk=value).only("key_hash").first()
            words = label(found) if found else _("nobody in this project")
        elif name == "score":
            words = _("Score %(n)s of 5") % {"n": value}
        elif name == "verdict":
            words = str(Choice.Verdict(value).label)
        elif name == "again":
            words = _("An answer asked for again") if value == "1" else _("Drafts side by side")
        elif name == "drafts":
            words = _("%(n)s drafts") % {"n": value}
        elif name == "place":
            words = _("Position on screen: %(n)s") % {"n": value}
        elif name == "signal":
            words = str(Signal.Name(value).label) if value in Signal.Name.values else value
        else:
            words = _("By what experts said")
        query = request.GET.copy()
        query.pop(name, None)
        query.pop("before", None)
        out.append({"name": name, "value": value, "words": words, "without": "?" + query.urlencode()})
    return out


def _answer_or_404(request, project, pk: int) -> Message:
    found = get_object_or_404(
        Message.objects.select_related("conversation__end_user", "parent", "model_version", "project").filter(
            project=project, role="assistant"
        ),
        pk=pk,
    )
    if found.pk in experts.still_to_judge(project, request.user):
        raise Http404(_("Judge this item first; then you can read what was said about it."))
    return found


@project_page("reviewer")
def answer(request, project, pk):
    """One answer: the talk before it, all that people say of it, who looked, and the reply; POST replies."""
    found = _answer_or_404(request, project, pk)
    settled = experts.settled(project, found.pk)
    reply = replies.in_force([found.pk]).get(found.pk)
    initial = {"text": reply.text, "corrected": reply.corrected} if reply else {}
    if not initial.get("corrected") and settled:
        initial["corrected"] = settled[1]
    form = ReplyForm(request.POST or None, initial=initial)
    if request.method == "POST" and form.is_valid():
        try:
            replies.write(message=found, author=request.user, **form.cleaned_data)
        except DomainError as exc:
            form.add_error(exc.field if exc.field in form.fields else None, exc.message)
        else:
            looks.look(project=project, user=request.user, messages=[found.pk])
            messages.success(request, _("The reply is now under the answer in this person's chat."))
            return redirect("inbox_answer", project.slug, pk)
    context = _answer_context(request, project, found)
    context |= {"form": form, "reply": reply, "reply_words": replies.words(reply) if reply else ""}
    context["settled"] = settled
    return render(request, "feedback/inbox_answer.html", context, status=400 if form.errors else 200)


def _answer_context(request, project, found: Message) -> dict:
    policy = privacy_policy(project)
    said = Reaction.objects.filter(project=project, message=found, current=True).exclude(value=0)
    words = list(said.select_related("end_user", *_around("message")).order_by("-pk")[:MOST])
    alone = [w for w in words if w.kind == "thumb" or not _has_thumb(w, words)]
    path = tree.path_of(found.parent) if found.parent is not None else []
    earlier = [(m.role, policy.shown(m.text)) for m in path[:-1]][-EARLIER:]
    code = replies.why_not(found, replies.setting(project))
    old = policy.shown(found.text)
    entries = presentation.rows_of(project, alone)
    for entry, word in zip(entries, alone, strict=True):  # however long, here it is shown
        correction = next(
            (w for w in words if w.kind == "correction" and w.text and _same_person(w, word)), None
        )
        if correction is not None and not entry.correction:
            entry.correction = diff.html(old, policy.shown(correction.text))
    return {
        "project": project,
        "answer": found,
        "entries": entries,
        "question": policy.shown(path[-1].text) if path else "",
        "question_lang": presentation.LANG.get(presentation.language.guess(path[-1].text), "")
        if path
        else "",
        "earlier": earlier,
        "html": markdown.render(old) if old else "",
        "lang": presentation.LANG.get(presentation.language.guess(old), ""),
        "who": label(found.conversation.end_user) if found.conversation.end_user else "",
        "looks": Look.objects.filter(message=found).select_related("user").order_by("-pk")[:50],
        "expert": experts.of_messages(project, [found.pk]).get(found.pk),
        "why_not": str(replies.WHY_NOT[code]) if code else "",
        "switch": f"{reverse('chat_settings', args=[project.slug])}#replies"
        if code == "off" and request.role == Role.MANAGER
        else "",
        "actions": _actions(request),
    }


def _around(name: str) -> tuple[str, ...]:
    return (name, f"{name}__parent", f"{name}__model_version", f"{name}__conversation")


def _same_person(a: Reaction, b: Reaction) -> bool:
    return a.pk == b.pk or (a.end_user_id is not None and a.end_user_id == b.end_user_id)


def _has_thumb(word: Reaction, words: list[Reaction]) -> bool:
    return any(w.kind == "thumb" and w.pk != word.pk and _same_person(w, word) for w in words)


@project_form("reviewer", "inbox")
def look(request, project):
    """Note that the person looked at the answers `message`. From a script: no page; from the form: back to
    where it stands."""
    chosen = _chosen(request)
    told = "quiet" not in request.POST
    n = looks.look(project=project, user=request.user, messages=chosen, told=told)
    if not told:
        return HttpResponse(status=204)
    if not chosen:
        messages.error(request, _("Choose some rows first."))
    else:
        words = ngettext("%(n)s answer marked as looked at.", "%(n)s answers marked as looked at.", n)
        messages.success(request, words % {"n": n})
    back = request.POST.get("back", "")
    if back.startswith("/") and is_own_address(request, back):
        return redirect(back)
    return redirect("inbox", project.slug)


@project_form("reviewer", "inbox_answer", "pk")
def take_back(request, project, pk):
    found = _answer_or_404(request, project, pk)
    if replies.take_back(message=found, actor=request.user):
        messages.success(request, _("The reply is no longer shown."))
    return redirect("inbox_answer", project.slug, pk)


def _chosen(request) -> list[int]:
    """The answers of a form's `message` fields; others are left out."""
    given = request.POST.getlist("message")[:MOST_CHOSEN]
    return [pk for text in given if (pk := whole_number(text)) is not None]
