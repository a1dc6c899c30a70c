"""What somebody asks for: the parameters of a release."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Request:
    """One release that somebody wants.

    Attributes:
        repository: The repository: a folder on the machine that runs this, or a URL that git understands.
        version: A version (PEP 440), or patch, minor, major, alpha, beta, rc, final; empty means what the repository says.
        branch: The release branch; empty means the settings', or else the branch that origin's HEAD names.
        dry_run: Make the plan, change nothing.
        requested_by: Who asks; goes to the release fixture.
        approve_all: Answer every checkpoint with yes, in the name of who asks.
        unattended: Nobody is there to resolve a conflict: stop in a named state instead of asking.
    """

    repository: str
    version: str = ""
    branch: str = ""
    dry_run: bool = False
    requested_by: str = ""
    approve_all: bool = False
    unattended: bool = False
