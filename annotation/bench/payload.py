"""What an annotator's page and API may know of an assignment: texts and slot letters, nothing that tells who
answered."""

import hashlib
import hmac
import json

from django.utils.translation import get_language

from annotation import document, lacking
from annotation.bench import support
from annotation.models import Annotation, Assignment, ItemAnswer, Review
from annotation.promotion import end_user_feedback
from annotation.work import queue
from core.db.prepared import Prepared
from core.rendering import clauses, language, markdown, sentences


def of(assignment: Assignment, *, html: bool = False) -> dict:
    """{"assignment": …, "item": …}; with `html`, every text also rendered and sanitised. One query for the
    answers, two more for work that was submitted before: with that, and never earlier, comes "feedback",
    what the end user said of a promoted item."""
    item, bench = assignment.item, assignment.project.bench
    given: dict[int, list] = {}
    for answer in _ANSWERS(item.pk):
        given.setdefault(answer.slot, []).append(answer.response)
    texts = {slot: responses[0] for slot, responses in given.items()}
    ask = bench.ratings if item.kind == "ranking" and _asked(item.pk, bench.ratings_share) else "none"
    prompt = item.prompt
    annotation = _annotation(assignment)
    said = end_user_feedback.to_annotator(assignment) if annotation is not None else []
    sources = [_source(s, html) for s in sources_of(item, texts.values())]
    answers = [_answer(document.LETTERS[i], given[slot], html) for i, slot in enumerate(assignment.order)]
    if html and item.kind == "qa":
        for answer in answers:
            answer["claims"] = _claims(answer["text"], sources)
    return {
        "assignment": {
            "id": assignment.pk,
            "state": assignment.state,
            "lease_until": assignment.lease_until,
            "heartbeat_seconds": queue.HEARTBEAT_SECONDS,
            "draft": assignment.draft,
            "draft_revision": assignment.draft_revision,
            "active_ms": assignment.active_ms,
            "annotation": annotation,
        },
        "item": {
            "id": item.pk,
            "kind": item.kind,
            "language": prompt.language,
            "messages": [_message(m, html) for m in prompt.messages],
            "tools": prompt.tools,
            "sources": sources,
            "answers": answers,
            "ratings": ask,
            "criteria": _criteria(bench) if ask in ("ends", "all") else [],
            "guideline_version": bench.guideline.number if bench.guideline_id else None,
        },
        **({"feedback": said} if said else {}),
    }


_ANSWERS = Prepared(
    lambda item_id: ItemAnswer.objects.filter(item=item_id).select_related("response").order_by("pk"), int
)


def sources_of(item, responses) -> list[dict]:
    """What the item's answers are to be held against: the prompt's sources; failing those, in a QA check, the
    passages its one answer was given."""
    if item.prompt.sources or item.kind != "qa":
        return item.prompt.sources
    for response in responses:
        given = response.given.get("sources") if isinstance(response.given, dict) else None
        if isinstance(given, list):
            return [
                s
                for s in given
                if isinstance(s, dict)
                and all(isinstance(s.get(k, ""), str) for k in ("title", "url", "text"))
            ]
    return []


def _asked(item_id: int, share: int) -> bool:
    """The same answer for everybody who sees the item."""
    return item_id * 2654435761 % 2**32 % 100 < share


def _annotation(assignment: Assignment) -> dict | None:
    if assignment.state in (Assignment.State.RESERVED, Assignment.State.SKIPPED) or (
        assignment.state == Assignment.State.OPEN and assignment.draft is None
    ):
        return None
    found = (
        Annotation.objects.select_related("head")
        .filter(item=assignment.item_id, annotator=assignment.annotator_id)
        .first()
    )
    if found is None or found.head is None:
        return None
    comment = ""
    if found.state == Annotation.State.RETURNED:
        review = (
            Review.objects.filter(version__annotation=found, decision=Review.Decision.RETURN)
            .order_by("-pk")
            .first()
        )
        comment = review.comment if review else ""
    return {
        "state": found.state,
        "version": found.head.number,
        "comment": comment,
        **({"comment_letters": _reviewers_letters(assignment, comment)} if comment else {}),
        "document": document.to_letters(found.head.document, assignment.order),
    }


def review_order(item, project=None) -> list[int]:
    """The answers' slots in the order reviewers see them: the same for everyone and every time, telling
    nothing of the order of import."""
    key = bytes((project or item.project).hash_key)
    return sorted(
        range(item.slot_count),
        key=lambda slot: hmac.new(key, f"{item.pk}:{slot}".encode(), hashlib.sha256).digest(),
    )


def _reviewers_letters(assignment: Assignment, comment: str) -> list[tuple[str, str]]:
    """(letter as reviewers see it, letter of the same answer here), where they differ and the comment names
    any."""
    theirs = review_order(assignment.item, assignment.project)
    return document.letters_named(document.letters_apart(theirs, assignment.order), comment)


def _criteria(bench) -> list[dict]:
    chinese = (get_language() or "").startswith("zh")
    return [
        {"key": c["key"], "label": c.get("zh" if chinese else "en") or c["key"]}
        for c in (bench.criteria.criteria if bench.criteria_id else [])
    ]


def _shown(text: str, html: bool) -> dict:
    out = {"text": text, "language": language.guess(text)}
    if html:
        out["html"] = markdown.render(text)
    return out


def _message(message: dict, html: bool) -> dict:
    content = message.get("content")
    text = (
        content
        if isinstance(content, str)
        else ""
        if content is None
        else json.dumps(content, ensure_ascii=False)
    )
    extra = {k: message[k] for k in ("tool_calls", "name", "tool_call_id") if k in message}
    if lacks := lacking.missing(message):
        extra["missing"] = lacks
    return {"role": message["role"], **_shown(text, html), **extra}


def _answer(letter: str, responses: list, html: bool) -> dict:
    response = responses[0]
    out = {"letter": letter, **_shown(response.text, html)}
    if cut := lacking.cut(responses):
        out["cut"] = cut
    if response.turns:
        out["turns"] = response.turns
    return out


def _claims(text: str, sources: list[dict]) -> list[dict]:
    """The clauses of an answer to be judged one by one: {"text", and where a sentence of the sources is
    suggested "suggested" (its number over all sources, as the page shows it) and "shared" (why)}."""
    numbered = [one for source in sources for one in source["sentences"] if one.strip()]
    found = clauses.split(text)
    return [
        {"text": clause} | ({"suggested": one.sentence, "shared": one.shared} if one else {})
        for clause, one in zip(found, support.suggest(found, numbered), strict=True)
    ]


def _source(source: dict, html: bool) -> dict:
    text = source.get("text", "")
    return {
        "title": source.get("title", ""),
        "url": source.get("url", ""),
        **_shown(text, html),
        "sentences": sentences.split(text),
    }
