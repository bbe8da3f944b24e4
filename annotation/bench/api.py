"""The bench over HTTP: thin views over the verbs of queue and submit."""

from django.utils.translation import gettext as _
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework import serializers
from rest_framework.response import Response
from rest_framework.views import APIView

from annotation.bench import payload
from annotation.document import SKIP_REASONS
from annotation.models import Annotator, Assignment
from annotation.statistics import own_work, progress
from annotation.work import queue, submit, take_back
from core.api.auth import project_for
from core.errors import Conflict
from core.models import ApiKey


class NextIn(serializers.Serializer):
    html = serializers.BooleanField(default=False, help_text="Also send every text rendered and sanitised.")
    reserve = serializers.BooleanField(
        default=False,
        help_text="Fetch ahead: hold the item after the open one for two minutes, without a clock.",
    )


class HeartbeatIn(serializers.Serializer):
    active_ms = serializers.IntegerField(default=0, min_value=0, max_value=10**10)


class DraftIn(HeartbeatIn):
    document = serializers.JSONField(help_text="The judgement so far, by slot letters.")
    revision = serializers.IntegerField(
        min_value=0, max_value=2**31 - 2, help_text="The revision this draft was made on."
    )


class SubmitIn(HeartbeatIn):
    document = serializers.JSONField(
        help_text="The judgement by slot letters: ranking, rest, acceptable, ratings, corrections, verdict, …"
    )
    client_key = serializers.CharField(
        max_length=64,
        help_text="Made once per submit by the client; a repeat is answered with the first result.",
    )


class SkipIn(serializers.Serializer):
    reason = serializers.ChoiceField(choices=SKIP_REASONS)
    comment = serializers.CharField(default="", allow_blank=True, trim_whitespace=False, max_length=5000)


class ReportIn(serializers.Serializer):
    reason = serializers.ChoiceField(choices=["personal_data", "harmful", "other"], default="personal_data")
    comment = serializers.CharField(default="", allow_blank=True, trim_whitespace=False, max_length=5000)


class Empty(serializers.Serializer):
    pass


class AssignmentOut(serializers.Serializer):
    assignment = serializers.DictField()
    item = serializers.DictField()


class ProblemOut(serializers.Serializer):
    error = serializers.DictField()


PROBLEMS = {400: ProblemOut, 401: ProblemOut, 403: ProblemOut, 404: ProblemOut, 409: ProblemOut}


def _checked(shape, request) -> dict:
    serializer = shape(data=request.data)
    serializer.is_valid(raise_exception=True)
    return serializer.validated_data


def _key_project(request):
    """The one project an API key is held to; None for a browser session, whose person may have several. A key
    of too weak a role finds nothing."""
    if not isinstance(request.auth, ApiKey):
        return None
    return project_for(request, request.auth.project.slug, "annotator")[0]


class NextView(APIView):
    @extend_schema(
        request=NextIn,
        responses={
            200: AssignmentOut,
            204: OpenApiResponse(description="Nothing to do just now."),
            **PROBLEMS,
        },
    )
    def post(self, request, slug):
        """The next item to work on, with a lease."""
        project, _role = project_for(request, slug, "annotator")
        asked = _checked(NextIn, request)
        assignment = queue.claim(project=project, user=request.user, reserve=asked["reserve"])
        if assignment is None:
            return Response(status=204)
        return Response(payload.of(assignment, html=asked["html"]))


class AssignmentView(APIView):
    @extend_schema(parameters=[OpenApiParameter("html", bool)], responses={200: AssignmentOut, **PROBLEMS})
    def get(self, request, pk):
        """One's own assignment, to go on with or to reopen."""
        found = queue.own(user=request.user, pk=pk, project=_key_project(request))
        if found.item.hidden:
            raise Conflict("item_hidden", _("This item was hidden. Your text is kept."))
        return Response(payload.of(found, html=request.query_params.get("html") in ("1", "true")))


class HeartbeatView(APIView):
    @extend_schema(
        request=HeartbeatIn, responses={200: OpenApiResponse(description="lease_until, state"), **PROBLEMS}
    )
    def post(self, request, pk):
        """Prolong the lease."""
        asked = _checked(HeartbeatIn, request)
        a = queue.renew(user=request.user, pk=pk, active_ms=asked["active_ms"], project=_key_project(request))
        return Response({"lease_until": a.lease_until, "state": a.state})


