"""The document of a judgement: its shape, its checks, and the way between slot letters (what people and the
API see) and slot numbers (what is stored). Pure.

Stored form, all keys optional:
  ranking      [[slot, …], …]      groups, best first; inside a group a tie
  strength     [0–3, …] between neighbouring groups: 3 much better … 0 hardly (one fewer than groups)
  rest         "unjudged"|"worse"  what the answers not in `ranking` are
  acceptable   int|null how many groups stand above the acceptability line; 0 none acceptable; null not
               said
  ratings      {"slot": {key: 1–5}}    key "overall" or a criterion's
  answer_flags {"slot": [name, …]}
  spans        [{answer, start, end, label, comment}]      code points of the answer's text
  corrections  [{target: "response", answer: slot} | {target: "question"} | {target: "turn", turn: i},
               text, wording_only, evidence]
  demonstration  str
  verdict      "keep"|"fix"|"drop", reasons [name, …]
  claims       [{text, state, sentence}]
  comment str · flags [name, …] · not_read [slot, …] · evidence str
In the letter form every slot is a letter: A is the first shown."""

from django.utils.translation import gettext as _

from core.errors import DomainError

LETTERS = "ABCDEFGHIJ"
SCHEMA = 1
VERDICTS = ("keep", "fix", "drop")
# A drop is a negative example only for reasons about the answer (and "unsupported" only where the prompt
# carries the source).
DROP_REASONS = {
    "wrong_answer": "answer",
    "incomplete_answer": "answer",
    "unsafe_answer": "answer",
    "unsupported": "source",
    "bad_question": "question",
    "out_of_scope": "question",
    "duplicate": "duplicate",
    "source_outdated": "source_outdated",
}
SKIP_REASONS = ("not_my_field", "cannot_decide", "unclear", "broken", "other")
ANSWER_FLAGS = ("harmful", "off_topic", "wrong_language", "names_model", "truncated")
ITEM_FLAGS = ("personal_data", "nonsense", "needs_second_opinion")
CLAIM_STATES = ("supported", "contradicted", "not_found", "source_outdated")
MAX_TEXT = 200_000


def ranks_of(document: dict, slot_count: int) -> dict[int, float]:
    """Mid-ranks by slot (1 = best); slots the annotator left unjudged are absent, "rest is worse" is one last
    tied group."""
    groups = [list(g) for g in document.get("ranking", [])]
    if document.get("rest") == "worse":
        seen = {s for g in groups for s in g}
        groups.append([s for s in range(slot_count) if s not in seen])
    ranks, before = {}, 0
    for group in groups:
        for slot in group:
            ranks[slot] = before + (len(group) + 1) / 2
        before += len(group)
    return ranks


def _one_of(names) -> str:
    return " | ".join(f'"{name}"' for name in names)


# What each field looks like, in the letter form, for whoever sent something else.
FORMS = {
    "schema": str(SCHEMA),
    "ranking": '[["A"], ["B", "C"], …]',
    "strength": "[0–3, …]",
    "rest": _one_of(("unjudged", "worse")),
    "acceptable": "0 | 1 | 2 | … | null",
    "ratings": '{"A": {"overall": 1–5, …}, …}',
    "answer_flags": f'{{"A": [{_one_of(ANSWER_FLAGS)}, …], …}}',
    "spans": '[{"answer": "A", "start": 0, "end": 1, "label": "…", "comment": "…"}, …]',
    "corrections": '[{"target": "response", "answer": "A", "text": "…", "wording_only": false, "evidence": '
    '"…"} | '
    '{"target": "question", "text": "…"} | …]',
    "demonstration": '"…"',
    "verdict": _one_of(VERDICTS),
    "reasons": f"[{_one_of(DROP_REASONS)}, …]",
    "claims": f'[{{"text": "…", "state": {_one_of(CLAIM_STATES)}}}, …]',
    "comment": '"…"',
    "evidence": '"…"',
    "flags": f"[{_one_of(ITEM_FLAGS)}, …]",
    "not_read": '["A", …]',
}
# Fields that only judgements of one kind have; all others may stand in every one.
KIND_OF = {
    **dict.fromkeys(
        ("ranking", "strength", "rest", "acceptable", "ratings", "answer_flags", "not_read"), "ranking"
    ),
    **dict.fromkeys(("verdict", "reasons", "claims"), "qa"),
    "demonstration": "demonstration",
}


