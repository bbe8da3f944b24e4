"""What the database already holds of the prompts of one chunk: their answers, items and imported
judgements."""

import pickle
import sqlite3
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from annotation.models import AnnotationVersion, Annotator, Item, ItemAnswer, ItemTag
from corpus.models import ModelVersion, Prompt, PromptOrigin, Response

_AT_ONCE = 900  # values in one IN (…): SQLite's smallest limit is 999


@dataclass(slots=True)
class Judged:
    """One imported annotator's annotation of one item."""

    id: int
    keys: set[str]
    number: int = 0
    head: int = 0
    new: bool = False


@dataclass(slots=True)
class ItemState:
    id: int
    generation: int
    state: str
    frozen: bool
    hidden: bool
    position: int
    previous: int | None = None
    slots: dict[str, int] = field(default_factory=dict)  # text hash → slot
    held: dict[int, int] = field(default_factory=dict)  # response id → slot
    tags: set[str] = field(default_factory=set)
    judged: dict[str, Judged] = field(default_factory=dict)  # by the annotator's name
    new: bool = False


@dataclass(slots=True)
class PromptState:
    id: int
    responses: dict[str, int] = field(default_factory=dict)  # identity hash → id
    targets: set[int] = field(default_factory=set)  # ids of those offered for learning
    items: list[ItemState] = field(default_factory=list)  # by generation
    external_ids: set[str] = field(default_factory=set)
    notes: dict = field(default_factory=dict)  # its metadata


def _parts(values: Iterable) -> Iterator[list]:
    values = list(values)
    for i in range(0, len(values), _AT_ONCE):
        yield values[i : i + _AT_ONCE]


def prompts_by_hash(project_id: int, hashes: Iterable[str]) -> dict[str, int]:
    """{content hash: prompt id} of those that exist."""
    found: dict[str, int] = {}
    for part in _parts(hashes):
        found.update(
            Prompt.objects.filter(project=project_id, content_hash__in=part).values_list("content_hash", "id")
        )
    return found


def prompts_by_external_id(project_id: int, ids: Iterable[str]) -> dict[str, set[int]]:
    """{external id: prompt ids in the newest batch that knows the id}; more than one prompt means that the id
    is ambiguous."""
    newest: dict[str, tuple[int, set[int]]] = {}
    for part in _parts(ids):
        rows = PromptOrigin.objects.filter(prompt__project=project_id, external_id__in=part).values_list(
            "external_id", "batch_id", "prompt_id"
        )
        for external_id, batch, prompt in rows:
            held = newest.get(external_id)
            if held is None or (batch or 0) > held[0]:
                newest[external_id] = (batch or 0, {prompt})
            elif batch == held[0]:
                held[1].add(prompt)
    return {external_id: prompts for external_id, (_, prompts) in newest.items()}


def states_of(
    prompt_ids: Iterable[int], *, kind: str, judgements: bool, external_ids: bool, notes: bool
) -> dict[int, PromptState]:
    """The state of existing prompts, with their items of `kind`. Judgements, external ids and notes only if
    asked for (a query each)."""
    states = {pk: PromptState(pk) for pk in prompt_ids}
    items: dict[int, ItemState] = {}
    for part in _parts(states):
        texts: dict[int, str] = {}
        columns = ("prompt_id", "id", "identity_hash", "text_hash", "is_target")
        for prompt, pk, identity, text_hash, target in Response.objects.filter(prompt__in=part).values_list(
            *columns
        ):
            states[prompt].responses[identity] = pk
            texts[pk] = text_hash
            if target:
                states[prompt].targets.add(pk)
        columns = ("prompt_id", "id", "generation", "state", "frozen", "hidden", "position")
        here: dict[int, ItemState] = {}
        for prompt, *values in (
            Item.objects.filter(prompt__in=part, kind=kind).order_by("generation").values_list(*columns)
        ):
            item = here[values[0]] = ItemState(*values)
            states[prompt].items.append(item)
        for some in _parts(here):
            for item_id, response, slot in ItemAnswer.objects.filter(item__in=some).values_list(
                "item_id", "response_id", "slot"
            ):
                here[item_id].held[response] = slot
                here[item_id].slots[texts[response]] = slot
            for item_id, name in ItemTag.objects.filter(
                item__in=some, name__startswith="personal-data"
            ).values_list("item_id", "name"):
                here[item_id].tags.add(name)
        items |= here
        if notes:
            for prompt, metadata in (
                Prompt.objects.filter(id__in=part).exclude(metadata={}).values_list("id", "metadata")
            ):
                states[prompt].notes = metadata
        if external_ids:
            for prompt, external_id in (
                PromptOrigin.objects.filter(prompt__in=part)
                .exclude(external_id="")
                .values_list("prompt_id", "external_id")
            ):
                states[prompt].external_ids.add(external_id)
    if judgements:
        _judgements_of(items)
    return states


