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
NEWEST = 600  # judgements of a project that are looked at, of each state
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


def hasty(project) -> dict[int, Pace]:
    """{annotator id: pace} of those who were far too fast, of whose judgements are among the newest of the
    project. Three queries, kept for KEPT seconds."""
    key = f"hasty-{project.pk}"
    found: dict[int, Pace] | None = cache.get(key)
    if found is None:
        paces = {pk: of(took[:MOST]) for pk, took in _newest(project).items()}
        found = {pk: pace for pk, pace in paces.items() if pace is not None and pace.hint}
        cache.set(key, found, KEPT)
    return found


def _newest(project) -> dict[int, list[tuple[float, float]]]:
    """{annotator: (seconds taken, seconds that reading takes) of each judgement, the newest first}."""
    rows = []
    for state in IN_FORCE:  # one by one: each goes by the index from its newest on
        timed = Annotation.objects.filter(
            project=project, state=state, annotator__source="person", head__active_ms__gt=0
        )
        rows += timed.order_by("-pk").values_list(
            "pk", "annotator", "item", "item__prompt__messages", "head__active_ms"
        )[:NEWEST]
    rows.sort(key=lambda row: -row[0])
    texts: dict[int, list[str]] = defaultdict(list)
    given = ItemAnswer.objects.filter(item__in={row[2] for row in rows}).values_list("item", "response__text")
    for item, text in given:
        texts[item].append(text)
    out: dict[int, list[tuple[float, float]]] = defaultdict(list)
    for _pk, annotator, item, messages, ms in rows:
        out[annotator].append((ms / 1000, reading_seconds([*map(text_of, messages), *texts[item]])))
    return out
