"""Which column means what. Names are compared without case, blanks and hyphens; a mapping given by hand goes
first."""

import re
from dataclasses import dataclass, field
from functools import lru_cache

from django.utils.translation import gettext as _

from corpus.readers.aliases import ABOUT, ALIASES, ONE_JUDGE
from corpus.readers.errors import RowRefused
from corpus.readers.judgements.hints import bare
from corpus.records import FileRefused

# beside which a question is what they are about, not another way to ask
_INSTRUCTIONS = {"instruction", "instruct", "prompt", "指令", "提示", "提示词"}
_ONLY_OF_TWO = {"selected", "accepted"}  # alone they say that something was done with the row

_STEM = r"(answer|response|output|completion|reply|candidate|generation|conversation|回答|答案|回复|候选)"
_SUFFIX = r"([a-j]|\d{1,2}|[甲乙丙丁])"
_ANSWER_N = re.compile(rf"{_STEM}_?{_SUFFIX}")
_MODEL_ANSWER_N = re.compile(rf"(model|模型)_?{_SUFFIX}_?的?{_STEM}")
_NUMBERED = re.compile(
    rf"(rank|score|rating|model|finish_reason|stop_reason|排名|名次|评分|得分|模型)_?(?:{_STEM}_?)?{_SUFFIX}"
)
_NUMBERED_BEHIND = re.compile(
    rf"(?:{_STEM}|model|模型)_?{_SUFFIX}_?的?_?(rank|score|rating|model|finish_reason|stop_reason|排名|名次|评分|得分|模型)"
)
_JUDGE = re.compile(
    r"(annotator|label|preference|pref|judge|judgement|judgment|rater|vote|choice|winner|标注员|标注|评审|评委|偏好)[_\-\s:：]+(.+)",
    re.I | re.S,
)
_NUMBERED_JUDGE = re.compile(
    r"(annotator|rater|judge|labell?er|reviewer|标注[人员者]|评审人?|评委)\d{1,3}", re.I
)
_JUDGE_BEHIND = re.compile(
    r"(.+)[_\-\s:：](label|preference|vote|choice|judgement|judgment|标注|偏好|评审|选择)", re.I | re.S
)
_KINDS = {
    "排名": "rank",
    "名次": "rank",
    "评分": "score",
    "得分": "score",
    "模型": "model",
    "rating": "score",
    "stop_reason": "finish_reason",
}
GIVEN = {
    "winner",
    *ALIASES,
    *(f"{stem}_{n}" for stem in ("answer", "rank", "score", "model") for n in range(1, 11)),
}


def normal(name: str) -> str:
    return re.sub(r"[\s\-.]+", "_", name.strip().casefold())


def is_media(column: str) -> bool:
    """Whether a column's name says that it holds pictures, sound or video."""
    return normal(column) in ALIASES["images"]


def is_judge(column: str) -> bool:
    """Whether a column's name says that it holds somebody's judgement."""
    name = bare(column).strip()
    return (
        any(form.fullmatch(name) for form in (_JUDGE, _NUMBERED_JUDGE, _JUDGE_BEHIND))
        or normal(name) in ONE_JUDGE
    )


def is_annotator(ours: str) -> bool:
    """Whether our field is an annotator's: annotator_NAME."""
    return bool(_JUDGE.fullmatch(ours))


@dataclass(slots=True)
class Columns:
    """The columns of a row by meaning. `answers`: (suffix, column) of answer_a, answer_b …; `numbered`:
    {"rank"|"score"|"model"|"finish_reason": {suffix: column}}; `models`: {suffix: the model that a mapping
    names for a whole column of answers}; `ranked_texts`: rank1 … rankN that hold the answers themselves;
    `judges`: (annotator, column); `media`: of pictures, sound and video; `rest`: everything else."""

    of: dict[str, str] = field(default_factory=dict)
    answers: list[tuple[str, str]] = field(default_factory=list)
    numbered: dict[str, dict[str, str]] = field(default_factory=dict)
    models: dict[str, str] = field(default_factory=dict)
    ranked_texts: list[str] = field(default_factory=list)
    judges: list[tuple[str, str]] = field(default_factory=list)
    media: list[str] = field(default_factory=list)
    rest: list[str] = field(default_factory=list)

    def as_mapping(self) -> dict[str, str]:
        out = dict(self.of)
        out |= {f"answer_{suffix}": column for suffix, column in self.answers}
        for kind, columns in self.numbered.items():
            out |= {f"{kind}_{suffix}": column for suffix, column in columns.items()}
        out |= {f"rank{i}": column for i, column in enumerate(self.ranked_texts, 1)}
        out |= {f"annotator_{name}" if name else "winner": column for name, column in self.judges}
        return out


