"""A text cut into its clauses, the single things it says, Chinese and English: `"".join(split(text)) == text`
always holds.

A sentence is cut where a comma or semicolon ends something that can be true or false by itself. Chinese
commas do that as a rule; English ones only before a word that begins a clause. What merely introduces the
next clause (如果……，/ If …,), is too short to say anything, or stands in brackets or quotes stays with it."""

import re

from core.rendering import sentences

SHORTEST = 4  # characters of meaning (Chinese) a clause has at least
SHORTEST_WORDS = 3  # words, where words have spaces
_OPEN, _CLOSE = "（(【[〔「『《“", "）)】]〕」』》”"
_MARK = re.compile(r"[，；]|[,;](?=\s)")
_HAN = re.compile(r"[\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff]")
_MEANING = re.compile(r"\w")
_WORDS = re.compile(r"[^\W_]+")
# begins a clause after an English comma
_NEXT = re.compile(
    r"\s+(?:and|but|or|nor|so|yet|while|whereas|although|though|because|since|unless|which|who|whose|where|"
    r"if|when|as long as|provided that|it|they|he|she|we|you|this|that|these|those|there)\b",
    re.IGNORECASE,
)
# introduces the clause after it
_LEADS = re.compile(
    r"\s*(?:[-*+•]\s+|\d+[.、)]\s*)?(?:"
    r"如果|若|倘若|假如|要是|只要|只有|除非|当|对于|对|关于|根据|按照|依据|依照|由于|因为|因|虽然|尽管|为了|"
    r"在[^，；]*(?:时|后|前|中|下|情况下)[，；]|因此|所以|但是|不过|然而|此外|另外|同时|首先|其次|最后|例如|一般来说|"
    r"(?:if|when|while|although|though|because|since|unless|in|on|at|for|by|with|after|before|under|according|"
    r"however|therefore|moreover|also|first|second|finally|as|to|given|generally|usually)\b)",
    re.IGNORECASE,
)


def split(text: str) -> list[str]:
    """The clauses of `text` in order, each with the mark and the white space that follow it; nothing is lost
    or changed."""
    return [clause for sentence in sentences.split(text) for clause in _of_sentence(sentence)]


def _of_sentence(sentence: str) -> list[str]:
    out: list[str] = []
    start = depth = at = piece = 0
    for mark in _MARK.finditer(sentence):
        for c in sentence[at : mark.start()]:
            depth = max(0, depth + (c in _OPEN) - (c in _CLOSE))
        at = mark.start()
        begins, piece = piece, mark.end()
        if depth or not _ends(sentence, start, mark) or _LEADS.match(sentence, begins, mark.end()):
            continue
        end = mark.end()
        while end < len(sentence) and sentence[end].isspace():
            end += 1
        out.append(sentence[start:end])
        start = end
    rest = sentence[start:]
    if out and not _says_something(rest):
        out[-1] += rest
    elif rest:
        out.append(rest)
    return out


def _ends(sentence: str, start: int, mark: re.Match) -> bool:
    before, after = sentence[start : mark.start()], sentence[mark.end() :]
    if not _says_something(before) or not after.strip():
        return False
    if mark[0] == "；" or mark[0] == ";":
        return True
    if mark[0] == "，" or _HAN.search(before[-2:] + after[:2]):
        return not (before[-1:].isdigit() and after[:1].isdigit())
    return _NEXT.match(after) is not None


def _says_something(text: str) -> bool:
    if _HAN.search(text):
        return len(_MEANING.findall(text)) >= SHORTEST
    return len(_WORDS.findall(text)) >= SHORTEST_WORDS
