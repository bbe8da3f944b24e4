"""A reviewer's own judgement as it is typed on the desk: a ranking in one line, a verdict, an answer.
Pure."""

import unicodedata

from django.utils.translation import gettext as _

from annotation.document import DROP_REASONS, LETTERS
from core.errors import DomainError

_BETWEEN = frozenset(">›,、;")


def ranking(text: str) -> dict:
    """{"ranking", "acceptable"} by letters of a line such as "B > A = C | D": best first, = a tie, | the line
    of what is acceptable; what separates letters may be left out. DomainError "invalid" names what is not
    understood."""
    groups: list[list[str]] = []
    line: int | None = None
    tied = False
    for char in unicodedata.normalize("NFKC", text).upper():
        if char in LETTERS:
            if tied:
                groups[-1].append(char)
            else:
                groups.append([char])
            tied = False
        elif char == "=" and groups and not tied:
            tied = True
        elif char in "|/" and line is None and not tied:
            line = len(groups)
        elif not char.isspace() and (char not in _BETWEEN or tied):
            raise DomainError(
                "invalid",
                _("“%(char)s” is not understood here. Write, for example, B > A = C | D.") % {"char": char},
                field="ranking",
            )
    if tied:
        raise DomainError("invalid", _("An answer is missing after =."), field="ranking")
    return {"ranking": groups} | ({} if line is None else {"acceptable": line})


def of_form(item, data: dict) -> dict:
    """The document by letters that the cleaned RulingForm `data` says of `item`; what it lacks is for
    `document_checks.check_complete` to say."""
    if item.kind == "ranking":
        return ranking(data["ranking"])
    if item.kind == "demonstration":
        return {"demonstration": data["text"].replace("\r\n", "\n")}
    given: dict = {"verdict": data["verdict"]} if data["verdict"] else {}
    if data["verdict"] == "drop":
        given["reasons"] = [name for name in data["reasons"].split(",") if name in DROP_REASONS]
    if data["verdict"] == "fix":
        text = data["text"].replace("\r\n", "\n")
        given["corrections"] = [{"target": "response", "answer": "A", "text": text}]
    return given
