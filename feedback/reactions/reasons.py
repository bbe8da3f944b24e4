"""The reasons offered under a thumb: a project's own two lists, or these to begin with. Pure but for the
reader's language."""

import re
import secrets

from django.utils.translation import gettext as _

from core.errors import DomainError

UP = [
    {"key": "correct", "en": "Correct", "zh": "内容正确"},
    {"key": "helpful", "en": "Solved my question", "zh": "解决了我的问题"},
    {"key": "clear", "en": "Easy to understand", "zh": "表达清楚"},
    {"key": "complete", "en": "Complete", "zh": "内容完整"},
    {"key": "good_sources", "en": "Good sources", "zh": "依据可靠"},
    {"key": "other_up", "en": "Something else", "zh": "其他"},
]
DOWN = [
    {"key": "wrong", "en": "Not correct", "zh": "内容有误"},
    {"key": "not_answered", "en": "Did not answer my question", "zh": "答非所问"},
    {"key": "incomplete", "en": "Something is missing", "zh": "不够完整"},
    {"key": "unclear", "en": "Hard to understand", "zh": "难以理解"},
    {"key": "unsafe", "en": "Harmful or unsafe", "zh": "有害或不安全"},
    {"key": "refused", "en": "Refused without need", "zh": "不该拒绝却拒绝了"},
    {"key": "too_long", "en": "Too long", "zh": "太啰嗦"},
    {"key": "other_down", "en": "Something else", "zh": "其他"},
]
MAX_REASONS = 12
MAX_LABEL = 60
KEY = re.compile(r"[a-z][a-z0-9_]{0,39}")


def default_reasons() -> tuple[list[dict], list[dict]]:
    """(up, down): fresh lists of {"key", "en", "zh"} for a new project."""
    return [dict(r) for r in UP], [dict(r) for r in DOWN]


def labels(rows: list[dict], language: str) -> dict[str, str]:
    """{key: words} of `rows` in `language` ("en", "zh-hans"), in the order of the list; the other language
    stands in where one is missing."""
    first, second = ("zh", "en") if (language or "").lower().startswith("zh") else ("en", "zh")
    return {row["key"]: row.get(first) or row.get(second) or row["key"] for row in rows}


def check(rows: list[dict], *, field: str, taken: set[str] = frozenset()) -> list[dict]:  # type: ignore[assignment]
    """`rows` as they are stored: rows without words dropped, a key made where there is none (of the English
    words, else at random) and never one of `taken`. A key is what stored reactions hold, so it stays when
    the words change. DomainError naming `field`."""
    out: list[dict] = []
    seen: set[str] = set(taken)
    for row in rows:
        key, en, zh = (str(row.get(name) or "").strip() for name in ("key", "en", "zh"))
        if not en and not zh:
            continue
        if key and not KEY.fullmatch(key):
            raise DomainError(
                "bad_reason",
                _("“%(key)s” cannot be the key of a reason: lower-case letters, digits and underscores only.")
                % {"key": key[:40]},
                field=field,
            )
        if not key:
            key = _free_key(en, seen)
        if key in seen:
            raise DomainError(
                "reason_twice", _("The reason “%(key)s” is there twice.") % {"key": key}, field=field
            )
        if max(len(en), len(zh)) > MAX_LABEL:
            raise DomainError(
                "long_reason", _("A reason has at most %(n)s characters.") % {"n": MAX_LABEL}, field=field
            )
        seen.add(key)
        out.append({"key": key, "en": en, "zh": zh})
    if len(out) > MAX_REASONS:
        raise DomainError(
            "many_reasons", _("At most %(n)s reasons in each list.") % {"n": MAX_REASONS}, field=field
        )
    return out


def _free_key(words: str, taken: set[str]) -> str:
    base = re.sub(r"[^a-z0-9]+", "_", words.lower()).strip("_")[:32]
    base = base if KEY.fullmatch(base) else "reason_" + secrets.token_hex(2)
    key, n = base, 2
    while key in taken:
        key, n = f"{base}_{n}", n + 1
    return key
