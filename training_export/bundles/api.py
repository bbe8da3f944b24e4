"""Data sets in a trainer's form over HTTP, for managers."""

from typing import Any

from django.http import Http404
from drf_spectacular.utils import OpenApiTypes, extend_schema
from rest_framework import serializers, status
from rest_framework.response import Response
from rest_framework.views import APIView

from core import jobs
from core.api.auth import project_for
from core.jobs.api import JobSerializer
from core.models import Role
from training_export.bundles.make import form_named, options_for
from training_export.formats import FORMATS
from training_export.models import Bundle
from training_export.publish import downloads
from training_export.publish.snapshot_files import snapshot_or_refused
from training_export.recipes.api import MOST_LISTED, StartedSerializer, checked


class BundleAskedSerializer(serializers.Serializer):
    snapshot = serializers.IntegerField(min_value=1, max_value=2**31 - 1)
    format = serializers.ChoiceField(choices=list(FORMATS))
    options = serializers.DictField(
        required=False, help_text="How rows are written: system, sources, stage, name …"
    )


class RecipeBundleSerializer(serializers.ModelSerializer):
    snapshot = serializers.IntegerField(source="snapshot.number")
    options: Any = serializers.JSONField(source="manifest.options")
    verified: Any = serializers.JSONField(source="manifest.verified", allow_null=True)

    class Meta:
        model = Bundle
        fields = ["id", "snapshot", "format", "options", "files", "verified", "created_at"]


def bundles_of_recipes(project):
    """The project's bundles of data sets that recipes made, but for withdrawn ones, newest first."""
    found = Bundle.objects.filter(
        snapshot__project=project, snapshot__withdrawn_at=None, withdrawn_at=None
    ).exclude(snapshot__folder="")
    return found.select_related("snapshot__project").order_by("-pk")


class BundlesView(APIView):
    @extend_schema(
        responses=RecipeBundleSerializer(many=True),
        summary="Data sets of recipes in trainers' forms, newest first (at most 500)",
    )
    def get(self, request, slug: str):
        project, _role = project_for(request, slug, Role.MANAGER)
        return Response(RecipeBundleSerializer(bundles_of_recipes(project)[:MOST_LISTED], many=True).data)

    @extend_schema(
        request=BundleAskedSerializer,
        responses={202: StartedSerializer},
        summary="Put a data set into a trainer's form",
        description="Made once for the same options. The job's result names its files with their sha256.",
    )
    def post(self, request, slug: str):
        project, _role = project_for(request, slug, Role.MANAGER)
        asked = checked(BundleAskedSerializer, request.data)
        options = asked.get("options", {})
        options_for(form_named(asked["format"]), options)
        snapshot_or_refused(project, asked["snapshot"])
        params = {"number": asked["snapshot"], "format": asked["format"], "options": options}
        job = jobs.start("bundle", project=project, actor=request.user, params=params)
        return Response({"job": JobSerializer(job).data}, status=status.HTTP_202_ACCEPTED)


class BundleZipView(APIView):
    @extend_schema(
        responses={(200, "application/zip"): OpenApiTypes.BINARY}, summary="All files of a bundle as a zip"
    )
    def get(self, request, slug: str, pk: int):
        project, _role = project_for(request, slug, Role.MANAGER)
        bundle = bundles_of_recipes(project).filter(pk=pk).first()
        if bundle is None:
            raise Http404
        return downloads.all_files(bundle)
