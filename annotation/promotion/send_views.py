"""The page between "Send to experts" in the inbox and the bench: what will happen, then doing it."""

from django.contrib import messages
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from annotation.promotion import by_hand
from annotation.promotion.messages import REFUSALS
from core import text
from core.access import is_own_address, project_form
from core.errors import DomainError
from core.text import whole_number

EXCERPT = 160


def _given(request) -> list[int]:
    found = request.POST.getlist("message")
    return [pk for text in found if (pk := whole_number(text)) is not None]


@project_form("manager", "inbox")
def send(request, project):
    """POST with `message` (answers): the page that tells; with `sure` as well: sent, and back to `back`."""
    back = request.POST.get("back", "")
    back = back if back.startswith("/") and is_own_address(request, back) else ""
    verb = by_hand.send if "sure" in request.POST else by_hand.preview
    try:
        found = verb(project=project, actor=request.user, messages=_given(request))
    except DomainError as exc:
        if exc.status == 404:
            raise
        messages.error(request, exc.message)
        return redirect(back) if back else redirect("inbox", project.slug)
    if verb is by_hand.send:
        n = found.new_items
        said = ngettext("%(n)s new item is with the experts.", "%(n)s new items are with the experts.", n)
        messages.success(request, said % {"n": n})
        if joined := len(found.of(by_hand.Outcome.KNOWN)):
            said = ngettext("%(n)s joined an existing item.", "%(n)s joined existing items.", joined)
            messages.info(request, said % {"n": joined})
        return redirect(back) if back else redirect("inbox", project.slug)
    for row in found.rows:
        row.question = text.excerpt(row.question, EXCERPT)
        row.answer = text.excerpt(row.answer, EXCERPT)
        row.reason = str(REFUSALS.get(row.reason, row.reason)) if row.reason else ""
    item, known, refused = by_hand.Outcome.ITEM, by_hand.Outcome.KNOWN, by_hand.Outcome.REFUSED
    earlier = [row for row in found.rows if row.before and row.outcome != refused]
    context = {
        "project": project,
        "found": found,
        "back": back,
        "new": found.of(item),
        "joining": found.of(known),
        "earlier": earlier,
        "refused": [row for row in found.rows if row.outcome == refused],
        "unready": found.of(""),
        "sending": [*found.of(item), *found.of(known)],
        "title": _("Send to experts"),
    }
    return render(request, "annotation/send.html", context)
