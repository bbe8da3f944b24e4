"""From a row to entries: one small function per shape of data."""

from collections.abc import Callable
from dataclasses import dataclass, field

from django.utils.translation import gettext as _

from corpus.canonical import canonical_json, same_text
from corpus.readers import judging, limits, turns
from corpus.readers.errors import RowRefused
from corpus.readers.fields import Columns
from corpus.records import AnswerIn, Entry, JudgementIn

PASSAGE_KEYS = ("text", "content", "passage", "context", "page_content")


@dataclass(slots=True)
class Row:
    """One row with the meaning of its columns."""

    data: dict
    columns: Columns
    model: str | None = None  # given for the whole file
    used: set = field(default_factory=set)

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

    def filled(self, ours: str) -> bool:
        column = self.columns.of.get(ours)
        return column is not None and self.data[column] not in (None, "", [], {})


def as_id(value, column: str) -> str:
    """An id or model name as text: a text as it is, a whole number by its digits; "" for null."""
    if value is None:
        return ""
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    elif isinstance(value, float) and value.is_integer():
        value = str(int(value))
    if not isinstance(value, str) or len(value) > limits.MAX_ID:
        raise RowRefused(column, "id", _("An id must be a text of at most %(n)d characters or a whole number.") % {"n": limits.MAX_ID})
    return value


def answer_text(value, column: str) -> str:
    """An answer that says something. RowRefused for an empty one."""
    if value is None:
        raise RowRefused(column, "empty_answer", _("The answer is empty."))
    made = turns.text(value, column)
    if not made.strip():
        raise RowRefused(column, "empty_answer", _("The answer is empty."))
    return made


def the_model(row: Row, value=None, column: str = "model") -> str | None:
    return row.model or as_id(value if value is not None else row.get("model"), column) or None


def made_answer(row: Row, value, column: str, *, model=None, model_column: str = "model", **fields) -> AnswerIn:
    name = the_model(row, model, model_column)
    return AnswerIn(text=answer_text(value, column), model=name, origin="model" if name else "imported", **fields)


def check_prompt(messages: list[dict], column: str) -> list[dict]:
    """`messages` if somebody asks something in them and the last word is not the assistant's."""
    if not messages or messages[-1]["role"] in ("assistant", "system"):
        if messages and messages[-1]["role"] == "assistant":
            raise RowRefused(column, "context", _("The prompt ends with an answer of the assistant."))
        raise RowRefused(column, "empty_prompt", _("The prompt is empty."))
    if not any(m["role"] == "user" and m["content"].strip() for m in messages):
        raise RowRefused(column, "empty_prompt", _("The prompt is empty."))
    return messages


def context(row: Row) -> list[dict]:
    """The turns that the columns system, history, prompt/instruction + input, or messages, hold (the answer of a conversation included)."""
    system, messages = row.text("system"), []
    if (row.filled("messages") or not row.has("prompt")) and row.has("messages") and not (row.filled("prompt") and row.has("chosen")):
        messages = turns.conversation(row.get("messages"), row.name("messages"))
    else:
        prompt = turns.talk(row.get("prompt"))
        if row.has("history"):
            messages = turns.history(row.get("history"), row.name("history"))
        if isinstance(prompt, (list, dict)):
            if isinstance(prompt, dict) and "messages" in prompt:
                prompt = prompt["messages"]
            messages += turns.conversation(prompt, row.name("prompt"))
        else:
            parts = [row.text("prompt"), row.text("input")]
            question = "\n".join(p for p in parts if p)
            if not question.strip():
                raise RowRefused(row.name("prompt"), "empty_prompt", _("The prompt is empty."))
            messages.append({"role": "user", "content": question})
    if len(messages) > limits.MAX_TURNS:
        raise RowRefused(row.name("messages"), "too_many_turns", _("The conversation has more than %(n)d messages.") % {"n": limits.MAX_TURNS})
    if system:
        if messages and messages[0]["role"] == "system":
            if not same_text(messages[0]["content"], system):
                raise RowRefused(row.name("system"), "two_systems", _("The row has two different system prompts."))
        else:
            messages.insert(0, {"role": "system", "content": system})
    return messages


def split_answer(messages: list[dict], column: str) -> tuple[list[dict], str | None]:
    """(the prompt, the last assistant turn's text | None if the conversation ends with the user or a tool)."""
    if messages and messages[-1]["role"] == "assistant":
        last = messages[-1]
        if last.get("tool_calls"):
            raise RowRefused(column, "ends_with_call", _("The conversation ends with a tool call: there is no answer to judge."))
        return check_prompt(messages[:-1], column), answer_text(last["content"], column)
    return check_prompt(messages, column), None


