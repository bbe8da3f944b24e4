"""The way through the reviewer's list: what an address asks for, and where a decision leads."""

from django.contrib import messages
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.html import format_html
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django_htmx.http import HttpResponseClientRedirect

from annotation.models import Annotation, Item
from annotation.review.forms import ReviewFilter
from annotation.review.worklist import Worklist, place_of
from annotation.statistics import project as figures


def worklist(request, project) -> Worklist:
    """The list that the address asks for."""
    return Worklist(
        project, request.user, ReviewFilter(request.GET).asked(), _place(request.GET.get("place", ""))
    )


def _place(text: str) -> float | None:
    """The place on the list that an address names."""
    at = cursor(f"{text}_0")
    return at[0] if at else None


def cursor(text: str) -> tuple[float, int] | None:
    """(agreement, item id) of the last row of the page before."""
    key, _underscore, pk = text.rpartition("_")
    try:
        at = float(key), int(pk)
    except ValueError:
        return None
    return at if abs(at[0]) <= 2 and 0 <= at[1] < 2**62 else None


def query_of(listed: Worklist, **more) -> str:
    """The query of an address that keeps the filter, with its question mark; "" for none."""
    parts = [listed.query, urlencode(more)]
    return "?" + "&".join(part for part in parts if part) if any(parts) else ""


def to_item(request, project, pk, **more):
    """The desk with item `pk` on it, on the list it was opened from."""
    query = query_of(worklist(request, project), **more)
    return redirect(reverse("review_item", args=[project.slug, pk]) + query)


def _again(request, project, item):
    """The same item once more: where it stood, if what was decided has moved it."""
    before = worklist(request, project).place
    before = item.place if before is None else before
    moved = place_of(Item.objects.only("agreement").get(pk=item.pk)) != before
    return to_item(request, project, item.pk, **({"place": before} if moved else {}))


def decided(request, project, item, said: str):
    """On to the next work to review: of this item first, then the next item of the list, where what was
    decided is told with the way back to it."""
    figures.clear(project)
    waiting = Annotation.objects.reviewable_by(request.user).filter(
        item=item, state=Annotation.State.SUBMITTED
    )
    settled = Item.objects.filter(pk=item.pk, state=Item.State.SETTLED).exists()
    if "next" not in request.POST or (not settled and waiting.exists()):
        messages.success(request, said)
        return _again(request, project, item)
    listed = worklist(request, project)
    listed.place = item.place if listed.place is None else listed.place
    following = listed.next(item)
    back = reverse("review_item", args=[project.slug, item.pk]) + query_of(listed)
    link = format_html(
        '<a href="{}" data-key="B">{} <kbd>B</kbd></a>', back, _("Item %(pk)s") % {"pk": item.pk}
    )
    messages.success(request, format_html("{} · {}", link, said))
    if following:
        return to_item(request, project, following)
    url = reverse("review", args=[project.slug]) + query_of(listed)
    # the list is a page of its own, and not put in the place of the desk
    return HttpResponseClientRedirect(url) if request.htmx else redirect(url)
