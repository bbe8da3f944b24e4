"""Messages and tools in the form of OpenAI's chat API, which the hosted tuning services ask for. Pure.

There the arguments of a call are a string of JSON, each call has an id, and a tool's reply names the call it
answers."""

from training_export.formats.messages import LeftOut
from training_export.formats.rendered import json_text

MESSAGE_KEYS = frozenset({"role", "content", "name", "tool_calls", "tool_call_id"})


def api_messages(messages: list[dict]) -> list[dict]:
    """`messages` (as `messages.plain` makes them) as the API has them. Calls without an id are given one; a
    reply without one answers the first call that is still open. LeftOut where a reply answers none."""
    out: list[dict] = []
    open_calls: list[str] = []
    given = 0
    for message in messages:
        if "tool_calls" in message:
            calls = []
            for call in message["tool_calls"]:
                given += 1
                function = call["function"]
                arguments = function["arguments"]
                text = arguments if isinstance(arguments, str) else json_text(arguments)
                made = {"id": call.get("id") or f"call_{given}", "type": "function"}
                calls.append(made | {"function": {"name": function["name"], "arguments": text}})
            open_calls = [call["id"] for call in calls]
            if len(set(open_calls)) < len(open_calls):
                raise LeftOut("call_ids")
            out.append(message | {"tool_calls": calls})
        elif message["role"] == "tool":
            answered = message.get("tool_call_id") or next(iter(open_calls), "")
            if answered not in open_calls:
                raise LeftOut("call_ids")
            open_calls.remove(answered)
            reply = {"role": "tool", "content": message["content"], "tool_call_id": answered}
            out.append(reply)
        elif open_calls:
            raise LeftOut("call_ids")  # the API refuses a call that nothing answers
        else:
            out.append(message)
    if open_calls:
        raise LeftOut("call_ids")
    return out


def call_problem(messages: list[dict]) -> tuple[str, str]:
    """("", "") if calls and replies in sound messages go together as the API asks, else (code, detail)."""
    open_calls: set[str] = set()
    for i, message in enumerate(messages, 1):
        if message["role"] == "tool":
            if message.get("tool_call_id") not in open_calls:
                return "call_ids", f"{i}"
            open_calls.discard(message["tool_call_id"])
            continue
        if open_calls:
            return "call_ids", f"{i}"
        calls = message.get("tool_calls") or []
        open_calls = {c["id"] for c in calls if isinstance(c.get("id"), str) and c["id"]}
        if len(open_calls) < len(calls):
            return "call_ids", f"{i}"
        if any(not isinstance(c["function"]["arguments"], str) for c in calls):
            return "call_arguments", f"{i}"
    return ("call_ids", f"{len(messages)}") if open_calls else ("", "")


def tools_well_formed(tools) -> bool:
    """Whether each is {"type": "function", "function": {"name": …}}."""
    return isinstance(tools, list) and all(
        isinstance(t, dict)
        and t.get("type") == "function"
        and isinstance(t.get("function"), dict)
        and isinstance(t["function"].get("name"), str)
        and t["function"]["name"] != ""
        for t in tools
    )
