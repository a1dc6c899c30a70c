"""The identity that a publish run presents to the index, and the one that the index knew before.

Source of the matching rules: the index's own code (warehouse, oidc/models/github.py); it compares owner, repository,
workflow file and, when one is registered, the environment. It does not look at the ref.
"""

from __future__ import annotations

from dataclasses import dataclass

from lockgate.errors import Problem
from lockgate.publication import Publisher
from lockgate.workflow_search import PublishWorkflow


@dataclass(frozen=True, slots=True)
class PublisherClaims:
    """What the publish run will claim to be."""

    owner: str
    repository: str
    workflow: str
    environment: str
    ref: str


def claims_for(workflow: PublishWorkflow, *, repository: str, tag: str) -> PublisherClaims:
    """The claims of a run of this workflow for this tag; `repository` is "owner/name"."""
    owner, _, name = repository.partition("/")
    return PublisherClaims(owner, name, workflow.file, workflow.environment, f"refs/tags/{tag}")


def identity_of(claims: PublisherClaims) -> str:
    """The claims as the setting `publisher` states them: owner/repository/workflow.yml@environment, without @ when any."""
    return _identity(f"{claims.owner}/{claims.repository}", claims.workflow, claims.environment)


def moved_from(claims: PublisherClaims, previous: Publisher | None) -> str:
    """Who published the previous release, if that was another publisher than these claims name; else ""."""
    if previous is None or not _differences(claims, previous):
        return ""
    return f"{previous.kind} {_identity(previous.repository, previous.workflow, previous.environment)}"


def compare_claims(claims: PublisherClaims, previous: Publisher | None, *, stated: str = "") -> tuple[Problem, ...]:
    """Every field in which the coming run differs from the publisher of the previous release; none without one.

    Repository and environment are compared without regard to letter case, the workflow file exactly, as the index does.
    `stated` is the project's own word for who publishes now: a move that it states exactly is none of a problem, and a run
    that is not exactly what it states always is.
    """
    if stated and stated != identity_of(claims):
        return (
            Problem(
                f"`publisher` states {stated!r}, and the run will present {identity_of(claims)!r}",
                "the very claims of the run, letter by letter",
                "correct `publisher` under [tool.lockgate] in pyproject.toml, or the workflow",
            ),
        )
    if stated or previous is None:
        return ()
    return tuple(_difference(claims, *fields) for fields in _differences(claims, previous))


def _differences(claims: PublisherClaims, previous: Publisher) -> list[tuple[str, str, str]]:
    if previous.kind.lower() != "github":
        return [("kind", "GitHub", previous.kind)]
    slug = f"{claims.owner}/{claims.repository}"
    found = []
    if slug.lower() != previous.repository.lower():
        found.append(("repository", slug, previous.repository))
    if claims.workflow != previous.workflow:
        found.append(("workflow", claims.workflow, previous.workflow))
    if previous.environment and claims.environment.lower() != previous.environment.lower():
        found.append(("environment", claims.environment, previous.environment))
    return found


def _difference(claims: PublisherClaims, field: str, coming: str, known: str) -> Problem:
    return Problem(
        seen=f"the run will present the {field} {coming!r}; the previous release was published by {known!r}",
        expected=f"the {field} of the Trusted Publisher that the index has for the project",
        next="change the workflow back; or, if the project really moved, register the new Trusted Publisher on the index and"
        f' state `publisher = "{identity_of(claims)}"` under [tool.lockgate] in pyproject.toml',
    )


def _identity(repository: str, workflow: str, environment: str) -> str:
    return f"{repository}/{workflow}" + (f"@{environment}" if environment else "")
