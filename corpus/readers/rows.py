"""A row with the meaning of its columns, and the parts of an entry made from it."""

from dataclasses import dataclass, field

from django.utils.translation import gettext as _

from corpus import endings
from corpus.canonical import canonical_json, same_text
from corpus.readers import limits, transcripts, turns
from corpus.readers.errors import RowRefused
from corpus.readers.fields import Columns, normal
from corpus.readers.judgements.verdict import verdict
from corpus.records import AnswerIn, Entry, JudgementIn

PASSAGE_KEYS = ("text", "content", "passage", "context", "page_content", "evidence_text")


@dataclass(slots=True)
class Row:
    """One row with the meaning of its columns."""

    data: dict
    columns: Columns
    model: str | None = None  # given for the whole file
    scales: dict[str, str] = field(default_factory=dict)  # what the numbers of a column stand for (scales.py)
    used: set = field(default_factory=set)
    dropped: list = field(default_factory=list)  # columns that are neither taken nor kept as notes

    def has(self, ours: str) -> bool:
        return ours in self.columns.of

    def get(self, ours: str):
        """The value of our field, None if the row has no such column."""
        column = self.columns.of.get(ours)
        if column is None:
            return None
        self.used.add(column)
        return self.data[column]

    def name(self, ours: str) -> str:
        """The column of our field, for a refusal."""
        return self.columns.of.get(ours, ours)

    def text(self, ours: str) -> str:
        """The text of our field; "" where it is missing or null."""
        value = self.get(ours)
        return "" if value is None else turns.text(value, self.name(ours))

    def answered(self) -> bool:
        """Whether a column other than the prompt's holds an answer."""
        beside = self.columns.answers or self.columns.ranked_texts
        return bool(beside) or any(self.filled(ours) for ours in ("answer", "answers", "chosen", "rejected"))

    def filled(self, ours: str) -> bool:
        column = self.columns.of.get(ours)
        return column is not None and self.data[column] not in (None, "", [], {})


def check_media(row: Row, unread: str | None) -> None:
    """RowRefused for a row with a picture, sound or video: without it the question would be another one.
    `unread`: a column of such, which every row of the file has."""
    if unread is not None:
        raise RowRefused(
            unread, "not_text", _("The row has a picture, sound or video; only text can be imported.")
        )
    for column in row.columns.media:
        row.used.add(column)
        value = row.data[column]
        # as tables write that there is none
        if isinstance(value, str) and value.strip() in ("", "[]", "{}", "null", "None", "nan"):
            continue
        if value not in (None, "", [], {}, False):
            raise RowRefused(
                column, "not_text", _("The row has a picture, sound or video; only text can be imported.")
            )


def as_id(value, column: str) -> str:
    """An id or model name as text: a text as it is, a whole number by its digits; "" for null."""
    if value is None:
        return ""
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    elif isinstance(value, float) and value.is_integer():
        value = str(int(value))
    if not isinstance(value, str) or len(value) > limits.MAX_ID:
        raise RowRefused(
            column,
            "id",
            _("An id must be a text of at most %(n)d characters or a whole number.") % {"n": limits.MAX_ID},
        )
    return value


def answer_text(value, column: str) -> str:
    """An answer that says something. RowRefused for an empty one."""
    if value is None:
        raise RowRefused(column, "empty_answer", _("The answer is empty."))
    made = turns.text(value, column)
    if not made or made.isspace():
        raise RowRefused(column, "empty_answer", _("The answer is empty."))
    return made


def the_model(row: Row, value=None, column: str = "model") -> str | None:
    return row.model or as_id(value if value is not None else row.get("model"), column) or None


def ending(row: Row) -> str:
    """Where the row's one answer was cut off (corpus.endings); "" if nothing is said of that."""
    columns = {c: row.data[c] for c in row.data if normal(c) in endings.COLUMNS}
    row.used.update(columns)
    return endings.said_in({normal(c): value for c, value in columns.items()})


