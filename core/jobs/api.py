"""GET /api/v1/jobs/{id}/ and POST /api/v1/jobs/{id}/cancel/."""

from django.http import Http404
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.response import Response
from rest_framework.views import APIView

from core import jobs
from core.models import ApiKey, Job, Role


class JobSerializer(serializers.ModelSerializer):
    project = serializers.SlugRelatedField(slug_field="slug", read_only=True)

    class Meta:
        model = Job
        fields = [
            "id",
            "project",
            "kind",
            "state",
            "done",
            "total",
            "result",
            "error",
            "cancel_asked",
            "attempts",
            "created_at",
            "started_at",
            "finished_at",
        ]
        read_only_fields = fields


def _job_or_404(request, pk: int) -> Job:
    """Own jobs, and a manager's projects' jobs. A key sees its project only, and others' jobs only if it is a
    manager's."""
    found = Job.objects.visible_to(request.user).select_related("project").filter(pk=pk)
    key = request.auth
    if isinstance(key, ApiKey):
        found = found.filter(project=key.project)
        if key.role != Role.MANAGER:
            found = found.filter(created_by=request.user)
    job = found.first()
    if job is None:
        raise Http404
    return job


class JobView(APIView):
    @extend_schema(responses=JobSerializer, summary="A job: its progress, and its result once it is done")
    def get(self, request, pk: int):
        return Response(JobSerializer(_job_or_404(request, pk)).data)


class JobCancelView(APIView):
    @extend_schema(request=None, responses=JobSerializer, summary="Stop a job; 409 when it has ended")
    def post(self, request, pk: int):
        return Response(JobSerializer(jobs.cancel(_job_or_404(request, pk), request.user)).data)
