"""Items and judgements as reviewers read them: letters for answers, pseudonyms for people, corrections as
diffs."""

import json

from django.utils.translation import get_language, gettext_lazy, pgettext
from django.utils.translation import gettext as _

from annotation import document, lacking
from annotation.bench import payload
from annotation.bench.strings import names as words_of
from annotation.models import ItemAnswer
from core.rendering import diff, language, markdown
from core.text import excerpt as shortened

BRIEF = 80  # characters of a text in a list
VERDICTS = {"keep": gettext_lazy("Keep"), "fix": gettext_lazy("Fix"), "drop": gettext_lazy("Drop")}
CLAIMS = {
    "supported": gettext_lazy("supported"),
    "contradicted": gettext_lazy("contradicted"),
    "not_found": gettext_lazy("not found in the source"),
    "source_outdated": gettext_lazy("source outdated"),
}
ROLES = {
    "system": gettext_lazy("System"),
    "user": gettext_lazy("User"),
    "assistant": gettext_lazy("Assistant"),
    "tool": gettext_lazy("Tool"),
}


def text_of(message: dict) -> str:
    content = message.get("content")
    return (
        content
        if isinstance(content, str)
        else ""
        if content is None
        else json.dumps(content, ensure_ascii=False)
    )


def excerpt(messages: list, length: int = 160) -> str:
    """The start of the last user turn, for lists."""
    asked = next(
        (text_of(m) for m in reversed(messages) if m.get("role") == "user"),
        text_of(messages[-1]) if messages else "",
    )
    return shortened(asked, length)


def _shown(text: str) -> dict:
    return {
        "text": text,
        "html": markdown.render(text),
        "language": language.guess(text),
        "length": len(text),
    }


def texts(item) -> dict:
    """The item with its prompt, sources and answers (by letter) rendered; one query for the answers (the
    prompt comes with the item). {"messages", "sources", "tools", "answers": [{"letter", "slot", "text",
    "html", "responses", "cut"}], "order"}"""
    order = payload.review_order(item)
    by_slot: dict[int, list] = {}
    for answer in (
        ItemAnswer.objects.filter(item=item).select_related("response__model_version").order_by("pk")
    ):
        by_slot.setdefault(answer.slot, []).append(answer.response)
    answers = [
        {
            "letter": document.LETTERS[i],
            "slot": slot,
            "responses": by_slot[slot],
            "turns": by_slot[slot][0].turns,
            "cut": lacking.cut(by_slot[slot]),
            **_shown(by_slot[slot][0].text),
        }
        for i, slot in enumerate(order)
        if slot in by_slot
    ]
    messages = [
        {
            "role": ROLES.get(m["role"], m["role"]),
            "kind": m["role"],
            **_shown(text_of(m)),
            "calls": _calls(m),
            "missing": lacking.missing(m),
        }
        for m in item.prompt.messages
    ]
    sources = [
        {"title": s.get("title", ""), "url": s.get("url", ""), **_shown(s.get("text", ""))}
        for s in payload.sources_of(item, [found[0] for found in by_slot.values()])
    ]
    return {
        "messages": messages,
        "sources": sources,
        "tools": item.prompt.tools,
        "answers": answers,
        "order": order,
    }


def _calls(message: dict) -> str:
    calls = message.get("tool_calls")
    return json.dumps(calls, ensure_ascii=False, indent=2) if calls else ""


def sentence(doc: dict) -> str:
    """A document by letters as a ranking sentence: "B › A | D = C": ties by =, the acceptability line by
    |."""
    groups = [" = ".join(group) for group in doc.get("ranking", [])]
    if doc.get("rest") == "worse":
        groups.append(_("the rest"))
    line = doc.get("acceptable")
    if line is None or not groups:
        return " › ".join(groups)
    good, bad = " › ".join(groups[:line]), " › ".join(groups[line:])
    return f"{good} | {bad}".strip() if bad else f"{good} |"


