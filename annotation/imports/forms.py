"""The form of the import page: what each column of the file means."""

import json

from django.utils.translation import gettext as _

from annotation.imports import columns
from annotation.imports.uploads import Options
from core import storable
from core.errors import DomainError
from corpus.readers import Inspection
from corpus.readers.fields import answer_columns
from corpus.readers.judgements import scales

ENCODINGS = ["utf-8", "gb18030", "utf-16", "big5", "shift_jis", "euc-kr", "windows-1252"]
CELL = 160  # characters of a sample cell


def delimiters() -> list[tuple[str, str]]:
    return [(",", _("Comma")), (";", _("Semicolon")), ("\t", _("Tab")), ("|", "|")]


def shapes() -> dict[str, str]:
    """What the shapes of `readers` are called."""
    return {
        "alpaca": _("Instructions with an answer (alpaca)"),
        "sharegpt": _("Conversations (ShareGPT)"),
        "chatml": _("Conversations (ChatML)"),
        "preference": _("A preferred and a rejected answer"),
        "kto": _("Answers that are good or bad (KTO)"),
        "ranked": _("Answers by rank, in columns"),
        "ranked_list": _("A list of answers to each question"),
        "pairs": _("Several answers, in columns"),
        "qa": _("Questions with an answer and its source"),
        "prompts": _("Questions only"),
        "transcripts": _("Conversations in one text"),
        "answers": _("Answers to questions that are known already"),
        "tree": _("Trees of conversations"),
        "canonical": _("Rows of an export (JSON lines)"),
        "seed_tasks": _("Instructions with instances"),
        "output_pairs": _("Two answers in one column, the better first"),
        "open_webui_chat": _("Chats of Open WebUI"),
        "open_webui_feedback": _("Feedback of Open WebUI"),
    }


def scales_of(inspection: Inspection, mapping: dict[str, str], chosen: dict[str, str]) -> list[dict]:
    """For each column whose numbers may be read in several ways: its name, its place in the form, what is
    chosen (`chosen` as it was last sent, else `mapping`) or recognised, and the scales there are. `asked`:
    nobody but the person at the page can tell."""
    meaning = columns.meanings(inspection)
    asked = {column: one for one in inspection.asked for column in one["columns"].values()}
    _plain, told = scales.split(mapping, inspection.columns)
    names = scales.names_of(inspection.mapping, max(2, len(answer_columns(inspection.mapping))))
    out = []
    for i, column in enumerate(inspection.columns):
        ours = meaning.get(column, "")
        if not scales.offered(ours):
            continue
        one, place = asked.get(column), f"scale_{i}"
        found, given = inspection.scales.get(column, ""), chosen.get(place, told.get(column, ""))
        fit = dict.fromkeys(
            [
                *(one["scales"] if one else ()),
                *([given] if given else ()),
                *(() if one else scales.offered(ours)),
            ]
        )
        options = [
            (scale, scales.told(scale, one["answers"] if one else names, one["numbers"] if one else ()))
            for scale in fit
        ]
        recognised = scales.told(found, names) if found and not given else ""
        out.append(
            {
                "name": column,
                "place": place,
                "taken": given,
                "recognised": recognised,
                "asked": one,
                "options": options,
            }
        )
    return out


def models_of(inspection: Inspection, mapping: dict[str, str], chosen: dict[str, str]) -> list[dict]:
    """For each column of answers beside others whose models no column names: its name, its place in the form,
    and the model that is given for all of it (`chosen` as it was last sent, else `mapping`)."""
    answers = answer_columns(inspection.mapping)
    if len(answers) < 2 or "models" in inspection.mapping:
        return []
    out = []
    for suffix, column in answers:
        ours, place = f"model_{suffix}", f"model_of_{suffix}"
        if ours not in inspection.mapping:
            given = mapping.get(ours, "")
            value = chosen.get(place, given[1:] if given.startswith("=") else "")
            out.append({"name": column, "place": place, "value": value})
    return out


def sample_rows(inspection: Inspection) -> list[list[str]]:
    """The first rows as short texts, in the order of the columns."""
    return [[_cell(row.get(column)) for column in inspection.columns] for row in inspection.sample]


def _cell(value) -> str:
    text = "" if value is None else value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= CELL else text[:CELL] + "…"


def read_options(data) -> Options:
    """Everything of the form but the mapping."""
    of_columns = [name for name in data if name.startswith("model_of_")]
    for name in ("model", "join", "encoding", "save_as", *of_columns):
        if code := storable.text_fault(data.get(name, "")):
            raise DomainError("invalid", str(storable.SENTENCES[code]), field=name)
    delimiter = data.get("delimiter", "")
    if delimiter not in {"", *(d for d, _label in delimiters())}:
        raise DomainError("delimiter", _("This delimiter is not known."), field="delimiter")
    return Options(
        model=data.get("model", "").strip()[:200],
        join=data.get("join", ""),
        encoding=data.get("encoding", "").strip()[:40],
        delimiter=delimiter,
    )


def as_sent(data) -> dict[str, str]:
    """The choices of the form by their places, as they were sent: shown again where one of them is wrong."""
    places = ("column_", "scale_", "model_of_", "save_as")
    return {place: value for place, value in data.items() if place.startswith(places)}


def chosen_mapping(data, found: Inspection) -> dict[str, str]:
    """What the person chose otherwise than `found` (the file as it is recognised without help): {our field:
    column, or column:scale, or =NAME of the model of a column of answers}, "" switches a field off.
    DomainError when two columns are to be the same field."""
    if "column_0" not in data:
        return {}
    chosen: dict[str, str] = {}
    told: dict[str, str] = {}
    for i, column in enumerate(found.columns):
        ours = data.get(f"column_{i}", "")
        if not ours:
            continue
        if ours in chosen:
            label = columns.label_of(ours)
            raise DomainError(
                "mapping",
                _("Two columns are given as “%(field)s”: %(a)s and %(b)s.")
                % {"field": label, "a": chosen[ours], "b": column},
            )
        chosen[ours] = column
        scale = data.get(f"scale_{i}", "")
        if scale and scales.is_scale(scale, ours):
            told[ours] = f"{column}:{scale}"
    detected = {ours: column for ours, column in found.mapping.items() if column}
    mapping = {ours: column for ours, column in chosen.items() if detected.get(ours) != column}
    models = {}
    for suffix, _column in answer_columns(chosen):
        name = data.get(f"model_of_{suffix}", "").strip()[:200]
        if name and f"model_{suffix}" not in chosen:
            models[f"model_{suffix}"] = f"={name}"
    return mapping | told | {ours: "" for ours in detected if ours not in chosen} | models
