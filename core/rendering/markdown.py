"""Markdown of untrusted texts to HTML that is safe and says what the text says.

Raw HTML is shown as text. Links go to http, https and mailto only, in a new tab, telling nothing; an image
becomes a link (nothing is loaded from elsewhere). Headings start at h4, since the page has its own. Single
line breaks break the line, as people who chat expect. Formulas are MathML, code has classes, unseen
characters are marked (core.rendering.unseen). The result has been through nh3 with the allow-list below
even though the renderer makes nothing else: two walls.

A text too long or too deeply nested for that is shown as it is, in `<pre class="plain">`: slow is a way of
failing too."""

import hashlib
import html
import re
import threading
from collections import OrderedDict
from functools import cache

import nh3
from django.utils.safestring import SafeString, mark_safe
from markdown_it import MarkdownIt
from markdown_it.common.utils import escapeHtml, isMdAsciiPunct, isPunctChar, isWhiteSpace
from markdown_it.parser_block import ParserBlock
from markdown_it.parser_inline import ParserInline
from markdown_it.rules_inline import StateInline
from markdown_it.rules_inline.state_inline import Scanned

from core.rendering import code, mathml, unseen
from core.rendering.formulas import formulas

MAX_LENGTH = 120_000  # characters; beyond, the text is shown plain
MAX_PARAGRAPH = 30_000
MAX_NESTING = 24
CACHE_BYTES = 24 * 1024 * 1024

_URL_SCHEMES = ("http://", "https://", "mailto:")
_BLOCK_TAGS = {
    "p",
    "h4",
    "h5",
    "h6",
    "ul",
    "ol",
    "li",
    "blockquote",
    "pre",
    "hr",
    "br",
    "table",
    "thead",
    "tbody",
    "tr",
    "th",
    "td",
    "div",
}
_INLINE_TAGS = {"a", "em", "strong", "s", "code", "span"}
TAGS = frozenset(_BLOCK_TAGS | _INLINE_TAGS | mathml.ELEMENTS)
# "*": set() takes away what nh3 allows on every element by itself (title, lang).
ATTRIBUTES = (
    {"*": set()} | {tag: set(mathml.ATTRIBUTES) for tag in mathml.ELEMENTS} | {"a": {"href"}, "ol": {"start"}}
)
_ALIGNED = {"align-right", "align-center"}


def _classes() -> dict[str, set[str]]:
    math = {tag: set(mathml.CLASSES) for tag in mathml.ELEMENTS}
    return math | {
        "span": {"unseen", "math-block"} | code.classes(), "div": {"math-block", "table-scroll"},
        "code": {"math-source"}, "pre": {"plain", "code"}, "a": {"image-link"},
        "th": _ALIGNED, "td": _ALIGNED,
    }  # fmt: skip


@cache
def _cleaner() -> nh3.Cleaner:
    return nh3.Cleaner(
        tags=set(TAGS),
        clean_content_tags=set(),
        attributes=ATTRIBUTES,
        allowed_classes=_classes(),
        url_schemes={"http", "https", "mailto"},
        link_rel="noopener noreferrer nofollow",
        url_relative="deny",
        generic_attribute_prefixes=set(),
        set_tag_attribute_values={"a": {"target": "_blank"}},
        tag_attribute_values={"div": {"tabindex": {"0"}}},
    )


_SURROGATE = re.compile("[\ud800-\udfff]")
_CJK = re.compile("[\u2e80-\u9fff\uac00-\ud7af\uf900-\ufaff\ufe30-\ufe4f\uff00-\uffef\U00020000-\U0003ffff]")


