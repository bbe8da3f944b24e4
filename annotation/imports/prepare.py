"""A record made ready for the database before any lock is taken: hashes, stored forms, personal data,
judgements by distinct text.

Nothing here reads or writes rows; what cannot be stored or makes no sense for the kind of project becomes
a Refusal of its line."""

from dataclasses import dataclass, field

from django.utils.translation import gettext as _

from annotation.document import LETTERS, Judgement, merged_into_slots
from annotation.document_checks import check_complete, check_shape
from annotation.models import Kind
from core import storable
from core.db.bulk import json_text
from core.errors import DomainError
from core.rendering import language
from corpus import canonical, personal_data
from corpus.records import Entry, Record, Refusal

MAX_ANSWERS = len(LETTERS)
MAX_NAME = 200
_EMPTY_LIST, _EMPTY_OBJECT = "[]", "{}"
# plain texts compare faster than members
QA, DEMONSTRATION, RANKING = str(Kind.QA), str(Kind.DEMONSTRATION), str(Kind.RANKING)
# the columns of `ReadyAnswer.row`
ANSWER = (
    "text",
    "turns",
    "origin",
    "parameters",
    "external_id",
    "is_target",
    "cut",
    "text_hash",
    "identity_hash",
)


@dataclass(slots=True)
class ReadyAnswer:
    """`row`: the columns ANSWER, as stored."""

    text_hash: str
    identity_hash: str
    model: str | None
    row: tuple


@dataclass(slots=True)
class ReadyJudgement:
    """`document` names answers by their place in `ReadyEntry.texts`; `key` is the same for the same judgement
    of the same texts."""

    annotator: str
    document: dict
    key: str


@dataclass(slots=True)
class ReadyEntry:
    """`row`: messages, tools, sources, metadata, language, content_hash, as stored. `joins`: its prompt is
    named by `external_id` only."""

    joins: bool
    content_hash: str
    row: tuple
    external_id: str
    answers: list[ReadyAnswer]
    texts: list[str]  # distinct text hashes, in order of arrival
    judgements: list[ReadyJudgement]
    tags: list[str]
    notes: dict  # the prompt's metadata (of a joined answer: its parameters)


@dataclass(slots=True)
class Ready:
    """`dropped`: names of what the reader did not take, see corpus.records.Record."""

    line: int
    dropped: tuple[str, ...] = ()
    entries: list[ReadyEntry] = field(default_factory=list)
    size: int = 0  # characters, about


class _Refuse(Exception):
    def __init__(self, field: str, code: str, reason: str):
        super().__init__(reason)
        self.field, self.code, self.reason = field, code, reason


def prepare(record: Record, *, key: bytes, kind: str) -> Ready | Refusal:
    """`record` for a project of `kind` whose hash key is `key`; a Refusal when one of its entries cannot be
    taken."""
    ready = Ready(record.line, record.dropped)
    try:
        for entry in record.entries:
            ready.entries.append(_entry(entry, key, kind, ready))
    except _Refuse as no:
        return Refusal(record.line, no.field, no.code, no.reason)
    except UnicodeEncodeError:  # from hashing or from a stored form
        return Refusal(record.line, "", "surrogate", _("Contains half a surrogate pair."))
    return ready


def _entry(entry: Entry, key: bytes, kind: str, ready: Ready) -> ReadyEntry:
    _check_kind(entry, kind)
    answers, texts = [], []
    to_scan = []
    for given in entry.answers:
        answer = _answer(given, entry, key, kind)
        answers.append(answer)
        if answer.text_hash not in texts:
            texts.append(answer.text_hash)
        to_scan.append(given.text)
    if len(texts) > MAX_ANSWERS:
        raise _Refuse(
            "answers",
            "too_many_answers",
            _("There are %(n)s different answers; at most %(max)s can be shown.")
            % {"n": len(texts), "max": MAX_ANSWERS},
        )
    if kind == QA and len(texts) != 1:
        raise _Refuse(
            "answers",
            "kind_mismatch",
            _("A QA project takes one answer to a question; this record has %(n)s.") % {"n": len(texts)},
        )
    joins = entry.kind == "answer"
    external_id = _short("id", entry.external_id)
    content_hash, row = ("", ()) if joins else _prompt(entry, key, to_scan)
    kinds = personal_data.scan("\n\n".join(to_scan))
    tags = ["personal-data", *(f"personal-data:{k}"[:60] for k in kinds)] if kinds else []
    judgements = (
        [_judgement(j, entry, [a.text_hash for a in answers], texts, kind, key) for j in entry.judgements]
        if entry.judgements
        else []
    )
    # All that is stored as text counts: a chunk is held in memory whole.
    for stored in (row, *[a.row for a in answers]):
        for value in stored[:4]:  # messages, tools, sources, metadata; text, turns, origin, parameters
            if value:
                ready.size += len(value)
    notes = (entry.answers[0].parameters or {}) if joins and entry.answers else entry.metadata
    return ReadyEntry(joins, content_hash, row, external_id, answers, texts, judgements, tags, notes)


