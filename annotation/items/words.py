"""The search for items by words, Chinese and English alike, on either database.

Of a text its words are taken: of letters and digits each run in lower case, of Chinese each two neighbouring
characters (and the last one of a run alone), as there are no spaces to go by. A search wants every word that
was typed, found from its beginning, and of Chinese every pair: "发烧怎么办" wants 发烧, 烧怎, 怎么, 么办. On
PostgreSQL a GIN index over these words answers; trigrams (pg_trgm) would not know words of two characters,
which most Chinese words are. On SQLite the words are read through.

Words are taken down after the fact, as judgements are (annotation.results.digest): an item without them, or
with more answers since, stands in a partial index."""

import re
import unicodedata
from collections import defaultdict

from django.db import connection, transaction
from django.db.models import BooleanField, F, Func, Q, TextField, Value
from django.db.models.functions import Concat

from annotation.models import Item, ItemAnswer, ItemWords
from annotation.presentation import text_of
from annotation.querysets import any_of, unsearchable
from core.models import Project
from core.text import whole_number
from corpus.models import PromptOrigin

BATCH = 500
AT_ONCE = 2000  # items that a page takes down before it answers
IN_A_RUN = 100_000
LONGEST = 20_000  # characters of an item that are looked at
MOST_TERMS = 24
FEW = 5000  # found items that are named one by one
_HAN = "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
_RUNS = re.compile(rf"[{_HAN}]+|[^\W_{_HAN}]+")
_IS_HAN = re.compile(rf"[{_HAN}]")
_LONGEST_WORD = 60


def _runs(text: str) -> list[str]:
    return _RUNS.findall(unicodedata.normalize("NFKC", text).lower())


def of_text(text: str) -> list[str]:
    """The words of `text`, each once, in the order they first come in."""
    found: dict[str, None] = {}
    for run in _runs(text):
        if _IS_HAN.match(run):
            found.update(dict.fromkeys(run[i : i + 2] for i in range(len(run))))
        else:
            found[run[:_LONGEST_WORD]] = None
    return list(found)


def of_query(text: str) -> list[tuple[str, bool]]:
    """[(word, whether it is a beginning only)] that a search for `text` wants all of."""
    found: dict[tuple[str, bool], None] = {}
    for run in _runs(text):
        if not _IS_HAN.match(run):
            found[run[:_LONGEST_WORD], True] = None
        elif len(run) == 1:
            found[run, True] = None
        else:
            found.update(dict.fromkeys((run[i : i + 2], False) for i in range(len(run) - 1)))
    return list(found)[:MOST_TERMS]


def search(rows, project, q: str):
    """Those of `rows`, items of `project`, that `q` means: the item of that id, or the items of that external
    id; else those with all its words."""
    named = Q(prompt__in=PromptOrigin.objects.filter(prompt__project=project, external_id=q).values("prompt"))
    ids = list(Item.objects.filter(named, project=project).values_list("pk", flat=True)[:200])
    if (pk := whole_number(q)) is not None:
        ids += Item.objects.filter(project=project, pk=pk).values_list("pk", flat=True)
    if ids:
        return rows.filter(pk__in=ids)
    terms = of_query(q)
    if not terms:
        return rows.none()
    found = _matching(terms).filter(project=project).values_list("item", flat=True)
    if connection.vendor == "postgresql":
        # By the index first: joined, PostgreSQL goes through the items in their order and reads the words of
        # each, which for a rare word takes seconds. For a frequent one that is the quickest way.
        few = list(found[: FEW + 1])
        if len(few) <= FEW:
            return rows.filter(pk__in=few)
    return rows.filter(pk__in=found)


def among(item_ids: list[int], q: str) -> set[int]:
    """Those of `item_ids` that have all the words of `q`; their words alone are read."""
    terms = of_query(q)
    if not terms or not item_ids:
        return set()
    return set(_matching(terms).filter(item__in=item_ids).values_list("item", flat=True))


class _HasAll(Func):
    """Whether words stand in a text of words, as PostgreSQL's tsquery; by the index of the migration, which
    stands on the same expression."""

    output_field = BooleanField()

    def as_postgresql(self, compiler, connection, **extra):
        text, values = compiler.compile(self.source_expressions[0])
        query, more = compiler.compile(self.source_expressions[1])
        return f"array_to_tsvector(string_to_array({text}, ' ')) @@ {query}::tsquery", [*values, *more]


def _matching(terms: list[tuple[str, bool]]):
    if connection.vendor == "postgresql":
        query = " & ".join(f"'{word}'" + (":*" if start else "") for word, start in terms)
        return ItemWords.objects.filter(_HasAll(F("words"), Value(query)))
    wanted = Q()
    for word, start in terms:
        wanted &= Q(padded__contains=f" {word}" + ("" if start else " "))
    padded = Concat(Value(" "), "words", Value(" "), output_field=TextField())
    return ItemWords.objects.annotate(padded=padded).filter(wanted)


def catch_up(project, *, most: int | None = None) -> bool:
    """Take down the words of what has none yet, of at most `most` items; whether nothing is left."""
    done = 0
    while left(project):
        n = _batch(project)
        done += n
        if not n or (most is not None and done >= most):  # none: somebody else holds what is left
            return not left(project)
    return True


def left(project) -> bool:
    """Whether words of items of `project` are still to be taken down."""
    return any_of(Item.objects.filter(unsearchable(), project=project))


def catch_up_all() -> int:
    """The worker's part: every project, as far as one run goes. The number of projects that had work."""
    found = list(Project.objects.filter(pk__in=Item.objects.filter(unsearchable()).values("project")))
    for project in found:
        catch_up(project, most=IN_A_RUN)
    return len(found)


@transaction.atomic
def _batch(project) -> int:
    rows = list(
        Item.objects.filter(unsearchable(), project=project)
        .select_related("prompt")
        .select_for_update(no_key=True, of=("self",), skip_locked=True)
        .order_by("pk")[:BATCH]
    )
    ids = [row.pk for row in rows]
    answers: dict[int, list[str]] = defaultdict(list)
    for item, text in (
        ItemAnswer.objects.filter(item__in=ids).order_by("pk").values_list("item", "response__text")
    ):
        answers[item].append(text)
    made = []
    for row in rows:
        texts = [text_of(m) for m in row.prompt.messages] + answers[row.pk]
        whole = "\n".join(texts)[:LONGEST]
        made.append(ItemWords(item=row, project=project, words=" ".join(of_text(whole))))
    ItemWords.objects.bulk_create(
        made, update_conflicts=True, unique_fields=["item"], update_fields=["words"], batch_size=BATCH
    )
    Item.objects.filter(pk__in=ids).update(words_slots=F("slot_count"))
    return len(rows)
