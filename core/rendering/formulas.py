"""markdown-it rules for formulas: `$…$`, `$$…$$`, `\\(…\\)`, `\\[…\\]`. Prices are not formulas."""

import re

from markdown_it import MarkdownIt
from markdown_it.common.utils import escapeHtml

from core.rendering import mathml

MAX_INLINE = 1500
_CJK_STOP = re.compile("[，。；：！？、“”‘’]")
_COMMANDS = re.compile(
    r"\\(text|mathrm|textbf|textit|operatorname|mbox|mathit|mathbf|mathsf)\s*\{[^{}]*\}|\\[a-zA-Z]+"
)
_PROSE = re.compile(r"[A-Za-z]{2,}[,.;]?\s+[A-Za-z]{2,}")
_NUMBER_THEN_WORD = re.compile(r"\s*[\d.,]+[^\\=^_+<>]*[A-Za-z]{2,}")


def _is_money(content: str) -> bool:
    """Whether what stands between two dollar signs reads like prose: "$5 to the bank and 10$",
    "$5，另付10$"."""
    bare = _COMMANDS.sub(" ", content)
    return bool(_CJK_STOP.search(bare) or _PROSE.search(bare) or _NUMBER_THEN_WORD.match(bare))


def _inline(state, silent: bool) -> bool:
    src, pos = state.src, state.pos
    if src[pos] == "$":
        if src.startswith("$$", pos):
            end = src.find("$$", pos + 2, pos + 2 + mathml.MAX_LENGTH)
            content, length, block = src[pos + 2 : end], end + 2 - pos, True
            if end < 0 or not content.strip() or "$" in content:
                return False
        else:
            if pos and (src[pos - 1] == "$" or (src[pos - 1].isascii() and src[pos - 1].isalnum())):
                return False
            end = pos
            while True:
                end = src.find("$", end + 1, pos + MAX_INLINE)
                if end < 0 or src[end - 1] != "\\":
                    break
            content, length, block = src[pos + 1 : end], end + 1 - pos, False
            after = src[end + 1] if end + 1 < len(src) else ""
            if (
                end < 0
                or not content
                or content[0].isspace()
                or content[-1].isspace()
                or "\n" in content
                or after.isdigit()
                or after == "$"
                or _is_money(content)
            ):
                return False
    elif src.startswith((r"\(", r"\["), pos):
        block = src[pos + 1] == "["
        end = src.find(r"\]" if block else r"\)", pos + 2, pos + 2 + mathml.MAX_LENGTH)
        content, length = src[pos + 2 : end], end + 2 - pos
        if end < 0 or not content.strip():
            return False
    else:
        return False
    if pos + length > state.posMax:
        return False
    if not silent:
        token = state.push("formula", "math", 0)
        token.content = content
        token.meta = {"block": block}
    state.pos += length
    return True


_OPEN = {"$$": "$$", r"\[": r"\]"}


def _block(state, start: int, end_line: int, silent: bool) -> bool:
    if state.is_code_block(start):
        return False
    begin = state.bMarks[start] + state.tShift[start]
    opener = state.src[begin : begin + 2]
    if opener not in _OPEN:
        return False
    closer = _OPEN[opener]
    last = state.env.get(closer)
    if last is None:
        last = state.env[closer] = state.src.rfind(closer)
    if last < begin + 2:
        return False
    first = state.src[begin + 2 : state.eMarks[start]]
    lines: list[str] = []
    line = start
    size = 0
    while True:
        text = (
            first
            if line == start
            else state.src[
                min(state.bMarks[line] + state.tShift[line], state.eMarks[line]) : state.eMarks[line]
            ]
        )
        at = text.find(closer)
        if at >= 0:
            if text[at + 2 :].strip(" \t.,;。，；"):
                return False  # text goes on behind it: an inline formula
            lines.append(text[:at])
            tail = text[at + 2 :].strip()
            break
        if line > start and (not text.strip() or text.startswith(opener)):
            return False  # a blank line, or the next formula: this one is never closed
        lines.append(text)
        size += len(text)
        line += 1
        if size > mathml.MAX_LENGTH or line >= end_line or state.sCount[line] < state.blkIndent:
            return False
    content = "\n".join(lines)
    if not content.strip() or "$" in content.replace(r"\$", ""):
        return False
    if silent:
        return True
    state.line = line + 1
    token = state.push("formula_block", "math", 0)
    token.block = True
    token.content = content
    token.info = tail
    token.map = [start, state.line]
    return True


def formulas(md: MarkdownIt) -> None:
    """Plug-in: formulas become MathML by `mathml.convert`."""
    md.inline.ruler.before("escape", "formula", _inline)
    md.block.ruler.before(
        "fence", "formula_block", _block, {"alt": ["paragraph", "reference", "blockquote", "list"]}
    )
    md.inline.add_terminator_char("$")

    def inline(self, tokens, idx, options, env):
        block = tokens[idx].meta["block"]
        inner = mathml.convert(tokens[idx].content, block=block)
        return f'<span class="math-block">{inner}</span>' if block else inner

    def block(self, tokens, idx, options, env):
        return (
            f"<div "
            f'class="math-block">{mathml.convert(tokens[idx].content, block=True)}{escapeHtml(tokens[idx].info)}</div>\n'  # noqa: E501
        )

    md.add_render_rule("formula", inline)
    md.add_render_rule("formula_block", block)
