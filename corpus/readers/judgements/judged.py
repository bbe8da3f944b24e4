"""Rows that judge: preferences, ranked lists, answers in columns with ranks, scores and annotators."""

from django.utils.translation import gettext as _

from corpus import endings
from corpus.canonical import same_text
from corpus.readers import flattened, limits, turns
from corpus.readers.errors import RowRefused
from corpus.readers.fields import normal
from corpus.readers.judgements import judging, orders
from corpus.readers.rows import (
    Row,
    answer_text,
    as_id,
    check_prompt,
    context,
    entry,
    judge_name,
    made_answer,
    split_answer,
    verdicts,
)
from corpus.records import Entry, JudgementIn


def preference(row: Row) -> list[Entry]:
    """chosen/rejected in the known shapes. Both sides must have one and the same context."""
    better = "chosen"
    if not row.has("chosen") and row.has("answer") and (row.filled("answer") or not row.filled("messages")):
        better = "answer"  # a question and its answer, beside them a rejected one
    sides = [turns.talk(row.get(s)) for s in (better, "rejected")]
    names = [row.name(better), row.name("rejected")]
    if row.has("prompt") or row.filled("messages"):
        before = context(row)
    else:
        before = []
        if row.text("system"):
            before = [{"role": "system", "content": row.text("system")}]
    if not row.has(better):  # {"messages": […, the chosen answer], "rejected_response": …}
        before, sides[0] = split_answer(before, row.name("messages"))
        names[0] = row.name("messages")
    contexts, texts = [], []
    for value, column in zip(sides, names, strict=True):
        if isinstance(value, str) and not before:
            value = turns.spoken(value)
            if value is None:
                raise RowRefused(
                    column,
                    "empty_prompt",
                    _("There is no prompt: neither a column of its own nor turns in the answer."),
                )
        if isinstance(value, (list, dict)):
            messages = turns.conversation(value, column)
            if not messages or messages[-1]["role"] != "assistant" or messages[-1].get("tool_calls"):
                raise RowRefused(
                    column, "answer", _("This side does not end with an answer of the assistant.")
                )
            contexts.append(_joined(before, messages[:-1]))
            value = messages[-1]["content"]
        else:
            contexts.append(before)
        texts.append(answer_text(value, column))
    if contexts[0] != contexts[1]:
        raise _differ(names[1])
    messages = check_prompt(
        contexts[0],
        row.name("prompt")
        if row.has("prompt")
        else row.name("messages")
        if row.has("messages")
        else names[0],
    )
    if same_text(*texts):
        raise RowRefused(names[1], "same_answers", _("The chosen and the rejected answer are the same text."))
    cuts = [_side_ending(row, side, column) for side, column in zip(sides, names, strict=True)]
    answers = [
        made_answer(row, text, column, cut=cut) for text, column, cut in zip(texts, names, cuts, strict=True)
    ]
    judgements = [
        JudgementIn({"ranking": [[0], [1]]}, judge_name(row)),
        *verdicts(row, ["chosen", "rejected"], [0, 1], texts),
    ]
    return [entry(row, "ranking", messages, answers, judgements)]


def _side_ending(row: Row, side, column: str) -> str:
    """Where one side of a preference was cut off: said in its last message, or in a column that is named
    after its own."""
    beside = {f"{name}_{normal(column)}" for name in endings.COLUMNS} | {
        f"{normal(column)}_{name}" for name in endings.COLUMNS
    }
    columns = [c for c in row.data if normal(c) in beside]
    row.used.update(columns)
    said = next((found for c in columns if (found := endings.ending_of(row.data[c]))), "")
    return said or (
        endings.said_in(side[-1]) if isinstance(side, list) and side and isinstance(side[-1], dict) else ""
    )


def _differ(column: str) -> RowRefused:
    return RowRefused(
        column, "contexts_differ", _("The two answers do not have the same conversation before them.")
    )


