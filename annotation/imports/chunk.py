"""From ready records to rows: which prompt, answers, item and judgements a record adds.

`Chunk.add` decides in memory and touches nothing when it refuses; annotation.imports.chunk_rows inserts. The
caller holds the project's import lock."""

from django.utils.translation import gettext as _

from annotation.document import merged_into_slots
from annotation.imports import existing as known
from annotation.imports.added import Added, KeySource
from annotation.imports.existing import ItemState, Judged, PromptState
from annotation.imports.prepare import (
    ANSWER,
    DEMONSTRATION,
    MAX_ANSWERS,
    QA,
    RANKING,
    Ready,
    ReadyAnswer,
    ReadyEntry,
    ReadyJudgement,
)
from annotation.models import (
    BenchSettings,
    Item,
)
from core.db import bulk
from corpus.canonical import target_hash
from corpus.records import Refusal

TARGET = ANSWER.index("is_target")  # in ReadyAnswer.row
UNNAMED = "import"  # the annotator of judgements for which the file names nobody


class Chunk:
    """One transaction's worth of records of one file. `trial`: an `existing.Trial` for a dry run, else
    None."""

    def __init__(
        self,
        *,
        project,
        bench: BenchSettings,
        keys: KeySource,
        join: str | None,
        trial: known.Trial | None = None,
    ):
        self.project, self.bench, self.keys, self.join, self.trial = project, bench, keys, join, trial
        self.kind = str(bench.kind)
        self.added = Added()
        self.position = bench.next_position
        self.by_hash: dict[str, int] = {}
        self.by_external: dict[str, set[int]] = {}
        self.states: dict[int, PromptState] = {}
        self.models: dict[str, int] = {}
        self.prompts: list[tuple] = []
        self.origins: list[tuple] = []
        self.responses: list[tuple] = []
        self.items: list[tuple[int, ItemState]] = []  # new ones: prompt id, state
        self.changed: dict[int, ItemState] = {}
        self.opened: list[int] = []  # positions of existing items that stopped waiting
        self.answers: list[tuple] = []
        self.tags: list[tuple] = []
        self.annotations: list[tuple[int, str, Judged]] = []  # item id, annotator's name, annotation
        self.versions: list[tuple] = []
        self.superseded: dict[int, int] = {}  # existing annotation → its new head
        self.new_external: dict[str, int] = {}
        self._origin_seen: set[tuple[int, int]] = set()
        keys.reset()

    def run(self, records: list[Ready | Refusal]) -> Added:
        """Decide about every record; nothing is written yet."""
        self._look_up([r for r in records if isinstance(r, Ready)])
        for record in records:
            refusal = record if isinstance(record, Refusal) else self.add(record)
            if refusal is not None:
                self.added.refuse(refusal)
        if self.trial is not None:
            new = {content_hash: pk for pk, *_columns, content_hash in self.prompts}
            self.trial.keep(new, self.states.values(), self.new_external)
        return self.added

    def _look_up(self, records: list[Ready]) -> None:
        entries = [e for r in records for e in r.entries]
        hashes = dict.fromkeys(e.content_hash for e in entries if not e.joins)
        wanted = dict.fromkeys(e.external_id for e in entries if e.joins)
        self.by_hash = known.prompts_by_hash(self.project.pk, hashes)
        self.by_external = known.prompts_by_external_id(self.project.pk, wanted) if wanted else {}
        if self.trial is not None:
            self.by_hash |= self.trial.prompts(h for h in hashes if h not in self.by_hash)
            self.by_external |= {k: {pk} for k, pk in self.trial.external(wanted).items()}
        existing = set(self.by_hash.values()).union(*self.by_external.values())
        if self.trial is not None:
            self.states = self.trial.states(existing)
            existing = {pk for pk in existing if pk > 0 and pk not in self.states}
        self.states |= known.states_of(
            existing,
            kind=self.bench.kind,
            judgements=any(e.judgements for e in entries),
            external_ids=any(e.external_id for e in entries if not e.joins),
            notes=any(e.notes and not e.joins for e in entries),
        )
        names = {a.model for e in entries for a in e.answers if a.model}
        self.models = known.model_ids(self.project, names, make=self.trial is None) if names else {}

    # -- one record ------------------------------------------------------------------------------------------

    def add(self, record: Ready) -> Refusal | None:
        """Take `record`, or say why not."""
        places = []
        for entry in record.entries:
            pk, refusal = self._place(entry, record.line)
            if refusal is None and pk is not None:
                refusal = self._too_many(entry, self.states[pk], record.line)
            if refusal is not None:
                return refusal
            places.append(pk)
        self._count_columns(record)
        news = [self._take(entry, record.line) for entry in record.entries]
        if any(news):
            self.added.imported += 1
            self.added.personal_data += any(e.tags for e in record.entries)
        else:
            self.added.duplicates += 1
        return None

    def _count_columns(self, record: Ready) -> None:
        """A note stays with the prompt that its record makes; what a later record with the same prompt says
        otherwise is not kept."""
        kept: set[str] = set()
        dropped = set(record.dropped)
        for entry in record.entries:
            if not entry.notes:
                continue
            pk = None if entry.joins else self.by_hash.get(entry.content_hash)
            if pk is None:
                kept.update(entry.notes)
            else:
                known_notes = self.states[pk].notes
                for name, value in entry.notes.items():
                    (kept if known_notes.get(name) == value else dropped).add(name)
        self.added.notes.update(kept)
        self.added.dropped.update(dropped)

    def _place(self, entry: ReadyEntry, line: int) -> tuple[int | None, Refusal | None]:
        """The id of the entry's prompt if it is known."""
        if not entry.joins:
            return self.by_hash.get(entry.content_hash), None
        name = self.join or "id"
        here = self.new_external.get(entry.external_id)
        prompts = self.by_external.get(entry.external_id, set()) if here is None else {here}
        if not prompts:
            return None, Refusal(
                line,
                name,
                "unknown_id",
                _("No prompt with the id %(id)s is known here.") % {"id": entry.external_id[:80]},
            )
        if len(prompts) > 1:
            return None, Refusal(
                line,
                name,
                "ambiguous_id",
                _("Several prompts have the id %(id)s.") % {"id": entry.external_id[:80]},
            )
        return next(iter(prompts)), None

    def _too_many(self, entry: ReadyEntry, state: PromptState, line: int) -> Refusal | None:
        """An unjudged ranking entry adds to what is on the prompt's item; letters go from A to J."""
        if (
            self.kind != RANKING
            or entry.judgements
            or not state.items
            or any(set(entry.texts) <= i.slots.keys() for i in state.items)
        ):
            return None
        item = self._unfrozen(state) or state.items[-1]
        if len(item.slots.keys() | set(entry.texts)) <= MAX_ANSWERS:
            return None
        return Refusal(
            line,
            "answers",
            "too_many_answers",
            _("With these the prompt would have more than %(max)s different answers.") % {"max": MAX_ANSWERS},
        )

    def _take(self, entry: ReadyEntry, line: int) -> bool:
        """Put the entry in memory; whether it adds anything."""
        pk, _refusal = self._place(entry, line)
        new = pk is None
        if pk is None:
            pk = next(self.keys.prompt)
            self.by_hash[entry.content_hash] = pk
            self.states[pk] = PromptState(pk, notes=entry.notes)
            self.prompts.append((pk, *entry.row))
            self.added.prompts += 1
        state = self.states[pk]
        ids, fresh = self._responses(entry, state)
        new |= fresh
        kind = self.kind
        if kind == DEMONSTRATION:
            item, changed = (state.items[-1], False) if state.items else (self._new_item(state), True)
        elif kind == QA:
            item, changed = self._qa(entry, state, ids)
        else:
            item, changed = self._ranking(entry, state, ids)
        new |= changed
        for judgement in entry.judgements:
            new |= self._judge(judgement, entry, item, state)
        if not entry.joins:
            new |= self._origin(entry, state, line, new)
        if new:
            for name in entry.tags:
                self._tag(item, name)
        return new

    def _responses(self, entry: ReadyEntry, state: PromptState) -> tuple[list[tuple[ReadyAnswer, int]], bool]:
        ids, new = [], False
        for answer in entry.answers:
            pk, identity, target = (
                state.responses.get(answer.identity_hash),
                answer.identity_hash,
                answer.row[TARGET],
            )
            if target and pk is not None and pk not in state.targets:
                # What was an answer like others is now one to learn: its own row, with the event of its own
                # time.
                identity = target_hash(identity)
                pk = state.responses.get(identity)
            if pk is None:
                pk = state.responses[identity] = next(self.keys.response)
                if target:
                    state.targets.add(pk)
                self.responses.append(
                    (
                        pk,
                        state.id,
                        self.models.get(answer.model) if answer.model else None,
                        *answer.row[:-1],
                        identity,
                    )
                )
                self.added.responses += 1
                new = True
            ids.append((answer, pk))
        return ids, new

    def _origin(self, entry: ReadyEntry, state: PromptState, line: int, new: bool) -> bool:
        """Where the prompt came from is kept if the record adds something, and a new external id is
        something."""
        unknown_id = bool(entry.external_id) and entry.external_id not in state.external_ids
        if (not new and not unknown_id) or (state.id, line) in self._origin_seen:
            return False
        self._origin_seen.add((state.id, line))
        self.origins.append((state.id, line, entry.external_id))
        if entry.external_id:
            state.external_ids.add(entry.external_id)
            self.new_external[entry.external_id] = state.id
        return True

    # -- items -----------------------------------------------------------------------------------------------

    def _unfrozen(self, state: PromptState) -> ItemState | None:
        return next((item for item in reversed(state.items) if not item.frozen), None)

    def _new_item(self, state: PromptState, copied: ItemState | None = None) -> ItemState:
        """The prompt's next item; with the answers of `copied`. What was hidden stays hidden."""
        last = state.items[-1] if state.items else None
        item = ItemState(
            next(self.keys.item),
            last.generation + 1 if last else 0,
            Item.State.OPEN.value,
            False,
            any(i.hidden for i in state.items),
            self.position,
        )
        item.previous, item.new = (last.id if last else None), True
        if self.kind == RANKING:
            item.state = Item.State.WAITING.value
            self.added.waiting += 1
        self.position += 1
        state.items.append(item)
        self.items.append((state.id, item))
        self.added.items += 1
        if copied is not None:
            item.slots, item.held = dict(copied.slots), dict(copied.held)
            self.answers.extend((item.id, response, slot) for response, slot in copied.held.items())
        if last is not None:
            for name in sorted(last.tags):
                self._tag(item, name)
        return item

    def _put(self, item: ItemState, ids: list[tuple[ReadyAnswer, int]]) -> bool:
        """Put answers on an item; equal texts share a slot. A text that is there already may join its slot
        though the item is frozen."""
        new = False
        for answer, pk in ids:
            if pk in item.held:
                continue
            slot = item.slots.setdefault(answer.text_hash, len(item.slots))
            item.held[pk] = slot
            self.answers.append((item.id, pk, slot))
            new = True
        if new:
            if item.state == Item.State.WAITING and len(item.slots) >= 2:
                item.state = Item.State.OPEN.value
                self.added.waiting -= 1
                if not item.new:
                    self.opened.append(item.position)
            self._touch(item)
        return new

    def _touch(self, item: ItemState) -> None:
        if not item.new:
            self.changed[item.id] = item

    def _qa(self, entry: ReadyEntry, state: PromptState, ids) -> tuple[ItemState, bool]:
        text = entry.texts[0]
        item = next((i for i in state.items if text in i.slots), None) or self._new_item(state)
        return item, self._put(item, ids)

    def _ranking(self, entry: ReadyEntry, state: PromptState, ids) -> tuple[ItemState, bool]:
        """The item the entry belongs on. Judged: it must hold exactly these texts. Else: the newest that
        holds them all or may grow."""
        texts = set(entry.texts)
        newest_first = state.items[::-1]
        if entry.judgements:
            item = next((i for i in newest_first if i.slots.keys() == texts), None)
            if item is None:
                item = next(
                    (i for i in newest_first if not i.frozen and i.slots.keys() <= texts), None
                ) or self._new_item(state)
            new = item.new and not item.held
            return item, self._put(item, ids) or new
        item = next((i for i in newest_first if texts <= i.slots.keys()), None) or self._unfrozen(state)
        if item is None:
            item = self._new_item(state, copied=state.items[-1] if state.items else None)
            self._put(item, ids)
            return item, True
        if (
            all(any(pk in i.held for i in state.items if texts <= i.slots.keys()) for _a, pk in ids)
            and texts <= item.slots.keys()
        ):
            return item, False
        return item, self._put(item, ids)

    def _tag(self, item: ItemState, name: str) -> None:
        if name not in item.tags:
            item.tags.add(name)
            self.tags.append((item.id, name))

    # -- judgements ------------------------------------------------------------------------------------------

    def _judge(
        self, judgement: ReadyJudgement, entry: ReadyEntry, item: ItemState, state: PromptState
    ) -> bool:
        """One judgement, once. A named annotator who judges the same answers again supersedes; where the file
        names nobody, a second, different judgement is another unnamed hand's ("import 2"), so that neither
        is lost."""
        same_texts = [i for i in state.items if i.slots.keys() == item.slots.keys()]
        number = 1
        while True:
            name = judgement.annotator or (UNNAMED if number == 1 else f"{UNNAMED} {number}")
            if any(judgement.key in i.judged[name].keys for i in same_texts if name in i.judged):
                return False
            held = item.judged.get(name)
            if held is None or judgement.annotator:
                break
            number += 1
        if held is None:
            held = item.judged[name] = Judged(next(self.keys.annotation), set(), new=True)
            self.annotations.append((item.id, name, held))
        held.keys.add(judgement.key)
        held.number += 1
        held.head = next(self.keys.version)
        document = judgement.document
        slots = [item.slots[text] for text in entry.texts]
        if slots != list(range(len(slots))):
            document = merged_into_slots(document, slots)
        self.versions.append((held.head, held.id, held.number, bulk.json_text(document), judgement.key))
        if not held.new:
            self.superseded[held.id] = held.head
        if not item.frozen:
            item.frozen = True  # what was judged must not grow
            self._touch(item)
        self.added.annotations += 1
        return True

    def anything(self) -> bool:
        """Whether there is anything to write."""
        return bool(
            self.prompts
            or self.origins
            or self.responses
            or self.items
            or self.answers
            or self.tags
            or self.versions
        )