def _passages(value):
    """A list of passages that a text holds as JSON; any other text is a passage itself, one that begins with a bracket too."""
    if isinstance(value, str) and value.lstrip()[:1] == "[":
        try:
            made = turns.from_json(value, "")
        except RowRefused:
            return value
        if isinstance(made, list) and all(isinstance(v, str) or (isinstance(v, dict) and set(v) & set(PASSAGE_KEYS)) for v in made):
            return made
    return value


def sources(row: Row) -> list[dict]:
    """[{title, text, url?}] from the source columns; empty passages are none."""
    value, column = _passages(row.get("source")), row.name("source")
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
        raise RowRefused(column, "too_many_sources", _("There are more than %(n)d sources.") % {"n": limits.MAX_SOURCES})
    return out


def entry(row: Row, kind: str, messages: list[dict], answers=(), judgements=()) -> Entry:
    """The entry with what every shape shares: tools, id, given sources, and the columns nobody used as metadata."""
    external = as_id(row.get("id"), row.name("id"))
    tools = turns.tools(row.get("tools"), row.name("tools")) if row.has("tools") else None
    found = sources(row) if kind == "qa" else []
    unused = [c for c in row.data if c not in row.used]
    metadata = {}
    for column in unused:
        value = row.data[column]
        if value is None or value == "":
            continue
        size = len(value) if isinstance(value, str) else 1 if isinstance(value, (int, float)) else len(canonical_json(value))
        if size <= limits.MAX_METADATA_VALUE:
            metadata[column] = value
    return Entry(kind, messages, list(answers), list(judgements), tools, found, metadata, external)


# ---- the shapes ------------------------------------------------------------------------------------------------------------


def prompts(row: Row) -> list[Entry]:
    messages = context(row)
    return [entry(row, "prompt", check_prompt(messages, row.name("messages") if row.filled("messages") else row.name("prompt")))]


def answered(row: Row) -> list[Entry]:
    """alpaca: a question and its answer. With a model named for the file the answers are there to be judged, else to be learnt."""
    messages = check_prompt(context(row), row.name("prompt"))
    answer = made_answer(row, row.get("answer"), row.name("answer"), external_id=as_id(row.get("answer_id"), row.name("answer_id")))
    if row.model:
        return [entry(row, "ranking", messages, [answer])]
    answer.is_target = True
    return [entry(row, "sft", messages, [answer])]


def conversations(row: Row) -> list[Entry]:
    """sharegpt / chatml: the last assistant turn is the answer, all before it the prompt."""
    column = row.name("messages")
    messages, answer = split_answer(context(row), column)
    if answer is None:
        return [entry(row, "prompt", messages)]
    made = made_answer(row, answer, column)
    made.is_target = not row.model
    return [entry(row, "ranking" if row.model else "sft", messages, [made])]


def qa(row: Row) -> list[Entry]:
    messages = check_prompt(context(row), row.name("prompt"))
    return [entry(row, "qa", messages, [made_answer(row, row.get("answer"), row.name("answer"))])]


def kto(row: Row) -> list[Entry]:
    good = judging.label(row.get("label"), row.name("label"))
    if row.filled("messages") and not row.has("answer"):
        column = row.name("messages")
        messages, answer = split_answer(context(row), column)
    else:
        column, messages = row.name("answer"), check_prompt(context(row), row.name("prompt"))
        answer = row.get("answer")
        answer = turns.talk(answer)
        if isinstance(answer, list):
            answer = _one_answer(answer, column)
    if answer is None:
        raise RowRefused(column, "empty_answer", _("The answer is empty."))
    document = {"ranking": [[0]], "acceptable": int(good)}
    return [entry(row, "ranking", messages, [made_answer(row, answer, column)], [JudgementIn(document)])]


def answers_to_known(row: Row) -> list[Entry]:
    """An answer to a prompt that is known by its id (files joined on an id)."""
    external = as_id(row.get("id"), row.name("id"))
    if not external:
        raise RowRefused(row.name("id"), "id", _("The id of the prompt is missing."))
    value, column = row.get("answer"), row.name("answer")
    if not row.has("answer") and row.filled("messages"):
        column = row.name("messages")
        _prompt, value = split_answer(turns.conversation(row.get("messages"), column), column)
    made = made_answer(row, value, column, external_id=as_id(row.get("answer_id"), row.name("answer_id")))
    for ours in ("prompt", "input", "system", "history", "messages"):
        row.get(ours)
    out = entry(row, "answer", [], [made])
    made.parameters, out.metadata = out.metadata or None, {}
    return [out]


