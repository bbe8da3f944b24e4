"""Colouring of code by Pygments' short class names (`k`, `s` …); the colours stand in touchstone.css under `.markdown`."""

import html
from functools import cache

MAX_LENGTH = 20_000
# A closed list: lexers are third-party regular expressions, and these are the ones a text for experts is likely to hold.
_LEXERS = {
    "python": "python", "py": "python", "python3": "python", "sql": "sql", "mysql": "sql", "postgresql": "sql", "r": "splus",
    "bash": "bash", "sh": "bash", "shell": "bash",
    "json": "json", "yaml": "yaml", "yml": "yaml", "javascript": "javascript", "js": "javascript", "typescript": "typescript", "ts": "typescript",
    "java": "java", "c": "c", "cpp": "cpp", "c++": "cpp", "csharp": "csharp",
    "c#": "csharp", "go": "go", "golang": "go", "rust": "rust", "html": "html",
    "xml": "xml", "css": "css",
    "matlab": "matlab", "julia": "julia", "ini": "ini", "toml": "toml", "diff": "diff", "latex": "tex", "tex": "tex",
}  # fmt: skip


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


def highlight(code: str, language: str) -> str:
    """Escaped HTML of `code`; tokens in spans when `language` is one of the known names and the code is not too long."""
    name = _LEXERS.get(language.strip().lower())
    if name is None or len(code) > MAX_LENGTH or any(len(line) > 2000 for line in code.split("\n")):
        return html.escape(code, quote=False)
    from pygments import highlight as paint

    return paint(code, _lexer(name), _formatter())
