"""What end users said of answers, as training rows: choices among drafts, thumbs, and corrections
(docs/export.md has the rules).

Turns with the same context are one prompt, whoever talked; each end user is one judgement in it, and the
rules for several annotators decide. What an expert has judged is not taken from end users as well. Streams:
memory is that of one chunk, 24 bytes a turn, and 8 a label where labels are thinned."""

from collections import Counter
from collections.abc import Iterator

from annotation.document import Judgement
from annotation.models import AnnotationVersion, Item, ItemAnswer, Promotion
from annotation.promotion.rules import judged_messages
from core.rendering import language
from corpus import canonical, parts
from corpus.models import Prompt
from feedback.conversations.end_users import label
from feedback.models import Choice, Conversation, EndUser, Message, Reaction
from feedback.reactions.in_force import choice_about, latest, reaction_about
from training_export.collect.consistent_read import Reading, from_json
from training_export.collect.end_user_turns import context_of, turns_spoken_of
from training_export.collect.end_user_words import judgement_of, no_prompt, told, word_of
from training_export.collect.judged_prompts import GROUP_DIGITS, keys_of_users
from training_export.collect.rows import ChoiceRow, MessageRow, ReactionRow
from training_export.collect.thinning import Thinning, beyond_cap, label_number
from training_export.collect.unreached import KINDS, unreached, words_of
from training_export.curate import splits
from training_export.curate.assemble import examples_of
from training_export.curate.examples import Answer, Binary, Preference, Sft
from training_export.curate.judged_prompts import EndUserWord, JudgedAnswer, JudgedPrompt
from training_export.curate.rules import CurationRules
from training_export.options import INCLUDE
from training_export.publish.faults import Unreadable, shape_fault, stored_fault
from training_export.publish.tolerance import Tolerance


