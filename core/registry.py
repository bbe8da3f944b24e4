"""What upper rooms hang into lower ones, so that no room imports upward. Filled in each room's AppConfig.ready().

Panels: a named place on a page ("project.overview", "project.nav", "project.attention", "home.project") asks for `panels(place, request,
project)` and renders what comes back. Checks: `manage.py doctor`. Erasers: a person's data, room by room (ids of what was erased)."""

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Panel:
    """`render(request, project)` returns safe HTML or "" ; shown to members with `role` or a stronger one, by `order`."""

    place: str
    role: str
    order: int
    render: Callable


@dataclass(frozen=True)
class NavEntry:
    """A tab of a project: URL name taking the slug, label, the role it needs, and the names of `also`: pages elsewhere that belong to it."""

    url_name: str
    label: object
    role: str
    order: int
    also: tuple[str, ...] = ()


_panels: list[Panel] = []
_nav: list[NavEntry] = []
_checks: dict[str, Callable] = {}
_erasers: dict[str, Callable] = {}


def register_panel(place: str, *, role: str, order: int, render: Callable) -> None:
    _panels.append(Panel(place, role, order, render))


def register_nav(url_name: str, label, *, role: str, order: int, also: tuple[str, ...] = ()) -> None:
    """A tab in the frame of every project page. It is the current one on its own page, on those below its address, and on those of `also`."""
    _nav.append(NavEntry(url_name, label, role, order, also))


def register_check(name: str, check: Callable) -> None:
    """`check()` yields (level "ok"|"warning"|"error", sentence)."""
    _checks[name] = check


def register_eraser(room: str, erase: Callable) -> None:
    """`erase(project=, person=)` purges the room's part and returns what it removed as {table: count}."""
    _erasers[room] = erase


def panels(place: str) -> list[Panel]:
    return sorted((p for p in _panels if p.place == place), key=lambda p: p.order)


def nav() -> list[NavEntry]:
    return sorted(_nav, key=lambda n: n.order)


def checks() -> dict[str, Callable]:
    return dict(_checks)


def erasers() -> dict[str, Callable]:
    return dict(_erasers)
