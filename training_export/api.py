"""Exports over HTTP, for managers: start one, list them, take their files."""

from typing import Any

from drf_spectacular.utils import OpenApiTypes, extend_schema
from rest_framework import serializers, status
from rest_framework.response import Response
from rest_framework.views import APIView

from core import jobs
from core.api.auth import project_for
from core.jobs.api import JobSerializer
from core.models import Role
from training_export.collect.consistent_read import check_event
from training_export.formats import FORMATS
from training_export.option import Kind, Option
from training_export.option_values import LONGEST_TEXT, MOST_TEXTS
from training_export.options import OPTIONS, ExportOptions, choices_of
from training_export.publish import downloads


class SharesField(serializers.ListField):
    """[80, 10, 10], or as the command writes it: "80,10,10"."""

    def to_internal_value(self, data):
        return super().to_internal_value(data.split(",") if isinstance(data, str) else data)


class NamesField(serializers.ListField):
    """["thumbs", "corrections"], or as the command writes it: "thumbs,corrections"."""

    def to_internal_value(self, data):
        return super().to_internal_value(
            [n.strip() for n in data.replace("，", ",").split(",") if n.strip()]
            if isinstance(data, str)
            else data
        )


def serializer_field(one: Option) -> serializers.Field:
    """What the API asks for an option with: anything but what must be said may be left out, or be null where
    that is its default."""
    about: dict[str, Any] = {"help_text": one.help, "allow_null": one.default is None}
    about |= {"required": True} if one.required else {"default": one.default}
    if one.kind is Kind.CHOICE:
        return serializers.ChoiceField(**about, choices=list(one.choices), allow_blank=one.default == "")
    if one.kind is Kind.FLAG:
        return serializers.BooleanField(**about)
    if one.kind is Kind.INTEGER:
        return serializers.IntegerField(**about, min_value=one.minimum, max_value=one.maximum)
    if one.kind is Kind.NUMBER:  # its limits are ExportOptions': a field here has no "above"
        return serializers.FloatField(**about)
    if one.kind is Kind.SHARES:
        return SharesField(**about, child=serializers.FloatField(min_value=0), min_length=3, max_length=3)
    if one.kind is Kind.NAMES:
        return NamesField(**about, child=serializers.ChoiceField(choices=list(one.choices)), max_length=8)
    if one.kind is Kind.TEXTS:
        return NamesField(
            **about, child=serializers.CharField(max_length=LONGEST_TEXT), max_length=MOST_TEXTS
        )
    if one.kind is Kind.PROPORTION:
        return serializers.RegexField(r"^[0-9]{1,4}:[0-9]{1,4}$", **about)
    return serializers.CharField(**about, max_length=one.maximum)


class ExportSerializer(serializers.Serializer):
    """What an export may be asked for; only `format` must be said."""

    def get_fields(self):
        return {one.name: serializer_field(one) for one in OPTIONS.values()}

    def validate(self, attrs):
        unknown = set(self.initial_data) - set(self.fields)
        if unknown:
            raise serializers.ValidationError({sorted(unknown)[0][:60]: ["unknown option"]})
        return attrs


class ExportStartedSerializer(serializers.Serializer):
    job = JobSerializer()


class BundleSerializer(serializers.Serializer):
    number = serializers.IntegerField(source="snapshot.number")
    format = serializers.CharField()
    created_at = serializers.DateTimeField()
    as_of = serializers.IntegerField(source="snapshot.as_of")
    content_sha256 = serializers.CharField(source="snapshot.content_sha256")
    counts = serializers.JSONField(source="snapshot.counts")
    left_out = serializers.JSONField(source="snapshot.left_out")


class BundleManifestSerializer(BundleSerializer):
    manifest = serializers.JSONField()


class ExportsView(APIView):
    @extend_schema(
        responses=BundleSerializer(many=True),
        summary="The data sets of a project, newest first (at most 500)",
    )
    def get(self, request, slug: str):
        project, _role = project_for(request, slug, Role.MANAGER)
        return Response(BundleSerializer(downloads.bundles_of(project)[:500], many=True).data)

    @extend_schema(
        request=ExportSerializer,
        responses={202: ExportStartedSerializer},
        summary="Start an export",
        description="The job's result names the snapshot's number, its files with their sha256, "
        "content_sha256, "
        "and what was left out by reason.",
    )
    def post(self, request, slug: str):
        project, _role = project_for(request, slug, Role.MANAGER)
        asked = ExportSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        options = ExportOptions.of(asked.validated_data)
        check_event(options.as_of)
        job = jobs.start("export", project=project, actor=request.user, params={"options": options.as_dict()})
        return Response({"job": JobSerializer(job).data}, status=status.HTTP_202_ACCEPTED)


class ExportView(APIView):
    @extend_schema(responses=BundleManifestSerializer, summary="One data set with its manifest")
    def get(self, request, slug: str, number: int):
        project, _role = project_for(request, slug, Role.MANAGER)
        return Response(BundleManifestSerializer(downloads.bundle_or_404(project, number)).data)


class ExportZipView(APIView):
    @extend_schema(
        responses={(200, "application/zip"): OpenApiTypes.BINARY}, summary="All files of a data set as a zip"
    )
    def get(self, request, slug: str, number: int):
        project, _role = project_for(request, slug, Role.MANAGER)
        return downloads.all_files(downloads.bundle_or_404(project, number))


class ExportFileView(APIView):
    @extend_schema(
        responses={(200, "application/x-ndjson"): OpenApiTypes.BINARY},
        summary="One file of a data set, by the name its manifest gives",
    )
    def get(self, request, slug: str, number: int, name: str):
        project, _role = project_for(request, slug, Role.MANAGER)
        return downloads.one_file(downloads.bundle_or_404(project, number), name)


class FormatsView(APIView):
    @extend_schema(
        responses=OpenApiTypes.OBJECT, summary="The export formats, what they hold, and every option's values"
    )
    def get(self, request):
        return Response(
            {
                "formats": [form.as_dict() for form in FORMATS.values()],
                "choices": {k: list(v) for k, v in choices_of().items()},
            }
        )
