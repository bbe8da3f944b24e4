"""Who judges faster than anybody reads: a hint for the lead, and nothing more.

Reading takes about 25 characters a second (238 English words a minute: Brysbaert 2019, J. Mem. Lang.
109:104047), of Chinese about 9. Of a person's newest judgements each is held against the time that its prompt
and answers take to read; the hint is given where the median took less than a third of it. Skimming is quick,
and a text may be known, so a third is generous."""

from collections import defaultdict
from dataclasses import dataclass
from statistics import median

from django.core.cache import cache

from annotation.models import Annotation, ItemAnswer
from annotation.presentation import text_of
from annotation.querysets import IN_FORCE
from core.rendering.language import count_han

HAN_A_SECOND, OTHERS_A_SECOND = 9, 25
SHARE = 1 / 3  # of the reading time
LEAST, MOST = 5, 40  # judgements of a person: too few for a hint, and as many as are looked at
PEOPLE = 100
KEPT = 120


@dataclass(frozen=True)
class Pace:
    """Medians over a person's newest judgements: seconds taken, and seconds that reading takes."""

    seconds: float
    reading: float
    n: int

    @property
    def hint(self) -> bool:
        """Whether it was far too fast to have been read."""
        return self.n >= LEAST and self.seconds < self.reading * SHARE


def reading_seconds(texts: list[str]) -> float:
    """How long `texts` take to read. Pure."""
    han = sum(count_han(text) for text in texts)
    return han / HAN_A_SECOND + (sum(map(len, texts)) - han) / OTHERS_A_SECOND


def of(took: list[tuple[float, float]]) -> Pace | None:
    """The pace of judgements (seconds taken, seconds that reading takes); None of none. Pure."""
    if not took:
        return None
    return Pace(median(s for s, _r in took), median(r for _s, r in took), len(took))


def hasty(project, annotators: list[int]) -> dict[int, Pace]:
    """{annotator id: pace} of those of `annotators` who were far too fast, at most PEOPLE looked at. Two
    queries for each, kept for KEPT seconds."""
    out = {}
    keys = {f"pace-{project.pk}-{pk}": pk for pk in annotators[:PEOPLE]}
    known = cache.get_many(list(keys))
    for key, pk in keys.items():
        pace = known[key] if key in known else _pace(project, pk)
        if key not in known:
            cache.set(key, pace, KEPT)
        if pace is not None and pace.hint:
            out[pk] = pace
    return out


def _pace(project, annotator: int) -> Pace | None:
    rows = list(
        Annotation.objects.filter(
            project=project, annotator=annotator, state__in=IN_FORCE, head__active_ms__gt=0
        )
        .order_by("-pk")
        .values_list("item", "item__prompt__messages", "head__active_ms")[:MOST]
    )
    answers = defaultdict(list)
    ids = [item for item, _messages, _ms in rows]
    for item, text in ItemAnswer.objects.filter(item__in=ids).values_list("item", "response__text"):
        answers[item].append(text)
    return of(
        [
            (ms / 1000, reading_seconds([*map(text_of, messages), *answers[item]]))
            for item, messages, ms in rows
        ]
    )
