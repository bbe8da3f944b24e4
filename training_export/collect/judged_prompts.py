"""From the database to judged prompts: streams them as they stood at one Event. Memory is
that of one chunk; the number of queries is the same for every 1,000 prompts."""

import contextlib
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass

from django.db.models import Count, Q, TextField, Value
from django.db.models.functions import Cast, StrIndex

from annotation.document import QUESTION, TURN, Judgement
from annotation.models import AnnotationVersion, Annotator, Consensus, Item, ItemAnswer, ItemTag, Review
from corpus import canonical
from corpus.models import Prompt, PromptOrigin, Response
from feedback.models import Message
from training_export.collect.consistent_read import Reading, document_of, from_json
from training_export.collect.rows import HeadRow, ItemRow, PromptRow, ResponseRow, RulingRow
from training_export.curate import splits
from training_export.curate.examples import Answer
from training_export.curate.judged_prompts import AttributedJudgement, Judged, JudgedAnswer, JudgedPrompt
from training_export.curate.targets import contexts_made
from training_export.publish.faults import Unreadable, column_fault, shape_fault

CHUNK = 1000
GROUP_DIGITS = 16  # of the prompt's content hash: its stable id in data


@dataclass(slots=True)
class ReadPrompt:
    """A judged prompt with the keys that decide on which side of a split it stands. `wrong`: what was raised
    by what is stored of the prompt, if nothing could be made of it (`prompt` then has no answers), and
    `fault` the code of what is wrong with it; "" where that cannot be told."""

    prompt: JudgedPrompt
    keys: frozenset
    wrong: Exception | None = None
    fault: str = ""


def stream(project, reading: Reading, *, split_by: str = "") -> Iterator[list[ReadPrompt]]:
    """Chunks of judged prompts in the order of the prompts' ids. `split_by` names the keys to find ("" for
    none)."""
    last = 0
    while True:
        prompts = list(
            reading.rows_as(
                PromptRow,
                _prompts(project, reading).filter(id__gt=last).order_by("id")[:CHUNK],
            )
        )
        if not prompts:
            return
        last = prompts[-1].pk
        yield _chunk(project, reading, prompts, split_by)


def prompts_in(project, reading: Reading) -> int:
    """How many prompts `stream` reads."""
    counting = _prompts(project, reading).values("project").annotate(n=Count("id")).values_list("n")
    return next(iter(reading.rows(counting)), (0,))[0]


def _prompts(project, reading: Reading):
    return Prompt.objects.filter(project=project, event_id__lte=reading.as_of)


def _chunk(project, reading: Reading, prompts: list[PromptRow], split_by: str) -> list[ReadPrompt]:
    ids = [p.pk for p in prompts]
    as_of = reading.as_of
    # What is hidden keeps its prompt back, whenever the item came.
    there = Item.objects.filter(Q(event_id__lte=as_of) | Q(hidden=True), **_these("prompt", ids))
    items = list(reading.rows_as(ItemRow, there.order_by("id")))
    responses = _responses(reading, ids)
    slots: dict[int, dict[int, list[int]]] = {}
    judgements: dict[int, list[AttributedJudgement]] = {}
    tags: dict[int, list[str]] = {}
    if items:
        of_items = _these("item", [i.pk for i in items])
        for item, response, slot in reading.rows(
            ItemAnswer.objects.filter(**of_items)
            .order_by("item_id", "id")
            .values_list("item_id", "response_id", "slot")
        ):
            slots.setdefault(item, {}).setdefault(slot, []).append(response)
        for item, name in reading.rows(
            ItemTag.objects.filter(**of_items).order_by("name").values_list("item_id", "name")
        ):
            tags.setdefault(item, []).append(name)
        judgements = _judgements(reading, of_items, as_of)
    origins, turns = _origins(reading, ids)
    users = _users(reading, turns) if split_by in ("user", splits.EVERY) else {}
    items_of: dict[int, list] = defaultdict(list)
    for item in items:
        items_of[item.prompt].append(item)
    key = bytes(project.hash_key)
    out = []
    for pk, messages, tools, sources, language, content_hash, metadata in prompts:
        stored: list = [messages, tools, sources]
        try:
            messages, tools, sources = stored = [
                from_json(messages),
                (from_json(tools) or None) if tools else None,
                from_json(sources) if sources != "[]" else [],
            ]
            if fault := shape_fault(messages, tools, sources):
                raise Unreadable(fault)
            prompt = JudgedPrompt(
                messages,
                content_hash[:GROUP_DIGITS],
                tools=tools,
                sources=sources or [],
                language=language,
                pk=pk,
                origins=origins.get(pk, []),
                identify=_identify(key, tools, sources or []),
            )
            _answers(prompt, responses.get(pk, ()), items_of.get(pk, ()), slots, judgements, as_of)
            if tags:
                prompt.tags = tuple(
                    sorted({name for item in items_of.get(pk, ()) for name in tags.get(item.pk, ())})
                )
            keys: frozenset = frozenset()
            if split_by:
                keys = _keys(split_by, messages, sources or [], users.get(pk, set()), metadata)
            out.append(ReadPrompt(prompt, keys))
        except Exception as wrong:
            fault = (
                wrong.code
                if isinstance(wrong, Unreadable)
                else column_fault(*stored, *(row.turns for row in responses.get(pk, ())))
            )
            out.append(
                ReadPrompt(
                    JudgedPrompt([], content_hash[:GROUP_DIGITS], pk=pk, origins=origins.get(pk, [])),
                    frozenset(),
                    wrong,
                    fault,
                )
            )
    return out


