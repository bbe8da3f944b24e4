"""The columns of somebody's log: what they are called, and what stands in their cells. Pure."""

from datetime import UTC, datetime

from django.utils import timezone
from django.utils.translation import gettext as _

from corpus.readers.errors import RowRefused

# Our field: the columns that are taken for it, the first that is there.
COLUMNS = {
    "messages": ("messages", "conversations", "conversation", "chat", "dialog", "dialogue", "对话"),
    "prompt": ("prompt", "question", "query", "input", "instruction", "user_message", "问题", "提问"),
    "response": ("response", "answer", "output", "completion", "reply", "assistant_message", "回答", "答案"),
    "system": ("system", "system_prompt"),
    "tools": ("tools",),
    "thumb": ("thumb", "thumbs", "feedback", "liked", "like", "vote", "点赞", "反馈", "赞踩"),
    "score": ("score", "rating", "stars", "评分"),
    "comment": ("comment", "feedback_text", "remark", "评论", "意见", "备注"),
    "correction": ("correction", "corrected", "expected", "更正", "修改"),
    "reasons": ("reasons", "reason", "原因"),
    "tags": ("tags", "标签"),
    "user": ("user", "user_id", "uid", "username", "用户"),
    "model": ("model", "model_name", "模型"),
    "conversation": ("conversation_id", "session_id", "chat_id", "session", "thread_id", "会话"),
    "message": ("message_id", "msg_id", "answer_id", "response_id", "target", "消息"),
    "finish_reason": ("finish_reason", "stop_reason", "done_reason", "结束原因"),
    "id": ("id", "row_id"),
    "at": ("at", "created_at", "timestamp", "time", "date", "时间"),
}
UP = {
    "1",
    "+1",
    "true",
    "yes",
    "up",
    "like",
    "liked",
    "good",
    "positive",
    "thumbs_up",
    "thumbs-up",
    "thumbs up",
    "👍",
    "赞",
    "点赞",
    "顶",
    "好",
    "有用",
}
DOWN = {
    "-1",
    "false",
    "no",
    "down",
    "dislike",
    "disliked",
    "bad",
    "negative",
    "thumbs_down",
    "thumbs-down",
    "thumbs down",
    "👎",
    "踩",
    "点踩",
    "差",
    "没用",
}
EMPTY = {"", "none", "null", "nan", "n/a"}


def thumb_of(value, column: str, *, zero: str = "down") -> int | None:
    """1, -1, or None for an empty cell. True, 1, 赞 … are up; False, 0, -1, 踩 … are down (`zero="none"`: 0
    says nothing); RowRefused for anything else."""
    if value is None:
        return None
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    word = str(value).strip().strip("\ufe0f").casefold()
    if word in EMPTY:
        return None
    if word in {"0", "0.0"}:
        return -1 if zero == "down" else None
    # a hand of any colour
    word = word.removesuffix(".0").rstrip("\U0001f3fb\U0001f3fc\U0001f3fd\U0001f3fe\U0001f3ff\ufe0f")
    if word in UP:
        return 1
    if word in DOWN:
        return -1
    raise RowRefused(column, "thumb", _("“%(value)s” is neither up nor down.") % {"value": str(value)[:40]})


def moment_of(value, column: str) -> str:
    """ISO 8601 with a zone, of ISO without one (then the server's), or seconds or milliseconds since 1970; ""
    for nothing."""
    if value is None or value == "":
        return ""
    try:
        number = float(value) if not isinstance(value, bool) else None
    except (TypeError, ValueError):
        number = None
    try:
        if number is not None:
            return datetime.fromtimestamp(number / 1000 if number > 1e11 else number, UTC).isoformat()
        moment = datetime.fromisoformat(str(value).strip())
    except (ValueError, OverflowError, OSError):
        raise RowRefused(
            column, "time", _("“%(value)s” is not a time that can be read.") % {"value": str(value)[:40]}
        ) from None
    return (moment if moment.tzinfo else timezone.make_aware(moment)).isoformat()


def check_mapping(mapping: dict[str, str]) -> str | None:
    """The first name in `mapping` that is no field of ours."""
    return next((ours for ours in mapping if ours not in COLUMNS), None)