def _joined(before: list[dict], more: list[dict]) -> list[dict]:
    """The context of one side: its own turns where they begin or end with `before`, else `before` and then
    its own."""
    asked = [m for m in before if m["role"] != "system"]
    said = [m for m in more if m["role"] != "system"]
    if asked and asked in (said[: len(asked)], said[-len(asked) :]):
        system = [m for m in before if m["role"] == "system"] or [m for m in more if m["role"] == "system"]
        return [*system, *said]
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
    if not answers:
        raise RowRefused(column, "empty_answer", _("The answer is empty."))
    document = judging.checked([[i] for i in range(len(answers))], [a.text for a in answers], column)
    return [
        entry(row, "ranking", messages, answers, [JudgementIn(document, judge_name(row))] if document else [])
    ]


def answer_list(row: Row) -> list[Entry]:
    """One column with a list of answers (texts, or objects with text, rank, score, model), beside it ranks or
    scores."""
    column = row.name("answers")
    value = turns.from_json(row.get("answers"), column)
    if isinstance(value, dict):
        value = [{"model": model, "answer": text} for model, text in value.items()]
    if not isinstance(value, list):
        raise RowRefused(
            column,
            "type",
            _("A list of answers is needed here, not %(type)s.") % {"type": turns.type_name(value)},
        )
    names = [str(i) for i in range(1, len(value) + 1)]
    models = turns.from_json(row.get("models"), row.name("models"))
    if models is not None and (not isinstance(models, list) or len(models) != len(value)):
        raise RowRefused(row.name("models"), "length", _("There must be one entry for each answer."))
    models = [_model_of(one) or (models and models[i]) for i, one in enumerate(value)]
    ranks, scores = (_of_all(row, kind, names, models) for kind in ("rank", "score"))
    found: list[tuple] = []
    places: list[int | None] = []
    for i, one in enumerate(value):
        rank, score, identity = ranks[i], scores[i], None
        if isinstance(one, dict):
            text = next(
                (
                    one[k]
                    for k in ("answer", "response", "text", "content", "completion", "output", "value")
                    if k in one
                ),
                None,
            )
            rank = one.get("rank", rank)
            score = next(
                (one[k] for k in ("overall_score", "score", "rating", "pm_score") if one.get(k) is not None),
                score,
            )
            identity = next(
                (one[k] for k in ("answer_id", "response_id", "id") if one.get(k) is not None), None
            )
            cut = endings.said_in(one)
        else:
            text, cut = one, ""
        if text is None or text == "":
            places.append(None)
            continue
        places.append(len(found))
        identity = as_id(identity, column) if identity is not None else ""
        found.append(
            (made_answer(row, text, column, model=models[i], external_id=identity, cut=cut), rank, score)
        )
    messages = check_prompt(context(row), row.name("prompt"))
    if len(found) == 1 and row.has("source") and not row.columns.judges:
        return [entry(row, "qa", messages, [found[0][0]])]
    return [
        _ranked(
            row,
            messages,
            column,
            found,
            names,
            places,
            row.name("ranks"),
            row.name("scores") if row.has("scores") else column,
        )
    ]


def _model_of(answer):
    """The model that an answer given as an object names."""
    return (
        next((answer[k] for k in ("model", "model_id", "model_name") if answer.get(k)), None)
        if isinstance(answer, dict)
        else None
    )


def _ranked(
    row: Row,
    messages: list,
    column: str,
    found: list[tuple],
    names: list[str],
    places: list[int | None],
    rank_column: str,
    score_column: str,
) -> Entry:
    """The entry of several answers. `found`: (answer, rank, score); `names`, `places`: see rows.verdicts.
    What a column of the file itself says (winner) stands above how strongly it prefers one of two, that
    above its ranks, and those above its scores."""
    answers = [a for a, _rank, _score in found]
    if not answers:
        raise RowRefused(column, "empty_answer", _("The answer is empty."))
    if len(answers) > limits.MAX_ANSWERS:
        raise RowRefused(
            column, "too_many_answers", _("There are more than %(n)d answers.") % {"n": limits.MAX_ANSWERS}
        )
    texts = [a.text for a in answers]
    ranks = [judging.number(r, rank_column) for _a, r, _s in found]
    scores = [judging.number(s, score_column) for _a, _r, s in found]
    own = judging.ranking_by(
        ranks, texts, rank_column, low_is_best=row.scales.get(rank_column) != "high-best"
    )
    own = own or judging.ranking_by(
        scores, texts, score_column, low_is_best=row.scales.get(score_column) == "low-best"
    )
    judgements = verdicts(row, names, places, texts, [a.model for a in answers])
    judgements += flattened.judgements(
        row, names, places, texts, [column for _suffix, column in row.columns.answers] or names
    )
    if not any(j.annotator == judge_name(row) for j in judgements):
        if row.has("strength") and len(names) == len(found) == 2:
            scale = row.scales.get(row.name("strength"), "minus-first")
            own = judging.by_strength(row.get("strength"), texts, row.name("strength"), scale) or own
        if own:
            judgements.insert(0, JudgementIn(own, judge_name(row)))
    return entry(row, "ranking", messages, answers, judgements)


