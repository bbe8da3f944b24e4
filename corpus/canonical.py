"""What "the same text" and "the same prompt" mean, and the keyed hashes built on it. Pure."""

import hashlib
import hmac
import json
import unicodedata


def unified(text: str) -> str:
    """NFC with line ends unified to LF: the one sense in which two texts are equal. Never NFKC, never
    stripped: 10⁹ is not 109, Mg is not mg, and an indented first line is not the same line."""
    if "\r" in text:
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    return text if text.isascii() else unicodedata.normalize("NFC", text)


def same_text(a: str, b: str) -> bool:
    """Whether `a` and `b` are equal in the sense of `unified`."""
    return a == b or unified(a) == unified(b)


def unified_tree(value):
    """Every text in a JSON value `unified`; names of fields as they are."""
    if isinstance(value, str):
        return unified(value)
    if isinstance(value, list):
        return [unified_tree(v) for v in value]
    if isinstance(value, dict):
        return {k: unified_tree(v) for k, v in value.items()}
    return value


_canonical = json.JSONEncoder(
    ensure_ascii=False, sort_keys=True, separators=(",", ":"), allow_nan=False
).encode
_quoted = json.encoder.encode_basestring  # one string as JSON, Unicode kept


def canonical_json(value) -> str:
    """One text for equal values: keys sorted, no spaces, Unicode kept, NaN refused (ValueError)."""
    return _canonical(value)


def _hmac(key: bytes, form: bytes) -> str:
    """HMAC-SHA256, hex."""
    return hmac.digest(bytes(key), form, "sha256").hex()


def prompt_hash(*, key: bytes, messages: list, tools=None, sources=()) -> str:
    """HMAC-SHA256 (hex) over messages, tools and sources in canonical form."""
    value = [messages, tools or None, list(sources)]
    form = canonical_json(value)
    # Most texts are unified already, and what is NFC as a whole is so in every part: then the walk can be
    # spared.
    if "\\r" in form or not (form.isascii() or unicodedata.is_normalized("NFC", form)):
        form = canonical_json(unified_tree(value))
    return _hmac(key, form.encode())


def text_hash(*, key: bytes, text: str, turns=None) -> str:
    """HMAC-SHA256 (hex) of an answer's unified text (and tool turns before it): equal hash = equal answer."""
    if turns:
        return _hmac(key, canonical_json([unified_tree(turns), unified(text)]).encode())
    raw = (text if text.isascii() else unicodedata.normalize("NFC", text)).encode()
    if b"\r" in raw:  # the rest of `unified`, quicker to look for in bytes
        raw = raw.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    return _hmac(key, raw)


def identity_hash(
    *,
    key: bytes,
    text_hash: str,
    origin: str,
    model: str | None,
    external_id: str = "",
    given=None,
    cut: str = "",
) -> str:
    """What makes a re-imported answer the same row: its text, who gave it, under which id, with what beyond
    the prompt, and whether it was cut off."""
    if given or cut:
        form = canonical_json([text_hash, origin, model or "", external_id, given, *([cut] if cut else [])])
    else:  # the same text, three times as fast: this runs for every answer of a file
        form = f"[{_quoted(text_hash)},{_quoted(origin)},{_quoted(model or '')},{_quoted(external_id)},null]"
    return hashlib.sha256(form.encode()).hexdigest()  # keyed already, by the text's hash in it


def target_hash(identity: str) -> str:
    """The identity of an answer offered for learning that is known already as one that was not."""
    return hashlib.sha256(f"{identity} target".encode()).hexdigest()