def made_answer(
    row: Row, value, column: str, *, model=None, model_column: str = "model", **fields
) -> AnswerIn:
    name = the_model(row, model, model_column)
    return AnswerIn(
        text=answer_text(value, column), model=name, origin="model" if name else "imported", **fields
    )


def check_prompt(messages: list[dict], column: str) -> list[dict]:
    """`messages` if somebody asks something in them and the last word is not the assistant's."""
    if not messages or messages[-1]["role"] in ("assistant", "system"):
        if messages and messages[-1]["role"] == "assistant":
            raise RowRefused(column, "context", _("The prompt ends with an answer of the assistant."))
        raise RowRefused(column, "empty_prompt", _("The prompt is empty."))
    if not any(m["role"] == "user" and m["content"] and not m["content"].isspace() for m in messages):
        raise RowRefused(column, "empty_prompt", _("The prompt is empty."))
    return messages


def context(row: Row) -> list[dict]:
    """The turns that the columns system, history, prompt/instruction + input, or messages, hold (the answer
    of a conversation included)."""
    system, messages = row.text("system"), []
    if (
        (row.filled("messages") or not row.has("prompt"))
        and row.has("messages")
        and not (row.filled("prompt") and row.has("chosen"))
    ):
        messages = turns.conversation(row.get("messages"), row.name("messages"))
        if row.filled("history"):
            earlier = turns.history(row.get("history"), row.name("history"))
            messages = messages if messages[: len(earlier)] == earlier else [*earlier, *messages]
    else:
        prompt = turns.talk(row.get("prompt"))
        if row.has("history"):
            messages = turns.history(row.get("history"), row.name("history"))
        if isinstance(prompt, (list, dict)):
            if isinstance(prompt, dict) and "messages" in prompt:
                prompt = prompt["messages"]
            messages += turns.conversation(prompt, row.name("prompt"))
        else:
            question = row.text("prompt")
            told = None if row.filled("input") else transcripts.turns_of(question)
            if told is not None and not (told[-1]["role"] == "assistant" and row.answered()):
                return _with_system([*messages, *told], system, row)
            # An instruction and, beside it, what it is about; not the question that a template has taken in
            # already.
            if row.has("input") and not (
                normal(row.name("input")) not in ("input", "输入")
                and _holds(question, row.data[row.name("input")])
            ):
                question = "\n".join(p for p in (question, row.text("input")) if p)
            if not question or question.isspace():
                raise RowRefused(row.name("prompt"), "empty_prompt", _("The prompt is empty."))
            messages.append({"role": "user", "content": question})
    return _with_system(messages, system, row)


def _with_system(messages: list[dict], system: str, row: Row) -> list[dict]:
    if len(messages) > limits.MAX_TURNS:
        raise RowRefused(
            row.name("messages"),
            "too_many_turns",
            _("The conversation has more than %(n)d messages.") % {"n": limits.MAX_TURNS},
        )
    if system:
        if messages and messages[0]["role"] == "system":
            if not same_text(messages[0]["content"], system):
                raise RowRefused(
                    row.name("system"), "two_systems", _("The row has two different system prompts.")
                )
        else:
            messages.insert(0, {"role": "system", "content": system})
    return messages


def _holds(text: str, part) -> bool:
    return not isinstance(part, str) or part.strip() in text


def split_answer(messages: list[dict], column: str) -> tuple[list[dict], str | None]:
    """(the prompt, the last assistant turn's text | None if the conversation ends with the user or a
    tool)."""
    if messages and messages[-1]["role"] == "assistant":
        last = messages[-1]
        if last.get("tool_calls"):
            raise RowRefused(
                column,
                "ends_with_call",
                _("The conversation ends with a tool call: there is no answer to judge."),
            )
        return check_prompt(messages[:-1], column), answer_text(last["content"], column)
    return check_prompt(messages, column), None


def _passages(value):
    """A list of passages that a text holds as JSON; any other text is a passage itself, one that begins with
    a bracket too."""
    if isinstance(value, str) and value.lstrip()[:1] == "[":
        try:
            made = turns.from_json(value, "")
        except RowRefused:
            return value
        if isinstance(made, list) and all(
            isinstance(v, str) or (isinstance(v, dict) and set(v) & set(PASSAGE_KEYS)) for v in made
        ):
            return made
    return value


