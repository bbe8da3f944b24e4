"""The rules inside the rooms: screens call verbs and verbs call models, never the other way; what calls
itself pure reaches no database; no two modules need each other; no folder is too full to find one's way
in. Between rooms: test_architecture."""

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from annotation import document

ROOT = Path(__file__).resolve().parents[2]
ROOMS = ["core", "corpus", "inference", "feedback", "annotation", "training_export", "config"]
MODULES_A_FOLDER = 20
# by the last part of a module's name, also after an underscore
SCREENS = ("views", "api", "forms", "urls", "api_urls")
PAGES = {
    f"annotation.projects.{name}"
    for name in ("checklist", "create", "guidelines", "home", "overview", "settings", "statement")
} | {f"annotation.bench.{name}" for name in ("guidelines", "mine", "preview")}
ONE_THING = {"models", "derived", "querysets"}
WEB = ("django.http", "django.shortcuts", "django.views", "django.forms", "rest_framework")
# Who is neither a page nor a verb, and works on requests by its nature: middleware, decorators of pages, what
# the chat's pages share.
ON_REQUESTS = {
    "config.middleware",
    "config.probes",
    "core.access",
    "core.api.auth",
    "core.api.errors",
    "core.api.parsers",
    "core.registry",
    "core.web.context",
    "core.web.middleware",
    "feedback.chat.access",
    "feedback.chat.requests",
    "feedback.ingest.schema",
    "training_export.publish.downloads",
}


def name_of(path: Path) -> str:
    """The dotted name of a module's file."""
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def modules() -> dict[str, ast.Module]:
    """{dotted name: its tree} of all that is the product's own, but for migrations."""
    paths = (p for room in ROOMS for p in sorted((ROOT / room).rglob("*.py")) if "migrations" not in p.parts)
    return {name_of(path): ast.parse(path.read_text(encoding="utf-8")) for path in paths}


def imports(tree: ast.Module, known: dict, *, deep: bool = True) -> Iterator[str]:
    """Every module that `tree` imports, own ones by the name of their file; without `deep` only what is
    imported at once."""
    for node in ast.walk(tree) if deep else tree.body:
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            for alias in node.names:
                whole = f"{node.module}.{alias.name}"
                yield whole if whole in known else node.module


def is_screen(name: str) -> bool:
    last = name.rsplit(".", 1)[-1]
    return name in PAGES or any(last == s or last.endswith("_" + s) for s in SCREENS)


@pytest.fixture(scope="module")
def house() -> dict[str, ast.Module]:
    return modules()


def test_nobody_below_a_screen_calls_it(house):
    faults = []
    for name, tree in house.items():
        if is_screen(name) or name.endswith(".apps") or name == "config.urls":
            continue
        faults += [
            f"{name} imports {other}" for other in imports(tree, house) if other in house and is_screen(other)
        ]
    assert not faults, "\n".join(faults)


def test_a_verb_knows_no_request(house):
    faults = []
    for name, tree in house.items():
        if (
            is_screen(name)
            or name in ON_REQUESTS
            or name.endswith(".apps")
            or ".management." in name
            or ".templatetags." in name
        ):
            continue
        faults += [f"{name} imports {other}" for other in imports(tree, house) if other.startswith(WEB)]
    assert not faults, "\n".join(faults)


def test_no_two_modules_need_each_other(house):
    """A circle of imports, whether at once or inside functions; models, those that are derived of them and
    their querysets are one thing in three files."""
    edges = {
        name: {o for o in imports(tree, house) if o in house and o != name} for name, tree in house.items()
    }
    circles = [c for c in strongly_connected(edges) if {n.rsplit(".", 1)[-1] for n in c} - ONE_THING]
    assert not circles, "\n".join(" ↔ ".join(sorted(c)) for c in circles)


