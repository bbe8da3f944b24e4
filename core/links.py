"""Addresses of pages that may not be there."""

from django.urls import NoReverseMatch, reverse


def url_or_blank(name: str, *args) -> str:
    """The address of the page `name`, or "" where no page of that name is routed: templates then leave its
    link out."""
    try:
        return reverse(name, args=args)
    except NoReverseMatch:
        return ""
