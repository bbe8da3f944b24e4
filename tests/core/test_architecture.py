"""The one rule between rooms: a room knows only the rooms below it. Not by import, model name, URL name,
template, style sheet or migration."""

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.urls import URLPattern, URLResolver, get_resolver

ROOT = Path(__file__).resolve().parents[2]
ROOMS = ["core", "corpus", "inference", "feedback", "annotation", "training_export", "config"]  # lowest first
NAMED = re.compile(rf"^({'|'.join(ROOMS)})(\.[A-Za-z_]\w*)+$")
IN_FOLDER = re.compile(rf"^({'|'.join(ROOMS)})/[\w./-]+\.(html|css|js|svg|json)$")
REVERSING = {"reverse", "reverse_lazy", "redirect", "resolve_url"}
TAG = re.compile(r"""\{%\s*(url|extends|include|static)\s+['"]([^'"]+)['"]""")
TAG_LOAD = re.compile(r"\{%\s*load\s+([^%]+?)\s*%\}")
JS_IMPORT = re.compile(r"""(?:from|import)\s*\(?\s*["']([^"']+)["']""")


def above(room: str, other: str) -> bool:
    return ROOMS.index(other) > ROOMS.index(room)


def python_files(room: str) -> Iterator[Path]:
    yield from sorted((ROOT / room).rglob("*.py"))


def url_rooms() -> dict[str, str]:
    """{URL name: room whose view answers it}."""
    found: dict[str, str] = {}

    def walk(patterns) -> None:
        for pattern in patterns:
            if isinstance(pattern, URLResolver):
                walk(pattern.url_patterns)
            elif isinstance(pattern, URLPattern) and pattern.name:
                room = pattern.lookup_str.split(".")[0]
                found[pattern.name] = room if room in ROOMS else "config"

    walk(get_resolver().url_patterns)
    return found


def faults_of(path: Path, room: str, urls: dict[str, str]) -> Iterator[str]:
    """Every upward reference of one module, a line each."""
    relative = path.relative_to(ROOT)
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        line = getattr(node, "lineno", 0)
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            names = [node.module or ""]
        else:
            names = []
        for name in names:
            other = name.split(".")[0]
            if other in ROOMS and above(room, other):
                yield f"{relative}:{line} imports {name}"
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            match = NAMED.match(node.value) or IN_FOLDER.match(node.value)
            if match and above(room, match[1]):
                yield f"{relative}:{line} names {node.value}"
        if isinstance(node, ast.Call):
            called = (
                node.func.id
                if isinstance(node.func, ast.Name)
                else node.func.attr
                if isinstance(node.func, ast.Attribute)
                else ""
            )
            values = [
                a.value
                for a in [*node.args, *(k.value for k in node.keywords)]
                if isinstance(a, ast.Constant) and isinstance(a.value, str)
            ]
            if called == "get_model" and values and values[0] in ROOMS and above(room, values[0]):
                yield f"{relative}:{line} asks for a model of {values[0]}"
            if called in REVERSING and values and values[0] in urls and above(room, urls[values[0]]):
                yield f"{relative}:{line} leads to {values[0]}, a page of {urls[values[0]]}"
        if (
            "migrations" in path.parts
            and isinstance(node, ast.Tuple)
            and len(node.elts) == 2
            and isinstance(node.elts[0], ast.Constant)
        ):
            label = node.elts[0].value
            if label in ROOMS and above(room, label):
                yield f"{relative}:{line} depends on a migration of {label}"


def tag_libraries() -> dict[str, str]:
    return {path.stem: room for room in ROOMS for path in (ROOT / room / "templatetags").glob("*.py")}


