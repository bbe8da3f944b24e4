"""Recipes and the data sets made by them over HTTP, for managers."""

from typing import Any

from django.utils.translation import gettext as _
from drf_spectacular.utils import OpenApiTypes, extend_schema
from rest_framework import serializers, status
from rest_framework.response import Response
from rest_framework.views import APIView

from core import jobs
from core.api.auth import project_for
from core.errors import DomainError
from core.jobs.api import JobSerializer
from core.models import ApiKey, Project, Role
from training_export.collect.consistent_read import check_event
from training_export.models import Recipe, RecipeVersion, Snapshot
from training_export.publish.snapshot_files import snapshot_or_refused
from training_export.recipes import yaml_form
from training_export.recipes.actions import apply_recipe, version_of
from training_export.recipes.diff import difference
from training_export.recipes.document import RecipeDocument
from training_export.recipes.gather import sources_of
from training_export.recipes.presets import PRESETS
from training_export.recipes.standing import LONGEST_NOTE, sign_off, withdraw

MOST_LISTED = 500


class RecipeSerializer(serializers.Serializer):
    """A recipe's name and what it says: an object, or a text of YAML."""

    name = serializers.CharField(max_length=80)
    document = serializers.JSONField(help_text="The recipe as an object, or as a text of YAML.")


class RecipeVersionSerializer(serializers.Serializer):
    recipe = serializers.CharField(source="recipe.name")
    version = serializers.IntegerField(source="number")
    document = serializers.JSONField()
    created_at = serializers.DateTimeField()


class SnapshotAskedSerializer(serializers.Serializer):
    recipe = serializers.CharField(max_length=80)
    version = serializers.IntegerField(required=False, allow_null=True, min_value=1, max_value=2**31 - 1)
    as_of = serializers.IntegerField(required=False, allow_null=True, min_value=0, max_value=2**62)


class SnapshotSerializer(serializers.Serializer):
    number = serializers.IntegerField()
    recipe = serializers.SerializerMethodField()
    version = serializers.SerializerMethodField()
    as_of = serializers.IntegerField()
    content_sha256 = serializers.CharField()
    counts = serializers.JSONField()
    left_out = serializers.JSONField()
    created_at = serializers.DateTimeField()
    withdrawn_at = serializers.DateTimeField(allow_null=True)

    def get_recipe(self, snapshot: Snapshot) -> str | None:
        version = snapshot.recipe_version
        return version.recipe.name if version else None

    def get_version(self, snapshot: Snapshot) -> int | None:
        return snapshot.recipe_version.number if snapshot.recipe_version else None


class SignOffSerializer(serializers.Serializer):
    person = serializers.CharField(source="person.username", allow_null=True, default=None)
    note = serializers.CharField()
    created_at = serializers.DateTimeField()


class SnapshotWholeSerializer(SnapshotSerializer):
    sign_offs = SignOffSerializer(many=True)
    withdrawn_why = serializers.CharField()
    manifest = serializers.JSONField()


class NoteSerializer(serializers.Serializer):
    note = serializers.CharField(max_length=LONGEST_NOTE, allow_blank=True)


class WhySerializer(serializers.Serializer):
    why = serializers.CharField(max_length=LONGEST_NOTE)


class StartedSerializer(serializers.Serializer):
    job = JobSerializer()


def checked(serializer: type[serializers.Serializer], data) -> dict[str, Any]:
    """What was sent, in the serializer's shape; a 400 that names the field where it is not."""
    asked = serializer(data=data)
    asked.is_valid(raise_exception=True)
    return asked.validated_data


def held_to(request, project: Project, document: RecipeDocument) -> None:
    """DomainError "no_project" where a key, which opens one project, asks for rows of another that its person
    manages too."""
    if isinstance(request.auth, ApiKey):
        for path, source in sources_of(document):
            if source.project not in ("", project.slug):
                raise DomainError(
                    "no_project",
                    _("%(path)s: a key opens its own project only.") % {"path": path},
                    field=path,
                )


class PresetsView(APIView):
    @extend_schema(responses=OpenApiTypes.OBJECT, summary="Recipes to begin with")
    def get(self, request):
        return Response({name: preset.as_dict() for name, preset in PRESETS.items()})


