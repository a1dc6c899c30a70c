"""The layout and the direction of imports, as design says; one page of ast."""

from __future__ import annotations

import ast
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
ALLOWED: dict[str, set[str]] = {
    "lockgate": set(),
    "clients": {"lockgate"},
    "planning": {"clients", "lockgate"},
    "tasks": {"planning", "clients", "lockgate"},
    "flows": {"tasks", "planning", "clients", "lockgate"},
    "cli": {"flows", "tasks", "planning", "clients", "lockgate", "sandbox"},
    "sandbox": set(),
}
FOUNDATIONS = {
    "clients": {
        "clients.answers",
        "clients.hosts",
        "clients.http",
        "clients.process",
        "clients.project_code",
        "clients.installer_settings",
        "clients.github_api",
        "clients.git_process",
        "clients.inside",
        "clients.own_files",
    },
    "tasks": {
        "tasks.policy",
        "tasks.work",
        "tasks.exporting",
        "tasks.showing",
        "tasks.progress",
        "tasks.credentials",
        "tasks.github_release",
    },
}
WITHOUT_PREFECT = {"lockgate", "clients", "planning", "sandbox"}
MAX_MODULE_LINES = 400
MAX_FUNCTION_LINES = 60


def modules(package: str) -> list[Path]:
    """The modules of one of our packages."""
    return sorted((ROOT / package).rglob("*.py"))


def imported(path: Path) -> Iterator[str]:
    """The full names of what a module imports, wherever in it."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path} imports relatively"
            yield node.module or ""
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


@pytest.mark.parametrize("package", ALLOWED)
def test_imports_go_one_way(package: str) -> None:
    for path in modules(package):
        ours = {name.split(".")[0] for name in imported(path)} & set(ALLOWED)
        assert ours <= ALLOWED[package] | {package}, f"{path.relative_to(ROOT)} imports {ours - ALLOWED[package]}"


@pytest.mark.parametrize("package", FOUNDATIONS)
def test_siblings_share_foundations_only(package: str) -> None:
    siblings = {f"{package}.{path.stem}" for path in modules(package)}
    for path in modules(package):
        if f"{package}.{path.stem}" in FOUNDATIONS[package]:
            continue
        used = set(imported(path)) & siblings - FOUNDATIONS[package]
        assert not used, f"{path.relative_to(ROOT)} imports its siblings {used}"


@pytest.mark.parametrize("package", sorted(WITHOUT_PREFECT))
def test_prefect_stays_in_flows_and_tasks(package: str) -> None:
    for path in modules(package):
        assert not [name for name in imported(path) if name.split(".")[0] == "prefect"], path


def test_domain_imports_no_client_libraries() -> None:
    for path in modules("lockgate"):
        roots = {name.split(".")[0] for name in imported(path)} - set(sys.stdlib_module_names)
        assert roots <= {"lockgate", "packaging", "yaml", "tomlkit", "trove_classifiers", "__future__"}, (
            f"{path}: {roots}"
        )


@pytest.mark.parametrize("package", ALLOWED)
def test_budgets_hold(package: str) -> None:
    for path in modules(package):
        assert path.read_text().count("\n") <= MAX_MODULE_LINES, path
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                assert (node.end_lineno or 0) - node.lineno < MAX_FUNCTION_LINES, f"{path}: {node.name}"


def test_a_console_takes_every_string_for_text() -> None:
    """Markup is off in every console, and only `cli.console` uses what of rich would read it all the same."""
    reads = {
        "rich.markup",
        "rich.prompt",
        "rich.status",
        "rich.spinner",
        "rich.progress",
        "rich.markdown",
        "rich.logging",
    }
    for path in (path for package in ALLOWED for path in modules(package)):
        if path != ROOT / "cli" / "console.py":
            used = {name for name in imported(path) if any(name.startswith(one) for one in reads)}
            assert not used - {"rich.status", "rich.status.Status"}, f"{path.relative_to(ROOT)} uses {used}"
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Attribute):
                assert node.attr not in {"from_markup", "print_exception"}, path
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "Console":
                given = {word.arg: word.value for word in node.keywords}
                markup = given.get("markup")
                assert isinstance(markup, ast.Constant), f"{path.relative_to(ROOT)} makes a console that reads markup"
                assert markup.value is False, f"{path.relative_to(ROOT)} makes a console that reads markup"


def test_every_package_is_installed() -> None:
    named = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]["packages"]
    found = {path.parent.name for path in ROOT.glob("*/__init__.py")}
    assert set(named) == found == set(ALLOWED)


def test_nothing_is_called_utils() -> None:
    assert not [path for package in ALLOWED for path in modules(package) if "util" in path.stem]


def test_tests_are_no_packages() -> None:
    assert not list((ROOT / "tests").rglob("__init__.py"))


@pytest.mark.parametrize("package", ALLOWED)
def test_nothing_but_a_literal_is_a_format_string(package: str) -> None:
    for path in modules(package):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Attribute) and node.attr in {"format", "format_map", "vformat"}:
                assert isinstance(node.value, ast.Constant), f"{path}:{node.lineno} formats what may be anybody's text"
            if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mod):
                is_literal = isinstance(node.left, ast.Constant) or isinstance(getattr(node.right, "value", None), int)
                assert is_literal or not _gives_text(node.left), f"{path}:{node.lineno}"
        assert not set(imported(path)) & {"string.Template", "string.Formatter"}, path


def _gives_text(node: ast.expr) -> bool:
    """Whether `node % …` may be formatting: everything but a length, a literal number or a name spelled as a count."""
    is_length = isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in {"len", "int", "ord"}
    return not is_length


FOR_PEOPLE = {"cli/init.py"}
"""Modules that cut lines only to show them: a diff."""


@pytest.mark.parametrize("package", sorted(set(ALLOWED) - {"sandbox"}))
def test_machine_formats_are_cut_at_line_feeds(package: str) -> None:
    for path in modules(package):
        uses = [node for node in ast.walk(ast.parse(path.read_text())) if getattr(node, "attr", "") == "splitlines"]
        assert not uses or str(path.relative_to(ROOT)) in FOR_PEOPLE, f"{path}: see lockgate/lines.py"


def test_gitpython_is_not_hidden_by_our_git_module() -> None:
    import git

    assert "GitPython" in (git.__doc__ or "") or hasattr(git, "Repo")