def _these(field: str, ids: list[int]) -> dict:
    """A filter for rows of `ids` (sorted): as a range where they lie close together, which the database reads
    faster than a list. What else lies in the range (another project's rows) is read along and never looked
    at."""
    ids = sorted(ids)
    if ids[-1] - ids[0] < 2 * len(ids):
        return {f"{field}__gte": ids[0], f"{field}__lte": ids[-1]}
    return {f"{field}__in": ids}


def _identify(key: bytes, tools, sources):
    return lambda messages: canonical.prompt_hash(key=key, messages=messages, tools=tools, sources=sources)[
        :GROUP_DIGITS
    ]


def _responses(reading: Reading, prompt_ids: list) -> dict[int, list[ResponseRow]]:
    found: dict[int, list[ResponseRow]] = {}
    # the index has this order: nothing to sort
    rows = Response.objects.filter(**_these("prompt", prompt_ids)).order_by("prompt_id", "id")
    for row in reading.rows_as(ResponseRow, rows):
        found.setdefault(row.prompt, []).append(row)
    return found


def _judgements(reading: Reading, of_items: dict, as_of: int) -> dict[int, list[AttributedJudgement]]:
    """{item: [judgement without slots]}: each annotation's version in force at `as_of` with its standing, and
    the settled version."""
    heads: dict[int, HeadRow] = {}
    versions = AnnotationVersion.objects.filter(
        **{f"annotation__{k}": v for k, v in of_items.items()}, event_id__lte=as_of
    ).order_by("annotation_id", "number")
    for head in reading.rows_as(HeadRow, versions):
        heads[head.annotation] = head
    decisions: dict[int, str] = {}
    reviews = Review.objects.filter(
        **{f"version__annotation__{k}": v for k, v in of_items.items()}, event_id__lte=as_of
    ).order_by("event_id", "id")
    for version, decision in reading.rows(reviews.values_list("version_id", "decision")):
        decisions[version] = decision
    settled: dict[int, RulingRow] = {}
    rulings = Consensus.objects.filter(**of_items, event_id__lte=as_of).order_by("event_id", "id")
    for ruling in reading.rows_as(RulingRow, rulings):
        settled[ruling.item] = ruling
    judgements: dict[int, list[AttributedJudgement]] = {}
    for head in heads.values():
        said: HeadRow | RulingRow = head
        decided = settled.get(head.item)
        imported = head.source != Annotator.Source.PERSON
        if decided is not None and decided.annotation == head.annotation:
            said, status = decided, "settled"
        else:
            status = _standing(head.practice, head.action, decisions.get(head.version), imported)
        judgement = AttributedJudgement(
            said.pseudonym,
            Judged(said.version),
            said.event,
            status,
            Judgement(document_of(said.document)),
            head.item,
            imported=imported,
        )
        judgements.setdefault(head.item, []).append(judgement)
    return judgements


