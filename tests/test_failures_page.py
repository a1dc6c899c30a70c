"""docs/failures.md names a test for every failure, and every one of those tests exists."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PAGE = (ROOT / "docs" / "failures.md").read_text(encoding="utf-8")
TABLE = PAGE[PAGE.index("| failure |") : PAGE.index("## When main moves")]
ROWS = [row.strip("|").split("|") for row in TABLE.strip().splitlines()[2:]]
FAILURES = 19


def names_of_tests() -> set[str]:
    tree = ast.parse((ROOT / "tests" / "test_failures.py").read_text(encoding="utf-8"))
    return {node.name for node in tree.body if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")}


def test_every_failure_is_told_with_what_is_done_and_a_test() -> None:
    assert len(ROWS) == FAILURES
    assert all(len(row) == 3 and all(cell.strip() for cell in row) for row in ROWS)


def test_the_named_tests_are_the_tests_that_there_are() -> None:
    named = [name for row in ROWS for name in re.findall(r"`(\w+)`", row[2])]
    assert sorted(named) == sorted(names_of_tests())


@pytest.mark.parametrize("place", sorted(set(re.findall(r"`(tests/[\w/]+\.py(?:::\w+)?)`", PAGE))))
def test_every_other_place_that_is_named_exists(place: str) -> None:
    path, _, name = place.partition("::")
    tree = ast.parse((ROOT / path).read_text(encoding="utf-8"))
    assert not name or name in {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}
