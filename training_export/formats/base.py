"""What a trainer's format is: a `Writer` that turns Examples into files, and a strict checker of the files
written. Pure: no database.

    writer = FORMATS["trl-sft"].open(folder, Options(system="merge"), splits=("train", "validation"))
    for split, example in …:
        writer.add(example, split)
    files = writer.close()                      # writes what is still held, hashes
    writer.left_out                             # Counter {code: rows}; REASONS has the sentence of each
                                        code
    writer.notes                                # [{"code", "text", …}] things the training engineer should
                                        know
    problems = list(FORMATS["trl-sft"].check(folder))   # publish only if none has level "error"

Row n of `train.jsonl` has its provenance on line n of `provenance/train.jsonl`."""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields, replace
from pathlib import Path

from django.utils.translation import gettext_lazy as _

from training_export.formats.reasons import sentence

SPLITS = ("train", "validation", "test")
# What a trainer can be at: formats that have one file for each name theirs among these.
STAGES = {
    "sft": _("Supervised fine-tuning"),
    "rm": _("Reward model"),
    "dpo": _("Preference pairs (DPO)"),
    "kto": _("Good or bad (KTO)"),
    "rl": _("Reinforcement learning: prompts, with an answer to compare with"),
}
MOST_PLACES = 20  # named of what is left out under one code; their number is always whole


@dataclass(frozen=True)
class Options:
    """What every format may be asked for.

    `system`: "keep" a system message as its own turn, or "merge" it into the first user turn (for models
    whose template knows none). `sources`: "omit" the passages from the training prompt, or put them before
    the "system" message or before the last "user" turn. `margin`: what the Examples' margins are ("none",
    "strength", "bt"); any but "none" writes a `margin` column where the format has one.
    `allow_template_tokens`: keep rows whose text holds a chat template's control tokens. `name`: prefix of
    data set names (LLaMA-Factory). `stage`: which of a format's stages its files are for (see
    `Format.stages`), "" for its first."""

    system: str = "keep"
    sources: str = "omit"
    margin: str = "none"
    allow_template_tokens: bool = False
    name: str = "touchstone"
    stage: str = ""

    CHOICES = {
        "system": ("keep", "merge"),
        "sources": ("omit", "system", "user"),
        "margin": ("none", "strength", "bt"),
    }

    def __post_init__(self):
        for key, choices in self.CHOICES.items():
            if getattr(self, key) not in choices:
                raise ValueError(f"{key}: {getattr(self, key)!r} is not one of {', '.join(choices)}")
        if self.stage and self.stage not in STAGES:
            raise ValueError(f"stage: {self.stage!r} is not one of {', '.join(STAGES)}")
        if not (self.name.isascii() and self.name.replace("_", "").replace("-", "").isalnum()):
            raise ValueError("name: only ASCII letters, digits, - and _")

    @classmethod
    def of(cls, options: Mapping | None) -> "Options":
        """The options of a format out of an export's larger set (unknown keys are another's)."""
        known = {f.name for f in fields(cls)}
        return cls(**{k: v for k, v in (options or {}).items() if k in known})


@dataclass(frozen=True)
class FileInfo:
    """A file written: `path` relative to the folder, `rows` (0 for a file without rows), `role` "data" ·
    "provenance" · "config"."""

    path: str
    rows: int
    sha256: str
    role: str = "data"

    def as_dict(self) -> dict:
        return {"path": self.path, "rows": self.rows, "sha256": self.sha256}


@dataclass(frozen=True)
class Problem:
    """What a checker found: `line` 1-based (0: the file as a whole), `field` the column, `level` "error"
    (blocks publication) · "warning"."""

    file: str
    line: int
    field: str
    code: str
    detail: str = ""
    level: str = "error"

    @property
    def reason(self) -> str:
        """The sentence for people, in the active language."""
        return sentence(self.code) + (f" ({self.detail})" if self.detail else "")

    def as_dict(self) -> dict:
        return {
            "file": self.file,
            "line": self.line,
            "field": self.field,
            "code": self.code,
            "reason": self.reason,
            "level": self.level,
        }


class Watch:
    """Whom a writer tells about its growing files. From any thread; nothing here waits."""

    def follow(self, path: Path, name: str) -> None:
        """`path` begins to grow; it may become the file `name`, or be left for another one of that name."""

    def grown(self, name: str) -> None:
        """More of it can be read."""


def place_of(provenance: Mapping) -> dict:
    """Where something that was left out came from, without a word of it: its prompt, item, and place in a
    file or a talk."""
    origins = [{k: v for k, v in origin.items() if k != "id"} for origin in provenance.get("origins", ())[:3]]
    place = {
        "prompt": provenance.get("prompt"),
        "item": provenance.get("item"),
        "origins": [o for o in origins if o],
    }
    return {name: value for name, value in place.items() if value}