def _check_kind(entry: Entry, kind: str) -> None:
    """What makes no sense in a project of `kind` is refused, not quietly bent."""
    if not entry.judgements and kind != QA:
        return
    if kind == QA and not entry.answers:
        raise _Refuse(
            "answers",
            "kind_mismatch",
            _("A QA project takes questions with an answer; this record has none."),
        )
    if kind == DEMONSTRATION and entry.judgements:
        raise _Refuse(
            "answers", "kind_mismatch", _("A demonstration project takes no judgements of answers.")
        )
    if kind == QA and any(Judgement(j.document).verdict() is None for j in entry.judgements):
        raise _Refuse("answers", "kind_mismatch", _("A QA project takes no rankings or ratings of answers."))
    if kind == RANKING and any(Judgement(j.document).verdict() is not None for j in entry.judgements):
        raise _Refuse("answers", "kind_mismatch", _("A ranking project takes no keep, fix or drop verdicts."))


def _short(name: str, value: str | None) -> str:
    """A name or id that its column can hold; never cut, since a cut id may be another's."""
    if not value:
        return ""
    if len(value) > MAX_NAME:
        raise _Refuse(name, "too_long", _("Longer than %(n)s characters.") % {"n": MAX_NAME})
    return _storable(name, value)


def _storable(name: str, text: str) -> str:
    if code := storable.text_fault(text):
        raise _unstorable(name, code)
    return text


def _unstorable(name: str, code: str) -> _Refuse:
    return _Refuse(name, code, str(storable.SENTENCES[code]))


def _json(name: str, value) -> str | None:
    """`value` as stored, if the database can hold it."""
    try:
        text = json_text(value)
        suspect = text is not None and ("\\u0000" in text or storable.text_fault(text) != "")
    except (ValueError, TypeError, RecursionError):
        text, suspect = "", True
    if suspect and (code := storable.fault(value)):
        raise _unstorable(name, code)
    if text == "":
        raise _Refuse(name, "not_json", _("Contains a value that JSON cannot hold."))
    return text  # where it was only suspect, it holds the six characters \\u0000


def _turns(name: str, turns: list) -> str | None:
    """Turns as stored. What their tool calls say as JSON inside a text must be storable as well: a trainer
    reads it as JSON."""
    for turn in turns:
        if (
            isinstance(turn, dict)
            and turn.get("tool_calls")
            and (code := storable.call_fault(turn["tool_calls"]))
        ):
            raise _unstorable(name, code)
    return _json(name, turns)


def _prompt(entry: Entry, key: bytes, to_scan: list[str]) -> tuple[str, tuple]:
    messages = _turns("prompt", entry.messages)
    if entry.tools and not (
        isinstance(entry.tools, list) and all(isinstance(tool, dict) for tool in entry.tools)
    ):
        raise _Refuse("tools", "tools", _("The tools must be a list of objects (or JSON text of one)."))
    tools = _json("tools", entry.tools or None)
    sources = _json("source", list(entry.sources)) if entry.sources else _EMPTY_LIST
    metadata = _json("metadata", entry.metadata) if entry.metadata else _EMPTY_OBJECT
    content_hash = canonical.prompt_hash(
        key=key, messages=entry.messages, tools=entry.tools, sources=entry.sources
    )
    last = ""
    for message in entry.messages:
        content = message.get("content")
        if isinstance(content, str) and content:
            to_scan.append(content)
            if message.get("role") == "user":
                last = content
    to_scan.extend(s["text"] for s in entry.sources if isinstance(s.get("text"), str))
    return content_hash, (messages, tools, sources, metadata, language.guess(last[:150])[:8], content_hash)


def _answer(given, entry: Entry, key: bytes, kind: str) -> ReadyAnswer:
    text, turns = given.text, given.turns or None
    _storable("answer", text)
    model = _short("model", given.model) if given.model else ""
    external_id = _short("answer_id", given.external_id) if given.external_id else ""
    text_hash = canonical.text_hash(key=key, text=text, turns=turns)
    identity = canonical.identity_hash(
        key=key,
        text_hash=text_hash,
        origin=given.origin,
        model=model or None,
        external_id=external_id,
        cut=given.cut,
    )
    # In a QA project only what a person kept is to be learnt.
    target = kind != QA and (given.is_target or entry.kind == "sft")
    turns_json = _turns("answer", turns) if turns else None
    parameters = _json("parameters", given.parameters) if given.parameters else None
    return ReadyAnswer(
        text_hash,
        identity,
        model or None,
        (text, turns_json, given.origin, parameters, external_id, target, given.cut, text_hash, identity),
    )


def _judgement(
    given, entry: Entry, hashes: list[str], texts: list[str], kind: str, key: bytes
) -> ReadyJudgement:
    name = _short("annotator", given.annotator)
    try:
        _json("judgement", given.document)
        doc = check_shape(given.document)
        doc = merged_into_slots(doc, [texts.index(h) for h in hashes])
        doc = check_complete(doc, kind=kind, slot_count=len(texts), messages=entry.messages or None)
    except DomainError as no:
        raise _Refuse(no.field, no.code, str(no.message))
    # Slots by the order of the hashes: the same whatever order the file or the item has.
    place = {h: i for i, h in enumerate(sorted(texts))}
    form = canonical.canonical_json([name, sorted(texts), merged_into_slots(doc, [place[h] for h in texts])])
    return ReadyJudgement(name, doc, canonical.text_hash(key=key, text=form))
