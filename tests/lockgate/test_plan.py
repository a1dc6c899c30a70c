"""The plan as a person reads it."""

from __future__ import annotations

from lockgate.errors import refused
from lockgate.plan import Finding, Plan, markdown

PLAN = Plan(
    "sample", "1.1.0", "1.0.0", "v1.1.0", "octo/sample", "main", "a" * 40,
    settings=(
        ("branch", "main", "origin's HEAD"),
        ("import-name", "sample", "the repository has src/sample/__init__.py"),
        ("approvers", "", "default"),
        ("migrations", "**/migrations/*.py", "default"),
    ),
    findings=(Finding("version", "1.1.0 is free", warnings=("a first\nrelease | of *this* name",)),),
)  # fmt: skip


def test_settings_that_were_found_come_before_the_defaults() -> None:
    found, defaults = markdown(PLAN).split("## Settings left to their defaults")
    assert "| branch | `main` | origin's HEAD |" in found
    assert "| approvers | none | default |" in defaults
    assert "| migrations | `**/migrations/*.py` | default |" in defaults


def test_texts_mean_nothing_but_themselves() -> None:
    text = markdown(PLAN)
    assert "the repository has src/sample/\\_\\_init\\_\\_.py |" in text
    assert "| 1.1.0 is free ⚠ a first release \\| of \\*this\\* name |" in text


def test_what_is_in_the_way_comes_first() -> None:
    problem = refused("the tree is dirty", "a clean one", "commit").problems
    plan = Plan(
        **{name: getattr(PLAN, name) for name in PLAN.__slots__} | {"findings": (Finding("version", "", problem),)}
    )
    above, below = markdown(plan).split("## Steps")
    assert "## In the way" in above
    assert "**Step 1:** the tree is dirty. Expected: a clean one. Next: commit." in above
    assert "dirty" not in below
