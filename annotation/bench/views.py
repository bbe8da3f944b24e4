"""The expert's page, and the keys kept with the person."""

from django.contrib.auth.decorators import login_required
from django.http import JsonResponse
from django.shortcuts import render
from django.urls import get_script_prefix, reverse
from django.views.decorators.csrf import ensure_csrf_cookie
from django.views.decorators.http import require_POST

from annotation.bench import guidelines as bench_guidelines
from annotation.bench import strings
from annotation.models import Annotation, Annotator, BenchSettings
from annotation.statistics import own_work, progress
from core import scripts
from core.access import project_page
from core.api.parsers import strict_loads
from core.text import whole_number


@project_page("annotator")
@ensure_csrf_cookie
def bench(request, project):
    """The frame of the bench; the item comes by the API. `?assignment=ID` reopens own work."""
    settings = project.bench
    annotator = Annotator.objects.filter(project=project, user=request.user).first()
    user = request.user
    choices = strings.choices()
    config = {
        "user": {"id": user.pk, "username": user.username, "keys": user.keys or {}},
        "project": {
            "slug": project.slug,
            "kind": settings.kind,
            "ratings": settings.ratings != BenchSettings.Ratings.NONE,
        },
        "urls": {
            "api": get_script_prefix() + "api/v1/",
            "login": reverse("login"),
            "keys": reverse("bench_keys"),
            "mine": reverse("mine", args=[project.slug]),
            "guidelines": reverse("bench_guidelines", args=[project.slug]),
            "preview": reverse("bench_preview", args=[project.slug]),
            "guidelines_seen": reverse("guidelines_seen", args=[project.slug]),
        },
        "assignment": whole_number(request.GET.get("assignment")),
        "guideline": settings.guideline.number if settings.guideline_id else None,
        "progress": progress.for_annotator(project, annotator)
        | {"left": progress.left_for(project, annotator)},
        "undoable": own_work.undoable(annotator) if annotator else [],
        "strings": scripts.strings() | strings.strings(),
        "answer_flags": choices["answer_flags"],
        "drop_reasons": choices["drop_reasons"],
        "labels": choices["labels"],
    }
    guidelines = bench_guidelines.panel(project, annotator, settings.guideline)
    # the project's returned ones are few, the person's own many
    own = Annotation.objects.filter(project=project, annotator=annotator)
    returned = own.filter(state=Annotation.State.RETURNED, item__hidden=False).count() if annotator else 0
    context = {
        "project": project,
        "config": config,
        "shared_modules": scripts.MODULES,
        "choices": choices,
        "guidelines": guidelines,
        "returned": returned,
    }
    return render(request, "annotation/bench.html", context)


@login_required
@require_POST
def bench_keys(request):
    """Keep the person's keys: `keys` = {"off": bool, "keys": {action: letter K–Z}} as JSON. What is not of
    that form is dropped."""
    try:
        given = strict_loads(request.POST.get("keys", "").encode())
    except (ValueError, RecursionError):
        given = None
    if not isinstance(given, dict):
        return JsonResponse({"error": {"code": "invalid", "message": "keys"}}, status=400)
    known = {name.removeprefix("action_") for name in strings.actions()}
    keys = given.get("keys") if isinstance(given.get("keys"), dict) else {}
    keys = {
        a: k for a, k in keys.items() if a in known and isinstance(k, str) and len(k) == 1 and "K" <= k <= "Z"
    }
    request.user.keys = {"off": given.get("off") is True, "keys": keys}
    request.user.save(update_fields=["keys"])
    return JsonResponse(request.user.keys)