def template_faults(path: Path, room: str, urls: dict[str, str], libraries: dict[str, str]) -> Iterator[str]:
    text, relative = path.read_text(encoding="utf-8"), path.relative_to(ROOT)
    for tag, name in TAG.findall(text):
        other = urls.get(name) if tag == "url" else name.split("/")[0]
        if other in ROOMS and above(room, other):
            yield f"{relative}: {tag} {name} is of {other}"
    for loaded in TAG_LOAD.findall(text):
        for library in loaded.split():
            if library in libraries and above(room, libraries[library]):
                yield f"{relative}: loads {library} of {libraries[library]}"


def script_faults(path: Path, room: str) -> Iterator[str]:
    for name in JS_IMPORT.findall(path.read_text(encoding="utf-8")):
        for other in name.split("/"):
            if other in ROOMS and above(room, other):
                yield f"{path.relative_to(ROOT)}: imports {name}"


@pytest.mark.parametrize("room", ROOMS)
def test_a_room_knows_only_the_rooms_below(room):
    urls, libraries = url_rooms(), tag_libraries()
    faults = [fault for path in python_files(room) for fault in faults_of(path, room, urls)]
    templates = sorted((ROOT / "templates" / room).rglob("*.html"))
    if room == "core":
        templates += sorted((ROOT / "templates").glob("*.html"))  # the frame is core's
    faults += [fault for path in templates for fault in template_faults(path, room, urls, libraries)]
    faults += [
        fault
        for path in sorted((ROOT / room / "static").rglob("*.js"))
        for fault in script_faults(path, room)
    ]
    assert not faults, "\n".join(faults)


@pytest.mark.parametrize(
    "source",
    [
        "import annotation.models",
        "def f():\n    from training_export import formats",
        "apps.get_model('annotation', 'Item')",
        "apps.get_model('annotation.Item')",
        "models.ForeignKey('annotation.Item')",
        "import_string('config.celery.send')",
        "redirect('bench', slug)",
        "render(request, 'annotation/bench.html')",
    ],
)
def test_the_check_sees_every_way_up(source, tmp_path, monkeypatch):
    monkeypatch.setattr(sys.modules[__name__], "ROOT", tmp_path)
    (tmp_path / "core").mkdir()
    module = tmp_path / "core" / "x.py"
    module.write_text(source)
    assert list(faults_of(module, "core", {"bench": "annotation"}))


def test_the_check_sees_a_migration_and_a_template_upward(tmp_path, monkeypatch):
    monkeypatch.setattr(sys.modules[__name__], "ROOT", tmp_path)
    (tmp_path / "core" / "migrations").mkdir(parents=True)
    module = tmp_path / "core" / "migrations" / "0002.py"
    module.write_text("dependencies = [('annotation', '0001_initial')]")
    assert list(faults_of(module, "core", {}))
    page = tmp_path / "page.html"
    for text in (
        "{% url 'bench' slug %}",
        "{% include 'annotation/_x.html' %}",
        "{% load drawn %}",
        "{% static 'annotation/bench.css' %}",
    ):
        page.write_text(text)
        assert list(template_faults(page, "core", {"bench": "annotation"}, {"drawn": "annotation"}))


def test_the_web_process_loads_nothing_heavy_before_it_is_used():
    """Start-up time and memory of the web process are a feature."""
    heavy = {"transformers", "argilla", "torch", "datasets", "pandas", "pyarrow", "scipy", "sklearn", "numpy"}
    heavy |= {"krippendorff", "choix", "celery", "babel", "playwright"}
    code = (
        "import os, sys; import config.wsgi; from django.urls import get_resolver; "
        "get_resolver().url_patterns; print(*sys.modules)"
    )
    loaded = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.split()
    assert not sorted(heavy.intersection(loaded))


def test_modules_stay_small_enough_to_read():
    """About 400 lines; a module well above that wants a second room."""
    modules = [path for room in ROOMS for path in python_files(room) if "migrations" not in path.parts]
    long = [
        f"{path.relative_to(ROOT)}: {n} lines"
        for path in modules
        if (n := len(path.read_text(encoding="utf-8").splitlines())) > 450
    ]
    assert not long, "\n".join(long)