class RecipesView(APIView):
    @extend_schema(
        responses=RecipeVersionSerializer(many=True), summary="The newest version of each recipe of a project"
    )
    def get(self, request, slug: str):
        project, _role = project_for(request, slug, Role.MANAGER)
        newest = RecipeVersion.objects.filter(recipe__project=project).select_related("recipe")
        found = newest.order_by("recipe__name", "-number")[: MOST_LISTED * 4]
        by_name = {version.recipe_id: version for version in reversed(found)}
        listed = sorted(by_name.values(), key=lambda version: version.recipe.name)[:MOST_LISTED]
        return Response(RecipeVersionSerializer(listed, many=True).data)

    @extend_schema(
        request=RecipeSerializer,
        responses={200: RecipeVersionSerializer, 201: RecipeVersionSerializer},
        summary="Save a recipe; 200 where its newest version says the same already",
    )
    def post(self, request, slug: str):
        project, _role = project_for(request, slug, Role.MANAGER)
        asked = checked(RecipeSerializer, request.data)
        said = asked["document"]
        document = yaml_form.load(said) if isinstance(said, str) else RecipeDocument.of(said)
        held_to(request, project, document)
        version, new = apply_recipe(
            project=project, actor=request.user, name=asked["name"], document=document
        )
        return Response(
            RecipeVersionSerializer(version).data,
            status=status.HTTP_201_CREATED if new else status.HTTP_200_OK,
        )


class RecipeView(APIView):
    @extend_schema(
        operation_id="projects_recipes_versions",
        responses=RecipeVersionSerializer(many=True),
        summary="All versions, newest first",
    )
    def get(self, request, slug: str, recipe: str):
        project, _role = project_for(request, slug, Role.MANAGER)
        version_of(project, recipe)
        kept = Recipe.objects.get(project=project, name=recipe).versions.select_related("recipe")
        return Response(RecipeVersionSerializer(kept.order_by("-number")[:MOST_LISTED], many=True).data)


class SnapshotsView(APIView):
    @extend_schema(
        responses=SnapshotSerializer(many=True),
        summary="The data sets that recipes made, newest first (at most 500)",
    )
    def get(self, request, slug: str):
        project, _role = project_for(request, slug, Role.MANAGER)
        made = Snapshot.objects.filter(project=project).exclude(folder="").defer("manifest")
        listed = made.select_related("recipe_version__recipe").order_by("-number")[:MOST_LISTED]
        return Response(SnapshotSerializer(listed, many=True).data)

    @extend_schema(
        request=SnapshotAskedSerializer,
        responses={202: StartedSerializer},
        summary="Make the next data set by a recipe",
    )
    def post(self, request, slug: str):
        project, _role = project_for(request, slug, Role.MANAGER)
        asked = checked(SnapshotAskedSerializer, request.data)
        version = version_of(project, asked["recipe"], asked.get("version"))
        held_to(request, project, RecipeDocument.of(version.document))
        check_event(asked.get("as_of"))
        params = {"version": version.pk, "as_of": asked.get("as_of")}
        job = jobs.start("snapshot", project=project, actor=request.user, params=params)
        return Response({"job": JobSerializer(job).data}, status=status.HTTP_202_ACCEPTED)


class SnapshotView(APIView):
    @extend_schema(responses=SnapshotWholeSerializer, summary="One data set with its manifest")
    def get(self, request, slug: str, number: int):
        project, _role = project_for(request, slug, Role.MANAGER)
        return Response(SnapshotWholeSerializer(snapshot_or_refused(project, number, withdrawn=True)).data)


class SnapshotDiffView(APIView):
    @extend_schema(
        responses=OpenApiTypes.OBJECT, summary="What a data set has that an earlier one has not, and so on"
    )
    def get(self, request, slug: str, number: int, earlier: int):
        project, _role = project_for(request, slug, Role.MANAGER)
        before = snapshot_or_refused(project, earlier)
        found = difference(before, snapshot_or_refused(project, number))
        return Response(found.as_dict() | {"samples": found.samples})


class SignOffView(APIView):
    @extend_schema(
        request=NoteSerializer, responses={201: SignOffSerializer}, summary="Answer for a data set by name"
    )
    def post(self, request, slug: str, number: int):
        project, _role = project_for(request, slug, Role.MANAGER)
        asked = checked(NoteSerializer, request.data)
        snapshot = snapshot_or_refused(project, number)
        made = sign_off(snapshot=snapshot, actor=request.user, note=asked["note"])
        return Response(SignOffSerializer(made).data, status=status.HTTP_201_CREATED)


class WithdrawView(APIView):
    @extend_schema(
        request=WhySerializer,
        responses=OpenApiTypes.OBJECT,
        summary="Withdraw a data set, with the models that were trained on it",
    )
    def post(self, request, slug: str, number: int):
        project, _role = project_for(request, slug, Role.MANAGER)
        asked = checked(WhySerializer, request.data)
        snapshot = snapshot_or_refused(project, number)
        return Response({"models": withdraw(snapshot=snapshot, actor=request.user, why=asked["why"])})
