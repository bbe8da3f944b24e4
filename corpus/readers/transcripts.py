"""A whole conversation in one text, in the spellings that files have: "Human: … Assistant: …", "<s>Human: …
</s>", "### Human: …", ChatML's and Llama's own tokens. Text between the marks is kept as it is, but for
the blank and line break that belong to a mark."""

import re

from corpus.readers import turns

_NAMES = "|".join(
    sorted((a for role in ("user", "assistant", "system") for a in turns.ROLES[role]), key=len, reverse=True)
)
_TAGGED = re.compile(rf"\s*<s>\s*({_NAMES})\s?[:：][ ]?(.*?)\n?(?:</s>|\Z)\s*", re.S | re.I)
_HASHED = re.compile(rf"(?:\A\s*|\n|(?<=\S))#{{2,3}} ?({_NAMES})\s?[:：][ \n]?", re.I)
_CHATML = re.compile(rf"\s*<\|im_start\|>({_NAMES}|tool)\n(.*?)(?:<\|im_end\|>|\Z)\s*", re.S | re.I)
_INST = re.compile(
    r"\s*(?:<s>)?\s*\[INST\] ?(?:<<SYS>>\n?(.*?)\n?<</SYS>>\s*)?(.*?) ?\[/INST\] ?(.*?) ?(?:</s>|(?=\s*(?:<s>)?\s*\[INST\])|\Z)\s*",  # noqa: E501
    re.S,
)


def turns_of(value) -> list[dict] | None:
    """The turns of `value`, the user's first (behind a system prompt) and the assistant named at least once;
    None for any other text. An assistant's name at the end with nothing behind it asks for the answer: it
    is no turn."""
    if not isinstance(value, str):
        return None
    begin = value.lstrip()[:1]
    if begin == "<":
        found = _whole(_TAGGED, value) or _whole(_CHATML, value) or _instructed(value)
    elif begin == "#":
        found = _hashed(value)
    else:
        found = (_instructed(value) if value.lstrip()[:6] == "[INST]" else None) or turns.spoken(value)
    if not found:
        return None
    said = [turn for turn in found if turn["role"] != "system"]
    if not said or said[0]["role"] != "user" or all(turn["role"] != "assistant" for turn in said):
        return None
    if found[-1]["role"] == "assistant" and not found[-1]["content"].strip():
        found = found[:-1]
    return found if all(turn["content"].strip() for turn in found) else None


def _whole(form: re.Pattern, value: str) -> list[dict] | None:
    """The turns of a text that is nothing but matches of `form`."""
    out, at = [], 0
    while at < len(value):
        m = form.match(value, at)
        if m is None or m.end() == at:
            return None
        out.append({"role": turns.ROLE_OF[m[1].casefold()], "content": m[2]})
        at = m.end()
    return out


def _hashed(value: str) -> list[dict] | None:
    marks = list(_HASHED.finditer(value))
    if not marks or marks[0].start():
        return None
    ends = [m.start() for m in marks[1:]] + [len(value)]
    parts = [
        (turns.ROLE_OF[m[1].casefold()], value[m.end() : end]) for m, end in zip(marks, ends, strict=True)
    ]
    return [
        {"role": role, "content": text.removesuffix("\n") if i + 1 < len(parts) else text}
        for i, (role, text) in enumerate(parts)
    ]


def _instructed(value: str) -> list[dict] | None:
    if "[INST]" not in value:
        return None
    out: list[dict] = []
    at = 0
    while at < len(value):
        m = _INST.match(value, at)
        if m is None or m.end() == at:
            return None
        if m[1]:
            out.append({"role": "system", "content": m[1]})
        out += [{"role": "user", "content": m[2]}, {"role": "assistant", "content": m[3]}]
        at = m.end()
    return out
