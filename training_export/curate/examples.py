"""The canonical training rows, before any trainer's format. Plain, with provenance, never changed once made
(`frozen` would double what making one costs). Pure.

`context`: [{role, content, ...}] (system first if any; the last turn is not the assistant's), exactly what
the judged person saw. `group_id`: the prompt's stable id; rows of one group never stand on two sides of a
split. `origin`: "human" · "corrected" · "model:NAME" · "synthetic" · "imported". `provenance`: {"item",
"prompt", "versions": [annotation version ids], "annotators": [pseudonyms], "responses": [ids], "models":
[names], "status": "raw|accepted|settled|imported", "reason": "correction|demonstration|kept|fixed|…"}."""

from dataclasses import dataclass, field


@dataclass(slots=True, unsafe_hash=True)
class Answer:
    """The target side: final `text` and, for tool use, the turns before it."""

    text: str
    turns: tuple = ()
    origin: str = "imported"


_NOTHING = Answer("")


@dataclass(slots=True)
class Example:
    context: list
    group_id: str
    tools: list | None = None
    sources: list = field(default_factory=list)
    language: str = ""
    tags: tuple = ()
    weight: float = 1.0
    provenance: dict = field(default_factory=dict)


@dataclass(slots=True)
class Sft(Example):
    """Learn to give `target`. Loss falls on `target` only: earlier assistant turns of the context were not
    judged."""

    target: Answer = _NOTHING


@dataclass(slots=True)
class Preference(Example):
    """`chosen` ≻ `rejected` in one context. `n_for`/`n_against`: votes; `agreement` = n_for / (n_for +
    n_against); `margin` only where the export asked for one."""

    chosen: Answer = _NOTHING
    rejected: Answer = _NOTHING
    margin: float | None = None
    n_for: int = 1
    n_against: int = 0


@dataclass(slots=True)
class Binary(Example):
    """Good (`label` true) or bad, never from rank alone."""

    answer: Answer = _NOTHING
    label: bool = True


@dataclass(slots=True)
class RankedList(Example):
    """Groups of answers, best first; equal inside a group."""

    groups: tuple = ()


@dataclass(slots=True)
class PromptOnly(Example):
    pass


@dataclass(slots=True)
class EvalQuestion(Example):
    reference: str = ""
