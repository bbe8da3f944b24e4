"""Colouring of code by Pygments' short class names (`k`, `s` …); the colours stand in touchstone.css under
`.markdown`."""

import html
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache

MAX_LENGTH = 20_000
PIECE = 500  # characters that a lexer is given at once: the worst of them take a tenth of a second
SECONDS = 0.3  # for all blocks of a text
# For all texts of a page: what a thread may spend, and how much of the time that passes it gets back.
THREAD_SECONDS, THREAD_SHARE = 1.0, 0.1
# A closed list: lexers are third-party regular expressions, and these are the ones a text for experts is
# likely to hold.
_LEXERS = {
    "python": "python",
    "py": "python",
    "python3": "python",
    "sql": "sql",
    "mysql": "sql",
    "postgresql": "sql",
    "r": "splus",
    "bash": "bash",
    "sh": "bash",
    "shell": "bash",
    "json": "json",
    "yaml": "yaml",
    "yml": "yaml",
    "javascript": "javascript",
    "js": "javascript",
    "typescript": "typescript",
    "ts": "typescript",
    "java": "java",
    "c": "c",
    "cpp": "cpp",
    "c++": "cpp",
    "csharp": "csharp",
    "c#": "csharp",
    "go": "go",
    "golang": "go",
    "rust": "rust",
    "html": "html",
    "xml": "xml",
    "css": "css",
    "matlab": "matlab",
    "julia": "julia",
    "ini": "ini",
    "toml": "toml",
    "diff": "diff",
    "latex": "tex",
    "tex": "tex",
}


@cache
def _formatter():
    from pygments.formatters import HtmlFormatter

    return HtmlFormatter(nowrap=True)


@cache
def _lexer(name: str):
    from pygments.lexers import get_lexer_by_name

    return get_lexer_by_name(name, stripnl=False, ensurenl=False)


@cache
def classes() -> frozenset[str]:
    """Every class name a coloured token may carry."""
    from pygments.token import STANDARD_TYPES

    return frozenset(short for short in STANDARD_TYPES.values() if short)


class _Allowance(threading.local):
    """What is left to this thread for colouring whatever texts; it grows again as time passes."""

    def __init__(self):
        self.left, self.at = THREAD_SECONDS, time.monotonic()

    def grown(self) -> float:
        """What is left now."""
        now = time.monotonic()
        self.left = min(THREAD_SECONDS, self.left + THREAD_SHARE * (now - self.at))
        self.at = now
        return self.left


allowance = _Allowance()


class Budget:
    """How long the blocks of one text may be worked on in all: what comes after is not coloured. `short`: the
    thread had less left, so that another time more may be coloured."""

    def __init__(self, seconds: float = SECONDS):
        self.left, self.short = seconds, False

    def lasts(self) -> bool:
        """Whether another piece may be worked on."""
        if self.left > 0 and allowance.grown() <= 0:
            self.short = True
        return self.left > 0 and not self.short

    @contextmanager
    def spent(self) -> Iterator[None]:
        """Work that is taken off the budget, and off the thread's."""
        began = time.perf_counter()
        yield
        took = time.perf_counter() - began
        self.left -= took
        allowance.left -= took


def _pieces(code: str) -> Iterator[str]:
    """`code` in pieces of whole lines, at most PIECE characters each; a line that is longer is a piece. Cut
    at a blank line where there is one."""
    start = 0
    while len(code) - start > PIECE:
        end = code.rfind("\n\n", start + PIECE // 2, start + PIECE) + 1
        end = end or code.rfind("\n", start, start + PIECE)
        if end < 0:
            end = code.find("\n", start)
        if end < 0:
            break
        yield code[start : end + 1]
        start = end + 1
    yield code[start:]


def highlight(code: str, language: str, budget: Budget | None = None) -> str:
    """Escaped HTML of `code`; tokens in spans when `language` is one of the known names, the code is not too
    long, and `budget` lasts. Lines longer than PIECE are not coloured.

    The lexers' expressions take time by the square of what they are given, or worse, and cannot be broken
    off: they are given little at a time."""
    name = _LEXERS.get(language.strip().lower())
    if name is None or len(code) > MAX_LENGTH:
        return html.escape(code, quote=False)
    from pygments import highlight as paint

    budget = budget or Budget()
    out = []
    for piece in _pieces(code):
        if len(piece) <= PIECE and budget.lasts():
            with budget.spent():
                out.append(paint(piece, _lexer(name), _formatter()))
        else:
            out.append(html.escape(piece, quote=False))
    return "".join(out)
