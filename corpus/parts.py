"""Content in parts, as models are sent it: the text of it, and a mark for each part that is no text (a
picture, a sound, a file) and is not held here. Pure."""

import hashlib
import json
from collections.abc import Iterable

TEXT = {"text", "input_text", "output_text", "refusal"}
# no part of what was said
THOUGHTS = {"thinking", "redacted_thinking", "reasoning", "reasoning_text", "summary_text"}
IMAGE, AUDIO, VIDEO, FILE, OTHER = "image", "audio", "video", "file", "other"
_WORDS = (
    (IMAGE, ("image", "picture", "photo")),
    (AUDIO, ("audio", "sound", "speech")),
    (VIDEO, ("video",)),
    (FILE, ("file", "document", "pdf", "attachment")),
)
# keys of a message
BESIDE = {
    "images": IMAGE,
    "image": IMAGE,
    "audio": AUDIO,
    "audios": AUDIO,
    "videos": VIDEO,
    "files": FILE,
    "attachments": FILE,
}
# a digest that no rule for masking takes for a number of somebody's
_LETTERS = str.maketrans("0123456789abcdef", "abcdefghijklmnop")


def split(message: dict) -> tuple[str, list[dict]]:
    """(the text of a message, a mark of each other part). A mark is {"type", "digest", "url"?}: pictures that
    were sent along (data: URLs) are not kept, but two different ones are told apart by their digest."""
    content = message.get("content")
    texts, marks = [], []
    for part in content if isinstance(content, list) else [] if content is None else [content]:
        kind = (
            part.get("type", "text" if isinstance(part.get("text"), str) else None)
            if isinstance(part, dict)
            else "text"
            if isinstance(part, str)
            else None
        )
        if kind in TEXT:
            said = part if isinstance(part, str) else part.get("text") or part.get("refusal")
            texts.append(said if isinstance(said, str) else "")
        elif kind not in THOUGHTS:
            marks.append(_mark(str(kind or "unknown"), part))
    for name, kind in BESIDE.items():
        given = message.get(name)
        marks += (
            [_mark(kind, one) for one in (given if isinstance(given, list) else [given])] if given else []
        )
    return "".join(texts), marks


def as_content(message: dict) -> list[dict]:
    """The message's content in parts, with what stands under keys of its own among them: `split` says the
    same of it."""
    content = message.get("content")
    out = (
        list(content)
        if isinstance(content, list)
        else [{"type": "text", "text": content}]
        if isinstance(content, str) and content
        else []
    )
    for name, kind in BESIDE.items():
        given = message.get(name)
        out += (
            [{"type": kind, kind: one} for one in (given if isinstance(given, list) else [given])]
            if given
            else []
        )
    return out


def _mark(kind: str, part) -> dict:
    at = part.get(kind, part) if isinstance(part, dict) else part
    url = at.get("url") if isinstance(at, dict) else at
    held = json.dumps(at, sort_keys=True, default=str).encode("utf-8", "surrogatepass")
    mark = {"type": kind[:40], "digest": hashlib.sha256(held).hexdigest()[:32].translate(_LETTERS)}
    if isinstance(url, str) and url.startswith(("http://", "https://")) and len(url) <= 2000:
        mark["url"] = url
    return mark


def missing(marks: Iterable | None) -> list[dict]:
    """What a turn with these marks lacks: [{"kind": "image" · "audio" · "video" · "file" · "other",
    "digest"?}]."""
    out = []
    for mark in marks or ():
        kind = str(mark.get("type"))
        if kind not in THOUGHTS:
            found = next((ours for ours, words in _WORDS if any(word in kind for word in words)), OTHER)
            out.append({"kind": found} | ({"digest": mark["digest"]} if mark.get("digest") else {}))
    return out


def lack(messages: Iterable[dict]) -> bool:
    """Whether a turn among `messages` of a prompt lacks something."""
    return any(message.get("missing") for message in messages)