def model_of_column(ours: str, given: str, columns) -> tuple[str, str] | None:
    """(suffix, name) where a mapping names the model of a whole column of answers (`model_a` = "=NAME")
    instead of a column that names it; None for any other pair."""
    found = _NUMBERED.fullmatch(normal(ours)) if given[:1] == "=" and given not in columns else None
    name = given[1:].strip()
    return (found[3], name) if found and name and _KINDS.get(found[1], found[1]) == "model" else None


def check_given(given: dict[str, str], columns) -> None:
    """FileRefused for a mapping to a field that is not ours or from a column that is not there."""
    for ours, column in given.items():
        if (
            normal(ours) not in GIVEN
            and not _JUDGE.fullmatch(ours)
            and not _ANSWER_N.fullmatch(normal(ours))
            and not _NUMBERED.fullmatch(normal(ours))
        ):
            raise FileRefused(
                "mapping",
                _("There is no field %(name)s. Fields: %(names)s")
                % {"name": ours[:60], "names": ", ".join(ALIASES)},
            )
        if column and column not in columns and model_of_column(ours, column, columns) is None:
            shown = ", ".join(str(c) for c in columns)[:500]
            raise FileRefused(
                "mapping",
                _("The file has no column %(name)s. It has: %(names)s")
                % {"name": column[:60], "names": shown},
            )


def _order(suffix: str):
    return (0, int(suffix), "") if suffix.isdigit() else (1, "甲乙丙丁".find(suffix), suffix)


def answer_columns(mapping: dict[str, str]) -> list[tuple[str, str]]:
    """(suffix, column) of the answers in columns of their own, in their order, from {our field: column}."""
    found = ((_ANSWER_N.fullmatch(normal(ours)), column) for ours, column in mapping.items() if column)
    return sorted(((m[2], column) for m, column in found if m), key=lambda pair: _order(pair[0]))


@lru_cache(maxsize=512)
def resolve(columns: tuple[str, ...], given: tuple[tuple[str, str], ...], join: str | None) -> Columns:
    """The meaning of `columns`. A given pair (our field, column) counts where the row has that column;
    (field, "") switches the field off. RowRefused where two columns of one row have the same name but for
    case and blanks."""
    out = Columns()
    used: set[str] = set()
    off: set[str] = set()
    ranked: dict[str, str] = {}
    for ours, column in given:
        key = normal(ours)
        if not column:
            off.add(key)
        elif named := model_of_column(ours, column, columns):
            out.models[named[0]] = named[1]
        elif column in columns:
            used.add(column)
            judge = _JUDGE.fullmatch(ours)
            answer, numbered = _ANSWER_N.fullmatch(key), _NUMBERED.fullmatch(key)
            if key in ALIASES:
                out.of[key] = column
            elif answer:
                out.answers.append((answer[2], column))
            elif numbered and key == f"rank{numbered[3]}":
                ranked[numbered[3]] = column
            elif numbered:
                out.numbered.setdefault(_KINDS.get(numbered[1], numbered[1]), {})[numbered[3]] = column
            elif key == "winner":
                out.judges.append(("", column))
            elif judge:
                out.judges.append((judge[2].strip(), column))
    if join is not None and join in columns:
        out.of["id"] = join
        used.add(join)
    by_normal: dict[str, str] = {}
    for column in columns:
        if column in used:
            continue
        name = normal(column)
        if name in by_normal:
            raise RowRefused(
                column[:100],
                "ambiguous",
                _("The columns %(a)s and %(b)s have the same name.")
                % {"a": by_normal[name][:60], "b": column[:60]},
            )
        by_normal[name] = column
    _numbered_columns(out, by_normal, used, off, ranked)
    for ours, names in ALIASES.items():
        if ours in out.of or ours in off:
            continue
        for name in names:
            column = by_normal.get(name)
            if (
                column is None
                or column in used
                or (ours == "answer" and name == "text" and not _is_answer_file(out, by_normal))
            ):
                continue
            if name in _ONLY_OF_TWO and by_normal.keys().isdisjoint(ALIASES["rejected"]):
                continue
            if ours == "prompt" and name == "text" and _is_answer_file(out, by_normal):
                continue
            if ours == "input" and (
                "prompt" not in out.of
                or (name not in ("input", "输入") and normal(out.of["prompt"]) not in _INSTRUCTIONS)
            ):
                continue
            if ours in ("ranks", "models") and "answers" not in out.of and len(out.answers) < 2:
                continue
            out.of[ours] = column
            used.add(column)
            break
    _judge_columns(out, by_normal, used, off)
    if "images" not in off:
        out.media = [
            column
            for column in columns
            if column == out.of.get("images") or (is_media(column) and column not in used)
        ]
    out.rest = [c for c in columns if c not in used]
    return out


