"""Sign-in, home, account: the pages around the projects. Members and keys of a project are in
member_views."""

import sys

from django.conf import settings
from django.contrib import messages
from django.contrib.auth import authenticate, login, logout, update_session_auth_hash
from django.core.exceptions import DisallowedHost, RequestDataTooBig
from django.http import HttpResponse, HttpResponseRedirect, JsonResponse
from django.shortcuts import redirect, render
from django.template.defaultfilters import filesizeformat
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import translation
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_POST, require_safe

from core import registry
from core.access import entry_url, is_own_address, signed_in
from core.accounts import actions as people
from core.accounts import invitations, login_limit
from core.accounts.forms import JoinForm, PasswordForm, PreferencesForm, ProfileForm, SignInForm
from core.errors import DomainError
from core.machine_faults import of_the_machine
from core.models import Member, Project, Role, roles_from
from core.web.context import TEXT_SIZES, shown_text_size, shown_theme

YEAR = 365 * 24 * 3600


def _safe_next(request, default="home") -> str:
    target = request.POST.get("next") or request.GET.get("next") or ""
    if target.startswith("/") and is_own_address(request, target):
        return target
    return reverse(default)


def _signed_in(request, user):
    """Open the session and carry over what the person chose on this browser before, or on another one."""
    chosen_here = request.COOKIES.get("django_language")
    login(request, user)
    if not user.language and chosen_here and translation.check_for_language(chosen_here):
        user.language = chosen_here
        user.save(update_fields=["language"])
    if user.language:
        request.session["language"] = user.language


@sensitive_post_parameters("password")
@never_cache
def login_page(request):
    """Sign in. A page that lost its session posts here in place, asking for JSON: 200 {"user"}, 400 or 429
    {"error"}."""
    wants_json = "application/json" in request.headers.get("Accept", "")
    if request.method != "POST":
        if request.user.is_authenticated:
            return HttpResponseRedirect(_safe_next(request))
        return render(
            request,
            "core/login.html",
            {
                "form": SignInForm(),
                "next": request.GET.get("next", ""),
                "unsaved": request.GET.get("unsaved"),
            },
        )
    form, status, code = SignInForm(request.POST), 400, "invalid_login"
    name = request.POST.get("username", "")
    if form.is_valid() and not login_limit.begin(request, name):
        status, code = 429, "too_many_attempts"
        form.add_error(
            None,
            _("Too many attempts. Wait ten minutes, or ask the manager of your project for a new password."),
        )
    elif form.is_valid():
        user = authenticate(
            request, username=form.cleaned_data["username"], password=form.cleaned_data["password"]
        )
        if user is not None:
            login_limit.succeeded(request, name)
            _signed_in(request, user)
            if wants_json:
                return JsonResponse(
                    {
                        "user": {"username": user.username, "name": user.shown_name},
                        "password_must_change": user.password_must_change,
                    }
                )
            if request.POST.get("unsaved"):
                words = _(
                    "You were signed out when you sent something: it was not saved. Send it again from here."
                )
                messages.warning(request, words, extra_tags="unsaved")
            return HttpResponseRedirect(_safe_next(request))
        form.add_error(None, _("Name and password do not match. Upper and lower case count."))
    if wants_json:
        message = " ".join(str(e) for e in form.non_field_errors()) or _("Enter your name and password.")
        return JsonResponse({"error": {"code": code, "message": message}}, status=status)
    form.focus_what_is_missing()
    return render(
        request,
        "core/login.html",
        {"form": form, "next": request.POST.get("next", ""), "unsaved": request.POST.get("unsaved")},
        status=status,
    )


@require_POST
def logout_page(request):
    """Sign out; the browser forgets what it stored for this person."""
    language = request.session.get("language")
    logout(request)
    response = redirect("login")
    if language:
        response.set_cookie("django_language", language, max_age=YEAR, samesite="Lax")
    return response


