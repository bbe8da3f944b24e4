"""Exports over HTTP, for managers: start one, list them, take their files."""

from drf_spectacular.utils import OpenApiTypes, extend_schema
from rest_framework import serializers, status
from rest_framework.response import Response
from rest_framework.views import APIView

from core import jobs
from core.api.auth import project_for
from core.jobs.api import JobSerializer
from core.models import Role
from training_export.collect.consistent_read import check_event
from training_export.curate.judged_prompts import Choices
from training_export.formats import FORMATS
from training_export.options import INCLUDE, ExportOptions, choices_of
from training_export.publish import downloads

_ALLOWED = choices_of()


class SharesField(serializers.ListField):
    """[80, 10, 10], or as the command writes it: "80,10,10"."""

    def to_internal_value(self, data):
        return super().to_internal_value(data.split(",") if isinstance(data, str) else data)


class NamesField(serializers.ListField):
    """["thumbs", "corrections"], or as the command writes it: "thumbs,corrections"."""

    def to_internal_value(self, data):
        return super().to_internal_value([n.strip() for n in data.split(",") if n.strip()] if isinstance(data, str) else data)


class ExportSerializer(serializers.Serializer):
    """What an export may be asked for; only `format` must be said."""

    format = serializers.ChoiceField(choices=list(FORMATS))
    pairs = serializers.ChoiceField(choices=_ALLOWED["pairs"], required=False)
    annotators = serializers.ChoiceField(choices=_ALLOWED["annotators"], required=False, help_text="Whose judgement counts, and how it is counted.")
    margin = serializers.ChoiceField(choices=_ALLOWED["margin"], required=False)
    alpha = serializers.FloatField(required=False, default=Choices().alpha, help_text="Regularisation of margin bt.")
    split = SharesField(
        child=serializers.FloatField(min_value=0), min_length=3, max_length=3, required=False, allow_null=True, help_text="Shares of train, validation, test."
    )
    split_by = serializers.ChoiceField(choices=_ALLOWED["split_by"], required=False)
    seed = serializers.IntegerField(required=False)
    max_pairs = serializers.IntegerField(required=False, min_value=0, help_text="Per prompt; 0: no limit.")
    as_of = serializers.IntegerField(required=False, allow_null=True, min_value=0, help_text="Read the project as it stood at this Event.")
    include = NamesField(
        child=serializers.ChoiceField(choices=INCLUDE), required=False, max_length=8, help_text="What end users said that is taken as it is, without an expert."
    )
    thumbs_per_user = serializers.IntegerField(required=False, min_value=0, help_text="At most so many thumbs of one end user; 0: no limit.")
    thumbs_balance = serializers.RegexField(r"^[0-9]{1,4}:[0-9]{1,4}$", required=False, allow_null=True, help_text="Thin thumbs to good:bad, such as 1:1.")
    sft_top = serializers.BooleanField(required=False, help_text="Top-ranked answers are answers to learn, too.")
    all_corrections = serializers.BooleanField(required=False)
    binary_from_ratings = serializers.BooleanField(required=False, help_text="Overall rating 4 or 5 is good, 1 or 2 is bad.")
    correction_beats = serializers.ChoiceField(choices=_ALLOWED["correction_beats"], required=False)
    include_imported = serializers.BooleanField(required=False)
    cut_rejected = serializers.BooleanField(required=False, help_text="Answers that were cut off may be the worse side of a pair, or bad ones.")
    system = serializers.ChoiceField(choices=_ALLOWED["system"], required=False)
    sources = serializers.ChoiceField(choices=_ALLOWED["sources"], required=False)
    allow_template_tokens = serializers.BooleanField(required=False)
    name = serializers.CharField(required=False, max_length=60, help_text="Prefix of data set names (LLaMA-Factory).")

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
    @extend_schema(responses=BundleSerializer(many=True), summary="The data sets of a project, newest first (at most 500)")
    def get(self, request, slug: str):
        project, _role = project_for(request, slug, Role.MANAGER)
        return Response(BundleSerializer(downloads.bundles_of(project)[:500], many=True).data)

    @extend_schema(
        request=ExportSerializer,
        responses={202: ExportStartedSerializer},
        summary="Start an export",
        description="The job's result names the snapshot's number, its files with their sha256, content_sha256, and what was left out by reason.",
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
    @extend_schema(responses={(200, "application/zip"): OpenApiTypes.BINARY}, summary="All files of a data set as a zip")
    def get(self, request, slug: str, number: int):
        project, _role = project_for(request, slug, Role.MANAGER)
        return downloads.all_files(downloads.bundle_or_404(project, number))


class ExportFileView(APIView):
    @extend_schema(responses={(200, "application/x-ndjson"): OpenApiTypes.BINARY}, summary="One file of a data set, by the name its manifest gives")
    def get(self, request, slug: str, number: int, name: str):
        project, _role = project_for(request, slug, Role.MANAGER)
        return downloads.one_file(downloads.bundle_or_404(project, number), name)


class FormatsView(APIView):
    @extend_schema(responses=OpenApiTypes.OBJECT, summary="The export formats, what they hold, and every option's values")
    def get(self, request):
        return Response({"formats": [form.as_dict() for form in FORMATS.values()], "choices": {k: list(v) for k, v in choices_of().items()}})
