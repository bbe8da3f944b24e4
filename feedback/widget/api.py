"""What the widget on another site's page talks to: /api/v1/widget/…, by token, from listed sites only,
without cookies.

POST tokens/     by an ingest key, from the site's server
GET  setup/      words and reasons in the page's language
POST feedback/   a thumb or a correction to an answer, by the id its model or the proxy gave it"""

import functools
import hashlib
from pathlib import Path

from django.conf import settings
from django.db import transaction
from django.http import HttpResponse
from django.utils import translation
from django.utils.cache import patch_vary_headers
from django.utils.translation import gettext as _
from django.views.decorators.http import etag, require_safe
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework import authentication, serializers
from rest_framework.response import Response
from rest_framework.views import APIView

from core.api.auth import KeyAuthentication, scoped
from core.errors import DomainError
from core.web import limits
from core.web.client_ip import client_ip
from feedback.conversations import end_users, late_targets, sizes
from feedback.conversations.privacy import privacy_policy
from feedback.models import Message, Reaction
from feedback.reactions import actions as reactions
from feedback.reactions import reasons
from feedback.widget import tokens

TOKENS_PER_MINUTE = 600  # of one key
PERSON_PER_MINUTE = 30
SCRIPT = Path(__file__).resolve().parents[1] / "static" / "feedback" / "widget.js"


class WidgetToken(authentication.BaseAuthentication):
    """Authorization: Bearer <widget token>. `request.auth` is its Holder; `request.user` is nobody: a token
    opens nothing else."""

    def authenticate_header(self, request):
        return "Bearer"

    def authenticate(self, request):
        limits.take("widget-address", client_ip(request), limit=settings.WIDGET_PER_MINUTE, seconds=60)
        words = authentication.get_authorization_header(request).decode("latin-1").split()
        if len(words) != 2 or words[0].lower() != "bearer":
            raise DomainError("token_missing", _("This needs a widget token."), status=401)
        holder = tokens.read(words[1])
        origin = request.headers.get("Origin", "")
        if (
            origin != holder.origin
            or origin not in holder.project.chat.origins
            or request.query_params.get("project") != holder.project.slug
        ):
            raise DomainError("origin_not_allowed", _("This token is meant for another site."), status=403)
        return None, holder


class _OnOtherSites(APIView):
    """CORS by the project's own list: exact matches only, no credentials. The project is named in the address
    (?project=…), since a preflight carries no token; that it is the token's is checked above."""

    authentication_classes = [WidgetToken]
    permission_classes = []

    def dispatch(self, request, *args, **kwargs):
        if request.method == "OPTIONS":
            return self._allow(
                request, HttpResponse(status=204, headers={"Content-Length": "0"}), preflight=True
            )
        return self._allow(request, super().dispatch(request, *args, **kwargs))

    def _allow(self, request, response, *, preflight: bool = False):
        patch_vary_headers(response, ["Origin"])
        response["Cache-Control"] = "no-store"
        origin = request.headers.get("Origin", "")
        slug = request.GET.get("project", "")
        if origin and "\0" not in slug and origin in tokens.origins_of(slug[:60]):
            response["Access-Control-Allow-Origin"] = origin
            response["Cross-Origin-Resource-Policy"] = "cross-origin"
            if preflight:
                response["Access-Control-Allow-Methods"] = ", ".join(
                    m.upper() for m in ("get", "post") if hasattr(self, m)
                )
                response["Access-Control-Allow-Headers"] = "Authorization, Content-Type"
                response["Access-Control-Max-Age"] = "600"
        return response


class TokenIn(serializers.Serializer):
    user = serializers.CharField(
        max_length=sizes.MAX_KEY,
        trim_whitespace=False,
        help_text="What the site calls the person; only a keyed hash is kept.",
    )
    origin = serializers.CharField(max_length=300, help_text="The site the page is on: https://example.org")
    ttl = serializers.IntegerField(
        min_value=tokens.SHORTEST, max_value=tokens.LONGEST, default=tokens.USUAL, help_text="Seconds"
    )


class TokenOut(serializers.Serializer):
    token = serializers.CharField()
    expires_at = serializers.IntegerField(help_text="Unix time")


class FeedbackIn(serializers.Serializer):
    target = serializers.CharField(
        max_length=200,
        trim_whitespace=False,
        help_text="The answer's id: X-Touchstone-Message, or the model's completion id.",
    )
    kind = serializers.ChoiceField(choices=[Reaction.Kind.THUMB.value, Reaction.Kind.CORRECTION.value])
    value = serializers.IntegerField(
        min_value=-1, max_value=1, allow_null=True, default=None, help_text="thumb: 1, -1, 0 takes it back"
    )
    reasons = serializers.ListField(child=serializers.CharField(max_length=40), max_length=20, default=list)
    text = serializers.CharField(
        max_length=sizes.MAX_CORRECTION, allow_blank=True, trim_whitespace=False, default=""
    )


class KeptOut(serializers.Serializer):
    id = serializers.IntegerField()
    waiting = serializers.BooleanField(
        help_text="The answer is not known yet; the feedback joins it when it is."
    )


