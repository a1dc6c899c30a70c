"""Verifies the attestations of files on the index (PEP 740) with pypi-attestations; says whose they are.

Says nothing of whether that is right for a release: lockgate/attestations.py compares.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from lockgate.attestations import Certificate
from lockgate.errors import Problem, RefusedError, UnavailableError

if TYPE_CHECKING:
    from pypi_attestations import Attestation, Distribution, GitHubPublisher, Provenance

GITHUB: Final = "https://github.com/"
# github.com/sigstore/fulcio/blob/main/docs/oid-info.md
OID: Final = "1.3.6.1.4.1.57264.1."
REPOSITORY, COMMIT, REF, BUILD_CONFIG, TRIGGER, RUN = (OID + number for number in ("12", "13", "14", "18", "20", "21"))


def verify(
    provenance: str, *, name: str, sha256: str, repository: str, workflow: str, refresh: bool = True
) -> tuple[Certificate, ...]:
    """Check every attestation in a provenance object and give the claims of their certificates; () when there is none.

    Each must be signed for exactly this file name and sha256 by `workflow` (a file name) of `repository` ("owner/name")
    on GitHub. Verified first with the keys that are at hand and, when those fail and `refresh` is true, once more
    with Sigstore's current ones. Raises RefusedError when one does not verify or cannot be read, UnavailableError
    when that cannot be told without Sigstore's keys and they cannot be fetched.
    """
    # Imported where it is needed: it costs 0.8 s, and only the last steps verify.
    from pypi_attestations import Distribution

    try:
        distribution = Distribution(name=name, digest=sha256)
    except ValueError as error:
        raise _refused(name, f"has a name that no standard describes ({error})") from error
    attestations = [one for bundle in _parse(provenance, name).attestation_bundles for one in bundle.attestations]
    return tuple(_verify_one(one, distribution, repository, workflow, refresh=refresh) for one in attestations)


def _parse(provenance: str, name: str) -> Provenance:
    from pydantic import ValidationError
    from pypi_attestations import Provenance

    try:
        return Provenance.model_validate_json(provenance)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        raise _refused(name, f"cannot be read: {where}: {first['msg']}") from error


def _verify_one(
    attestation: Attestation, distribution: Distribution, repository: str, workflow: str, *, refresh: bool
) -> Certificate:
    from pyasn1.error import PyAsn1Error  # type: ignore[import-untyped] # comes with pypi-attestations
    from pypi_attestations import GitHubPublisher

    try:
        claims = attestation.certificate_claims
    except (ValueError, PyAsn1Error) as error:
        raise _refused(distribution.name, f"has a certificate that cannot be read: {error}") from error
    made = _certificate(distribution.name, claims)
    # Compared here too: newer keys, which a failed verification asks for, cannot mend a foreign name.
    if (made.repository.casefold(), made.workflow) != (repository.casefold(), workflow):
        seen = f"was made by {made.workflow!r} of {made.repository!r} instead of {workflow!r} of {repository!r}"
        raise _refused(distribution.name, seen)
    # GitHub's names have no case but the library's comparison has, so it gets the certificate's own spelling.
    publisher = GitHubPublisher(repository=made.repository, workflow=workflow)
    return replace(made, predicate=_check(attestation, publisher, distribution, refresh=refresh))


def _check(attestation: Attestation, publisher: GitHubPublisher, distribution: Distribution, *, refresh: bool) -> str:
    import sigstore.errors
    from pypi_attestations import AttestationError

    try:
        return attestation.verify(publisher, distribution, offline=True)[0]
    except AttestationError as error:
        # Without a cause of sigstore's it is about the file itself, and newer keys would not change it.
        keys_matter = isinstance(error.__cause__, sigstore.errors.Error)
        if not (refresh and keys_matter):
            raise _refused(distribution.name, f"does not verify: {error}") from error
    except sigstore.errors.Error as error:
        raise _no_keys(distribution.name, error) from error
    except OSError as error:
        raise _no_folder(distribution.name, error) from error
    return _check_with_current_keys(attestation, publisher, distribution)


def _check_with_current_keys(attestation: Attestation, publisher: GitHubPublisher, distribution: Distribution) -> str:
    import sigstore.errors
    from pypi_attestations import AttestationError

    try:
        return attestation.verify(publisher, distribution)[0]
    except AttestationError as error:
        raise _refused(distribution.name, f"does not verify: {error}") from error
    except sigstore.errors.Error as error:
        raise _no_keys(distribution.name, error) from error


def _certificate(name: str, claims: dict[str, str]) -> Certificate:
    run_url = claims.get(RUN, "")
    run = re.search(r"/actions/runs/(\d+)", run_url)
    workflow = claims.get(BUILD_CONFIG, "").partition("@")[0].rpartition("/")[2]
    return Certificate(
        file=name,
        predicate="",
        repository=claims.get(REPOSITORY, "").removeprefix(GITHUB),
        commit=claims.get(COMMIT, ""),
        ref=claims.get(REF, ""),
        workflow=workflow,
        trigger=claims.get(TRIGGER, ""),
        run_url=run_url,
        run_id=run[1] if run else "",
    )


def _refused(name: str, seen: str) -> RefusedError:
    return RefusedError(
        Problem(
            f"The attestation of {name} on the index {seen}",
            "a signature of this release's publish workflow for exactly these bytes",
            "do not announce this release before you know who uploaded the file; if the index uses a newer format, "
            "update pypi-attestations",
        )
    )


def _no_keys(name: str, error: Exception) -> UnavailableError:
    return UnavailableError(
        Problem(
            f"The attestation of {name} does not verify with the keys at hand, newer ones cannot be had: {error}",
            "Sigstore's current keys",
            "let this machine reach Sigstore's key repository; the same check runs again",
        )
    )


def _no_folder(name: str, error: OSError) -> RefusedError:
    return RefusedError(
        Problem(
            f"Sigstore's keys cannot be kept on this machine to verify {name}: {error}",
            "a home folder that can be written to",
            "set HOME, or XDG_DATA_HOME and XDG_CACHE_HOME, to folders that this process may write to",
        )
    )
