"""What every page's frame needs."""

THEMES = ("light", "dark")
TEXT_SIZES = range(-1, 4)


def shown_theme(request) -> str:
    """ "light", "dark", or "" (as the browser prefers): of the signed-in person, else of this browser."""
    user = getattr(request, "user", None)
    if user is not None and user.is_authenticated:
        return user.theme
    theme = request.COOKIES.get("theme", "")
    return theme if theme in THEMES else ""


def shown_text_size(request) -> int:
    """Step of the text size, 0 the normal one."""
    user = getattr(request, "user", None)
    if user is not None and user.is_authenticated:
        return user.text_size
    try:
        size = int(request.COOKIES.get("text_size", "0"))
    except ValueError:
        return 0
    return size if size in TEXT_SIZES else 0


def frame(request):
    return {"theme": shown_theme(request), "text_size": shown_text_size(request)}
