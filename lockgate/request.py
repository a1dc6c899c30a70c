"""What somebody asks for: the parameters of a release, and the form in Prefect's pages."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, Literal

from lockgate.texts import one_line


def _without_secrets(schema: dict[str, Any]) -> None:
    """Let Prefect's server refuse no repository, and a URL with a token in it, before it stores either."""
    user_of_http = "[^/]*[hH][tT][tT][pP][sS]?://[^/]*@"
    password = "[^/]*://[^/]*:[^/]*@"  # noqa: S105 - where one would be, not one
    schema["properties"]["repository"] |= {"minLength": 1, "pattern": rf"^(?!{user_of_http})(?!{password})\S.*"}


@dataclass(frozen=True, slots=True)
class Request:
    """One release that somebody wants."""

    # Prefect makes its form from this class through pydantic, which then takes the texts below as descriptions.
    __pydantic_config__: ClassVar[dict[str, Any]] = {
        "use_attribute_docstrings": True, "extra": "forbid", "json_schema_extra": _without_secrets,
    }  # fmt: skip

    repository: str
    """The repository: its URL, without a user, password or token in it, or a folder on the machine of the worker."""

    version: str = ""
    """A version such as 1.4.0, or patch, minor, major, alpha, beta, rc, final. Empty: the one that the repository states."""

    branch: str = ""
    """The release branch. Empty: the one in the project's settings, or else the one that origin's HEAD names."""

    dry_run: bool = False
    """Only make the plan: what every step would do, and what is in the way. Nothing is changed."""

    requested_by: str = ""
    """Who asks. Recorded in the release fixture; where two persons are required, this one may not approve."""

    approve_all: bool = False
    """Answer every checkpoint with yes, in the name of who asks. For releases that nobody needs to look at."""

    tested: str = ""
    """A link to the run of the complete test suite, or words on it. Needed with "approve all" when the project has no test command
    and no checks on GitHub; otherwise the person who is asked sees it."""

    unattended: bool = False
    """Nobody is there to resolve a conflict with the repository: stop in a named state. Checkpoints still ask."""

    restart: bool = False
    """Begin anew from the newest main, whatever an earlier start did so far. Refused once the tag is out."""

    commit: str = ""
    """Go on with this release commit of an earlier start, although main has newer commits, or it was declined, aborted or
    expired. Recorded with who asks. Empty: such a release begins anew from main."""

    when_busy: Literal["wait", "refuse"] = "wait"
    """When another release of this repository is under way or waits for a person: wait for it to end, or refuse."""

    @property
    def label(self) -> str:
        """What is asked for, as a name for a run."""
        return one_line(f"{self.repository} {self.version}".strip(), 200)
