"""How an answer came to its end, by what its server or its file says of it (finish_reason, stop_reason).
Pure."""

LENGTH, FILTERED, BROKEN = "length", "content_filter", "broken"

# As servers and libraries call them: OpenAI, Azure, Anthropic, Gemini, Bedrock, Cohere, vLLM, SGLang, TGI,
# DeepSeek, GLM, Qwen.
_ENDINGS = {
    LENGTH: (
        "length",
        "max_tokens",
        "max_length",
        "max_new_tokens",
        "max_output_tokens",
        "max_completion_tokens",
        "model_length",
        "token_limit",
        "context_length",
        "model_context_window_exceeded",
        "context_window_exceeded",
        "incomplete",
        "truncated",
    ),
    FILTERED: (
        "content_filter",
        "content_filtered",
        "content_filtering",
        "safety",
        "recitation",
        "blocklist",
        "prohibited_content",
        "spii",
        "image_safety",
        "guardrail_intervened",
        "sensitive",
        "refusal",
        "error_toxic",
        "blocked",
    ),
    BROKEN: (
        "broken",
        "abort",
        "aborted",
        "cancel",
        "cancelled",
        "canceled",
        "error",
        "failed",
        "failure",
        "network_error",
        "timeout",
        "interrupted",
        "user_cancel",
        "insufficient_system_resource",
        "pause_turn",
        "malformed_function_call",
        "malformed_tool_use",
        "malformed_model_output",
        "malformed_response",
        "unexpected_tool_call",
    ),
}
_ENDING_OF = {name: ending for ending, names in _ENDINGS.items() for name in names}
# where it is said, in small letters
COLUMNS = ("finish_reason", "stop_reason", "finishreason", "stopreason", "done_reason")


def ending_of(reason: object) -> str:
    """LENGTH or FILTERED: the answer was cut off there; BROKEN: whoever made it gave up. "" for an end of the
    model's own, for nothing said, and for a reason nobody knows: servers have many names for a proper end."""
    return (
        _ENDING_OF.get(reason.strip().casefold().replace("-", "_").replace(" ", "_"), "")
        if isinstance(reason, str)
        else ""
    )


def said_in(row: dict) -> str:
    """`ending_of` what an answer's object says under one of COLUMNS."""
    return next(
        (
            found
            for name, value in row.items()
            if str(name).casefold() in COLUMNS and (found := ending_of(value))
        ),
        "",
    )
