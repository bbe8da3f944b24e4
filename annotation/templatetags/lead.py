"""Filters of the lead's pages."""

from django import template
from django.utils.translation import gettext as _

register = template.Library()


@register.filter
def duration(milliseconds) -> str:
    """Milliseconds as people say them: "2 h 05 min", "12 min", "40 s"."""
    seconds = int(milliseconds or 0) // 1000
    hours, minutes = divmod(seconds // 60, 60)
    if hours:
        return _("%(h)s h %(m)s min") % {"h": hours, "m": f"{minutes:02d}"}
    if minutes:
        return _("%(m)s min") % {"m": minutes}
    return _("%(s)s s") % {"s": seconds}
