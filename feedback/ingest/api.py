"""POST /api/v1/feedback/: reactions, choices and conversations from where the model lives. By API key; the
key says which project."""

import orjson
from django.conf import settings
from django.db import connection
from django.http import HttpResponse
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework.parsers import BaseParser
from rest_framework.views import APIView

from core.api.auth import KeyAuthentication, scoped
from core.api.parsers import loads_of_any_depth
from core.errors import DomainError
from core.web import limits
from feedback.ingest import batch as ingest
from feedback.ingest.group_commit import Group
from feedback.ingest.schema import EXAMPLES, ROW, BatchSerializer, TakenSerializer

MAX_BYTES = 8 * 1024 * 1024
_STATUS = {"accepted": 201, "duplicate": 200}
_together = Group()


class FeedbackParser(BaseParser):
    """JSON of at most MAX_BYTES: no NaN, no name twice in one object, no text that cannot be stored. How deep
    free parts of it may be is asked of the rows; what nests by the thousands the parser itself refuses."""

    media_type = "application/json"

    def parse(self, stream, media_type=None, parser_context=None):
        raw = stream.read(MAX_BYTES + 1)
        if len(raw) > MAX_BYTES:
            raise DomainError(
                "too_large", _("At most %(n)s MB at a time.") % {"n": MAX_BYTES // 1024**2}, status=413
            )
        return loads(raw)


def loads(raw: bytes):
    """The value; DomainError "invalid_json" with the reason."""
    try:
        return loads_of_any_depth(raw)
    except (ValueError, RecursionError) as wrong:
        reason = "nested too deeply" if isinstance(wrong, RecursionError) else wrong
        raise DomainError(
            "invalid_json", _("The request is not valid JSON: %(reason)s") % {"reason": reason}
        ) from None


def _as_dict(index: int, result: ingest.Result) -> dict:
    """What the answer says of a row that was not refused."""
    out = {"index": index, "status": result.status, result.table: result.row}
    if result.key:
        out["id"] = result.key
    if result.status == "duplicate":
        out["duplicate"] = True
    if result.waiting:
        out["waiting"] = True
    return out


def _error(index: int, result: ingest.Result) -> dict:
    error = result.error
    return {"index": index, "field": error.field, "code": error.code, "message": str(error)} | (
        {"id": result.key} if result.key else {}
    )


def _json(data, status: int) -> HttpResponse:
    return HttpResponse(orjson.dumps(data), content_type="application/json", status=status)


class FeedbackView(APIView):
    authentication_classes = [KeyAuthentication]
    parser_classes = [FeedbackParser]
    key_scope = "ingest"

    @extend_schema(
        operation_id="feedback_create",
        description="Send feedback: one row, or a list of at most 1,000 of which the good ones are kept. "
        "docs/feedback-api.md tells every rule.",
        request=ROW,
        parameters=[
            OpenApiParameter(
                "Idempotency-Key", str, OpenApiParameter.HEADER, description="Instead of a single row's id."
            )
        ],
        responses={
            200: OpenApiResponse(
                BatchSerializer, description="A list; or a single row that was taken before"
            ),
            201: TakenSerializer,
            400: OpenApiResponse(description="The row is refused: {error: {code, message, field}}"),
            409: OpenApiResponse(description="Another row came under this id"),
            413: OpenApiResponse(description="More than 8 MB or 1,000 rows"),
            429: OpenApiResponse(description="Too many rows a minute; see Retry-After"),
        },
        examples=EXAMPLES,
    )
    def post(self, request):
        project = scoped(request, "ingest")
        data = request.data
        many = isinstance(data, list)
        if many and len(data) > ingest.MAX_ROWS:
            raise DomainError(
                "too_many_rows", _("At most %(n)s rows at a time.") % {"n": ingest.MAX_ROWS}, status=413
            )
        rows = data if many else [_with_key(data, request.headers.get("Idempotency-Key"))]
        limits.take(
            "ingest",
            str(request.auth.pk),
            limit=settings.INGEST_ROWS_PER_MINUTE,
            seconds=60,
            cost=max(1, len(rows)),
        )
        if many:
            return _json(_summary(ingest.take(project=project, rows=rows, actor=request.user)), 200)
        result = _take_one(project, rows[0], request.user)
        if result.error is not None:
            status = 409 if result.error.code == "other_body" else 400
            raise DomainError(result.error.code, str(result.error), status=status, field=result.error.field)
        return _json(_as_dict(0, result), _STATUS[result.status])


def _take_one(project, row, actor) -> ingest.Result:
    """Single rows that come at the same time are one transaction, so that a deployment which sends every
    thumb by itself is not held up by commits. Errors are said in the language of the thread that writes,
    so each language has a group of its own."""

    def work(rows: list) -> list[ingest.Result]:
        return ingest.take(project=project, rows=rows, actor=actor).results

    if connection.in_atomic_block:  # nobody else's row must wait for the caller's commit
        return work([row])[0]
    return _together.run((project.pk, actor.pk, get_language()), row, work)


def _with_key(row, header: str | None):
    """A single row with the Idempotency-Key of its request as its id."""
    if header is None or not isinstance(row, dict):
        return row
    if row.get("id") not in (None, header):
        raise DomainError("two_ids", _("The row has a different id from the Idempotency-Key."), field="id")
    return row | {"id": header}


def _summary(outcome: ingest.Outcome) -> dict:
    rows = list(enumerate(outcome.results))
    return {
        "accepted": outcome.number("accepted"),
        "duplicates": outcome.number("duplicate"),
        "errors": [_error(i, r) for i, r in rows if r.error is not None],
        "results": [
            _as_dict(i, r)
            if r.error is None
            else {"index": i, "status": "refused"} | ({"id": r.key} if r.key else {})
            for i, r in rows
        ],
    }
