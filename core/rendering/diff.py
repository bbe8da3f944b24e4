"""What changed between two texts: character by character where little did, phrase by phrase where Chinese was
written anew, since the characters that both wordings happen to share tell a reader nothing."""

import re
from collections.abc import Iterator

from diff_match_patch import diff_match_patch
from django.utils.html import conditional_escape, escape
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext as _

from core.rendering import unseen

TIMEOUT = 0.4  # seconds; after that the rest is shown as replaced
_NAMES = {-1: "delete", 0: "equal", 1: "insert"}
# Begins where a run of blanks begins, never inside one: a text of blanks alone is looked at once, not once
# from each of them.
_BLANK_END = re.compile(r"(?<![ \t\u3000\xa0])[ \t\u3000\xa0]*+(?:\r\n|\r|\n)")
_REPEATED = 20  # occurrences
_OVERLAP = 1000  # characters
# What a phrase ends with; the last ones also end a sentence.
_MARK = re.compile(r"[，、；：。！？…\n]+")
_SENTENCE_END = re.compile(r"[。！？…\n]")
_HAN = re.compile(r"[\u3400-\u9fff\uf900-\ufaff]")
_SHARED = 0.5  # of the longer wording; a phrase that keeps less of itself counts as written anew


class _Engine(diff_match_patch):
    """The library's search for a long common piece heeds no timeout and tries each place where a quarter of
    one text stands in the other: on a text that repeats itself that is every place, and takes half a
    minute. There it is left out; the timed search does the rest."""

    def diff_halfMatch(self, text1, text2):
        long, short = (text1, text2) if len(text1) > len(text2) else (text2, text1)
        quarter = len(long) // 4
        for start in ((len(long) + 3) // 4, (len(long) + 1) // 2):
            seed, at = long[start : start + quarter], -1
            for _i in range(_REPEATED):
                at = short.find(seed, at + 1)
                if at < 0:
                    break
            else:
                return None
        return super().diff_halfMatch(text1, text2)

    def diff_commonOverlap(self, text1, text2):
        """Quadratic as well; only neighbouring ends matter for what a reader sees."""
        return super().diff_commonOverlap(text1[-_OVERLAP:], text2[:_OVERLAP])


def ops(old: str, new: str) -> list[tuple[str, str]]:
    """[("equal"|"delete"|"insert", text), …]: equal + delete joined is `old`, equal + insert joined is
    `new`."""
    if old == new:
        return [("equal", old)] if old else []
    engine = _Engine()
    engine.Diff_Timeout = TIMEOUT
    found = engine.diff_main(old, new, True)
    engine.diff_cleanupSemantic(found)
    return [(_NAMES[kind], text) for kind, text in _by_phrases(found) if text]


def _by_phrases(found: list) -> list[tuple[int, str]]:
    """`found` with each Chinese phrase that was written anew as one deletion and one insertion; phrases are
    cut at the marks that stand in both texts."""
    out: list[tuple[int, str]] = []
    gone = come = between = ""  # rewritten phrases in a row are one, with the commas between them

    def put(kind: int, text: str) -> None:
        if text and out and out[-1][0] == kind:
            out[-1] = kind, out[-1][1] + text
        elif text:
            out.append((kind, text))

    for changes, mark in _phrases(found):
        if _rewritten(changes):
            gone += between + "".join(text for kind, text in changes if kind <= 0)
            come += between + "".join(text for kind, text in changes if kind >= 0)
            between = mark
            if not _SENTENCE_END.search(mark):
                continue
            changes, mark = [], ""
        put(-1, gone)
        put(1, come)
        put(0, between)
        gone = come = between = ""
        for kind, text in changes:
            put(kind, text)
        put(0, mark)
    put(-1, gone)
    put(1, come)
    put(0, between)
    return out


def _phrases(found: list) -> Iterator[tuple[list, str]]:
    """(changes of a phrase, the marks after it)."""
    phrase: list[tuple[int, str]] = []
    for kind, text in found:
        at = 0
        for mark in _MARK.finditer(text) if kind == 0 else ():
            if mark.start() > at:
                phrase.append((0, text[at : mark.start()]))
            yield phrase, mark[0]
            phrase, at = [], mark.end()
        if text[at:]:
            phrase.append((kind, text[at:]))
    yield phrase, ""


def _rewritten(changes: list) -> bool:
    """Whether a phrase was changed in several places and kept less than half of itself."""
    places = sum(kind != 0 and (i == 0 or changes[i - 1][0] == 0) for i, (kind, _text) in enumerate(changes))
    if places < 2 or not any(kind and _HAN.search(text) for kind, text in changes):
        return False
    same, gone, come = (sum(len(text) for k, text in changes if k == kind) for kind in (0, -1, 1))
    return same < _SHARED * (same + max(gone, come))


def _shown(text: str) -> str:
    """Changed text: line ends and pure white space get a sign, or nobody would see that they changed."""
    if not text.strip(" \t\u3000\xa0"):
        text = re.sub("[ \xa0]", "␣", text).replace("\u3000", "▫").replace("\t", "⇥")
    return str(escape(_BLANK_END.sub(lambda m: "↵" + m[0], text)))


def html(old: str, new: str) -> SafeString:
    """`new` with what was put in as <ins> and what was taken out as <del>, each saying so to a screen reader.
    To stand in an element with class "diff" (which keeps white space)."""
    out = []
    # not within an f-string, where they are not found
    inserted, deleted = conditional_escape(_("inserted:")), conditional_escape(_("deleted:"))
    for kind, text in ops(str(old), str(new)):
        if kind == "equal":
            out.append(str(escape(text)))
        elif kind == "insert":
            out.append(f'<ins><span class="visually-hidden">{inserted} </span>{_shown(text)}</ins>')
        else:
            out.append(f'<del><span class="visually-hidden">{deleted} </span>{_shown(text)}</del>')
    return mark_safe(unseen.mark_html("".join(out)))  # noqa: S308
