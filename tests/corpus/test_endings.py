"""How answers ended, in the words of many servers; and content in parts."""

import pytest

from corpus import endings, parts


@pytest.mark.parametrize(
    ("ending", "reasons"),
    [
        (
            "length",
            ["length", "max_tokens", "MAX_TOKENS", "max-tokens", "model_length", "Max Tokens", "incomplete"],
        ),
        ("content_filter", ["content_filter", "SAFETY", "guardrail_intervened", "sensitive", "refusal"]),
        ("broken", ["abort", "cancelled", "error", "network_error", "insufficient_system_resource"]),
        (
            "",
            [
                "stop",
                "end_turn",
                "STOP",
                "tool_calls",
                "function_call",
                "eos",
                "stop_sequence",
                "</s>",
                "",
                None,
                151645,
                ["length"],
            ],
        ),
    ],
)
def test_an_end_is_known_by_many_names(ending, reasons):
    assert [endings.ending_of(reason) for reason in reasons] == [ending] * len(reasons)


def test_what_is_no_text_leaves_a_mark_and_thoughts_leave_none():
    picture = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}
    text, marks = parts.split(
        {
            "content": [
                {"type": "thinking", "thinking": "Hm."},
                {"type": "text", "text": "Is this "},
                picture,
                {"type": "text", "text": "bad?"},
            ]
        }
    )
    assert text == "Is this bad?" and [m["type"] for m in marks] == ["image_url"] and "url" not in marks[0]
    assert parts.missing(marks) == [{"kind": "image", "digest": marks[0]["digest"]}]
    assert not any(c.isdigit() for c in marks[0]["digest"]), "a digest is not masked as somebody's number"
    (other,) = parts.split({"content": [picture | {"image_url": {"url": "data:image/png;base64,AAAB"}}]})[1]
    assert other["digest"] != marks[0]["digest"]


@pytest.mark.parametrize(
    ("part", "kind"),
    [
        ({"type": "input_image", "image_url": "https://example.org/a.png"}, "image"),
        ({"type": "image", "source": {"type": "base64", "data": "AAAA"}}, "image"),
        ({"type": "input_audio", "input_audio": {"data": "AAAA", "format": "wav"}}, "audio"),
        ({"type": "video_url", "video_url": {"url": "https://example.org/a.mp4"}}, "video"),
        ({"type": "file", "file": {"file_id": "file-1"}}, "file"),
        ({"type": "document", "source": {}}, "file"),
        ({"type": "tool_use", "name": "f", "input": {}}, "other"),
    ],
)
def test_kinds_of_what_is_missing(part, kind):
    assert [m["kind"] for m in parts.missing(parts.split({"content": [part]})[1])] == [kind]


def test_a_picture_beside_the_text_is_one_too():
    message = {"role": "user", "content": "What is this?", "images": ["AAAA", "AAAB"]}
    text, marks = parts.split(message)
    assert text == "What is this?" and [m["kind"] for m in parts.missing(marks)] == ["image", "image"]
    assert parts.split({"content": parts.as_content(message)}) == (text, marks)
