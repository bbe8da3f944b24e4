"""A conversation as a tree: the way to a message, what a model is given there, and the hash that finds the
place again."""

import hashlib
import hmac
from collections.abc import Iterable

from core.models import Project
from corpus import parts
from corpus.canonical import canonical_json, unified_tree
from feedback.models import Message

# What of a turn travels to a model, besides role and content.
KEPT = ("tool_calls", "tool_call_id", "name")


def structure(conversation_id: int) -> dict[int, tuple[int | None, str]]:
    """{message id: (parent id, role)} of a whole conversation in order of ids, without its texts. One
    query."""
    rows = (
        Message.objects.filter(conversation=conversation_id)
        .order_by("pk")
        .values_list("pk", "parent_id", "role")
    )
    return {pk: (parent, role) for pk, parent, role in rows}


def way_to(pk: int, tree: dict[int, tuple[int | None, str]]) -> list[int]:
    """The ids from the root to `pk`, both with it."""
    way: list[int] = []
    at: int | None = pk
    while at is not None and at in tree:
        way.append(at)
        at = tree[at][0]
    return way[::-1]


def siblings(pk: int, tree: dict[int, tuple[int | None, str]]) -> list[int]:
    """The messages of the same role under the same parent, `pk` with them, in order."""
    place = tree[pk]
    return [other for other, at in tree.items() if at == place]


def path_of(message: Message) -> list[Message]:
    """The messages from the root of the conversation to `message`, both with it. Two queries."""
    way = way_to(message.pk, structure(message.conversation_id))
    rows = Message.objects.in_bulk(way)
    rows[message.pk] = message
    return [rows[pk] for pk in way if pk in rows]


def as_turn(message: Message) -> dict:
    """One message as a model is given it: {"role", "content", and tool_calls, tool_call_id, name where there
    are any}; and as `missing` what it had beside its text (corpus.parts.missing), which is not held here."""
    extra = {k: v for k, v in (message.extra or {}).items() if k in KEPT and v}
    if lacks := parts.missing((message.extra or {}).get("parts")):
        extra["missing"] = lacks
    content = message.text if message.text or not extra.get("tool_calls") else None
    return {"role": message.role, "content": content, **extra}


def says_something(turn: dict) -> bool:
    """False for an answer that broke off before its first word: some models refuse an empty turn."""
    return turn.get("role") != "assistant" or bool(
        turn.get("content") or turn.get("tool_calls") or turn.get("missing")
    )


def context_of(message: Message, path: list[Message] | None = None) -> list[dict]:
    """The messages for a model up to and with `message`: the conversation's system text first, then the path,
    without answers that never came. `path`: what `path_of` said, if it was asked for already."""
    system = message.conversation.system
    turns = [as_turn(m) for m in (path if path is not None else path_of(message))]
    return [
        *([{"role": "system", "content": system}] if system else []),
        *(t for t in turns if says_something(t)),
    ]


def hash_after(key: bytes, before: str, turn: dict) -> str:
    """The keyed hash of the talk `before` (a hash; "" for none) with `turn` added. An answer that says
    nothing adds nothing, as a model is not given it either. Equal talk hashes equal, however a client
    wrote it down: line ends, composed characters, order of keys, content as one text or in text parts, and
    keys that say nothing of the talk do not count.

    This is the identity of a turn, and every door uses it: with `before` the hash of the message above it,
    and `turn` as it may be stored (`PrivacyPolicy.compared`). At the root `before` is the hash of the system
    text (`root_hash`)."""
    if not says_something(turn):
        return before
    form = canonical_json([before, _form(turn)])
    return hmac.new(key, form.encode("utf-8", "surrogatepass"), hashlib.sha256).hexdigest()


def root_hash(key: bytes, system: str) -> str:
    """What the hashes of a conversation with this system text begin with; "" without one."""
    return hash_after(key, "", {"role": "system", "content": system}) if system else ""


def rolling(key: bytes, before: str, turns: Iterable[dict]) -> list[str]:
    """The hash after each of `turns`, which follow each other and the talk `before`."""
    out = []
    for turn in turns:
        before = hash_after(key, before, turn)
        out.append(before)
    return out


def context_hash(project: Project, messages: Iterable[dict]) -> str:
    """The hash of all `messages`, a system text first if there is one; "" of none."""
    return ["", *rolling(bytes(project.hash_key), "", messages)][-1]


def plain_content(content):
    """The text of a turn whose content is a text, nothing, or parts that are all text; other contents
    (images) as they are."""
    if content is None:
        return ""
    if isinstance(content, list) and all(
        isinstance(p, dict) and p.get("type") == "text" and isinstance(p.get("text"), str) for p in content
    ):
        return "".join(p["text"] for p in content)
    return content


def _form(message: dict) -> dict:
    role = message.get("role")
    form = {
        "role": "system" if role == "developer" else role,
        "content": plain_content(message.get("content")),
    }
    if lacks := message.get("missing") or parts.missing(message.get("parts")):
        form["missing"] = lacks
    for name in KEPT:
        if value := message.get(name):
            form[name] = (
                [{k: v for k, v in c.items() if k != "index"} if isinstance(c, dict) else c for c in value]
                if name == "tool_calls"
                else value
            )
    return unified_tree(form)
