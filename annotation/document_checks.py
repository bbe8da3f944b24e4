"""Whether a document is one: each key of its type, and a whole that may be submitted. Pure."""

from django.utils.translation import gettext as _

from annotation.document import (
    ANSWER_FLAGS,
    CLAIM_STATES,
    DROP_REASONS,
    FORMS,
    ITEM_FLAGS,
    KIND_OF,
    MAX_TEXT,
    QUESTION,
    RESPONSE,
    SCHEMA,
    TURN,
    VERDICTS,
)
from core.errors import DomainError


def _fail(field: str, message: str, code: str = "invalid_document"):
    raise DomainError(code, message, field=field)


def check_shape(document) -> dict:
    """`document` if every key has the type it must have (letters or slots alike); DomainError naming the
    field otherwise. Run before `to_slots`."""
    if not isinstance(document, dict):
        _fail("document", _("The judgement must be an object."))
    unknown = document.keys() - FORMS.keys()
    if unknown:
        _fail(sorted(unknown)[0], _("Unknown field: %(name)s") % {"name": sorted(unknown)[0][:60]})

    def is_list_of(value, types):
        return (
            isinstance(value, list)
            and len(value) <= 500
            and all(isinstance(v, types) and not isinstance(v, bool) for v in value)
        )

    checks = {
        "ranking": lambda v: (
            isinstance(v, list) and len(v) <= 10 and all(is_list_of(g, (str, int)) and g for g in v)
        ),
        "strength": lambda v: is_list_of(v, int) and all(0 <= s <= 3 for s in v),
        "rest": lambda v: v in ("unjudged", "worse"),
        "acceptable": lambda v: v is None or (isinstance(v, int) and not isinstance(v, bool) and v >= 0),
        "ratings": lambda v: (
            isinstance(v, dict)
            and all(
                isinstance(r, dict)
                and all(
                    isinstance(k, str) and isinstance(x, int) and not isinstance(x, bool) and 1 <= x <= 5
                    for k, x in r.items()
                )
                for r in v.values()
            )
        ),
        "answer_flags": lambda v: (
            isinstance(v, dict)
            and all(is_list_of(f, str) and set(f) <= set(ANSWER_FLAGS) for f in v.values())
        ),
        "spans": lambda v: is_list_of(v, dict) and all(_span_ok(s) for s in v),
        "corrections": lambda v: is_list_of(v, dict) and all(_correction_ok(c) for c in v),
        "demonstration": lambda v: v is None or isinstance(v, str),
        "verdict": lambda v: v in VERDICTS,
        "reasons": lambda v: is_list_of(v, str) and set(v) <= set(DROP_REASONS),
        "claims": lambda v: (
            is_list_of(v, dict)
            and all(isinstance(c.get("text"), str) and c.get("state") in CLAIM_STATES for c in v)
        ),
        "comment": lambda v: isinstance(v, str),
        "evidence": lambda v: isinstance(v, str),
        "flags": lambda v: is_list_of(v, str) and set(v) <= set(ITEM_FLAGS),
        "not_read": lambda v: is_list_of(v, (str, int)),
        "schema": lambda v: v == SCHEMA,
    }
    for name, value in document.items():
        if not checks[name](value):
            _fail(
                name,
                _("The field %(name)s must look like this: %(form)s") % {"name": name, "form": FORMS[name]},
            )
        if isinstance(value, str) and len(value) > MAX_TEXT:
            _fail(name, _("The text is longer than %(n)s characters.") % {"n": MAX_TEXT})
    return document


def _span_ok(s: dict) -> bool:
    if set(s) - {"answer", "start", "end", "label", "comment"} or "answer" not in s:
        return False
    if (
        not all(isinstance(s.get(k), int) and not isinstance(s[k], bool) for k in ("start", "end"))
        or not 0 <= s["start"] < s["end"] <= MAX_TEXT
    ):
        return False
    return all(isinstance(s.get(k, ""), str) and len(s.get(k, "")) <= 5000 for k in ("label", "comment"))


