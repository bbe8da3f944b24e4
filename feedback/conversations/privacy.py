"""What of people's words is kept, and how: every writer of their text goes by the project's privacy
policy."""

import hmac
import json
import re
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

from django.db import connection

from corpus.masking import DEFAULT_KINDS, mask, mask_tree
from feedback.models import ChatSettings

_LONG_NUMBER = re.compile(r"[0-9]{11,}[Xx]?")  # also of one that stands in the middle of an id
_SETTINGS = (
    "SELECT keep, masking, mask_kinds, up_reasons, down_reasons FROM feedback_chatsettings WHERE "
    "project_id = %s"
)


class Settings(NamedTuple):
    """What writers of feedback need of a project's ChatSettings; the lists as JSON."""

    keep: str = "content"
    masking: str = "off"
    kinds: str = "[]"
    up: str = "[]"
    down: str = "[]"


@dataclass(frozen=True, slots=True)
class PrivacyPolicy:
    """A project's rules. `keeps`: texts are stored at all. `stored` and `promoted`: the kinds of personal
    data masked before storage, and before experts see a turn."""

    keeps: bool = True
    stored: tuple[str, ...] = ()
    promoted: tuple[str, ...] = ()
    key: bytes = b""

    def text(self, text: str) -> str:
        """`text` as it may be stored: "" if no texts are kept, else masked if that comes before storage."""
        if not self.keeps:
            return ""
        # a text may be JSON, and hide digits in escapes
        return mask_tree(text, self.stored) if self.stored and text else text

    def tree(self, value):
        """The same for JSON (tools, a message's extra, parameters); None where no texts are kept. For sources
        see `listed`."""
        if not self.keeps or value is None:
            return None
        return mask_tree(value, self.stored) if self.stored else value

    def listed(self, rows) -> list:
        """The same for a list that cannot be NULL (sources)."""
        return self.tree(list(rows)) or []

    def compared(self, turn: dict) -> dict:
        """A turn as its place in a talk is found by (`talk.hash_after`): masked as it would be stored, also
        where no texts are kept."""
        return {name: mask_tree(part, self.stored) for name, part in turn.items()} if self.stored else turn

    def label(self, words: str) -> str:
        """A short name that is kept in any case (a tag, a model): masked if that comes before storage."""
        return mask(words, self.stored) if self.stored else words

    def external(self, name: str) -> str:
        """An id of the deployment's own, to be stored and looked up by: itself, unless it holds what must not
        be stored; then a keyed hash."""
        if (
            not self.stored
            or not name
            or all(mask(part, self.stored) == part for part in (name, *_LONG_NUMBER.findall(name)))
        ):
            return name
        return "masked:" + hmac.digest(self.key, name.encode(), "sha256").hex()[:40]

    def shown(self, text: str) -> str:
        """Stored `text` as experts may see it."""
        return mask_tree(text, self.promoted) if self.promoted and text else text

    def shown_tree(self, value):
        """The same for JSON."""
        return mask_tree(value, self.promoted) if self.promoted and value is not None else value


def settings_of(project) -> Settings:
    """What a project has set, read anew (one query: a row of the model would cost more than what is done with
    it)."""
    with connection.cursor() as cursor:
        cursor.execute(_SETTINGS, [project.pk])
        row = cursor.fetchone()
    return Settings(*row) if row else Settings()


@lru_cache(maxsize=256)
def reason_keys(reasons: str) -> frozenset[str] | None:
    """The keys of a list of reasons in `Settings`; None of an empty one."""
    return frozenset(row["key"] for row in json.loads(reasons)) or None


def privacy_policy(project) -> PrivacyPolicy:
    """The rules of `project`, read anew (one query): hold on to the answer for as long as one request, not
    longer."""
    return policy_of(project, settings_of(project))


def policy_of(project, row: Settings) -> PrivacyPolicy:
    """The rules by settings that were read already."""
    kinds = tuple(json.loads(row.kinds)) or DEFAULT_KINDS if row.masking != ChatSettings.Masking.OFF else ()
    return PrivacyPolicy(
        keeps=row.keep != ChatSettings.Keep.IDS,
        stored=kinds if row.masking == ChatSettings.Masking.STORAGE else (),
        promoted=kinds if row.masking == ChatSettings.Masking.PROMOTION else (),
        key=bytes(project.hash_key),
    )
