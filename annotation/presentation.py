"""Items and judgements as reviewers read them: letters for answers, pseudonyms for people, corrections as
diffs."""

import json

from django.utils.translation import get_language, gettext_lazy, pgettext
from django.utils.translation import gettext as _

from annotation import lacking
from annotation.bench import payload
from annotation.bench.strings import names as words_of
from annotation.document import LETTERS, OVERALL, Correction, Judgement, letters_apart, letters_named
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
            "letter": LETTERS[i],
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


def sentence(judgement: Judgement) -> str:
    """A judgement by letters as a ranking sentence: "B › A | D = C": ties by =, the acceptability line by
    |."""
    groups = [" = ".join(group) for group in judgement.groups()]
    if judgement.rest_is_worse():
        groups.append(_("the rest"))
    line = judgement.acceptable()
    if line is None or not groups:
        return " › ".join(groups)
    good, bad = " › ".join(groups[:line]), " › ".join(groups[line:])
    return f"{good} | {bad}".strip() if bad else f"{good} |"


def judgement(stored: Judgement, item, shown: dict, criteria: list[dict]) -> dict:
    """A stored judgement as it is read beside others: {"sentence", "line", "overall", "ratings",
    "answer_flags", "corrections" (with diffs), "demonstration", "verdict", "reasons", "claims", "comment",
    "flags"}."""
    said = stored.by_letters(shown["order"])
    answers = {a["letter"]: a["text"] for a in shown["answers"]}
    chinese = (get_language() or "").startswith("zh")
    words = words_of()
    names = {c["key"]: c.get("zh" if chinese else "en") or c["key"] for c in criteria} | {
        OVERALL: _("overall")
    }
    line = said.acceptable()
    ratings = sorted(said.ratings().items())
    only_overall = all(set(values) == {OVERALL} for _letter, values in ratings)
    return {
        "sentence": sentence(said),
        "none_acceptable": line == 0,
        "all_acceptable": line is not None
        and line == len(said.groups())
        and line > 0
        and not said.rest_is_worse(),
        "line": line,
        "overall": [(letter, values[OVERALL]) for letter, values in ratings] if only_overall else [],
        "ratings": []
        if only_overall
        else [(letter, [(names.get(k, k), v) for k, v in values.items()]) for letter, values in ratings],
        "answer_flags": [
            (letter, [words.get(f, f) for f in found])
            for letter, found in sorted(said.answer_flags().items())
        ],
        "corrections": [_correction(c, item, answers) for c in said.corrections()],
        "demonstration": _shown(said.demonstration()) if said.demonstration() else None,
        "verdict": VERDICTS.get(said.verdict() or "", ""),
        "verdict_kind": {"keep": "good", "fix": "warn", "drop": "bad"}.get(said.verdict() or "", ""),
        "reasons": [words.get(r, r) for r in said.reasons()],
        "claims": [
            {"text": c.text, "state": CLAIMS.get(c.state, c.state), "kind": c.state} for c in said.claims()
        ],
        "comment": said.comment(),
        "evidence": said.evidence(),
        "flags": [words.get(f, f) for f in said.flags()],
    }


def in_brief(stored: Judgement, order: list[int]) -> list[str]:
    """A stored judgement in a few words by the letters of `order`, for lists: the ranking or verdict first,
    then ratings, corrections, flags and comment. What the letters do not name is left out."""
    try:
        said = stored.by_letters(order)
    except (KeyError, IndexError, ValueError):
        return []
    words = words_of()
    comma = pgettext("between the letters of answers", ", ")
    out = [sentence(said)]
    if said.acceptable() == 0:
        out.append(_("None acceptable"))
    verdict = said.verdict()
    if verdict:
        reasons = comma.join(words.get(r, r) for r in said.reasons())
        out.append(f"{VERDICTS[verdict]} · {reasons}" if reasons else str(VERDICTS[verdict]))
    if said.demonstration():
        out.append(shortened(said.demonstration(), BRIEF))
    overall = {letter: r[OVERALL] for letter, r in sorted(said.ratings().items()) if OVERALL in r}
    if overall:
        out.append(comma.join(f"{letter} {value}" for letter, value in overall.items()))
    out += [_corrected(c) for c in said.corrections()]
    for letter, flags in sorted(said.answer_flags().items()):
        out.append(f"⚑ {letter} {comma.join(words.get(f, f) for f in flags)}")
    if said.flags():
        out.append("⚑ " + comma.join(words.get(f, f) for f in said.flags()))
    if said.comment():
        out.append(f"“{shortened(said.comment(), BRIEF)}”")
    return [one for one in out if one]


def _corrected(c: Correction) -> str:
    if c.of_answer:
        return _("Answer %(letter)s corrected") % {"letter": c.answer}
    if c.of_question:
        return _("Question corrected")
    return _("Turn %(n)s corrected") % {"n": max(c.turn, 0) + 1}


def reviewers_letters(item, project, order: list[int], comment: str) -> str:
    """What the letters in a reviewer's `comment` on `item` are in the letters of `order`, as a sentence; ""
    where they are the same, or none is named."""
    pairs = [
        _("%(theirs)s is %(here)s here") % {"theirs": theirs, "here": here}
        for theirs, here in letters_named(letters_apart(payload.review_order(item, project), order), comment)
    ]
    comma = pgettext("between the letters of answers", ", ")
    return _("In the reviewer's letters: %(pairs)s") % {"pairs": comma.join(pairs)} if pairs else ""


def letters_meant(stored: Judgement, order: list[int], shown: dict) -> str:
    """What the letters in the free text of `stored` mean beside the letters shown here, as a sentence; ""
    without text or difference."""
    words = [stored.comment(), stored.evidence(), *(c.evidence for c in stored.corrections())]
    text = "\n".join(filter(None, words))
    pairs = [
        _("%(theirs)s is %(here)s here") % {"theirs": theirs, "here": here}
        for theirs, here in letters_named(letters_apart(order, shown["order"]), text)
    ]
    return (
        _("In their letters: %(pairs)s")
        % {"pairs": pgettext("between the letters of answers", ", ").join(pairs)}
        if pairs
        else ""
    )


def _correction(c: Correction, item, answers: dict) -> dict:
    messages = item.prompt.messages
    if c.of_answer:
        old = answers.get(c.answer, "")
    elif c.of_question:
        old = next((text_of(m) for m in reversed(messages) if m.get("role") == "user"), "")
    else:
        old = text_of(messages[c.turn]) if 0 <= c.turn < len(messages) else ""
    return {
        "name": _corrected(c),
        "diff": diff.html(old, c.text),
        "wording_only": c.wording_only,
        "evidence": c.evidence,
    }
