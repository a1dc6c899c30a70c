"""What every stand-in is given: the state, the faults, the repository, the addresses, and the starter of runs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from sandbox.faults import Faults
from sandbox.git_repository import Repository
from sandbox.state import JSON, State

SETTINGS = "sandbox.json"
REPOSITORY = "github/repository.json"


class StoppedError(Exception):
    """The sandbox closes; what is under way stays as it is and is taken up at the next start."""


@dataclass
class Context:
    """One sandbox, as its services see it."""

    state: State
    faults: Faults
    origin: Repository
    addresses: dict[str, str] = field(default_factory=dict)
    start_run: Callable[[int], None] = lambda _: None
    move_main: Callable[[Mapping[str, Any]], str] = lambda _: ""
    stopping: bool = False

    @property
    def settings(self) -> JSON:
        """What was fixed when the sandbox was made, and the token's permissions."""
        return self.state.read(SETTINGS)

    @property
    def repository(self) -> JSON:
        """The repository's settings on GitHub: default branch, rules, environments, immutability."""
        return self.state.read(REPOSITORY)

    @property
    def slug(self) -> str:
        """`owner/name` of the repository."""
        return str(self.settings["slug"])

    @property
    def owner(self) -> str:
        """The repository's owner."""
        return self.slug.split("/")[0]

    @property
    def name(self) -> str:
        """The repository's name without its owner."""
        return self.slug.split("/")[1]

    @property
    def default_branch(self) -> str:
        """The release branch."""
        return str(self.repository["default_branch"])

    @property
    def web(self) -> str:
        """The web server's address, base of every html_url."""
        return self.addresses["github"]

    @property
    def api(self) -> str:
        """The REST API's address of the one repository."""
        return f"{self.web}/api/v3/repos/{self.slug}"

    def keep_going(self) -> None:
        """Raise StoppedError when the sandbox closes."""
        if self.stopping:
            raise StoppedError

    def update_repository(self, **changes: object) -> None:
        """Change settings of the repository on GitHub."""
        with self.state.lock:
            self.state.write(REPOSITORY, {**self.repository, **changes})

    def permission(self, name: str) -> str:
        """What the token may do: `none`, `read` or `write`."""
        return str(self.settings["permissions"].get(name, "none"))
