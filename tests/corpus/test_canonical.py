"""The keyed hashes are HMAC-SHA256 over the canonical form, whatever the way they are computed."""

import hmac

import pytest

from corpus import canonical

KEYS = [b"", b"k", b"k" * 32, b"k" * 64, b"k" * 65, bytes(range(256))]
TEXTS = [
    "",
    "plain",
    "血压 120/80",
    "a\r\nb\rc\n",
    "e\u0301\r\n",
    "\u212b",
    "\U0001f600" * 700,
    "\r",
    "\\r",
    "\x00",
    "x\u0301\r\u0301",
]


@pytest.mark.parametrize("key", KEYS, ids=lambda key: f"{len(key)} bytes")
def test_an_answers_hash_is_the_hmac_of_its_unified_text(key):
    for text in TEXTS:
        assert (
            canonical.text_hash(key=key, text=text)
            == hmac.digest(key, canonical.unified(text).encode(), "sha256").hex()
        )
        assert canonical.text_hash(key=memoryview(key), text=text) == canonical.text_hash(key=key, text=text)


@pytest.mark.parametrize("key", KEYS, ids=lambda key: f"{len(key)} bytes")
def test_a_prompts_hash_is_the_hmac_of_its_canonical_form(key):
    for text in TEXTS:
        for message in (
            {"role": "user", "content": text},
            {"content": text, "role": "user"},
            {"role": "tool", "content": text, "name": text},
        ):
            for tools, sources in (
                (None, ()),
                ([{"name": text, "n": 1e16, "big": 2**70}], [{"title": "", "text": text}]),
            ):
                messages = [message, {"role": "user", "content": '"\\"\u2028\x7f'}]
                unified = [{k: canonical.unified(v) for k, v in m.items()} for m in messages]
                form = [
                    unified,
                    tools and [tools[0] | {"name": canonical.unified(text)}],
                    [s | {"text": canonical.unified(text)} for s in sources],
                ]
                wanted = hmac.digest(key, canonical.canonical_json(form).encode(), "sha256").hex()
                assert (
                    canonical.prompt_hash(key=key, messages=messages, tools=tools, sources=sources) == wanted
                )


def test_half_a_surrogate_pair_has_no_hash():
    with pytest.raises(UnicodeEncodeError):
        canonical.text_hash(key=b"k", text="\ud800")
    with pytest.raises(UnicodeEncodeError):
        canonical.prompt_hash(key=b"k", messages=[{"role": "user", "content": "\ud800"}])
