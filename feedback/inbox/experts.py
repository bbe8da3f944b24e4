"""What the room of the experts above says of answers (core.registry part "feedback.experts"); without one,
nothing was sent.

That module has `promotions(project)`, a queryset with `message_id` and `outcome` ("item" and "known" are
before experts, "refused" is not); `of_messages(project, ids)`; `still_to_judge(project, user)`, answers on
items that `user` has yet to judge; `judged(project, scope, cell)`, answers by what experts said of them;
`settled(project, message)`, what the settled result says of an answer."""

from core import registry

BEFORE = ("item", "known")


def _part():
    return registry.part("feedback.experts")


def promotions(project):
    """The answers that were sent or refused, as a queryset; None if nobody can send any."""
    part = _part()
    return part.promotions(project) if part else None


def of_messages(project, ids) -> dict[int, dict]:
    """{answer: {"outcome", "words", "item", "url", "state", "reason"}} of those of `ids` that were sent or
    refused."""
    part = _part()
    return part.of_messages(project, ids) if part else {}


def still_to_judge(project, user) -> list[int]:
    """Answers that `user` has yet to judge without knowing what others said of them."""
    part = _part()
    return part.still_to_judge(project, user) if part else []


def judged(project, start, end, model, cell: str) -> list[int]:
    """Answers from `start` to `end` of which people and experts said what `cell` names ("down-bad")."""
    part = _part()
    return part.judged(project, start, end, model, cell) if part else []


def settled(project, message: int) -> tuple[str, str] | None:
    """(verdict, corrected text) of the answer's settled item; None if there is none."""
    part = _part()
    return part.settled(project, message) if part else None