def _standing(practice: bool, action: str, decision: str | None, imported: bool) -> str:
    if practice:
        return "practice"
    # a ruling in force is the settlement itself, and does not come here
    if action in (AnnotationVersion.Action.UNDO, AnnotationVersion.Action.RULING):
        return "withdrawn"
    if decision is not None:
        return "accepted" if decision == Review.Decision.ACCEPT else "returned"
    return "imported" if imported else "raw"


def _answers(prompt: JudgedPrompt, responses, items, slots: dict, judgements: dict, as_of: int) -> None:
    """Fill in the prompt's distinct answers, its judgements with their slots, and which of its items are
    hidden. An answer that came after the event is none, unless it was judged: then it took the place of an
    equal one that is gone."""
    index_of: dict[str, int] = {}
    place: dict[int, int] = {}
    answers = prompt.answers
    judged: frozenset[int] | None = None
    for _prompt, pk, text, turns, origin, model, text_hash, is_target, given, event, cut in responses:
        if event > as_of:
            if judged is None:
                judged = frozenset(
                    shown[0]
                    for item in items
                    if item.pk in judgements
                    for shown in slots.get(item.pk, {}).values()
                )
            if pk not in judged:
                continue
        index = index_of.get(text_hash)
        if origin == "model" and model:
            origin = f"model:{model}"
        if index is None:
            index = index_of[text_hash] = len(answers)
            answers.append(JudgedAnswer(Answer(text, _own_turns(turns), origin), text_hash, [], [], [], {}))
        elif (origin, text) < (answers[index].answer.origin, answers[index].answer.text):
            # Of equal ones the same is written in whatever order they came.
            answers[index].answer = Answer(text, _own_turns(turns), origin)
        answer = answers[index]
        place[pk] = index
        if event > as_of:
            continue
        answer.responses.append(pk)
        if cut:
            answer.cut = True
        if model:
            answer.models.append(model)
        if is_target:
            answer.targets.append(pk)
        given = from_json(given) if given else None
        if given or answer.givens:
            # From the first answer with something of its own on, those without are told apart, too.
            if not answer.givens and len(answer.responses) > 1:
                answer.givens["null"] = None
            answer.givens[canonical.canonical_json(given or None)] = given or None
    for item, _prompt, hidden in items:
        if hidden:
            prompt.hidden.append(item)
        of_item = judgements.get(item)
        if of_item:
            shown = slots.get(item, {})
            indexes = tuple([place[shown[n][0]] for n in sorted(shown)])
            for judgement in of_item:
                judgement.slots = indexes
            prompt.judgements += of_item


def _own_turns(stored) -> tuple:
    """An answer's own turns; Unreadable where they are none."""
    turns = from_json(stored) if stored else None
    if turns and (fault := shape_fault([], turns=turns)):
        raise Unreadable(fault)
    return tuple(turns) if turns else ()


def _origins(reading: Reading, prompt_ids: list) -> tuple[dict[int, list], dict[int, list]]:
    """({prompt: where it came from}, {prompt: message ids of the conversations it came from})."""
    found: dict[int, list] = {}
    turns: dict[int, list] = {}
    rows = PromptOrigin.objects.filter(**_these("prompt", prompt_ids), event_id__lte=reading.as_of).order_by(
        "prompt_id", "id"
    )
    for prompt, name, line, external_id, turn in reading.rows(
        rows.values_list("prompt_id", "batch__name", "line", "external_id", "turn_id")
    ):
        row = {}
        if name:
            row["file"] = name
        if line is not None:
            row["line"] = line
        if external_id:
            row["id"] = external_id
        if turn is not None:
            row["turn"] = turn
        found.setdefault(prompt, []).append(row)
        if turn is not None:
            turns.setdefault(prompt, []).append(turn)
    return found, turns


