"""What the OpenAPI document says of POST /api/v1/feedback/. The rows themselves are checked by
feedback.ingest.parse."""

from drf_spectacular.utils import OpenApiExample, PolymorphicProxySerializer
from rest_framework import serializers

from feedback.ingest.fields import MAX_ID


class SaidSerializer(serializers.Serializer):
    """What the document says of a reaction; feedback.ingest.parse is what checks it."""

    kind = serializers.ChoiceField(["thumb", "score", "correction"])
    value = serializers.JSONField(
        required=False,
        help_text='thumb: "up", "down", "none" (or 1, -1, 0; true, false) · score: 1–5, 0 takes it back · '
        "correction: none",
    )
    reasons = serializers.ListField(
        child=serializers.RegexField(r"^[a-z][a-z0-9_]{0,39}$"),
        required=False,
        help_text="Keys of the project's own list.",
    )
    comment = serializers.CharField(required=False, max_length=20_000, help_text="With a thumb or a score.")
    text = serializers.CharField(
        required=False, max_length=200_000, help_text="Of a correction: what should have been said."
    )
    tags = serializers.ListField(child=serializers.CharField(max_length=60), required=False, max_length=20)
    user = serializers.CharField(
        required=False, max_length=300, help_text="Your id of the person; kept only as a keyed hash."
    )
    at = serializers.DateTimeField(required=False, help_text="When it was said, with its time zone.")


class ReactionSerializer(SaidSerializer):
    type = serializers.ChoiceField(["reaction"])
    id = serializers.CharField(
        required=False, max_length=MAX_ID, help_text="Idempotency key: a row is taken once."
    )
    target = serializers.CharField(
        required=False,
        max_length=200,
        help_text="Your id of the answer, or for a score of the conversation. It may arrive later.",
    )
    message = serializers.IntegerField(required=False, min_value=1, help_text="Or our number of the answer.")
    conversation = serializers.IntegerField(
        required=False, min_value=1, help_text="Or, for a score, our number of the conversation."
    )


class MessageSerializer(serializers.Serializer):
    role = serializers.ChoiceField(["system", "user", "assistant", "tool"])
    content = serializers.JSONField(help_text="A text, or OpenAI's list of parts; null beside tool_calls.")
    id = serializers.CharField(
        required=False, max_length=200, help_text="Your id of it: what reactions name."
    )
    parent = serializers.CharField(
        required=False,
        max_length=200,
        help_text="Id of the message before it, where that is not the one above.",
    )  # type: ignore[assignment]  # so it is called in the API
    model = serializers.CharField(required=False, max_length=200)
    tool_calls = serializers.ListField(child=serializers.DictField(), required=False)
    tool_call_id = serializers.CharField(required=False, max_length=200)
    name = serializers.CharField(required=False, max_length=200)
    sources = serializers.ListField(child=serializers.DictField(), required=False, max_length=200)
    state = serializers.ChoiceField(["complete", "cut", "stopped", "failed"], required=False)
    finish_reason = serializers.CharField(
        required=False,
        allow_null=True,
        help_text='Of an answer, as its model\'s server says it (also as stop_reason): "length", '
        '"max_tokens", '
        "… make it cut.",
    )
    stop_reason = serializers.CharField(required=False, allow_null=True)
    at = serializers.DateTimeField(required=False)
    reactions = SaidSerializer(many=True, required=False)


class ConversationSerializer(serializers.Serializer):
    type = serializers.ChoiceField(["conversation"])
    id = serializers.CharField(required=False, max_length=MAX_ID)
    user = serializers.CharField(required=False, max_length=300)
    at = serializers.DateTimeField(required=False)
    conversation = serializers.CharField(
        required=False, max_length=200, help_text="Your id of it: sent again with more messages, it grows."
    )
    title = serializers.CharField(required=False)
    system = serializers.CharField(required=False)
    tools = serializers.ListField(child=serializers.DictField(), required=False)
    model = serializers.CharField(
        required=False, max_length=200, help_text="Who gave the answers that name no model of their own."
    )
    messages = MessageSerializer(many=True)
    reactions = SaidSerializer(many=True, required=False, help_text="Scores of the whole conversation.")


class DraftSerializer(serializers.Serializer):
    id = serializers.CharField(required=False, max_length=200)
    text = serializers.CharField(required=False)
    model = serializers.CharField(required=False, max_length=200)
    complete = serializers.BooleanField(required=False, default=True)
    finish_reason = serializers.CharField(required=False, allow_null=True, help_text="As of a message.")
    stop_reason = serializers.CharField(required=False, allow_null=True)
    seen = serializers.BooleanField(required=False, default=True)


class ChoiceSerializer(serializers.Serializer):
    type = serializers.ChoiceField(["choice"])
    id = serializers.CharField(required=False, max_length=MAX_ID)
    user = serializers.CharField(required=False, max_length=300)
    at = serializers.DateTimeField(required=False)
    verdict = serializers.ChoiceField(["better", "same", "all_bad"])
    chosen = serializers.JSONField(
        required=False, help_text="Of the better draft: its id, or its place in drafts, counted from 0."
    )
    drafts = DraftSerializer(many=True, help_text="2–8, in the order shown.")
    messages = MessageSerializer(
        many=True, required=False, help_text="What the drafts answer; needed for drafts given as texts."
    )
    conversation = serializers.CharField(required=False, max_length=200)
    system = serializers.CharField(required=False)
    tools = serializers.ListField(child=serializers.DictField(), required=False)
    model = serializers.CharField(required=False, max_length=200)
    regenerated = serializers.BooleanField(
        required=False, default=False, help_text="An answer against the one asked for again."
    )


class RowErrorSerializer(serializers.Serializer):
    index = serializers.IntegerField()
    field = serializers.CharField()
    code = serializers.CharField()
    message = serializers.CharField()
    id = serializers.CharField(required=False)


class TakenSerializer(serializers.Serializer):
    """`reaction`, `choice` or `conversation` is our number of what holds the row."""

    index = serializers.IntegerField()
    status = serializers.ChoiceField(["accepted", "duplicate", "refused"])
    id = serializers.CharField(required=False)
    reaction = serializers.IntegerField(required=False)
    choice = serializers.IntegerField(required=False)
    conversation = serializers.IntegerField(required=False)
    duplicate = serializers.BooleanField(required=False)
    waiting = serializers.BooleanField(required=False, help_text="The target is not known yet.")


class BatchSerializer(serializers.Serializer):
    accepted = serializers.IntegerField()
    duplicates = serializers.IntegerField()
    errors = RowErrorSerializer(many=True)  # type: ignore[assignment]  # the name is the API's
    results = TakenSerializer(many=True)


ROW = PolymorphicProxySerializer(
    component_name="Feedback",
    serializers={
        "reaction": ReactionSerializer,
        "choice": ChoiceSerializer,
        "conversation": ConversationSerializer,
    },
    resource_type_field_name="type",
    many=False,
)
EXAMPLES = [
    OpenApiExample(
        "thumb",
        {
            "type": "reaction",
            "id": "r-1",
            "user": "u-7",
            "target": "m-42",
            "kind": "thumb",
            "value": "down",
            "comment": "…",
        },
        request_only=True,
    ),
    OpenApiExample(
        "several",
        [{"type": "reaction", "target": "m-42", "kind": "correction", "text": "…"}],
        request_only=True,
    ),
]