def _is_answer_file(out: Columns, by_normal: dict[str, str]) -> bool:
    """A row {question_id, text, answer_id, model_id}: its text is the answer."""
    ids = {"answer_id", "response_id"} & by_normal.keys() or "answer_id" in out.of
    return bool(ids) or (
        bool({"model_id", "model", "model_name"} & by_normal.keys())
        and not {"prompt", "question", "instruction"} & by_normal.keys()
    )


def _numbered_columns(
    out: Columns, by_normal: dict[str, str], used: set[str], off: set[str], ranked: dict[str, str]
) -> None:
    """answer_a …, rank_a …, or rank1 … with the answers in them (`ranked`: those given by hand)."""
    stems: dict[str, list[tuple[str, str]]] = {}
    numbered: dict[str, dict[str, str]] = {}
    for name, column in by_normal.items():
        if name in ("response_j", "response_k") and {"response_j", "response_k"} <= by_normal.keys():
            continue
        if m := _ANSWER_N.fullmatch(name) or _MODEL_ANSWER_N.fullmatch(name):
            if f"answer_{m[2]}" not in off:
                stems.setdefault(m[1], []).append((m[2], column))
        elif m := _NUMBERED_BEHIND.fullmatch(name):
            numbered.setdefault(_KINDS.get(m[3], m[3]), {})[m[2]] = column
        elif m := _NUMBERED.fullmatch(name):
            numbered.setdefault(_KINDS.get(m[1], m[1]), {})[m[3]] = column
    if not ranked:
        given = {suffix for suffix, _column in out.answers}
        found = [pair for pair in max(stems.values(), key=len, default=[]) if pair[0] not in given]
        if len(found) + len(given) >= 2:
            out.answers = sorted([*out.answers, *found], key=lambda pair: _order(pair[0]))
    if out.answers:
        suffixes = {suffix for suffix, _column in out.answers}
        for kind, columns in numbered.items():
            for suffix, column in columns.items():
                if suffix in suffixes and f"{kind}_{suffix}" not in off:
                    out.numbered.setdefault(kind, {}).setdefault(suffix, column)
        used.update(column for _suffix, column in out.answers)
        used.update(column for columns in out.numbered.values() for column in columns.values())
        return
    # rank1 … rankN without answer columns: the answers themselves, best first.
    by_number = {
        suffix: column
        for suffix, column in numbered.get("rank", {}).items()
        if suffix.isdigit() and f"rank{suffix}" not in off
    } | ranked
    if len(by_number) >= 2:
        out.ranked_texts = [
            column for _suffix, column in sorted(by_number.items(), key=lambda pair: _order(pair[0]))
        ]
        used.update(out.ranked_texts)


def _is_about(judge: str) -> bool:
    """Whether a column is about a judgement, and holds none: the last word of its name says so."""
    return bool(judge) and re.split(r"[_\-\s:：]+", judge.casefold())[-1] in ABOUT


def _judge_columns(out: Columns, by_normal: dict[str, str], used: set[str], off: set[str]) -> None:
    """The columns of annotators beside two or more answers. (What a column named like "label" says beside
    chosen and rejected is not known.)"""
    pair = {"chosen", "rejected"} <= out.of.keys()
    if len(out.answers) < 2 and "answers" not in out.of and not pair:
        return
    if "label" in out.of and (len(out.answers) >= 2 or not {"answer", "chosen", "messages"} & out.of.keys()):
        column = out.of.pop("label")
        if "winner" in off:
            used.discard(column)
        else:
            out.judges.append(("", column))
    for column in by_normal.values():
        if column in used:
            continue
        called = bare(column).strip()
        m, behind = _JUDGE.fullmatch(called), _JUDGE_BEHIND.fullmatch(called)
        if normal(called) in ONE_JUDGE:
            judge = None if pair else ""
        elif _NUMBERED_JUDGE.fullmatch(called):
            judge = called
        else:
            judge = m[2].strip() if m else behind[1].strip() if behind else None
        if judge is None or _is_about(judge) or (normal(f"annotator_{judge}") if judge else "winner") in off:
            continue
        out.judges.append((judge, column))
        used.add(column)