def _users(reading: Reading, turns: dict[int, list]) -> dict[int, set[str]]:
    """{prompt: the keys of all who asked it}, for prompts that came out of conversations."""
    wanted = [t for found in turns.values() for t in found]
    if not wanted:
        return {}
    rows = Message.objects.filter(id__in=wanted, conversation__end_user__isnull=False).values_list(
        "id", "conversation__end_user__key_hash"
    )
    user_of = dict(reading.rows(rows))
    people = {
        prompt: {splits.end_user(user_of[t]) for t in found if t in user_of}
        for prompt, found in turns.items()
    }
    return {prompt: found for prompt, found in people.items() if found}


def _keys(split_by: str, messages: list, sources: list, users: set[str], metadata) -> frozenset:
    """What decides on the side of a prompt that `users` asked, beside the one whom its row names."""
    return splits.keys_of_all(
        split_by, messages=messages, sources=sources, users=users | {_named_user(from_json(metadata))}
    )


def keys_of_users(reading: Reading, prompts: list[int]) -> dict[int, frozenset]:
    """{prompt: its keys in a split by user}: with what end users say of it, its rows stand on one side only
    if theirs do."""
    _found, turns = _origins(reading, prompts)
    users = _users(reading, turns)
    rows = reading.rows(Prompt.objects.filter(id__in=prompts).values_list("id", "messages", "metadata"))
    return {
        pk: _keys("user", from_json(messages), [], users.get(pk, set()), metadata)
        for pk, messages, metadata in rows
    }


def _named_user(metadata) -> str:
    """The user that an imported row names, under the usual names of that column."""
    if isinstance(metadata, dict):
        for name in ("user", "user_id", "userid", "end_user"):
            value = metadata.get(name)
            if isinstance(value, str | int) and not isinstance(value, bool) and value != "":
                return f"named {value}"
    return ""


def made_by_corrections(
    project, reading: Reading, splitter: splits.Splitter, split_by: str
) -> dict[str, str | None]:
    """{group: its side} of the contexts that corrected questions and turns make: the side of all prompts they
    are made from and of the prompt of the project that they equal; None where those lie on two. Reads the
    prompts with such corrections only, and keeps some hundred bytes of each."""
    said = Cast("document", TextField())
    versions = AnnotationVersion.objects.annotate(
        question=StrIndex(said, Value(f'"{QUESTION}"')), turn=StrIndex(said, Value(f'"{TURN}"'))
    ).filter(Q(question__gt=0) | Q(turn__gt=0), annotation__project=project, event_id__lte=reading.as_of)
    prompts = sorted(
        {prompt for (prompt,) in reading.rows(versions.order_by().values_list("annotation__item__prompt_id"))}
    )
    key = bytes(project.hash_key)
    made: dict[str, str | None] = {}

    def stands(whole: str, side: str | None) -> None:
        made[whole] = side if made.get(whole, side) == side else None

    for judged in _some(project, reading, split_by, "id", prompts):
        if judged.wrong is not None:
            continue
        prompt, side = judged.prompt, splitter.side(judged.keys)
        for messages in contexts_made(prompt):
            with contextlib.suppress(ValueError, RecursionError):  # what cannot be hashed makes no row either
                stands(
                    canonical.prompt_hash(
                        key=key, messages=messages, tools=prompt.tools, sources=prompt.sources
                    ),
                    side,
                )
    whole_of = {whole[:GROUP_DIGITS]: whole for whole in made}
    for judged in _some(project, reading, split_by, "content_hash", list(made)):
        stands(whole_of[judged.prompt.group_id], splitter.side(judged.keys))
    return {group: made[whole] for group, whole in whole_of.items()}


def _some(project, reading: Reading, split_by: str, field: str, values: list) -> Iterator[ReadPrompt]:
    """The judged prompts whose `field` is among `values`."""
    for start in range(0, len(values), CHUNK):
        prompts = list(
            reading.rows_as(
                PromptRow,
                _prompts(project, reading)
                .filter(**{f"{field}__in": values[start : start + CHUNK]})
                .order_by("id"),
            )
        )
        if prompts:
            yield from _chunk(project, reading, prompts, split_by)
