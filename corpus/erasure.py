"""A person's part in this room: prompts that only their turns brought in, and answers that only they got.
Which ones, upper rooms have found."""

from core.erasure import Person
from corpus.models import Prompt, PromptOrigin, Response


def erase(person: Person) -> dict[str, int]:
    """Dying prompts with their answers and origins; of the others, the origins in the person's turns, which
    pass to those who asked the same."""
    dying = sorted(person.ids("dying"))
    responses = Response.objects.filter(prompt__in=dying) | Response.objects.filter(
        pk__in=person.ids("responses")
    )
    counts = {"responses": responses.count(), "prompts": len(dying)}
    responses.delete()
    for origin in PromptOrigin.objects.filter(
        prompt__project=person.project, turn_id__in=person.ids("messages")
    ).exclude(prompt__in=dying):
        heir = person.twins.get(origin.turn_id or 0)
        if (
            heir is not None
            and not PromptOrigin.objects.filter(prompt=origin.prompt_id, turn_id=heir).exists()
        ):
            origin.turn_id = heir
            origin.save(update_fields=["turn_id"])
        else:
            origin.delete()
    Prompt.objects.filter(pk__in=dying).delete()
    return counts
