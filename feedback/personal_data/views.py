"""Requests of persons to see or erase their data: the manager's page, and everybody's own."""

from django import forms
from django.contrib import messages
from django.http import StreamingHttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext_lazy as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from core import erasure
from core.access import project_form, project_page
from core.errors import DomainError
from core.models import Event, Job
from feedback.chat import access
from feedback.conversations.end_users import label
from feedback.models import EndUser
from feedback.personal_data import export as people_data


class PersonForm(forms.Form):
    way = forms.ChoiceField(
        label=_("Known by"),
        choices=[
            ("key", _("The id that your own system sends")),
            ("member", _("The name of an account here")),
            ("pseudonym", _("The pseudonym that pages show (U-…)")),
        ],
    )
    name = forms.CharField(label=_("Id or name"), max_length=300, strip=True)


def _page(request, project, *, form=None, person=None, status=200):
    found = None
    if person is not None:
        erasure.find(person)
        people = EndUser.objects.filter(pk__in=person.ids("end_users"))
        found = {
            "names": [label(one) for one in people] or [person.user.shown_name],
            "conversations": len(person.ids("conversations")),
            "messages": len(person.ids("messages")),
            "prompts": len(person.ids("prompts")),
            "dying": len(person.ids("dying")),
            "bundles": len(person.ids("bundles")),
            "account": person.user,
        }
    erased = list(Event.objects.filter(project=project, verb="person.erase").order_by("-pk")[:30])
    newest = (
        Event.objects.filter(project=project, verb__in=["person.erase", "person.unwritten"])
        .order_by("-pk")
        .first()
    )
    unwritten = newest.data["tables"] if newest is not None and newest.verb == "person.unwritten" else []
    working = Job.objects.filter(
        project=project, kind="erase", state__in=[Job.State.QUEUED, Job.State.RUNNING]
    ).select_related("project")
    context = {
        "project": project,
        "form": form or PersonForm(),
        "found": found,
        "erased": erased,
        "working": working,
        "unwritten": unwritten,
    }
    return render(request, "feedback/people.html", context, status=status)


@never_cache
@require_safe
@project_page("manager")
def people_data_page(request, project):
    """Look a person up, and what was erased so far."""
    if "name" not in request.GET:
        return _page(request, project)
    form = PersonForm(request.GET)
    person = _person(project, form)
    return _page(request, project, form=form, person=person, status=200 if person else 400)


def _person(project, form):
    if form.is_valid():
        try:
            return people_data.person_by(project=project, **form.cleaned_data)
        except DomainError as exc:
            form.add_error(exc.field if exc.field in form.fields else None, str(exc.message))
    return None


@never_cache
@project_form("manager", "people_data")
def people_export(request, project):
    """All that is kept of the person, as one file."""
    form = PersonForm(request.POST)
    person = _person(project, form)
    return _page(request, project, form=form, status=400) if person is None else _file(person)


@never_cache
@project_form("manager", "people_data")
def people_erase(request, project):
    form = PersonForm(request.POST)
    person = _person(project, form)
    if person is None:
        return _page(request, project, form=form, status=400)
    people_data.start_erasing(person, actor=request.user)
    return redirect("people_data", project.slug)


def _file(person) -> StreamingHttpResponse:
    response = StreamingHttpResponse(
        people_data.exported(person), content_type="application/json; charset=utf-8"
    )
    response["Content-Disposition"] = f'attachment; filename="{person.project.slug}-data.json"'
    return response


@never_cache
@require_safe
def own_data(request, slug):
    """A visitor of the chat takes their own data along."""
    visitor, sign_in = access.page_visitor(request, slug)
    if visitor is None:
        return sign_in
    return _file(people_data.of_end_user(visitor.end_user()))


@never_cache
def own_erase(request, slug):
    """A visitor has their own talks erased. A guest's visit ends with it. Opened like a page, it leads to the
    chat."""
    if request.method != "POST":
        return redirect("chat", slug)
    visitor, sign_in = access.page_visitor(request, slug)
    if visitor is None:
        return sign_in
    if visitor.known is not None:
        people_data.start_erasing_talks(visitor.known, actor=visitor.user)
    if visitor.guest:
        access.let_out(request, slug)
        return render(request, "feedback/erased.html", {"project": visitor.project})
    messages.success(
        request, _("Your conversations are out of sight now, and are being erased from the database.")
    )
    return redirect("chat", slug)
