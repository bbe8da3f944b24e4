"""LaTeX to MathML. `convert` never raises: what cannot be set properly is shown as its source.

latex2mathml's own serialiser un-escapes its output (so `\\text{<script>}` becomes a tag), and an unknown
command becomes a letter. Here its element tree is written out by an own serialiser that knows which
elements and attributes exist, and that gives up where the tree is not what MathML demands."""

import html
import re

from latex2mathml.converter import Converter

MAX_LENGTH = 4000
MAX_DEPTH = 24
WHOLE = 24  # characters of LaTeX up to which a formula is one unbreakable piece
_RELATIONS = frozenset("=≈≠≡≤≥≦≧∼≃≅∝→←↔⇒⇐⇔⟹⟸⟺⟶∈") | {"&lt;", "&gt;"}
# How many children an element must have; a fraction with one child is drawn as an error by browsers.
_ARITY = {
    "mfrac": 2,
    "msub": 2,
    "msup": 2,
    "mover": 2,
    "munder": 2,
    "mroot": 2,
    "msubsup": 3,
    "munderover": 3,
}
ELEMENTS = {
    "math",
    "mrow",
    "mi",
    "mn",
    "mo",
    "mtext",
    "mspace",
    "msqrt",
    "mtable",
    "mtr",
    "mtd",
    "mstyle",
    "mpadded",
    "mphantom",
} | set(_ARITY)
_LENGTH = re.compile(r"[+-]?\d*\.?\d+(em|ex|px|pt|mu|%)?\Z")
_WORD = re.compile(r"[a-z]{1,20}\Z")
ATTRIBUTES = {
    "display": _WORD,
    "stretchy": _WORD,
    "fence": _WORD,
    "form": _WORD,
    "separator": _WORD,
    "accent": _WORD,
    "accentunder": _WORD,
    "movablelimits": _WORD,
    "largeop": _WORD,
    "symmetric": _WORD,
    "displaystyle": _WORD,
    "scriptlevel": re.compile(r"[+-]?\d\Z"),
    "width": _LENGTH,
    "height": _LENGTH,
    "depth": _LENGTH,
    "lspace": _LENGTH,
    "rspace": _LENGTH,
    "voffset": _LENGTH,
    "linethickness": _LENGTH,
    "minsize": _LENGTH,
    "maxsize": _LENGTH,
    "mathvariant": re.compile(r"normal\Z"),
}
CLASSES = {"math-box", "math-left", "math-right", "math-lined", "math-bold"}
_REFUSED = re.compile(
    r"\\(def|gdef|edef|xdef|let|newcommand|renewcommand|providecommand|DeclareMathOperator|href|url|includegraphics|ce|cancel)(?![a-zA-Z])"
)
_ENTITY = re.compile(r"&#x([0-9A-Fa-f]{2,6});")
_ROMAN_ENTITY = re.compile(r"&#x000?(4[1-9A-F]|5[0-9A]|6[1-9A-F]|7[0-9A]);\Z")
_SAME_AS = (
    (re.compile(r"\\(begin|end)\{(aligned|split|eqnarray\*?|alignedat|align)\}"), r"\\\1{align*}"),
    (re.compile(r"\\(begin|end)\{(gathered|gather\*?)\}"), r"\\\1{matrix}"),
    (re.compile(r"\\(begin|end)\{(equation\*?|displaymath)\}"), ""),
    (re.compile(r"\\(nonumber|notag|displaystyle)(?![a-zA-Z])"), ""),
    (re.compile(r"\\label\{[^{}]*\}"), ""),
)


class _Unsettable(Exception):
    """The formula cannot be set; its source is shown."""


def convert(latex: str, *, block: bool = False) -> str:
    """MathML (a `<math>` element) of `latex`, or its escaped source in `<code class="math-source">`."""
    try:
        return _math(latex, block)
    # latex2mathml raises a dozen kinds, RecursionError among them; the source is always a good answer
    except Exception:
        return f'<code class="math-source">{html.escape(latex.strip(), quote=False)}</code>'


def _depth(latex: str) -> int:
    deepest = depth = 0
    for c in latex:
        if c == "{":
            depth += 1
            deepest = max(deepest, depth)
        elif c == "}":
            depth -= 1
    return deepest