PROJECT = OpenApiParameter(
    "project",
    str,
    required=True,
    description="The project's slug, as it stands before the token's first dot.",
)
PROBLEMS = {
    401: OpenApiResponse(description="No token, or an expired one"),
    403: OpenApiResponse(description="Another site"),
    429: OpenApiResponse(),
}


class TokensView(APIView):
    authentication_classes = [KeyAuthentication]
    key_scope = "ingest"

    @extend_schema(
        request=TokenIn, responses={201: TokenOut}, summary="A token for one person on one page of your site"
    )
    def post(self, request):
        project = scoped(request, "ingest")
        limits.take("widget-tokens", str(request.auth.pk), limit=TOKENS_PER_MINUTE, seconds=60)
        asked = TokenIn(data=request.data)
        asked.is_valid(raise_exception=True)
        given = asked.validated_data
        if given["origin"] not in tokens.origins_of(project.slug):  # before anything is made
            tokens.make(key=request.auth, end_user=None, origin=given["origin"])  # type: ignore[arg-type]
        person = end_users.of_key(project, given["user"])
        token, ends = tokens.make(key=request.auth, end_user=person, origin=given["origin"], ttl=given["ttl"])
        return Response({"token": token, "expires_at": ends}, status=201)


class SetupView(_OnOtherSites):
    @extend_schema(
        parameters=[
            PROJECT,
            OpenApiParameter("language", str, description="zh… or anything else for English"),
        ],
        responses={200: OpenApiResponse(description="{up, down: [{key, label}], words}"), **PROBLEMS},
        summary="Words and reasons of the widget",
    )
    def get(self, request):
        language = "zh-hans" if request.query_params.get("language", "").lower().startswith("zh") else "en"
        chat = request.auth.project.chat
        lists = {
            name: reasons.labels(rows, language)
            for name, rows in (("up", chat.up_reasons), ("down", chat.down_reasons))
        }
        return Response(
            {name: [{"key": k, "label": v} for k, v in rows.items()] for name, rows in lists.items()}
            | {"words": words(language)}
        )


class WidgetFeedbackView(_OnOtherSites):
    @extend_schema(
        request=FeedbackIn,
        parameters=[PROJECT],
        responses={201: KeptOut, **PROBLEMS},
        summary="A thumb, or a correction",
    )
    def post(self, request):
        holder: tokens.Holder = request.auth
        limits.take("widget-person", str(holder.end_user.pk), limit=PERSON_PER_MINUTE, seconds=60)
        asked = FeedbackIn(data=request.data)
        asked.is_valid(raise_exception=True)
        row = keep_reaction(holder, **asked.validated_data)
        return Response({"id": row.pk, "waiting": row.message_id is None}, status=201)


def keep_reaction(
    holder: tokens.Holder, *, target: str, kind: str, value: int | None, reasons: list[str], text: str
) -> Reaction:
    """The reaction to the answer called `target`, or to one that will be. DomainError 404 for an answer given
    to somebody else."""
    project, policy = holder.project, privacy_policy(holder.project)
    with transaction.atomic():
        late_targets.lock(project, shared=True)
        message = (
            Message.objects.select_related("conversation")
            .filter(project=project, external_id=policy.external(target))
            .first()
        )
        if message is not None and message.conversation.end_user_id not in (None, holder.end_user.pk):
            raise DomainError(
                "no_such_answer", _("There is no such answer of yours."), status=404, field="target"
            )
        found = {"message": message} if message is not None else {"target_external": policy.external(target)}
        return reactions.react(
            project=project,
            end_user=holder.end_user,
            kind=kind,
            value=value,
            reasons=reasons,
            text=text,
            source="widget",
            policy=policy,
            **found,
        )


def words(language: str) -> dict[str, str]:
    """What the widget says."""
    with translation.override(language):
        return {
            "group": _("Rate this answer"),
            "up": _("Good answer"),
            "down": _("Bad answer"),
            "why": _("Why? (optional)"),
            "comment": _("Anything else? (optional)"),
            "correction": _("What should it have said? (optional)"),
            "send": _("Send"),
            "close": _("Close"),
            "thanks": _("Thank you, this was kept."),
            "taken_back": _("Taken back."),
            "not_yours": _("This answer was given to somebody else; only they can rate it."),
            "not_allowed": _("Ratings from this page are not accepted."),
            "failed": _("This could not be sent. Try again in a moment."),
            "offline": _("No connection; this will be sent again."),
        }


@functools.cache
def _script() -> tuple[bytes, str]:
    data = SCRIPT.read_bytes()
    return data, f'"{hashlib.sha256(data).hexdigest()[:24]}"'


@require_safe
@etag(lambda request: _script()[1])
def script(request):
    """widget.js at an address that never changes (static files carry a fingerprint), for pages of any
    site."""
    headers = {
        "Cache-Control": "public, max-age=600",
        "Cross-Origin-Resource-Policy": "cross-origin",
        "Access-Control-Allow-Origin": "*",
        "X-Content-Type-Options": "nosniff",
    }
    return HttpResponse(_script()[0], content_type="text/javascript; charset=utf-8", headers=headers)