def _correction_ok(c: dict) -> bool:
    if (
        set(c) - {"target", "answer", "turn", "text", "wording_only", "evidence"}
        or not isinstance(c.get("text"), str)
        or len(c["text"]) > MAX_TEXT
    ):
        return False
    if not isinstance(c.get("wording_only", False), bool) or not isinstance(c.get("evidence", ""), str):
        return False
    target = c.get("target")
    if target == RESPONSE:
        return "answer" in c and "turn" not in c
    if target == TURN:
        return isinstance(c.get("turn"), int) and not isinstance(c["turn"], bool) and "answer" not in c
    return target == QUESTION and "answer" not in c and "turn" not in c


def check_complete(document: dict, *, kind: str, slot_count: int, messages: list | None = None) -> dict:
    """A stored-form document that may be submitted for an item of `kind` with `slot_count` distinct answers;
    normalised (empty optional keys dropped). DomainError naming the field when it says too little,
    contradicts itself, or says what belongs to another kind."""
    doc = {k: v for k, v in document.items() if v not in ([], {}, "", None) or k == "acceptable"}
    doc["schema"] = SCHEMA
    for name in doc:
        if KIND_OF.get(name, kind) != kind and doc[name] is not None:
            _fail(name, _("A judgement of this kind has no field %(name)s.") % {"name": name})
    slots = set(range(slot_count))
    ranking = doc.get("ranking", [])
    flat = [s for group in ranking for s in group]
    if len(flat) != len(set(flat)):
        _fail("ranking", _("An answer is in the ranking twice."))
    if not set(flat) <= slots:
        _fail("ranking", _("The ranking names an answer that is not there."))
    if "strength" in doc and len(doc["strength"]) != max(0, len(ranking) - 1):
        _fail("strength", _("There must be one strength between every two neighbouring groups."))
    for name in ("ratings", "answer_flags"):
        if not {int(s) for s in doc.get(name, {})} <= slots:
            _fail(name, _("A rating names an answer that is not there."))
    if not {s.get("answer") for s in doc.get("spans", [])} <= slots:
        _fail("spans", _("A marked passage names an answer that is not there."))
    targets = []
    for c in doc.get("corrections", []):
        targets.append((c["target"], c.get("answer"), c.get("turn")))
        if c["target"] == RESPONSE and c["answer"] not in slots:
            _fail("corrections", _("A correction names an answer that is not there."))
        if c["target"] == TURN and not (
            messages and 0 <= c["turn"] < len(messages) and messages[c["turn"]]["role"] == "assistant"
        ):
            _fail("corrections", _("A correction names a turn that is not the assistant's."))
        if not c["text"].strip():
            _fail("corrections", _("A correction is empty."))
    if len(targets) != len(set(targets)):
        _fail("corrections", _("Two corrections have the same target."))
    acceptable = doc.get("acceptable")
    if acceptable is not None and acceptable > len(ranking):
        _fail("acceptable", _("The line comes after more groups than there are."))
    if kind == "ranking":
        if not ranking and acceptable != 0:
            _fail("ranking", _("Rank at least one answer, or say that none is acceptable."))
        if doc.get("rest") and len(flat) == slot_count:
            doc.pop("rest")
        if (
            len(ranking) == 1
            and len(flat) == 1
            and slot_count > 1
            and doc.get("rest") != "worse"
            and acceptable is None
        ):
            _fail(
                "ranking",
                _("One ranked answer says nothing yet: rank another, or say that the rest is worse."),
            )
    elif kind == "qa":
        verdict = doc.get("verdict")
        if verdict is None:
            _fail("verdict", _("Keep, fix or drop this pair."))
        if verdict == "drop" and not doc.get("reasons"):
            _fail("reasons", _("Say why this pair is dropped."))
        if verdict == "fix" and not doc.get("corrections"):
            _fail("corrections", _("Nothing was changed: keep the pair, or correct it."))
        if verdict != "fix" and any(c["target"] != TURN for c in doc.get("corrections", [])):
            _fail("verdict", _("A corrected pair is a fix."))
    elif kind == "demonstration" and not doc.get("demonstration", "").strip():
        _fail("demonstration", _("Write the answer."))
    if acceptable is None:
        doc.pop("acceptable", None)
    return doc