class DraftView(APIView):
    @extend_schema(
        request=DraftIn, responses={200: OpenApiResponse(description="revision, saved_at"), **PROBLEMS}
    )
    def post(self, request, pk):
        """Keep a draft made on a given revision; 409 with the stored one when that has moved on."""
        asked = _checked(DraftIn, request)
        kept = submit.save_draft(
            user=request.user,
            pk=pk,
            draft=asked["document"],
            revision=asked["revision"],
            active_ms=asked["active_ms"],
            project=_key_project(request),
        )
        return Response({"revision": kept.revision, "saved_at": kept.saved_at})


class SubmitView(APIView):
    @extend_schema(
        request=SubmitIn,
        responses={200: OpenApiResponse(description="annotation, late, progress"), **PROBLEMS},
    )
    def post(self, request, pk):
        """Record the judgement, once per client_key."""
        asked = _checked(SubmitIn, request)
        done = submit.submit(
            user=request.user,
            pk=pk,
            given=asked["document"],
            client_key=asked["client_key"],
            active_ms=asked["active_ms"],
            project=_key_project(request),
        )
        annotation = {
            "id": done.annotation.pk,
            "version": done.version.number,
            "state": done.annotation.state,
        }
        return Response(
            {
                "annotation": annotation,
                "late": done.late,
                "progress": progress.for_annotator(done.annotation.project, done.annotation.annotator),
            }
        )


class SkipView(APIView):
    @extend_schema(request=SkipIn, responses={200: OpenApiResponse(description="state"), **PROBLEMS})
    def post(self, request, pk):
        """Give the item up, with a reason."""
        asked = _checked(SkipIn, request)
        a = queue.skip(
            user=request.user,
            pk=pk,
            reason=asked["reason"],
            comment=asked["comment"],
            project=_key_project(request),
        )
        return Response({"state": a.state})


class ReleaseView(APIView):
    @extend_schema(request=Empty, responses={200: OpenApiResponse(description="state"), **PROBLEMS})
    def post(self, request, pk):
        """Let the item go without a word; the draft stays."""
        return Response(
            {"state": queue.release(user=request.user, pk=pk, project=_key_project(request)).state}
        )


class UndoView(APIView):
    @extend_schema(request=Empty, responses={200: AssignmentOut, **PROBLEMS})
    def post(self, request, pk):
        """Take one's own submit back before it is reviewed, or one's own skip while its place is free."""
        project = _key_project(request)
        skipped = queue.own(user=request.user, pk=pk, project=project).state == Assignment.State.SKIPPED
        a = (take_back.unskip if skipped else submit.undo)(user=request.user, pk=pk, project=project)
        return Response(payload.of(a, html=request.query_params.get("html") in ("1", "true")))


class ReportView(APIView):
    @extend_schema(request=ReportIn, responses={200: OpenApiResponse(description="hidden"), **PROBLEMS})
    def post(self, request, pk):
        """ "Contains personal data": the item goes to the manager and is hidden from everyone at once;
         `hidden` is false where
        many of one's own reports wait to be decided, and then it is put aside for oneself only."""
        asked = _checked(ReportIn, request)
        item = queue.own(user=request.user, pk=pk, project=_key_project(request)).item
        queue.report(user=request.user, item=item, reason=asked["reason"], comment=asked["comment"])
        item.refresh_from_db(fields=["hidden"])
        return Response({"hidden": item.hidden})


class ProgressView(APIView):
    @extend_schema(
        parameters=[OpenApiParameter("summary", bool, description="Also what became of one's own work.")],
        responses={200: OpenApiResponse(description="done, total, mine_today, mine, left"), **PROBLEMS},
    )
    def get(self, request, slug):
        """How far the project is, one's own share, and what is left of it (1000: as many or more)."""
        project, _role = project_for(request, slug, "annotator")
        mine = Annotator.objects.filter(project=project, user=request.user).first()
        out = progress.for_annotator(project, mine, exact=True)
        if request.query_params.get("summary") in ("1", "true") and mine is not None:
            out["summary"] = own_work.summary(mine)
        return Response(out)