@signed_in
@require_safe
def home(request):
    """The person's projects, each with what upper rooms say of it (progress, the next thing to do)."""
    if request.user.is_superuser:
        rows = [(project, "manager") for project in Project.objects.order_by("archived", "-id")[:200]]
    else:
        members = (
            Member.objects.of(request.user)
            .select_related("project")
            .order_by("project__archived", "-project_id")
        )
        rows = [(member.project, member.role) for member in members]
    request.home_projects = rows  # panels may read this to answer for all projects in one query
    entries = [
        {"project": project, "role": role, "role_label": _role_label(role), "url": entry_url(project, role)}
        for project, role in rows
    ]
    may_create = request.user.is_superuser or any(role == "manager" for _p, role in rows)
    actions = [panel.render(request, None) for panel in registry.panels("home.actions")] if may_create else []
    return render(
        request, "core/home.html", {"entries": entries, "may_create": may_create, "actions": actions}
    )


def _role_label(role: str):
    return Role(role).label


@signed_in
def account(request):
    """Shown name, language, colours, text size."""
    form = ProfileForm(request.POST or None, instance=request.user)
    if request.method == "POST" and form.is_valid():
        user = form.save()
        request.session["language"] = user.language
        if user.language:
            translation.activate(user.language)
        messages.success(request, _("Saved."))
        return redirect("account")
    return render(
        request,
        "core/account.html",
        {"form": form, "memberships": Member.objects.of(request.user).select_related("project")},
    )


def _checked_password(request, form: PasswordForm) -> bool:
    """Whether the form is valid; what is wrong with the new password is no failed attempt at the old one."""
    valid = form.is_valid()
    if "old_password" not in form.errors:
        login_limit.succeeded(request, request.user.username)
    return valid


@sensitive_post_parameters("old_password", "new_password", "again")
@signed_in
@never_cache
def password(request):
    """Change one's password; the only page open while a one-time password is in use."""
    form = PasswordForm(request.POST or None, user=request.user)
    # Whoever finds a screen unlocked may not try out passwords here without end.
    allowed = request.method != "POST" or login_limit.begin(request, request.user.username)
    if not allowed:
        form = PasswordForm(user=request.user)
        messages.error(
            request,
            _("Too many attempts. Wait ten minutes, or ask the manager of your project for a new password."),
        )
    elif request.method == "POST" and _checked_password(request, form):
        try:
            people.set_own_password(user=request.user, password=form.cleaned_data["new_password"])
        except DomainError as exc:
            form.add_error(exc.field or None, exc.message)
        else:
            update_session_auth_hash(request, request.user)
            messages.success(request, _("Your new password is set."))
            return redirect("home")
    return render(request, "core/password.html", {"form": form}, status=200 if allowed else 429)


@require_POST
def preferences(request):
    """Language, colours or text size from the top bar: kept with the account, or in this browser's cookies
    before sign-in."""
    form = PreferencesForm(request.POST)
    wants_json = "application/json" in request.headers.get("Accept", "")
    if not form.is_valid():
        if wants_json:
            return JsonResponse(
                {"error": {"code": "invalid", "message": _("There is no such choice.")}}, status=400
            )
        return HttpResponseRedirect(_safe_next(request))
    theme, size, language = shown_theme(request), shown_text_size(request), form.cleaned_data["language"]
    if form.cleaned_data["theme"] == "toggle":
        theme = "light" if theme == "dark" else "dark"
    elif form.cleaned_data["theme"]:
        theme = form.cleaned_data["theme"]
    size = min(max(size + int(form.cleaned_data["step"] or 0), TEXT_SIZES[0]), TEXT_SIZES[-1])
    response = (
        JsonResponse({"theme": theme, "text_size": size, "language": language})
        if wants_json
        else HttpResponseRedirect(_safe_next(request))
    )
    user = request.user
    if user.is_authenticated:
        user.theme, user.text_size, user.language = theme, size, language or user.language
        user.save(update_fields=["theme", "text_size", "language"])
        if language:
            request.session["language"] = language
    else:
        response.set_cookie("theme", theme, max_age=YEAR, samesite="Lax")
        response.set_cookie("text_size", str(size), max_age=YEAR, samesite="Lax")
    if language:
        response.set_cookie("django_language", language, max_age=YEAR, samesite="Lax")
    return response