def strongly_connected(edges: dict[str, set[str]]) -> list[set[str]]:
    """The groups of two and more nodes that reach each other (Tarjan 1972)."""
    index: dict[str, int] = {}
    low: dict[str, int] = {}
    stack: list[str] = []
    found: list[set[str]] = []

    def visit(node: str) -> None:
        index[node] = low[node] = len(index)
        stack.append(node)
        for other in sorted(edges[node]):
            if other not in index:
                visit(other)
            if other in stack:
                low[node] = min(low[node], low[other])
        if low[node] == index[node]:
            group = set(stack[stack.index(node) :])
            del stack[stack.index(node) :]
            if len(group) > 1:
                found.append(group)

    for node in sorted(edges):
        if node not in index:
            visit(node)
    return found


def test_the_finder_of_circles_finds_them():
    assert strongly_connected({"a": {"b"}, "b": {"c"}, "c": {"a"}, "d": {"a"}}) == [{"a", "b", "c"}]


def test_what_calls_itself_pure_reaches_no_database(house):
    pure = sorted(
        n
        for n, tree in house.items()
        if "Pure." in (ast.get_docstring(tree) or "") or "Pure;" in (ast.get_docstring(tree) or "")
    )
    assert len(pure) > 20
    code = (
        "import sys, importlib\nfor name in sys.argv[1:]:\n    importlib.import_module(name)\n    if "
        "'django.db' in sys.modules: print(name); break"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, *pure], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout == ""


def test_no_folder_is_too_full():
    full = []
    for room in ROOMS:
        for folder in [ROOT / room, *(p for p in (ROOT / room).rglob("*") if p.is_dir())]:
            count = len([p for p in folder.glob("*.py") if p.name != "__init__.py"])
            if "migrations" not in folder.parts and count > MODULES_A_FOLDER:
                full.append(f"{folder.relative_to(ROOT)}: {count} modules")
    assert not full, "\n".join(full)


# Who knows the stored keys of a judgement. The readers of files write the same shape over the answers of a
# row, below the room whose shape it is.
KNOW_THE_DOCUMENT = (
    "annotation.document",
    "annotation.document_checks",
    "corpus.readers.",
    # who writes one by letters, as the bench's script does
    "annotation.review.own_judgement",
    "config.demo_history.experts",
)
DOCUMENTS = {
    "document",
    "doc",
    "stored",
    "documents",
    "says",
}  # what documents are called, also with a part after _
# Keys that nothing else has.
OF_DOCUMENTS_ALONE = {"rest", "acceptable", "spans", "not_read"}


def keys_named(tree: ast.Module, keys: set[str]) -> Iterator[tuple[int, str]]:
    """(line, key) wherever a key of documents is looked up, asked for or put: in anything, if only documents
    have it, else in what is called a document."""
    for node in ast.walk(tree):
        found: list[tuple[ast.expr, ast.expr]] = []  # (key, of what)
        if isinstance(node, ast.Subscript):
            found = [(node.slice, node.value)]
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.args:
            if node.func.attr in ("get", "pop", "setdefault"):
                found = [(node.args[0], node.func.value)]
        elif isinstance(node, ast.keyword) and "document__has_" in (node.arg or ""):
            named = node.value.elts if isinstance(node.value, ast.List | ast.Tuple) else [node.value]
            yield from ((one.lineno, one.value) for one in named if isinstance(one, ast.Constant))
        elif isinstance(node, ast.Compare) and isinstance(node.ops[0], ast.In | ast.NotIn):
            found = [(node.left, node.comparators[0])]
        elif isinstance(node, ast.Dict):
            alone = [key for key in node.keys if isinstance(key, ast.Constant)]
            found = [(key, node) for key in alone if key.value in OF_DOCUMENTS_ALONE]
        for key, of in found:
            if not isinstance(key, ast.Constant) or key.value not in keys:
                continue
            name = of.attr if isinstance(of, ast.Attribute) else of.id if isinstance(of, ast.Name) else ""
            if key.value in OF_DOCUMENTS_ALONE or name.rsplit("_", 1)[-1] in DOCUMENTS:
                yield node.lineno, key.value