def _are_passages(value) -> bool:
    """Whether a column beside answers to be ranked holds passages (in a QA file it must). Messages are
    none."""
    if isinstance(value, dict):
        return "role" not in value and any(isinstance(value.get(key), str) for key in PASSAGE_KEYS)
    return isinstance(value, str) or (
        isinstance(value, list)
        and all(isinstance(v, str) or (isinstance(v, dict) and _are_passages(v)) for v in value)
    )


def sources(row: Row) -> list[dict]:
    """[{title, text, url?}] from the source columns; empty passages are none."""
    value, column = _passages(row.get("source")), row.name("source")
    if isinstance(value, dict) and isinstance(value.get("contexts"), list):
        value = value["contexts"]
    title, url = row.text("source_title"), row.text("source_url")
    out = []
    for one in value if isinstance(value, list) else [value]:
        if one is None or one == "":
            continue
        if isinstance(one, dict):
            passage = next((one[k] for k in PASSAGE_KEYS if one.get(k) is not None), None)
            made = {"title": str(one.get("title") or title), "text": turns.text(passage, column)}
            link = str(one.get("url") or one.get("link") or url)
        else:
            made, link = {"title": title, "text": turns.text(one, column)}, url
        out.append(made | {"url": link} if link else made)
    if len(out) > limits.MAX_SOURCES:
        raise RowRefused(
            column, "too_many_sources", _("There are more than %(n)d sources.") % {"n": limits.MAX_SOURCES}
        )
    return out


def entry(row: Row, kind: str, messages: list[dict], answers=(), judgements=()) -> Entry:
    """The entry with what every shape shares: tools, id, given sources, and the columns nobody used as
    metadata."""
    external = as_id(row.get("id"), row.name("id"))
    tools = turns.tools(row.get("tools"), row.name("tools")) if row.has("tools") else None
    asked = row.data[row.columns.of["prompt"]] if row.has("prompt") else None
    # {"input": {"messages": […], "tools": […]}}
    if tools is None and isinstance(asked, dict) and asked.get("tools"):
        tools = turns.tools(asked["tools"], row.name("prompt"))
    found = (
        sources(row)
        if kind == "qa"
        or (kind != "answer" and row.has("source") and _are_passages(row.data[row.name("source")]))
        else []
    )
    unused = [c for c in row.data if c not in row.used]
    metadata = {}
    for column in unused:
        value = row.data[column]
        if value is None or value == "":
            continue
        size = (
            len(value)
            if isinstance(value, str)
            else 1
            if isinstance(value, (int, float))
            else len(canonical_json(value))
        )
        if size <= limits.MAX_METADATA_VALUE:
            metadata[column] = value
        else:
            row.dropped.append(column)
    return Entry(kind, messages, list(answers), list(judgements), tools, found, metadata, external)


def judge_name(row: Row) -> str:
    """Who made the judgement of this row: the column annotator, else "" for the file itself."""
    return as_id(row.get("annotator"), row.name("annotator"))


def verdicts(
    row: Row, names: list[str], places: list[int | None], texts: list[str], models=()
) -> list[JudgementIn]:
    """What each annotator's column says about the answers called `names`, which stand at `places` in `texts`
    (None: missing) and are of `models`."""
    out: dict[str, JudgementIn] = {}
    for name, column in row.columns.judges:
        row.used.add(column)
        value = turns.from_json(row.data[column], column)
        scale = row.scales.get(column, "")
        document = (
            verdict(value, names, places, texts, column, scale=scale, models=models)
            if len(texts) > 1
            else None
        )
        name = name or judge_name(row)
        if document and out.setdefault(name, JudgementIn(document, name)).document != document:
            raise RowRefused(
                column, "contradiction", _("Two columns give different judgements of the same annotator.")
            )
    return list(out.values())
