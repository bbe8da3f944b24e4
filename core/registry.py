"""What upper rooms hang into lower ones, so that no room imports upward. Filled in each room's
AppConfig.ready().

Panels: a named place on a page ("project.overview", "project.attention", "project.steps", "home.project",
"keys.snippets") asks for `panels(place, request, project)` and renders what comes back. Checks: `manage.py
doctor`. Erasers: a person's data, room by room (ids of what was erased)."""

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from types import ModuleType

from django.utils.translation import gettext_lazy as _


@dataclass(frozen=True)
class Panel:
    """`render(request, project)` returns safe HTML or "" ; shown to members with `role` or a stronger one, by
    `order`."""

    place: str
    role: str
    order: int
    render: Callable


@dataclass(frozen=True)
class NavEntry:
    """A tab of a project: URL name taking the slug, label, the role it needs, the one of NAV_GROUPS it stands
    in, the names of `also`: pages elsewhere that belong to it, and `shows(project, role)`, whether this
    project has it, if not every one has."""

    url_name: str
    label: object
    role: str
    order: int
    group: str = ""
    also: tuple[str, ...] = ()
    shows: Callable | None = None


NAV_GROUPS = {
    "labelling": _("Labelling"),
    "end_users": _("End users"),
    "data": _("Data"),
    "setup": _("Setup"),
}


@dataclass(frozen=True)
class Action:
    """A button that sends what was chosen on a page to another room's form: its URL name (taking the slug),
    its label and the role it needs."""

    place: str
    url_name: str
    label: object
    role: str


_panels: list[Panel] = []
_actions: list[Action] = []
_parts: dict[str, str] = {}
_nav: list[NavEntry] = []
_checks: dict[str, Callable] = {}
_erasers: dict[str, int] = {}
_endings: list[Callable[[], object]] = []


def register_panel(place: str, *, role: str, order: int, render: Callable) -> None:
    _panels.append(Panel(place, role, order, render))


def register_nav(
    url_name: str,
    label,
    *,
    role: str,
    order: int,
    group: str = "",
    also: tuple[str, ...] = (),
    shows: Callable | None = None,
) -> None:
    """A tab in the frame of every project page. It is the current one on its own page, on those below its
    address, and on those of `also`. Whoever has many tabs finds those of a `group` (of NAV_GROUPS) in a
    menu of that name. With `shows`, the tab is left out of projects where `shows(project, role)` is false;
    it is asked once per page, and may cost one query there. A role's first tab is asked for every project
    of the switcher, so for that role it must answer without one."""
    if group and group not in NAV_GROUPS:
        raise ValueError(f"no group of tabs: {group}")
    _nav.append(NavEntry(url_name, label, role, order, group, also, shows))


def register_action(place: str, *, url_name: str, label, role: str) -> None:
    """A button at `place` for members with `role` or a stronger one. It posts the form of that page, with
    what was chosen in it, to the page `url_name`."""
    _actions.append(Action(place, url_name, label, role))


def register_part(name: str, module: str) -> None:
    """`module` (dotted) answers what a lower room asks under `name`; that room says what functions it must
    have. Loaded when first asked for."""
    _parts[name] = module


def register_check(name: str, check: Callable) -> None:
    """`check()` yields (level "ok"|"warning"|"error", sentence)."""
    _checks[name] = check


def register_eraser(module: str, *, order: int) -> None:
    """The room's part in a person's data (core.erasure): a module with any of `find(person)`, which adds to
    person.found what the rooms need to know, `erase(person)`, which removes the room's part and returns
    {table: count}, and `export(person)`, which gives it as JSON-able values. Upper rooms have the lower
    `order`: they erase first, while what they point at is still there. Loaded when first needed."""
    _erasers[module] = order


def panels(place: str) -> list[Panel]:
    return sorted((p for p in _panels if p.place == place), key=lambda p: p.order)


def actions(place: str) -> list[Action]:
    return [action for action in _actions if action.place == place]


def part(name: str) -> ModuleType | None:
    """The module registered under `name`, or None where no upper room has one."""
    return import_module(_parts[name]) if name in _parts else None


def nav() -> list[NavEntry]:
    return sorted(_nav, key=lambda n: n.order)


def checks() -> dict[str, Callable]:
    return dict(_checks)


def erasers() -> list[ModuleType]:
    """The registered modules, upper rooms first."""
    return [import_module(name) for name, _order in sorted(_erasers.items(), key=lambda e: e[1])]


def register_ending(end: Callable[[], object]) -> None:
    """`end()` is called when the web process is told to end, in a thread beside the requests that are still
    being answered: it has about four seconds to bring what is under way to an end."""
    _endings.append(end)


def endings() -> list[Callable[[], object]]:
    return list(_endings)
