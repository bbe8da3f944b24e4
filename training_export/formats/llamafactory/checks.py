"""The strict checker of a LLaMA-Factory folder. Its own loader drops what it cannot read with a warning, or
trains on it."""

import json

from training_export.formats.base import Problem
from training_export.formats.checks import DATE_LIKE, LineChecker
from training_export.formats.llamafactory.files import DATA_FILES, ENTRIES, TAGS, kind_and_split
from training_export.formats.llamafactory.tools import formattable
from training_export.formats.messages import blank, has_template_token, identity

_ANSWER_SIDE = ("gpt", "function_call")
_COLUMNS = {kind: set(entry["columns"].values()) for kind, entry in ENTRIES.items()}


class Checker(LineChecker):
    def files(self):
        return [name for name in DATA_FILES if (self.folder / name).exists()]

    def together(self):
        yield from super().together()
        yield from self.info()

    # -- rows

    def start(self, name):
        self.kind, _ = kind_and_split(name)
        self.neighbour = None
        self.dates = True

    def expected(self, first):
        return _COLUMNS[self.kind]

    def row(self, row):
        found = [
            (c, "bad_field", "")
            for c in ("system", "tools", "instruction", "input", "output")
            if c in row and not isinstance(row[c], str)
        ]
        if not found:
            found = getattr(self, f"_{self.kind}")(row)
        if not found and row.get("tools"):
            found = self._tools(row["tools"])
        if not found and not self.options.allow_template_tokens and has_template_token(row["system"]):
            found = [("system", "template_token", "")]
        if found:
            self.judged = None
        elif self.dates:
            self.dates = all(DATE_LIKE.fullmatch(text) for text in self._answers(row))
        return found

    def _answers(self, row):
        if self.kind == "sft_alpaca":
            return [row["output"]]
        return (
            [row["chosen"]["value"], row["rejected"]["value"]]
            if self.kind == "preference"
            else [t["value"] for t in row["conversations"]]
        )

    def end(self):
        return [("", "date_like", "")] if self.dates and self.rows else []

    def _text(self, field, text, code="empty_answer"):
        if blank(text):
            return [(field, code, "")]
        return (
            [(field, "template_token", "")]
            if not self.options.allow_template_tokens and has_template_token(text)
            else []
        )

    def _sft_alpaca(self, row):
        question = row["instruction"] + ("\n" + row["input"] if row["input"] else "")
        found = self._text("instruction", question, "empty_prompt") + self._text("output", row["output"])
        if not found:
            self.judged = hash(
                ("sft", identity([_as("human", question), _as("gpt", row["output"])]), row["system"], "")
            )
        return found

    def _sft_sharegpt(self, row):
        found = self._conversation(row["conversations"], answered=True)
        if not found:
            self.judged = hash(("sft", self._id(row["conversations"]), row["system"], row["tools"]))
        return found

    def _preference(self, row):
        found = self._conversation(row["conversations"], answered=False)
        for side in ("chosen", "rejected"):
            found += self._answer_turn(side, row[side])
        if found:
            return found
        one, other = self._id([row["chosen"]]), self._id([row["rejected"]])
        if one == other:
            return [("rejected", "same_answers", "")]
        prompt = (self._id(row["conversations"]), row["system"], row["tools"])
        self.judged, self.way = hash(("pair", prompt, min(one, other), max(one, other))), one < other
        return []

    def _kto(self, row):
        found = self._conversation(row["conversations"], answered=True)
        label = row["kto_tag"]
        if label is not True and label is not False:
            found.append(("kto_tag", "label", repr(label)[:40]))
        if found:
            return found
        prompt = hash((self._id(row["conversations"][:-1]), row["system"], row["tools"]))
        beside, self.neighbour = self.neighbour, prompt
        if prompt == beside:
            return [("conversations", "neighbours", "")]
        self.judged, self.way = hash(("kto", prompt, self._id(row["conversations"][-1:]))), label
        return []

    def _conversation(self, turns, *, answered: bool):
        if not isinstance(turns, list) or not all(isinstance(t, dict) for t in turns):
            return [("conversations", "not_messages", "")]
        if not turns or len(turns) % 2 == (1 if answered else 0):
            return [("conversations", "turn_count", f"{len(turns)}")]
        for i, one in enumerate(turns):
            if one.get("from") not in (
                TAGS["user_tag"],
                TAGS["assistant_tag"],
                TAGS["observation_tag"],
                TAGS["function_tag"],
            ):
                return [("conversations", "unknown_role", str(one.get("from"))[:40])]
            if (one["from"] in _ANSWER_SIDE) != (i % 2 == 1):
                return [("conversations", "turn_order", f"{i + 1}")]
            if not isinstance(one.get("value"), str) or len(one) != 2:
                return [("conversations", "null_content", f"{i + 1}")]
            if not self.options.allow_template_tokens and has_template_token(one["value"]):
                return [("conversations", "template_token", f"{i + 1}")]
            if one["from"] == "function_call" and not _is_call(one["value"]):
                return [("conversations", "tool_calls", f"{i + 1}")]
        if all(blank(t["value"]) for t in turns if t["from"] == "human"):
            return [("conversations", "empty_prompt", "")]
        # An empty good answer would be trained as a bad one: LLaMA-Factory tells the two apart by which side
        # is empty.
        return [("conversations", "empty_answer", "")] if answered and blank(turns[-1]["value"]) else []

    def _answer_turn(self, side, one):
        if (
            not isinstance(one, dict)
            or set(one) != {"from", "value"}
            or one["from"] not in _ANSWER_SIDE
            or not isinstance(one["value"], str)
        ):
            return [(side, "not_turn", "")]
        if one["from"] == "function_call" and not _is_call(one["value"]):
            return [(side, "tool_calls", "")]
        return self._text(side, one["value"])

    def _tools(self, tools):
        try:
            given = json.loads(tools)
        except ValueError:
            given = None
        if not isinstance(given, list) or not given:
            return [("tools", "tools_json", "")]
        if not all(map(formattable, given)):
            return [("tools", "tools_not_formattable", "")]
        return (
            [("tools", "template_token", "")]
            if not self.options.allow_template_tokens and has_template_token(tools)
            else []
        )

    def _id(self, turns) -> int:
        return identity([_as(t["from"], t["value"]) for t in turns])

    # -- dataset_info.json

    def info(self):
        name = "dataset_info.json"
        files = self.files()
        if not files:
            return
        try:
            raw = (self.folder / name).read_bytes()
        except OSError:
            yield Problem(name, 0, "", "missing_file")
            return
        if not raw.isascii():
            yield Problem(name, 0, "", "not_ascii")
            return
        try:
            info = json.loads(raw)
        except ValueError:
            yield Problem(name, 0, "", "not_json")
            return
        named = set()
        for key, entry in info.items() if isinstance(info, dict) else []:
            path = entry.get("file_name") if isinstance(entry, dict) else None
            if path not in files:
                yield Problem(name, 0, key, "missing_file", str(path)[:80])
                continue
            named.add(path)
            want = ENTRIES[kind_and_split(path)[0]]
            for part in ("formatting", "columns", "tags"):
                if entry.get(part) != want.get(part):
                    yield Problem(name, 0, f"{key}.{part}", "dataset_info")
            if bool(entry.get("ranking", False)) != bool(want.get("ranking", False)):
                yield Problem(name, 0, f"{key}.ranking", "dataset_info")
        for path in files:
            if path not in named:
                yield Problem(name, 0, path, "dataset_info")


def _as(role: str, text: str) -> dict:
    return {"role": role, "content": text}


def _is_call(value: str) -> bool:
    try:
        calls = json.loads(value)
    except ValueError:
        return False
    calls = calls if isinstance(calls, list) else [calls]
    return bool(calls) and all(
        isinstance(c, dict) and isinstance(c.get("name"), str) and isinstance(c.get("arguments"), dict)
        for c in calls
    )
