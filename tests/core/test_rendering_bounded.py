"""Texts made to be slow are shown in bounded work: lexers are given little at a time, for so long, and
sentences are cut in linear steps."""

import html
import re
import subprocess
import sys

import pytest

from core.rendering import code, markdown, sentences
from tests.processes import ROOT

NASTY = ["\n", "a\n", "(", "/*", "a b(", "::"]
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


def test_blocks_share_one_budget(monkeypatch):
    clock = iter(range(10_000))
    monkeypatch.setattr(code.time, "perf_counter", lambda: next(clock) * 0.05)  # each piece takes 0.05 s
    text = "def f():\n    return 1\n" * 200
    shown = markdown.render(f"```python\n{text}\n```\n" * 4)
    assert shown.count("def f():") + shown.count('<span class="k">def</span>') == 800
    assert 0 < shown.count('<span class="k">def</span>') <= 10 * code.PIECE / 20


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
