"""No text may become anything but text: what is rendered is parsed again and held against an allow-list."""

import re
import time
from html.parser import HTMLParser

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core.rendering import diff, markdown, mathml, sentences
from tests.core.pages.nasty_texts import NASTY

VOID = {"br", "hr"}
FREE = {"target": "_blank", "rel": "noopener noreferrer nofollow", "tabindex": "0"}
CLASS = re.compile(r"[a-z][a-z0-9-]{0,20}( [a-z-]+)*\Z")


class Walker(HTMLParser):
    """Fails on the first element, attribute or URL that is not expected, and on tags that do not close in
    order."""

    def __init__(self, extra=()):
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.text: list[str] = []
        self.extra = set(extra)

    def handle_starttag(self, tag, attrs):
        assert tag in markdown.TAGS | self.extra, tag
        for name, value in attrs:
            if name == "href":
                assert tag == "a" and value.lower().startswith(("http://", "https://", "mailto:")), value
            elif name == "class":
                assert CLASS.match(value), value
            elif name == "start":
                assert tag == "ol" and value.isdigit(), value
            elif name in FREE:
                assert value == FREE[name], (name, value)
            else:
                assert (
                    tag in mathml.ELEMENTS
                    and name in mathml.ATTRIBUTES
                    and mathml.ATTRIBUTES[name].match(value)
                ), (tag, name, value)
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open and self.open[-1] == tag, (tag, self.open[-3:])
        self.open.pop()

    def handle_data(self, data):
        self.text.append(data)

    def _never(self, *args):
        raise AssertionError(args)

    handle_comment = handle_decl = handle_pi = unknown_decl = _never


def walk(html: str, extra=()) -> str:
    """The text of `html`, after checking that nothing in it is outside the allow-list."""
    walker = Walker(extra)
    walker.feed(html)
    walker.close()
    assert not walker.open
    html.encode("utf-8")
    return "".join(walker.text)


@pytest.mark.parametrize("name", NASTY)
def test_rendered_text_is_harmless(name):
    markdown.cached.clear()
    start = time.perf_counter()
    made = markdown.render(NASTY[name])
    assert time.perf_counter() - start < 3, "a page must not hang on one text"
    walk(made)
    walk(markdown.render_inline(NASTY[name]))
    walk(markdown.plain(NASTY[name]))
    assert walk(made).strip(), "the text must not vanish"


@pytest.mark.parametrize("name", NASTY)
def test_differences_of_nasty_texts_are_harmless(name):
    text = NASTY[name].encode("utf-8", "replace").decode()[:4000]
    walk(diff.html(text, "x" + text[1:] + "<b>"), {"ins", "del"})
    assert "".join(sentences.split(text)) == text


def test_there_are_many_nasty_texts():
    assert len(NASTY) >= 60


_PIECES = st.sampled_from(
    [
        "$", "$$", "\\(", "\\)", "\\[", "\\]", "`", "```\n", "*", "**", "_", "~~", "[", "](", ")", "![",
        "<", ">", "<a ", "&", "&#x3c;", "|", "\n|-|-|\n", "\n", "\n\n",
        "# ", "> ", "- ", "1. ", "\\", "{", "}", "^", "\\frac", "\\text{", "\\begin{aligned}",
        "\\end{aligned}", "http://a.b",
        "javascript:", "<script>", "onload=", '"',
        "“", "”", "：", "高血压", "的", "\u202e", "\u200b", "\x00", "a", "5", " ", "    ", "\t", "\r",
    ]
)  # fmt: skip


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.one_of(_PIECES, st.text(max_size=5)), max_size=60).map("".join))
def test_any_text_renders_within_the_allow_list(text):
    walk(markdown.render(text))
    walk(markdown.render_inline(text))


@settings(max_examples=300, deadline=None)
@given(
    st.lists(
        st.one_of(
            st.sampled_from(
                [
                    "\\frac",
                    "{",
                    "}",
                    "x",
                    "^",
                    "_",
                    "&",
                    "\\\\",
                    "\\left(",
                    "\\right)",
                    "\\begin{cases}",
                    "\\end{cases}",
                    "\\sqrt",
                    "\\text{a<b}",
                    "<",
                    "1",
                    "\\hat",
                    "\\sum",
                ]
            ),
            st.text(max_size=3),
        ),
        max_size=25,
    ).map("".join)
)
def test_any_latex_converts_within_the_allow_list(latex):
    walk(mathml.convert(latex, block=True))