class FeedbackRows:
    """The rows that a project's end users give. `left_out` grows while `chunks` is read. `include`: names of
    INCLUDE."""

    def __init__(
        self,
        project,
        reading: Reading,
        *,
        include,
        takes,
        rules: CurationRules,
        split_by: str = "",
        seed: int = 0,
        per_user: int = 0,
        balance: tuple | None = None,
        tolerance: Tolerance | None = None,
    ):
        self._project, self._reading, self._rules, self._split_by, self._seed = (
            project,
            reading,
            rules,
            split_by,
            seed,
        )
        self._key = bytes(project.hash_key)
        self._takes = takes
        self._tolerance = tolerance
        self._unreadable: set[int] = set()  # turns and answers that nothing can be made of
        # A kind of word that the format has no place for is not read at all.
        speaks = {"draft-choices": {Preference, Binary}, "thumbs": {Binary}, "corrections": {Preference, Sft}}
        self._include = [name for name in INCLUDE if name in include and speaks[name] & takes]
        self._unread = [name for name in INCLUDE if name in include and name not in self._include]
        self.left_out: Counter = Counter()
        self._capped = (
            beyond_cap(project, reading, per_user, seed) if per_user and "thumbs" in self._include else ()
        )
        # Turns that were put before experts in other words (masked) are known by what was promoted, the
        # others by what they say.
        self._judged_messages = judged_messages(project, reading.as_of) if self._include else set()
        hidden = Promotion.objects.filter(project=project, item__hidden=True).values_list("message_id")
        self._hidden_messages = {message for (message,) in reading.rows(hidden)} if self._include else set()
        self._thinning = None
        if balance and "thumbs" in self._include:
            counted = Thinning(balance)
            for rows, _keys in self._prompts_of_chunks(Counter(), takes=frozenset({Binary})):
                for row in rows:
                    if row.provenance["reason"] == "thumb":
                        counted.count(label_number(seed, row), row.label)
            counted.decide()
            self._thinning = counted

    def chunks(self) -> Iterator[tuple[list, frozenset]]:
        """(rows of one prompt, the keys that decide on their side of a split)."""
        self.left_out += unreached(self._project, self._reading, self._include, self._unread)
        if not self._include:
            return
        for rows, keys in self._prompts_of_chunks(self.left_out, takes=self._takes):
            if self._thinning is not None:
                rows = [row for row in rows if self._kept(row)]
            if rows:
                yield rows, keys

    def _kept(self, row) -> bool:
        if (
            type(row) is not Binary
            or row.provenance["reason"] != "thumb"
            or self._thinning.keeps(label_number(self._seed, row), row.label)
        ):
            return True
        self.left_out["thinned"] += 1
        return False

    # -- reading

    def _prompts_of_chunks(self, left_out: Counter, *, takes) -> Iterator[tuple[list, frozenset]]:
        for turns in turns_spoken_of(self._project, self._reading, self._include):
            prompts = self._chunk(turns, left_out)
            people = {
                user
                for prompt in prompts
                for v in prompt.judgements
                if (user := word_of(v).end_user) is not None
            }
            who = EndUser.objects.filter(id__in=people).values_list("id", "key_hash")
            hashes = dict(self._reading.rows(who)) if people else {}
            names = {pk: label(EndUser(key_hash=hashed)) for pk, hashed in hashes.items()}
            prompt_ids = (
                sorted({prompt.pk for prompt in prompts if prompt.pk})
                if self._split_by in ("user", splits.EVERY)
                else []
            )
            of_prompts = keys_of_users(self._reading, prompt_ids) if prompt_ids else {}
            for prompt in prompts:
                try:
                    rows, reasons = examples_of(prompt, self._rules, takes)
                except Exception as wrong:
                    if left_out is self.left_out and self._tolerance is not None:
                        said = word_of(prompt.judgements[0])
                        origin = {"conversation": said.conversation, "turn": said.turn}
                        self._tolerance.left_out(
                            stored_fault(prompt.messages, prompt.tools),
                            {"prompt": prompt.pk, "origins": [origin]},
                            wrong,
                        )
                    continue
                left_out.update(reasons)
                in_rows = {id(said) for row in rows for said in row.provenance.get("words", ())}
                _count(left_out, "word_unused", sum(id(v.source) not in in_rows for v in prompt.judgements))
                if rows:
                    said = [word_of(v) for v in prompt.judgements]
                    yield (
                        [told(row, prompt, names) for row in rows],
                        self._keys(prompt, said, hashes) | of_prompts.get(prompt.pk, frozenset()),
                    )

    def _chunk(self, turns: list[tuple], left_out: Counter) -> list[JudgedPrompt]:
        ids = [pk for pk, _conversation in turns]
        conversations = sorted({conversation for _pk, conversation in turns})
        messages: dict[int, MessageRow] = {}
        for row in self._reading.rows_as(
            MessageRow,
            Message.objects.filter(conversation_id__in=conversations).order_by("id"),
        ):
            messages[row.pk] = row
        about = Conversation.objects.filter(id__in=conversations).values_list("id", "system", "tools")
        frames = {
            pk: (system, from_json(tools) if tools else None)
            for pk, system, tools in self._reading.rows(about)
        }
        prompts: dict[str, JudgedPrompt] = {}
        place: dict[int, tuple[JudgedPrompt, int]] = {}  # answer message → its prompt and index in it
        prompt_of: dict[int, JudgedPrompt] = {}
        without = {}
        for pk in ids:
            try:
                context, tools = context_of(pk, messages, frames)
                if fault := shape_fault(context, tools):
                    raise Unreadable(fault)
                if why := no_prompt(context):
                    without[pk] = why
                    continue
                whole = canonical.prompt_hash(key=self._key, messages=context, tools=tools, sources=())
            except (Unreadable, ValueError, RecursionError):
                self._unreadable.add(pk)
                continue
            prompt = prompts.get(whole)
            if prompt is None:
                text = context[-1].get("content") or ""
                prompt = prompts[whole] = JudgedPrompt(
                    context, whole[:GROUP_DIGITS], tools=tools, language=language.guess(text)
                )
            prompt_of[pk] = prompt
        self._count_without(without, messages, left_out)
        ids = [pk for pk in ids if pk in prompt_of or pk in self._unreadable]
        self._answers(messages, prompt_of, place)
        judged, known = self._judged(list(prompts))
        closed: set[tuple] = set()  # (group, answer) of which an expert has spoken
        for whole, prompt in prompts.items():
            prompt.pk = known.get(whole, 0)
            closed |= {
                (whole[:GROUP_DIGITS], i)
                for i, answer in enumerate(prompt.answers)
                if (whole, answer.key) in judged
            }
        self._judgements(ids, messages, place, prompt_of, closed, left_out)
        withheld = self._withheld(prompts, prompt_of, messages)
        for prompt in prompts.values():
            # The later word of a person is heard, by when it was said: that is the order the rules of
            # judgements ask for.
            prompt.judgements.sort(key=lambda v: (word_of(v).at, word_of(v).kind, word_of(v).row))
            for order, judgement in enumerate(prompt.judgements):
                judgement.event = order
            if id(prompt) in withheld and prompt.judgements:
                left_out["hidden_words"] += len(prompt.judgements)
                prompt.judgements = []
        return [prompt for prompt in prompts.values() if prompt.judgements]

    def _withheld(self, prompts: dict, prompt_of: dict, messages: dict) -> set[int]:
        """The ids (`id()`) of prompts that are on a hidden item: by what they say, or as the turn that was
        promoted."""
        hidden = Item.objects.filter(
            project=self._project, prompt__content_hash__in=list(prompts), hidden=True
        ).values_list("prompt__content_hash")
        found = {id(prompts[whole]) for (whole,) in self._reading.rows(hidden)}
        return found | {
            id(prompt_of[turn])
            for turn in (messages[m].parent for m in self._hidden_messages if m in messages)
            if turn in prompt_of
        }

    def _answers(self, messages: dict, prompt_of: dict, place: dict) -> None:
        known: dict[tuple, int] = {}
        for pk, parent, role, text, extra, sources, state, model, _conversation, event in messages.values():
            prompt = prompt_of.get(parent)
            extra = from_json(extra) if extra and prompt is not None else None
            if (
                prompt is None
                or (extra is not None and not isinstance(extra, dict))
                or event > self._reading.as_of
                or role != "assistant"
                or state not in Message.ENDED
                or not text
                or not text.strip()
                or (extra and (extra.get("tool_calls") or parts.missing(extra.get("parts"))))
            ):
                continue
            try:
                text_hash = canonical.text_hash(key=self._key, text=text)
                given = {"sources": from_json(sources)} if sources and sources != "[]" else None
                form = canonical.canonical_json(given)
            except (ValueError, RecursionError):
                self._unreadable.add(pk)
                continue
            index = known.get((id(prompt), text_hash))
            origin = f"model:{model}" if model else "model"
            if index is None:
                index = known[id(prompt), text_hash] = len(prompt.answers)
                prompt.answers.append(JudgedAnswer(Answer(text, (), origin), text_hash))
            answer = prompt.answers[index]
            # of equal ones the same is written in whatever order they came
            if (origin, text) < (answer.answer.origin, answer.answer.text):
                answer.answer = Answer(text, (), origin)
            if model and model not in answer.models:
                answer.models.append(model)
            answer.givens[form] = given
            answer.cut |= state == Message.State.CUT
            place[pk] = (prompt, index)
        for prompt in {id(c): c for c in prompt_of.values()}.values():
            if all(list(a.givens) == ["null"] for a in prompt.answers):
                for answer in prompt.answers:
                    answer.givens = {}

    def _judged(self, hashes: list[str]) -> tuple[set, dict]:
        """({(prompt hash, text hash)} of answers that an expert has judged, {prompt hash: prompt})."""
        found = Prompt.objects.filter(
            project=self._project, content_hash__in=hashes, event_id__lte=self._reading.as_of
        ).values_list("content_hash", "id")
        prompts = dict(self._reading.rows(found))
        if not prompts:
            return set(), prompts
        spoken = AnnotationVersion.objects.filter(
            annotation__item__prompt_id__in=list(prompts.values()),
            annotation__practice=False,
            event_id__lte=self._reading.as_of,
        ).values("annotation__item_id")
        rows = ItemAnswer.objects.filter(item_id__in=spoken).values_list(
            "item__prompt__content_hash", "response__text_hash"
        )
        return set(self._reading.rows(rows)), prompts

    def _judgements(
        self, ids: list[int], messages: dict, place: dict, prompt_of: dict, closed: set, left_out: Counter
    ) -> None:
        if "draft-choices" in self._include:
            self._chosen(ids, messages, place, closed, left_out)
        kinds = [kind for name, kind in KINDS.items() if name in self._include]
        if not kinds:
            return
        asked = prompt_of.keys() | self._unreadable
        answers = [pk for pk, row in messages.items() if row.parent in asked]
        rows = Reaction.objects.filter(
            message_id__in=answers, kind__in=kinds, event_id__lte=self._reading.as_of
        ).order_by("id")
        every = list(self._reading.rows_as(ReactionRow, rows))
        in_force = latest(every, about=_reaction_about, said=lambda row: (row.at, row.pk)).values()
        _count(left_out, "changed_mind", len(every) - len(in_force))
        for pk, message, user, kind, value, text, said_at in in_force:
            if (kind == "thumb" and not value) or (kind == "correction" and not text):
                left_out["taken_back"] += 1
                continue
            at = place.get(message)
            if at is None:
                left_out[
                    "unreadable_words"
                    if {message, messages[message].parent} & self._unreadable
                    else "answer_unusable"
                ] += 1
                continue
            prompt, index = at
            if message in self._judged_messages or (prompt.group_id, index) in closed:
                left_out["expert_judged"] += 1
            elif kind == "thumb" and pk in self._capped:
                left_out["person_cap"] += 1
            else:
                turn = messages[message]
                says = (
                    Judgement.of(groups=[[0]], acceptable=int(value > 0))
                    if kind == "thumb"
                    else Judgement.of(corrected_answers=[(0, text)])
                )
                word = EndUserWord(said_at, kind, pk, turn.conversation, turn.parent, user)
                prompt.judgements.append(judgement_of(word, says, (index,)))

    def _chosen(self, ids: list[int], messages: dict, place: dict, closed: set, left_out: Counter) -> None:
        rows = Choice.objects.filter(parent_id__in=ids, event_id__lte=self._reading.as_of).order_by("id")
        every = list(self._reading.rows_as(ChoiceRow, rows))
        in_force = latest(every, about=_choice_about, said=lambda row: (row.at, row.pk)).values()
        _count(left_out, "changed_mind", len(every) - len(in_force))
        for pk, parent, user, verdict, chosen, shown, said_at, _again in in_force:
            seen = [
                s for s in from_json(shown) if s.get("complete") and s.get("seen") and s["message"] in place
            ]
            if len(seen) < 2 or (verdict == "better" and chosen not in {s["message"] for s in seen}):
                left_out["unreadable_words" if parent in self._unreadable else "draft_not_seen"] += 1
                continue
            prompt = place[seen[0]["message"]][0]
            slots = list(dict.fromkeys(place[s["message"]][1] for s in seen))
            if any(s["message"] in self._judged_messages for s in seen) or any(
                (prompt.group_id, i) in closed for i in slots
            ):
                left_out["expert_judged"] += 1
                continue
            says = Judgement.of(groups=[], acceptable=0)
            if verdict != "all_bad":
                best = [slots.index(place[chosen][1])] if verdict == "better" else list(range(len(slots)))
                says = Judgement.of(groups=[best], rest_is_worse=True)
            places = {prompt.answers[place[s["message"]][1]].key: s.get("position") for s in seen}
            prompt.judgements.append(
                judgement_of(
                    EndUserWord(said_at, "choice", pk, messages[parent].conversation, parent, user, places),
                    says,
                    tuple(slots),
                )
            )

    def _count_without(self, without: dict[int, str], messages: dict, left_out: Counter) -> None:
        """Words of turns (`without`: {turn: why}) whose talk cannot be a prompt."""
        if not without:
            return
        answers = {pk: row.parent for pk, row in messages.items() if row.parent in without}
        choices, reactions = words_of(self._project, self._reading, self._include)
        for (turn,) in self._reading.rows(
            choices.filter(parent_id__in=list(without)).values_list("parent_id")
        ):
            left_out[without[turn]] += 1
        for (answer,) in self._reading.rows(
            reactions.filter(message_id__in=list(answers)).values_list("message_id")
        ):
            left_out[without[answers[answer]]] += 1

    # -- what a row is told to come from

    def _keys(self, prompt: JudgedPrompt, said: list[EndUserWord], hashes: dict[int, str]) -> frozenset:
        if not self._split_by:
            return frozenset()
        users = (splits.end_user(hashes[s.end_user]) for s in said if s.end_user is not None)
        return splits.keys_of_all(self._split_by, messages=prompt.messages, sources=[], users=users)


def _reaction_about(row: ReactionRow) -> tuple:
    return reaction_about(
        row.pk,
        end_user=row.end_user,
        message=row.message,
        conversation=None,
        external="",
        kind=row.kind,
    )


def _choice_about(row: ChoiceRow) -> tuple:
    answers = [draft["message"] for draft in from_json(row.shown)] if row.regenerated else ()
    return choice_about(
        row.pk,
        end_user=row.end_user,
        parent=row.parent,
        regenerated=bool(row.regenerated),
        shown=answers,
    )


def _count(left_out: Counter, code: str, n: int) -> None:
    if n:
        left_out[code] += n
