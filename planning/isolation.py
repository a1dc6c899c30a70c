"""How the project's code is kept apart in a release: what settings and machine say, and what plan and record tell of it."""

from __future__ import annotations

from typing import Literal

from clients import project_code
from lockgate.errors import Problem
from lockgate.isolation import Rights, check_isolation, in_force, warn
from planning.release import Release

Use = Literal["tests", "build"]


def rights_for(release: Release, use: Use) -> Rights:
    """What the project's code may use: `tests` (with the commands and the check of the migrations) or `build` (with the trials)."""
    settings = release.settings
    wanted = project_code.wanted(settings.isolation, release.environ)
    if use == "build":
        return Rights(wanted, network=True, variables=settings.build_environment)
    return Rights(wanted, settings.network, settings.test_environment)


def isolation_of(release: Release) -> str:
    """What is in force, as plan and record say it."""
    return in_force(rights_for(release, "build").isolation, project_code.means())


def look_at_isolation(release: Release, use: Use) -> tuple[str, tuple[Problem, ...], tuple[str, ...]]:
    """The words for a plan's line, and the problems and the warning that belong to it."""
    rights, means = rights_for(release, use), project_code.means()
    apart = in_force(rights.isolation, means)
    says = f"; isolated by {apart}" if apart == means.bubblewrap else "; not isolated"
    says += "" if rights.network else ", without the network"
    says += f"; it gets {', '.join(rights.variables)}" if rights.variables else ""
    warning = warn(rights, means)
    return says, check_isolation(rights, means), (warning,) if warning else ()
