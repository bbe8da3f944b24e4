"""Texts made to be slow are shown in bounded work: lexers are given little at a time, for so long, and
sentences are cut in linear steps."""

import html
import re
import subprocess
import sys

import pytest

from core.rendering import code, markdown, sentences
from tests.processes import ROOT

NASTY = [
    "\n",
    "a\n",
    "(",
    "/*",
    "a b(",
    "::",
    '"',
    "'",
    "\\",
    "<!--",
    "{{",
    "a",
    "0",
    " ",
    "[](",
    "/* */ */",
]
SLOW = """
import sys, django
from django.conf import settings
settings.configure(USE_I18N=False)
django.setup()
from core.rendering import code, markdown, sentences
unit = sys.argv[1]
for name in sorted(set(code._LEXERS.values())) if len(sys.argv) == 2 else sys.argv[2:]:
    block = (unit * 19_900)[:19_900]
    block = block if unit.endswith("\\n") else "\\n".join(block[i:i + 900] for i in range(0, 19_000, 900))
    markdown.render(f"```{name}\\n{block}\\n```\\n" * 3)
"""


class Clock:
    """A time of its own, in which each piece of work takes a twentieth of a second: the second look at the
    watch of each two."""

    def __init__(self):
        self.now, self.looks = 0.0, 0
        code.allowance.at = 0.0

    def perf_counter(self) -> float:
        self.looks += 1
        self.now += 0.0 if self.looks % 2 else 0.05
        return self.now

    def monotonic(self) -> float:
        return self.now


@pytest.fixture(autouse=True)
def _colours_are_left(monkeypatch):
    """Each test, and what is tested behind it, may spend what a thread may."""
    code.allowance.left = code.THREAD_SECONDS
    markdown.cached.clear()
    yield
    monkeypatch.undo()
    code.allowance.left, code.allowance.at = code.THREAD_SECONDS, code.time.monotonic()
    markdown.cached.clear()


@pytest.mark.parametrize("unit", ["\n", "a\n", "("])
def test_sixty_kilobytes_for_the_slowest_lexers_come_to_an_end(unit):
    names = ["c", "cpp", "csharp", "java", "matlab", "python"]
    subprocess.run([sys.executable, "-c", SLOW, unit, *names], cwd=ROOT, check=True, timeout=60)


@pytest.mark.parametrize("name", sorted(set(code._LEXERS)))
def test_every_lexer_is_given_little_at_a_time_and_loses_nothing(name, monkeypatch):
    import pygments

    given = []
    paint = pygments.highlight
    monkeypatch.setattr(
        pygments, "highlight", lambda text, *args: given.append(len(text)) or paint(text, *args)
    )
    for unit in NASTY:
        text = ((unit * 60)[:60] + "\n") * 200
        shown = code.highlight(text, name, code.Budget(0.05))
        assert html.unescape(re.sub(r"</?span[^>]*>", "", shown)) == text
    assert max(given) <= code.PIECE


def test_no_other_lexer_is_ever_asked(monkeypatch):
    from pygments.lexers import get_all_lexers

    monkeypatch.setattr(code, "_lexer", lambda name: pytest.fail(f"{name} was asked"))
    others = {alias for lexer in get_all_lexers() for alias in lexer[1]} - set(code._LEXERS)
    assert len(others) > 500
    assert all(code.highlight('f("<a>")', name) == 'f("&lt;a&gt;")' for name in others)


def coloured(shown: str) -> int:
    return shown.count('<span class="k">def</span>')


def test_blocks_share_one_budget(monkeypatch):
    monkeypatch.setattr(code, "time", Clock())
    text = "def f():\n    return 1\n" * 200
    shown = markdown.render(f"```python\n{text}\n```\n" * 4)
    assert shown.count("def f():") + coloured(shown) == 800
    assert 0 < coloured(shown) <= 10 * code.PIECE / 20


def test_all_texts_of_a_page_share_what_the_thread_may_spend(monkeypatch):
    clock = Clock()
    monkeypatch.setattr(code, "time", clock)
    text = "```python\n" + "def f():\n    return 1\n" * 20 + "```\n"
    pages = [f"{n}\n\n{text}" for n in range(100)]
    began = clock.now
    shown = [coloured(markdown.render(page)) for page in pages]
    assert shown[0] == 20 and shown[-1] == 0
    assert clock.now - began < code.THREAD_SECONDS / (1 - code.THREAD_SHARE) + 0.2
    assert [page for page in pages if coloured(markdown.render(page))] == pages[: sum(map(bool, shown))]
    clock.now += 60  # what was shown without colours has them once there is time
    assert coloured(markdown.render(pages[-1])) == 20


def test_a_long_line_goes_uncoloured_alone():
    shown = code.highlight("def f():\n" + "x" * 2 * code.PIECE + "\ndef g():\n", "python")
    assert coloured(shown) == 2 and "\n" + "x" * 2 * code.PIECE + "\n" in shown


def test_a_short_block_is_coloured_whole():
    assert (
        code.highlight("x = 1\n", "python")
        == '<span class="n">x</span> <span class="o">=</span> <span class="mi">1</span>\n'
    )


class Counted(str):
    """A text that counts the characters copied out of it."""

    copied = 0

    def __getitem__(self, key):
        out = super().__getitem__(key)
        Counted.copied += len(out)
        return out


@pytest.mark.parametrize("unit", ["a. b ", "e.g. a ", "1.a ", "a.b.", "! a "])
def test_sentences_are_cut_in_linear_steps(unit):
    text = Counted(unit * (20_000 // len(unit)))
    Counted.copied = 0
    assert "".join(sentences.split(text)) == text
    assert Counted.copied < 100 * len(text)


def test_long_runs_of_marks_are_cut_in_time():
    cut = (
        "from core.rendering import sentences; [sentences.split(u * 60_000 + 'a') for u in ('.', '.)', "
        "'a', 'a.', ';', '; ', '! ', '…')]"
    )
    subprocess.run([sys.executable, "-c", cut], cwd=ROOT, check=True, timeout=60)