def answer_columns(row: Row) -> list[Entry]:
    """answer_a, answer_b … in columns of their own, with ranks, scores, models (each in a column of its own,
    or in a list), and one column per annotator."""
    columns, found = row.columns.answers, []
    names = [suffix for suffix, _column in columns]
    places: list[int | None] = []
    models = _models(row)
    ends = _beside(row, "finish_reason") or [None] * len(columns)
    ranks, scores = (_beside(row, kind) or _of_all(row, kind, names, models) for kind in ("rank", "score"))
    conversation = None
    for (_suffix, column), rank, score, model, end in zip(columns, ranks, scores, models, ends, strict=True):
        row.used.add(column)
        value = row.data[column]
        if value in (None, "", []):
            places.append(None)
            continue
        if isinstance(value, list) and value and isinstance(value[0], dict) and "type" not in value[0]:
            messages = turns.conversation(value, column)
            if (
                len(messages) == 1
                and messages[0]["role"] == "assistant"
                and not messages[0].get("tool_calls")
            ):
                value = messages[0]["content"]
            else:
                before, value = split_answer(messages, column)
                if conversation is not None and before != conversation:
                    raise _differ(column)
                conversation = before
        places.append(len(found))
        found.append((made_answer(row, value, column, model=model, cut=endings.ending_of(end)), rank, score))
    if conversation is None or row.has("prompt"):
        asked = check_prompt(context(row), row.name("prompt"))
        if conversation is None or asked[-len(conversation) :] == conversation:
            conversation = asked
        elif conversation[-len(asked) :] != asked:
            raise _differ(row.name("prompt"))
    return [
        _ranked(
            row,
            conversation,
            columns[0][1],
            found,
            names,
            places,
            _scaled(row, "rank"),
            _scaled(row, "score"),
        )
    ]


def _scaled(row: Row, kind: str) -> str:
    """The column of ranks or scores to be named in a refusal; of one for each answer the one that was given a
    scale."""
    of = list(row.columns.numbered.get(kind, {}).values()) or [row.name(f"{kind}s")]
    return next((column for column in of if column in row.scales), of[0])


def _beside(row: Row, kind: str) -> list:
    """The rank, score, model or finish_reason of each answer column in a column of its own; empty where there
    is none."""
    of = row.columns.numbered.get(kind, {})
    row.used.update(of.values())
    return (
        [row.data[of[suffix]] if suffix in of else None for suffix, _column in row.columns.answers]
        if of
        else []
    )


def _models(row: Row) -> list:
    """The model of each answer: as the row names it, else as it is named for the whole column."""
    said = _beside(row, "model") or _list_of_models(row)
    named = [row.columns.models.get(suffix) for suffix, _column in row.columns.answers]
    return [one if one not in (None, "") else name for one, name in zip(said, named, strict=True)]


def _list_of_models(row: Row) -> list:
    many = len(row.columns.answers)
    value = turns.from_json(row.data[row.name("models")], row.name("models")) if row.has("models") else None
    if isinstance(value, list) and len(value) == many:
        row.used.add(row.name("models"))
        return value
    return [None] * many


def _of_all(row: Row, kind: str, names: list[str], models: list) -> list[float | None]:
    """The rank or score of each answer as one column says it of all."""
    column = row.name(f"{kind}s")
    told_apart = flattened.listed(row, column)
    if flattened.is_of_people(told_apart) or flattened.is_of_a_ranker(row, told_apart):
        return [None] * len(names)
    scale = row.scales.get(column, "")
    return orders.numbers(
        row.get(f"{kind}s"), names, column, models=models, scale=scale, ranked=kind == "rank"
    )