def _math(latex: str, block: bool) -> str:
    source = latex.strip()
    if not source or len(source) > MAX_LENGTH or _REFUSED.search(source) or _depth(source) > MAX_DEPTH:
        raise _Unsettable
    if (
        source.count("\\left") > 40
        or source.count("\\begin") > 12
        or re.search(r"(?:\\[a-zA-Z]+\s*){20}", source)
    ):
        raise _Unsettable
    for pattern, replacement in _SAME_AS:
        source = pattern.sub(replacement, source)
    if "\\\\" in source and "\\begin" not in source:  # several lines without an environment
        source = r"\begin{matrix}" + source + r"\end{matrix}"
    tree = Converter(display="block" if block else "inline").convert_to_element(source)
    out: list[str] = []
    parts = _parts(list(tree[0])) if len(source) > WHOLE and len(tree) == 1 else []
    if len(parts) > 1:
        for part in parts:
            out.append(
                '<math display="inline" displaystyle="true"><mrow>'
                if block
                else '<math display="inline"><mrow>'
            )
            _write_children(part, "mrow", out, 1)
            out.append("</mrow></math> ")
        return "".join(out).rstrip()
    _write(tree, out, 0)
    return "".join(out)


def _parts(children: list) -> list[list]:
    """The top level of a formula cut before its relations (and, in long stretches, before + and −). MathML in
    browsers does not break lines, and a formula that runs out of a narrow column hides its end from the
    person who judges it; the page can break between parts."""
    parts: list[list] = [[]]
    for i, child in enumerate(children):
        sign = _text(child.text or "") if child.tag == "mo" and len(child) == 0 else ""
        size = sum(len("".join(c.itertext())) if c.tag != "mo" else 1 for c in parts[-1])
        if (
            parts[-1]
            and i < len(children) - 1
            and ((sign and sign in _RELATIONS) or (sign in ("+", "−", "×", "⋅") and size > 60))
        ):
            parts.append([])
        parts[-1].append(child)
    return parts


def _text(raw: str) -> str:
    return html.escape(
        _ENTITY.sub(
            lambda m: (
                chr(int(m[1], 16)) if int(m[1], 16) < 0xD800 or 0xE000 <= int(m[1], 16) < 0x110000 else m[0]
            ),
            raw,
        ),
        quote=False,
    )


def _is_roman(node) -> bool:
    """An upright single letter: `\\mathrm{NPV}` comes as three of them, which are written as one
    identifier."""
    return (
        node.tag == "mi"
        and len(node) == 0
        and bool(node.text)
        and (node.get("mathvariant") == "normal" or bool(_ROMAN_ENTITY.match(node.text)))
        and len(_text(node.text)) == 1
        and _text(node.text).isalpha()
    )


def _write(node, out: list[str], depth: int) -> None:
    if depth > MAX_DEPTH * 3:
        raise _Unsettable
    tag = node.tag
    classes = []
    if tag == "menclose":
        if node.get("notation") != "box":
            raise _Unsettable
        tag, classes = "mrow", ["math-box"]
    if tag not in ELEMENTS or (tag in _ARITY and len(node) != _ARITY[tag]):
        raise _Unsettable
    if tag == "mi" and node.text and (node.text.startswith("\\") or node.text in ("&", "}", "{")):
        raise _Unsettable
    if tag == "mtd" and node.get("columnalign") in ("left", "right"):
        classes.append(f"math-{node.get('columnalign')}")
    if tag == "mtable" and node.get("rowlines"):
        classes.append("math-lined")
    if "bold" in node.get("mathvariant", ""):
        classes.append("math-bold")
    out.append(f"<{tag}")
    for name, value in node.attrib.items():
        if name in ATTRIBUTES and ATTRIBUTES[name].match(value):
            out.append(f' {name}="{value}"')
    if classes:
        out.append(f' class="{" ".join(classes)}"')
    out.append(">")
    if node.text:
        out.append(_text(node.text))
    _write_children(list(node), tag, out, depth)
    out.append(f"</{tag}>")


def _write_children(children: list, tag: str, out: list[str], depth: int) -> None:
    i = 0
    while i < len(children):
        j = i
        if tag not in _ARITY:
            while j < len(children) and _is_roman(children[j]):
                j += 1
        if j > i:
            letters = "".join(_text(c.text) for c in children[i:j])
            out.append(
                f'<mi mathvariant="normal">{letters}</mi>' if len(letters) == 1 else f"<mi>{letters}</mi>"
            )
            i = j
        else:
            _write(children[i], out, depth + 1)
            i += 1
