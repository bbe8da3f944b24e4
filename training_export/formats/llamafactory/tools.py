"""Tool definitions as LLaMA-Factory 0.9.5 takes them: what all of its tool formats (data/tool_utils.py) can
put into words. Pure."""

import json

from training_export.formats.messages import LeftOut


def tool_list(tools: list) -> str:
    """The `tools` column: a JSON string of the bare functions, as LLaMA-Factory's templates expect them. They
    look up the parameters' properties without asking, so a function without parameters says so. LeftOut
    for one that a template would fail on."""
    out = []
    for tool in tools:
        function = (
            tool["function"] if isinstance(tool, dict) and isinstance(tool.get("function"), dict) else tool
        )
        if isinstance(function, dict):
            given = function.get("parameters")
            parameters = {"type": "object", "properties": {}} | (given if isinstance(given, dict) else {})
            function = function | {"parameters": parameters}
        if not formattable(function):
            raise LeftOut("tools_not_formattable")
        out.append(function)
    return json.dumps(out, ensure_ascii=False)


def formattable(function) -> bool:
    """Whether every tool format can put one entry of the `tools` column into words. The strictest is
    "default", which joins names and the values of an `enum`, asks each property and its `items` for their
    type, and takes `type: function` for a wrapper."""
    if not isinstance(function, dict) or not isinstance(function.get("name"), str) or not function["name"]:
        return False
    parameters = function.get("parameters")
    if (
        function.get("type") == "function"
        or not isinstance(parameters, dict)
        or not isinstance(function.get("response", {}), dict)
    ):
        return False
    properties = parameters.get("properties")
    return (
        isinstance(properties, dict)
        and _texts(parameters.get("required", []))
        and all(map(_formattable_property, properties.values()))
    )


def _formattable_property(value) -> bool:
    # An empty or null `enum` or `items` is passed over by the formats.
    return (
        isinstance(value, dict)
        and _texts(value.get("enum") or [])
        and isinstance(value.get("items") or {}, dict)
    )


def _texts(value) -> bool:
    return isinstance(value, list) and all(isinstance(one, str) for one in value)