def judgement(stored: dict, item, shown: dict, criteria: list[dict]) -> dict:
    """A stored document as it is read beside others: {"sentence", "line", "overall", "ratings",
    "answer_flags", "corrections" (with diffs), "demonstration", "verdict", "reasons", "claims", "comment",
    "flags"}."""
    order = shown["order"]
    doc = document.to_letters(stored, order)
    answers = {a["letter"]: a["text"] for a in shown["answers"]}
    chinese = (get_language() or "").startswith("zh")
    words = words_of()
    names = {c["key"]: c.get("zh" if chinese else "en") or c["key"] for c in criteria} | {
        "overall": _("overall")
    }
    line = doc.get("acceptable")
    ratings = sorted(doc.get("ratings", {}).items())
    only_overall = all(set(values) == {"overall"} for _letter, values in ratings)
    return {
        "sentence": sentence(doc),
        "none_acceptable": line == 0,
        "all_acceptable": line is not None
        and line == len(doc.get("ranking", []))
        and line > 0
        and doc.get("rest") != "worse",
        "line": line,
        "overall": [(letter, values["overall"]) for letter, values in ratings] if only_overall else [],
        "ratings": []
        if only_overall
        else [(letter, [(names.get(k, k), v) for k, v in values.items()]) for letter, values in ratings],
        "answer_flags": [
            (letter, [words.get(f, f) for f in found])
            for letter, found in sorted(doc.get("answer_flags", {}).items())
        ],
        "corrections": [_correction(c, item, answers) for c in doc.get("corrections", [])],
        "demonstration": _shown(doc["demonstration"]) if doc.get("demonstration") else None,
        "verdict": VERDICTS.get(doc.get("verdict", ""), ""),
        "verdict_kind": {"keep": "good", "fix": "warn", "drop": "bad"}.get(doc.get("verdict", ""), ""),
        "reasons": [words.get(r, r) for r in doc.get("reasons", [])],
        "claims": [
            {"text": c["text"], "state": CLAIMS.get(c["state"], c["state"]), "kind": c["state"]}
            for c in doc.get("claims", [])
        ],
        "comment": doc.get("comment", ""),
        "evidence": doc.get("evidence", ""),
        "flags": [words.get(f, f) for f in doc.get("flags", [])],
    }


def in_brief(stored: dict, order: list[int]) -> list[str]:
    """A stored document in a few words by the letters of `order`, for lists: the ranking or verdict first,
    then ratings, corrections, flags and comment. What the letters do not name is left out."""
    try:
        doc = document.to_letters(stored, order)
    except (KeyError, IndexError, ValueError):
        return []
    words = words_of()
    comma = pgettext("between the letters of answers", ", ")
    out = [sentence(doc)]
    if doc.get("acceptable") == 0:
        out.append(_("None acceptable"))
    if doc.get("verdict"):
        reasons = comma.join(words.get(r, r) for r in doc.get("reasons", []))
        out.append(f"{VERDICTS[doc['verdict']]} · {reasons}" if reasons else str(VERDICTS[doc["verdict"]]))
    if doc.get("demonstration"):
        out.append(shortened(doc["demonstration"], BRIEF))
    overall = {letter: r["overall"] for letter, r in sorted(doc.get("ratings", {}).items()) if "overall" in r}
    if overall:
        out.append(comma.join(f"{letter} {value}" for letter, value in overall.items()))
    for c in doc.get("corrections", []):
        out.append(_corrected(c))
    for letter, flags in sorted(doc.get("answer_flags", {}).items()):
        out.append(f"⚑ {letter} {comma.join(words.get(f, f) for f in flags)}")
    if doc.get("flags"):
        out.append("⚑ " + comma.join(words.get(f, f) for f in doc["flags"]))
    if doc.get("comment"):
        out.append(f"“{shortened(doc['comment'], BRIEF)}”")
    return [one for one in out if one]


def _corrected(c: dict) -> str:
    if c["target"] == "response":
        return _("Answer %(letter)s corrected") % {"letter": c["answer"]}
    if c["target"] == "question":
        return _("Question corrected")
    return _("Turn %(n)s corrected") % {"n": c.get("turn", 0) + 1}


def reviewers_letters(item, project, order: list[int]) -> str:
    """What the letters in a reviewer's comment on `item` are in the letters of `order`, as a sentence; ""
    where they are the same."""
    pairs = [
        _("%(theirs)s is %(here)s here") % {"theirs": theirs, "here": here}
        for theirs, here in document.letters_apart(payload.review_order(item, project), order)
    ]
    comma = pgettext("between the letters of answers", ", ")
    return _("In the reviewer's letters: %(pairs)s") % {"pairs": comma.join(pairs)} if pairs else ""


def letters_meant(stored: dict, order: list[int], shown: dict) -> str:
    """What the letters in the free text of `stored` mean beside the letters shown here, as a sentence; ""
    without text or difference."""
    if not (
        stored.get("comment")
        or stored.get("evidence")
        or any(c.get("evidence") for c in stored.get("corrections", []))
    ):
        return ""
    pairs = [
        _("%(theirs)s is %(here)s here") % {"theirs": theirs, "here": here}
        for theirs, here in document.letters_apart(order, shown["order"])
    ]
    return (
        _("In their letters: %(pairs)s")
        % {"pairs": pgettext("between the letters of answers", ", ").join(pairs)}
        if pairs
        else ""
    )


def _correction(c: dict, item, answers: dict) -> dict:
    messages = item.prompt.messages
    if c["target"] == "response":
        old = answers.get(c["answer"], "")
    elif c["target"] == "question":
        old = next((text_of(m) for m in reversed(messages) if m.get("role") == "user"), "")
    else:
        old = text_of(messages[c["turn"]]) if 0 <= c.get("turn", -1) < len(messages) else ""
    return {
        "name": _corrected(c),
        "diff": diff.html(old, c["text"]),
        "wording_only": c.get("wording_only", False),
        "evidence": c.get("evidence", ""),
    }
