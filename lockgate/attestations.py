"""What the certificate of an attestation claims, compared with the release it should belong to (PEP 740).

Pure: the signatures are checked in clients/attestations.py. A certificate is what ties a file on the index to the run,
the commit and the tag it came from; the claims are described in Fulcio's oid-info.md (1.3.6.1.4.1.57264.1.*).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from lockgate.errors import Problem

NEXT = (
    "do not announce this release: find the run that uploaded the file, and yank the version unless you can explain it"
)


@dataclass(frozen=True, slots=True)
class Certificate:
    """The claims of one verified attestation about one file.

    `repository` is "owner/name", `ref` a full one such as refs/tags/v1.0, `workflow` the file's name, `run_id` "" where
    the certificate names no run.
    """

    file: str
    predicate: str
    repository: str
    commit: str
    ref: str
    workflow: str
    trigger: str
    run_url: str
    run_id: str


@dataclass(frozen=True, slots=True)
class ReleaseIdentity:
    """What the certificates of a release must claim; `run_id` "" leaves the run unchecked."""

    repository: str
    workflow: str
    commit: str
    tag: str
    run_id: str = ""


def compare_certificate(certificate: Certificate, expected: ReleaseIdentity) -> tuple[Problem, ...]:
    """Every claim that is not this release's, one problem each; repository names are compared without case."""
    claims = (
        ("repository", certificate.repository.casefold(), expected.repository.casefold()),
        ("workflow file", certificate.workflow, expected.workflow),
        ("commit", certificate.commit, expected.commit),
        ("ref", certificate.ref, f"refs/tags/{expected.tag}"),
        ("run", certificate.run_id, expected.run_id or certificate.run_id),
    )
    return tuple(
        Problem(
            f"The attestation of {certificate.file} was made for the {claim} {found or 'that it does not name'!r}",
            f"the {claim} of this release, {wanted!r}",
            NEXT,
        )
        for claim, found, wanted in claims
        if found != wanted
    )


def attestation_problems(
    names: Sequence[str], certificates: Sequence[Certificate], expected: ReleaseIdentity, *, required: bool
) -> tuple[Problem, ...]:
    """What is wrong with the attestations of a release's files.

    A file without any is a problem only when they are `required`, that is when the publish workflow makes them and the
    index takes them; a claim of another release always is.
    """
    attested = {certificate.file for certificate in certificates}
    bare = tuple(
        Problem(
            f"The index has no attestation for {name}",
            "one made by this release's run, since its workflow makes attestations",
            "see in the publish run's log whether attestations were uploaded",
        )
        for name in names
        if required and name not in attested
    )
    return bare + tuple(problem for found in certificates for problem in compare_certificate(found, expected))
