"""The rooms keep their doors: which room imports which, where a library may be touched, how long a file may get."""

from __future__ import annotations

import ast
import functools
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
ROOMS = ("sandbox", "runs", "k8s", "bot", "cli", "playground")
MAY_IMPORT = {
    "sandbox": {"sandbox"},
    "runs": {"runs", "sandbox"},
    "k8s": {"k8s", "runs", "sandbox"},
    "bot": {"bot", "runs", "sandbox"},
    "cli": {"cli", "bot", "k8s", "runs", "sandbox", "playground"},
    "playground": {"playground"},
}
TELEGRAM_EDGES = {
    "bot/app.py",
    "bot/connections.py",
    "bot/incoming.py",
    "bot/members.py",
    "bot/router.py",
    "bot/speaker.py",
}
METRICS = {"bot/metrics.py", "bot/present.py", "bot/scrape.py"}
MOST_LINES = 400
MOST_FUNCTION_LINES = 50
MOST_PARAMETERS = 5
COMMANDS = (
    "cli/installing.py",
    "cli/making.py",
    "cli/on_cluster.py",
    "cli/on_machine.py",
    "cli/task_options.py",
)
"""Here each function is a command, and each parameter one of its options."""
OVERRIDES = {"redirect_request"}
"""The standard library says which parameters they have."""

FILES = sorted(
    path.relative_to(ROOT).as_posix()
    for room in (*ROOMS, "tests", "bench")
    for path in (ROOT / room).rglob("*.py")
)
PRODUCT = [name for name in FILES if name.split("/")[0] in ROOMS]


@functools.cache
def parsed(name: str) -> ast.Module:
    return ast.parse((ROOT / name).read_text(encoding="utf-8"))


def imported(name: str) -> set[str]:
    """Return the top names of all modules that a file imports, anywhere in it."""
    found: set[str] = set()
    for node in ast.walk(parsed(name)):
        if isinstance(node, ast.Import):
            found |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            found.add(node.module.split(".")[0])
    return found


def needed(name: str) -> set[str]:
    """Return the other files of the product that a file imports, anywhere in it."""
    found: set[str] = set()
    for node in ast.walk(parsed(name)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    paths = {
        f"{module.replace('.', '/')}{end}" for module in found for end in (".py", "/__init__.py")
    }
    return paths & set(PRODUCT) - {name}


def parameters(function: ast.FunctionDef | ast.AsyncFunctionDef) -> list[str]:
    """Return the names of what a caller hands over."""
    arguments = function.args
    every = (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs)
    return [one.arg for one in every if one.arg not in ("self", "cls")]


def test_every_room_that_exists_is_looked_at() -> None:
    assert {name.split("/")[0] for name in PRODUCT} >= {
        "sandbox",
        "runs",
        "bot",
        "cli",
        "playground",
    }


@pytest.mark.parametrize("name", PRODUCT)
def test_a_room_imports_only_the_rooms_below_it(name: str) -> None:
    room = name.split("/")[0]
    assert (imported(name) & set(ROOMS)) <= MAY_IMPORT[room]


@pytest.mark.parametrize("name", [name for name in PRODUCT if name.startswith("sandbox/")])
def test_the_sandbox_needs_the_standard_library_only(name: str) -> None:
    import sys

    assert imported(name) <= {"sandbox", *sys.stdlib_module_names}


@pytest.mark.parametrize("name", PRODUCT)
def test_telegram_and_kubernetes_are_touched_at_their_edges_only(name: str) -> None:
    names = imported(name)
    assert "telegram" not in names or name in TELEGRAM_EDGES
    assert "kubernetes" not in names or name.startswith("k8s/")
    web = ("playground/", "cli/", "k8s/api.py", "bot/scrape.py")
    assert not names & {"aiohttp"} or name.startswith(web)
    assert "prometheus_client" not in names or name in METRICS


@pytest.mark.parametrize("name", PRODUCT)
def test_the_environment_is_read_in_entry_points_only(name: str) -> None:
    if name.startswith("cli/") or name.endswith("__main__.py"):
        return
    tree = parsed(name)
    main = [
        node
        for node in tree.body
        if isinstance(node, ast.If) and ast.unparse(node.test) == "__name__ == '__main__'"
    ]
    inside = {id(inner) for block in main for inner in ast.walk(block)}
    touched = [
        node.lineno
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute)
        and ast.unparse(node) in ("os.environ", "os.getenv")
        and id(node) not in inside
    ]
    assert not touched, f"{name}:{touched}"


def test_every_package_is_installed() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    found = {
        Path(name).parent.as_posix().replace("/", ".")
        for name in PRODUCT
        if name.endswith("/__init__.py") and "demo_project" not in name
    }
    assert found <= set(project["tool"]["setuptools"]["packages"])


@pytest.mark.parametrize("name", FILES)
def test_no_file_is_longer_than_a_person_reads(name: str) -> None:
    assert len((ROOT / name).read_text(encoding="utf-8").splitlines()) <= MOST_LINES


@pytest.mark.parametrize("name", PRODUCT)
def test_no_function_is_longer_than_a_screen(name: str) -> None:
    tree = parsed(name)
    long = [
        f"{node.name} ({(node.end_lineno or 0) - node.lineno + 1})"
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and (node.end_lineno or 0) - node.lineno + 1 > MOST_FUNCTION_LINES
    ]
    assert not long


@pytest.mark.parametrize("name", [name for name in PRODUCT if name not in COMMANDS])
def test_no_function_has_more_parameters_than_a_caller_remembers(name: str) -> None:
    tree = parsed(name)
    many = [
        f"{node.name} ({len(parameters(node))})"
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and len(parameters(node)) > MOST_PARAMETERS
        and node.name not in OVERRIDES
    ]
    assert not many


def test_no_file_needs_itself_by_way_of_others() -> None:
    needs = {name: needed(name) for name in PRODUCT}
    while loose := [name for name, others in needs.items() if not others & set(needs)]:
        for name in loose:
            del needs[name]
    assert not needs, "each of these is in a circle of imports, or needs one that is"


@pytest.mark.parametrize("name", PRODUCT)
def test_a_file_is_named_by_what_it_is(name: str) -> None:
    assert Path(name).stem not in {"utils", "helpers", "common", "manager", "base", "misc"}