def _one_answer(value: list, column: str) -> str | None:
    """The text of a completion given as a list with one assistant message."""
    messages = turns.conversation(value, column)
    if len(messages) != 1 or messages[0]["role"] != "assistant" or messages[0].get("tool_calls"):
        raise RowRefused(column, "answer", _("The answer must be one message of the assistant."))
    return messages[0]["content"]


def preference(row: Row) -> list[Entry]:
    """chosen/rejected in the known shapes. Both sides must have one and the same context."""
    sides = [turns.talk(row.get(s)) for s in ("chosen", "rejected")]
    names = [row.name("chosen"), row.name("rejected")]
    if row.has("prompt") or row.filled("messages"):
        before = context(row)
    else:
        before = []
        if row.text("system"):
            before = [{"role": "system", "content": row.text("system")}]
    if not row.has("chosen"):  # {"messages": […, the chosen answer], "rejected_response": …}
        before, sides[0] = split_answer(before, row.name("messages"))
        names[0] = row.name("messages")
    contexts, texts = [], []
    for value, column in zip(sides, names, strict=True):
        if isinstance(value, str) and not before:
            value = turns.spoken(value)
            if value is None:
                raise RowRefused(column, "empty_prompt", _("There is no prompt: neither a column of its own nor turns in the answer."))
        if isinstance(value, (list, dict)):
            messages = turns.conversation(value, column)
            if not messages or messages[-1]["role"] != "assistant" or messages[-1].get("tool_calls"):
                raise RowRefused(column, "answer", _("This side does not end with an answer of the assistant."))
            contexts.append(_joined(before, messages[:-1]))
            value = messages[-1]["content"]
        else:
            contexts.append(before)
        texts.append(answer_text(value, column))
    if contexts[0] != contexts[1]:
        raise RowRefused(names[1], "contexts_differ", _("The two answers do not have the same conversation before them."))
    messages = check_prompt(contexts[0], row.name("prompt") if row.has("prompt") else row.name("messages") if row.has("messages") else names[0])
    if same_text(*texts):
        raise RowRefused(names[1], "same_answers", _("The chosen and the rejected answer are the same text."))
    answers = [made_answer(row, text, column) for text, column in zip(texts, names, strict=True)]
    return [entry(row, "ranking", messages, answers, [JudgementIn({"ranking": [[0], [1]]})])]


def _joined(before: list[dict], more: list[dict]) -> list[dict]:
    """The context of one side: its own turns where they repeat `before`, else `before` and then its own."""
    if more[: len(before)] == before:
        return more
    without_system = [m for m in before if m["role"] != "system"]
    if without_system and more[: len(without_system)] == without_system:
        return [*before, *more[len(without_system) :]]
    return [*before, *more]


def ranked_texts(row: Row) -> list[Entry]:
    """rank1 … rankN hold the answers, best first; an empty cell ends nothing, it is no answer."""
    messages = check_prompt(context(row), row.name("prompt"))
    answers = []
    for column in row.columns.ranked_texts:
        row.used.add(column)
        if row.data[column] not in (None, ""):
            answers.append(made_answer(row, row.data[column], column))
    column = row.columns.ranked_texts[0]
    _enough(answers, column)
    document = judging.checked([[i] for i in range(len(answers))], [a.text for a in answers], column)
    return [entry(row, "ranking", messages, answers, [JudgementIn(document)] if document else [])]


def _enough(answers: list, column: str) -> None:
    if not answers:
        raise RowRefused(column, "empty_answer", _("The answer is empty."))
    if len(answers) > limits.MAX_ANSWERS:
        raise RowRefused(column, "too_many_answers", _("There are more than %(n)d answers.") % {"n": limits.MAX_ANSWERS})


