"""What counts of the wish for isolation, and what is said of it."""

from __future__ import annotations

import pytest

from lockgate.isolation import Means, Rights, Wanted, check_isolation, in_force, stricter, warn

HERE = Means("bubblewrap 0.8.0")
NOT_HERE = Means("", "bubblewrap is not installed")


@pytest.mark.parametrize(
    ("setting", "machine", "counts"),
    [
        ("auto", "", "auto"), ("none", "", "none"), ("required", "", "required"),
        ("none", "auto", "auto"), ("none", "required", "required"), ("required", "none", "required"), ("auto", "none", "auto"),
        ("none", "Requred", "required"),
    ],
)  # fmt: skip
def test_the_machine_makes_stricter_and_never_laxer(setting: Wanted, machine: str, counts: str) -> None:
    assert stricter(setting, machine) == counts


@pytest.mark.parametrize(
    ("rights", "means", "says", "refuses", "warns"),
    [
        (Rights(), HERE, "bubblewrap 0.8.0", "", False),
        (Rights(), NOT_HERE, "none: bubblewrap is not installed", "", True),
        (Rights("none"), HERE, "none: the settings say so", "", True),
        (Rights("required"), HERE, "bubblewrap 0.8.0", "", False),
        (Rights("required"), NOT_HERE, "none: bubblewrap is not installed", "isolation is 'required'", True),
        (Rights(network=False), HERE, "bubblewrap 0.8.0", "", False),
        (Rights(network=False), NOT_HERE, "none: bubblewrap is not installed", "network is false", True),
        (Rights("none", network=False), HERE, "none: the settings say so", "network is false", True),
    ],
)
def test_what_is_in_force_is_said(rights: Rights, means: Means, says: str, refuses: str, *, warns: bool) -> None:
    assert in_force(rights.isolation, means) == says
    problems = check_isolation(rights, means)
    assert [problem.seen.startswith(refuses) for problem in problems] == ([True] if refuses else [])
    assert bool(warn(rights, means)) == warns