class Writer:
    """Takes Examples, writes rows; what the format cannot hold is left out and counted, never changed or
    dropped silently. `left_out`: {code: how many}; `places`: {code: where the first of them came from}."""

    watch = Watch()

    def __init__(self, folder: Path, options: Options, splits: tuple[str, ...]):
        self.folder, self.options, self.splits = Path(folder), options, tuple(splits)
        self.left_out: Counter = Counter()
        self.places: dict[str, list[dict]] = {}
        self.notes: list[dict] = []

    def add(self, example, split: str = "train") -> None:
        raise NotImplementedError

    def leave_out(self, code: str, provenance: Mapping) -> None:
        """Count one row, or what should have become rows, as left out."""
        self.left_out[code] += 1
        places = self.places.setdefault(code, [])
        if len(places) < MOST_PLACES and (place := place_of(provenance)) not in places:
            places.append(place)

    def refuses(self, pair) -> bool:
        """True if `add` will leave out this Preference, or fail on it, for what one of its texts holds.
        Cheap: what was rendered for this is used again."""
        return False

    def refused(self, pairs: list) -> set[int]:
        """The ids (`id()`) of those of one prompt's Preferences that `refuses` says no to."""
        return {id(pair) for pair in pairs if self.refuses(pair)}

    def close(self) -> list[FileInfo]:
        """Ends all files; the data files first, then provenance and configuration. No file is made for a
        split without rows."""
        raise NotImplementedError

    def wait_until_stored(self) -> None:
        """After `close`: the files are on disk when this returns."""

    def note(self, code: str, **more) -> None:
        self.notes.append({"code": code, "text": sentence(code), **more})


@dataclass(frozen=True)
class Format:
    """One trainer's format. `takes`: the Example classes it can hold; `stages`: {stage: those of them that
    its files for this stage hold}, the usual one first, for a format whose files are of one stage at a time.
    `not_honoured`: sentences for the manifest: what the trainer will not make use of."""

    name: str
    label: object
    trainer: str
    takes: frozenset
    writer: type
    checker: type
    not_honoured: tuple = ()
    options: tuple = field(default=("system", "sources", "allow_template_tokens"))
    stages: Mapping[str, frozenset] = field(default_factory=dict)

    def stage_of(self, options: Options) -> str:
        """The stage that `options` ask for, or the usual one; "" for a format without stages. ValueError
        for one that it does not have."""
        if options.stage and options.stage not in self.stages:
            raise ValueError(f"stage: {self.name} has no {options.stage!r}")
        return options.stage or next(iter(self.stages), "")

    def settled(self, options: Options | Mapping | None) -> Options:
        """`options` as this format has them, its stage said."""
        if not isinstance(options, Options):
            options = Options.of(options)
        return replace(options, stage=self.stage_of(options))

    def takes_for(self, options: Options) -> frozenset:
        """The Example classes that the files hold with these options."""
        return self.stages.get(self.stage_of(options), self.takes)

    def open(
        self, folder, options: Options | Mapping | None = None, splits: tuple[str, ...] = ("train",)
    ) -> Writer:
        """A writer into `folder` (made if missing, must be empty of this format's files)."""
        options = self.settled(options)
        folder = Path(folder)
        folder.mkdir(parents=True, exist_ok=True)
        for split in splits:
            if split not in SPLITS:
                raise ValueError(f"no split is called {split!r}")
        return self.writer(folder, options, splits)

    def check(self, folder, options: Options | Mapping | None = None) -> Iterator[Problem]:
        """Everything wrong in the written files of `folder`, as a trainer would not tell. Streams; memory is
        flat."""
        return self.checker(Path(folder), self.settled(options)).problems()

    def sample(self, options: Options | Mapping | None = None) -> dict[str, str]:
        """{file name: text} of a small export, made by the format's own code."""
        from training_export.formats.samples import written

        return written(self, options)

    def as_dict(self) -> dict:
        """For `manage.py formats --json` and the API."""
        return {
            "name": self.name,
            "label": str(self.label),
            "trainer": self.trainer,
            "takes": sorted(cls.__name__ for cls in self.takes),
            "stages": {stage: sorted(cls.__name__ for cls in takes) for stage, takes in self.stages.items()},
            "options": list(self.options),
            "not_honoured": [str(s) for s in self.not_honoured],
        }


LABELS = {
    "trl-sft": _("TRL: supervised fine-tuning"),
    "trl-preference": _("TRL: preference pairs (DPO)"),
    "trl-rm": _("TRL: reward model"),
    "trl-kto": _("TRL: good or bad (KTO)"),
    "llamafactory": _("LLaMA-Factory: a folder for all its stages"),
    "jsonl": _("JSON lines: everything, in the canonical form"),
}