def answer_list(row: Row) -> list[Entry]:
    """One column with a list of answers (texts, or objects with text, rank, score, model), beside it ranks or scores."""
    column = row.name("answers")
    value = turns.from_json(row.get("answers"), column)
    if not isinstance(value, list):
        raise RowRefused(column, "type", _("A list of answers is needed here, not %(type)s.") % {"type": turns.type_name(value)})
    beside = {}
    for ours in ("ranks", "scores", "models"):
        given = turns.from_json(row.get(ours), row.name(ours)) if row.has(ours) else None
        if given is not None and (not isinstance(given, list) or len(given) != len(value)):
            raise RowRefused(row.name(ours), "length", _("There must be one entry for each answer."))
        beside[ours] = given
    found = []
    for i, one in enumerate(value):
        rank, score, model, identity = (beside["ranks"] or {i: None})[i], (beside["scores"] or {i: None})[i], (beside["models"] or {i: None})[i], None
        if isinstance(one, dict):
            text = next((one[k] for k in ("answer", "response", "text", "content", "completion", "output", "value") if k in one), None)
            rank = one.get("rank", rank)
            score = next((one[k] for k in ("overall_score", "score", "rating") if one.get(k) is not None), score)
            model = next((one[k] for k in ("model", "model_id", "model_name") if one.get(k)), model)
            identity = next((one[k] for k in ("answer_id", "response_id", "id") if one.get(k) is not None), None)
        else:
            text = one
        if text is None or text == "":
            continue
        found.append((made_answer(row, text, column, model=model, external_id=as_id(identity, column)), rank, score))
    return [_ranked(row, column, found, row.name("ranks"), row.name("scores"))]


def _ranked(row: Row, column: str, found: list[tuple], rank_column: str, score_column: str) -> Entry:
    answers = [a for a, _rank, _score in found]
    _enough(answers, column)
    messages = check_prompt(context(row), row.name("prompt"))
    texts = [a.text for a in answers]
    ranks = [judging.number(r, rank_column) for _a, r, _s in found]
    scores = [judging.number(s, score_column) for _a, _r, s in found]
    document = judging.ranking_by(ranks, texts, rank_column, low_is_best=True) or judging.ranking_by(scores, texts, score_column, low_is_best=False)
    judgements = [JudgementIn(document)] if document else []
    return entry(row, "ranking", messages, answers, judgements)


def answer_columns(row: Row) -> list[Entry]:
    """answer_a, answer_b … in columns of their own, with ranks, scores, models, and one column per annotator."""
    numbered, found = row.columns.numbered, []
    places: list[int | None] = []
    conversation = None
    row.used.update(column for _name, column in row.columns.judges)
    for suffix, column in row.columns.answers:
        row.used.add(column)
        values = {}
        for kind in ("rank", "score", "model"):
            if suffix in numbered.get(kind, {}):
                row.used.add(numbered[kind][suffix])
                values[kind] = row.data[numbered[kind][suffix]]
        value = row.data[column]
        if value in (None, "", []):
            places.append(None)
            continue
        if isinstance(value, list) and value and isinstance(value[0], dict) and "type" not in value[0]:
            before, value = split_answer(turns.conversation(value, column), column)
            if conversation is not None and before != conversation:
                raise RowRefused(column, "contexts_differ", _("The two answers do not have the same conversation before them."))
            conversation = before
        found.append((made_answer(row, value, column, model=values.get("model")), values.get("rank"), values.get("score")))
        places.append(len(found) - 1)
    first = row.columns.answers[0][1]
    if conversation is not None and not row.has("prompt"):
        _enough([a for a, _r, _s in found], first)
        made = entry(row, "ranking", conversation, [a for a, _r, _s in found])
    else:
        made = _ranked(row, first, found, next(iter(numbered.get("rank", {}).values()), "rank"), next(iter(numbered.get("score", {}).values()), "score"))
    texts, names = [a.text for a in made.answers], [suffix for suffix, _column in row.columns.answers]
    for name, column in row.columns.judges:
        document = judging.verdict(row.data[column], names, places, texts, column) if len(found) > 1 else None
        if document:
            made.judgements.append(JudgementIn(document, name))
    return [made]


def tree(row: Row) -> list[Entry]:
    from corpus.readers.tree import sibling_sets

    return sibling_sets(row)


SHAPES: dict[str, Callable[[Row], list[Entry]]] = {
    "alpaca": answered,
    "sharegpt": conversations,
    "chatml": conversations,
    "preference": preference,
    "kto": kto,
    "ranked": ranked_texts,
    "ranked_list": answer_list,
    "pairs": answer_columns,
    "qa": qa,
    "prompts": prompts,
    "answers": answers_to_known,
    "tree": tree,
}
