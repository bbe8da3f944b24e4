"""What is installed is what is imported: a package nobody imports costs every installation its download, and
one that is imported without being asked for breaks when whoever brought it along no longer does."""

import ast
import re
import sys
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
ROOMS = ("core", "corpus", "inference", "feedback", "annotation", "training_export", "config")

# Given with the project and used by work that is still to come; argilla imports requests without asking for
# it.
WAITING = {"argilla", "requests"}

# Used where it is installed: whoever needs it asks for it by requirements-train.txt, and says so where it is
# missing.
OPTIONAL = {"torch"}


def required(name: str = "requirements.txt") -> set[str]:
    """The distributions a requirements file asks for by name, normalised."""
    lines = (ROOT / name).read_text(encoding="utf-8").splitlines()
    found = (re.match(r"[A-Za-z0-9._-]+", line) for line in lines if not line.startswith("-"))
    return {match[0].lower().replace("_", "-") for match in found if match}


def named_in(tree: ast.AST) -> Iterator[str]:
    """Top-level packages that a module imports or, as settings and commands do, names by a string."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name.split(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            yield (node.module or "").split(".")[0]
        elif (
            isinstance(node, ast.Constant)
            and isinstance(node.value, str)
            and re.fullmatch(r"[a-z_]\w*(\.\w+)*", node.value)
        ):
            yield "named:" + node.value.split(".")[0]


def used() -> tuple[set[str], set[str]]:
    """(packages imported, packages named in a string of config, such as an installed app)."""
    imported, named = set(), set()
    for room in ROOMS:
        for path in (ROOT / room).rglob("*.py"):
            for name in named_in(ast.parse(path.read_text(encoding="utf-8"))):
                if not name.startswith("named:"):
                    imported.add(name)
                elif room == "config":
                    named.add(name.removeprefix("named:"))
    return imported, named


def test_every_requirement_is_imported():
    imported, named = used()
    packages: dict[str, set[str]] = {}
    for package, distributions in metadata.packages_distributions().items():
        for one in distributions:
            packages.setdefault(one.lower().replace("_", "-"), set()).add(package)
    unused = {one for one in required() if not packages.get(one, set()) & (imported | named)}
    assert unused - {"psycopg"} == WAITING  # psycopg is Django's, by the scheme of DATABASE_URL


def test_every_import_is_required():
    imported, _named = used()
    distributions = metadata.packages_distributions()
    third_party = imported - set(sys.stdlib_module_names) - set(ROOMS) - {""}
    by_chance = {
        p
        for p in third_party - OPTIONAL
        if not {d.lower().replace("_", "-") for d in distributions.get(p, ["?"])} & required()
    }
    assert not by_chance
    assert required("requirements-train.txt") >= OPTIONAL
