"""What a chunk of an import is given and gives back: primary keys, and what was newly made."""

from collections import Counter
from dataclasses import dataclass, field, fields

from annotation.models import Annotation, AnnotationVersion, Item
from core.db import bulk
from corpus.models import Prompt, Response
from corpus.records import Refusal


class KeySource:
    """Primary keys of all tables an import writes, kept over its chunks. `dry`: of a trial."""

    def __init__(self, *, dry: bool):
        self.dry = dry
        self.prompt, self.response, self.item, self.annotation, self.version = (
            bulk.Keys(model, dry=dry) for model in (Prompt, Response, Item, Annotation, AnnotationVersion)
        )

    def reset(self) -> None:
        for keys in (self.prompt, self.response, self.item, self.annotation, self.version):
            keys.reset()


class ItemFroze(Exception):
    """An item that this chunk meant to change was frozen by an assignment meanwhile: decide again."""


@dataclass
class Numbers:
    """How much was newly made."""

    imported: int = 0
    items: int = 0
    responses: int = 0
    annotations: int = 0
    duplicates: int = 0
    refused: int = 0
    prompts: int = 0
    personal_data: int = 0
    waiting: int = 0  # new ranking items with one answer only, less those that got their second

    def increase(self, more: "Numbers") -> None:
        for one in fields(Numbers):
            setattr(self, one.name, getattr(self, one.name) + getattr(more, one.name))


@dataclass
class Added(Numbers):
    """What one chunk made, and what of it was refused."""

    refusals: list[Refusal] = field(default_factory=list)
    # records with a column that is kept as a note, by its name
    notes: Counter = field(default_factory=Counter)
    # records with something that is not kept at all, by its name
    dropped: Counter = field(default_factory=Counter)

    def refuse(self, refusal: Refusal) -> None:
        self.refusals.append(refusal)
        self.refused += 1
