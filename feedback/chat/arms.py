"""Which model answers: arms drawn by weight, per turn at random or per person for good, and several of them
for drafts."""

import hashlib
import hmac
import math
import random
from collections.abc import Sequence

from django.utils.translation import gettext as _

from core.errors import DomainError
from core.models import Project
from feedback.models import Arm, ChatSettings, EndUser

_random = random.SystemRandom()
SAMPLED = 0.7  # the temperature of drafts sampled from one model that is set to answer the same each time


def able(project: Project) -> list[Arm]:
    """The arms that may be drawn, with endpoint and model version. DomainError "no_model" when nobody would
    answer. One query."""
    arms = Arm.objects.filter(project=project, active=True, weight__gt=0, endpoint__active=True)
    found = list(arms.select_related("endpoint__model_version").order_by("pk"))
    if not found:
        raise DomainError(
            "no_model", _("No model answers here at the moment. Your question was not sent."), status=503
        )
    return found


def share_of(key: bytes | memoryview, *parts: object) -> float:
    """A number in [0, 1), always the same for the same parts, evenly spread, keyed by the project."""
    digest = hmac.new(bytes(key), "\0".join(map(str, parts)).encode(), hashlib.sha256).digest()
    return int.from_bytes(digest[:7]) / (1 << 56)  # 56 bits: as a float it cannot round up to 1


def by_weight(arms: Sequence[Arm]) -> Arm:
    """One at random, by weight."""
    return _random.choices(arms, weights=[a.weight for a in arms])[0]


def for_person(project: Project, person: int | str, arms: Sequence[Arm]) -> Arm:
    """The own arm of `person` (the key of an EndUser's row, or what else they are known by for good): as many
    people as the weights say, and a change of the arms moves only those it must (weighted rendezvous
    hashing)."""

    def drawn(arm: Arm) -> float:
        return -arm.weight / math.log(share_of(project.hash_key, "arm", person, arm.pk) or 1e-17)

    return max(arms, key=drawn)


def one(chat: ChatSettings, end_user: EndUser, arms: Sequence[Arm]) -> Arm:
    """The arm of a single answer."""
    return (
        for_person(chat.project, end_user.pk, arms)
        if chat.assign == ChatSettings.Arms.PERSON
        else by_weight(arms)
    )


def wants_drafts(chat: ChatSettings, turn: int) -> bool:
    """Whether the user's turn with this id is answered by several drafts; asked twice, the same is said."""
    if chat.drafts == ChatSettings.Drafts.SHARE:
        return 100 * share_of(chat.project.hash_key, "drafts", turn) < chat.draft_share
    return chat.drafts == ChatSettings.Drafts.ALWAYS


def for_drafts(chat: ChatSettings, end_user: EndUser, arms: Sequence[Arm]) -> list[Arm]:
    """The arms of `draft_count` drafts, in the order of their places on screen, which is random: so the
    effect of the place can be told from the effect of the model. From different arms as far as there are
    any, each drawn by weight; else all from one."""
    count = max(2, min(4, chat.draft_count))
    if not chat.draft_from_arms or len(arms) < 2:
        return [one(chat, end_user, arms)] * count
    left, drawn = list(arms), []
    while len(drawn) < count:
        left = left or list(arms)
        drawn.append(by_weight(left))
        left.remove(drawn[-1])
    _random.shuffle(drawn)
    return drawn


def overrides(arm: Arm, nth: int, of_same: int) -> dict:
    """What a draft's request changes of the endpoint's parameters, so that `of_same` drafts of one model do
    not come out the same."""
    given, out = arm.endpoint.parameters or {}, {}
    if of_same > 1:
        if given.get("temperature") == 0:
            out["temperature"] = SAMPLED
        if isinstance(given.get("seed"), int) and nth:
            out["seed"] = given["seed"] + nth
    return out