def to_letters(document: dict, order: list[int]) -> dict:
    """The stored `document` by the letters of one shown `order` (letter i stands for slot order[i])."""
    letter = {slot: LETTERS[i] for i, slot in enumerate(order)}
    return _renamed(document, lambda slot: letter[int(slot)], str)


def to_slots(document: dict, order: list[int]) -> dict:
    """The letter form in stored form. DomainError naming the field for a letter that was not shown."""

    def slot(letter):
        i = LETTERS.find(letter) if isinstance(letter, str) and len(letter) == 1 else -1
        if not 0 <= i < len(order):
            raise DomainError(
                "unknown_letter",
                _("There is no answer %(letter)s here.") % {"letter": str(letter)[:20]},
                field="document",
            )
        return order[i]

    return _renamed(document, slot, str)


def letters_apart(theirs: list[int], here: list[int]) -> list[tuple[str, str]]:
    """(letter in the order `theirs`, letter in the order `here`) of each answer whose letters differ; none
    for orders of other answers."""
    if sorted(theirs) != sorted(here):
        return []
    return [(LETTERS[i], LETTERS[here.index(slot)]) for i, slot in enumerate(theirs) if here[i] != slot]


def _renamed(document, one, key):
    out = dict(document)
    if "ranking" in out:
        out["ranking"] = [[one(s) for s in group] for group in out["ranking"]]
    for name in ("ratings", "answer_flags"):
        if name in out:
            out[name] = {key(one(s)): value for s, value in out[name].items()}
    for name in ("spans", "corrections"):
        if name in out:
            out[name] = [
                entry | {"answer": one(entry["answer"])} if "answer" in entry else dict(entry)
                for entry in out[name]
            ]
    if "not_read" in out:
        out["not_read"] = [one(s) for s in out["not_read"]]
    return out


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
    if target == "response":
        return "answer" in c and "turn" not in c
    if target == "turn":
        return isinstance(c.get("turn"), int) and not isinstance(c["turn"], bool) and "answer" not in c
    return target == "question" and "answer" not in c and "turn" not in c


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
        _fail("ranking", _("An answer stands in the ranking twice."))
    if not set(flat) <= slots:
        _fail("ranking", _("The ranking names an answer that is not there."))
    if "strength" in doc and len(doc["strength"]) != max(0, len(ranking) - 1):
        _fail("strength", _("There must be one strength between each two neighbouring groups."))
    for name in ("ratings", "answer_flags"):
        if not {int(s) for s in doc.get(name, {})} <= slots:
            _fail(name, _("A rating names an answer that is not there."))
    if not {s.get("answer") for s in doc.get("spans", [])} <= slots:
        _fail("spans", _("A marked passage names an answer that is not there."))
    targets = []
    for c in doc.get("corrections", []):
        targets.append((c["target"], c.get("answer"), c.get("turn")))
        if c["target"] == "response" and c["answer"] not in slots:
            _fail("corrections", _("A correction names an answer that is not there."))
        if c["target"] == "turn" and not (
            messages and 0 <= c["turn"] < len(messages) and messages[c["turn"]]["role"] == "assistant"
        ):
            _fail("corrections", _("A correction names a turn that is not the assistant's."))
        if not c["text"].strip():
            _fail("corrections", _("A correction is empty."))
    if len(targets) != len(set(targets)):
        _fail("corrections", _("Two corrections have the same target."))
    acceptable = doc.get("acceptable")
    if acceptable is not None and acceptable > len(ranking):
        _fail("acceptable", _("The line stands behind more groups than there are."))
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
        if verdict != "fix" and any(c["target"] != "turn" for c in doc.get("corrections", [])):
            _fail("verdict", _("A corrected pair is a fix."))
    elif kind == "demonstration" and not doc.get("demonstration", "").strip():
        _fail("demonstration", _("Write the answer."))
    if acceptable is None:
        doc.pop("acceptable", None)
    return doc
