"""Imports go to the left on the ladder, and one file names an economy: its own."""

import ast
import functools
import re
import subprocess
import sys
from pathlib import Path

import pytest

import deepham
from deepham import economics

PACKAGE = Path(deepham.__file__).parent
FILES = sorted(PACKAGE.rglob("*.py"))
# A room imports only from itself and from the rooms before it. The package's own __init__ imports lazily, from any.
LADDER = (
    "errors",
    "system",
    "economics",
    "simulation",
    "networks",
    "algorithm",
    "measures",
    "presentation",
    "solution",
    "estimation",
    "checks",
    "reference",
    "report",
    "monitoring",
    "runs",
    "training",
    "callbacks",
    "commands",
)
STEP = {room: step for step, room in enumerate(LADDER)}
USER_SIDE = {room for room in LADDER if STEP[room] < STEP["monitoring"]}  # neither Lightning nor Hydra
MOST_ENTRIES = 20  # at the top of the package


def part_of(path):
    """The first name below deepham: economics, simulation, solution, ..."""
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def imported(path):
    """Absolute names of all modules that a file imports, inside functions too."""
    package = ("deepham", *path.relative_to(PACKAGE).parts[:-1])
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else ()
            module = ".".join([*base, *([node.module] if node.module else [])])
            yield from (f"{module}.{alias.name}" for alias in node.names)


def ids(path):
    return str(path.relative_to(PACKAGE))


def module_of(path):
    return ".".join(("deepham", *path.relative_to(PACKAGE).with_suffix("").parts)).removesuffix(".__init__")


MODULES = {module_of(path): path for path in FILES}


def files_imported(path):
    """The files of the package that a file imports."""
    for name in imported(path):
        module = name if name in MODULES else name.rpartition(".")[0]
        if module in MODULES and MODULES[module] != path:
            yield MODULES[module]


def test_every_entry_at_the_top_has_its_step():
    entries = {path.name for path in PACKAGE.iterdir() if path.name not in ("__pycache__", "conf")}
    assert {name.removesuffix(".py") for name in entries if not name.endswith(".typed")} == {*LADDER, "__init__"}
    assert len(entries) <= MOST_ENTRIES


@pytest.mark.parametrize("path", [p for p in FILES if p != PACKAGE / "__init__.py"], ids=ids)
def test_imports_go_to_the_left(path):
    for name in imported(path):
        root, *rest = name.split(".")
        if root == "deepham":
            assert rest and rest[0] in STEP, f"{ids(path)} imports {name}, which has no place on the ladder"
            assert STEP[rest[0]] <= STEP[part_of(path)], f"{ids(path)} imports {name}"


def circles(imports):
    """Who import each other, be it through others: the strongly connected components of more than one (Tarjan)."""
    number, lowest, waiting, found = {}, {}, [], []

    def visit(path):
        number[path] = lowest[path] = len(number)
        waiting.append(path)
        for each in imports[path]:
            if each not in number:
                visit(each)
            if each in waiting:
                lowest[path] = min(lowest[path], lowest[each])
        if lowest[path] == number[path]:
            members = [waiting.pop()]
            while members[-1] != path:
                members.append(waiting.pop())
            found.extend([sorted(members)] if len(members) > 1 else [])

    for path in imports:
        if path not in number:
            visit(path)
    return found


def test_circles_are_found_through_others():
    assert circles({"a": ["b"], "b": ["c", "d"], "c": ["a"], "d": ["e"], "e": []}) == [["a", "b", "c"]]


def test_no_two_files_import_each_other():
    """Imports inside of functions and for types alone count, too."""
    found = circles({path: sorted(files_imported(path)) for path in FILES})
    assert not [[ids(path) for path in members] for members in found]


@pytest.mark.parametrize("path", [p for p in FILES if part_of(p) in USER_SIDE], ids=ids)
def test_nothing_left_of_monitoring_imports_lightning_or_hydra(path):
    roots = {name.split(".")[0] for name in imported(path)}
    assert not roots & {"lightning", "pytorch_lightning", "hydra", "omegaconf"}


def test_a_user_gets_the_package_without_lightning_or_hydra():
    modules = [name for name, path in MODULES.items() if part_of(path) in USER_SIDE | {"__init__"}]
    code = (
        f"import importlib, sys\nfor name in {modules!r}: importlib.import_module(name)\n"
        "print({'lightning', 'pytorch_lightning', 'hydra', 'omegaconf'} & set(sys.modules))"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "set()"


@functools.cache
def words(path):
    """(line, text) of every identifier, import and string of a file, docstrings excepted."""
    tree, found = ast.parse(path.read_text(encoding="utf-8")), []
    docstrings = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in docstrings:
            found.append((node.lineno, node.value))
        elif isinstance(node, ast.Name):
            found.append((node.lineno, node.id))
        elif isinstance(node, ast.Attribute):
            found.append((node.lineno, node.attr))
    return found + [(0, name) for name in imported(path)]


@pytest.mark.parametrize("name", economics.names())
def test_only_its_own_file_names_an_economy(name):
    spelt = re.compile(rf"\b{name}\b|\b{economics.economy_class(name).__name__}\b", re.IGNORECASE)
    own = PACKAGE / "economics" / f"{name}.py"
    # an economy can build on another one
    economies = {PACKAGE / "economics" / f"{each}.py" for each in economics.names()}
    others = [path for path in FILES if path not in economies]
    named = [f"{ids(path)}:{line}: {text}" for path in others for line, text in words(path) if spelt.search(text)]
    assert own.is_file() and not named


def test_who_chooses_savings_is_asked_as_an_identity_alone():
    """Whoever computes asks what follows from it, such as `economy.pays`."""
    asking = {ids(path) for path in FILES if "economy.objective" in path.read_text(encoding="utf-8")}
    files_of_solutions = {"reference/store.py", "reference/compare.py"}
    asked_by_users = {"economics/registry.py", "commands/resuming.py", "commands/report.py"}
    assert asking == files_of_solutions | asked_by_users


@pytest.mark.parametrize("path", [p for p in FILES if part_of(p) != "economics"], ids=ids)
def test_nobody_asks_of_which_kind_a_process_is(path):
    kinds = {f"deepham.economics.{kind}" for kind in ("markov", "generations", "gaussian", "autoregressions")}
    assert not [name for name in imported(path) if name.rsplit(".", 1)[0] in kinds or name in kinds]