def _judgements_of(items: dict[int, ItemState]) -> None:
    for part in _parts(items):
        versions = AnnotationVersion.objects.filter(
            annotation__item__in=part, annotation__annotator__source=Annotator.Source.IMPORTED
        )
        columns = (
            "annotation__item_id",
            "annotation__annotator__name",
            "annotation_id",
            "client_key",
            "number",
        )
        for item_id, name, annotation, key, number in versions.values_list(*columns):
            judged = items[item_id].judged.setdefault(name, Judged(annotation, set()))
            judged.keys.add(key)
            judged.number = max(judged.number, number)


class Trial:
    """What a trial import would have written, on disk, so that it sees its own rows again without writing any
    to the database."""

    def __init__(self):
        self._db = sqlite3.connect("")  # a temporary file that SQLite keeps and removes itself
        self._db.executescript(
            "CREATE TABLE prompt (hash TEXT PRIMARY KEY, id INTEGER); CREATE TABLE state (id INTEGER "
            "PRIMARY KEY, state BLOB);"
            "CREATE TABLE external (external_id TEXT PRIMARY KEY, id INTEGER);"
        )

    def close(self) -> None:
        self._db.close()

    def prompts(self, hashes: Iterable[str]) -> dict[str, int]:
        return self._look("SELECT id FROM prompt WHERE hash = ?", hashes)

    def external(self, ids: Iterable[str]) -> dict[str, int]:
        return self._look("SELECT id FROM external WHERE external_id = ?", ids)

    def states(self, prompt_ids: Iterable[int]) -> dict[int, PromptState]:
        found = self._look("SELECT state FROM state WHERE id = ?", prompt_ids)
        return {pk: pickle.loads(blob) for pk, blob in found.items()}  # noqa: S301

    def _look(self, sql: str, keys: Iterable) -> dict:
        found = ((key, self._db.execute(sql, (key,)).fetchone()) for key in keys)
        return {key: row[0] for key, row in found if row}

    def keep(self, new: dict[str, int], states: Iterable[PromptState], external: dict[str, int]) -> None:
        """Remember the chunk: new prompts {hash: id}, every touched state, {external id: prompt id}."""
        self._db.executemany("INSERT OR REPLACE INTO prompt VALUES (?, ?)", new.items())
        self._db.executemany(
            "INSERT OR REPLACE INTO state VALUES (?, ?)", ((s.id, pickle.dumps(s)) for s in states)
        )
        self._db.executemany("INSERT OR REPLACE INTO external VALUES (?, ?)", external.items())
        self._db.commit()


def model_ids(project, names: set[str], *, make: bool) -> dict[str, int]:
    """{name of a model: its ModelVersion's id}; with `make` those that are missing are made."""
    rows = ModelVersion.objects.filter(project=project, name__in=names)
    found = dict(rows.values_list("name", "id"))
    missing = sorted(names - found.keys())
    if missing and make:
        new = [ModelVersion(project=project, name=name) for name in missing]
        ModelVersion.objects.bulk_create(new, ignore_conflicts=True)
        found = dict(rows.values_list("name", "id"))
    return found


def annotator_ids(project, names: set[str]) -> dict[str, int]:
    """{name in the file: the id of its imported Annotator}; missing ones are made, each with a pseudonym of its own."""  # noqa: E501
    rows = Annotator.objects.filter(project=project, source=Annotator.Source.IMPORTED, name__in=names)
    found = dict(rows.values_list("name", "id"))
    like_ours = Annotator.objects.filter(project=project, pseudonym__startswith="I")
    taken = set(like_ours.values_list("pseudonym", flat=True))
    number = 0
    for name in sorted(names - found.keys()):
        number += 1
        while f"I{number}" in taken:
            number += 1
        made = Annotator(project=project, source=Annotator.Source.IMPORTED, name=name, pseudonym=f"I{number}")
        made.save()
        found[name] = made.pk
    return found
