"""What the columns of a file may be, in words: the menus over the first rows, by group."""

from django.utils.translation import gettext as _
from django.utils.translation import pgettext

from corpus.readers import Inspection
from corpus.readers.fields import answer_columns

MOST_ANSWERS = 10  # of a row, in columns of their own
_KINDS = ("answer", "model", "rank", "score", "finish_reason")


def groups(mapping: dict[str, str]) -> list[tuple[str, dict[str, str]]]:
    """Every field a column may be, as [(name of the group, {our field: label})]. The answers of a row are
    called as `mapping` has recognised them (A, B … or 1, 2 …)."""
    suffixes = _suffixes(mapping)
    return [
        (
            _("The question"),
            {
                "prompt": _("Question or instruction"),
                "input": _("Input to the instruction"),
                "system": _("System prompt"),
                "history": _("Earlier turns"),
                "messages": _("Conversation"),
                "tools": _("Tools"),
                "id": _("Id of the prompt"),
                "images": _("Pictures, sound or video"),
            },
        ),
        (
            _("One answer, or a list"),
            {
                "answer": _("Answer"),
                "model": _("Model"),
                "answer_id": _("Id of the answer"),
                "answers": _("List of answers"),
                "models": _("List of models"),
                "ranks": _("Ranks"),
                "scores": _("Scores"),
            },
        ),
        (_("Answers in columns of their own"), {f"answer_{s}": _of_answer("answer", s) for s in suffixes}),
        (_("Their models"), {f"model_{s}": _of_answer("model", s) for s in suffixes}),
        (_("Their ranks"), {f"rank_{s}": _of_answer("rank", s) for s in suffixes}),
        (_("Their scores"), {f"score_{s}": _of_answer("score", s) for s in suffixes}),
        (
            _("Answers in order, best first"),
            {f"rank{n}": _("Answer at rank %(n)d") % {"n": n} for n in range(1, MOST_ANSWERS + 1)},
        ),
        (
            _("The judgement"),
            {
                "winner": _("Which answer is better"),
                "strength": _("How much better the second answer is"),
                "chosen": _("Preferred answer"),
                "rejected": _("Rejected answer"),
                "label": _("Good or bad"),
                "annotator": _("Who judged"),
            },
        ),
        (
            _("The source"),
            {
                "source": _("Source passage"),
                "source_title": _("Title of the source"),
                "source_url": _("Link to the source"),
            },
        ),
    ]


def label_of(ours: str) -> str:
    """Our field in words; an answer's, model's … whatever its letter or number is."""
    if ours.startswith("annotator_"):
        return _("Judgement of %(name)s") % {"name": ours.removeprefix("annotator_")}
    for _group, fields in groups({}):
        if ours in fields:
            return fields[ours]
    kind, _underscore, suffix = ours.rpartition("_")
    return _of_answer(kind, suffix) if kind in _KINDS else ours


def _of_answer(kind: str, suffix: str) -> str:
    name = suffix.upper()
    if kind == "answer":
        return _("Answer %(name)s") % {"name": name}
    if kind == "model":
        return _("Model of answer %(name)s") % {"name": name}
    if kind == "rank":
        return _("Rank of answer %(name)s") % {"name": name}
    if kind == "score":
        return _("Score of answer %(name)s") % {"name": name}
    return pgettext("of an answer of a model", "How answer %(name)s ended") % {"name": name}


def _suffixes(mapping: dict[str, str]) -> list[str]:
    """How the answers of a row are told apart: what the file's own columns say, and more of the same."""
    found = [suffix for suffix, _column in answer_columns(mapping)]
    letters = [s for s in found if s.isalpha() and s.isascii()]
    more = "abcdefghij" if letters else [str(n) for n in range(1, MOST_ANSWERS + 1)]
    return list(dict.fromkeys([*found, *more]))[:MOST_ANSWERS]


def of_file(inspection: Inspection, chosen: dict[str, str]) -> list[dict]:
    """For each column of the file: its name, its place in the form, what it is taken for, and what it may
    be, as [(group, [(our field, label)])]. `chosen`: {place: our field} as it was last sent, which stays
    chosen whatever was wrong with it."""
    meaning = meanings(inspection)
    known = groups(inspection.mapping)
    out = []
    for i, column in enumerate(inspection.columns):
        place = f"column_{i}"
        found = meaning.get(column, "")
        taken = chosen.get(place, found)
        own = next((f for f in (taken, found) if f.startswith("annotator_")), f"annotator_{column}")
        offered = [(group, list(fields.items())) for group, fields in known]
        offered[-2][1].append((own, label_of(own)))
        listed = {ours for _group, fields in offered for ours, _label in fields}
        lacking = [(ours, label_of(ours)) for ours in dict.fromkeys((found, taken)) if ours]
        if lacking := [pair for pair in lacking if pair[0] not in listed]:
            offered = [(_("Recognised"), lacking), *offered]
        out.append({"name": column, "place": place, "taken": taken, "groups": offered})
    return out


def meanings(inspection: Inspection) -> dict[str, str]:
    """{column: our field}, with what is still asked of it."""
    out = {column: ours for ours, column in inspection.mapping.items() if column}
    return out | {column: ours for one in inspection.asked for ours, column in one["columns"].items()}
