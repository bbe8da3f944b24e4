"""Every template compiles, and none carries what the CSP forbids."""

import re
from pathlib import Path

import pytest
from django.template import engines
from django.template.loader import get_template

ROOT = Path(__file__).resolve().parents[2]
TEMPLATES = sorted(
    str(path.relative_to(ROOT / "templates"))
    for path in (ROOT / "templates").rglob("*")
    if path.suffix in {".html", ".txt"}
)
SCRIPT = re.compile(r"<script(?![^>]*\bsrc=)(?![^>]*type=\"application/json\")[^>]*>", re.I)
FORBIDDEN = {
    "a style attribute": re.compile(r"<[^>]*\sstyle\s*=", re.I),
    "an inline style sheet": re.compile(r"<style\b", re.I),
    "an inline script": SCRIPT,
    "an event attribute": re.compile(
        r"<[^>]*\son(click|change|submit|load|error|input|key\w+|focus|blur)\s*=", re.I
    ),
    "a javascript: address": re.compile(r"javascript:", re.I),
    "an address of another site": re.compile(
        r"<(script|link|img|iframe)[^>]*\b(src|href)\s*=\s*[\"']?(https?:)?//", re.I
    ),
    "htmx that needs eval": re.compile(r"\bhx-(on|vals\s*=\s*[\"']js:|vars)\b|hx-trigger=\"[^\"]*\w\[", re.I),
}


@pytest.mark.parametrize("name", TEMPLATES)
def test_a_template_compiles_and_keeps_to_the_csp(name):
    get_template(name)
    text = re.sub(
        r"\{#.*?#\}|\{% comment %\}.*?\{% endcomment %\}",
        "",
        (ROOT / "templates" / name).read_text(encoding="utf-8"),
        flags=re.S,
    )
    assert not [what for what, pattern in FORBIDDEN.items() if pattern.search(text)]


@pytest.mark.parametrize(
    "text",
    [
        '<p style="x">',
        "<script>1</script>",
        '<a onclick="x">',
        '<script src="//cdn/x.js">',
        '<div hx-on:click="x">',
        "<style>x</style>",
    ],
)
def test_the_check_sees_what_the_csp_forbids(text):
    assert [what for what, pattern in FORBIDDEN.items() if pattern.search(text)]


def test_autoescape_is_on():
    assert engines["django"].engine.autoescape
