"""Sets of installed packages that are known to break."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from packaging.specifiers import SpecifierSet

from lockgate.errors import Problem

PREFECT = SpecifierSet("==3.8.*")


class Bad(NamedTuple):
    """A package that breaks Prefect's server from a version on, and how it shows."""

    package: str
    since: str
    shows: str


BAD = (
    Bad("fastapi", "0.156", "Prefect's server does not start"),
    Bad("sqlalchemy", "2.1", "Prefect's server starts, and then starts no run of any schedule"),
)


def broken_sets(versions: Mapping[str, str]) -> tuple[Problem, ...]:
    """What is wrong with these installed versions by name; nothing is known of another Prefect than 3.8."""
    prefect = versions.get("prefect", "")
    if not prefect or not PREFECT.contains(prefect, prereleases=True):
        return ()
    return tuple(
        Problem(
            f"prefect {prefect} is installed with {one.package} {versions[one.package]}: with these {one.shows}",
            f"{one.package} older than {one.since}",
            f"install `{one.package}<{one.since}`; Lockgate's constraints.txt has the set that was tested",
        )
        for one in BAD
        if one.package in versions
        and SpecifierSet(f">={one.since}.dev0").contains(versions[one.package], prereleases=True)
    )
