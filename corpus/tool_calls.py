"""Calls of tools in one form, whatever a server or program wrote them in. Pure."""

import json


def arguments_text(value: object) -> str:
    """The arguments of a call as the JSON text that they are on the wire; "" where there are none. Some
    servers send the object itself."""
    return value if isinstance(value, str) else "" if value is None else json.dumps(value, ensure_ascii=False)


def calls_of(message: dict) -> list | None:
    """The tool calls of a message with their arguments as texts, one by the old `function_call` among them;
    None where there are none."""
    calls = message.get("tool_calls")
    old = message.get("function_call")
    if not calls and isinstance(old, dict) and old.get("name"):
        calls = [
            {"type": "function", "function": {"name": old["name"], "arguments": old.get("arguments", "")}}
        ]
    if not isinstance(calls, list):
        return calls or None
    return [_normal(call) for call in calls] or None


def _normal(call):
    function = call.get("function") if isinstance(call, dict) else None
    if not isinstance(function, dict) or not isinstance(function.get("arguments"), (dict, list)):
        return call
    return call | {"function": function | {"arguments": arguments_text(function["arguments"])}}
