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


def compare_claims(claims: PublisherClaims, previous: Publisher | None) -> tuple[Problem, ...]:
    """Every field in which the coming run differs from the publisher of the previous release; none without one.

    Repository and environment are compared without regard to letter case, the workflow file exactly, as the index does.
    """
    if previous is None:
        return ()
    if previous.kind.lower() != "github":
        return (_difference("kind", "GitHub", previous.kind),)
    slug = f"{claims.owner}/{claims.repository}"
    problems = []
    if slug.lower() != previous.repository.lower():
        problems.append(_difference("repository", slug, previous.repository))
    if claims.workflow != previous.workflow:
        problems.append(_difference("workflow", claims.workflow, previous.workflow))
    if previous.environment and claims.environment.lower() != previous.environment.lower():
        problems.append(_difference("environment", claims.environment, previous.environment))
    return tuple(problems)


def _difference(field: str, coming: str, known: str) -> Problem:
    return Problem(
        seen=f"the run will present the {field} {coming!r}; the previous release was published by {known!r}",
        expected=f"the {field} of the Trusted Publisher that the index has for the project",
        next=f"change the workflow back, or register a Trusted Publisher with the {field} {coming!r} on the index",
    )
