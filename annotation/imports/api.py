"""POST /api/v1/projects/{slug}/import/ and the report of refused rows. For managers."""

import tempfile
from pathlib import Path

from django.http import Http404
from django.utils.translation import gettext as _
from drf_spectacular.utils import OpenApiResponse, OpenApiTypes, extend_schema
from rest_framework import serializers, status
from rest_framework.parsers import MultiPartParser
from rest_framework.response import Response
from rest_framework.views import APIView

from annotation.imports import jobs as import_jobs
from annotation.imports import uploads
from annotation.imports import views as imports_views
from core.api.auth import project_for
from core.api.parsers import strict_loads
from core.jobs.api import JobSerializer
from core.models import Job, Role


class ImportSerializer(serializers.Serializer):
    file = serializers.FileField(
        help_text="JSON, JSONL, CSV, TSV or Parquet, plain or compressed with gzip or zip; recognised by its "
        "content."
    )
    mapping = serializers.CharField(
        required=False,
        allow_blank=True,
        help_text='JSON object {"our field": "column of the file"}, or "column:scale".',
    )
    map = serializers.ListField(
        child=serializers.CharField(),
        required=False,
        help_text="our field=column[:scale], or model_a==NAME, as the command's --map; repeatable.",
    )
    model = serializers.CharField(
        required=False, allow_blank=True, max_length=200, help_text="Who gave the answers."
    )
    join = serializers.CharField(
        required=False, allow_blank=True, help_text="The column with the id of a prompt known already."
    )
    encoding = serializers.CharField(required=False, allow_blank=True, max_length=40)
    delimiter = serializers.CharField(required=False, allow_blank=True, max_length=1, trim_whitespace=False)
    dry_run = serializers.BooleanField(required=False, default=False)

    def validate_mapping(self, value: str) -> dict[str, str]:
        if not value:
            return {}
        try:
            mapping = strict_loads(value.encode())
        except ValueError:
            mapping = None
        if not isinstance(mapping, dict) or not all(isinstance(v, str) for v in mapping.values()):
            raise serializers.ValidationError(_('The mapping must be a JSON object {"our field": "column"}.'))
        return mapping

    def validate(self, attrs):
        unknown = set(self.initial_data) - set(self.fields) - {"csrfmiddlewaretoken"}
        if unknown:  # a misspelt option must not be as good as none
            raise serializers.ValidationError({sorted(unknown)[0][:60]: ["unknown option"]})
        attrs["mapping"] = dict(attrs.get("mapping") or {})
        for text in attrs.pop("map", []):
            field, sign, column = text.partition("=")
            if not (field and sign):
                raise serializers.ValidationError(
                    {"map": [_("%(text)s: expected FIELD=COLUMN.") % {"text": text[:100]}]}
                )
            attrs["mapping"][field] = column
        return attrs


class ImportStartedSerializer(serializers.Serializer):
    job = JobSerializer()


class ImportView(APIView):
    parser_classes = [MultiPartParser]

    @extend_schema(
        request={"multipart/form-data": ImportSerializer},
        responses={
            202: ImportStartedSerializer,
            400: OpenApiResponse(description="The file as a whole is refused, or the request is not valid."),
        },
        summary="Import a file",
        description="Starts a job. Its result is the report: read = imported + duplicates + refused; items, "
        "responses, annotations = newly made; errors; "
        "notes and dropped = columns that are kept as a note only, or not at all, with the number of "
        "records.",
    )
    def post(self, request, slug: str):
        project, _role = project_for(request, slug, Role.MANAGER)
        uploads.check_length(request)
        form = ImportSerializer(data=request.data)
        form.is_valid(raise_exception=True)
        given = form.validated_data
        file = uploads.check_file(given["file"])
        options = uploads.Options(
            given.get("mapping") or {},
            *(given.get(n, "") for n in ("model", "join", "encoding", "delimiter")),
        )
        name = Path(file.name or "upload").name[-255:]
        uploads.root().mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=uploads.root()) as folder:
            path = Path(folder) / uploads.FILE
            uploads.keep(file, path)
            # a file that is none at all is refused now, not in a minute
            import_jobs.inspect(path, name, options)
            job = import_jobs.start(
                path,
                project=project,
                actor=request.user,
                name=name,
                options=options,
                dry_run=given["dry_run"],
            )
        return Response({"job": JobSerializer(job).data}, status=status.HTTP_202_ACCEPTED)


class ImportReportView(APIView):
    @extend_schema(
        responses={(200, "application/x-ndjson"): OpenApiTypes.STR, (200, "text/csv"): OpenApiTypes.STR},
        summary="Every refused row of an import, as JSONL or CSV",
    )
    def get(self, request, slug: str, pk: int, kind: str):
        project, _role = project_for(request, slug, Role.MANAGER)
        job = Job.objects.filter(project=project, kind=import_jobs.KIND, pk=pk).first()
        if job is None:
            raise Http404
        return imports_views.report_file(job, kind)
