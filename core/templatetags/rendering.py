"""`{% load rendering %}`: `{{ text|markdown }}`, `{{ text|markdown_inline }}`, `{% diff old new %}`, `{{
text|language }}`, `{{ text|plain }}`, `{{ share|percent }}`."""

from django import template
from django.utils.html import format_html
from django.utils.safestring import SafeString

from core import text as texts
from core.rendering import diff as difference
from core.rendering import language as languages
from core.rendering import markdown as rendered

register = template.Library()
_HTML_LANG = {"zh": "zh-Hans", "en": "en"}


@register.filter
def markdown(text) -> SafeString:
    """Safe HTML of Markdown; put it in an element with class "markdown"."""
    return rendered.render("" if text is None else str(text))


@register.filter
def markdown_inline(text) -> SafeString:
    """Safe HTML of one line of Markdown."""
    return rendered.render_inline("" if text is None else str(text))


@register.filter
def plain(text) -> SafeString:
    """The text as it is, white space kept, unseen characters marked."""
    return rendered.plain("" if text is None else str(text))


@register.filter
def percent(share) -> str:
    """A share (0 to 1) as every page writes it (core.text.percent)."""
    return texts.percent(share)


@register.filter
def language(text) -> str:
    """The value for a `lang` attribute: "zh-Hans", "en", or "" (unknown)."""
    return _HTML_LANG.get(languages.guess(str(text or "")), "")


@register.simple_tag
def diff(old, new) -> SafeString:
    """The change from `old` to `new` in a block that keeps white space."""
    return format_html(
        '<div class="diff" dir="auto">{}</div>',
        difference.html("" if old is None else old, "" if new is None else new),
    )