class _CjkInline(StateInline):
    """CommonMark decides by spaces and punctuation whether `**` opens or closes; Chinese has no spaces, so
    `**“高血压”**的` stays unbolded. Here CJK punctuation counts as a letter, and a CJK neighbour as a
    space would. Without a CJK neighbour nothing changes."""

    def scanDelims(self, start: int, canSplitWord: bool) -> Scanned:
        scanned = super().scanDelims(start, canSplitWord)
        if not canSplitWord:
            return scanned
        before = self.src[start - 1] if start > 0 else " "
        end = start + scanned.length
        after = self.src[end] if end < self.posMax else " "
        cjk_before, cjk_after = bool(_CJK.match(before)), bool(_CJK.match(after))
        if not cjk_before and not cjk_after:
            return scanned

        def stops(c: str, cjk: bool) -> bool:
            return not cjk and (isMdAsciiPunct(ord(c)) or isPunctChar(c))

        space_before, space_after = isWhiteSpace(ord(before)), isWhiteSpace(ord(after))
        stop_before, stop_after = stops(before, cjk_before), stops(after, cjk_after)
        opens = not space_after and (not stop_after or space_before or stop_before or cjk_before)
        closes = not space_before and (not stop_before or space_after or stop_after or cjk_after)
        return Scanned(opens, closes, scanned.length)


class _TooMuch(Exception):
    """The text is nested or repeated beyond what is worth parsing."""


class _Inline(ParserInline):
    def parse(self, src, md, env, tokens):
        if len(src) > MAX_PARAGRAPH:
            raise _TooMuch
        state = _CjkInline(src, md, env, tokens)
        self.tokenize(state)
        for rule in self.ruler2.getRules(""):
            rule(state)
        return state.tokens


class _Block(ParserBlock):
    """markdown-it drops what is nested too deeply; a judged text must not lose a word, so the whole is shown
    plain instead."""

    def tokenize(self, state, startLine, endLine):
        if state.level >= MAX_NESTING:
            raise _TooMuch
        super().tokenize(state, startLine, endLine)


def _demote(state) -> None:
    """Headings from h4 on; the alignment of table cells as a class (a style attribute is refused by the
    page's policy)."""
    for token in state.tokens:
        if token.type in ("heading_open", "heading_close"):
            token.tag = f"h{min(6, int(token.tag[1]) + 3)}"
        elif token.type in ("th_open", "td_open") and "style" in token.attrs:
            style = token.attrs.pop("style")
            side = str(style).rpartition(":")[2]
            if side in ("right", "center"):
                token.attrs["class"] = f"align-{side}"


def _image(self, tokens, idx, options, env):
    token = tokens[idx]
    src = str(token.attrs.get("src", ""))
    alt = self.renderInlineAsText(token.children, options, env) if token.children else ""
    return f'<a class="image-link" href="{escapeHtml(src)}">{escapeHtml(alt or src)}</a>'


def _fence(self, tokens, idx, options, env):
    token = tokens[idx]
    language = token.info.split(maxsplit=1)[0] if token.info.strip() else ""
    coloured = code.highlight(token.content, language, env["colouring"])
    return f'<pre class="code"><code>{coloured}</code></pre>\n'


def _may_link(url: str) -> bool:
    return url.lower().startswith(_URL_SCHEMES)


@cache
def _parser() -> MarkdownIt:
    md = MarkdownIt("zero")
    md.inline, md.block = _Inline(), _Block()
    md.configure(
        "default",
        {
            "html": False,
            "linkify": False,
            "typographer": False,
            "breaks": True,
            "maxNesting": MAX_NESTING + 8,
        },
    )
    md.validateLink = _may_link  # type: ignore[method-assign]  # markdown-it's documented way to set it
    md.use(formulas)
    md.core.ruler.push("demote", _demote)
    md.add_render_rule("image", _image)
    md.add_render_rule("fence", _fence)
    md.add_render_rule("code_block", _fence)
    md.add_render_rule(
        "table_open",
        lambda self, tokens, idx, options, env: '<div class="table-scroll" tabindex="0"><table>\n',
    )
    md.add_render_rule("table_close", lambda self, tokens, idx, options, env: "</table></div>\n")
    return md


class _Cache:
    """Least recently used, bounded by the bytes it holds; threads share it."""

    def __init__(self, limit: int):
        self.limit, self.held = limit, 0
        self.entries: OrderedDict[bytes, str] = OrderedDict()
        self.lock = threading.Lock()

    def get(self, key: bytes) -> str | None:
        with self.lock:
            value = self.entries.get(key)
            if value is not None:
                self.entries.move_to_end(key)
            return value

    def put(self, key: bytes, value: str) -> None:
        size = 4 * len(value) + 200
        if size > self.limit // 8:
            return
        with self.lock:
            if key in self.entries:
                return
            self.entries[key] = value
            self.held += size
            while self.held > self.limit:
                _, old = self.entries.popitem(last=False)
                self.held -= 4 * len(old) + 200

    def clear(self) -> None:
        with self.lock:
            self.entries.clear()
            self.held = 0