@sensitive_post_parameters("password")
@never_cache
def invite(request, token):
    """What an invitation leads to: join as who one is, sign in first, or make an account."""
    found = invitations.find_invite(token)
    if (
        found is None
        and request.method == "POST"
        and request.user.is_authenticated
        and (member := invitations.already_joined(token, request.user))
    ):
        return redirect(entry_url(member.project, member.role))  # the second click of two
    if found is None:
        return render(request, "core/invite.html", {"gone": True}, status=410)
    form = JoinForm()
    if request.method == "POST":
        try:
            if request.user.is_authenticated:
                member = invitations.accept_invite(token=token, user=request.user)
                return redirect(entry_url(member.project, member.role))
            form = JoinForm(request.POST)
            if form.is_valid():
                data = form.cleaned_data
                user = invitations.join_with_new_account(
                    token=token,
                    username=data["username"],
                    password=data["password"],
                    display_name=data["display_name"],
                )
                _signed_in(request, authenticate(request, username=user.username, password=data["password"]))
                return redirect(entry_url(found.project, found.role))
        except DomainError as exc:
            member = (
                invitations.already_joined(token, request.user) if request.user.is_authenticated else None
            )
            if member is not None:
                return redirect(entry_url(member.project, member.role))
            if exc.code == "invite_gone":
                return render(request, "core/invite.html", {"gone": True}, status=410)
            form.add_error(exc.field if exc.field in form.fields else None, exc.message)
    context = {
        "invite": found,
        "role_label": _role_label(found.role),
        "form": form,
        "already": _already(request, found),
    }
    return render(request, "core/invite.html", context)


def _already(request, found) -> bool:
    user = request.user
    return (
        user.is_authenticated
        and Member.objects.of(user).filter(project=found.project_id, role__in=roles_from(found.role)).exists()
    )


def bad_request(request, exception=None):
    if isinstance(exception, RequestDataTooBig):
        words = _("This is too large: at most %(size)s at a time.")
        size = filesizeformat(settings.DATA_UPLOAD_MAX_MEMORY_SIZE)
        exception = DomainError("too_large", words % {"size": size}, status=413)
    if isinstance(exception, DisallowedHost):
        words = _(
            "This server does not answer under this name. Whoever runs it lists its names in ALLOWED_HOSTS."
        )
        return _error_page(request, 400, words)
    if not isinstance(exception, DomainError):
        return _error_page(request, 400)
    if request.path.startswith("/api/") or "application/json" in request.headers.get("Accept", ""):
        return JsonResponse(exception.as_dict(), status=exception.status, headers=exception.headers)
    response = _error_page(request, 400, str(exception.message))
    response.status_code = exception.status
    for name, value in exception.headers.items():
        response[name] = value
    return response


def forbidden(request, exception=None):
    return _error_page(request, 403, str(exception or ""))


def not_found(request, exception=None):
    return _error_page(request, 404)


def server_error(request):
    # Rendered without the frame and its queries: the database may be what failed. A full disk or a pool
    # without connections is known by its exception, wherever in the middleware it was met.

    exc = sys.exc_info()[1]
    known = of_the_machine(exc) if exc is not None else None
    status = known.status if known else 500
    if request.path.startswith("/api/"):
        broke = DomainError("server_error", _("Something broke on our side. It has been logged."))
        return JsonResponse((known or broke).as_dict(), status=status)
    return HttpResponse(
        render_to_string("core/500.html", {"message": known.message if known else ""}), status=status
    )


def csrf_failed(request, reason=""):
    """The form was too old, or cookies are off. Asked for JSON, answers so that a page can fetch a new token
    and try again."""
    if "application/json" in request.headers.get("Accept", ""):
        return JsonResponse(
            {
                "error": {
                    "code": "csrf",
                    "message": _("This page has been open too long. Reload it and try again."),
                }
            },
            status=403,
        )
    return _error_page(
        request,
        403,
        _(
            "This page has been open too long, or cookies are switched off. Nothing was changed. Go "
            "back, reload the page, try again."
        ),
    )


def _error_page(request, status: int, message: str = ""):
    if request.path.startswith("/api/"):
        code = {400: "bad_request", 403: "permission_denied", 404: "not_found"}[status]
        usual = {
            400: _("This request could not be read. Nothing was changed."),
            403: _("This is not allowed."),
            404: _(
                "There is nothing at this address. /api/docs/ lists the addresses; each ends with a slash."
            ),
        }
        return JsonResponse({"error": {"code": code, "message": message or usual[status]}}, status=status)
    return render(request, f"core/{status}.html", {"message": message}, status=status)