def test_a_judgement_is_read_through_its_view_alone(house):
    """Only the modules of the document know how a judgement is stored: all others ask `Judgement`."""
    keys = set(document.FORMS)
    faults = [
        f"{name}:{line} names {key!r}"
        for name, tree in house.items()
        if not name.startswith(KNOW_THE_DOCUMENT)
        for line, key in keys_named(tree, keys)
    ]
    assert not faults, "\n".join(faults)


@pytest.mark.parametrize(
    "code",
    [
        'document["ranking"]',
        'version.document.get("verdict")',
        '"corrections" in head.document',
        'stored.pop("claims", None)',
        'anything["acceptable"]',
        '{"ranking": [], "rest": "worse"}',
        'rows.filter(head__document__has_key="corrections")',
    ],
)
def test_the_finder_of_stored_keys_finds_them(code):
    assert list(keys_named(ast.parse(code), set(document.FORMS)))


def states_written_out(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """(line, word) where the state of a row is compared with, set to or asked for as a word instead of a
    member of its model's State."""

    def words(node: ast.AST) -> Iterator[tuple[int, str]]:
        inside = node.elts if isinstance(node, ast.Tuple | ast.List | ast.Set) else [node]
        for one in inside:
            for part in [one.body, one.orelse] if isinstance(one, ast.IfExp) else [one]:
                if isinstance(part, ast.Constant) and isinstance(part.value, str):
                    yield part.lineno, part.value

    def is_state(node: ast.AST) -> bool:
        return isinstance(node, ast.Attribute) and node.attr == "state"

    for node in ast.walk(tree):
        if isinstance(node, ast.Compare) and is_state(node.left):
            yield from words(node.comparators[0])
        elif isinstance(node, ast.Assign):
            for target in node.targets:
                both = isinstance(target, ast.Tuple) and isinstance(node.value, ast.Tuple)
                pairs = zip(target.elts, node.value.elts, strict=False) if both else [(target, node.value)]
                for to, of in pairs:
                    if is_state(to):
                        yield from words(of)
        elif isinstance(node, ast.keyword) and (node.arg or "").removesuffix("__in").endswith("state"):
            of = node.value
            yield from words(of.args[0] if isinstance(of, ast.Call) and of.args else of)


def state_values() -> set[str]:
    """The values of every model's State."""
    from django.apps import apps

    return {value for model in apps.get_models() if hasattr(model, "State") for value in model.State.values}


def test_states_are_members_and_not_words(house):
    faults = [
        f"{name}:{line} writes {word!r}"
        for name, tree in house.items()
        # constraints stand in Meta, which sees no State; the other reads the API's own words, without models
        if not name.endswith(".models") and name != "feedback.ingest.parse"
        for line, word in states_written_out(tree)
        if word in state_values()  # other words are no row's state
    ]
    assert not faults, "\n".join(faults)


@pytest.mark.parametrize(
    "code",
    [
        'item.state == "open"',
        'row.state not in ("submitted", "accepted")',
        'a.state, a.slot = "open", None',
        'fresh.state = "done" if full else "open"',
        'rows.filter(item__state="settled")',
        'rows.filter(state__in=["done"])',
        'Q(state=Word("open"))',
    ],
)
def test_the_finder_of_states_finds_them(code):
    assert list(states_written_out(ast.parse(code)))


def test_no_script_asks_by_the_browsers_own_dialogs():
    """They stop the whole browser, look like nobody's, and say nothing of what is at stake: one dialog of the
    page asks (core/question.js)."""
    native = re.compile(r"\b(?:window\.)?(?:confirm|alert|prompt)\(")
    faults = [
        f"{path.relative_to(ROOT)}: {line.strip()[:80]}"
        for room in ROOMS
        for path in sorted((ROOT / room).rglob("*.js"))
        for line in path.read_text(encoding="utf-8").splitlines()
        if native.search(line) and not line.lstrip().startswith("//")
    ]
    templates = (ROOT / "templates").rglob("*.html")
    faults += [str(path) for path in templates if "hx-confirm" in path.read_text(encoding="utf-8")]
    assert not faults, "\n".join(faults)