cached = _Cache(CACHE_BYTES)


def plain(text: str) -> SafeString:
    """`text` as it is, white space kept, unseen characters marked."""
    text = _SURROGATE.sub("\ufffd", text)
    return mark_safe(f'<pre class="plain">{unseen.mark_html(html.escape(text, quote=False))}</pre>')  # noqa: S308


def _too_nested(text: str) -> bool:
    """Long runs of the marks whose pairing costs more than linear time."""
    return any(
        run in text
        for run in (
            "[" * 200,
            "](" * 200,
            "![" * 200,
            "<" * 2000,
            "> " * 60,
            ">" * 60,
            "- " * 60,
            "* " * 60,
            "+ " * 60,
        )
    )


def _make(text: str, inline: bool) -> tuple[str, bool]:
    """The HTML, and whether it would be the same another time."""
    if len(text) > MAX_LENGTH or _too_nested(text):
        return plain(text), True
    env: dict = {"colouring": code.Budget()}
    try:
        md = _parser()
        made = md.renderInline(text, env) if inline else md.render(text, env)
    except (_TooMuch, RecursionError):
        return plain(text), True
    return unseen.mark_html(_cleaner().clean(made)), not env["colouring"].short


def _render(text: str, inline: bool) -> SafeString:
    text = str(text)
    if not text.isascii() and _SURROGATE.search(text):
        # cannot be sent as UTF-8; such text is refused at the door, but this must not fail on it
        text = _SURROGATE.sub("\ufffd", text)
    key = hashlib.blake2b(
        text.encode("utf-8", "surrogatepass") + (b"\1" if inline else b"\0"), digest_size=20
    ).digest()
    made = cached.get(key)
    if made is None:
        made, lasting = _make(text, inline)
        if lasting:
            cached.put(key, made)
    return mark_safe(made)  # noqa: S308


def render(text: str) -> SafeString:
    """Safe HTML of the Markdown in `text`: block elements, to stand in an element with class "markdown".
    Never raises."""
    return _render(text, False)


def render_inline(text: str) -> SafeString:
    """Safe HTML of one line of Markdown (no blocks): titles, claims."""
    return _render(text, True)


def begins_block(text: str, line: int) -> bool:
    """Whether a block of the page begins at line number `line` (from 0) of `text`, so that what stands before
    it is finished whatever comes after. A lone carriage return also ends a line for the renderer; a text
    with one has no such place."""
    text = text.replace("\r\n", "\n")
    if "\r" in text or _too_nested(text):
        return False
    tokens: list = []
    try:
        _parser().block.parse(text.replace("\0", "\ufffd"), _parser(), {}, tokens)
    except (_TooMuch, RecursionError):
        return False
    return any(
        token.level == 0 and token.nesting >= 0 and token.map and token.map[0] == line for token in tokens
    )


def blocks(text: str) -> list[str]:
    """The source of each block of the page that `text` makes (a paragraph, a list, a table, a heading), in
    order, without the blank lines around it. One block where the text is shown plain."""
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    if not text.strip():
        return []
    tokens: list = []
    try:
        if len(text) > MAX_LENGTH or _too_nested(text):
            raise _TooMuch
        _parser().block.parse(text.replace("\0", "\ufffd"), _parser(), {}, tokens)
    except (_TooMuch, RecursionError):
        return [text]
    starts = sorted(
        {token.map[0] for token in tokens if token.level == 0 and token.nesting >= 0 and token.map}
    )
    lines = text.split("\n")
    ends = [*starts[1:], len(lines)]
    found = ["\n".join(lines[start:end]).strip("\n") for start, end in zip(starts, ends, strict=True)]
    return [block for block in found if block.strip()] or [text]
